"""Checkers of lesson 09, your own idea: what was changed, gains, their interval, the verdict, how many patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, NumberExercise


def _changed(baseline: Mapping[str, Any], idea: Mapping[str, Any]) -> list[str]:
    names = baseline.keys() | idea.keys()
    return sorted(name for name in names if name not in baseline or name not in idea or baseline[name] != idea[name])


changed_settings = FunctionExercise(
    question="changed_settings(changed_settings): write changed_settings(baseline, idea): the names of the settings "
             "that differ.",
    signature="changed_settings(baseline, idea)",
    cases=tuple(Case(pair, _changed(*pair)) for pair in (
        ({"loss": "bce_dice", "epochs": 8, "base": 8}, {"loss": "dice", "epochs": 8, "base": 8}),
        ({"loss": "bce_dice", "epochs": 8, "base": 8}, {"loss": "bce_dice", "epochs": 12, "base": 12}),
        ({"size": 64, "seed": 0}, {"size": 64, "seed": 0}),
        ({"size": 64, "flip": 0.5}, {"size": 64}),
        ({"size": 64}, {"size": 64, "flip": 0.5}))),
    insight="One name in the list: the idea is on trial. Two names: nobody will know which of them did it.",
    misconceptions=(
        Misconception(lambda baseline, idea: sorted(n for n in baseline if baseline[n] != idea.get(n)),
                      "A setting that only the idea has is a change as well. Go through the names of both."),
        Misconception(lambda baseline, idea: sorted(n for n in idea if idea[n] != baseline.get(n)),
                      "A setting that only the baseline has is a change as well. Go through the names of both."),
        Misconception(lambda baseline, idea: sorted(n for n in baseline.keys() & idea.keys()
                                                    if baseline[n] != idea[n]),
                      "You look only at names that both have. A setting that one of them lacks is a change as well."),
        Misconception(lambda baseline, idea: sorted(baseline.keys() ^ idea.keys()),
                      "You compare the names alone. A setting may keep its name and change its value."),
        Misconception(lambda baseline, idea: sorted(n for n in baseline.keys() | idea.keys()
                                                    if n not in _changed(baseline, idea)),
                      "Those are the settings that stayed as they were."),
        Misconception(lambda baseline, idea: len(_changed(baseline, idea)),
                      "That is how many there are. Which are they?"),
        Misconception(lambda baseline, idea: baseline != idea,
                      "True or False says that something differs. Give the names."),
    ),
    fallback_hint="Go through the names of both; keep a name if only one has it, or if the two values differ.",
    ours=lambda: _changed,
)


def _gains(before: Sequence[Any], after: Sequence[Any], axis: int | None = 0) -> Any:
    return (np.array(after, float) - np.array(before, float)).mean(axis=axis)


patient_gains = FunctionExercise(
    question="patient_gains(patient_gains): write patient_gains(before, after): each patient's mean gain over "
             "the seeds.",
    signature="patient_gains(before, after)",
    cases=tuple(Case(pair, _gains(*pair)) for pair in (
        ([[0.5, 0.8, 0.2], [0.7, 0.8, 0.4]], [[0.6, 0.7, 0.6], [0.9, 0.8, 0.5]]),
        ([[0.1, 0.9], [0.3, 0.8], [0.5, 0.4]], [[0.4, 0.9], [0.3, 0.5], [0.8, 0.6]]))),
    insight="One number a patient. Seeds are repeats of the same trial; patients are what we want to know about.",
    misconceptions=(
        Misconception(lambda before, after: _gains(before, after, 1),
                      "That is one number a seed. Take the mean over the rows, so that the patients stay: `axis=0`."),
        Misconception(lambda before, after: _gains(after, before), "The sign: a gain is after − before."),
        Misconception(lambda before, after: _gains(before, after, None),
                      "That is one number for all. Keep the patients apart: the interval needs them."),
        Misconception(lambda before, after: np.array(after) - np.array(before),
                      "Those are the gains of every seed. Take their mean over the seeds."),
        Misconception(lambda before, after: (np.array(after) - np.array(before)).sum(axis=0),
                      "That is the sum over the seeds: with more seeds it would grow. Take the mean."),
        Misconception(lambda before, after: np.max(after, axis=0) - np.max(before, axis=0),
                      "You keep each patient's best seed. That rewards luck; take the mean."),
    ),
    fallback_hint="Subtract the two tables, then take the mean over the rows.",
    ours=lambda: _gains,
)


def _interval(gains: Sequence[float], draws: Sequence[Any], low: float = 0.025) -> np.ndarray:
    return np.quantile(np.array(gains, float)[np.array(draws)].mean(axis=1), [low, 1 - low])


_DRAWS = np.random.default_rng(9).integers(0, 4, (40, 4)).tolist()
gain_interval = FunctionExercise(
    question="gain_interval(gain_interval): write gain_interval(gains, draws): the two ends of the 95 % interval of "
             "the mean gain.",
    signature="gain_interval(gains, draws)",
    cases=(Case(([0.1, -0.2, 0.4, 0.05], _DRAWS), _interval([0.1, -0.2, 0.4, 0.05], _DRAWS),
                "gain_interval([0.1, -0.2, 0.4, 0.05], forty draws)"),
           Case(([0.3, 0.1, 0.2, -0.5], _DRAWS), _interval([0.3, 0.1, 0.2, -0.5], _DRAWS),
                "gain_interval([0.3, 0.1, 0.2, -0.5], forty draws)")),
    insight="The patients are drawn again and again, as if other patients had come. So wide is the luck of who came.",
    misconceptions=(
        Misconception(lambda gains, draws: _interval(gains, draws, 0.05),
                      "Those ends hold 90 %. For 95 %, leave out 2.5 % on either side."),
        Misconception(lambda gains, draws: np.quantile(gains, [0.025, 0.975]),
                      "That is where single patients lie. Take the mean of every draw first."),
        Misconception(lambda gains, draws: np.quantile(np.array(gains)[np.array(draws)], [0.025, 0.975]),
                      "You pool all draws. Take the mean of every draw, a row, first."),
        Misconception(lambda gains, draws: np.quantile(np.array(gains)[np.array(draws)].mean(axis=0), [0.025, 0.975]),
                      "You take the mean of a column. A draw is a row: `mean(axis=1)`."),
        Misconception(lambda gains, draws: (lambda means: [means.min(), means.max()])(
            np.array(gains)[np.array(draws)].mean(axis=1)),
            "Those are the outermost draws of all; with more draws they would move apart. Leave out 2.5 % on either "
            "side."),
        Misconception(lambda gains, draws: _interval(gains, draws)[::-1], "The lower end comes first."),
        Misconception(lambda gains, draws: np.array(gains)[np.array(draws)].mean(axis=1).mean(),
                      "That is the middle. How far out do the means of the draws lie?"),
    ),
    fallback_hint="Mean of every draw, a row; then `np.quantile` at 0.025 and 0.975.",
    ours=lambda: _interval,
)


def _verdict(low: float, high: float, worth: float) -> str:
    if high < worth:
        return "no"
    return "yes" if low > 0 else "open"


def _middle(low: float, high: float, worth: float) -> str:
    return "yes" if (low + high) / 2 > worth else "no"


verdict = FunctionExercise(
    question="verdict(verdict): write verdict(low, high, worth), which answers \"yes\", \"no\" or \"open\".",
    signature="verdict(low, high, worth)",
    cases=tuple(Case(ends, _verdict(*ends)) for ends in (
        (0.01, 0.08, 0.02), (-0.05, 0.01, 0.02), (-0.03, 0.06, 0.02), (0.002, 0.012, 0.02), (-0.09, -0.01, 0.02),
        (0.03, 0.05, 0.02), (-0.01, 0.09, 0.05))),
    insight="Three answers, not two. \"No\" needs as much evidence as \"yes\"; without it the question stays open.",
    misconceptions=(
        Misconception(lambda low, high, worth: "yes" if low > 0 else "no",
                      "An interval that holds 0 and reaches beyond `worth` rules out neither: that is \"open\"."),
        Misconception(_middle, "You decide by the middle alone. What is the interval for, then?"),
        Misconception(lambda low, high, worth: "yes" if low > worth else "no" if high < worth else "open",
                      "Too strict: above 0 all along, and perhaps above `worth`, was to be a \"yes\"."),
        Misconception(lambda low, high, worth: "yes" if low > 0 else "no" if high < worth else "open",
                      "A gain that is surely there and surely too small to matter is a \"no\". Ask for that first."),
        Misconception(lambda low, high, worth: "yes" if low > 0 else "no" if high < 0 else "open",
                      "\"No\" does not need a loss. It is enough that the gain is surely smaller than `worth`."),
        Misconception(lambda low, high, worth: low > 0, "Three answers are wanted, as words."),
    ),
    fallback_hint="First: is the whole interval below `worth`? Then: is the whole interval above 0? Else it is open.",
    ours=lambda: _verdict,
)

patients_needed = NumberExercise(
    question="patients_needed(answer): with 6 patients the interval reaches 0.06 to either side; how many make it "
             "0.02?",
    right=54,
    insight="A third of the width costs nine times the patients. That is why small gains are so hard to prove.",
    misconceptions=(
        Misconception(18, "The width falls with the *root* of the number of patients, not with the number itself."),
        Misconception(6 * 3**0.5, "Turned round: three times as narrow needs 3² times the patients, not √3 times."),
        Misconception(9, "Nine times as many. And how many are that?"),
        Misconception(48, "So many more are needed. How many are they together with the first six?"),
        Misconception(162, "3³ is once too often: the width goes with 1/√n."),
        Misconception(2, "Fewer patients make the interval wider."),
    ),
    fallback_hint="The width goes with 1/√n: a third of it needs 3² = 9 times as many patients.",
)
