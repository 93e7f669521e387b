"""See `PaintTumour`."""

from unet_lib.widgets.paint_tumour.paint_tumour import PaintTumour

__all__ = ["PaintTumour"]
