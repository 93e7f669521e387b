"""Answers of readers to lesson 09, as in `reader_answers`."""

import numpy as np


def changed(baseline, idea):
    found = []
    for name in sorted({*baseline, *idea}):
        if (name in baseline) != (name in idea) or baseline.get(name) != idea.get(name):
            found.append(name)
    return found


def gains(before, after):
    return [sum(new[p] - old[p] for old, new in zip(before, after, strict=True)) / len(before)
            for p in range(len(before[0]))]


def means(values, draws):
    return [sum(values[i] for i in draw) / len(draw) for draw in draws]


def interval(values, draws):
    return np.percentile(means(values, draws), (2.5, 97.5))


def verdict(low, high, worth):
    return "no" if high < worth else "yes" if low > 0 else "open"


NUMBERS_09 = {
    "patients_needed": ([54, 6 * 9.0, 6 * (0.06 / 0.02) ** 2],
                        {18: "*root*", 10.39: "Turned round", 9: "Nine times", 48: "more are needed", 162: "once too",
                         2: "Fewer", 60: "a third of it"}),
}
FUNCTIONS_09 = {
    "changed_settings": ([changed, lambda b, i: set(changed(b, i)), lambda b, i: [
        n for n in sorted({*b, *i}) if b.get(n, "absent") != i.get(n, "absent")]],
        {lambda b, i: [n for n in sorted(b) if b[n] != i.get(n)]: "only the idea has",
         lambda b, i: [n for n in sorted(i) if i[n] != b.get(n)]: "only the baseline has",
         lambda b, i: sorted(n for n in set(b) & set(i) if b[n] != i[n]): "that both have",
         lambda b, i: sorted(set(b) ^ set(i)): "names alone",
         lambda b, i: sorted({*b, *i} - set(changed(b, i))): "stayed",
         lambda b, i: len(changed(b, i)): "how many", lambda b, i: b != i: "Give the names",
         lambda b, i: [i.get(n) for n in changed(b, i)]: "should be ['loss']"}),
    "patient_gains": ([gains, lambda b, a: np.mean(a, axis=0) - np.mean(b, axis=0)],
                      {lambda b, a: np.mean(a, axis=1) - np.mean(b, axis=1): "number a seed",
                       lambda b, a: [-gain for gain in gains(b, a)]: "The sign",
                       lambda b, a: np.mean(a) - np.mean(b): "number for all",
                       lambda b, a: np.subtract(a, b): "every seed",
                       lambda b, a: np.subtract(a, b).sum(0): "the sum",
                       lambda b, a: np.max(a, 0) - np.max(b, 0): "best seed",
                       lambda b, a: np.subtract(a, b)[0]: "Subtract the two tables"}),
    "gain_interval": ([interval, lambda g, d: tuple(interval(g, d))],
                      {lambda g, d: np.percentile(means(g, d), (5, 95)): "90 %",
                       lambda g, d: np.percentile(g, (2.5, 97.5)): "single patients",
                       lambda g, d: np.percentile([g[i] for draw in d for i in draw], (2.5, 97.5)): "pool all",
                       lambda g, d: np.percentile(means(g, np.transpose(d)), (2.5, 97.5)): "a column",
                       lambda g, d: (min(means(g, d)), max(means(g, d))): "outermost",
                       lambda g, d: interval(g, d)[::-1]: "lower end comes first",
                       lambda g, d: np.mean(means(g, d)): "the middle", lambda g, d: (0, 1): "Mean of every draw"}),
    "verdict": ([verdict, lambda low, high, worth: "no" if high < worth else ("open", "yes")[low > 0]],
                {lambda low, high, worth: "yes" if low > 0 else "no": "rules out neither",
                 lambda low, high, worth: "yes" if low + high > 2 * worth else "no": "middle alone",
                 lambda low, high, worth: "no" if high < worth else "yes" if low > worth else "open": "Too strict",
                 lambda low, high, worth: "yes" if low > 0 else "open" if high >= worth else "no": "too small to",
                 lambda low, high, worth: "yes" if low > 0 else "no" if high < 0 else "open": "does not need a loss",
                 lambda low, high, worth: low > 0: "as words",
                 lambda low, high, worth: "maybe": "whole interval below"}),
}
