"""Checkers of lesson 01's second half: who leaks, masks that are copied, and the split by patient.

A split is random, so its properties are compared, not its names.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons import reference_scan as ours
from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception

Answer = Callable[..., Any]

leaking_patients = FunctionExercise(
    question="leaking_patients(leaking_patients): write leaking_patients(train, test): a sorted list of the patients "
             "who are in both.",
    signature="leaking_patients(train, test)",
    cases=(
        Case((["DU_5849", "CS_4941"], ["FG_5964", "HT_7473"]), []),
        Case((["DU_5849", "CS_4941"], ["FG_5964", "CS_4941", "CS_4941"]), ["CS_4941"]),
        Case((["CS_4941", "DU_5849"], ["CS_4942"]), []),
        Case((["HT_7473", "CS_4941", "HT_7473", "DU_5849"], ["FG_5964", "HT_7473", "DU_5849"]), ["DU_5849", "HT_7473"]),
    ),
    ours=lambda: ours.leaking_patients,
    insight="One shared patient is a leak. Write this check into every experiment that you do.",
    misconceptions=(
        Misconception(lambda train, test: bool(set(train) & set(test)),
                      "You say whether there is a leak. The list should say who leaks."),
        Misconception(lambda train, test: len(set(train) & set(test)),
                      "You count them. The list should say who they are."),
        Misconception(lambda train, test: sorted(name for name in test if name in train),
                      "A patient with two slices in the test is listed twice. Name each patient once."),
        Misconception(lambda train, test: sorted(name for name in train if name in test),
                      "A patient with two slices in training is listed twice. Name each patient once."),
        Misconception(lambda train, test: sorted({*train, *test}),
                      "Those are all patients. Only those who are in both lists leak."),
        Misconception(lambda train, test: sorted(set(test) - set(train)),
                      "Those are in the test alone. A leak is somebody who is in both."),
        Misconception(lambda train, test: sorted({a for a, b in zip(train, test, strict=False) if a == b}),
                      "You compare position by position. A shared patient may stand anywhere in the lists."),
        Misconception(lambda train, test: sorted({name for name in test if name[:2] in {other[:2] for other in train}}),
                      "CS and DU are hospitals. Two patients of one hospital are still two brains."),
    ),
    fallback_hint="A patient leaks who is in both lists: `set(train) & set(test)`, sorted.",
)

_TRAIN = [("A", 3), ("B", 8), ("A", 9), ("A", 14), ("B", 11), ("A", 10), ("C", 12)]


def _positions(patient: str) -> list[int]:
    return [place for place, (other, _) in enumerate(_TRAIN) if other == patient]


def _least(measure: Callable[[int, int], float], anyone: bool = False) -> Answer:
    """The position where this measure of (number in the training set, number asked for) is least."""
    def find(patient: str, number: int, train: Sequence[tuple[str, int]]) -> int | None:
        same = [place for place, (other, _) in enumerate(train) if anyone or other == patient]
        return min(same, key=lambda place: measure(train[place][1], number), default=None)
    return find


def _of_place(change: Callable[[str, int], Any]) -> Answer:
    """Something made of our position; None stays None."""
    def find(patient: str, number: int, train: Sequence[tuple[str, int]]) -> Any:
        place = ours.nearest_slice(patient, number, train)
        return None if place is None else change(patient, place)
    return find


nearest_slice = FunctionExercise(
    question="nearest_slice(nearest_slice): write nearest_slice(patient, number, train): the position in train of the "
             "same patient's nearest slice; None for a new patient.",
    signature="nearest_slice(patient, number, train)",
    cases=tuple(Case((*asked, _TRAIN), ours.nearest_slice(*asked, _TRAIN),
                     f"nearest_slice({asked[0]!r}, {asked[1]}, {_TRAIN})")
                for asked in (("A", 11), ("A", 1), ("B", 12), ("A", 8), ("A", 13), ("D", 8))),
    ours=lambda: ours.nearest_slice,
    insight="It compares numbers, never pixels. For a new patient it has nothing to say.",
    misconceptions=(
        Misconception(_least(lambda n, number: abs(n - number), anyone=True),
                      "You found the nearest number of any patient. Look at slices of the same patient only."),
        Misconception(_least(lambda n, number: n - number),
                      "You take the smallest difference with its sign, so far below counts as near. Use `abs(…)`."),
        Misconception(_least(lambda n, number: number - n), "You take the patient's highest slice. Use `abs(…)`: far "
                                                            "above is far as well."),
        Misconception(_least(lambda n, number: -abs(n - number)), "That is the farthest slice."),
        Misconception(_of_place(lambda patient, place: _TRAIN[place][1]),
                      "You return the slice's number. Return its position in `train`, counted from 0."),
        Misconception(_of_place(lambda patient, place: _positions(patient).index(place)),
                      "You count among this patient's slices. Count positions in the whole of `train`."),
        Misconception(lambda patient, number, train: ours.nearest_slice(patient, number, train) or 0,
                      "Right for patients who are there. For a new patient return None, not a position."),
    ),
    fallback_hint="Go through enumerate(train); of those with the same patient keep the one with the smallest "
                  "abs(difference). None if there was none.",
)

SIZES = "patients in training, validation and test"
# The patient of every slice, in no order; 13 patients, so that fractions must be rounded.
OWNERS = tuple(np.repeat([f"patient {name}" for name in "ghbadcfeikjlm"], [3, 5, 2, 4, 4, 2, 6, 3, 2, 5, 4, 3, 2]))
FRACTIONS = (0.7, 0.15, 0.15)
UNEVEN = (0.5, 0.2, 0.3)


def seen_of_split(arguments: tuple[Any, ...], returned: Any) -> Any:
    """The first thing that is wrong with a split, or its sizes; what are no lists stays as it is."""
    if not isinstance(returned, tuple | list):
        return returned
    parts = [[str(name) for name in part] for part in returned]
    listed, patients = [name for part in parts for name in part], {str(name) for name in arguments[0]}
    if len(parts) != 3:
        return {"lists returned": len(parts)}
    if unknown := set(listed) - patients:
        return {"names that are no patient's": min(unknown)}
    if any(set(one) & set(other) for at, one in enumerate(parts) for other in parts[:at]):
        return {"patients in two lists": "some"}
    if len(listed) > len(set(listed)):
        return {"patients listed twice": "some"}
    if len(listed) < len(patients):
        return {"patients in no list": "some"}
    return {SIZES: tuple(map(len, parts))}


def _not_random(split: Callable[..., Any]) -> str | None:
    """What is wrong with the way in which a sound split is drawn."""
    drawn = [[list(map(str, part)) for part in split(list(OWNERS), FRACTIONS, seed)] for seed in (1, 1, 2, 3)]
    if drawn[0] != drawn[1]:
        return "The same seed gives another split each time. Draw with `np.random.default_rng(seed)`."
    if [sorted(part) for part in drawn[0]] == [sorted(part) for part in drawn[2]] == [sorted(p) for p in drawn[3]]:
        return "Every seed gives the same split. Shuffle the names: sorted by name, hospitals would stay together."
    turned = split(list(OWNERS)[::-1], FRACTIONS, 1)
    if drawn[0] != [list(map(str, part)) for part in turned]:
        return "The split changes with the order of the list. Sort the names before you shuffle them."
    return None


def _cut(names: Sequence[str], fractions: Sequence[float], whole: Callable[[float], int] = round,
         order: Sequence[int] = (0, 1, 2), lost: int = 0) -> tuple[list[str], ...]:
    """Shuffled names in three lists, cut with mistakes."""
    validation, test = (whole(fraction * len(names)) for fraction in fractions[1:])
    ends = (validation + test + lost, len(names)), (0, validation), (validation, validation + test)
    return tuple(list(names[slice(*ends[at])]) for at in order)


def _shuffled(owners: Sequence[str], seed: int) -> list[str]:
    return np.random.default_rng(seed).permutation(sorted(set(owners))).tolist()


def _by_slices(owners: Sequence[str], fractions: Sequence[float], seed: int) -> tuple[list[str], ...]:
    return _cut(np.random.default_rng(seed).permutation(list(owners)).tolist(), fractions)


def _every_slice(owners: Sequence[str], fractions: Sequence[float], seed: int) -> tuple[list[str], ...]:
    return tuple([name for name in owners if name in part] for part in ours.split_by_patient(owners, fractions, seed))


split_by_patient = FunctionExercise(
    question="split_by_patient(split_by_patient): write split_by_patient(patients, fractions, seed): three lists of "
             "patients, for training, validation and test.",
    signature="split_by_patient(patients, fractions, seed)",
    cases=tuple(Case((list(OWNERS), fractions, seed), {SIZES: sizes},
                     f"split_by_patient(patients, {fractions}, {seed})") for fractions, seed, sizes in (
                         (FRACTIONS, 0, (9, 2, 2)), (UNEVEN, 5, (6, 3, 4)))),
    observe=seen_of_split,
    also=_not_random,
    ours=lambda: ours.split_by_patient,
    insight="Every patient is in one list only. The network has never seen a test patient.",
    misconceptions=(
        Misconception(_by_slices, "A patient is in two of your lists. `patients` names the patient of every slice, so "
                                  "each name occurs often: draw from `set(patients)`."),
        Misconception(_every_slice, "The lists hold a name for every slice. Name each patient once."),
        Misconception(lambda owners, fractions, seed: _cut(_shuffled(owners, seed), fractions, lost=1),
                      "Some patients are in no list. Those who are left over belong to training."),
        Misconception(lambda owners, fractions, seed: _cut(_shuffled(owners, seed), fractions, whole=int),
                      "`int` cuts off: 1.95 patients become 1. Use `round` for validation and test; training gets the "
                      "rest."),
        Misconception(lambda owners, fractions, seed: _cut(_shuffled(owners, seed), fractions, order=(2, 1, 0)),
                      "Training and test are exchanged. The order: training, validation, test."),
        Misconception(lambda owners, fractions, seed: _cut(_shuffled(owners, seed), fractions, order=(0, 2, 1)),
                      "Validation and test are exchanged. The order: training, validation, test."),
        Misconception(lambda owners, fractions, seed: _cut(_shuffled(owners, seed), fractions, order=(0, 2)),
                      "Two lists. Return three: training, validation, test."),
    ),
    fallback_hint="Sort set(patients), shuffle with default_rng(seed), cut off round(fraction · number) for test and "
                  "for validation; the rest is for training.",
)
