"""Lesion by lesion: how many tumours were found, whatever their size, and how many marks are none.

A lesion is a connected part of the reference mask of all slices of a patient, taken as one volume: pixels that touch,
if only at a corner, in the slice or from one slice to the next, belong together. Pixels are counted, not millimetres:
the TIFFs do not say how far slices lie apart.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy.ndimage import label

FOUND, SMALLEST = 0.1, 50
"""A lesion is found if this fraction of its pixels is marked; parts with fewer pixels than this do not count."""


@dataclass(frozen=True, slots=True)
class LesionCounts:
    """Lesions found and missed, and marks that touch no lesion; of several patients they can be added."""

    found: int = 0
    missed: int = 0
    false_alarms: int = 0

    def __add__(self, other: "LesionCounts") -> "LesionCounts":
        return LesionCounts(self.found + other.found, self.missed + other.missed,
                            self.false_alarms + other.false_alarms)

    @property
    def lesions(self) -> int:
        """All in the reference masks."""
        return self.found + self.missed


def count_lesions(predicted: Bool[np.ndarray, "n h w"], reference: Bool[np.ndarray, "n h w"], least: float = FOUND,
                  smallest: int = SMALLEST) -> LesionCounts:
    """Compare the masks of all slices of one patient, in order, lesion by lesion.

    A lesion with at least `least` of its pixels in the prediction is found; a connected part of the prediction without
    any pixel of the reference is a false alarm. Parts of fewer than `smallest` pixels are left out in both masks.
    """
    sizes, marked = _parts(reference, predicted)
    found = int((marked >= least * sizes)[sizes >= smallest].sum())
    marks, true = _parts(predicted, reference)
    return LesionCounts(found, int((sizes >= smallest).sum()) - found, int(((marks >= smallest) & (true == 0)).sum()))


def _parts(mask: Bool[np.ndarray, "n h w"],
           other: Bool[np.ndarray, "n h w"]) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """Of each connected part of the mask: its pixels, and how many of them are in the other mask."""
    numbers, count = label(mask, structure=np.ones((3, 3, 3)))
    pixels, shared = (np.bincount(numbers[where], minlength=count + 1)[1:] for where in (mask, mask & other))
    return pixels, shared
