"""Count first, score later.

Every score here is a ratio of four counts. Averages of ratios hide their empty cases; counts can be added
over slices and patients, and the empty case is named when a ratio is finally computed. `bootstrap` says how far
a score may be off by the chance of which patients were scored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels: true and false positives (called tumour), false and true negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def total(self) -> int:
        """All pixels counted."""
        return self.tp + self.fp + self.fn + self.tn

    def dice(self, empty: float = 1.0) -> float:
        """2·TP / (2·TP + FP + FN), the same number as F1; `empty` where both masks are."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn, empty)

    def iou(self, empty: float = 1.0) -> float:
        """TP / (TP + FP + FN), the overlap over the union (Jaccard)."""
        return _ratio(self.tp, self.tp + self.fp + self.fn, empty)

    def precision(self, empty: float = 1.0) -> float:
        """TP / (TP + FP): how much of what was called tumour is tumour."""
        return _ratio(self.tp, self.tp + self.fp, empty)

    def recall(self, empty: float = 1.0) -> float:
        """TP / (TP + FN): how much of the tumour was found."""
        return _ratio(self.tp, self.tp + self.fn, empty)

    def specificity(self, empty: float = 1.0) -> float:
        """TN / (TN + FP): how much of the healthy rest was left alone."""
        return _ratio(self.tn, self.tn + self.fp, empty)

    def accuracy(self, empty: float = 1.0) -> float:
        """(TP + TN) / all. With 1 % tumour, calling nothing tumour already scores 0.99."""
        return _ratio(self.tp + self.tn, self.total, empty)

    def volume_error(self, empty: float = 0.0) -> float:
        """(predicted − reference volume) / reference volume: +0.2 is a fifth too much, −1 nothing found, at most +∞.

        `empty` where both volumes are 0; +∞ where only the reference's is.
        """
        return _ratio(self.fp - self.fn, self.tp + self.fn, float("inf") if self.fp else empty)


def count(predicted: Tensor | np.ndarray, reference: Tensor | np.ndarray) -> Counts:
    """Compare two masks of {0, 1} or bool, of one shape. Raises ValueError if the shapes differ."""
    return pooled(count_slices(predicted[None], reference[None]))


def count_slices(predicted: Tensor | np.ndarray, reference: Tensor | np.ndarray) -> Int[np.ndarray, "n 4"]:
    """TP, FP, FN, TN of each slice of a stack."""
    columns = _columns(predicted, reference)
    return np.stack([c.cpu().numpy() if isinstance(c, Tensor) else c for c in columns], axis=1).astype(np.int64)


def count_on_device(predicted: Tensor, reference: Tensor) -> Int[Tensor, "n 4"]:
    """`count_slices` of tensors, whose counts stay on their device: nobody waits for it to compute them."""
    return torch.stack(_columns(predicted, reference), dim=1)


def _columns(predicted: Any, reference: Any) -> list[Any]:
    if predicted.shape != reference.shape:
        raise ValueError(f"masks must have one shape; got {tuple(predicted.shape)} and {tuple(reference.shape)}.")
    p, r = (m.reshape(len(m), -1) > 0 for m in (predicted, reference))
    tp, marked, true = (p & r).sum(1), p.sum(1), r.sum(1)
    return [tp, marked - tp, true - tp, p.shape[1] - marked - true + tp]


def pooled(counts: Int[np.ndarray, "n 4"]) -> Counts:
    """All slices taken together, as if they were one large image."""
    return Counts(*(int(c) for c in np.asarray(counts, np.int64).reshape(-1, 4).sum(axis=0)))


def by_patient(counts: Int[np.ndarray, "n 4"], patients: Sequence[str]) -> dict[str, Counts]:
    """The slices of each patient taken together; patients in sorted order."""
    names = np.asarray(patients)
    return {str(name): pooled(counts[names == name]) for name in np.unique(names)}


def mean_dice(patients: dict[str, Counts], empty: float = 1.0) -> float:
    """The mean of the patients' Dice scores: every patient weighs the same, however large the tumour."""
    return float(np.mean([counts.dice(empty) for counts in patients.values()])) if patients else float("nan")


def bootstrap(patients: Shaped[np.ndarray, "p *row"], statistic: Callable[[np.ndarray], float], draws: int = 10_000,
              seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of a statistic over patients (Efron 1979), the same for the same seed.

    Patients are resampled with replacement, as many as there are, `draws` times; the fraction `level` of the resulting
    values of `statistic` lies in the interval. One row a patient: a score, or TP, FP, FN, TN, to be added up:

        bootstrap(dice, np.mean)
        bootstrap(counts, lambda drawn: pooled(drawn).dice())

    Whole patients are drawn, because slices of one head go well or ill together. Few patients make it
    too narrow: with ten of them, 95 % hold the truth about 89 times in 100. Raises ValueError without any patient.
    """
    if not len(patients):
        raise ValueError("an interval needs at least one patient; got none.")
    rng = np.random.default_rng(seed)
    values = [statistic(patients[drawn]) for drawn in rng.integers(len(patients), size=(draws, len(patients)))]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _ratio(part: int, whole: int, empty: float) -> float:
    return part / whole if whole else empty
