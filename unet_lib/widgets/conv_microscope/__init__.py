"""See `ConvMicroscope`."""

from unet_lib.widgets.conv_microscope.conv_microscope import ConvMicroscope

__all__ = ["ConvMicroscope"]
