"""What the checkers of lesson 07 call the reader's functions with, and what comes out of ours."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from unet_lib import byhand
from unet_lib.lessons.exercises.exercise import Case

LAYER = ("grad_x", "grad_weight", "grad_bias")
NORM = ("grad_x", "grad_gamma", "grad_beta")
ADAM = ("weight", "mean", "square")
ONE = ("the gradient",)
POOLED = np.array([[1, 5, 2, 0], [3, 4, 1, 6], [7, 0, 8, 2], [2, 7, 3, 4]])
"""The lesson's image of 4×4: each block of 2×2 has a largest number, the lower left one twice."""
POOLED_GRADIENT = np.array([[10, 20], [30, 40]])


def normal(seed: int, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Normally distributed numbers, an array for each shape."""
    random = np.random.default_rng(seed)
    return tuple(random.normal(size=shape) for shape in shapes)


def case(parts: tuple[str, ...], function: Callable[..., Any], arguments: tuple[Any, ...], shown: str) -> Case:
    """A call, with what our function returns by the names of its parts."""
    returned = function(*arguments)
    return Case(arguments, dict(zip(parts, returned, strict=True)) if len(parts) > 1 else returned, shown)


def layer_cases(name: str, function: Callable[..., Any], *shapes: tuple[tuple[int, ...], ...]) -> tuple[Case, ...]:
    """Of a layer with weights: for each three shapes, those of grad_y, x and weight, a call."""
    return tuple(case(LAYER, function, normal(seed, *three), f"{name}(grad_y of {three[0]}, x of {three[1]}, weight of "
                      f"{three[2]})") for seed, three in enumerate(shapes))


def product(x: np.ndarray) -> float:
    """Of all numbers."""
    return float(np.prod(x))


def cubes(x: np.ndarray) -> float:
    """x₁³ + 2·x₂³ + 3·x₃³ …: of a cube one sees whether a slope was measured on one side or on both."""
    return float((np.arange(1, x.size + 1).reshape(x.shape) * x**3).sum())


@cache
def numerical_cases() -> tuple[Case, ...]:
    """A vector and a matrix; steps so long that rounding does not matter."""
    numbers, = normal(0, (2, 3))
    return (case(ONE, byhand.numerical_gradient, (product, np.array([2.0, 3.0, 5.0]), 0.01),
                 "numerical_gradient(product, [2, 3, 5], h=0.01)"),
            case(ONE, byhand.numerical_gradient, (cubes, numbers, 0.1),
                 "numerical_gradient(a sum of cubes, x of (2, 3), h=0.1)"))


@cache
def conv_cases() -> tuple[Case, ...]:
    """With and without padding, several images and channels, oblong."""
    shapes = (((2, 3, 4, 5), (2, 2, 4, 5), (3, 2, 3, 3), 1), ((1, 2, 3, 2), (1, 3, 5, 4), (2, 3, 3, 3), 0))
    return tuple(case(LAYER, lambda g, x, w, padding: byhand.conv2d_backward(g, x, w, padding=padding),
                      (*normal(seed, y, x, w), padding),
                      f"conv2d_backward(grad_y of {y}, x of {x}, weight of {w}, padding={padding})")
                 for seed, (y, x, w, padding) in enumerate(shapes))


@cache
def norm_cases() -> tuple[Case, ...]:
    """With the usual ε, and with one that is seen."""
    return tuple(case(NORM, lambda g, x, gamma, eps: byhand.batch_norm2d_backward(g, x, gamma, eps=eps),
                      (*normal(10 + seed, shape, shape, (shape[1],)), eps),
                      f"batch_norm2d_backward(grad_y and x of {shape}, gamma, eps={eps})")
                 for seed, (shape, eps) in enumerate((((2, 3, 2, 3), 1e-5), ((3, 2, 2, 2), 0.5))))


@cache
def relu_cases() -> tuple[Case, ...]:
    """Positive, negative and zero, above and below."""
    grad_y, x = np.array([[5.0, 5.0, 5.0], [-4.0, -1.0, 0.5]]), np.array([[3.0, -2.0, 0.0], [1.0, -0.5, 2.0]])
    return (case(ONE, byhand.relu_backward, (grad_y, x), f"relu_backward({grad_y.tolist()}, {x.tolist()})"),)


@cache
def pool_cases() -> tuple[Case, ...]:
    """The lesson's example, and whole numbers with many ties."""
    x = np.random.default_rng(3).integers(-3, 4, (2, 2, 4, 6)).astype(float)
    pairs = {"the example": (POOLED_GRADIENT[None, None] * 1.0, POOLED[None, None] * 1.0),
             "two images with ties": (*normal(4, (2, 2, 2, 3)), x)}
    return tuple(case(ONE, byhand.max_pool2d_backward, pair, f"max_pool2d_backward({words})")
                 for words, pair in pairs.items())


@cache
def up_cases() -> tuple[Case, ...]:
    """Several images and channels, oblong."""
    return layer_cases("conv_transpose2d_backward", byhand.conv_transpose2d_backward,
                       ((2, 3, 4, 6), (2, 2, 2, 3), (2, 3, 2, 2)), ((1, 2, 4, 2), (1, 3, 2, 1), (3, 2, 2, 2)))


@cache
def output_cases() -> tuple[Case, ...]:
    """One output channel, as in the U-Net, and two."""
    return layer_cases("conv1x1_backward", byhand.conv1x1_backward,
                       ((2, 1, 2, 3), (2, 4, 2, 3), (1, 4, 1, 1)), ((2, 2, 3, 2), (2, 3, 3, 2), (2, 3, 1, 1)))


@cache
def loss_cases() -> tuple[Case, ...]:
    """With tumour and without."""
    pairs = ((np.array([[0.0, 2.0, -1.0], [-3.0, 4.0, 0.5]]), np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])),
             (np.array([3.0, -0.5, -4.0]), np.zeros(3)))
    return tuple(case(ONE, byhand.bce_dice_backward, pair, f"bce_dice_backward({pair[0].tolist()}, {pair[1].tolist()})")
                 for pair in pairs)


@cache
def adam_cases() -> tuple[Case, ...]:
    """The first step, and a later one."""
    weight, gradient, mean = normal(50, (2, 3), (2, 3), (2, 3))
    zeros = np.zeros((2, 3))
    return (case(ADAM, byhand.adam_step, (weight, gradient, zeros, zeros, 1, 0.01), "adam_step(…, step=1, rate=0.01)"),
            case(ADAM, byhand.adam_step, (weight, gradient, mean, gradient**2 + 0.1, 7, 0.001),
                 "adam_step(…, step=7, rate=0.001)"))
