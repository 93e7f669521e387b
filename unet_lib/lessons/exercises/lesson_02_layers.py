"""Checkers of lesson 02's layers: a convolution in loops, the same without, max pooling, and the receptive field."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from unet_lib.lessons import reference_convolution as ours
from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception

_RANDOM = np.random.default_rng(22)


def _layer_case(channels: int, height: int, width: int, outputs: int, k: int, stride: int, padding: int) -> Case:
    """Whole numbers, so that no order of adding them up matters."""
    x, weight = _RANDOM.integers(-4, 5, (channels, height, width)), _RANDOM.integers(-3, 4, (outputs, channels, k, k))
    given = (x.astype(float), weight.astype(float), _RANDOM.integers(1, 9, outputs).astype(float), stride, padding)
    shown = f"conv2d(x of {x.shape}, weight of {weight.shape}, bias, stride={stride}, padding={padding})"
    return Case(given, ours.conv2d_fast(*given), shown)


_LAYERS = (_layer_case(2, 5, 6, 3, 3, 1, 1), _layer_case(3, 7, 6, 2, 3, 2, 0), _layer_case(2, 5, 4, 4, 3, 1, 1),
           _layer_case(1, 4, 6, 3, 2, 2, 2))


def _conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int,
          pad: Callable[[int], Any] = lambda p: ((0, 0), (p, p), (p, p)), step: int | None = None) -> np.ndarray:
    """All windows' sums, with another padding or another step than asked for."""
    return ours.conv2d_fast(np.pad(x, pad(padding)), weight, bias, step or stride, 0)


def _standing_still(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """As many windows as the stride asks for, but only one pixel apart."""
    _, rows, columns = ours.conv2d_fast(x, weight, bias, stride, padding).shape
    return ours.conv2d_fast(x, weight, bias, 1, padding)[:, :rows, :columns]


NO_PADDING = "There is no padding yet: `np.pad(x, ((0, 0), (padding, padding), (padding, padding)))`, zeros all round."
ONE_SIDE = "You pad at one end only. Padding adds pixels on both sides of each direction."
CHANNELS_PADDED = ("`np.pad(x, padding)` adds channels as well. Leave them alone: `((0, 0), (padding, padding), "
                   "(padding, padding))`.")
NO_BIAS = "The bias is missing: `bias[o]` is added to every number of map o."
FLIPPED = "The kernel is flipped. PyTorch lays it on as it is."


def _mistakes(function: Callable[..., np.ndarray]) -> tuple[Misconception, ...]:
    """What goes wrong in a convolution with loops and without."""
    return (
        Misconception(lambda x, w, b, s, p: function(x, w, b, s, 0), NO_PADDING),
        Misconception(lambda x, w, b, s, p: _conv(x, w, b, s, p, lambda p: ((0, 0), (p, 0), (p, 0))), ONE_SIDE),
        Misconception(lambda x, w, b, s, p: function(x, w, 0 * b, s, p), NO_BIAS),
        Misconception(lambda x, w, b, s, p: function(x, w[..., ::-1, ::-1], b, s, p), FLIPPED),
    )


conv2d = FunctionExercise(
    question="conv2d(conv2d): write conv2d(x, weight, bias, stride, padding), a layer in loops.",
    signature="conv2d(x, weight, bias, stride, padding)",
    cases=_LAYERS,
    ours=lambda: ours.conv2d,
    insight="That is a layer of a network, whole. Every `nn.Conv2d` computes these numbers, only faster.",
    misconceptions=(
        *_mistakes(ours.conv2d),
        Misconception(lambda x, w, b, s, p: ours.conv2d(np.pad(x, p), w, b, s, 0), CHANNELS_PADDED),
        Misconception(_standing_still, "The stride counts your windows, but does not move them: window (r, c) begins "
                                       "at row r · stride and column c · stride."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x, w, b, 1, p), "The stride is not used yet."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x, w, len(x) * b, s, p),
                      "You add the bias once for each channel. It is added once to the whole sum."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x, w, 0 * b + b[0], s, p),
                      "All your maps have the bias of the first. Each filter has its own: `bias[o]`."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x[:1], w[:, :1], b, s, p),
                      "You use the first channel only. The window has all channels, `x[:, …]`; so has `weight[o]`."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x, w / w[0].size, b, s, p),
                      "You take the mean of the products. A layer takes the sum."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x, w, b, s, p)[:, :-1, :-1],
                      "The last row and column of windows is missing. `output_size` counts them."),
        Misconception(lambda x, w, b, s, p: ours.conv2d(x, w, b, s, p)[0],
                      "You return one map. A layer has as many as it has filters: `weight.shape[0]`."),
    ),
    fallback_hint="Pad; then y[o, r, c] = (window of all channels * weight[o]).sum() + bias[o].",
)


def _lines_run(function: Callable[..., Any], size: int) -> int:
    """How many lines of Python a call on an image of this size runs; what traced before, traces again afterwards."""
    count = 0

    def tracer(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        function(np.ones((1, size, size)), np.ones((1, 1, 3, 3)), np.ones(1), 1, 0)
    finally:
        sys.settrace(before)
    return count


def _loops_over_positions(function: Callable[..., Any]) -> str | None:
    if _lines_run(function, 9) <= _lines_run(function, 5):
        return None
    return ("Every number is right, but a larger image still makes Python run more lines: there is a loop over the "
            "positions. `sliding_window_view` gives all windows at once, and one `tensordot` adds up all products.")


conv2d_fast = FunctionExercise(
    question="conv2d_fast(conv2d_fast): write conv2d_fast(x, weight, bias, stride, padding), without a loop over "
             "positions.",
    signature="conv2d_fast(x, weight, bias, stride, padding)",
    cases=_LAYERS,
    also=_loops_over_positions,
    ours=lambda: ours.conv2d_fast,
    insight="The same sums, and not one loop in Python: the looping is done in compiled code.",
    misconceptions=(
        *_mistakes(ours.conv2d_fast),
        Misconception(lambda x, w, b, s, p: ours.conv2d_fast(x, w, b, 1, p),
                      "The stride is missing: take every `stride`-th window, `windows[:, ::stride, ::stride]`."),
        Misconception(lambda x, w, b, s, p: ours.conv2d_fast(x, w, 0 * b, s, p) + b,
                      "The bias lies along the width. As `bias[:, None, None]` it lies along the maps."),
        Misconception(lambda x, w, b, s, p: np.moveaxis(ours.conv2d_fast(x, w, b, s, p), 0, -1),
                      "The maps are your last axis; they should be the first. Put `weight` first in `tensordot`."),
        Misconception(lambda x, w, b, s, p: ours.conv2d_fast(x, w[:, ::-1], b, s, p),
                      "The channels meet the wrong weights. Which axis of the windows goes with which of the weights?"),
    ),
    fallback_hint="windows is [channel, row, column, i, j]; add up over channel, i and j; then the bias.",
)


def _blocks(x: Any) -> np.ndarray:
    channels, height, width = np.shape(x)
    return np.reshape(x, (channels, height // 2, 2, width // 2, 2))


def _pool_case(*shape: int) -> Case:
    x = _RANDOM.integers(-9, 10, shape).astype(float)
    return Case((x,), ours.max_pool2d(x), f"max_pool2d(x of {shape})")


max_pool2d = FunctionExercise(
    question="max_pool2d(max_pool2d): write max_pool2d(x), the largest number of each block of 2 × 2.",
    signature="max_pool2d(x)",
    cases=(_pool_case(2, 4, 6), _pool_case(3, 2, 4)),
    ours=lambda: ours.max_pool2d,
    insight="Three numbers of four are gone, and nothing had to be learnt.",
    misconceptions=(
        Misconception(lambda x: _blocks(x).mean(axis=(2, 4)), "That is mean pooling. Keep the largest of each block."),
        Misconception(lambda x: _blocks(x).min(axis=(2, 4)), "Those are the smallest numbers of the blocks."),
        Misconception(lambda x: x[:, ::2, ::2], "You keep the upper left number of each block, not the largest."),
        Misconception(lambda x: np.abs(_blocks(x)).max(axis=(2, 4)),
                      "You compare sizes without their signs. Of −9 and 2 the larger is 2."),
        Misconception(lambda x: x.reshape(*ours.max_pool2d(x).shape, 2, 2).max(axis=(3, 4)),
                      "`reshape` reads row by row, so your blocks are pieces of rows. Split height and width apart: "
                      "`reshape(channels, height // 2, 2, width // 2, 2)`."),
        Misconception(lambda x: _blocks(x).max(axis=2).reshape(len(x), x.shape[1] // 2, -1),
                      "You halve the height only."),
        Misconception(lambda x: np.maximum(np.maximum(x[:, :-1, :-1], x[:, 1:, :-1]),
                                           np.maximum(x[:, :-1, 1:], x[:, 1:, 1:])),
                      "Your blocks overlap. They move on by two pixels, not by one."),
        Misconception(lambda x: _blocks(x).max(axis=(0, 2, 4)), "You mix the channels. Each is pooled by itself."),
    ),
    fallback_hint="Blocks of 2 × 2 in every channel; the largest of each.",
)


def _grow(add: Callable[[int, int, int, int], tuple[int, int]] = lambda f, j, k, s: (f + (k - 1) * j, j * s),
          start: tuple[int, int] = (1, 1), which: int = 0) -> Callable[[Iterable[tuple[int, int]]], int]:
    """Field and jump, layer by layer, by a rule."""
    def grown(layers: Iterable[tuple[int, int]]) -> int:
        state = start
        for kernel, stride in layers:
            state = add(*state, kernel, stride)
        return state[which]
    return grown


_STACKS: tuple[list[tuple[int, int]], ...] = (
    [], [(3, 1), (3, 1)], [(3, 1), (3, 1), (2, 2), (3, 1), (3, 1)], [(7, 2), (2, 2), (5, 1), (3, 2), (3, 1)])

receptive_field = FunctionExercise(
    question="receptive_field(receptive_field): write receptive_field(layers): (kernel, stride) layer by layer; how "
             "wide is the view at the end?",
    signature="receptive_field(layers)",
    cases=tuple(Case((stack,), ours.receptive_field(stack)) for stack in _STACKS),
    ours=lambda: ours.receptive_field,
    insight="Behind each pooling a step is twice as wide in the image, so the view grows twice as fast.",
    misconceptions=(
        Misconception(_grow(lambda f, j, k, s: (f + k - 1, j)),
                      "You leave out the jump: behind a pooling, neighbouring numbers lie two pixels apart."),
        Misconception(_grow(lambda f, j, k, s: (f + (k - 1) * j * s, j * s)),
                      "You change the jump too early: a layer's own stride counts for the layers after it."),
        Misconception(_grow(lambda f, j, k, s: (f + (k - 1) * j, j + s - 1)),
                      "Jumps multiply: two poolings in a row make 4, and three make 8."),
        Misconception(_grow(lambda f, j, k, s: (f + k * j, j * s)),
                      "A window of width k reaches k − 1 steps further, not k."),
        Misconception(_grow(start=(0, 1)), "One pixel short: without any layer a number sees 1 pixel. Begin with 1."),
        Misconception(_grow(which=1), "That is the jump. Asked for is the field."),
        Misconception(lambda layers: _grow()(layers[:-1]), "The last layer is missing. Does your `return` come too "
                                                           "early?"),
    ),
    fallback_hint="Begin with field 1 and jump 1; per layer field += (kernel − 1) · jump, then jump *= stride.",
)
