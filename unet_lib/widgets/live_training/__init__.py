"""See `LiveTraining`."""

from unet_lib.widgets.live_training.live_training import LiveTraining

__all__ = ["LiveTraining"]
