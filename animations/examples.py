"""Small computations that several scenes show, so that a number met again is the same number."""

from functools import cache

import numpy as np
from jaxtyping import Float, UInt8

from animations import theme
from animations.arrays import load
from unet_lib import byhand
from unet_lib.lessons.exercises.lesson_02 import KERNEL
from unet_lib.models.architecture import Stage, UNetConfig

PATCH = 6
NETWORK = UNetConfig(base=8)
"""Of the shipped network, whose maps the arrays hold; a test compares it with the weights' card."""

SIGNED_KEY = ("violet: below 0, dark: 0, bright: above", "violett: < 0, dunkel: 0, hell: > 0")
ACTIVATION_KEY = ("dark violet: 0, yellow: the top 1 %", "dunkelviolett: 0, gelb: das oberste 1 %")
"""What `theme.signed`, and `theme.activation` up to the quantile 0.99, mean: for `ClipScene.word`."""


@cache
def patch() -> Float[np.ndarray, "6 6"]:
    """Grey levels at the border of the tumour, on the slice as the network gets it."""
    row, column = load("patch")
    return load("small")[row:row + PATCH, column:column + PATCH].astype(float)


@cache
def answers() -> Float[np.ndarray, "4 4"]:
    """The edge kernel's answers on the patch."""
    return edges(patch())


def edges(picture: Float[np.ndarray, "h w"], padding: int = 0) -> Float[np.ndarray, "p q"]:
    """The convolution of a picture with lesson 02's kernel, which asks: does it get brighter to the right?"""
    return byhand.conv2d(picture[None, None].astype(float), KERNEL[None, None].astype(float), padding=padding)[0, 0]


def channel_grey(channel: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """A channel as the network gets it, normalised, in grey: its lowest value black, its highest white."""
    return theme.grey((channel - channel.min()) / np.ptp(channel) * 255 / theme.BRIGHTNESS)


@cache
def stages() -> tuple[Stage, ...]:
    """The shipped network's plan, for pictures of the size it was trained with."""
    return NETWORK.plan(len(load("small")))


@cache
def first_block() -> dict[str, Float[np.ndarray, "8 h w"]]:
    """All steps of the shipped network's first double convolution on the slice, by hand."""
    maps, steps = load("x")[None], {}
    for part in (1, 2):
        maps = steps[f"conv{part}"] = byhand.conv2d(maps, load(f"first conv{part}.weight"), padding=1)
        norm = {key: load(f"first norm{part}.{name}") for key, name in
                (("gamma", "weight"), ("beta", "bias"), ("mean", "running_mean"), ("variance", "running_var"))}
        maps = steps[f"norm{part}"] = byhand.batch_norm2d(maps, **norm)
        maps = steps[f"relu{part}"] = byhand.relu(maps)
    return {name: step[0] for name, step in steps.items()}


def around_tumour(half: int) -> tuple[slice, slice]:
    """Rows and columns of a square around the slice's tumour, 2·`half` pixels wide."""
    row, column = np.argwhere(load("mask")).mean(0).round().astype(int)
    return slice(row - half, row + half), slice(column - half, column + half)
