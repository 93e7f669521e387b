"""Answers to every exercise as readers would type them: right ones, then wrong ones with a piece of the hint each gets.

Written by hand, not read from the checkers.
"""

import numpy as np
from reader_answers_02 import FUNCTIONS_02, PROPERTIES_02
from reader_answers_03 import FUNCTIONS_03, MODULES_03, PROPERTIES_03
from reader_answers_04 import CLASSES_04, FUNCTIONS_04
from reader_answers_06 import FUNCTIONS_06
from reader_answers_07 import FUNCTIONS_07
from reader_answers_09 import FUNCTIONS_09, NUMBERS_09
from scipy import stats

NUMBERS = {
    "slice_numbers": ([196608, 256 * 256 * 3.0, np.int64(196608)],
                      {65536: "one channel", 768: "one row", 515: "added", 12: "Multiply"}),
    "prediction_numbers": ([65536], {1: "classification", 196608: "output has one", 131072: "Two classes need"}),
    "tinted_fraction": ([0.03125, 2048 / 65536, 0.0312], {3.125: "percentage", 0.0104: "three", 32: "other way up"}),
    "zero_logit": ([0.5, 1 / (1 + np.exp(0))], {0: "no prob", 1: "divides", 0.731: "sigmoid of 1", 50: "Per cent"}),
    "tumour_slice_fraction": ([0.35, 1373 / 3929, 0.3495],
                              {34.9: "percentage", 0.65: "without", 0.537: "odds", 2.86: "other way up"}),
    "always_no_accuracy": ([0.9897, 0.99, 1 - 0.0103],
                           {0.0103: "wrong", 98.97: "percentage", 0: "healthy", 0.65: "slices", 1: "Not"}),
    "balance_weight": ([96, 96.1, 0.9897 / 0.0103], {97.1: "all pixels", 0.0104: "rare class", 1.86: "slices"}),
    "hidden_recall": ([1 - 0.7 / 1.03, 0.32, 33 / 103], {0.68: "was missed", 0.993: "accuracy", 0.0033: "whole image",
                                                         32: "percentage", 0.485: "Dice", 0.5: "0.7 %"}),
    "training_patients": ([62, 88 - 18 - 8], {70: "praise", 80: "fold itself", 88: "seen", 18: "the test patients",
                                              26: "set aside", 50: "Take away"}),
    "difference_noise": ([0.01 * 2**0.5, 0.0141], {0.02: "squares", 0: "not remove", 0.01: "other wobbles",
                                                   0.0002: "root", 0.00707: "mean", 0.1: "Variance"}),
    "full_size_epochs": ([4.875, 30 / 16 + 3, 4.88], {13.5: "quarter", 42: "What does one", 528: "Turned", 19.5: "four",
                                                      1.875: "alone", 7: "Count pixels"}),
}


PROPERTIES = {
    "four_counts": ([(4, 2, 3, 7), [4, 2, 3, 7.0], np.array([4, 2, 3, 7])],
                    {(4, 3, 2, 7): "FP and FN are", (7, 2, 3, 4): "TP and TN are", (6, 0, 3, 7): "How much of it does",
                     (7, 2, 0, 7): "did the network", (4, 2, 3, 6): "add up to 16", (5, 2, 3, 6): "Lay one grid"}),
}


def decide(probability, threshold):
    return np.where(probability >= threshold, 1, 0)


def missing_channels(image):
    return [channel for channel in (0, 2) if (image[:, :, channel] == image[:, :, 1]).all()]


def is_leaky(train_patients, test_patients):
    return any(patient in train_patients for patient in test_patients)


def slice_order(names):
    return sorted(names, key=lambda name: int(name.split("_")[-1].removesuffix(".tif")))


def paired_t(before, after):
    gain = np.subtract(after, before)
    return gain.mean() / (gain.std(ddof=1) / np.sqrt(len(gain)))


def headroom(dice, worst):
    return sum(np.median(dice) - score for score in sorted(dice)[:worst]) / len(dice)


def voxels_to_draw(p):
    reached = [2 * sum(p[:k]) / (k + sum(p)) for k in range(1, len(p) + 1)]
    return 1 + reached.index(max(reached))


def honest_score(validation_f1, test_f1):
    return test_f1[validation_f1.index(max(validation_f1))]


def dice(tp, fp, fn):
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1


def three_dices(counts, patients):
    total = {name: [sum(column) for column in zip(*(c for c, p in zip(counts, patients, strict=True) if p == name),
                                                  strict=True)] for name in patients}
    per_slice, per_patient = [dice(*row) for row in counts], [dice(*row) for row in total.values()]
    return [np.mean(per_slice), np.mean(per_patient), dice(*np.sum(counts, axis=0))]


def nearest(a, b):
    return [min(np.hypot(r - y, c - x) for y, x in b) for r, c in a]


def hausdorff(first, second):
    return max(nearest(first, second) + nearest(second, first))


def by_rows(image):
    return [channel for channel in (0, 2) if (image[channel] == image[1]).all()]


def sites_shared(train, test):
    return len({p.split("_")[0] for p in train} & {p.split("_")[0] for p in test}) > 0


FUNCTIONS = {
    "decide": ([decide, lambda p, t: (p > t).astype(np.uint8).tolist()],
               {lambda p, t: 1 - decide(p, t): "other way round", lambda p, t: p.round(): "Rounding",
                lambda p, t: 255 * decide(p, t): "255", lambda p, t: p: "Compare every"}),
    "missing_channels": ([missing_channels, lambda image: set(missing_channels(image))],
                         {lambda i: sorted([*missing_channels(i), 1]): "equals itself", by_rows: "first row",
                          lambda i: [c for c in (0, 2) if i[..., c].mean() == i[..., 1].mean()]: "sums or means",
                          lambda i: [c for c in (0, 2) if np.any(i[..., c] == i[..., 1])]: "Some equal pixels",
                          lambda i: [0, 2]: "`missing_channels(image) with three different channels` should be []"}),
    "is_leaky": ([is_leaky, lambda a, b: not set(a).isdisjoint(b)],
                 {lambda a, b: set(a).intersection(b): "True or False",
                  lambda a, b: a == b: "both lists are the same",
                  sites_shared: "sites", lambda a, b: set(a).isdisjoint(b): "Upside down",
                  lambda a, b: False: "should be True; yours gives False"}),
    "slice_order": ([slice_order, lambda names: np.array(slice_order(names))],
                    {lambda names: sorted(names): "sorted text", lambda names: slice_order(names)[::-1]: "top down",
                     lambda names: names.sort(): "`return`", lambda names: [int(n[2:-4]) for n in slice_order(names)]:
                     "names are wanted"}),
    "dice_from_iou": ([lambda iou: 2 * iou / (1 + iou), lambda iou: 2 / (1 / iou + 1) if iou else 0],
                      {lambda iou: iou / (2 - iou): "from Dice to IoU", lambda iou: 2 * iou: "divided by",
                       lambda iou: iou / (iou + 1): "Half of it", lambda iou: iou * 2 / (iou + 2): "two thirds",
                       lambda iou: iou: "only at 0 and at 1", lambda iou: 1 - iou: "Solve IoU"}),
    "honest_score": ([honest_score, lambda v, t: t[int(np.argmax(v))]],
                     {lambda v, t: max(t): "then praised it", lambda v, t: max(v): "who chose",
                      lambda v, t: v[t.index(max(t))]: "wrong way round", lambda v, t: v.index(max(v)): "the index of",
                      lambda v, t: sum(t) / len(t): "score of none", lambda v, t: t[-1]: "at the same index"}),
    "three_dices": ([three_dices, lambda c, p: tuple(three_dices(c, p))],
                    {lambda c, p: [np.mean([dice(*r) if sum(r) else 0 for r in c]), *three_dices(c, p)[1:]]:
                     "left empty counts 1",
                     lambda c, p: [np.mean([dice(*r) for r in c if sum(r)]), *three_dices(c, p)[1:]]: "leave out empty",
                     lambda c, p: three_dices(c, p)[::-1]: "The order is", lambda c, p: [three_dices(c, p)[0]] * 3:
                     "All three are the mean", lambda c, p: [three_dices(c, p)[2]] * 3: "All three are pooled",
                     lambda c, p: [three_dices(c, p)[0], np.mean([np.mean([dice(*r) for r, q in zip(c, p, strict=True)
                                                                           if q == name]) for name in set(p)]),
                                   three_dices(c, p)[2]]: "Add up their counts",
                     lambda c, p: [0, 0, 0]: "add all rows"}),
    "hausdorff": ([hausdorff, lambda a, b: float(hausdorff(b, a))],
                  {lambda a, b: max(nearest(a, b)): "first outline to the second only",
                   lambda a, b: max(nearest(b, a)): "second outline to the first only",
                   lambda a, b: max(np.hypot(r - y, c - x) for r, c in a for y, x in b): "farthest pair",
                   lambda a, b: min(nearest(a, b)): "nearest pair", lambda a, b: max(
                       np.mean(nearest(a, b)), np.mean(nearest(b, a))): "forgives one bad place",
                   lambda a, b: max(min(abs(r - y) + abs(c - x) for y, x in q) for p, q in ((a, b), (b, a))
                                    for r, c in p): "add rows and columns", lambda a, b: 7: "every point of either"}),
    "paired_t": ([paired_t, lambda b, a: stats.ttest_rel(a, b).statistic],
                 {lambda b, a: paired_t(b, a) / len(a) ** 0.5: "divide by the standard deviation of one gain",
                  lambda b, a: paired_t(b, a) * len(a) ** 0.5: "not n times",
                  lambda b, a: paired_t(a, b): "The sign",
                  lambda b, a: paired_t(b, a) * (len(a) / (len(a) - 1)) ** 0.5: "ddof=1",
                  lambda b, a: stats.ttest_ind(a, b, equal_var=False).statistic: "groups of different patients",
                  lambda b, a: np.mean(a) - np.mean(b): "such a mean wobble",
                  lambda b, a: 2: "Subtract patient"}),
    "headroom": ([headroom],
                 {lambda d, k: (k - sum(sorted(d)[:k])) / len(d): "perfect",
                  lambda d, k: (k * np.mean(d) - sum(sorted(d)[:k])) / len(d): "pull down",
                  lambda d, k: (k * np.median(d) - sum(sorted(d)[-k:])) / len(d): "Those are the best",
                  lambda d, k: np.mean(d) + headroom(d, k): "the new mean",
                  lambda d, k: np.median(d) * k / len(d): "have already", lambda d, k: 1: "put the median"}),
    "voxels_to_draw": ([voxels_to_draw, lambda p: np.argmax(2 * np.cumsum(p) / (1 + np.arange(len(p)) + p.sum())) + 1],
                       {lambda p: voxels_to_draw(p) - 1: "counts from 0", lambda p: sum(p >= 0.5): "0.5 again",
                        lambda p: round(sum(p)): "So many",
                        lambda p: 1 + np.argmax(p.cumsum() / (1 + np.arange(len(p)) + p.cumsum())): "not drawn",
                        lambda p: max(2 * np.cumsum(p) / (1 + np.arange(len(p)) + p.sum())): "highest Dice itself",
                        lambda p: p[voxels_to_draw(p) - 1]: "That is the threshold. How", len: "then the k"}),
}
FUNCTIONS |= FUNCTIONS_02 | FUNCTIONS_03 | FUNCTIONS_04 | FUNCTIONS_06 | FUNCTIONS_07 | FUNCTIONS_09
NUMBERS |= NUMBERS_09
TABLE = {**NUMBERS, **PROPERTIES, **PROPERTIES_02, **PROPERTIES_03, **MODULES_03, **CLASSES_04, **FUNCTIONS}
