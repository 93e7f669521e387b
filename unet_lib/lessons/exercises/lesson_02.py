"""Checkers of lesson 02, convolution: a window by hand, sizes, kernels, parameters and the receptive field."""

import numpy as np

from unet_lib.lessons.exercises.exercise import (
    Case,
    FunctionExercise,
    Misconception,
    NumberExercise,
    PropertyExercise,
    to_array,
)

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
    insight="Nine products, one sum. A network does nothing else, only some hundred million times a slice.",
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

conv_output = NumberExercise(
    question="conv_output(answer): width 256, kernel 7, stride 2, padding 3; how wide is the output?",
    right=128,
    insight="Half of 256: stride 2 halves, and a padding of (kernel − 1) / 2 loses nothing at the edges.",
    misconceptions=(
        Misconception(127, "One too few: 127 steps join 128 positions. Or did you pad one side only?"),
        Misconception(128.5,
                      "There is no half pixel: a window that sticks out is left away. Round down before adding 1."),
        Misconception(125, "You forgot the padding: 3 pixels on the left and 3 on the right."),
        Misconception(256, "You forgot the stride: the window moves two pixels at a time."),
        Misconception(250, "Both are missing: the padding adds 6, the stride halves."),
    ),
    fallback_hint="⌊(256 + 2·3 − 7) / 2⌋ + 1.",
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
    question="correlate(function): write correlate(image, kernel), without padding, stride 1.",
    signature="correlate(image, kernel)",
    cases=_CASES,
    insight="Four nested sums in two lines. This is the operation that gives convolutional networks their name.",
    misconceptions=(
        Misconception(lambda image, kernel: _correlate(image, kernel[::-1, ::-1]),
                      "The kernel is flipped. That is the mathematician's convolution; networks lay it on as it is."),
        Misconception(_padded, "Your output is as large as the image. Here only windows that fit inside count."),
        Misconception(lambda image, kernel: _correlate(image, kernel)[:-1, :-1],
                      "The last row and column of windows is missing: there are height − kernel height + 1 of them."),
        Misconception(lambda image, kernel: _correlate(image, np.ones_like(kernel)),
                      "You add up the windows without their weights."),
        Misconception(lambda image, kernel: _correlate(image, kernel) / kernel.size,
                      "You take the mean of the products. Networks take the sum."),
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
    question="edge_kernel(answer): a 3×3 kernel that finds where it gets brighter from left to right.",
    expected="three rows of three numbers",
    read=lambda answer: to_array(answer, (3, 3)),
    right=lambda k: _answers(k, _RISE) > 0 and _quiet(_answers(k, _FLAT)) and _quiet(_answers(k, _RISE.T)),
    insight="Positive where it brightens to the right, 0 where nothing changes: a question with a sign.",
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

conv_parameters = NumberExercise(
    question="conv_parameters(answer): 3×3 convolution from 3 to 16 channels, with bias; how many learnt numbers?",
    right=448,
    insight="16 filters of 3·3·3 weights and a bias each, whether the image has 9 pixels or 9 million.",
    misconceptions=(
        Misconception(432, "The biases are missing: one for each of the 16 output channels."),
        Misconception(160, "Each filter looks at all three channels: 3·3·3 weights, not 3·3."),
        Misconception(480, "A filter has one bias, not one for each input channel."),
        Misconception(435, "The bias belongs to the output: 16 of them, not 3."),
        Misconception(28, "That is one filter. The layer has 16."),
        Misconception(144, "That would be 16 filters for a single channel, without bias."),
    ),
    fallback_hint="16 · (3 · 3 · 3 + 1).",
)

dense_weights = NumberExercise(
    question="dense_weights(answer): every one of 64×64 outputs sees every one of 64×64 inputs; how many weights?",
    right=4096**2,
    insight="16.8 million weights for one small grey image; a 3×3 convolution does it with 9.",
    misconceptions=(
        Misconception(4096, "That is for one output. There are 4,096 outputs."),
        Misconception(8192, "Pairs multiply: each output has a weight for each input."),
        Misconception(64**2 * 9,
                      "That is nine for each output: local, but not shared. Here each sees the whole image."),
        Misconception(64 * 64 * 64, "An image of 64×64 has 4,096 pixels, not 64."),
        Misconception(9, "That is the convolution. How many has the dense layer?"),
    ),
    fallback_hint="(number of outputs) · (number of inputs).",
)

field_after_pool = NumberExercise(
    question="field_after_pool(answer): double convolution, 2×2 pooling, double convolution; how wide a view?",
    right=14,
    insight="5, then 6, then 14: after pooling each step is two input pixels wide, so views grow twice as fast.",
    misconceptions=(
        Misconception(9, "That is four convolutions without the pooling."),
        Misconception(10, "After pooling, one step is two input pixels: the second pair adds 2·2 each, not 2."),
        Misconception(13, "The pooling window itself adds a pixel: 5 + 1 before you go on."),
        Misconception(18, "Double only what comes after the pooling."),
        Misconception(5, "That is the first double convolution alone."),
        Misconception(6, "That is up to and with the pooling. Two convolutions follow."),
    ),
    fallback_hint="Field + (kernel − 1) · jump, layer by layer; the jump doubles at the pooling.",
)
