"""See `ReceptiveFieldExplorer`."""

from unet_lib.widgets.receptive_field.receptive_field import ReceptiveFieldExplorer

__all__ = ["ReceptiveFieldExplorer"]
