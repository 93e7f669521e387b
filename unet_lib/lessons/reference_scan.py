"""Our solutions of lesson 01's exercises, where the reader's are not yet right: as simple as the lesson's own."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8

Subsets = tuple[list[str], list[str], list[str]]


def slice_number(name: str) -> int:
    """10 for `…_10.tif` and for `…_10_mask.tif`."""
    return int(name.removesuffix(".tif").removesuffix("_mask").split("_")[-1])


def pair_files(names: Iterable[str]) -> list[tuple[str, str | None]]:
    """(image, mask) for every image, by slice number; None where there is no mask."""
    names = list(names)
    images = sorted((name for name in names if not name.endswith("_mask.tif")), key=slice_number)
    masks = [image.replace(".tif", "_mask.tif") for image in images]
    return [(image, mask if mask in names else None) for image, mask in zip(images, masks, strict=True)]


def missing_channels(images: UInt8[np.ndarray, "n h w 3"]) -> list[int]:
    """Channels, out of 0 and 2, that equal FLAIR in every slice."""
    return [channel for channel in (0, 2) if np.array_equal(images[..., channel], images[..., 1])]


def census(patients: Sequence[str], masks: Bool[np.ndarray, "n h w"]) -> dict[str, tuple[int, int, int]]:
    """Each patient's slices, slices with tumour, and tumour pixels."""
    table: dict[str, tuple[int, int, int]] = {}
    for name, mask in zip(patients, masks, strict=True):
        slices, with_tumour, pixels = table.get(name, (0, 0, 0))
        table[name] = slices + 1, with_tumour + bool(mask.any()), pixels + int(mask.sum())
    return table


def normalise(images: UInt8[np.ndarray, "n h w 3"]) -> Float[np.ndarray, "n h w 3"]:
    """Each channel of a patient's slices: minus the mean of its head, divided by the head's standard deviation.

    The head is what is brighter than the mean of all pixels, as in `data.intensity`.
    """
    result = np.empty(images.shape)
    for channel in range(3):
        levels = images[..., channel].astype(float)
        head = levels[levels > levels.mean()]
        result[..., channel] = (levels - head.mean()) / head.std()
    return result


def leaking_patients(train: Iterable[str], test: Iterable[str]) -> list[str]:
    """Patients who are in both lists, sorted."""
    return sorted(set(train) & set(test))


def nearest_slice(patient: str, number: int, train: Sequence[tuple[str, int]]) -> int | None:
    """The position in `train` of the patient's slice whose number is nearest; None for a patient who is not there."""
    same = [place for place, (other, _) in enumerate(train) if other == patient]
    return min(same, key=lambda place: abs(train[place][1] - number), default=None)


def split_by_patient(patients: Iterable[str], fractions: Sequence[float], seed: int) -> Subsets:
    """Training, validation and test patients; `patients` names the patient of each slice."""
    names = sorted(set(patients))
    np.random.default_rng(seed).shuffle(names)
    validation, test = (round(fraction * len(names)) for fraction in fractions[1:])
    return names[validation + test:], names[:validation], names[validation:validation + test]
