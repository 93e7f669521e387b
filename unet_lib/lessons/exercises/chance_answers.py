"""Our answers of lesson 08 that draw random numbers, made to go wrong on demand, and what is compared of a reader's.

A reader may draw in another order and still be right, or make a known mistake with other random numbers. So `near` puts
our value, right or mistaken, in place of theirs where the two differ by no more than chance would make them.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

DRAWS = 10_000
Scores = Mapping[str, float]
Error = Callable[[Float[np.ndarray, "..."], tuple[Any, ...]], Any]


def remember(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which computes the answer to each call once."""
    kept: dict[str, Any] = {}

    def answer(*arguments: Any) -> Any:
        key = repr(arguments)
        if key not in kept:
            kept[key] = function(*arguments)
        return kept[key]
    return answer


def near(known: Sequence[Callable[..., Any]], error: Error) -> Callable[[tuple[Any, ...], Any], Any]:
    """For `FunctionExercise.observe`: the first known answer from which a returned one is at most `error` away.

    `error` is told the known value and the call's arguments. What is near none of them stays as it is.
    """
    def observe(arguments: tuple[Any, ...], returned: Any) -> Any:
        found = np.asarray(returned, float)
        values = (np.asarray(function(*arguments), float) for function in known)
        return next((value.tolist() for value in values if value.shape == found.shape
                     and (np.abs(found - value) <= error(value, arguments)).all()), returned)
    return observe


def folds(owner: np.ndarray, k: int, seed: int, shuffle: bool = True) -> Int[np.ndarray, "n"]:
    """The fold of every slice: patients shuffled, then dealt out in turn."""
    patients = np.unique(owner)
    if shuffle:
        np.random.default_rng(seed).shuffle(patients)
    place = {patient: number % k for number, patient in enumerate(patients)}
    return np.array([place[patient] for patient in owner])


def slice_folds(owner: np.ndarray, k: int, seed: int) -> Int[np.ndarray, "n"]:
    """The mistake of dealing slices."""
    return np.random.default_rng(seed).permutation(np.arange(len(owner)) % k)


def drawn_folds(owner: np.ndarray, k: int, seed: int) -> Int[np.ndarray, "n"]:
    """The mistake of letting each patient draw: folds of unequal size, here always."""
    sizes = [len(set(owner)) - 2 * (k - 1), *[2] * (k - 1)]
    patients = np.random.default_rng(seed).permutation(np.unique(owner))
    place = dict(zip(patients, np.repeat(range(k), sizes), strict=True))
    return np.array([place[patient] for patient in owner])


def seen_of_folds(arguments: tuple[Any, ...], returned: Any) -> dict[str, Any] | None:
    """What must hold however the patients were shuffled; None for None."""
    if returned is None:
        return None
    owner, k, _ = arguments
    numbers = np.asarray(returned)
    if numbers.shape != owner.shape:
        return {"numbers returned": numbers.size}
    of_patient = {patient: set(numbers[owner == patient].tolist()) for patient in np.unique(owner)}
    used, sizes = np.unique([fold for found in of_patient.values() for fold in found], return_counts=True)
    return {"numbers returned": len(numbers), "folds of one patient": max(map(len, of_patient.values())),
            "folds used": used.tolist(), "largest fold minus smallest": 0 if np.ptp(sizes) < 2 else "two or more",
            "patients shuffled": not np.array_equal(numbers, folds(owner, k, 0, shuffle=False))}


def interval(before: Scores, after: Scores, seed: int, ends: tuple[float, float] = (0.025, 0.975),
             replace: bool = True) -> tuple[float, float, float]:
    """The mean paired gain, and its bootstrap interval."""
    gains = _gains(before, after)
    rng = np.random.default_rng(seed)
    draws = rng.choice(gains, (DRAWS, len(gains))) if replace else np.tile(gains, (DRAWS, 1))
    low, high = np.quantile(draws.mean(axis=1), ends)
    return float(gains.mean()), float(low), float(high)


def _gains(before: Scores, after: Scores) -> Float[np.ndarray, "p"]:
    return np.array([after[name] - before[name] for name in sorted(before.keys() & after.keys())])


def spread_of_gains(before: Scores, after: Scores, seed: int) -> tuple[float, ...]:
    """The mistake of taking quantiles of single gains."""
    gains = _gains(before, after)
    return float(gains.mean()), *map(float, np.quantile(gains, (0.025, 0.975)))


def unpaired_interval(before: Scores, after: Scores, seed: int) -> tuple[float, ...]:
    """The mistake of drawing the two groups apart."""
    rng, names = np.random.default_rng(seed), sorted(before.keys() & after.keys())
    one, other = (rng.choice([scores[name] for name in names], (DRAWS, len(names))).mean(axis=1)
                  for scores in (before, after))
    return float(_gains(before, after).mean()), *map(float, np.quantile(other - one, (0.025, 0.975)))


def interval_error(value: Float[np.ndarray, "..."], arguments: tuple[Any, ...]) -> Float[np.ndarray, "..."]:
    """A fifth of a standard error for both ends, which a thousand draws or more keep; none for the mean."""
    return np.array([0.0, *[(value[-1] - value[-2]) / 20] * 2])[-len(value):] + 1e-9


def sign_flip(gains: Sequence[float], seed: int, far: Callable[[Any], Any] = np.abs) -> float:
    """The fraction of random signs with a mean at least as far from 0; the signs that were observed count as one."""
    signs = np.random.default_rng(seed).choice([-1, 1], (DRAWS, len(gains)))
    flipped = (signs * np.array(gains, float)).mean(axis=1)
    return (1 + int((far(flipped) >= far(np.mean(gains)) - 1e-12).sum())) / (1 + DRAWS)


def exact_p(gains: Sequence[float]) -> float:
    """The same over all 2ⁿ ways to sign the gains."""
    means = np.array(list(product((-1, 1), repeat=len(gains)))) @ np.array(gains) / len(gains)
    return float((np.abs(means) >= abs(np.mean(gains)) - 1e-12).mean())


def redraw_p(gains: Sequence[float], seed: int) -> float:
    """The mistake of drawing patients instead of signs."""
    means = np.random.default_rng(seed).choice(gains, (DRAWS, len(gains))).mean(axis=1)
    return float((np.abs(means) >= abs(np.mean(gains))).mean())


def p_error(value: Float[np.ndarray, ""], arguments: tuple[Any, ...]) -> float:
    """Four standard errors of a fraction of DRAWS, or of a count."""
    scale = DRAWS if value > 1 else 1
    p = float(value) / scale
    return scale * (0.002 + 4 * (p * (1 - p) / DRAWS) ** 0.5)


def winner(k: int, noise: float, trials: int, seed: int,
           again: Literal["fresh", "same"] = "fresh") -> tuple[float, float]:
    """The mean of the best of k worthless recipes as it was measured, and as it is measured once more."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, noise, (trials, k))
    second = first if again == "same" else rng.normal(0, noise, (trials, k))
    rows, best = np.arange(trials), first.argmax(axis=1)
    return float(first[rows, best].mean()), float(second[rows, best].mean())


def expected_best(k: int, noise: float, trials: int, seed: int) -> tuple[float, float]:
    """The expectation of `winner`: of the largest of k normal numbers, and 0."""
    x = np.linspace(-9, 9, 20_001)
    density = np.exp(-x**2 / 2) / np.sqrt(2 * np.pi)
    below = np.cumsum(density) * (x[1] - x[0])
    return float(noise * (x * k * density * below ** (k - 1)).sum() * (x[1] - x[0])), 0.0


def best_error(value: Float[np.ndarray, "2"], arguments: tuple[Any, ...]) -> float:
    """Five standard errors of a mean over the trials; more where the noise was taken too large."""
    _, noise, trials, _ = arguments
    return 5 * max(noise, float(np.abs(value).max()) / 2) / trials**0.5
