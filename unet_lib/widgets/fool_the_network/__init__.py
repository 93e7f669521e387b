"""See `FoolTheNetwork`."""

from unet_lib.widgets.fool_the_network.fool_the_network import FoolTheNetwork

__all__ = ["FoolTheNetwork"]
