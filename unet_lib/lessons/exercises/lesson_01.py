"""Checkers of lesson 01, the scan: files, missing sequences, counts, normalisation; the leak is in `lesson_01_leak`."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons import reference_scan as ours
from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception
from unet_lib.lessons.exercises.lesson_01_leak import leaking_patients, nearest_slice, split_by_patient

__all__ = ["census", "leaking_patients", "missing_channels", "nearest_slice", "normalise", "pair_files",
           "slice_number", "split_by_patient"]

_DU, _FG = "TCGA_DU_6404_19850629", "TCGA_FG_5964_20010511"
Answer = Callable[..., Any]

slice_number = FunctionExercise(
    question="slice_number(slice_number): write slice_number(name): the number of the slice in a file's name.",
    signature="slice_number(name)",
    cases=tuple(Case((name,), number) for name, number in (
        (f"{_DU}_7.tif", 7), (f"{_DU}_10.tif", 10), (f"{_FG}_10_mask.tif", 10), (f"{_FG}_23_mask.tif", 23))),
    ours=lambda: ours.slice_number,
    insight="Now 9 comes before 10, as it should.",
    misconceptions=(
        Misconception(lambda name: str(ours.slice_number(name)),
                      "That is text, and as text '10' comes before '9'. Make it a number: `int(…)`."),
        Misconception(lambda name: int(re.findall(r"\d", name)[-1]),
                      "You read one digit. A slice number may have two."),
        Misconception(lambda name: int(name.split("_")[2]), "That is the case number of the patient. The slice number "
                                                            "comes after the date."),
        Misconception(lambda name: int(name.split("_")[3]), "That is the date. The slice number comes after it."),
        Misconception(lambda name: int(name.split("_")[-1].removesuffix(".tif")),
                      "Right for images. In a mask's name the last part is `mask.tif`, so count the parts from the "
                      "front."),
    ),
    fallback_hint="Split the name at every `_`. The fifth part begins with the number.",
)


def _folder(patient: str, numbers: Sequence[int], without: Sequence[int] = ()) -> list[str]:
    """A folder's file names in a muddle; slices in `without` have no mask."""
    names = [f"{patient}_{n}.tif" for n in numbers] + [f"{patient}_{n}_mask.tif" for n in numbers if n not in without]
    return [names[place] for place in np.random.default_rng(len(names)).permutation(len(names))]


_FOLDERS = (_folder(_DU, (1, 2, 3)), _folder(_DU, (1, 2, 9, 10, 11)), _folder(_FG, (1, 3, 8, 21, 30), without=(8,)))


def _mask_of(image: str) -> str:
    return image.replace(".tif", "_mask.tif")


def _pairs_by(key: Callable[[list[str], str], Any]) -> Answer:
    """Our pairs in another order; the key may ask where a name stands in the folder."""
    return lambda names: sorted(ours.pair_files(names), key=lambda pair: key(names, pair[0]))


def _pairs_as(change: Callable[[str, str | None], Any]) -> Answer:
    """Our pairs, each changed; what becomes None is left out."""
    return lambda names: [new for pair in ours.pair_files(names) if (new := change(*pair)) is not None]


def _zipped(names: list[str]) -> list[tuple[str, ...]]:
    halves = ([name for name in names if ("mask" in name) == masks] for masks in (False, True))
    return list(zip(*(sorted(half, key=ours.slice_number) for half in halves), strict=False))


def _all_files(names: list[str]) -> list[tuple[str, str | None]]:
    ordered = sorted(names, key=ours.slice_number)
    return [(name, _mask_of(name) if _mask_of(name) in names else None) for name in ordered]


pair_files = FunctionExercise(
    question="pair_files(pair_files): write pair_files(names): a list of (image, mask) by slice number; None where "
             "there is no mask.",
    signature="pair_files(names)",
    cases=tuple(Case((names,), ours.pair_files(names), f"pair_files(names of {shown})") for names, shown in zip(
        _FOLDERS, ("slices 1, 2, 3", "slices 1, 2, 9, 10, 11", "slices 1, 3, 8, 21, 30, with no mask for 8"),
        strict=True)),
    ours=lambda: ours.pair_files,
    insight="Each image has its own mask, from the lowest slice up, and a gap shows instead of hiding.",
    misconceptions=(
        Misconception(_pairs_by(lambda names, image: image),
                      "The order is that of text: 10 before 2. Sort with `key=slice_number`."),
        Misconception(_pairs_by(lambda names, image: -ours.slice_number(image)),
                      "The numbers run from the top down. Begin with slice 1."),
        Misconception(_pairs_by(lambda names, image: names.index(image)),
                      "You kept the order of the folder, which is any order. Sort with `key=slice_number`."),
        Misconception(_pairs_as(lambda image, mask: (mask, image)),
                      "Mask and image are exchanged. First the image, then the mask."),
        Misconception(_zipped, "You lay two lists side by side. Slice 8 has no mask, so from there on each image gets "
                               "the mask of another slice. Build the mask's name from the image's name."),
        Misconception(_pairs_as(lambda image, mask: (image, mask) if mask else None),
                      "An image without a mask is missing from your list. Pair it with None."),
        Misconception(_pairs_as(lambda image, mask: (image, _mask_of(image))),
                      "Slice 8 of the last folder has no mask. Is the name that you built in `names`? If not: None."),
        Misconception(_pairs_as(lambda image, mask: image),
                      "You return images alone. Return a pair for each: `(image, mask)`."),
        Misconception(_all_files, "Masks are in your list of images too. Leave out names that end in `_mask.tif`."),
    ),
    fallback_hint="Take the images alone, sort them by slice_number, and look for each mask's name in `names`.",
)


def _slices(*copied: tuple[int, ...]) -> np.ndarray:
    """Small slices (n × 4 × 5 × 3), one for each tuple of channels that are copies of FLAIR in it.

    Other channels share FLAIR's first row, so that some equal pixels do not mean a copy; and pre-contrast holds FLAIR's
    values in another order, so that equal sums do not mean one either.
    """
    flair = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
    other = {0: np.concatenate([flair[:1], flair[3:], flair[1:3]]), 2: np.concatenate([flair[:1], flair[1:] + 3])}
    return np.stack([np.stack([flair if c == 1 or c in copies else other[c] for c in range(3)], axis=-1)
                     for copies in copied])


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other)


def _alike(by: Callable[[np.ndarray, np.ndarray], Any], channels: Sequence[int] = (0, 2)) -> Answer:
    """Channels that are like FLAIR, judged in this way."""
    return lambda images: [c for c in channels if by(images[..., c], images[..., 1])]


_SETS = (((), (), "nothing missing"), ((0,), (0,), "pre-contrast a copy of FLAIR"),
         ((2,), (2,), "post-contrast a copy of FLAIR"), ((0, 2), (0, 2), "both copied"),
         ((0,), (), "a copy in the first of them only"), ((), (2,), "a copy in the last of them only"))

missing_channels = FunctionExercise(
    question="missing_channels(missing_channels): write missing_channels(images): the channels, out of 0 and 2, that "
             "copy FLAIR (1) in every slice.",
    signature="missing_channels(images)",
    cases=(*(Case((_slices(first, last),), [c for c in first if c in last], f"missing_channels(2 slices, {shown})")
             for first, last, shown in _SETS),
           Case((_slices((), ())[:, 1:],), [], "missing_channels(2 slices without a pixel in common)")),
    ours=lambda: ours.missing_channels,
    insight="A copy looks like data and says nothing new. No error would ever have told you.",
    misconceptions=(
        Misconception(_alike(_equal, (0, 1, 2)),
                      "FLAIR is in your list: of course it equals itself. Ask only channels 0 and 2."),
        Misconception(_alike(lambda a, b: (a == b).any()),
                      "Some equal pixels are no copy: air is black in every sequence. All pixels must agree."),
        Misconception(_alike(lambda a, b: a.sum() == b.sum()),
                      "Equal sums or means do not mean equal images. Compare pixel by pixel."),
        Misconception(_alike(lambda a, b: _equal(a[0], b[0])),
                      "You look at the first slice alone. A sequence is missing only if every slice is a copy."),
        Misconception(_alike(lambda a, b: any(map(_equal, a, b))),
                      "A copy in one slice is not enough. A sequence is missing only if every slice is a copy."),
        Misconception(lambda images: [c for c in (0, 2) if c < len(images) and _equal(images[c], images[1])],
                      "`images[0]` is the first slice. Channels are the last axis: `images[..., 0]`."),
        Misconception(lambda images: bool(ours.missing_channels(images)),
                      "You say whether a channel is missing. The list should say which."),
        Misconception(_alike(lambda a, b: not _equal(a, b)),
                      "You list the channels that differ from FLAIR. Those are the ones that exist."),
    ),
    fallback_hint="Compare channel 0 with channel 1, then channel 2 with channel 1: `np.array_equal`.",
)


def _masks(sizes: Sequence[int]) -> np.ndarray:
    """Masks of 5 × 6 pixels with so many tumour pixels each."""
    return np.arange(30).reshape(1, 5, 6) < np.array(sizes)[:, None, None]


def _counted(change: Callable[[int, int, int], Any]) -> Answer:
    """Our table with other entries."""
    return lambda patients, masks: {name: change(*counts) for name, counts in ours.census(patients, masks).items()}


def _last_slice(patients: Sequence[str], masks: np.ndarray) -> dict[str, tuple[int, ...]]:
    return {name: (1, int(mask.any()), int(mask.sum())) for name, mask in zip(patients, masks, strict=True)}


def _with_tumour_only(patients: Sequence[str], masks: np.ndarray) -> dict[str, tuple[int, int, int]]:
    kept = [place for place, mask in enumerate(masks) if mask.any()]
    return ours.census([patients[place] for place in kept], masks[kept])


census = FunctionExercise(
    question="census(census): write census(patients, masks): a dictionary, patient → (slices, slices with tumour, "
             "tumour pixels).",
    signature="census(patients, masks)",
    cases=tuple(Case((list(names), _masks(sizes)), ours.census(list(names), _masks(sizes)),
                     f"census({list(names)}, masks with {list(sizes)} tumour pixels)")
                for names, sizes in (("AAA", (0, 4, 9)), ("ABAB", (0, 7, 12, 0)))),
    ours=lambda: ours.census,
    insight="Slices, slices with tumour, pixels: three counts for each patient, and each answers another question.",
    misconceptions=(
        Misconception(_last_slice, "Each slice overwrites the one before. Add to what is there: `table.get(name, (0, "
                                   "0, 0))`."),
        Misconception(_with_tumour_only, "You skip slices without tumour. They count as slices too."),
        Misconception(_counted(lambda slices, some, pixels: (slices, pixels, some)),
                      "Two counts are exchanged. The order: slices, slices with tumour, tumour pixels."),
        Misconception(_counted(lambda slices, some, pixels: (slices, slices, pixels)),
                      "Every slice counts as one with tumour. Ask the mask: `mask.any()`."),
        Misconception(_counted(lambda slices, some, pixels: (slices, pixels, pixels)),
                      "The second count is one of slices: one for each mask that has any tumour, however much."),
        Misconception(_counted(lambda slices, some, pixels: (slices, some, 30 * slices)),
                      "You count all pixels. `mask.sum()` counts those that are True."),
        Misconception(lambda patients, masks: [*ours.census(patients, masks).values()],
                      "Return a dictionary, so that the counts keep their patient's name."),
    ),
    fallback_hint="For each slice: fetch the patient's counts, or three zeros; add 1, `mask.any()` and `mask.sum()`.",
)


def _volume(seed: int, slices: int) -> np.ndarray:
    """Slices of 6 × 7 pixels, a third of them air; the head has other levels in every slice and channel."""
    random = np.random.default_rng(seed)
    levels = random.integers(40, 90, (slices, 6, 7, 3)) + 20 * np.arange(slices)[:, None, None, None]
    levels = levels + np.array([0, 30, 50])
    levels[:, :, :2] = random.integers(0, 9, levels[:, :, :2].shape)
    return levels.astype(np.uint8)


def _standardised(levels: np.ndarray, head: np.ndarray) -> np.ndarray:
    return (levels - head.mean()) / head.std()


def _scaled(head: Answer = lambda x: x[x > x.mean()], by: Answer = _standardised) -> Answer:
    """Channel by channel, with other pixels or another formula."""
    def scale(images: np.ndarray) -> np.ndarray:
        channels = np.moveaxis(images.astype(float), -1, 0)
        return np.stack([by(levels, head(levels)) for levels in channels], axis=-1)
    return scale


def _by_slice(images: np.ndarray) -> np.ndarray:
    return np.concatenate([ours.normalise(images[place:place + 1]) for place in range(len(images))])


def _channels_together(images: np.ndarray) -> np.ndarray:
    levels = images.astype(float)
    return _standardised(levels, levels[levels > levels.mean()])


normalise = FunctionExercise(
    question="normalise(normalise): write normalise(images): all slices of a patient, each channel minus its head's "
             "mean, divided by its head's standard deviation.",
    signature="normalise(images)",
    cases=tuple(Case((_volume(*given),), ours.normalise(_volume(*given)), f"normalise({given[1]} small slices)")
                for given in ((1, 2), (2, 3))),
    ours=lambda: ours.normalise,
    insight="Mean 0 and standard deviation 1 in every head, whatever the scanner, and no border has moved.",
    misconceptions=(
        Misconception(_scaled(head=lambda levels: levels),
                      "Air is in your mean. Take the head alone: `head = levels[levels > levels.mean()]`."),
        Misconception(_by_slice, "You normalise slice by slice. Then a large bright tumour darkens its own slice. Take "
                                 "all slices of the patient together."),
        Misconception(_channels_together, "One mean for all three channels. Each sequence has a scale of its own: loop "
                                          "over the channels."),
        Misconception(_scaled(by=lambda levels, head: levels - head.mean()),
                      "Divide by the standard deviation too: contrasts differ between scanners as well."),
        Misconception(_scaled(by=lambda levels, head: (levels - head.mean()) / head.var()),
                      "You divide by the variance. The standard deviation is its square root: `head.std()`."),
        Misconception(_scaled(by=lambda levels, head: levels / head.mean()),
                      "You divide by the mean. Subtract it, and divide by the standard deviation."),
        Misconception(_scaled(by=lambda levels, head: (levels - levels.min()) / (levels.max() - levels.min())),
                      "That scales to 0 … 1. One very bright pixel would then decide about all others."),
    ),
    fallback_hint="For each channel: the levels as float; the head, where they exceed their mean; then (levels − mean) "
                  "/ std, both of the head.",
)
