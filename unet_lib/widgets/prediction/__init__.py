"""See `Prediction`; lessons call `predict`."""

from unet_lib.widgets.prediction.prediction import Prediction, predict

__all__ = ["Prediction", "predict"]
