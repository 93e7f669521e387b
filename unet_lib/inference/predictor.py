"""A slice or a patient → probabilities, masks and scores, with any weights of ours."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.core.devices import choose_device
from unet_lib.data.intensity import channel_histograms, intensity_statistics, normalise
from unet_lib.data.preprocessing import around, channels, scale_images
from unet_lib.data.slice_files import SIDE
from unet_lib.inference.batch_norm_adaptation import with_own_norms, without_norms
from unet_lib.inference.dice_threshold import own_threshold
from unet_lib.inference.postprocessing import without_specks
from unet_lib.models.checkpoint import load_model
from unet_lib.models.common import eval_mode

NOT_FOR_DIAGNOSIS = ("For learning only: trained on a small research data set, never tested in a clinic. "
                     "Do not diagnose with it.")
AT_ONCE = 8  # slices that the network is shown at a time: on CPUs faster than 16, whose maps are too large for caches
COUNTED = 8  # slices for the patient's own statistics


@dataclass(frozen=True)
class Predictor:
    """A network with how it is to be asked: the size and the neighbouring slices it was trained with, its threshold,
    whether each slice is shown in the mirror too and both answers averaged (`mirror`), and the `smallest` tumour in
    voxels: what hangs together in three dimensions and is smaller is taken for a mistake, but for the largest.

    With a `temperature`, each patient has a threshold of their own (`own_threshold`); `threshold` is then for slices
    that come alone. This takes for granted that the patient has a tumour somewhere.

    With `own_norms`, this share of the batch norms' statistics is the patient's own (`with_own_norms`), counted on 8
    slices from all over the head, and accordingly less where there are fewer."""

    model: nn.Module
    card: dict[str, Any]
    size: int = SIDE
    threshold: float = 0.5
    neighbours: int = 0
    mirror: bool = False
    smallest: int = 0
    temperature: float | None = None
    own_norms: float = 0.0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def probabilities(self, images: UInt8[np.ndarray, "n 256 256 3"],
                      statistics: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "n 256 256"]:
        """Each pixel's probability of tumour, in [0, 1], for slices of one patient, in order.

        `statistics` are the patient's mean and deviation per channel (`dataset.intensity_statistics`).
        """
        repeated = torch.as_tensor(statistics, device=self.device).repeat(1, channels(self.neighbours) // 3)
        mean, deviation = repeated[:, None]
        nearby = torch.as_tensor(around(np.zeros(len(images), int), np.arange(len(images)),
                                        self.neighbours)).to(self.device)
        scaled = scale_images(images, np.arange(len(images)), self.size).to(self.device)

        def shown(places: Int[Tensor, "b k"]) -> Float[Tensor, "b c s s"]:
            return normalise(scaled[places].flatten(1, 2), mean, deviation)

        model, count = self.model, min(len(images), COUNTED)
        if self.own_norms:
            some = torch.linspace(0, len(images) - 1, count).round().long()
            model = without_norms(with_own_norms(model, shown(nearby[some]), self.own_norms * count / COUNTED))
        with eval_mode(model), torch.no_grad():
            return np.concatenate([self._ask(model, shown(part))[:, 0].cpu().numpy()
                                   for part in nearby.split(AT_ONCE)])

    def outline(self, images: UInt8[np.ndarray, "n 256 256 3"]) -> tuple[Float[np.ndarray, "n 256 256"],
                                                                         Bool[np.ndarray, "n 256 256"]]:
        """Probabilities and masks of all slices of one patient, in order, judged by their own brightness."""
        found = self.probabilities(images, intensity_statistics(channel_histograms(images)))
        return found, self.masks(found)

    def _ask(self, model: nn.Module, images: Float[Tensor, "b c s s"]) -> Float[Tensor, "b 1 256 256"]:
        logits = model(images)  # in float32, so that every machine gives the same answer
        if self.mirror:
            logits = (logits + model(images.flip(-1)).flip(-1)) / 2
        if self.size != SIDE:
            logits = F.interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return torch.sigmoid(logits)

    def masks(self, probabilities: Float[np.ndarray, "*n 256 256"]) -> Bool[np.ndarray, "*n 256 256"]:
        """Tumour where the probability reaches the threshold; of a patient's slices, without what is too small.

        Several slices are taken for all of one patient's.
        """
        threshold = self.threshold
        if self.temperature is not None and probabilities.ndim == 3:
            threshold = own_threshold(probabilities, self.temperature)
        return without_specks(probabilities >= threshold, self.smallest)






def load_predictor(path: Path | str, device: str = "auto") -> Predictor:
    """Weights written by `unet_lib train`, ready to predict. Raises CheckpointError or DeviceError."""
    model, card = load_model(path)
    # Channels last: the layout in which CPUs and GPUs convolve fastest; the numbers stay the same.
    model.to(choose_device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Predictor(model, card, **how_to_ask(card))


def how_to_ask(card: dict[str, Any]) -> dict[str, Any]:
    """A Predictor's settings, from the card of its weights: how they were trained, and what was chosen since."""
    data = card.get("data", {})
    return {"size": int(data.get("size", SIDE)), "neighbours": int(data.get("neighbours", 0)),
            **card.get("prediction", {})}














