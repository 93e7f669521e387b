"""A slice or a patient → probabilities, masks and scores, with any weights of ours."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.batches import around, channels, normalise, scale_images
from unet_lib.checkpoint import load_model
from unet_lib.dataset import (
    SIDE,
    channel_histograms,
    intensity_statistics,
    read_image,
    read_mask,
)
from unet_lib.devices import choose_device
from unet_lib.errors import DatasetError
from unet_lib.files import atomic_file, write_text
from unet_lib.metrics import Counts, count
from unet_lib.model import eval_mode
from unet_lib.own_norm import with_own_norms, without_norms
from unet_lib.own_threshold import own_threshold
from unet_lib.records import SLICE_NAME, SliceRecord, find_slices

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


def without_specks(mask: Bool[np.ndarray, "*n h w"], smallest: int) -> Bool[np.ndarray, "*n h w"]:
    """The mask without parts of fewer than `smallest` voxels; the largest stays, however small it is.

    Voxels that share a face, an edge or a corner hang together.
    """
    if smallest < 2 or not mask.any():
        return mask
    parts, count = ndimage.label(mask, np.ones((3,) * mask.ndim))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    return ((sizes >= smallest) | (sizes == sizes.max()))[parts] & mask


@dataclass(frozen=True)
class SlicePrediction:
    """One slice with what the network says; `expert` and `counts` are None where no expert drew a mask."""

    record: SliceRecord
    image: UInt8[np.ndarray, "256 256 3"]
    probability: Float[np.ndarray, "256 256"]
    mask: Bool[np.ndarray, "256 256"]
    expert: UInt8[np.ndarray, "256 256"] | None
    counts: Counts | None


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


def find_inputs(path: Path | str) -> tuple[SliceRecord, ...]:
    """The records of one slice (a .tif file), a patient's folder or a data set; expert masks may be missing.

    Raises DatasetError for anything else.
    """
    path = Path(path)
    if path.is_file():
        match = SLICE_NAME.fullmatch(path.name)
        if not match or match["mask"]:
            raise DatasetError(f"{path}: expected a slice named TCGA_<site>_<case>_<date>_<n>.tif. Rename it.")
        return (SliceRecord(match["patient"], int(match["number"]), path,
                            path.with_name(f"{path.stem}_mask.tif")),)
    return find_slices(path, masks_required=False)


def predict_patient(predictor: Predictor, records: tuple[SliceRecord, ...]) -> Iterator[SlicePrediction]:
    """Predict slices of one patient.

    All of the patient's slices on the disk are looked at, also for a single one of them: its brightness is judged
    by theirs, the network may want its neighbours, and a speck is told from a tumour in three dimensions.
    """
    siblings = siblings_of(records[0])
    images = np.stack([read_image(path) for path in siblings])
    probabilities, masks = predictor.outline(images)
    for record in records:
        place = siblings.index(record.image)
        mask = masks[place]
        expert = read_mask(record.mask) if record.mask.exists() else None
        counts = None if expert is None else count(mask, expert)
        yield SlicePrediction(record, images[place], probabilities[place], mask, expert, counts)


def write_mask(prediction: SlicePrediction, folder: Path) -> Path:
    """The mask as a TIFF in the data set's own naming: `<patient>/<patient>_<n>_mask.tif`, 0 or 255."""
    record = prediction.record
    target = folder / record.patient / f"{record.patient}_{record.number}_mask.tif"
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, prediction.mask.astype(np.uint8) * 255)
    with atomic_file(target) as file:
        file.write(buffer.getvalue())
    return target


def write_overlay(prediction: SlicePrediction, mask: Path) -> None:
    """A page to judge the prediction by, as a PNG beside its mask."""
    p = prediction
    write_sheet(mask.with_name(mask.name.replace("_mask.tif", "_overlay.png")), p.image, p.probability, p.mask,
                f"{p.record.patient}, slice {p.record.number}", p.expert, p.counts.dice() if p.counts else None)


def write_sheet(path: Path, image: UInt8[np.ndarray, "h w 3"], probability: Float[np.ndarray, "h w"],
                mask: Bool[np.ndarray, "h w"], title: str, expert: UInt8[np.ndarray, "h w"] | None = None,
                dice: float | None = None) -> None:
    """`figures.prediction_sheet` as a PNG, written atomically."""
    from unet_lib.figures import prediction_sheet  # here, because scoring alone should not load matplotlib

    sheet = prediction_sheet(image, probability, mask, expert, dice, title)
    with atomic_file(path) as file:
        sheet.savefig(file, format="png", dpi=100)


def write_scores(predictions: list[SlicePrediction], path: Path) -> None:
    """One CSV line a slice: pixels called tumour, pixels the expert drew, Dice (empty without an expert)."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["patient", "slice", "predicted_pixels", "expert_pixels", "dice"])
    for p in predictions:
        expert = "" if p.expert is None else int(p.expert.sum())
        dice = "" if p.counts is None else f"{p.counts.dice():.4f}"
        writer.writerow([p.record.patient, p.record.number, int(p.mask.sum()), expert, dice])
    write_text(path, table.getvalue())


def siblings_of(record: SliceRecord) -> list[Path]:
    """The patient's slices, in order of their numbers."""
    named = [(SLICE_NAME.fullmatch(path.name), path) for path in record.image.parent.glob("*.tif")]
    return [path for _, path in sorted((int(match["number"]), path) for match, path in named
                                       if match and not match["mask"] and match["patient"] == record.patient)]
