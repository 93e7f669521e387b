"""The networks that a checkpoint may hold, and how to get one from its configuration."""

from collections.abc import Mapping
from typing import Any

from unet_lib.models.architecture import UNetConfig
from unet_lib.models.common import first_weights
from unet_lib.models.efficientnet_unet import LiteConfig, LiteUNet
from unet_lib.models.unet import UNet

Config = UNetConfig | LiteConfig
Network = UNet | LiteUNet


def configured(settings: Mapping[str, Any]) -> Config:
    """A configuration from a network's `settings()`. Raises ShapeError or TypeError for what describes none."""
    return LiteConfig(**settings) if "encoder" in settings else UNetConfig(**settings)


def network(config: Config) -> Network:
    """The network with random first weights."""
    return LiteUNet(config) if isinstance(config, LiteConfig) else UNet(config)


def build(config: Config | Mapping[str, Any], seed: int) -> Network:
    """A fresh network whose first weights depend on `seed` alone; `config` may be plain data, as in a card."""
    with first_weights(seed):
        return network(configured(config) if isinstance(config, Mapping) else config)
