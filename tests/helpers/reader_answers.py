"""Answers to every exercise as readers would type them: right ones, then wrong ones with a piece of the hint each gets.

Written by hand, not read from the checkers.
"""

from reader_answers_00 import FUNCTIONS_00
from reader_answers_02 import FUNCTIONS_02, PROPERTIES_02
from reader_answers_03 import FUNCTIONS_03, MODULES_03, PROPERTIES_03
from reader_answers_04 import CLASSES_04, FUNCTIONS_04
from reader_answers_05 import FUNCTIONS_05, PROPERTIES_05
from reader_answers_06 import FUNCTIONS_06
from reader_answers_07 import FUNCTIONS_07
from reader_answers_08 import FUNCTIONS_08
from reader_answers_09 import FUNCTIONS_09, NUMBERS_09

NUMBERS = {
    "tumour_slice_fraction": ([0.35, 1373 / 3929, 0.3495],
                              {34.9: "percentage", 0.65: "without", 0.537: "odds", 2.86: "other way up"}),
    "always_no_accuracy": ([0.9897, 0.99, 1 - 0.0103],
                           {0.0103: "wrong", 98.97: "percentage", 0: "healthy", 0.65: "slices", 1: "Not"}),
    "balance_weight": ([96, 96.1, 0.9897 / 0.0103], {97.1: "all pixels", 0.0104: "rare class", 1.86: "slices"}),
}


PROPERTIES = {
}


def missing_channels(image):
    return [channel for channel in (0, 2) if (image[:, :, channel] == image[:, :, 1]).all()]


def is_leaky(train_patients, test_patients):
    return any(patient in train_patients for patient in test_patients)


def slice_order(names):
    return sorted(names, key=lambda name: int(name.split("_")[-1].removesuffix(".tif")))


def by_rows(image):
    return [channel for channel in (0, 2) if (image[channel] == image[1]).all()]


def sites_shared(train, test):
    return len({p.split("_")[0] for p in train} & {p.split("_")[0] for p in test}) > 0


FUNCTIONS = {
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
}
FUNCTIONS |= FUNCTIONS_00 | FUNCTIONS_02 | FUNCTIONS_03 | FUNCTIONS_04 | FUNCTIONS_05 | FUNCTIONS_06
FUNCTIONS |= FUNCTIONS_07 | FUNCTIONS_08 | FUNCTIONS_09
NUMBERS |= NUMBERS_09
TABLE = {**NUMBERS, **PROPERTIES, **PROPERTIES_02, **PROPERTIES_03, **PROPERTIES_05, **MODULES_03, **CLASSES_04,
         **FUNCTIONS}
