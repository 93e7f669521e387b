"""Ours against PyTorch's: one line that reads the same on every machine, and a loud failure."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = {"float16": 1e-2, "float32": 1e-5, "float64": 1e-12}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found.

    `largest` is the largest |ours − torch's| / max(1, |torch's|), `ulps` the same in units in the last place of
    the numbers' type: 1 ulp is 1.2e-7 for float32, 2.2e-16 for float64. Both differ from processor to
    processor, so assert that they are below a bound; never print them.
    """

    exact: bool
    values: int
    largest: float = field(repr=False)
    ulps: float = field(repr=False)

    def _ipython_display_(self) -> None:
        """As the last line of a cell it shows nothing: `compare` has printed all there is."""


def compare(ours: Any, torch_result: Any, tolerance: float | None = None, label: str = "") -> Comparison:
    """Print that two results are equal, or equal but for rounding; raise AssertionError if they are neither.

    Takes arrays, tensors and numbers. `tolerance` bounds |ours − torch's| / max(1, |torch's|); by default
    1e-12, or 1e-5 if either is float32. The line states this bound and not the difference, whose digits
    depend on the processor. Without a `tolerance` it says "exact" if all values happen to be equal; a
    `tolerance` fixes what it says: "exact" for 0 and "approximate" for all others. `label` names what is compared.
    """
    mine, theirs = _as_array(ours), _as_array(torch_result)
    _check_comparable(mine, theirs)
    precision = _coarser(mine, theirs)
    bound = TOLERANCE[str(precision.dtype)] if tolerance is None else tolerance
    equal = mine == theirs
    difference = _difference(mine, theirs)
    wrong = int(np.sum(~(equal | (difference < bound))))  # not `>=`: that would let NaN pass
    if wrong:
        raise AssertionError(_disagreement(mine, theirs, difference, wrong, bound))
    exact, largest = bool(equal.all()), float(difference.max())
    print(_line(exact if tolerance is None else tolerance == 0, mine.size, bound, label))
    return Comparison(exact, mine.size, largest, largest / float(precision.eps))


def _as_array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def _check_comparable(mine: np.ndarray, theirs: np.ndarray) -> None:
    if mine.shape != theirs.shape:
        raise AssertionError(f"expected one shape; got ours {mine.shape} and torch's {theirs.shape}. Look for a "
                             f"forgotten padding, stride or axis: which size is off, and by how much?")
    if mine.size == 0:
        raise AssertionError(f"expected values to compare; got two empty arrays of shape {mine.shape}. "
                             f"Look at where they were cut out.")


def _coarser(mine: np.ndarray, theirs: np.ndarray) -> np.finfo:
    """The precision of the less precise of the two; whole numbers count as float64."""
    precisions = [np.finfo(a.dtype if a.dtype.kind == "f" else np.float64) for a in (mine, theirs)]
    return max(precisions, key=lambda precision: precision.eps)


def _difference(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """|ours − torch's| / max(1, |torch's|) in float64; 0 for equal infinities, NaN where no number comes out."""
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0, np.abs(a - b) / np.maximum(1, np.abs(b)))


def _disagreement(mine: np.ndarray, theirs: np.ndarray, difference: np.ndarray, wrong: int, bound: float) -> str:
    """Where the worst value is, what it is on both sides, and how many are off."""
    worst = np.unravel_index(np.where(np.isnan(difference), np.inf, difference).argmax(), mine.shape)
    place = f"at index {[int(i) for i in worst]} " if mine.ndim else ""
    hint = ("NaN equals nothing, not even NaN: look for 0/0, inf − inf or log of a negative number."
            if np.isnan(mine[worst]) or np.isnan(theirs[worst]) else "Look at that value first.")
    return (f"expected differences below {bound:g}, relative to max(1, |value|); got {place}ours {mine[worst]} and "
            f"torch's {theirs[worst]}, and {wrong:,} of {mine.size:,} values are off. {hint}")


def _line(exact: bool, values: int, bound: float, label: str) -> str:
    plural = "s" if values > 1 else ""
    if label:
        agree = "agree" if plural else "agrees"
        return f"{label}: {values:,} value{plural} {agree} {'exactly' if exact else f'to {bound:g}'}"
    if exact:
        return f"exact: all {values:,} values equal" if values > 1 else "exact: the 1 value is equal"
    return f"approximate: {values:,} value{plural}, largest difference below {bound:g}"
