"""See `FeatureExplorer`."""

from unet_lib.widgets.feature_explorer.feature_explorer import FeatureExplorer

__all__ = ["FeatureExplorer"]
