"""Checkers of lesson 05, how good is it: counts, overlap, thresholds, averages and distances."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import (
    Case,
    FunctionExercise,
    Misconception,
    NumberExercise,
    PropertyExercise,
    to_array,
)

# The masks of exercise 1; the lesson draws them. TP, FP, FN, TN are four different numbers.
REFERENCE_4X4 = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 0]])
NETWORK_4X4 = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]])
COUNTS_4X4 = (4, 2, 3, 7)


def _read_counts(answer: Any) -> tuple[float, ...] | None:
    numbers = to_array(answer, (4,))
    return None if numbers is None else tuple(numbers.tolist())


four_counts = PropertyExercise(
    question="four_counts(answer): TP, FP, FN and TN of the two masks of 4 × 4 pixels?",
    expected="four numbers, as in (1, 2, 3, 10)",
    read=_read_counts,
    right=lambda counts: counts == COUNTS_4X4,
    insight="Every pixel is in exactly one of the four, and every score of this lesson is made of them.",
    misconceptions=(
        Misconception(lambda c: c == (4, 3, 2, 7),
                      "FP and FN are exchanged. Positive is what the network says; false, that the expert disagrees."),
        Misconception(lambda c: c == (7, 2, 3, 4), "TP and TN are exchanged. Positive means: called tumour."),
        Misconception(lambda c: c[0] == 6,
                      "6 is all that the network calls tumour. How much of it does the expert confirm?"),
        Misconception(lambda c: c[0] == 7,
                      "7 is all that the expert calls tumour. How much of it did the network find?"),
        Misconception(lambda c: sum(c) != 16, "They should add up to 16: every pixel is in exactly one of the four."),
    ),
    fallback_hint="Lay one grid over the other: both 1, only the network's 1, only the expert's 1, both 0.",
)

dice_from_iou = FunctionExercise(
    question="dice_from_iou(function): write dice_from_iou(iou), which gives the Dice that belongs to an IoU.",
    signature="dice_from_iou(iou)",
    cases=(Case((0.5,), 2 / 3), Case((0.7,), 1.4 / 1.7), Case((0.0,), 0.0), Case((1.0,), 1.0)),
    insight="An IoU of 0.7 and a Dice of 0.82 are the same mask. Comparing two papers, ask which is meant.",
    misconceptions=(
        Misconception(lambda iou: iou / (2 - iou), "That goes from Dice to IoU. Solve it for Dice."),
        Misconception(lambda iou: 2 * iou, "That gives 2 for perfect masks. What is it divided by?"),
        Misconception(lambda iou: iou / (1 + iou), "Half of it: TP counts twice in Dice."),
        Misconception(lambda iou: 2 * iou / (2 + iou),
                      "For perfect masks that is two thirds. Test the divisor with 1."),
        Misconception(lambda iou: iou, "They are the same only at 0 and at 1."),
    ),
    fallback_hint="Solve IoU = Dice / (2 − Dice) for Dice.",
)

hidden_recall = NumberExercise(
    question="hidden_recall(answer): accuracy 0.993, 1.03 % tumour, no pixel falsely called tumour; which recall?",
    right=1 - 0.007 / 0.0103,
    tolerance=0.005,
    insight="Two thirds of the tumour missed, and still 0.993. Set the errors beside the tumour, not beside the head.",
    misconceptions=(
        Misconception(0.007 / 0.0103, "That is the fraction that was missed. Recall is the fraction that was found."),
        Misconception(0.993, "That is the accuracy. Recall asks about the tumour only, 1.03 % of the pixels."),
        Misconception(0.0033, "So much of the whole image was found. Which fraction of the tumour is it?"),
        Misconception(32.04, "That is the percentage. Recall lies between 0 and 1."),
        Misconception(0.66 / 1.36, "That is Dice. Recall is TP / (TP + FN)."),
    ),
    fallback_hint="0.7 % of the pixels are wrong, all of them missed tumour; tumour is 1.03 %.",
)


def _at_best(judge: Callable[[Any, Any], Any], report: Callable[[Any, Any], Any]) -> Callable[..., float]:
    """A mistaken `honest_score` that looks at one list for the best threshold and reports from another."""
    return lambda validation, test: report(validation, test)[int(np.argmax(judge(validation, test)))]


honest_score = FunctionExercise(
    question="honest_score(function): write honest_score(validation_f1, test_f1), the test score you may report.",
    signature="honest_score(validation_f1, test_f1)",
    cases=(
        Case(([0.60, 0.80, 0.70], [0.75, 0.72, 0.78]), 0.72),
        Case(([0.50, 0.60, 0.70, 0.65], [0.55, 0.66, 0.61, 0.62]), 0.61),
        Case(([0.90, 0.85], [0.70, 0.74]), 0.70),
    ),
    insight="The test patients were asked once, after the choice was made. That is all there is to honesty here.",
    misconceptions=(
        Misconception(lambda validation, test: max(test),
                      "The best of the test scores: there the test patients chose the threshold, and then praised it."),
        Misconception(lambda validation, test: max(validation),
                      "That is the score on the patients who chose the threshold. What do the others say at the same "
                      "one?"),
        Misconception(_at_best(lambda v, t: t, lambda v, t: v),
                      "The wrong way round: test chose, validation reported."),
        Misconception(lambda validation, test: int(np.argmax(validation)),
                      "That is the index of the threshold. Which test score stands there?"),
        Misconception(lambda validation, test: float(np.mean(test)),
                      "The mean over all thresholds is the score of none."),
    ),
    fallback_hint="Find the index of the best validation score; report the test score at the same index.",
)


def _dice(row: np.ndarray, empty: float = 1.0) -> float:
    tp, fp, fn = row.tolist()
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else empty


def _three(counts: Sequence[Any], patients: Sequence[str], empty: float = 1.0) -> tuple[float, float, float]:
    """The right answer, but for what an empty slice is worth."""
    rows, who = np.array(counts), np.array(patients)
    each = [_dice(rows[who == name].sum(0)) for name in np.unique(who)]
    return float(np.nanmean([_dice(row, empty) for row in rows])), float(np.mean(each)), _dice(rows.sum(0))


def _mean_of_means(counts: Sequence[Any], patients: Sequence[str]) -> tuple[float, float, float]:
    rows, who = np.array(counts), np.array(patients)
    each = [np.mean([_dice(row) for row in rows[who == name]]) for name in np.unique(who)]
    right = _three(counts, patients)
    return right[0], float(np.mean(each)), right[2]


three_dices = FunctionExercise(
    question="three_dices(function): write three_dices(counts, patients): Dice per slice, per patient, and pooled.",
    signature="three_dices(counts, patients)",
    cases=(
        Case(([(8, 2, 2), (0, 0, 0), (1, 1, 3), (0, 1, 0)], ["A", "A", "B", "B"]),
             ((0.8 + 1 + 2 / 6 + 0) / 4, (0.8 + 2 / 7) / 2, 18 / 27)),
        Case(([(0, 0, 0), (30, 10, 10), (2, 0, 6)], ["A", "B", "A"]),
             ((1 + 0.75 + 0.4) / 3, (0.4 + 0.75) / 2, 64 / 90)),
        Case(([(5, 0, 0), (0, 0, 5)], ["A", "A"]), (0.5, 10 / 15, 10 / 15)),
    ),
    insight="Same masks, three numbers. Whoever reports one of them says which, and what an empty slice was worth.",
    misconceptions=(
        Misconception(lambda c, p: _three(c, p, empty=0.0),
                      "Here an empty slice left empty counts 1; `dice` does that."),
        Misconception(lambda c, p: _three(c, p, empty=np.nan),
                      "You leave out empty slices. Many do, but here they count 1."),
        Misconception(lambda c, p: _three(c, p)[::-1], "The order is: per slice, per patient, pooled."),
        Misconception(_mean_of_means, "Within a patient you average the slices' Dice. Add up their counts first."),
        Misconception(lambda c, p: (_three(c, p)[0],) * 3, "All three are the mean over slices. Add up before `dice`."),
        Misconception(lambda c, p: (_three(c, p)[2],) * 3,
                      "All three are pooled. Per slice: `dice` of each row first."),
    ),
    fallback_hint="Per slice: `dice` of each row, then the mean. Per patient: add a patient's rows, `dice`, then the "
                  "mean. Pooled: add all rows, then `dice`.",
)


def _gaps(first: Sequence[Any], second: Sequence[Any], order: int = 2) -> np.ndarray:
    """From every point to every other."""
    return np.linalg.norm(np.array(first, float)[:, None] - np.array(second, float)[None], ord=order, axis=-1)


def _largest(first: Sequence[Any], second: Sequence[Any], order: int = 2) -> float:
    gaps = _gaps(first, second, order)
    return float(max(gaps.min(1).max(), gaps.min(0).max()))


hausdorff = FunctionExercise(
    question="hausdorff(function): write hausdorff(first, second), the Hausdorff distance of two outlines.",
    signature="hausdorff(first, second)",
    cases=(
        Case(([(0, 0), (0, 1)], [(0, 0), (0, 5)]), 4.0),
        Case(([(0, 0), (0, 1), (8, 1)], [(0, 1), (0, 0)]), 8.0),
        Case(([(0, 0)], [(3, 4)]), 5.0),
        Case(([(2, 2), (2, 3), (2, 4)], [(2, 4), (2, 3), (2, 2)]), 0.0),
    ),
    insight="One bad place decides. HD95 leaves out the worst twentieth of the outline, so that one pixel cannot.",
    misconceptions=(
        Misconception(lambda a, b: float(_gaps(a, b).min(1).max()),
                      "You go from the first outline to the second only. What only the second has is seen from the "
                      "second."),
        Misconception(lambda a, b: float(_gaps(a, b).min(0).max()),
                      "You go from the second outline to the first only. What only the first has is seen from the "
                      "first."),
        Misconception(lambda a, b: float(_gaps(a, b).max()),
                      "That is the farthest pair of points. For each point take the nearest of the other outline."),
        Misconception(lambda a, b: float(_gaps(a, b).min()),
                      "That is the nearest pair: 0 as soon as the outlines touch."),
        Misconception(lambda a, b: float(max(_gaps(a, b).min(1).mean(), _gaps(a, b).min(0).mean())),
                      "You take the mean of the distances, which forgives one bad place. Hausdorff takes the largest."),
        Misconception(lambda a, b: _largest(a, b, 1), "You add rows and columns. Go straight: √(rows² + columns²)."),
    ),
    fallback_hint="For every point of either outline: how far is the nearest point of the other? Take the largest.",
)
