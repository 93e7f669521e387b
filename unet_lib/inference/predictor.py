"""A network with its inference settings: a patient's slices → probabilities and masks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.core.devices import choose_device
from unet_lib.data.cache import SliceCache
from unet_lib.data.intensity import channel_histograms, intensity_statistics, normalise
from unet_lib.data.preprocessing import context_indices, scale_images, training_size
from unet_lib.data.slice_files import SIDE
from unet_lib.inference.batch_norm_adaptation import adapt_batch_norms, fuse_batch_norms
from unet_lib.inference.dice_threshold import optimal_dice_threshold
from unet_lib.inference.postprocessing import remove_small_components
from unet_lib.inference.split_decoder import split_decoders
from unet_lib.models.checkpoint import load_model
from unet_lib.models.common import eval_mode

NOT_FOR_DIAGNOSIS = ("For learning only: trained on a small research data set, never tested in a clinic. "
                     "Do not diagnose with it.")
BATCH = 4
"""Slices in one forward pass. On CPUs faster than more: the largest maps of lgg-best then take 25 MB. What is larger
than 32 MB, glibc takes anew from the system every time, page by page, and that takes a tenth of the time and more."""
ADAPTATION_SLICES = 8


@dataclass(frozen=True)
class PatientPrediction:
    """All slices of a patient of a cache, in order: their `indices` in it, the prediction, and the reference."""

    indices: Int[np.ndarray, "n"]
    probabilities: Float[np.ndarray, "n 256 256"]
    masks: Bool[np.ndarray, "n 256 256"]
    references: Bool[np.ndarray, "n 256 256"]


@dataclass(frozen=True)
class Predictor:
    """A network and its inference settings.

    - `size` and `context_slices` are those of its training.
    - `threshold` is the probability from which on a pixel is tumour. With a `temperature`, each patient has a
      threshold of their own instead (`optimal_dice_threshold`), and `threshold` is for slices that come alone. This
      takes for granted that the patient has a tumour somewhere.
    - `flip_tta`: flip test-time augmentation; each slice is predicted as it is and flipped, and the logits averaged.
    - `min_component_size`, in voxels: connected components in three dimensions that are smaller are removed, but for
      the largest.
    - `batch_norm_adaptation`: this fraction of the batch norms' statistics is the patient's own (`adapt_batch_norms`),
      measured on 8 slices from all over the head, and accordingly less where there are fewer.
    """

    model: nn.Module
    card: dict[str, Any]
    size: int = SIDE
    threshold: float = 0.5
    context_slices: int = 0
    flip_tta: bool = False
    min_component_size: int = 0
    temperature: float | None = None
    batch_norm_adaptation: float = 0.0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def patient(self, cache: SliceCache, name: str) -> PatientPrediction:
        """Predict all slices of a patient of the cache. Raises DatasetError for an unknown name."""
        indices = cache.slices_of([name])
        probabilities = self.probabilities(cache.images[indices], cache.statistics[cache.patient_of[indices[0]]])
        return PatientPrediction(indices, probabilities, self.masks(probabilities),
                                 np.asarray(cache.masks[indices]) > 0)

    def outline(self, images: UInt8[np.ndarray, "n 256 256 3"]) -> tuple[Float[np.ndarray, "n 256 256"],
                                                                         Bool[np.ndarray, "n 256 256"]]:
        """Probabilities and masks of all slices of one patient, in order, normalised by their own statistics."""
        probabilities = self.probabilities(images, intensity_statistics(channel_histograms(images)))
        return probabilities, self.masks(probabilities)

    def probabilities(self, images: UInt8[np.ndarray, "n 256 256 3"],
                      statistics: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "n 256 256"]:
        """Each pixel's probability of tumour, in [0, 1], for slices of one patient, in order.

        `statistics` are the patient's, see `data.intensity`.
        """
        of_patient = torch.as_tensor(statistics, device=self.device)
        context = torch.as_tensor(context_indices(np.zeros(len(images), int), np.arange(len(images)),
                                                  self.context_slices)).to(self.device)
        scaled = scale_images(images, np.arange(len(images)), self.size).to(self.device)

        def normalised(indices: Int[Tensor, "b k"]) -> Float[Tensor, "b c s s"]:
            return normalise(scaled[indices].flatten(1, 2), of_patient)

        model = self.model
        if self.batch_norm_adaptation:
            count = min(len(images), ADAPTATION_SLICES)
            some = torch.linspace(0, len(images) - 1, count).round().long()
            fraction = self.batch_norm_adaptation * count / ADAPTATION_SLICES
            model = fuse_batch_norms(adapt_batch_norms(split_decoders(model), normalised(context[some]), fraction))
        with eval_mode(model), torch.no_grad():
            return np.concatenate([self._predict(model, normalised(part))[:, 0].cpu().numpy()
                                   for part in context.split(BATCH)])

    def masks(self, probabilities: Float[np.ndarray, "*n 256 256"]) -> Bool[np.ndarray, "*n 256 256"]:
        """Tumour where the probability reaches the threshold, without small components.

        A stack of slices is taken for all slices of one patient.
        """
        threshold = self.threshold
        if self.temperature is not None and probabilities.ndim == 3:
            threshold = optimal_dice_threshold(probabilities, self.temperature)
        return remove_small_components(probabilities >= threshold, self.min_component_size)

    def _predict(self, model: nn.Module, images: Float[Tensor, "b c s s"]) -> Float[Tensor, "b 1 256 256"]:
        logits = model(images)  # in float32, so that every machine gives the same result
        if self.flip_tta:
            logits = (logits + model(images.flip(-1)).flip(-1)) / 2
        if self.size != SIDE:
            logits = F.interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return torch.sigmoid(logits)


def load_predictor(path: Path | str, device: str = "auto") -> Predictor:
    """Weights written by `unet_lib train`, ready to predict. Raises CheckpointError or DeviceError."""
    model, card = load_model(path)
    # Channels last: the layout in which CPUs and GPUs convolve fastest; the numbers stay the same.
    model.to(choose_device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Predictor(model, card, **inference_settings(card))


def inference_settings(card: dict[str, Any]) -> dict[str, Any]:
    """A Predictor's settings, from the card of its weights: those of its training, and those chosen afterwards."""
    return {"size": training_size(card), "context_slices": int(card.get("data", {}).get("context_slices", 0)),
            **card.get("inference", {})}
