"""Answers to lesson 02's exercises as readers would type them: right ones, then wrong ones and a piece of the hint.

What is right is SciPy's or torch's answer, besides loops as in the lesson: not what our own functions return.
"""

import numpy as np
import torch
from scipy import ndimage, signal
from torch.nn import functional as F

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])

PROPERTIES_02 = {
    "own_window": ([(1, 1, 5), [2, 3, 16], np.array([4, 4, 9.0])],
                   {(0, 0, 3): "sticks out", (1, 1, -5): "turned round", (1, 2, 9): "its side",
                    (1, 1, 14): "plain sum", (1, 1, 11): "minus signs", (1, 1, 4): "−2 and 2", (2, 1, 21): "exchanged",
                    (1, 1, 99): "nine prod"}),
    "edge_kernel": ([((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), [[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
                     np.array([[-1, 0, 1]] * 3)],
                    {((0, 0, 0),) * 3: "zeros", ((1, 1, 1),) * 3: "add up to 0", ((1, 0, -1),) * 3: "exchange",
                     ((-1, -1, -1), (0, 0, 0), (1, 1, 1)): "not see the edge",
                     ((-1, 0, 0), (0, 0, 0), (0, 0, 1)): "top to bottom"}),
}


def in_loops(image, kernel):
    rows, columns = (i - k + 1 for i, k in zip(image.shape, kernel.shape, strict=True))
    return [[(image[r:r + len(kernel), c:c + kernel.shape[1]] * kernel).sum() for c in range(columns)]
            for r in range(rows)]


def correlate(image, kernel):
    return signal.correlate2d(image, kernel, mode="valid")


def sobel(image, combine=np.hypot):
    gx, gy = (ndimage.sobel(image.astype(float), axis)[1:-1, 1:-1] for axis in (1, 0))
    return combine(gx, gy)


def blurred(image, weights, *axes):
    """Along each of these axes in turn, without the border."""
    edge = len(weights) // 2
    for axis in axes:
        image = ndimage.correlate1d(image.astype(float), weights, axis)
        image = image[edge:-edge] if axis == 0 else image[:, edge:-edge]
    return image


def layer(x, weight, bias, stride, padding):
    x, weight, bias = (torch.from_numpy(np.array(part, float)) for part in (x, weight, bias))
    return F.conv2d(x[None], weight, bias, stride, padding)[0].numpy()


def layer_in_loops(x, weight, bias, stride, padding, move=None, kernel=lambda k: k):
    outputs, _, k, _ = weight.shape
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    y, move = np.zeros((outputs, height, width)), move or stride
    for o in range(outputs):
        for r in range(height):
            for c in range(width):
                window = x[:, r * move:r * move + k, c * move:c * move + k]
                y[o, r, c] = (window * kernel(weight[o])).sum() + bias[o]
    return y


def by_shifts(x, weight, bias, stride, padding):
    """A loop over the kernel's positions, none over the image's."""
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    height, width = ((side - k) // stride + 1 for side in x.shape[1:])
    y = np.zeros((len(weight), height, width)) + bias[:, None, None]
    for i in range(k):
        for j in range(k):
            part = x[:, i:i + stride * height:stride, j:j + stride * width:stride]
            y += np.einsum("oc,chw->ohw", weight[:, :, i, j], part)
    return y


def one_sided(x, padding):
    return np.pad(x, ((0, 0), (padding, 0), (padding, 0)))


def pool(x):
    return F.max_pool2d(torch.from_numpy(np.array(x, float)), 2).numpy()


def pool_in_loops(x):
    return [[[row[c:c + 2].max() for c in range(0, len(row), 2)]
             for row in np.maximum(channel[::2], channel[1::2])] for channel in x]


def mean_pool(x):
    return F.avg_pool2d(torch.from_numpy(np.array(x, float)), 2).numpy()


def field(layers, add=lambda f, j, k, s: (f + (k - 1) * j, j * s), start=1, answer=0):
    state = (start, 1)
    for kernel, stride in layers:
        state = add(*state, kernel, stride)
    return state[answer]


def field_backwards(layers):
    """From the last layer to the first, as one walks from a number down to its pixels."""
    width = 1
    for kernel, stride in reversed(layers):
        width = (width - 1) * stride + kernel
    return width


def both(x, y):
    return np.abs(x) + np.abs(y)


FUNCTIONS_02 = {
    "correlate": ([correlate, lambda i, k: np.array(in_loops(i, k), float)], {
        in_loops: "they are a list",
        lambda i, k: correlate(i, k[::-1, ::-1]): "flipped", lambda i, k: correlate(i, k)[:-1, :-1]: "last row",
        lambda i, k: correlate(i, k * 0 + 1): "without their weights", lambda i, k: correlate(i, k) / k.size: "mean",
        lambda i, k: correlate(i, -k): "For every"}),
    "gradient_magnitude": ([sobel, lambda i: (correlate(i, SOBEL) ** 2 + correlate(i, SOBEL.T) ** 2) ** 0.5], {
        lambda i: sobel(i, lambda x, y: x): "left to right only", lambda i: sobel(i, lambda x, y: y):
        "top to bottom only", lambda i: sobel(i, np.add): "cancel", lambda i: sobel(i, lambda x, y: x * x + y * y):
        "root is missing", lambda i: sobel(i, both): "45°", lambda i: sobel(i, np.arctan2): "direction",
        lambda i: i: "two Sobel kernels"}),
    "blur_in_two_passes": ([lambda i, w: blurred(i, w, 1, 0),
                            lambda i, w: correlate(correlate(i, w[:, None]), w[None])], {
        lambda i, w: blurred(i, w, 1): "along the rows only", lambda i, w: blurred(i, w, 0): "along the columns only",
        lambda i, w: blurred(i, w, 1, 1): "Both passes run along the rows", lambda i, w: blurred(i, w, 0, 0):
        "Both passes run along the columns", lambda i, w: blurred(i, w, 1, 0, 1, 0): "twice with the square",
        lambda i, w: i: "correlate with"}),
    "output_size": ([lambda n, k, s, p: (n + 2 * p - k) // s + 1,
                     lambda n, k, s, p: len(range(0, n + 2 * p - k + 1, s))], {
        lambda n, k, s, p: len(range(s, n + 2 * p - k + 1, s)): "One too few", lambda n, k, s, p: (n + p - k) // s + 1:
        "counts twice", lambda n, k, s, p: 1 + (n + 2 * p - k) / s: "Round down", lambda n, k, s, p: (n - k) // s + 1:
        "forgot the padding", lambda n, k, s, p: n + 2 * p - k + 1: "forgot the stride",
        lambda n, k, s, p: (n + 1 + 2 * p - k) // s: "after the division",
        lambda n, k, s, p: int(np.ceil((n + 2 * p - k) / s)) + 1: "You round up",
        lambda n, k, s, p: n: "Room to move"}),
    "conv2d": ([layer, layer_in_loops, by_shifts], {
        lambda x, w, b, s, p: layer(x, w, b, s, 0): "no padding yet",
        lambda x, w, b, s, p: layer(one_sided(x, p), w, b, s, 0): "one end only",
        lambda x, w, b, s, p: layer(x, w, 0 * b, s, p): "bias is missing",
        lambda x, w, b, s, p: layer_in_loops(x, w, b, s, p, kernel=lambda k: k[:, ::-1, ::-1]): "flipped",
        lambda x, w, b, s, p: layer_in_loops(x, w, b, s, p, move=1): "does not move them",
        lambda x, w, b, s, p: layer(x, w, b, 1, p): "not used yet",
        lambda x, w, b, s, p: layer(x, w, len(x) * b, s, p): "once for each channel",
        lambda x, w, b, s, p: layer(x, w, b[:1].repeat(len(b)), s, p): "bias of the first",
        lambda x, w, b, s, p: layer(x[:1], w[:, :1], b, s, p): "first channel only",
        lambda x, w, b, s, p: layer_in_loops(x, w, b, s, p, kernel=lambda k: k / k.size): "mean of the products",
        lambda x, w, b, s, p: layer(x, w, b, s, p)[:, :-1, :-1]: "last row and column",
        lambda x, w, b, s, p: layer(x, w, b, s, p)[0]: "one map", lambda x, w, b, s, p: x: "Pad; then"}),
    "conv2d_fast": ([layer, by_shifts], {
        layer_in_loops: "still makes Python run more lines",
        lambda x, w, b, s, p: layer(x, w, b, s, 0): "no padding yet",
        lambda x, w, b, s, p: layer(one_sided(x, p), w, b, s, 0): "one end only",
        lambda x, w, b, s, p: layer(x, w, 0 * b, s, p): "bias is missing",
        lambda x, w, b, s, p: layer(x, w[..., ::-1, ::-1], b, s, p): "flipped",
        lambda x, w, b, s, p: layer(x, w, b, 1, p): "every `stride`-th",
        lambda x, w, b, s, p: layer(x, w, 0 * b, s, p) + b: "along the width",
        lambda x, w, b, s, p: layer(x, w, b, s, p).transpose(1, 2, 0): "your last axis",
        lambda x, w, b, s, p: layer(x[::-1], w, b, s, p): "wrong weights", lambda x, w, b, s, p: x: "add up over"}),
    "max_pool2d": ([pool, pool_in_loops], {
        mean_pool: "mean pooling", lambda x: -pool(-x): "smallest", lambda x: x[:, ::2, ::2]: "upper left",
        lambda x: pool(np.abs(x)): "without their signs",
        lambda x: x.reshape(*pool(x).shape, 4).max(axis=-1): "pieces of rows",
        lambda x: np.maximum(x[:, ::2], x[:, 1::2]): "height only",
        lambda x: F.max_pool2d(torch.tensor(x), 2, 1).numpy(): "overlap", lambda x: pool(x).max(axis=0): "mix the",
        lambda x: pool(x) + 1: "Blocks of"}),
    "receptive_field": ([field, field_backwards], {
        lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers): "leave out the jump",
        lambda layers: field(layers, lambda f, j, k, s: (f + (k - 1) * j * s, j * s)): "too early",
        lambda layers: field(layers, lambda f, j, k, s: (f + (k - 1) * j, j + s - 1)): "Jumps multiply",
        lambda layers: field(layers, lambda f, j, k, s: (f + k * j, j * s)): "not k",
        lambda layers: field(layers, start=0): "Begin with 1",
        lambda layers: field(layers, answer=1): "the jump. Asked",
        lambda layers: field(layers[:-1]): "last layer is missing", lambda layers: 99: "Begin with field 1"}),
}
