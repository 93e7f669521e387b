"""Checkers of lesson 06, inside the network: numbers about maps (functions around a network: `inspection_tools`)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception
from unet_lib.lessons.exercises.inspection_tools import calibrate, catch_maps, without_channels

__all__ = ["best_tissue", "calibrate", "cam", "catch_maps", "duplicate_pairs", "roc_auc", "without_channels"]


def _count_pairs(alike: Callable[[np.ndarray, float], np.ndarray] = lambda r, least: np.abs(r) > least,
                 pairs: Callable[[int], Any] = lambda channels: np.triu_indices(channels, k=1),
                 images: slice = slice(None)) -> Callable[..., int]:
    """How many of these pairs of channels are alike, by their correlation over these images."""
    def count(maps: Any, least: float) -> int:
        channels = np.array(maps, float)[images].swapaxes(0, 1)
        r = np.corrcoef(channels.reshape(len(channels), -1))
        return int(alike(r[pairs(len(r))], least).sum())
    return count


def _some_maps(seed: int) -> np.ndarray:
    """Five channels of two images: the third is the first, stretched; the fourth the second, turned over; noise."""
    maps = np.random.default_rng(seed).normal(size=(2, 5, 4, 4))
    maps[:, 2] = 3 * maps[:, 0] + 1
    maps[:, 3] = -maps[:, 1] + 0.05 * maps[:, 4]
    maps[0, 4] = maps[0, 0]          # alike in the first image only
    return maps


duplicate_pairs = FunctionExercise(
    question="duplicate_pairs(duplicate_pairs): write duplicate_pairs(maps, least), the number of pairs of channels "
             "with a correlation above `least` or below −`least`.",
    signature="duplicate_pairs(maps, least)",
    cases=tuple(Case((maps, 0.95), _count_pairs()(maps, 0.95), f"duplicate_pairs(maps of {maps.shape}, 0.95)")
                for maps in (_some_maps(1), _some_maps(2)[:, :4])),
    ours=_count_pairs,
    insight="Two channels that rise and fall together tell the next layer one thing twice.",
    misconceptions=(
        Misconception(_count_pairs(lambda r, least: r > least),
                      "A channel and its negative show the same: the next layer can turn the sign. Take the absolute "
                      "value of the correlation."),
        Misconception(_count_pairs(pairs=lambda channels: ~np.eye(channels, dtype=bool)),
                      "You count each pair twice, as (i, j) and as (j, i). `np.triu_indices(channels, k=1)` gives each "
                      "once."),
        Misconception(_count_pairs(pairs=lambda channels: np.triu_indices(channels)),
                      "You count every channel as its own duplicate. Leave out the diagonal: `k=1`."),
        Misconception(_count_pairs(pairs=lambda channels: np.full((channels, channels), True)),
                      "You count the whole table of correlations: the diagonal, where each channel meets itself, and "
                      "each pair twice. `np.triu_indices(channels, k=1)` gives each pair once."),
        Misconception(_count_pairs(images=slice(1)),
                      "You look at the first image only. A duplicate shows the same in all of them."),
        Misconception(_count_pairs(lambda r, least: np.abs(r) <= least), "Those are the pairs that are *not* alike."),
    ),
    fallback_hint="Channels to the front, each one flat; np.corrcoef; the pairs above the diagonal; |r| > least.",
)


def _pairs(score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Any, Any], float]:
    """Mean score over all pairs of a tumour pixel and a healthy one."""
    def mean(values: Any, mask: Any) -> float:
        flat, tumour = np.array(values, float).ravel(), np.array(mask).ravel() > 0
        return float(score(flat[tumour][:, None], flat[~tumour][None]).mean())
    return mean


def _wins(tumour: np.ndarray, outside: np.ndarray) -> np.ndarray:
    return (tumour > outside) + 0.5 * (tumour == outside)


roc_auc = FunctionExercise(
    question="roc_auc(roc_auc): write roc_auc(values, mask): over all pairs of a tumour pixel and a healthy one, how "
             "often is the tumour's brighter? A tie counts half.",
    signature="roc_auc(values, mask)",
    cases=(Case(([[3, 1], [2, 0]], [[1, 0], [0, 1]]), 0.5), Case(([[5, 2], [2, 1]], [[1, 1], [0, 0]]), 0.875),
           Case(([[0, 0, 4]], [[0, 0, 1]]), 1.0), Case(([[7, 7], [7, 7]], [[1, 0], [0, 0]]), 0.5)),
    ours=lambda: _pairs(_wins),
    insight="That is the area under the ROC curve. Neither a channel's scale nor the tumour's size changes it.",
    misconceptions=(
        Misconception(_pairs(lambda t, h: t > h), "Ties: where both are equal, count one half."),
        Misconception(_pairs(lambda t, h: t >= h), "A tie is not a win. Count one half."),
        Misconception(_pairs(lambda t, h: (t < h) + 0.5 * (t == h)),
                      "That is how often the *healthy* one is brighter."),
        Misconception(_pairs(lambda t, h: t - h), "That is by how much. Asked is only how often."),
    ),
    fallback_hint="Each tumour pixel against each healthy one: 1 if brighter, ½ if equal, else 0. Take the mean.",
)


def _tissue(score: Callable[[np.ndarray, np.ndarray], float], best: Callable[..., Any] = max,
            least: int = 1) -> Callable[[Any, Any], list[float]]:
    """The tissue with the best score, and its score."""
    def find(bright: Any, labels: Any) -> list[float]:
        bright, labels = np.array(bright, bool), np.array(labels)
        scores = {tissue: score(bright, labels == tissue) for tissue in np.unique(labels) if tissue >= least}
        return [float(found := best(scores, key=scores.__getitem__)), float(scores[found])]
    return find


def _iou(bright: np.ndarray, here: np.ndarray) -> float:
    return (bright & here).sum() / (bright | here).sum()


def _grid(*rows: str) -> np.ndarray:
    return np.array([[int(digit) for digit in row] for row in rows])


_LABELS = _grid("000000", "033310", "031110", "022130", "000000")
_BRIGHT = _grid("000000", "011100", "011000", "111101", "000010")
_ELSEWHERE = _grid("111111", "100001", "100001", "111001", "111111")

best_tissue = FunctionExercise(
    question="best_tissue(best_tissue): write best_tissue(bright, labels): the tissue (1, 2, …) that a channel's "
             "bright pixels fit best, and their IoU with it. 0 is air and does not count.",
    signature="best_tissue(bright, labels)",
    cases=tuple(Case((bright > 0, _LABELS), _tissue(_iou)(bright, _LABELS), f"best_tissue({shown}, labels)")
                for bright, shown in ((_BRIGHT, "some bright pixels"), (_ELSEWHERE, "pixels, most of them in air"))),
    ours=lambda: _tissue(_iou),
    insight="Each channel now has a name, and a number that says how well the name fits.",
    misconceptions=(
        Misconception(_tissue(_iou, least=0), "0 is air: no tissue. Leave it out."),
        Misconception(_tissue(lambda b, t: (b & t).sum()),
                      "The largest overlap favours the largest tissue. Divide by what is in either: IoU."),
        Misconception(_tissue(lambda b, t: (b & t).sum() / t.sum()),
                      "That is the fraction of the tissue that is bright: a channel that is bright everywhere would "
                      "win. Divide by the union."),
        Misconception(_tissue(lambda b, t: (b & t).sum() / b.sum()),
                      "That is the fraction of the bright pixels that lie in the tissue. Divide by the union."),
        Misconception(_tissue(lambda b, t: 2 * (b & t).sum() / (b.sum() + t.sum())),
                      "The right tissue, but that is Dice. IoU is intersection over union."),
        Misconception(_tissue(_iou, best=min), "That is the worst tissue. Look for the largest IoU."),
    ),
    fallback_hint="For each number of np.unique(labels) but 0: (bright & here).sum() / (bright | here).sum().",
)


def _heat(weigh: Callable[[np.ndarray], np.ndarray], relu: bool = True) -> Callable[[Any, Any], np.ndarray]:
    """Maps added up with weights made of the gradients."""
    def heat(maps: Any, gradients: Any) -> np.ndarray:
        total = (weigh(np.array(gradients, float)) * np.array(maps, float)).sum(axis=0)
        return np.maximum(total, 0) if relu else total
    return heat


def _mean(gradients: np.ndarray) -> np.ndarray:
    return gradients.mean(axis=(1, 2), keepdims=True)


_MAPS = [[[1.0, 0.0], [2.0, 4.0]], [[3.0, 1.0], [0.0, 1.0]]]
_GRADIENTS = [[[0.4, 0.0], [0.0, 0.4]], [[-0.1, -0.1], [-0.3, 0.1]]]

cam = FunctionExercise(
    question="cam(cam): write cam(maps, gradients): each channel weighted by the mean of its gradient, added up, "
             "and what is below 0 left out.",
    signature="cam(maps, gradients)",
    cases=(Case((_MAPS, _GRADIENTS), _heat(_mean)(_MAPS, _GRADIENTS)),
           Case(([[[1.0, 2.0]], [[2.0, 1.0]]], [[[0.5, 1.5]], [[-1.0, -2.0]]]), [[0.0, 0.5]])),
    ours=lambda: _heat(_mean),
    insight="That is all of Grad-CAM: one weight a channel. It says where the chosen channels are bright, not why.",
    misconceptions=(
        Misconception(_heat(_mean, relu=False), "Left to do: what is below 0 speaks against tumour, and is left out."),
        Misconception(_heat(lambda g: g), "Each channel gets *one* weight, the mean of its gradient over the map."),
        Misconception(_heat(lambda g: np.abs(_mean(g))),
                      "A channel that speaks against tumour has a negative weight. Keep the sign."),
        Misconception(_heat(lambda g: g.sum(axis=(1, 2), keepdims=True)), "The mean of the gradient, not its sum."),
        Misconception(lambda m, g: np.maximum(_mean(np.array(g)) * np.array(m), 0),
                      "Add up the channels: one map is left."),
    ),
    fallback_hint="weights = mean of each gradient; sum of weight × map over the channels; then ReLU.",
)
