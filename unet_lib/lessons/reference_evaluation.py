"""Evaluation as lesson 05 builds it: what the reader's functions are compared with, and what stands in for them.

Plain NumPy, for masks of bool; `core.metrics` is the library's own way to the same scores.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

Whole = int | np.integer


def confusion_counts(predicted: Bool[np.ndarray, "*n"], reference: Bool[np.ndarray, "*n"]) -> tuple[Whole, ...]:
    """TP, FP, FN, TN over all pixels."""
    tp = (predicted & reference).sum()
    fp = (predicted & ~reference).sum()
    fn = (~predicted & reference).sum()
    tn = (~predicted & ~reference).sum()
    return tp, fp, fn, tn


def overlap_scores(tp: Whole, fp: Whole, fn: Whole) -> tuple[float, ...]:
    """Precision, recall, Dice, IoU; 0 / 0 counts 1."""
    def ratio(part: Whole, whole: Whole) -> float:
        return part / whole if whole else 1.0

    return ratio(tp, tp + fp), ratio(tp, tp + fn), ratio(2 * tp, 2 * tp + fp + fn), ratio(tp, tp + fp + fn)


def dice_range(mean_iou: float, masks: int) -> tuple[float, float]:
    """The least and the largest mean Dice that so many masks with this mean IoU can have.

    Dice is a concave function of IoU, 2J / (1 + J). So the mean is largest where all masks are equal (Jensen), and
    least at a corner of what the mean allows: some masks perfect, the others 0, and at most one in between.
    """
    most = 2 * mean_iou / (1 + mean_iou)
    perfect, rest = divmod(masks * mean_iou, 1)
    return (perfect + 2 * rest / (1 + rest)) / masks, most


def dice_by_patient(predicted: Bool[np.ndarray, "n h w"], reference: Bool[np.ndarray, "n h w"],
                    patients: Sequence[str]) -> dict[str, float]:
    """Each patient's Dice, of all its pixels together; `patients` says whose each slice is."""
    names = np.array(patients)
    found = {}
    for name in np.unique(names):
        of_one = names == name
        tp, fp, fn, _ = confusion_counts(predicted[of_one], reference[of_one])
        found[str(name)] = float(overlap_scores(tp, fp, fn)[2])
    return found


def choose_threshold(thresholds: Sequence[float], probabilities: Float[np.ndarray, "n h w"],
                     references: Bool[np.ndarray, "n h w"], patients: Sequence[str]) -> float:
    """The first threshold with the highest mean Dice over these patients."""
    means = [np.mean([*dice_by_patient(probabilities >= threshold, references, patients).values()])
             for threshold in thresholds]
    return thresholds[int(np.argmax(means))]


def bootstrap_interval(values: Float[np.ndarray, "p"], draws: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of the mean: patients drawn again and again, with replacement (Efron 1979)."""
    random = np.random.default_rng(seed)
    means = [random.choice(values, size=len(values)).mean() for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return low, high
