"""The networks that a checkpoint may hold, and how to get one from its configuration."""

from collections.abc import Mapping
from typing import Any

from unet_lib.lite_unet import LiteConfig, LiteUNet
from unet_lib.model import UNet, first_weights
from unet_lib.shapes import UNetConfig

Config = UNetConfig | LiteConfig
Network = UNet | LiteUNet


def configured(settings: Mapping[str, Any]) -> Config:
    """A configuration from a network's `settings()`. Raises ShapeError or TypeError for what describes none."""
    return LiteConfig(**settings) if "encoder" in settings else UNetConfig(**settings)


def network(config: Config) -> Network:
    """The network with random first weights."""
    return LiteUNet(config) if isinstance(config, LiteConfig) else UNet(config)


def build(config: Config, seed: int) -> Network:
    """A fresh network whose first weights depend on `seed` alone."""
    with first_weights(seed):
        return network(config)
