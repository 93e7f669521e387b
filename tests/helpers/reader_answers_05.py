"""Answers to lesson 05's exercises as readers would type them: right ones, then wrong ones and a piece of the hint."""

import numpy as np
from sklearn.metrics import confusion_matrix, jaccard_score


def counts(p, r):
    return [np.sum(p * r), np.sum(p > r), np.sum(r > p), np.sum(p == r) - np.sum(p * r)]


def by_sklearn(p, r):
    (tn, fp), (fn, tp) = confusion_matrix(r.ravel(), p.ravel())
    return tp, fp, fn, tn


def scores(tp, fp, fn):
    def over(part, rest):
        return 1 if part + rest == 0 else part / (part + rest)
    return [over(tp, fp), over(tp, fn), over(2 * tp, fp + fn), over(tp, fp + fn)]


def most(iou):
    return 2 / (1 / iou + 1)


def least(iou, masks):
    """Perfect masks as long as the sum lasts, then what is left over, then misses."""
    left, total = iou * masks, 0
    for _ in range(masks):
        one = min(left, 1)
        left -= one
        total += most(one) if one else 0
    return total / masks


def dices(p, r, names):
    found = {}
    for name in set(names):
        chosen = [at for at, other in enumerate(names) if other == name]
        found[name] = scores(*counts(p[chosen], r[chosen])[:3])[2]
    return found


def slice_means(p, r, names, keep=lambda r: True):
    found = {}
    for name in set(names):
        found[name] = np.mean([scores(*counts(a, b)[:3])[2] for a, b, who in zip(p, r, names, strict=True)
                               if who == name and keep(b)])
    return found


def mean(p, r, names):
    return np.mean(list(dices(p, r, names).values()))


def best(thresholds, p, r, names, score=mean, sign=1):
    found, top = None, -np.inf
    for t in thresholds:
        if sign * score(p >= t, r, names) > top:
            found, top = t, sign * score(p >= t, r, names)
    return found


def interval(values, draws, seed, low=0.025, high=0.975, part=1, replace=True):
    """Whole numbers drawn, where ours draws values."""
    random = np.random.default_rng(seed + 100)
    n = len(values)
    means = [np.mean(values[random.integers(0, n, int(n * part))] if replace else random.permutation(values))
             for _ in range(draws)]
    return [np.quantile(means, low), np.quantile(means, high)]


def medians(values, draws, seed):
    random = np.random.default_rng(seed)
    return np.quantile([np.median(random.choice(values, len(values))) for _ in range(draws)], [0.025, 0.975])


def unseeded(values, draws, seed):
    return interval(values, draws, np.random.default_rng().integers(10**6))


FUNCTIONS_05 = {
    "confusion_counts": ([counts, by_sklearn], {
        lambda p, r: [counts(p, r)[at] for at in (0, 2, 1, 3)]: "FP and FN are exchanged",
        lambda p, r: counts(~p, ~r)[:1] + counts(p, r)[1:3] + counts(p, r)[:1]: "TP and TN are exchanged",
        lambda p, r: [counts(p, r)[at] for at in (0, 3, 1, 2)]: "The order is",
        lambda p, r: [p.sum(), p.size - p.sum(), r.sum(), r.size - r.sum()]: "sizes of both masks",
        lambda p, r: np.array(counts(p, r)) / p.size: "fractions",
        lambda p, r: [*counts(p, r)[:1], *[(p ^ r).sum()] * 2, counts(p, r)[3]]: "both kinds of error",
        lambda p, r: [0, 0, 0, 0]: "TN: neither"}),
    "overlap_scores": ([scores, lambda tp, fp, fn: tuple(scores(tp, fp, fn))], {
        lambda *c: [scores(*c)[at] for at in (1, 0, 2, 3)]: "Precision and recall are exchanged",
        lambda tp, fp, fn: [tp / ((tp + fp) or 1), tp / ((tp + fn) or 1), 2 * tp / ((2 * tp + fp + fn) or 1),
                            tp / ((tp + fp + fn) or 1)]: "counts 1",
        lambda *c: [scores(*c)[at] for at in (0, 1, 3, 3)]: "TP counts twice",
        lambda *c: [*scores(*c)[:2], np.mean(scores(*c)[:2]), scores(*c)[3]]: "plain mean",
        lambda *c: [scores(*c)[at] for at in (0, 1, 3, 2)]: "Dice and IoU are exchanged",
        lambda *c: scores(*c)[2]: "Dice alone",
        lambda tp, fp, fn: [tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn),
                            tp / (tp + fp + fn)]: "ZeroDivisionError"}),
    "dice_range": ([lambda iou, masks: (least(iou, masks), most(iou))], {
        lambda iou, masks: [most(iou)] * 2: "a single mask only",
        lambda iou, masks: (most(iou), least(iou, masks)): "First the least",
        lambda iou, masks: (iou, most(iou)): "Nearly", lambda iou, masks: (0, most(iou)): "every mask would be a miss",
        lambda iou, masks: (int(iou * masks) / masks, most(iou)): "the one in between is missing",
        lambda iou, masks: (least(iou, masks), iou / (2 - iou)): "from Dice to IoU",
        lambda iou, masks: (least(iou, masks) * masks, most(iou)): "Divide by the number",
        lambda iou, masks: (1, 2): "Most: all equal"}),
    "dice_by_patient": ([dices, lambda p, r, names: {name: 1 - (1 - d) for name, d in dices(p, r, names).items()}], {
        slice_means: "average the Dice of the patient's slices",
        lambda p, r, names: slice_means(p, r, names, np.any): "average over slices with tumour",
        lambda p, r, names: dices(p & r.any((1, 2))[:, None, None], r, names): "leave out the slices without",
        lambda p, r, names: {name: jaccard_score(*(np.concatenate([a.ravel() for a, who in zip(m, names, strict=True)
                                                                   if who == name]) for m in (r, p)))
                             for name in set(names)}: "That is IoU",
        lambda p, r, names: {name: scores(*counts(*(m[np.array(names) == name] for m in (p, r)))[:3])[0]
                             for name in set(names)}: "That is precision",
        lambda p, r, names: dict.fromkeys(names, scores(*counts(p, r)[:3])[2]): "Pick its own",
        lambda p, r, names: [value for _, value in sorted(dices(p, r, names).items())]: "keeps its patient's name",
        mean: "the mean already", lambda p, r, names: {}: "the third of overlap_scores"}),
    "choose_threshold": ([best, lambda t, p, r, names: max(t, key=lambda one: (mean(p >= one, r, names), -one))], {
        lambda *given: best(*given, score=lambda p, r, names: scores(*counts(p, r)[:3])[2]): "largest tumour decides",
        lambda *given: best(*given, score=lambda p, r, names: np.mean(
            [scores(*counts(a, b)[:3])[2] for a, b in zip(p, r, strict=True)])): "average over slices",
        lambda *given: best(*given, sign=-1): "the worst",
        lambda t, p, r, names: best(t, p - 1e-9, r, names): "at least",
        lambda t, p, r, names: max(mean(p >= one, r, names) for one in t): "the best score",
        lambda t, p, r, names: t.index(best(t, p, r, names)): "place of the threshold",
        lambda t, p, r, names: t[-1]: "the last one tried", lambda t, p, r, names: 2: "keep the best"}),
    "bootstrap_interval": ([interval, lambda values, draws, seed: np.array(interval(values, draws, seed + 1))], {
        lambda *given: interval(*given, replace=False): "*with* replacement",
        lambda values, draws, seed: np.percentile(values, [2.5, 97.5]): "the patients themselves",
        lambda *given: interval(*given, low=0.05, high=0.95): "90 %",
        lambda values, draws, seed: (lambda m: (m.min(), m.max()))(np.random.default_rng(seed).choice(
            values, (draws, len(values))).mean(1)): "Take the middle 95 %",
        medians: "the median",
        lambda values, draws, seed: (values.mean() - 1.96 * values.std(), values.mean() + 1.96 * values.std()):
            "where single patients lie",
        lambda *given: interval(*given, part=0.5): "half as many patients",
        lambda *given: interval(*given)[::-1]: "First the lower end", unseeded: "another one each time",
        lambda *given: 0.5: "np.quantile(means"}),
}
RIGHT = ["split by slices", "sound", "empty slices", "best of many seeds", "impossible", "accuracy",
         "threshold chosen on test"]
PROPERTIES_05 = {
    "metric_detective": ([RIGHT, tuple(word.upper() for word in RIGHT), [f" {word}  " for word in RIGHT]], {
        **{tuple(word if place != at else "sound" if at != 1 else "impossible" for place, word in enumerate(RIGHT)):
           f"{letter}: " for at, letter in enumerate("ABCDEFG")},
        tuple(RIGHT[:6]): "give seven faults", ("leak", *RIGHT[1:]): "Choose from these"}),
}
