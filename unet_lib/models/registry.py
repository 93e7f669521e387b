"""The networks by name: what a checkpoint may hold, and how to build it from its configuration."""

from collections.abc import Mapping
from typing import Any

from unet_lib.models.architecture import UNetConfig
from unet_lib.models.common import seeded_init
from unet_lib.models.efficientnet_unet import EfficientNetUNet, EfficientNetUNetConfig
from unet_lib.models.unet import UNet

Config = UNetConfig | EfficientNetUNetConfig
Network = UNet | EfficientNetUNet

NETWORKS: dict[str, tuple[type[Config], type[Network]]] = {
    "unet": (UNetConfig, UNet),
    "efficientnet-unet": (EfficientNetUNetConfig, EfficientNetUNet),
}


def build(config: Config | Mapping[str, Any], seed: int) -> Network:
    """A fresh network whose initial weights depend on `seed` alone; `config` may be plain data, as in a card.

    Raises ShapeError or TypeError for what describes no network.
    """
    with seeded_init(seed):
        return network(configured(config) if isinstance(config, Mapping) else config)


def network(config: Config) -> Network:
    """The network with random initial weights."""
    return next(made for kind, made in NETWORKS.values() if isinstance(config, kind))(config)  # type: ignore[arg-type]


def configured(architecture: Mapping[str, Any]) -> Config:
    """A configuration from what `described` said; a UNet's without the name. Raises KeyError or TypeError."""
    settings = dict(architecture)
    return NETWORKS[settings.pop("network", "unet")][0](**settings)


def described(network: Network) -> dict[str, Any]:
    """A network's name and configuration as plain data, for a checkpoint's header."""
    return {"network": next(name for name, (_, made) in NETWORKS.items() if isinstance(network, made)),
            **network.settings()}
