"""See `ThresholdExplorer`."""

from unet_lib.widgets.threshold_explorer.threshold_explorer import ThresholdExplorer

__all__ = ["ThresholdExplorer"]
