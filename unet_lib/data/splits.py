"""Train, validation and test: by patient, always. Slices of one head are near-copies of each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from unet_lib.core.errors import DatasetError

FRACTIONS = (0.7, 0.15, 0.15)
SUBSETS = ("train", "validation", "test", "all")


@dataclass(frozen=True, slots=True)
class Split:
    """Patient names, each in exactly one of the three."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def subset(self, name: str) -> tuple[str, ...]:
        """The patients of one of SUBSETS. Raises DatasetError for another name."""
        if name == "all":
            return tuple(sorted(self.train + self.validation + self.test))
        if name not in SUBSETS:
            raise DatasetError(f"no subset {name!r} in a split; expected one of {', '.join(SUBSETS)}.")
        return getattr(self, name)


def split_patients(patients: Iterable[str], fractions: Sequence[float] = FRACTIONS, seed: int = 0) -> Split:
    """Draw the three subsets at random, the same for the same names and seed, whatever their order.

    Raises DatasetError if there are too few patients for one in each subset.
    """
    names = _shuffled(patients, seed)
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise DatasetError(f"expected three positive fractions that add up to 1; got {tuple(fractions)}.")
    if len(names) < 3:
        raise DatasetError(f"a split needs at least 3 patients, one for each subset; got {len(names)}. "
                           f"Add patients, for instance with `unet_lib phantom --patients 24`.")
    validation, test = (max(1, round(fraction * len(names))) for fraction in fractions[1:])
    return Split(train=tuple(sorted(names[validation + test:])),
                 validation=tuple(sorted(names[:validation])),
                 test=tuple(sorted(names[validation:validation + test])))


def k_folds(patients: Iterable[str], k: int = 5, seed: int = 0, validation: int = 8) -> Iterator[Split]:
    """K splits in which every patient is in the test subset once; `validation` of the others are kept to validate on.

    Raises DatasetError unless 2 ≤ k ≤ patients and each fold keeps someone to train on.
    """
    names = _shuffled(patients, seed)
    if not 2 <= k <= len(names):
        raise DatasetError(f"expected 2 ≤ k ≤ {len(names)} (the number of patients); got k={k}. Add patients, or take "
                           f"fewer folds.")
    largest = -(-len(names) // k)
    if not 1 <= validation < len(names) - largest:
        raise DatasetError(f"expected 1 ≤ validation < {len(names) - largest} (patients outside the largest fold); "
                           f"got {validation}. Add patients, or keep fewer to validate on.")
    for i in range(k):
        test = names[i::k]
        turn = i * len(names) // k  # so that each fold validates on different patients
        others = [name for name in names[turn:] + names[:turn] if name not in test]
        yield Split(train=tuple(sorted(others[validation:])), validation=tuple(sorted(others[:validation])),
                    test=tuple(sorted(test)))


def leaky_split(count: int, fraction: float = 0.15,
                seed: int = 0) -> tuple[Int[np.ndarray, "a"], Int[np.ndarray, "b"]]:
    """Indices of training and test slices, drawn slice by slice: the classic mistake, kept to be shown.

    Neighbouring slices of one patient land on both sides, so the test score is too good.
    """
    order = np.random.default_rng(seed).permutation(count)
    held_out = max(1, round(fraction * count))
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _shuffled(patients: Iterable[str], seed: int) -> list[str]:
    names = sorted(set(patients))
    return [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
