"""Answers of readers to lesson 08, as in `reader_answers`."""

import itertools

import numpy as np
from scipy import stats
from torch import nn


def folds(owner, k, seed, names=None, first=0):
    patients = sorted(set(owner)) if names is None else names
    np.random.default_rng(seed).shuffle(patients)
    fold = np.empty(len(owner), int)
    for place, patient in enumerate(patients):
        fold[owner == patient] = first + place % k
    return fold


def in_blocks(owner, k, seed):
    shuffled = np.random.default_rng(seed).permutation(np.unique(owner))
    parts = np.array_split(shuffled, k)
    return [next(number for number, part in enumerate(parts) if name in part) for name in owner]


def unshuffled(owner, k, seed):
    names = list(np.unique(owner))
    return np.array([names.index(name) % k for name in owner])


def by_chance(owner, k, seed):
    draw = dict(zip(np.unique(owner), np.repeat(range(k), [len(set(owner)) - k + 1] + [1] * (k - 1)), strict=True))
    return np.array([draw[name] for name in owner])


def drawn(values, seed, draws=10_000, replace=True):
    rng = np.random.default_rng(seed)
    drawn_at = rng.integers(0, len(values), (draws, len(values)))
    return np.mean(np.take(values, drawn_at if replace else np.argsort(rng.random(drawn_at.shape))), axis=1)


def interval(before, after, seed, ends=(2.5, 97.5), draws=10_000, replace=True, pool=False):
    gains = [after[name] - before[name] for name in before if name in after]
    low, high = np.percentile(gains if pool else drawn(gains, seed, draws, replace), ends)
    return np.mean(gains), low, high


def apart(before, after, seed):
    names = [name for name in before if name in after]
    one, two = (drawn([scores[name] for name in names], seed + step) for step, scores in enumerate((before, after)))
    return interval(before, after, seed)[0], *np.percentile(two - one, (2.5, 97.5))


def flips(gains, seed, far=np.abs, count=False):
    signs = np.sign(np.random.default_rng(seed).random((10_000, len(gains))) - 0.5)
    hits = (far(signs @ gains) >= far(np.sum(gains)) - 1e-12).sum()
    return hits if count else hits / 10_000


def every_flip(gains, seed):
    found = [abs(np.dot(signs, gains)) >= abs(sum(gains)) - 1e-12
             for signs in itertools.product((1, -1), repeat=len(gains))]
    return np.mean(found)


def redrawn(gains, seed):
    return np.mean(np.abs(drawn(gains, seed)) >= abs(np.mean(gains)))


def ranks(gains, key=abs, first=1, keep=lambda gain: gain != 0, sign=np.sign):
    kept = [gain for gain in gains if keep(gain)]
    ordered = sorted(kept, key=key)
    return [sign(gain) * (ordered.index(gain) + first) for gain in kept]


def by_scipy(gains):
    kept = np.array(gains)[np.array(gains) != 0]
    return np.sign(kept) * stats.rankdata(np.abs(kept))


def argsorted(gains):
    kept = np.array([gain for gain in gains if gain != 0])
    return np.sign(kept) * (np.argsort(abs(kept)) + 1)


def luck(k, noise, trials, seed, second="fresh", draw=np.argmax, order=(0, 1)):
    rng, seen, again = np.random.default_rng(seed), [], []
    for _ in range(trials):
        first, other = rng.normal(0, noise, k), rng.normal(0, noise, k)
        chosen = draw(first)
        seen.append(first[chosen])
        again.append({"fresh": other[chosen], "same": first[chosen], "best": other.max()}[second])
    return [(np.mean(seen), np.mean(again))[place] for place in order]


def holm(p_values, alpha, part=lambda n, step: n - step, stop=True):
    stands = [False] * len(p_values)
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] <= alpha / part(len(p_values), step):
            stands[index] = True
        elif stop:
            break
    return stands


def adjusted(p_values, alpha):
    """By Holm's adjusted p-values, as statistics packages give them."""
    p, order = np.array(p_values), np.argsort(p_values)
    higher = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = higher
    return found <= alpha


def benjamini_hochberg(p_values, alpha):
    return stats.false_discovery_control(p_values) <= alpha


def frozen(network, parts, norms=True, count=lambda weight: weight.requires_grad):
    for name in parts:
        getattr(network, name).requires_grad_(False)
        if norms:
            getattr(network, name).eval()
    return sum(weight.numel() for weight in network.parameters() if count(weight))


def norms_alone(network, parts):
    total = frozen(network, parts, norms=False)
    for name in parts:
        for module in getattr(network, name).modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        getattr(network, name).training = False
    return total


def turned_round(network, parts):
    return frozen(network, [name for name, _ in network.named_children() if name not in parts])


FUNCTIONS_08 = {
    "patient_folds": ([folds, in_blocks], {
        lambda o, k, s: np.random.default_rng(s).permutation(len(o)) % k: "leak of lesson 01",
        unshuffled: "alphabetical",
        by_chance: "Each patient draws", lambda o, k, s: folds(o, k, s, first=1): "from 0",
        lambda o, k, s: np.arange(12) % k: "every patient. Give",
        lambda o, k, s: folds(o, k, None): "deals differently",
        lambda o, k, s: np.zeros(len(o)): "deal them out"}),
    "paired_interval": ([interval, lambda b, a, s: np.array(interval(b, a, s + 1, draws=3_000))], {
        lambda b, a, s: interval(a, b, s): "The sign", lambda b, a, s: interval(b, a, s, (5, 95)): "90 %",
        lambda b, a, s: interval(b, a, s, pool=True): "single patients", apart: "patients of the two recipes apart",
        lambda b, a, s: interval(b, a, s, replace=False): "without replacement",
        lambda b, a, s: interval(b, a, s)[1:]: "three numbers", lambda b, a, s: (0, 0, 1): "as many gains"}),
    "sign_flip_p": ([flips, every_flip], {
        lambda g, s: flips(g, s, far=np.positive): "one side", lambda g, s: 1 - flips(g, s): "nearer to 0",
        lambda g, s: 1.0: "sign of their own", redrawn: "as the bootstrap does",
        lambda g, s: flips(g, s, count=True): "That is how many", lambda g, s: 0.5: "Signs of −1 and 1"}),
    "signed_ranks": ([ranks, by_scipy], {
        argsorted: "which gain comes first", lambda g: ranks(g, key=float): "absolute value",
        lambda g: ranks(g, first=0): "from 1", lambda g: ranks(g, keep=lambda gain: True): "Leave zeros out",
        lambda g: ranks(g, sign=lambda gain: 1): "sign of its gain", lambda g: ranks(g, key=lambda x: -abs(x)):
        "not the largest", lambda g: 0: "order = argsort"}),
    "best_of": ([luck, lambda k, n, t, s: (np.random.default_rng(s).normal(0, n, (t, k)).max(1).mean(), 0)], {
        lambda *given: luck(*given, second="same"): "as large as the first",
        lambda *given: luck(*given, order=(1, 0)): "measurement that chose",
        lambda *given: luck(*given, draw=lambda row: 0): "mean of all recipes",
        lambda k, n, t, s: luck(k, n**0.5, t, s): "not its root",
        lambda *given: (1, 1): "Two tables"}),
    "holm": ([holm, adjusted], {
        lambda p, a: holm(p, a, lambda n, step: 1): "No correction", lambda p, a: holm(p, a, lambda n, step: n):
        "Bonferroni", lambda p, a: holm(p, a, stop=False): "Stop at the first",
        lambda p, a: holm(sorted(p), a): "sorted by p", benjamini_hochberg: "Hochberg",
        lambda p, a: ~adjusted(p, a): "Turned round", lambda p, a: 1: "From the smallest"}),
    "freeze": ([frozen, norms_alone], {
        lambda n, parts: frozen(n, parts, norms=False): "evaluation mode",
        lambda n, parts: frozen(n, [name for name, _ in n.named_children()]): "whole network",
        lambda n, parts: frozen(n, parts, count=lambda w: True): "count all",
        lambda n, parts: frozen(n, parts, count=lambda w: not w.requires_grad): "frozen weights. How",
        turned_round: "everything but", lambda n, parts: 0: "getattr(network, name)"}),
}
