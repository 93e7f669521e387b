"""Answers to lesson 01's exercises as readers would type them: right ones, then wrong ones and a piece of the hint."""

import re

import numpy as np
from scipy import stats


def slice_number(name):
    return int(re.search(r"_(\d+)(_mask)?\.tif$", name)[1])


def by_parts(name):
    return int(name.replace(".tif", "").split("_")[4])


def pair_files(names, order=slice_number, gap=None):
    pairs = []
    for image in sorted([name for name in names if "mask" not in name], key=order):
        mask = image[:-4] + "_mask.tif"
        pairs.append((image, mask if mask in names else gap or None))
    return pairs


def by_dictionary(names):
    found = {}
    for name in names:
        found.setdefault(slice_number(name), {})["mask" in name] = name
    return [[found[number][False], found[number].get(True)] for number in sorted(found)]


def with_masks(names):
    return [(name, name[:-4] + "_mask.tif") for name in sorted(names, key=slice_number)]


def side_by_side(names):
    images, masks = [sorted(name for name in names if ("mask" in name) == wanted) for wanted in (False, True)]
    return list(zip(sorted(images, key=by_parts), sorted(masks, key=by_parts), strict=False))


def every_file(names):
    return [(name, name[:-4] + "_mask.tif" if name[:-4] + "_mask.tif" in names else None)
            for name in sorted(names, key=slice_number)]


def missing_channels(images):
    missing = []
    for channel in (0, 2):
        if (images[:, :, :, channel] == images[:, :, :, 1]).all():
            missing.append(channel)
    return missing


def channels_if(test):
    return lambda images: [c for c in (0, 2) if test(images[..., c].astype(int), images[..., 1].astype(int))]


def census(patients, masks):
    return {name: (patients.count(name), sum(1 for who, mask in zip(patients, masks, strict=True)
                                             if who == name and mask.max()),
                   sum(mask.sum() for who, mask in zip(patients, masks, strict=True) if who == name))
            for name in patients}


def changed(change):
    return lambda patients, masks: {name: change(*row) for name, row in census(patients, masks).items()}


def overwritten(patients, masks):
    return {name: (1, mask.any(), mask.sum()) for name, mask in zip(patients, masks, strict=True)}


def tumour_slices_alone(patients, masks):
    kept = masks.any((1, 2))
    return census([name for name, keep in zip(patients, kept, strict=True) if keep], masks[kept])


def normalise(images, axes=(0, 1, 2), divide=True):
    """By masked arrays: air is masked."""
    levels = np.ma.array(images, float)
    head = np.ma.masked_where(levels.data <= levels.data.mean(axes, keepdims=True), levels)
    return ((levels - head.mean(axes, keepdims=True)) / (head.std(axes, keepdims=True) if divide else 1)).data


def with_air(images):
    return stats.zscore(images.astype(float), axis=(0, 1, 2))


def to_one(images):
    x = images.astype(float)
    low, high = x.min((0, 1, 2)), x.max((0, 1, 2))
    return (x - low) / (high - low)


def leaking_patients(train, test):
    return sorted({name for name in test if name in train})


def same_position(train, test):
    return [a for a, b in zip(train, test, strict=False) if a == b]


def same_hospital(train, test):
    return sorted(a for a in set(test) if any(a.split("_")[0] == b.split("_")[0] for b in train))


def nearest_slice(patient, number, train):
    best = None
    for place, (other, n) in enumerate(train):
        if other == patient and (best is None or abs(n - number) < abs(train[best][1] - number)):
            best = place
    return best


def by_sorting(patient, number, train):
    order = sorted((abs(n - number), place) for place, (other, n) in enumerate(train) if other == patient)
    return order[0][1] if order else None


def pick(value, anyone=False):
    def answer(patient, number, train):
        found = [place for place, (other, _) in enumerate(train) if anyone or other == patient]
        return min(found, key=lambda place: value(train[place][1] - number)) if found else None
    return answer


def then(change):
    def answer(patient, number, train):
        place = nearest_slice(patient, number, train)
        return None if place is None else change(place, patient, train)
    return answer


def split(patients, fractions, seed, names=None, shuffle=True, whole=round):
    names = sorted(set(patients)) if names is None else names
    if shuffle:
        np.random.default_rng(seed).shuffle(names)
    test, validation = (whole(len(names) * fractions[at]) for at in (2, 1))
    return names[test + validation:], names[test:test + validation], names[:test]


def split_with_choice(patients, fractions, seed):
    """Test drawn first, then validation, without replacement."""
    random, names = np.random.default_rng(seed), np.unique(patients)
    test = random.choice(names, round(len(names) * fractions[2]), replace=False)
    rest = np.setdiff1d(names, test)
    validation = random.choice(rest, round(len(names) * fractions[1]), replace=False)
    return np.setdiff1d(rest, validation), validation, test


def split_slices(patients, fractions, seed):
    return split(patients, fractions, seed, names=list(patients))


def repeated(patients, fractions, seed):
    return [[name for name in patients if name in part] for part in split(patients, fractions, seed)]


def one_forgotten(patients, fractions, seed):
    train, validation, test = split(patients, fractions, seed)
    return train[:-1], validation, test


def unseeded(patients, fractions, seed):
    return split(patients, fractions, np.random.default_rng().integers(10**6))


FUNCTIONS_01 = {
    "slice_number": ([slice_number, by_parts], {
        lambda name: name.removesuffix(".tif").split("_")[4]: "That is text",
        lambda name: int([letter for letter in name if letter.isdigit()][-1]): "one digit",
        lambda name: int(name[8:12]): "case number", lambda name: int(name[13:21]): "That is the date",
        lambda name: int(name.split("_")[-1].split(".")[0]): "from the front",
        lambda name: 1: "The fifth part"}),
    "pair_files": ([pair_files, by_dictionary], {
        lambda names: pair_files(names, str): "that of text", lambda names: pair_files(names)[::-1]: "top down",
        lambda names: pair_files(names, names.index): "order of the folder",
        lambda names: [(mask, image) for image, mask in pair_files(names)]: "are exchanged",
        side_by_side: "mask of another slice",
        lambda names: [pair for pair in pair_files(names) if None not in pair]: "missing from your list",
        lambda names: [pair for pair in with_masks(names) if "mask" not in pair[0]]: "Slice 8 of the last folder",
        lambda names: [image for image, _ in pair_files(names)]: "images alone",
        every_file: "Masks are in your list", lambda names: []: "sort them by slice_number"}),
    "missing_channels": ([missing_channels, lambda images: set(missing_channels(images))], {
        lambda images: sorted([*missing_channels(images), 1]): "equals itself",
        channels_if(lambda a, b: np.any(a == b)): "Some equal pixels",
        channels_if(lambda a, b: a.mean() == b.mean()): "sums or means",
        channels_if(lambda a, b: (a[0] == b[0]).all()): "first slice alone",
        channels_if(lambda a, b: (a == b).all((1, 2)).any()): "one slice is not enough",
        lambda images: [c for c in (0, 2) if c < 2 and (images[c] == images[1]).all()]: "the last axis",
        lambda images: len(missing_channels(images)) > 0: "should say which",
        channels_if(lambda a, b: (a != b).any()): "the ones that exist",
        lambda images: [0, 2]: "2 slices, nothing missing)` should be []"}),
    "census": ([census, changed(lambda *row: np.array(row))], {
        overwritten: "overwrites the one before", tumour_slices_alone: "skip slices without tumour",
        changed(lambda a, b, c: (a, c, b)): "are exchanged", changed(lambda a, b, c: (a, a, c)): "Every slice counts",
        changed(lambda a, b, c: (a, c, c)): "however much",
        lambda patients, masks: changed(lambda a, b, c: (a, b, a * masks[0].size))(patients, masks): "count all pixels",
        lambda patients, masks: list(census(patients, masks).values()): "Return a dictionary",
        lambda patients, masks: {}: "three zeros"}),
    "normalise": ([normalise, lambda images: normalise(images).astype(np.float64).tolist()], {
        with_air: "Air is in your mean", lambda images: normalise(images, (1, 2)): "slice by slice",
        lambda images: normalise(images, (0, 1, 2, 3)): "One mean for all",
        lambda images: normalise(images, divide=False): "contrasts differ", to_one: "scales to 0",
        lambda images: normalise(images, divide=False) / (normalise(images, divide=False) / normalise(images)) ** 2:
            "the variance",
        lambda images: images / (lambda x: (x * (x > x.mean((0, 1, 2)))).sum((0, 1, 2)) / (x > x.mean((0, 1, 2))).sum(
            (0, 1, 2)))(images.astype(float)): "You divide by the mean",
        lambda images: images: "both of the head"}),
    "leaking_patients": ([leaking_patients, lambda train, test: set(train) & set(test)], {
        lambda train, test: not set(train).isdisjoint(test): "should say who leaks",
        lambda train, test: len(leaking_patients(train, test)): "count them",
        lambda train, test: sorted(name for name in test if name in set(train)): "slices in the test is listed twice",
        lambda train, test: sorted(name for name in train if name in set(test)): "slices in training is listed twice",
        lambda train, test: sorted(set(train + test)): "all patients",
        lambda train, test: sorted(name for name in set(test) if name not in train): "in the test alone",
        same_position: "position by position", same_hospital: "two brains",
        lambda train, test: ["nobody"]: "set(train) & set(test)"}),
    "nearest_slice": ([nearest_slice, by_sorting], {
        pick(abs, anyone=True): "any patient", pick(lambda d: d): "far below counts as near",
        pick(lambda d: -d): "highest slice", pick(lambda d: -abs(d)): "the farthest",
        then(lambda place, patient, train: train[place][1]): "the slice's number",
        then(lambda place, patient, train: [who for who, _ in train[:place]].count(patient)): "among this patient's",
        lambda *asked: 0 if nearest_slice(*asked) is None else nearest_slice(*asked): "For a new patient return None",
        lambda patient, number, train: min((place for place, (who, _) in enumerate(train) if who == patient),
                                           key=lambda place: abs(train[place][1] - number)): "raised ValueError"}),
    "split_by_patient": ([split, split_with_choice], {
        split_slices: "in two of your lists", repeated: "a name for every slice", one_forgotten: "in no list",
        lambda *given: split(*given, whole=int): "cuts off",
        lambda *given: split(*given)[::-1]: "Training and test are exchanged",
        lambda *given: [split(*given)[at] for at in (0, 2, 1)]: "Validation and test are exchanged",
        lambda *given: split(*given)[::2]: "Two lists", unseeded: "another split each time",
        lambda *given: split(*given, shuffle=False): "Every seed gives the same split",
        lambda patients, fractions, seed: split(patients, fractions, seed, names=list(dict.fromkeys(patients))):
            "order of the list",
        lambda *given: [["x"], [], []]: "cut off round"}),
}
