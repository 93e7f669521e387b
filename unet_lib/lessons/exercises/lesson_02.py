"""Checkers of lesson 02, convolution: a window by hand, kernels, edges, blur, sizes (layers: `lesson_02_layers`)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from unet_lib.lessons import reference_convolution as ours
from unet_lib.lessons.exercises.exercise import (
    Case,
    FunctionExercise,
    Misconception,
    PropertyExercise,
    to_array,
)
from unet_lib.lessons.exercises.lesson_02_layers import conv2d, conv2d_fast, max_pool2d, receptive_field

__all__ = ["blur_in_two_passes", "conv2d", "conv2d_fast", "correlate", "edge_kernel", "gradient_magnitude",
           "max_pool2d", "output_size", "own_window", "receptive_field"]

# Small numbers, because the reader adds them up on paper.
IMAGE = np.array([[1, 0, 2, 5, 4, 6],
                  [0, 3, 1, 7, 6, 5],
                  [2, 1, 4, 9, 8, 7],
                  [1, 2, 6, 8, 9, 5],
                  [3, 0, 2, 4, 7, 8],
                  [0, 1, 3, 2, 5, 6]])
KERNEL = np.array([[-1, 0, 1],
                   [-2, 0, 2],
                   [-1, 0, 1]])


def _window(row: int, column: int) -> np.ndarray:
    """The 3×3 pixels of IMAGE around a pixel."""
    return IMAGE[row - 1:row + 2, column - 1:column + 2]


def _own_pixel(answer: object) -> tuple[int, int, float] | None:
    numbers = to_array(answer, (3,))
    if numbers is None or numbers[0] % 1 or numbers[1] % 1:
        return None
    return int(numbers[0]), int(numbers[1]), float(numbers[2])


def _inside(row: int, column: int) -> bool:
    return 1 <= row < len(IMAGE) - 1 and 1 <= column < IMAGE.shape[1] - 1


def _gives(weights: np.ndarray, swap: bool = False):
    """A test: would the window, weighed like this, give the reader's sum?"""
    def test(value: tuple[int, int, float]) -> bool:
        row, column, total = value
        window = _window(column, row) if swap else _window(row, column)
        return bool(total == window.ravel() @ weights.ravel())
    return test


own_window = PropertyExercise(
    question="own_window(answer): (row, column, sum) for a window of your own choice.",
    expected="three numbers such as (2, 3, 10): row, column and sum",
    read=_own_pixel,
    right=lambda value: _inside(value[0], value[1]) and _gives(KERNEL)(value),
    insight="Nine products, one sum. A network does this some hundred million times a slice.",
    misconceptions=(
        Misconception(lambda value: not _inside(value[0], value[1]),
                      "A window around that pixel sticks out of the image. Choose a row and a column from 1 to 4."),
        Misconception(_gives(-KERNEL),
                      "The sign is turned round: left is times −1 and right times 1. You flipped the kernel, which "
                      "is what a mathematician calls convolution."),
        Misconception(_gives(KERNEL.T), "You weighed rows instead of columns: the kernel lies on its side."),
        Misconception(_gives(np.ones(9)),
                      "That is the plain sum of the window. Multiply each number by its weight first."),
        Misconception(_gives(np.abs(KERNEL)), "The minus signs are lost: the left column counts negative."),
        Misconception(_gives(np.sign(KERNEL)), "The middle row has the weights −2 and 2."),
        Misconception(_gives(KERNEL, swap=True), "That is the sum for row and column exchanged. The row comes first."),
    ),
    fallback_hint="Lay the kernel on the nine numbers around your pixel, multiply each pair, add the nine products.",
)

def _correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("rcij,ij->rc", windows, kernel)


_RANDOM = np.random.default_rng(2)
_KERNELS = (KERNEL, np.array([[0, 1], [2, -3]]), _RANDOM.integers(-3, 4, (2, 3)))
_CASES = tuple(
    Case((image, kernel), _correlate(image, kernel), f"correlate(image of {image.shape}, kernel of {kernel.shape})")
    for image, kernel in zip((IMAGE, IMAGE[:4], _RANDOM.integers(0, 9, (5, 7))), _KERNELS, strict=True))


def _padded(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    sides = [((k - 1) // 2, k // 2) for k in kernel.shape]
    return _correlate(np.pad(image, sides), kernel)


correlate = FunctionExercise(
    question="correlate(correlate): write correlate(image, kernel), without padding.",
    signature="correlate(image, kernel)",
    cases=_CASES,
    also=lambda function: None if isinstance(function(IMAGE, KERNEL), np.ndarray) else (
        "All numbers are right, but they are a list. Later cells need an array: `np.array(…)` around it."),
    ours=lambda: ours.correlate,
    insight="This is the operation that gives convolutional networks their name.",
    misconceptions=(
        Misconception(lambda image, kernel: _correlate(image, kernel[::-1, ::-1]),
                      "The kernel is flipped. That is the mathematician's convolution; here it is laid on as it is."),
        Misconception(_padded, "Your output is as large as the image. Here only windows that fit inside count."),
        Misconception(lambda image, kernel: _correlate(image, kernel)[:-1, :-1],
                      "The last row and column of windows is missing: there are height − kernel height + 1 of them."),
        Misconception(lambda image, kernel: _correlate(image, np.ones_like(kernel)),
                      "You add up the windows without their weights."),
        Misconception(lambda image, kernel: _correlate(image, kernel) / kernel.size,
                      "You take the mean of the products. Take their sum."),
    ),
    fallback_hint="For every position of the window: the sum of image part times kernel.",
)

# Test images of 3×3 that any edge kernel can be asked about: dark left and bright right, and so on.
_RISE = np.array([[0.0, 0.5, 1.0]] * 3)
_FLAT = np.ones((3, 3))


def _answers(kernel: np.ndarray, image: np.ndarray) -> float:
    return float((kernel * image).sum())


def _quiet(value: float) -> bool:
    return abs(value) < 1e-9


edge_kernel = PropertyExercise(
    question="edge_kernel(my_kernel): a 3×3 kernel that finds where it gets brighter from left to right.",
    expected="three rows of three numbers",
    read=lambda answer: to_array(answer, (3, 3)),
    right=lambda k: _answers(k, _RISE) > 0 and _quiet(_answers(k, _FLAT)) and _quiet(_answers(k, _RISE.T)),
    ours=lambda: [[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
    insight="Positive where it brightens to the right, negative where it darkens, 0 where nothing changes.",
    misconceptions=(
        Misconception(lambda k: not k.any(), "A kernel of zeros answers 0 to everything."),
        Misconception(lambda k: not _quiet(_answers(k, _FLAT)),
                      "On an even area your kernel does not answer 0: its nine weights must add up to 0."),
        Misconception(lambda k: _quiet(_answers(k, _RISE)),
                      "It does not see the edge at all. Left and right must weigh differently."),
        Misconception(lambda k: _answers(k, _RISE) < 0, "It answers negatively: exchange left and right."),
        Misconception(lambda k: not _quiet(_answers(k, _RISE.T)),
                      "It also answers to brightness that changes from top to bottom. Make its rows balance."),
    ),
    fallback_hint="Negative weights on the left, the same positive ones on the right.",
)


def _sobel(combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Any], np.ndarray]:
    """The two Sobel answers, combined."""
    return lambda image: combine(_correlate(np.asarray(image), KERNEL), _correlate(np.asarray(image), KERNEL.T))


gradient_magnitude = FunctionExercise(
    question="gradient_magnitude(gradient_magnitude): write gradient_magnitude(image), by both Sobel kernels.",
    signature="gradient_magnitude(image)",
    cases=tuple(Case((image,), _sobel(np.hypot)(image), f"gradient_magnitude(image of {image.shape})")
                for image in (IMAGE, _RANDOM.integers(0, 9, (5, 7)))),
    ours=lambda: ours.gradient_magnitude,
    insight="An edge map: large at every edge, whichever way it runs.",
    misconceptions=(
        Misconception(_sobel(lambda x, y: x), "That is the edge from left to right only. Turn the kernel, too: `.T`."),
        Misconception(_sobel(lambda x, y: y), "That is the edge from top to bottom only."),
        Misconception(_sobel(lambda x, y: x + y), "Plus and minus cancel where one answer is negative. Square both, "
                                                  "add, and take the root."),
        Misconception(_sobel(lambda x, y: x**2 + y**2), "The square root is missing."),
        Misconception(_sobel(lambda x, y: np.abs(x) + np.abs(y)),
                      "That overrates slanted edges: one of 45° counts 1.41 times. Pythagoras is fair to all."),
        Misconception(_sobel(np.maximum), "Take both into account: √(x² + y²)."),
        Misconception(_sobel(np.arctan2), "That is the direction of the edge. Asked for is its strength."),
    ),
    fallback_hint="x and y are the answers of the two Sobel kernels; then √(x² + y²), pixel by pixel.",
)


def _passes(*kernels: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any, Any], np.ndarray]:
    """One correlation after the other, with kernels made of the weights."""
    def blur(image: Any, weights: Any) -> np.ndarray:
        image, weights = np.asarray(image, float), np.asarray(weights, float)
        for kernel in kernels:
            image = _correlate(image, kernel(weights))
        return image
    return blur


def _row(weights: np.ndarray) -> np.ndarray:
    return weights[None, :]


def _column(weights: np.ndarray) -> np.ndarray:
    return weights[:, None]


def _square(weights: np.ndarray) -> np.ndarray:
    return np.outer(weights, weights)


blur_in_two_passes = FunctionExercise(
    question="blur_in_two_passes(blur_in_two_passes): write blur_in_two_passes(image, weights): along the rows, then "
             "along the columns.",
    signature="blur_in_two_passes(image, weights)",
    cases=tuple(Case((image, weights), _passes(_square)(image, weights),
                     f"blur_in_two_passes(image of {image.shape}, {len(weights)} weights)")
                for image, weights in ((IMAGE, np.array([1, 2, 1]) / 4),
                                       (_RANDOM.integers(0, 9, (9, 11)), np.array([1, 4, 6, 4, 1]) / 16))),
    ours=lambda: ours.blur_in_two_passes,
    insight="The same picture as with the square kernel, for 2k products a pixel instead of k².",
    misconceptions=(
        Misconception(_passes(_row), "You blur along the rows only. The second pass goes along the columns."),
        Misconception(_passes(_column), "You blur along the columns only. Blur along the rows as well."),
        Misconception(_passes(_row, _row), "Both passes run along the rows. For the second the weights stand upright: "
                                           "`weights[:, None]`."),
        Misconception(_passes(_column, _column), "Both passes run along the columns."),
        Misconception(_passes(_square, _square), "That blurs twice with the square kernel. One pass takes a kernel of "
                                                 "a single row, the other one of a single column."),
        Misconception(lambda image, weights: 2 * _passes(_square)(image, weights),
                      "Twice too bright. Do not add the passes: the second works on the result of the first."),
    ),
    fallback_hint="correlate with weights[None, :], and the result with weights[:, None].",
)


output_size = FunctionExercise(
    question="output_size(output_size): write output_size(size, kernel, stride, padding), for one direction.",
    signature="output_size(size, kernel, stride, padding)",
    cases=tuple(Case(given, ours.output_size(*given)) for given in (
        (256, 3, 1, 0), (256, 3, 1, 1), (256, 7, 2, 3), (6, 3, 2, 1), (10, 2, 3, 2))),
    ours=lambda: ours.output_size,
    insight="Half of 256 for ResNet's first layer: a stride of 2 halves, a padding of (kernel − 1) / 2 loses nothing.",
    misconceptions=(
        Misconception(lambda n, k, s, p: (n + 2 * p - k) // s,
                      "One too few: between n steps there are n + 1 positions."),
        Misconception(lambda n, k, s, p: (n + p - k) // s + 1,
                      "The padding counts twice: on the left and on the right."),
        Misconception(lambda n, k, s, p: (n + 2 * p - k) / s + 1,
                      "There is no half window: one that sticks out is left away. Round down: `//`."),
        Misconception(lambda n, k, s, p: (n - k) // s + 1, "You forgot the padding."),
        Misconception(lambda n, k, s, p: n + 2 * p - k + 1, "You forgot the stride."),
        Misconception(lambda n, k, s, p: (n + 2 * p - k + 1) // s,
                      "The 1 comes after the division: it is the first position, before any step."),
        Misconception(lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1,
                      "You round up. The last window would stick out: round down."),
    ),
    fallback_hint="Room to move, size + 2·padding − kernel; steps, room // stride; positions, steps + 1.",
)
