"""A U-Net so small that every number can be shown: four pixels, one channel, one level, fourteen weights.

`tiny_unet.js` computes the same in the browser, number by number; here `byhand` does it, array by array. Each letter
stands for a row of numbers:

    x   the image                         w, wb   weights and bias of the convolution
    c   convolution of x, padding 1       v, vb   of the bottleneck
    a   ReLU of c                         k, kb   of the transposed convolution
    m   max pooling of a, by 2            q, qb   of the output's 1×1 convolution
    d   bottleneck: convolution of m      t       the mask, each number from 0 to 1
    r   ReLU of d
    u   transposed convolution of r       p       sigmoid of z, the probability
    s   skip: a copy of a                 l       binary cross-entropy of each pixel
    z   output: 1×1 convolution of (s, u) L       the loss, their mean
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from unet_lib import byhand

Numbers = Mapping[str, Sequence[float]]
Rows = dict[str, Float[np.ndarray, "_"]]

DEFAULTS: dict[str, list[float]] = {
    "x": [1, 2, 3, 0], "t": [0, 1, 1, 0],
    "w": [-0.5, 1, 0.5], "wb": [-1], "v": [1, 0.5, 0.5], "vb": [0.5], "k": [0.5, -0.5], "kb": [0.5],
    "q": [0.5, -1], "qb": [-0.5]}
"""Chosen so that results are short, one ReLU is closed, both poolings have a clear winner, two pixels are wrong, and
the loss falls in each of ten steps of descent at a rate of 0.5."""
WEIGHTS = ("w", "wb", "v", "vb", "k", "kb", "q", "qb")
PADDING = (0, 1)


def forward(numbers: Numbers) -> Rows:
    """Every number of the forward pass, by letter; `numbers` as in `DEFAULTS`."""
    image = {name: _image(row) for name, row in numbers.items()}
    bias = {name: np.asarray(numbers[name], float) for name in ("wb", "vb", "kb", "qb")}
    c = byhand.conv2d(image["x"], image["w"], bias["wb"], padding=PADDING)
    a = byhand.relu(c)
    m = byhand.max_pool2d(a, (1, 2))
    d = byhand.conv2d(m, image["v"], bias["vb"], padding=PADDING)
    r = byhand.relu(d)
    u = byhand.conv_transpose2d(r, image["k"], bias["kb"], stride=(1, 2))
    z = byhand.conv2d(byhand.concat(a, u), _one_by_one(numbers), bias["qb"])
    p = byhand.sigmoid(z)
    losses = -(image["t"] * np.log(p) + (1 - image["t"]) * np.log(byhand.sigmoid(-z)))  # 1 − p, with all its digits
    found = {"c": c, "a": a, "m": m, "d": d, "r": r, "u": u, "s": a, "z": z, "p": p, "l": losses,
             "L": byhand.bce(z, image["t"])}
    return {name: np.array(row, float).ravel() for name, row in (image | found).items()}


def backward(numbers: Numbers) -> Rows:
    """The gradient of the loss with respect to every number, by the letters of `forward`."""
    row = {name: _image(values) for name, values in forward(numbers).items()}
    t, p = row["t"], row["p"]
    found: dict[str, np.ndarray] = {"L": np.ones(1), "l": np.full(p.size, 1 / p.size)}
    found["p"] = (p - t) / (p * byhand.sigmoid(-row["z"])) / p.size
    found["t"] = -row["z"] / p.size  # −log p + log (1 − p) is −z
    found["z"] = byhand.bce_backward(row["z"], t)
    joined, found["q"], found["qb"] = byhand.conv2d_backward(found["z"], byhand.concat(row["s"], row["u"]),
                                                             _one_by_one(numbers))
    found["s"], found["u"] = byhand.concat_backward(joined, 1)
    found["r"], found["k"], found["kb"] = byhand.conv_transpose2d_backward(found["u"], row["r"], row["k"], (1, 2))
    found["d"] = byhand.relu_backward(found["r"], row["d"])
    found["m"], found["v"], found["vb"] = byhand.conv2d_backward(found["d"], row["m"], row["v"], padding=PADDING)
    found["a"] = found["s"] + byhand.max_pool2d_backward(found["m"], row["a"], (1, 2))
    found["c"] = byhand.relu_backward(found["a"], row["c"])
    found["x"], found["w"], found["wb"] = byhand.conv2d_backward(found["c"], row["x"], row["w"], padding=PADDING)
    return {name: np.array(grad, float).ravel() for name, grad in found.items()}


def descend(numbers: Numbers, rate: float) -> dict[str, list[float]]:
    """The numbers after one step of gradient descent on the weights: w − rate · gradient."""
    gradients = backward(numbers)
    return {name: (np.asarray(row, float) - rate * gradients[name]).tolist() if name in WEIGHTS else list(row)
            for name, row in numbers.items()}


def _image(row: Sequence[float] | np.ndarray) -> Float[np.ndarray, "1 1 1 n"]:
    return np.asarray(row, float).reshape(1, 1, 1, -1)


def _one_by_one(numbers: Numbers) -> Float[np.ndarray, "1 2 1 1"]:
    return np.asarray(numbers["q"], float).reshape(1, 2, 1, 1)
