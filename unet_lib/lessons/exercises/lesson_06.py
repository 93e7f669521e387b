"""Checkers of lesson 06, inside the network: maps, dead channels, ROC AUC, chance, and Grad-CAM by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import (
    Case,
    FunctionExercise,
    Misconception,
    NumberExercise,
    PropertyExercise,
    to_array,
)


def _read_shape(answer: Any) -> tuple[float, ...] | None:
    numbers = to_array(answer, (4,))
    return None if numbers is None else tuple(numbers.tolist())


map_shape = PropertyExercise(
    question="map_shape(answer): one slice of 3×128×128 enters a U-Net of base 8; which shape does encoder.2 hand on?",
    expected="four numbers, as in (1, 2, 3, 4)",
    read=_read_shape,
    right=lambda shape: shape == (1, 16, 64, 64),
    insight="One image, sixteen maps, each half as high and wide as the slice: every level doubles and halves.",
    misconceptions=(
        Misconception(lambda s: s == (1, 8, 128, 128), "That is encoder.1. Before encoder.2 comes a pooling."),
        Misconception(lambda s: s == (1, 16, 128, 128), "Sixteen channels, yes; but between the two lies a pooling."),
        Misconception(lambda s: s == (1, 8, 64, 64), "The size is right. Each level doubles the channels, too."),
        Misconception(lambda s: s == (1, 32, 32, 32), "One level too deep: that is encoder.3."),
        Misconception(lambda s: s[1:] == (64, 64, 16), "Channels come before height and width in PyTorch."),
        Misconception(lambda s: s[0] == 3,
                      "The three channels went into the sums. First comes the number of images, 1."),
    ),
    fallback_hint="Images, channels, height, width. encoder.1 has 8 channels at full size; pooling halves the sides.",
)

_LIVING = [[[[0, 0], [0, 0]], [[1, 0], [0, 2]], [[3, 3], [3, 3]]]]
_TWO = [[[[0, 0]], [[4, 4]], [[0, 0]], [[1, 2]]], [[[0, 0]], [[5, 5]], [[0, 7]], [[1, 2]]]]


def _channels(flat: Callable[[np.ndarray], Any]) -> Callable[[Sequence[Any]], list[int]]:
    """Channels for which the test holds, given (c, n, pixels)."""
    def found(maps: Sequence[Any]) -> list[int]:
        stacked = np.array(maps, float).swapaxes(0, 1)
        return [int(c) for c in np.flatnonzero([flat(channel.reshape(len(channel), -1)) for channel in stacked])]
    return found


dead_channels = FunctionExercise(
    question="dead_channels(function): write dead_channels(maps): the numbers of the channels that have one and the "
             "same value everywhere, in all images.",
    signature="dead_channels(maps)",
    cases=(Case((_LIVING,), [0, 2], "dead_channels(one image of three channels, 2×2)"),
           Case((_TWO,), [0], "dead_channels(two images of four channels, 1×2)")),
    insight="A channel that never varies tells nothing. After a ReLU it mostly is one that never gets above 0.",
    misconceptions=(
        Misconception(_channels(lambda c: (c == 0).all()), "A channel stuck at 3 tells as little as one stuck at 0."),
        Misconception(_channels(lambda c: (c.min(1) == c.max(1)).any()),
                      "One image in which a channel is flat is not enough: look at all of them together."),
        Misconception(_channels(lambda c: (c.min(1) == c.max(1)).all()),
                      "A channel that is 4 in one image and 5 in another does vary. Take all images at once."),
        Misconception(_channels(lambda c: c.min() != c.max()), "These are the living ones."),
    ),
    fallback_hint="Per channel, over images, rows and columns: is the least value also the greatest?",
)


def _pairs(score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Any, Any], float]:
    """Mean score over all pairs of a tumour pixel and a healthy one."""
    def mean(values: Any, mask: Any) -> float:
        flat, tumour = np.array(values, float).ravel(), np.array(mask).ravel() > 0
        return float(score(flat[tumour][:, None], flat[~tumour][None]).mean())
    return mean


roc_auc = FunctionExercise(
    question="roc_auc(function): write roc_auc(values, mask): over all pairs of a tumour pixel and a healthy one, how "
             "often is the tumour's brighter? A tie counts half.",
    signature="roc_auc(values, mask)",
    cases=(Case(([[3, 1], [2, 0]], [[1, 0], [0, 1]]), 0.5), Case(([[5, 2], [2, 1]], [[1, 1], [0, 0]]), 0.875),
           Case(([[0, 0, 4]], [[0, 0, 1]]), 1.0), Case(([[7, 7], [7, 7]], [[1, 0], [0, 0]]), 0.5)),
    insight="That is the area under the ROC curve. It minds neither a channel's scale nor the tumour's size.",
    misconceptions=(
        Misconception(_pairs(lambda t, h: t > h), "Ties: where both are equal, count one half."),
        Misconception(_pairs(lambda t, h: t >= h), "A tie is not a win. Count one half."),
        Misconception(_pairs(lambda t, h: (t < h) + 0.5 * (t == h)),
                      "That is how often the *healthy* one is brighter."),
        Misconception(_pairs(lambda t, h: t - h), "That is by how much. Asked is only how often."),
    ),
    fallback_hint="Each tumour pixel against each healthy one: 1 if brighter, ½ if equal, else 0. Take the mean.",
)

chance_precision = NumberExercise(
    question="chance_precision(answer): 400 of 16,384 pixels are tumour; which precision does guessing at random have?",
    right=400 / 16384,
    tolerance=0.0005,
    insight="So an average precision of 0.14 may be six times better than chance, and an accuracy of 0.97 no better.",
    misconceptions=(
        Misconception(0.5,
                      "That is chance for a coin. Tumour is rare: of the pixels you point at, how many are tumour?"),
        Misconception(0.9756, "That is the fraction of healthy pixels: the accuracy of always saying no."),
        Misconception(2.44, "That is the percentage. Precision lies between 0 and 1."),
        Misconception(0.0, "Pointing anywhere, one hits tumour now and then."),
        Misconception(400 / 15984, "Over the healthy ones only. You may point at any of the 16,384."),
    ),
    fallback_hint="Whoever points at random hits tumour as often as there is tumour.",
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
    question="cam(function): write cam(maps, gradients): each channel weighted by the mean of its gradient, added up, "
             "and what is below 0 left out.",
    signature="cam(maps, gradients)",
    cases=(Case((_MAPS, _GRADIENTS), _heat(_mean)(_MAPS, _GRADIENTS)),
           Case(([[[1.0, 2.0]], [[2.0, 1.0]]], [[[0.5, 1.5]], [[-1.0, -2.0]]]), [[0.0, 0.5]])),
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
