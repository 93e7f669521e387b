"""Slices on the disk, in LGG layout → predictions, and the files written from them."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Bool, Float, UInt8

from unet_lib.core.atomic_io import atomic_file, write_text
from unet_lib.core.errors import DatasetError
from unet_lib.core.metrics import Counts, count
from unet_lib.data.slice_files import SLICE_NAME, SliceRecord, describe_problems, survey
from unet_lib.data.tiff import read_image, read_mask_with_remarks
from unet_lib.inference.predictor import Predictor


@dataclass(frozen=True)
class SlicePrediction:
    """One slice with the network's prediction; `reference` and `counts` are None where there is no reference mask.

    `fault` says why a reference mask that is there could not be used; `remarks` what was odd about it and accepted.
    """

    record: SliceRecord
    image: UInt8[np.ndarray, "256 256 3"]
    probability: Float[np.ndarray, "256 256"]
    mask: Bool[np.ndarray, "256 256"]
    reference: UInt8[np.ndarray, "256 256"] | None
    counts: Counts | None
    fault: str = ""
    remarks: tuple[str, ...] = ()


def find_inputs(path: Path | str) -> tuple[SliceRecord, ...]:
    """The records of one slice (a .tif file), a patient's folder or a data set; reference masks may be missing.

    Raises DatasetError for anything else, and for files that do not fit.
    """
    records, faults = sound_inputs(path)
    if faults:
        problems = tuple(problem for of_one in faults.values() for problem in of_one)
        raise DatasetError(describe_problems(path, problems), problems, faults)
    return records


def sound_inputs(path: Path | str) -> tuple[tuple[SliceRecord, ...], Mapping[str, tuple[str, ...]]]:
    """As `find_inputs`, but patients with faults are left out; their faults are given by patient (see `Survey`).

    Raises DatasetError if no patient is left.
    """
    path = Path(path)
    if path.is_file():
        match = SLICE_NAME.fullmatch(path.name)
        if not match or match["mask"]:
            raise DatasetError(f"{path}: expected a slice named TCGA_<site>_<case>_<date>_<n>.tif. Rename it.")
        masks = (other for other in path.parent.iterdir() if (named := SLICE_NAME.fullmatch(other.name))
                 and named["mask"] and (named["patient"], named["number"]) == (match["patient"], match["number"]))
        return (SliceRecord(match["patient"], int(match["number"]), path,
                            next(masks, path.with_name(f"{path.stem}_mask.tif"))),), {}
    found = survey(path, masks_required=False)
    sound = found.without(found.faults)
    if not sound.records:
        raise DatasetError(describe_problems(found.root, found.problems), found.problems, found.faults)
    return sound.records, found.faults


def predict_patient(predictor: Predictor, records: tuple[SliceRecord, ...]) -> list[SlicePrediction]:
    """Predict slices of one patient.

    All of the patient's slices on the disk are read, even to predict a single one: its intensities are normalised with
    theirs, the network may need its context slices, and components are measured in three dimensions. Raises
    DatasetError for an image that cannot be used; a mask that cannot be used is named in the prediction's `fault`.
    """
    siblings = siblings_of(records[0])
    images = np.stack([read_image(path) for path in siblings])
    probabilities, masks = predictor.outline(images)
    return [_beside_reference(record, images[index], probabilities[index], masks[index])
            for record in records for index in [siblings.index(record.image)]]


def _beside_reference(record: SliceRecord, image: UInt8[np.ndarray, "256 256 3"],
                      probability: Float[np.ndarray, "256 256"], mask: Bool[np.ndarray, "256 256"]) -> SlicePrediction:
    if not record.mask.exists():
        return SlicePrediction(record, image, probability, mask, None, None)
    try:
        reference, remarks = read_mask_with_remarks(record.mask)
    except DatasetError as error:
        return SlicePrediction(record, image, probability, mask, None, None, str(error))
    return SlicePrediction(record, image, probability, mask, reference, count(mask, reference), remarks=remarks)


def write_mask(prediction: SlicePrediction, folder: Path) -> Path:
    """The mask as a TIFF in the data set's own naming: `<patient>_<n>_mask.tif`, 0 or 255."""
    record = prediction.record
    target = folder / f"{record.patient}_{record.number}_mask.tif"
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
    named = [(SLICE_NAME.fullmatch(path.name), path) for path in record.image.parent.iterdir()]
    return [path for _, path in sorted((int(match["number"]), path) for match, path in named
                                       if match and not match["mask"] and match["patient"] == record.patient)]
