"""See `Backpropagation`."""

from unet_lib.widgets.backpropagation.backpropagation import Backpropagation

__all__ = ["Backpropagation"]
