"""See `SliceBrowser`."""

from unet_lib.widgets.slice_browser.slice_browser import SliceBrowser

__all__ = ["SliceBrowser"]
