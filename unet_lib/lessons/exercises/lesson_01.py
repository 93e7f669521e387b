"""Checkers of lesson 01, the scan: counts, imbalance, missing sequences, order, and the leak."""

import re
from collections.abc import Sequence

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, NumberExercise

# Counted from the files of the data set (Buda, Saha & Mazurowski 2019).
_SLICES, _TUMOUR_SLICES, _TUMOUR_PIXELS = 3929, 1373, 0.0103

tumour_slice_fraction = NumberExercise(
    question="tumour_slice_fraction(answer): 1,373 of 3,929 slices show tumour; which fraction is that?",
    right=_TUMOUR_SLICES / _SLICES,
    tolerance=0.001,
    insight="About 0.35: two slices in three show none, so a model must also learn to stay silent.",
    misconceptions=(
        Misconception(_TUMOUR_SLICES / _SLICES * 100, "That is the percentage. A fraction lies between 0 and 1."),
        Misconception(1 - _TUMOUR_SLICES / _SLICES, "That is the fraction without tumour. Which slices are asked for?"),
        Misconception(_TUMOUR_SLICES / (_SLICES - _TUMOUR_SLICES),
                      "You divided by the slices without tumour: those are odds. A fraction divides by all slices."),
        Misconception(_SLICES / _TUMOUR_SLICES, "The other way up: the part over the whole."),
        Misconception(_TUMOUR_PIXELS, "That is the fraction of pixels. Here whole slices are counted."),
    ),
    fallback_hint="Divide the slices with tumour by all slices.",
)

always_no_accuracy = NumberExercise(
    question="always_no_accuracy(answer): 1.03 % of pixels are tumour; how accurate is always saying 'no tumour'?",
    right=1 - _TUMOUR_PIXELS,
    tolerance=0.0004,
    insight="Almost 99 % right, and it finds nothing: accuracy cannot tell a useless model from a good one.",
    misconceptions=(
        Misconception(_TUMOUR_PIXELS, "That is how often it is wrong. Accuracy counts where it is right."),
        Misconception(100 - 100 * _TUMOUR_PIXELS, "That is the percentage. Write the fraction, between 0 and 1."),
        Misconception(0,
                      "It finds no tumour, yes. But accuracy also counts the healthy pixels, and those it gets right."),
        Misconception(1 - _TUMOUR_SLICES / _SLICES, "That counts slices. Here every pixel is an answer of its own."),
        Misconception(1, "Not quite: on the tumour pixels it is wrong."),
        Misconception(0.5, "Two possible answers do not make a coin toss: one of them is right far more often."),
    ),
    fallback_hint="It is right on every pixel that is not tumour. Which fraction is that?",
)

balance_weight = NumberExercise(
    question="balance_weight(answer): how many times must a tumour pixel count to balance the healthy ones?",
    right=(1 - _TUMOUR_PIXELS) / _TUMOUR_PIXELS,
    tolerance=0.45,
    insight="About 96 healthy pixels stand against each tumour pixel; a loss that ignores this learns to say no.",
    misconceptions=(
        Misconception(1 / _TUMOUR_PIXELS, "You compared with all pixels. On the other pan lie the healthy ones."),
        Misconception(_TUMOUR_PIXELS / (1 - _TUMOUR_PIXELS),
                      "The other way up: the rare class needs the large weight."),
        Misconception(100 - 100 * _TUMOUR_PIXELS,
                      "That is the percentage of healthy pixels. Divide it by the other one."),
        Misconception((_SLICES - _TUMOUR_SLICES) / _TUMOUR_SLICES, "That balances slices. The loss adds up pixels."),
    ),
    fallback_hint="Divide the fraction of healthy pixels by the fraction of tumour pixels.",
)


def _slice(pre: bool, post: bool) -> np.ndarray:
    """A small slice (4 × 5 × 3) whose pre- or post-contrast channel is a copy of FLAIR.

    Otherwise they share FLAIR's first row, so that some equal pixels do not mean a copy; and pre-contrast
    holds FLAIR's values in another order, so that equal sums do not mean one either.
    """
    flair = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
    other = np.concatenate([flair[:1], flair[3:], flair[1:3]])
    last = np.concatenate([flair[:1], flair[1:] + 3])
    return np.stack([flair if pre else other, flair, flair if post else last], axis=-1)


def _copies(image: np.ndarray, channels: Sequence[int] = (0, 2)) -> list[int]:
    return [c for c in channels if np.array_equal(image[..., c], image[..., 1])]


missing_channels = FunctionExercise(
    question="missing_channels(function): write missing_channels(image), the list of channels that copy FLAIR (1).",
    signature="missing_channels(image)",
    cases=(
        Case((_slice(False, False),), [], "missing_channels(image) with three different channels"),
        Case((_slice(True, False),), [0], "missing_channels(image) with pre-contrast a copy of FLAIR"),
        Case((_slice(False, True),), [2], "missing_channels(image) with post-contrast a copy of FLAIR"),
        Case((_slice(True, True),), [0, 2], "missing_channels(image) with both copied"),
        Case((_slice(False, False)[1:],), [], "missing_channels(image) with not one pixel alike"),
    ),
    insight="Most patients without pre-contrast lack post-contrast too; a copy looks like data but says nothing new.",
    misconceptions=(
        Misconception(lambda image: _copies(image, (0, 1, 2)),
                      "FLAIR is in your list: of course it equals itself. Ask only channels 0 and 2."),
        Misconception(lambda image: [c for c in (0, 2) if (image[..., c] == image[..., 1]).any()],
                      "Some equal pixels are no copy: air is black in every sequence. All pixels must agree."),
        Misconception(lambda image: [c for c in (0, 2) if image[..., c].sum() == image[..., 1].sum()],
                      "Equal sums or means do not mean equal images. Compare pixel by pixel."),
        Misconception(lambda image: [c for c in (0, 2) if np.array_equal(image[c], image[1])],
                      "Always empty? `image[0]` is the first row. Channels are the last axis: `image[..., 0]`."),
        Misconception(lambda image: bool(_copies(image)),
                      "You say whether a channel is missing. The list should say which."),
        Misconception(lambda image: len(_copies(image)),
                      "You count them. The list should say which channels they are."),
        Misconception(lambda image: [c for c in (0, 2) if c not in _copies(image)],
                      "You list the channels that differ from FLAIR. Those are the ones that exist."),
    ),
    fallback_hint="Compare channel 0 with channel 1, then channel 2 with channel 1: `np.array_equal`.",
)

is_leaky = FunctionExercise(
    question="is_leaky(function): write is_leaky(train_patients, test_patients), True if they share a patient.",
    signature="is_leaky(train_patients, test_patients)",
    cases=(
        Case((["CS_4941", "DU_5849"], ["FG_5964", "HT_7473"]), False),
        Case((["CS_4941", "DU_5849"], ["FG_5964", "CS_4941"]), True),
        Case((["CS_4941", "DU_5849"], ["CS_4942"]), False),
        Case((["CS_4941", "CS_4941", "DU_5849"], ["DU_5849"]), True),
        Case((["HT_7473", "HT_7616"], ["HT_7473", "HT_8018"]), True),
        Case((["FG_5964"], ["FG_5964"]), True),
    ),
    insight="One shared brain is enough: neighbouring slices are almost copies, and the score rises for nothing.",
    misconceptions=(
        Misconception(lambda train, test: set(train) & set(test),
                      "You hand back the shared patients. Good, but the answer is True or False: `bool(…)`."),
        Misconception(lambda train, test: not set(train) & set(test), "Upside down: True means that something leaks."),
        Misconception(lambda train, test: train == test,
                      "You ask whether both lists are the same. One shared patient is already a leak."),
        Misconception(lambda train, test: set(test) <= set(train),
                      "You ask whether all test patients are known. One of them is already a leak."),
        Misconception(lambda train, test: any(a == b for a, b in zip(train, test, strict=False)),
                      "You compare position by position. The shared patient may stand anywhere in the lists."),
        Misconception(lambda train, test: bool({p[:2] for p in train} & {p[:2] for p in test}),
                      "CS and DU are sites. Two patients of one hospital are still two brains."),
    ),
    fallback_hint="A patient leaks if it is in both lists: `set(a) & set(b)`.",
)


def _number(name: str) -> int:
    return int(re.findall(r"\d+", name)[-1])


slice_order = FunctionExercise(
    question="slice_order(function): write slice_order(names), the file names sorted from the lowest slice up.",
    signature="slice_order(names)",
    cases=(
        Case((["b_2.tif", "b_1.tif"],), ["b_1.tif", "b_2.tif"]),
        Case((["b_10.tif", "b_9.tif", "b_1.tif"],), ["b_1.tif", "b_9.tif", "b_10.tif"]),
        Case((["b_21.tif", "b_3.tif", "b_12.tif"],), ["b_3.tif", "b_12.tif", "b_21.tif"]),
    ),
    insight="As text, '10' comes before '9'; a volume sorted so jumps up and down through the head.",
    misconceptions=(
        Misconception(lambda names: sorted(names),
                      "You sorted text: '10' before '9'. Turn the number part into an int."),
        Misconception(lambda names: sorted(names, key=_number, reverse=True), "Numbers, yes, but from the top down."),
        Misconception(lambda names: sorted(names, key=lambda name: int(name[-5])),
                      "You read only the last digit. Slice numbers have one or two."),
        Misconception(lambda names: names, "The names come back in the order they came. Sort them."),
        Misconception(lambda names: sorted(map(_number, names)), "You hand back the numbers. The names are wanted."),
    ),
    fallback_hint="Sort with a key: `sorted(names, key=…)`, where the key is the slice number as an int.",
)
