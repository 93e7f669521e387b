"""See `ShapeExplorer`."""

from unet_lib.widgets.shape_explorer.shape_explorer import ShapeExplorer

__all__ = ["ShapeExplorer"]
