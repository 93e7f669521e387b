"""Slices on the disk, in LGG layout → predictions, and the files written from them."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Bool, Float, UInt8

from unet_lib.core.atomic_io import atomic_file, write_text
from unet_lib.core.errors import DatasetError
from unet_lib.core.metrics import Counts, count
from unet_lib.data.slice_files import SLICE_NAME, SliceRecord, find_slices
from unet_lib.data.tiff import read_image, read_mask
from unet_lib.inference.predictor import Predictor


@dataclass(frozen=True)
class SlicePrediction:
    """One slice with the network's prediction; `reference` and `counts` are None where there is no reference mask."""

    record: SliceRecord
    image: UInt8[np.ndarray, "256 256 3"]
    probability: Float[np.ndarray, "256 256"]
    mask: Bool[np.ndarray, "256 256"]
    reference: UInt8[np.ndarray, "256 256"] | None
    counts: Counts | None


def find_inputs(path: Path | str) -> tuple[SliceRecord, ...]:
    """The records of one slice (a .tif file), a patient's folder or a data set; reference masks may be missing.

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

    All of the patient's slices on the disk are read, even to predict a single one: its intensities are normalised with
    theirs, the network may need its context slices, and components are measured in three dimensions.
    """
    siblings = siblings_of(records[0])
    images = np.stack([read_image(path) for path in siblings])
    probabilities, masks = predictor.outline(images)
    for record in records:
        index = siblings.index(record.image)
        mask = masks[index]
        reference = read_mask(record.mask) if record.mask.exists() else None
        counts = None if reference is None else count(mask, reference)
        yield SlicePrediction(record, images[index], probabilities[index], mask, reference, counts)


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
                f"{p.record.patient}, slice {p.record.number}", p.reference, p.counts.dice() if p.counts else None)


def write_sheet(path: Path, image: UInt8[np.ndarray, "h w 3"], probability: Float[np.ndarray, "h w"],
                mask: Bool[np.ndarray, "h w"], title: str, reference: UInt8[np.ndarray, "h w"] | None = None,
                dice: float | None = None) -> None:
    """`plotting.prediction_sheet` as a PNG, written atomically."""
    from unet_lib.plotting.base import prediction_sheet  # here, because scoring alone should not load matplotlib

    sheet = prediction_sheet(image, probability, mask, reference, dice, title)
    with atomic_file(path) as file:
        sheet.savefig(file, format="png", dpi=100)


def write_scores(predictions: list[SlicePrediction], path: Path) -> None:
    """One CSV line a slice: predicted pixels, reference pixels, Dice (the last two are empty without a reference)."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["patient", "slice", "predicted_pixels", "reference_pixels", "dice"])
    for p in predictions:
        reference = "" if p.reference is None else int(p.reference.sum())
        dice = "" if p.counts is None else f"{p.counts.dice():.4f}"
        writer.writerow([p.record.patient, p.record.number, int(p.mask.sum()), reference, dice])
    write_text(path, table.getvalue())


def siblings_of(record: SliceRecord) -> list[Path]:
    """The patient's slices, in order of their numbers."""
    named = [(SLICE_NAME.fullmatch(path.name), path) for path in record.image.parent.glob("*.tif")]
    return [path for _, path in sorted((int(match["number"]), path) for match, path in named
                                       if match and not match["mask"] and match["patient"] == record.patient)]
