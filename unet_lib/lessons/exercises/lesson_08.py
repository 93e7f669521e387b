"""Checkers of lesson 08, beyond the baseline: folds, paired gains, two tests, luck among many, a frozen encoder.

Answers that draw random numbers are in `chance_answers`: ours, and what is compared of a reader's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons.exercises import chance_answers as chance
from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception
from unet_lib.lessons.exercises.frozen_parts import freeze_parts, freezing_cases, seen_of_network


def _mistakes(right: Callable[..., Any], mistakes: Mapping[str, Callable[..., Any]],
              error: chance.Error) -> dict[str, Any]:
    """Misconceptions by their hints, and an `observe` that knows each by its value, whatever random numbers it took."""
    wrong = {hint: chance.remember(function) for hint, function in mistakes.items()}
    return {"misconceptions": tuple(Misconception(function, hint) for hint, function in wrong.items()),
            "observe": chance.near([right, *wrong.values()], error)}


_OWNERS = np.repeat([f"patient {name}" for name in "ghbadcfeikjl"], [3, 5, 2, 4, 4, 1, 6, 3, 2, 5, 4, 3])


def _repeats(folds: Callable[..., Any]) -> str | None:
    if not np.array_equal(folds(_OWNERS, 5, 1), folds(_OWNERS, 5, 1)):
        return "The same seed deals differently each time. Use `np.random.default_rng(seed)`."
    return None


patient_folds = FunctionExercise(
    question="patient_folds(patient_folds): write patient_folds(owner, k, seed): for every slice the number of its "
             "fold, 0 to k − 1.",
    signature="patient_folds(owner, k, seed)",
    cases=tuple(Case((_OWNERS, k, seed), chance.seen_of_folds((_OWNERS, k, seed), chance.folds(_OWNERS, k, seed)),
                     f"patient_folds(owner, {k}, {seed})") for k, seed in ((5, 0), (3, 7))),
    observe=chance.seen_of_folds,
    also=_repeats,
    ours=lambda: chance.folds,
    insight="All slices of a patient lie in one fold, so no network is tested on somebody it has seen.",
    misconceptions=(
        Misconception(chance.slice_folds, "You deal slices. Slices of one patient end up in several folds, and that "
                                          "is the leak of lesson 01. Deal patients."),
        Misconception(lambda owner, k, seed: chance.folds(owner, k, seed, shuffle=False),
                      "The names are in alphabetical order, so hospitals stay together. Shuffle them first."),
        Misconception(chance.drawn_folds,
                      "Each patient draws a fold, so some folds get more than others. Deal them out in turn, 0, 1, 2 "
                      "up to k − 1, and from 0 again."),
        Misconception(lambda owner, k, seed: chance.folds(owner, k, seed) + 1, "Number the folds from 0."),
        Misconception(lambda owner, k, seed: np.arange(len(set(owner))) % k,
                      "That is a number for every patient. Give one for every slice."),
    ),
    fallback_hint="Shuffle the patients' names, deal them out in turn, and give each slice its patient's number.",
)

_NAMES = "kdbehacjgflimn"
_BEFORE = dict(zip(_NAMES, (.62, .81, .12, .90, .55, .73, .84, .31, .77, .68, .91, .47, .86, .59), strict=True))
_AFTER = dict(zip(_NAMES[::-1], (.71, .88, .60, .93, .66, .83, .29, .87, .80, .69, .92, .40, .80, .70), strict=True))
_ONLY_BEFORE, _ONLY_AFTER = {**_BEFORE, "x": 0.05}, {**_AFTER, "y": 0.99, "z": 0.1}

_interval = chance.remember(chance.interval)
_INTERVAL_MISTAKES = {
    "The sign: a gain is after − before.": lambda before, after, seed: chance.interval(after, before, seed),
    "Those ends hold 90 %. For 95 %, leave out 2.5 % on either side.":
        lambda before, after, seed: chance.interval(before, after, seed, ends=(0.05, 0.95)),
    "That is where single patients lie. Take the mean of every draw first.": chance.spread_of_gains,
    "You draw the patients of the two recipes apart. Subtract first, patient by patient; then draw the gains.":
        chance.unpaired_interval,
    "You draw without replacement: every draw holds all patients, and all means are equal.":
        lambda before, after, seed: chance.interval(before, after, seed, replace=False),
    "Return three numbers: the mean gain, then the two ends.":
        lambda before, after, seed: chance.interval(before, after, seed)[1:]}

paired_interval = FunctionExercise(
    question="paired_interval(paired_interval): write paired_interval(before, after, seed): the mean gain and the two "
             "ends of its 95 % interval.",
    signature="paired_interval(before, after, seed)",
    cases=tuple(Case((*pair, 0), _interval(*pair, 0), f"paired_interval({shown}, 0)") for pair, shown in (
        ((_BEFORE, _AFTER), "14 patients, the same 14"),
        ((_ONLY_BEFORE, _ONLY_AFTER), "15 patients, 16 patients of which 14 are the same"))),
    **_mistakes(_interval, _INTERVAL_MISTAKES, chance.interval_error),
    ours=lambda: chance.interval,
    insight="Whoever is hard for both recipes cancels in the subtraction. That is why pairs are worth so much.",
    fallback_hint="Subtract for every name that is in both; draw as many gains as there are, with replacement, 10,000 "
                  "times; the 2.5 % and 97.5 % quantiles of the draws' means.",
)

_GAINS = ([0.051, 0.213, 0.027, 0.122, 0.318, 0.009], [0.113, -0.041, 0.227, 0.052, -0.013, 0.307, 0.161, -0.084],
          [-0.031, 0.022, 0.117, -0.205, 0.043, 0.061, -0.078])

_FLIP_MISTAKES = {
    "You count one side only. A loss as large would surprise as much: compare absolute values.":
        lambda gains, seed: chance.sign_flip(gains, seed, far=lambda x: x),
    "You count the flips that are nearer to 0. Count those at least as far.":
        lambda gains, seed: 1 - chance.sign_flip(gains, seed),
    "Every flip gives the same distance from 0. Did you draw one sign for all, or only change the order? Each patient "
    "needs a sign of their own.": lambda gains, seed: 1.0,
    "You draw patients again, as the bootstrap does. Keep all patients and draw signs.": chance.redraw_p,
    "That is how many. Divide by the number of flips.":
        lambda gains, seed: chance.sign_flip(gains, seed) * chance.DRAWS}

sign_flip_p = FunctionExercise(
    question="sign_flip_p(sign_flip_p): write sign_flip_p(gains, seed): how often random signs give a mean at least as "
             "far from 0.",
    signature="sign_flip_p(gains, seed)",
    cases=tuple(Case((gains, 0), chance.exact_p(gains)) for gains in _GAINS),
    **_mistakes(chance.remember(lambda gains, seed: chance.exact_p(gains)), _FLIP_MISTAKES, chance.p_error),
    ours=lambda: chance.sign_flip,
    insight="No bell curve was assumed: only that, if the recipes are equal, each gain might as well have been a loss.",
    fallback_hint="Signs of −1 and 1 in a table of 10,000 rows; times the gains; the mean of every row; the fraction "
                  "whose absolute value is at least that of the observed mean.",
)


def _ranks(size: Callable[[np.ndarray], np.ndarray] = np.abs, first: int = 1, zeros: bool = False,
           sign: bool = True) -> Callable[..., np.ndarray]:
    def signed(gains: Sequence[float]) -> np.ndarray:
        kept = np.array([gain for gain in gains if zeros or gain != 0])
        ranks = size(kept).argsort().argsort() + first
        return np.sign(kept) * ranks if sign else ranks
    return signed


def _argsorted(gains: Sequence[float]) -> np.ndarray:
    kept = np.array([gain for gain in gains if gain != 0])
    return np.sign(kept) * (np.abs(kept).argsort() + 1)


signed_ranks = FunctionExercise(
    question="signed_ranks(signed_ranks): write signed_ranks(gains): each gain's place by size, with the gain's sign; "
             "zeros left out.",
    signature="signed_ranks(gains)",
    cases=tuple(Case((gains,), _ranks()(gains)) for gains in (
        [0.03, -0.01, 0.40, 0.02], [-0.07, 0.0, 0.05, 0.31, -0.02, 0.11], [0.09, 0.21, -0.30, -0.12])),
    ours=lambda: _ranks(),
    insight="A gain of 0.40 counts as much as one of 0.04 if both are the largest: extreme patients have less say.",
    misconceptions=(
        Misconception(_argsorted, "`argsort` says which gain comes first, not which place a gain has. Write "
                                  "the numbers 1, 2, … into those positions: `ranks[order] = …`."),
        Misconception(_ranks(lambda gains: gains), "Order them by absolute value: a loss of 0.3 is larger than a gain "
                                                   "of 0.1."),
        Misconception(_ranks(first=0), "Count places from 1. A place of 0 would lose its sign."),
        Misconception(_ranks(zeros=True), "A gain of 0 has no sign. Leave zeros out before you rank."),
        Misconception(_ranks(sign=False), "The ranks are right. Give each the sign of its gain."),
        Misconception(_ranks(lambda gains: -np.abs(gains)), "The smallest has place 1, not the largest."),
    ),
    fallback_hint="Drop zeros; order = argsort of the absolute values; ranks[order] = 1, 2, …; times the signs.",
)

_LUCK_MISTAKES = {
    "The second number is as large as the first. You repeat the first measurement, or you choose again by the second. "
    "Draw fresh noise, and keep the winner of the first.":
        lambda k, noise, trials, seed: chance.winner(k, noise, trials, seed, again="same"),
    "First the measurement that chose, then the new one.": lambda *given: chance.winner(*given)[::-1],
    "That is the mean of all recipes. Take the best of each trial: one number a row.":
        lambda k, noise, trials, seed: chance.winner(1, noise, trials, seed),
    "`normal` takes the standard deviation itself, not its root.":
        lambda k, noise, trials, seed: chance.winner(k, noise**0.5, trials, seed)}

best_of = FunctionExercise(
    question="best_of(best_of): write best_of(k, noise, trials, seed): the winner's mean gain when it was chosen, and "
             "when it is measured again.",
    signature="best_of(k, noise, trials, seed)",
    cases=tuple(Case(given, chance.expected_best(*given)) for given in ((20, 0.03, 4_000, 0), (5, 0.01, 4_000, 1))),
    **_mistakes(chance.remember(chance.expected_best), _LUCK_MISTAKES, chance.best_error),
    ours=lambda: chance.winner,
    insight="Nothing was better, and yet the winner looked better. Only the second measurement tells.",
    fallback_hint="Two tables of trials × k normal numbers; `argmax` along each row of the first; the values of both "
                  "tables at these places.",
)


def _holm(limit: Callable[[int, int], float] = lambda n, step: 1 / (n - step), stop: bool = True,
          in_order: bool = True) -> Callable[..., np.ndarray]:
    def stands(p_values: Sequence[float], alpha: float) -> np.ndarray:
        p, order = np.array(p_values), np.argsort(p_values)
        passed = np.array([p[index] <= alpha * limit(len(p), step) for step, index in enumerate(order)])
        passed = np.logical_and.accumulate(passed) if stop else passed
        found = np.zeros(len(p), bool)
        found[order if in_order else np.arange(len(p))] = passed
        return found
    return stands


def _step_up(p_values: Sequence[float], alpha: float) -> np.ndarray:
    ranked = np.sort(p_values)
    below = [p for step, p in enumerate(ranked, 1) if p <= alpha * step / len(ranked)]
    return np.array(p_values) <= max(below, default=-1.0)


holm = FunctionExercise(
    question="holm(holm): write holm(p_values, alpha): True for every comparison that stands.",
    signature="holm(p_values, alpha)",
    cases=tuple(Case(given, _holm()(*given)) for given in (
        ([0.200, 0.001, 0.020, 0.014], 0.05), ([0.030, 0.020, 0.024], 0.05),
        ([0.004, 0.300, 0.001, 0.012, 0.045], 0.05), ([0.004, 0.006], 0.01))),
    ours=lambda: _holm(),
    insight="However many comparisons you make, the chance of even one false \"gain\" among them stays below alpha.",
    misconceptions=(
        Misconception(_holm(lambda n, step: 1.0), "No correction: the smallest p must be at most alpha / n."),
        Misconception(_holm(lambda n, step: 1 / n),
                      "That is Bonferroni's correction: valid, but stricter than need be. After each one that stands, "
                      "divide by one less."),
        Misconception(_holm(stop=False), "Stop at the first that fails: those with larger p fail with it."),
        Misconception(_holm(in_order=False), "The answers are sorted by p. Give them in the order in which they came."),
        Misconception(_step_up, "That is Benjamini and Hochberg's way, which allows a fraction of false finds. Holm "
                                "starts at alpha / n and stops at the first failure."),
        Misconception(lambda p, alpha: ~_holm()(p, alpha), "Turned round: True means that the comparison stands."),
    ),
    fallback_hint="From the smallest p on: the first must be at most alpha / n, the next alpha / (n − 1), …; stop at "
                  "the first failure.",
)


freeze = FunctionExercise(
    question="freeze(freeze): write freeze(network, parts): no weight of these parts is trained any more; return how "
             "many weights still are.",
    signature="freeze(network, parts)",
    cases=freezing_cases,
    observe=seen_of_network,
    ours=lambda: freeze_parts,
    insight="A frozen part keeps all that it knows, for better or worse: it can learn nothing about scans either.",
    misconceptions=(
        Misconception(lambda network, parts: freeze_parts(network, parts, norms=False),
                      "The weights are frozen, but batch norm in training mode still updates its running mean and "
                      "variance. Put the frozen parts into evaluation mode."),
        Misconception(lambda network, parts: freeze_parts(network, ("stem", "encoder", "decoder", "output")),
                      "You freeze the whole network. Only the named parts: `getattr(network, name)`."),
        Misconception(lambda network, parts: freeze_parts(network, parts, count=lambda weight: True),
                      "You count all weights. Count those that still have `requires_grad`."),
        Misconception(lambda network, parts: freeze_parts(network, parts, count=lambda w: not w.requires_grad),
                      "You count the frozen weights. How many are still trained?"),
        Misconception(lambda network, parts: freeze_parts(network, ("decoder", "output")),
                      "Turned round: you freeze everything but the named parts."),
    ),
    fallback_hint="For each name: getattr(network, name); every weight's requires_grad = False; .eval(). Then add up "
                  "numel() of the weights that still require a gradient.",
)
