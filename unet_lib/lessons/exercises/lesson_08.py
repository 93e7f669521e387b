"""Checkers of lesson 08, beyond the baseline: folds, noise, cost, the threshold of each patient, and headroom."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, NumberExercise

training_patients = NumberExercise(
    question="training_patients(answer): 88 patients, a fold of 18 of them, 8 more for validation; how many are left "
             "for training?",
    right=62,
    insight="Every patient is in one fold only, so each is scored once, by the one network of five that never saw it.",
    misconceptions=(
        Misconception(70, "The 8 who choose inference settings cannot train as well: they would praise themselves."),
        Misconception(80, "You took away the 8, but not the fold itself: its 18 patients are the test."),
        Misconception(88, "Then the network has seen everybody on whom it is scored."),
        Misconception(18, "Those are the test patients. Training needs the rest."),
        Misconception(26, "So many are set aside. How many are left?"),
    ),
    fallback_hint="Take away the test patients and the validation patients.",
)

difference_noise = NumberExercise(
    question="difference_noise(answer): one training's score has a standard deviation of 0.010 by chance; how large is "
             "that of the difference between two trainings?",
    right=0.010 * np.sqrt(2),
    tolerance=0.0002,
    insight="Variances add, also where values are subtracted. Two differing runs wobble 1.4 times as much as one.",
    misconceptions=(
        Misconception(0.02, "Chance does not always push the two apart. Add the variances, the squares."),
        Misconception(0.0, "Subtracting does not remove noise that the two do not share."),
        Misconception(0.01, "That is one of them alone. The other wobbles, too."),
        Misconception(0.0002, "That is the variance of the difference. Take its square root."),
        Misconception(lambda value: abs(value - 0.010 / np.sqrt(2)) < 0.0002,
                      "So much wobbles the *mean* of two. The difference is twice as wide."),
    ),
    fallback_hint="Variance of the difference = variance of the one + variance of the other; then take the root.",
)

full_size_epochs = NumberExercise(
    question="full_size_epochs(answer): 30 epochs of 64 × 64 pixels and 12 of 128 × 128; how many of 256 × 256 cost as "
             "much?",
    right=30 / 16 + 12 / 4,
    tolerance=0.01,
    insight="42 epochs for less than the price of five. Most of training needs no full resolution.",
    misconceptions=(
        Misconception(30 / 4 + 12 / 2, "Half the side is a quarter of the pixels: height and width both shrink."),
        Misconception(42, "That is the number of epochs. What does one of 64 × 64 cost, in epochs of 256 × 256?"),
        Misconception(30 * 16 + 12 * 4, "Turned round: an epoch of small images is the cheaper one."),
        Misconception(30 / 4 + 12, "That is in epochs of 128 × 128. Each of 256 × 256 costs four of these."),
        Misconception(30 / 16, "That is the first stage alone."),
    ),
    fallback_hint="Count pixels: (64 / 256)² for the first 30, (128 / 256)² for the other 12.",
)


def _paired(factor: Callable[[np.ndarray], float], sign: int = 1, ddof: int = 1) -> Callable[..., float]:
    """Mean difference over its standard deviation, times what `factor` makes of the differences."""
    def ratio(before: Sequence[float], after: Sequence[float]) -> float:
        gain = sign * (np.array(after, float) - np.array(before, float))
        return float(gain.mean() / gain.std(ddof=ddof) * factor(gain))
    return ratio


def _root(gain: np.ndarray) -> float:
    return len(gain) ** 0.5


def _unpaired(before: Sequence[float], after: Sequence[float]) -> float:
    variance = np.var(before, ddof=1) / len(before) + np.var(after, ddof=1) / len(after)
    return float((np.mean(after) - np.mean(before)) / variance**0.5)


paired_t = FunctionExercise(
    question="paired_t(function): write paired_t(before, after): the same patients' mean gain, in standard errors.",
    signature="paired_t(before, after)",
    cases=tuple(Case(pair, _paired(_root)(*pair)) for pair in (
        ([0.70, 0.80, 0.40, 0.90], [0.74, 0.82, 0.48, 0.90]),
        ([0.50, 0.60, 0.90], [0.60, 0.55, 0.95]),
        ([0.9, 0.5, 0.7, 0.8, 0.6], [0.8, 0.5, 0.5, 0.8, 0.5]))),
    insight="Hard patients are hard for both; in the difference that cancels. Above about 2 it is hardly chance.",
    misconceptions=(
        Misconception(_paired(lambda gain: 1.0),
                      "You divide by the standard deviation of one gain. The mean of n of them wobbles √n times less."),
        Misconception(_paired(lambda gain: float(len(gain))),
                      "The mean of n values wobbles √n times less, not n times."),
        Misconception(_paired(_root, sign=-1), "The sign: a gain is after − before."),
        Misconception(_paired(_root, ddof=0), "Nearly. For the standard deviation of a sample, NumPy wants `ddof=1`."),
        Misconception(_unpaired,
                      "You compare two groups of different patients. They are the same ones: subtract first."),
        Misconception(lambda before, after: float(np.mean(after) - np.mean(before)),
                      "That is the mean gain. How much does such a mean wobble?"),
    ),
    fallback_hint="Subtract patient by patient; mean / (standard deviation / √n).",
)


def _likeliest(whole: Callable[[np.ndarray], Any] = np.sum) -> Callable[[np.ndarray], int]:
    """How many voxels to draw for the highest 2·(p₁ + … + p_k) / (k + `whole`)."""
    return lambda p: int((2 * p.cumsum() / (np.arange(1, len(p) + 1) + whole(p))).argmax()) + 1


def _highest(p: np.ndarray) -> float:
    many = _likeliest()(p)
    return float(2 * p[:many].sum() / (many + p.sum()))


voxels_to_draw = FunctionExercise(
    question="voxels_to_draw(function): write voxels_to_draw(p): how many of the likeliest voxels to draw, so that the "
             "expected Dice is highest; p falls.",
    signature="voxels_to_draw(p)",
    cases=tuple(Case((np.array(p),), many) for p, many in (
        ([0.9, 0.6, 0.4], 3), ([0.3, 0.2, 0.1], 2), ([0.95, 0.9, 0.2, 0.1], 2), ([0.45, 0.44, 0.43, 0.42], 4),
        ([0.8, 0.35, 0.3, 0.05], 2))),
    insight="What is drawn is what lies above half of that Dice. Where a network doubts, this is far below 0.5.",
    misconceptions=(
        Misconception(lambda p: _likeliest()(p) - 1, "Nearly: `argmax` counts from 0, voxels count from 1."),
        Misconception(lambda p: int(np.sum(p >= 0.5)),
                      "That is the threshold of 0.5 again. Which k has the highest Dice?"),
        Misconception(lambda p: round(p.sum()),
                      "So many the tumour may be expected to have. Which k has the highest Dice?"),
        Misconception(_likeliest(lambda p: 0.0),
                      "Below stands k + Σp: what is drawn, and the whole tumour to be expected, also what is not drawn "
                      "of it."),
        Misconception(_highest, "That is the highest Dice itself. For how many voxels is it reached?"),
        Misconception(lambda p: p[_likeliest()(p) - 1], "That is the threshold. How many voxels reach it?"),
    ),
    fallback_hint="2 · cumsum(p) / (k + Σp) for k = 1, 2, 3, …; then the k where it is highest.",
)


def _lifted(replacement: Callable[[np.ndarray], float], best: bool = False) -> Callable[..., float]:
    """The mean gained if the `worst` patients (or, mistaken, the best) had another score."""
    def gained(dice: Sequence[float], worst: int) -> float:
        ranked = np.sort(np.array(dice, float))
        lifted = ranked.copy()
        lifted[len(ranked) - worst if best else 0:len(ranked) if best else worst] = replacement(ranked)
        return float(lifted.mean() - ranked.mean())
    return gained


headroom = FunctionExercise(
    question="headroom(function): write headroom(dice, worst): by how much the mean would rise if the `worst` lowest "
             "scores became the median.",
    signature="headroom(dice, worst)",
    cases=(Case(([0.9, 0.1, 0.8, 0.7, 0.85], 1), 0.14), Case(([0.9, 0.1, 0.8, 0.7, 0.85], 2), 0.16),
           Case(([0.6, 0.9, 0.0, 0.8, 0.95, 0.85], 2), (0.225 + 0.825) / 6)),
    insight="The worst few weigh far more than their number; that is why we look at them first.",
    misconceptions=(
        Misconception(_lifted(lambda dice: 1.0), "You make them perfect. Nobody is; lift them to the median."),
        Misconception(_lifted(lambda dice: float(dice.mean())),
                      "That lifts them to the mean, which they pull down themselves. Take the median."),
        Misconception(_lifted(lambda dice: float(np.median(dice)), best=True),
                      "Those are the best. Which end of the sorted list are the worst?"),
        Misconception(lambda dice, worst: _lifted(lambda ranked: float(np.median(ranked)))(dice, worst)
                      + float(np.mean(dice)), "That is the new mean. How much is it more than the old one?"),
        Misconception(lambda dice, worst: float(np.median(dice) * worst / len(dice)),
                      "You forget what these patients have already."),
    ),
    fallback_hint="Sort; put the median in place of the first `worst`; new mean − old mean.",
)
