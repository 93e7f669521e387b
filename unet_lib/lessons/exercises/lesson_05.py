"""Checkers of lesson 05, how good is it: counts, scores, patients, thresholds, intervals, and claims to see through."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from unet_lib.lessons import reference_evaluation as ours
from unet_lib.lessons.exercises.detective import metric_detective
from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception

__all__ = ["bootstrap_interval", "choose_threshold", "confusion_counts", "dice_by_patient", "dice_range",
           "metric_detective", "overlap_scores"]

# The masks that the lesson draws. TP, FP, FN, TN are four different numbers.
REFERENCE_4X4 = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 0]], bool)
NETWORK_4X4 = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)


def _stack(seed: int, slices: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random masks of some slices, which overlap more than by chance."""
    random = np.random.default_rng(seed)
    noise = random.random((2, slices, 6, 6))
    return noise[0] < 0.3, (0.6 * noise[0] + 0.4 * noise[1]) < 0.3


def _plain(arguments: tuple[Any, ...], returned: Any) -> Any:
    """Python's own numbers, which are shorter to read in a hint than NumPy's."""
    if not isinstance(returned, tuple | list):
        return returned
    return tuple(number.item() if isinstance(number, np.number) else number for number in returned)


def _in_order(*order: int) -> Callable[..., Any]:
    """The four counts in another order."""
    return lambda p, r: tuple(ours.confusion_counts(p, r)[at] for at in order)


confusion_counts = FunctionExercise(
    question="confusion_counts(confusion_counts): write confusion_counts(predicted, reference): TP, FP, FN, TN.",
    signature="confusion_counts(predicted, reference)",
    cases=tuple(Case(masks, _plain(masks, ours.confusion_counts(*masks)), f"confusion_counts({shown})")
                for masks, shown in (((NETWORK_4X4, REFERENCE_4X4), "network, expert"),
                                     (_stack(1, 3), "two masks of 3 slices"))),
    observe=_plain,
    ours=lambda: ours.confusion_counts,
    insight="Every pixel is in exactly one of the four, and every score of this lesson is made of them.",
    misconceptions=(
        Misconception(_in_order(0, 2, 1, 3), "FP and FN are exchanged. Positive is what the network says; false, that "
                                             "the expert disagrees."),
        Misconception(_in_order(3, 1, 2, 0), "TP and TN are exchanged. Positive means: called tumour."),
        Misconception(_in_order(0, 3, 1, 2), "The order is TP, FP, FN, TN."),
        Misconception(lambda p, r: (p.sum(), (~p).sum(), r.sum(), (~r).sum()),
                      "Those are the sizes of both masks. For each count two things have to be true at once: `&`."),
        Misconception(lambda p, r: tuple(n / p.size for n in ours.confusion_counts(p, r)),
                      "Those are fractions. Count pixels: counts can be added up over slices, fractions cannot."),
        Misconception(lambda p, r: ((p & r).sum(), (p != r).sum(), (p != r).sum(), (~p & ~r).sum()),
                      "`!=` finds both kinds of error. FP: predicted and not reference. FN: the other way round."),
    ),
    fallback_hint="TP: both. FP: predicted, but not reference. FN: reference, but not predicted. TN: neither.",
)


def _scores(tp: Any, fp: Any, fn: Any, empty: float = 1.0, twice: int = 2) -> tuple[float, ...]:
    """The four scores, but for what 0 / 0 is worth and how often TP counts in Dice."""
    pairs = ((tp, tp + fp), (tp, tp + fn), (twice * tp, twice * tp + fp + fn), (tp, tp + fp + fn))
    return tuple(part / whole if whole else empty for part, whole in pairs)


def _mean_of_two(tp: Any, fp: Any, fn: Any) -> tuple[float, ...]:
    precision, recall, _, iou = _scores(tp, fp, fn)
    return precision, recall, (precision + recall) / 2, iou


overlap_scores = FunctionExercise(
    question="overlap_scores(overlap_scores): write overlap_scores(tp, fp, fn): precision, recall, Dice, IoU.",
    signature="overlap_scores(tp, fp, fn)",
    cases=tuple(Case(counts, _scores(*counts)) for counts in ((4, 2, 3), (0, 0, 0), (0, 5, 0), (30, 0, 10))),
    observe=_plain,
    ours=lambda: ours.overlap_scores,
    insight="All four from three counts. TN is in none of them: leaving healthy pixels alone earns nothing.",
    misconceptions=(
        Misconception(lambda *c: tuple(_scores(*c)[at] for at in (1, 0, 2, 3)),
                      "Precision and recall are exchanged. Precision divides by what the network marked, TP + FP."),
        Misconception(lambda tp, fp, fn: _scores(tp, fp, fn, empty=0.0),
                      "0 / 0: nothing was there, and nothing was marked. That is right, so here it counts 1."),
        Misconception(lambda tp, fp, fn: _scores(tp, fp, fn, twice=1),
                      "In Dice TP counts twice, above the line and below it."),
        Misconception(_mean_of_two, "That is the plain mean of precision and recall. Dice is 2·TP / (2·TP + FP + FN)."),
        Misconception(lambda *c: (*_scores(*c)[:2], *_scores(*c)[:1:-1]), "Dice and IoU are exchanged."),
        Misconception(lambda *c: _scores(*c)[2], "That is Dice alone. Return four scores, in the order asked for."),
    ),
    fallback_hint="TP/(TP+FP), TP/(TP+FN), 2·TP/(2·TP+FP+FN), TP/(TP+FP+FN); where the divisor is 0, return 1.0.",
)


def _most(iou: float) -> float:
    return 2 * iou / (1 + iou)


dice_range = FunctionExercise(
    question="dice_range(dice_range): write dice_range(mean_iou, masks): the least and the most that their mean Dice "
             "can be.",
    signature="dice_range(mean_iou, masks)",
    cases=tuple(Case(given, ours.dice_range(*given)) for given in ((0.8, 1), (0.5, 2), (0.3, 4), (0.71, 24))),
    ours=lambda: ours.dice_range,
    insight="For one mask both ends are the same. For several, a mean Dice may lie anywhere between, and nowhere else.",
    misconceptions=(
        Misconception(lambda iou, masks: (_most(iou),) * 2,
                      "That is right for a single mask only. Several masks may be unequal, and then their mean Dice is "
                      "lower."),
        Misconception(lambda iou, masks: ours.dice_range(iou, masks)[::-1], "First the least, then the most."),
        Misconception(lambda iou, masks: (iou, _most(iou)),
                      "Nearly. With few masks the least is a little more: beside perfect masks and misses one may be "
                      "left in between. Your range should shrink to one number for a single mask."),
        Misconception(lambda iou, masks: (masks * iou // 1 / masks, _most(iou)),
                      "The perfect masks are counted; the one in between is missing. Its IoU is what is left over, and "
                      "its Dice is 2·rest / (1 + rest)."),
        Misconception(lambda iou, masks: (0.0, _most(iou)),
                      "With a mean Dice of 0 every mask would be a miss, and the mean IoU 0 as well."),
        Misconception(lambda iou, masks: (ours.dice_range(iou, masks)[0], iou / (2 - iou)),
                      "The most: your formula leads from Dice to IoU. You need the way back."),
        Misconception(lambda iou, masks: (ours.dice_range(iou, masks)[0] * masks, _most(iou)),
                      "The least is a sum so far. Divide by the number of masks."),
    ),
    fallback_hint="Most: all equal, 2J / (1 + J). Least: perfect, rest = divmod(masks · mean_iou, 1); then the mean.",
)


def _by_patient(score: Callable[..., float]) -> Callable[..., dict[str, float]]:
    """What this score makes of each patient's slices."""
    def judge(predicted: Any, reference: Any, patients: Sequence[str]) -> dict[str, float]:
        names = np.array(patients)
        return {str(name): score(predicted[names == name], reference[names == name]) for name in np.unique(names)}
    return judge


def _pooled(predicted: np.ndarray, reference: np.ndarray, which: int = 2) -> float:
    tp, fp, fn, _ = ours.confusion_counts(predicted, reference)
    return _scores(tp, fp, fn)[which]


def _mean_over_slices(predicted: np.ndarray, reference: np.ndarray, tumour_only: bool = False) -> float:
    pairs = [pair for pair in zip(predicted, reference, strict=True) if pair[1].any() or not tumour_only]
    return float(np.mean([_pooled(*pair) for pair in pairs]))


def _patients(seed: int, names: str) -> tuple[Any, ...]:
    """Masks of as many slices as there are letters; the first slice is empty in both, the second has a false alarm."""
    predicted, reference = _stack(seed, len(names))
    reference[:2], predicted[0] = False, False
    return predicted, reference, list(names)


dice_by_patient = FunctionExercise(
    question="dice_by_patient(dice_by_patient): write dice_by_patient(predicted, reference, patients): a dictionary, "
             "name → Dice of all the patient's slices together.",
    signature="dice_by_patient(predicted, reference, patients)",
    cases=tuple(Case(given, ours.dice_by_patient(*given), f"dice_by_patient(predicted, reference, {given[2]})")
                for given in (_patients(3, "AABBA"), _patients(4, "BCCACB"))),
    ours=lambda: ours.dice_by_patient,
    insight="Counts first, one score a patient. An empty slice gives nothing and costs nothing; false alarms cost.",
    misconceptions=(
        Misconception(_by_patient(_mean_over_slices),
                      "You average the Dice of the patient's slices. Take all the patient's slices together, count, "
                      "and only then score."),
        Misconception(_by_patient(lambda p, r: _mean_over_slices(p, r, tumour_only=True)),
                      "You average over slices with tumour. Then false alarms on all other slices cost nothing."),
        Misconception(_by_patient(lambda p, r: _pooled(p[r.any((1, 2))], r[r.any((1, 2))])),
                      "You leave out the slices without tumour. Then false alarms there cost nothing."),
        Misconception(_by_patient(lambda p, r: _pooled(p, r, 3)), "That is IoU. Dice is the third of your scores."),
        Misconception(_by_patient(lambda p, r: _pooled(p, r, 0)), "That is precision. Dice is the third of your "
                                                                  "scores."),
        Misconception(lambda p, r, names: _by_patient(lambda *_: _pooled(p, r))(p, r, names),
                      "Every patient gets the score of all slices. Pick its own: `predicted[names == name]`."),
        Misconception(lambda *given: list(ours.dice_by_patient(*given).values()),
                      "Return a dictionary, so that each score keeps its patient's name."),
        Misconception(lambda *given: float(np.mean(list(ours.dice_by_patient(*given).values()))),
                      "That is the mean already. Return a dictionary: which patients are bad matters more."),
    ),
    fallback_hint="For each name: the slices where names == name; confusion_counts of them; the third of "
                  "overlap_scores.",
)


def _tried(seed: int) -> tuple[Any, ...]:
    """Five thresholds, and probabilities of six slices of three patients, one of whom has most of the tumour."""
    random = np.random.default_rng(seed)
    references = random.random((6, 5, 5)) < np.array([0.8, 0.7, 0.05, 0.1, 0.15, 0.0])[:, None, None]
    probabilities = np.clip(0.35 * references + random.random((6, 5, 5)) * 0.75, 0, 1).round(1)
    return (0.2, 0.4, 0.5, 0.7, 0.9), probabilities, references, list("AABBCC")


def _chosen(score: Callable[..., float], best: Callable[..., Any] = np.argmax,
            mark: Callable[..., Any] = np.greater_equal) -> Callable[..., float]:
    """The threshold at which this score is best."""
    return lambda thresholds, p, r, names: thresholds[int(best([score(mark(p, t), r, names) for t in thresholds]))]


def _mean(predicted: Any, reference: Any, names: Sequence[str]) -> float:
    return float(np.mean(list(ours.dice_by_patient(predicted, reference, names).values())))


def _means(thresholds: Sequence[float], p: Any, r: Any, names: Sequence[str]) -> list[float]:
    return [_mean(p >= t, r, names) for t in thresholds]


choose_threshold = FunctionExercise(
    question="choose_threshold(choose_threshold): write choose_threshold(thresholds, probabilities, references, "
             "patients): the threshold with the highest mean Dice over patients.",
    signature="choose_threshold(thresholds, probabilities, references, patients)",
    cases=tuple(Case(given, ours.choose_threshold(*given), f"choose_threshold({given[0]}, …)")
                for given in map(_tried, (37, 135, 219))),
    ours=lambda: ours.choose_threshold,
    insight="It is the best for the patients it was chosen on. For others it is a guess, which they have to confirm.",
    misconceptions=(
        Misconception(_chosen(lambda p, r, names: _pooled(p, r)),
                      "You pool all patients, so that the largest tumour decides. Average the patients' Dice."),
        Misconception(_chosen(lambda p, r, names: _mean_over_slices(p, r)),
                      "You average over slices. Take the mean of the patients' Dice: dice_by_patient gives them."),
        Misconception(_chosen(_mean, np.argmin), "That is the worst of them."),
        Misconception(_chosen(_mean, mark=np.greater), "A pixel is marked where its probability is *at least* the "
                                                       "threshold: `>=`."),
        Misconception(lambda *given: max(_means(*given)), "That is the best score. Return its threshold."),
        Misconception(lambda *given: int(np.argmax(_means(*given))),
                      "That is the place of the threshold in the list. Return the threshold itself."),
        Misconception(lambda thresholds, p, r, names: thresholds[-1],
                      "You return the last one tried. Remember the best so far, and replace it only by a better one."),
    ),
    fallback_hint="For each threshold: dice_by_patient(probabilities >= threshold, …), the mean of its values; keep "
                  "the best.",
)

NEAR = 0.16
"""Two intervals are taken for the same if their ends differ by less than this, in standard errors of the mean: another
way of drawing wobbles by 0.04, and a 90 % interval is off by 0.3."""
_NO_SPREAD = "Every draw has the same mean. Draw *with* replacement: some patients come twice, some not at all."


def _drawn(values: Any, draws: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(values, float), (draws, len(values)))


def _interval(statistic: Callable[..., Any] = np.mean, ends: tuple[float, float] = (0.025, 0.975),
              size: Callable[[int], int] = lambda n: n) -> Callable[..., tuple[float, ...]]:
    """An interval of a statistic, between these quantiles, of draws of so many patients."""
    def find(values: Any, draws: int, seed: int) -> tuple[float, ...]:
        drawn = _drawn(values, draws, seed)[:, :size(len(values))]
        return tuple(np.quantile(statistic(drawn, axis=1), ends).tolist())
    return find


def _spread(error: Callable[[np.ndarray], float]) -> Callable[..., tuple[float, ...]]:
    """The mean ± 1.96 times an error."""
    return lambda values, draws, seed: tuple(float(np.mean(values) + side * 1.96 * error(values)) for side in (-1, 1))


_MISTAKES: tuple[tuple[Callable[..., Any], str], ...] = (
    (lambda values, draws, seed: (float(np.mean(values)),) * 2, _NO_SPREAD),
    (lambda values, draws, seed: tuple(np.quantile(values, [0.025, 0.975]).tolist()),
     "Between those ends lie the patients themselves. Where would the *mean* lie? Draw, take the mean, repeat."),
    (_interval(ends=(0.05, 0.95)), "Between 0.05 and 0.95 lie 90 %. For 95 % cut off half of five per cent on each "
                                   "side."),
    (_interval(ends=(0.0, 1.0)), "Those are the least and the largest mean of all draws. Take the middle 95 %."),
    (_interval(np.median), "That is the interval of the median. Take the mean of each draw."),
    (_spread(np.std), "That is the mean ± 1.96 standard deviations of the patients: where single patients lie. The "
                      "mean of many wobbles less."),
    (_interval(size=lambda n: n // 2), "You draw half as many patients as there are. Draw as many: "
                                       "`size=len(values)`."),
    (lambda *given: _interval()(*given)[::-1], "First the lower end, then the upper."),
    (lambda values, draws, seed: np.sort(_drawn(values, draws, seed).mean(axis=1)),
     "Those are all the means. Return the two ends between which the middle 95 % lie: `np.quantile`."),
)


@cache
def _known(values: tuple[float, ...], draws: int, seed: int) -> tuple[Any, ...]:
    """The right interval, and what comes of each mistake."""
    return tuple(find(values, draws, seed) for find in (_interval(), *(find for find, _ in _MISTAKES)))


def _recognised(arguments: tuple[Any, ...], returned: Any) -> Any:
    """What was returned; or, if chance alone tells it from an interval that is known, that interval."""
    values, draws, seed = arguments
    got = np.asarray(returned, float)
    if got.shape == (draws,):
        got = np.sort(got)
    near = NEAR * np.std(values) / len(values) ** 0.5
    known = (one for one in _known(tuple(values.tolist()), draws, seed) if np.shape(one) == got.shape)
    alike = (one for one in known if (np.abs(got - one) < near).all())
    return next(alike, tuple(got.tolist()) if got.shape == (2,) else returned)


def _same_twice(function: Callable[..., Any]) -> str | None:
    values = np.array([0.2, 0.5, 0.9, 0.7])
    alike = np.array_equal(function(values, 50, 3), function(values, 50, 3))
    return None if alike else ("A right interval, but another one each time. Draw with "
                               "`np.random.default_rng(seed)`, so that others can repeat what you did.")


_VALUES = (np.array([0.0, 0.04, 0.25, 0.58, 0.71, 0.74, 0.84, 0.86, 0.88, 0.94]),
           np.random.default_rng(8).beta(4, 2, 30))

bootstrap_interval = FunctionExercise(
    question="bootstrap_interval(bootstrap_interval): write bootstrap_interval(values, draws, seed): the 95 % interval "
             "of their mean.",
    signature="bootstrap_interval(values, draws, seed)",
    cases=lambda: tuple(Case((values, 3000, seed), _known(tuple(values.tolist()), 3000, seed)[0],
                             f"bootstrap_interval({len(values)} values, 3000, {seed})")
                        for seed, values in enumerate(_VALUES)),
    observe=_recognised,
    also=_same_twice,
    ours=lambda: ours.bootstrap_interval,
    insight="No formula and no bell curve: the patients themselves say how far their mean can be trusted.",
    misconceptions=tuple(Misconception(find, hint) for find, hint in _MISTAKES),
    fallback_hint="draws times: random.choice(values, size=len(values)), its mean; then np.quantile(means, "
                  "[0.025, 0.975]).",
)
