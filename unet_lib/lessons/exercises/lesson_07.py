"""Checkers of lesson 07, the full mathematics: gradients, from their shape to the Dice loss and Adam's step."""

import math
from collections.abc import Callable
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


def _reader(shape: tuple[int, ...]) -> Callable[[Any], np.ndarray | None]:
    return lambda answer: to_array(answer, shape)


def _equal(*rows: Any) -> Callable[[np.ndarray], bool]:
    """A test: are these the reader's numbers?"""
    return lambda numbers: bool(np.allclose(numbers, np.array(rows, float), rtol=0, atol=1e-9))


gradient_shape = PropertyExercise(
    question="gradient_shape(answer): a 3×3 convolution takes 16 to 32 channels; which shape has its weights' "
             "gradient?",
    expected="four whole numbers, as in (1, 2, 3, 4)",
    read=_reader((4,)),
    right=_equal(32, 16, 3, 3),
    insight="One derivative for each weight, so the gradient is shaped like the weights. Always, for every array.",
    misconceptions=(
        Misconception(_equal(16, 32, 3, 3),
                      "Output channels come first in a convolution's weights: one filter after the other."),
        Misconception(_equal(1, 1, 1, 1), "The loss is one number; its gradient has one number for each weight."),
        Misconception(_equal(3, 3, 16, 32),
                      "The same numbers in another library's order. torch and we: output, input, height, width."),
        Misconception(_equal(32, 1, 3, 3), "Each filter has a 3×3 kernel for every one of the 16 input channels."),
        Misconception(lambda s: s[2] * s[3] != 9,
                      "The last two are the kernel's height and width. The image's are not in it."),
    ),
    fallback_hint="As many numbers as there are weights, in the same order: output, input, height, width.",
)


def _sums(axes: tuple[int, ...] | None) -> Callable[[np.ndarray], Any]:
    return lambda grad_y: grad_y.sum(axis=axes)


_RANDOM = np.random.default_rng(7)
_GRADS = tuple(_RANDOM.integers(-4, 5, shape).astype(float) for shape in ((2, 3, 4, 5), (1, 2, 2, 2), (3, 3, 3, 3)))

bias_gradient = FunctionExercise(
    question="bias_gradient(function): write bias_gradient(grad_y), the gradient of a convolution's biases.",
    signature="bias_gradient(grad_y)",
    cases=tuple(Case((g,), g.sum(axis=(0, 2, 3)), f"bias_gradient(grad_y of shape {g.shape})") for g in _GRADS),
    insight="A bias enters every pixel of its channel once, so it collects what every one of them reports.",
    misconceptions=(
        Misconception(lambda g: g.mean(axis=(0, 2, 3)),
                      "The mean divides by the number of pixels. What goes several ways adds up."),
        Misconception(_sums(None), "That is one number for all channels. Each channel has a bias of its own."),
        Misconception(_sums((2, 3)),
                      "That is one number for each image and channel. The images of a batch share the bias."),
        Misconception(_sums((0, 1)), "You summed over the channels and kept the pixels. Keep axis 1."),
        Misconception(_sums((1, 2, 3)), "You kept the images of the batch, axis 0. Keep the channels, axis 1."),
        Misconception(lambda g: g.sum(axis=(0, 2, 3), keepdims=True),
                      "The right numbers, but shaped (1, channels, 1, 1). A gradient has the shape of its array: "
                      "(channels,)."),
    ),
    fallback_hint="Sum over images, rows and columns: `grad_y.sum(axis=(0, 2, 3))`.",
)

lost_gradients = PropertyExercise(
    question="lost_gradients(answer): x̂ = (−1, 1, −1, 1), grad_x = (0.3, −0.1, ?, ?); which two numbers are lost?",
    expected="two numbers, as in (0.5, 0.2)",
    read=_reader((2,)),
    right=_equal(-0.3, 0.1),
    insight="A shift or a stretch of the channel would be undone by batch norm, so no gradient asks for either.",
    misconceptions=(
        Misconception(_equal(0.3, -0.1),
                      "Then they add up to 0.4. A shift of the whole channel must not pay: the sum is 0."),
        Misconception(_equal(0.1, -0.3),
                      "The right two numbers in the wrong places: 0.3 and the third stand at x̂ = −1."),
        Misconception(lambda g: abs(g.sum() + 0.2) < 1e-9,
                      "Their sum is right: all four add up to 0. Now multiply each by its x̂; these add up to 0 too."),
        Misconception(lambda g: abs(g[1] - g[0] - 0.4) < 1e-9,
                      "The products with x̂ add up to 0, but the four numbers themselves do not."),
    ),
    fallback_hint="Two equations: 0.3 − 0.1 + a + b = 0, and −0.3 − 0.1 − a + b = 0.",
)

# The image of the pooling exercise; the lesson draws it. Its lower left window holds the largest value twice.
POOLED = np.array([[1, 5, 2, 0],
                   [3, 4, 1, 6],
                   [7, 0, 8, 2],
                   [2, 7, 3, 4]])
POOLED_GRADIENT = np.array([[10, 20],
                            [30, 40]])
_UPPER = [0, 10, 0, 0], [0, 0, 0, 20]

pool_gradient = PropertyExercise(
    question="pool_gradient(answer): the gradient of the 4×4 image, behind 2×2 max pooling with these four "
             "gradients?",
    expected="four rows of four numbers",
    read=_reader((4, 4)),
    right=_equal(*_UPPER, [30, 0, 40, 0], [0, 0, 0, 0]),
    insight="The winner takes all; the losers could change a little and nobody would notice. In a tie the first one "
            "wins.",
    misconceptions=(
        Misconception(_equal(*np.kron(POOLED_GRADIENT, np.ones((2, 2)) / 4)),
                      "That is how mean pooling shares it out. Of a maximum, only the largest pixel had a say."),
        Misconception(_equal(*np.kron(POOLED_GRADIENT, np.ones((2, 2)))),
                      "You copied each gradient to all four pixels. Only one of them decided the maximum."),
        Misconception(_equal(*_UPPER, [30, 0, 40, 0], [0, 30, 0, 0]),
                      "Both sevens get all of the 30: that would be 60. One of them passes for the winner, the first."),
        Misconception(_equal(*_UPPER, [15, 0, 40, 0], [0, 15, 0, 0]),
                      "Sharing the 30 between the two sevens is fair, but torch on a CPU and we give it to the first."),
        Misconception(_equal(*_UPPER, [0, 0, 40, 0], [0, 30, 0, 0]),
                      "In the tie you chose the second seven. The first one wins, row by row from the top left."),
        Misconception(_equal([0, 5, 0, 0], [0, 0, 0, 6], [7, 0, 8, 0], [0, 0, 0, 0]),
                      "The right places, but with the image's values. What travels back is the gradient: 10, 20, 30, "
                      "40."),
    ),
    fallback_hint="In each 2×2 window: the gradient at the largest value, 0 at the other three.",
)

# The little image and the kernel of the transposed convolution.
STAMPED = np.array([[1, 2], [0, -1]])
STAMP = np.array([[1, 3], [0, 2]])

stamps = PropertyExercise(
    question="stamps(answer): the 2×2 image, by a transposed convolution with this 2×2 kernel and stride 2?",
    expected="four rows of four numbers: with stride 2 the stamps lie side by side",
    read=_reader((4, 4)),
    right=_equal(*np.kron(STAMPED, STAMP)),
    insight="Each pixel stamps the kernel, times its own value. Read backwards, it is a convolution of stride 2.",
    misconceptions=(
        Misconception(_equal(*np.kron(STAMP, STAMPED)),
                      "You stamped the image with the kernel's numbers. It is the pixel that stamps the kernel."),
        Misconception(_equal(*np.kron(STAMPED, STAMP[::-1, ::-1])),
                      "The kernel is turned round. The stamp is used as it is."),
        Misconception(_equal(*np.kron(STAMPED, np.ones((2, 2)))),
                      "You made each pixel larger. Multiply by the kernel, too."),
        Misconception(_equal(*np.tile(STAMP, (2, 2))), "Four plain stamps: multiply each by the value of its pixel."),
        Misconception(_equal(*np.kron(STAMPED, STAMP.T)),
                      "The kernel lies on its side: rows and columns are exchanged."),
    ),
    fallback_hint="Upper left block: 1 times the kernel. Upper right: 2 times. Below: 0 times and −1 times.",
)

_JOINED = tuple((_RANDOM.integers(-4, 5, (n, 2 * c, 2, 3)) / 2, _RANDOM.integers(-4, 5, (n, c, 2, 3)) / 4)
                for n, c in ((1, 2), (2, 3)))

skip_gradient = FunctionExercise(
    question="skip_gradient(function): write skip_gradient(grad_joined, from_below), the gradient of what an encoder "
             "hands on.",
    signature="skip_gradient(grad_joined, from_below)",
    cases=tuple(Case((joined, below), joined[:, :below.shape[1]] + below,
                     f"skip_gradient(grad_joined of {joined.shape}, from_below of {below.shape})")
                for joined, below in _JOINED),
    insight="Joining splits the gradient, forking adds it: backwards, every operation of the U turns round.",
    misconceptions=(
        Misconception(lambda joined, below: joined[:, :below.shape[1]],
                      "The skip's half alone. The encoder's output also goes down; something comes back from below."),
        Misconception(lambda joined, below: joined[:, below.shape[1]:] + below,
                      "You took the decoder's half. The encoder's channels come first."),
        Misconception(lambda joined, below: (joined[:, :below.shape[1]] + below) / 2,
                      "That is the mean. Two ways to change the loss add up."),
        Misconception(lambda joined, below: below, "From below alone: then the skip would teach the encoder nothing."),
        Misconception(lambda joined, below: joined[:, :below.shape[1]] * below,
                      "You multiplied. The chain rule multiplies along one way; two ways are added."),
    ),
    fallback_hint="The first channels of the joined gradient, plus what comes from below.",
)

_LOGITS = (np.array([[0.0, 2.0], [-1.0, 4.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


bce_gradient = FunctionExercise(
    question="bce_gradient(function): write bce_gradient(z, t), the gradient of the mean BCE for the logits z.",
    signature="bce_gradient(z, t)",
    cases=tuple(Case(pair, (_sigmoid(pair[0]) - pair[1]) / pair[0].size,
                     f"bce_gradient({pair[0].tolist()}, {pair[1].tolist()})")
                for pair in (_LOGITS, (np.array([3.0, -0.5, 0.0]), np.array([1.0, 0.0, 1.0])))),
    insight="Probability minus truth. The steep logarithm and the flat sigmoid cancel, so being sure and wrong still "
            "teaches.",
    misconceptions=(
        Misconception(lambda z, t: _sigmoid(z) - t,
                      "The right derivative of each pixel's loss. BCE is the mean: divide by the number of pixels."),
        Misconception(lambda z, t: (t - _sigmoid(z)) / z.size,
                      "The sign: it is probability minus truth. The gradient points uphill."),
        Misconception(lambda z, t: (_sigmoid(z) - t) * _sigmoid(z) * (1 - _sigmoid(z)) / z.size,
                      "The sigmoid's derivative once too often: p − t has it already, cancelled by the logarithm's."),
        Misconception(lambda z, t: (z - t) / z.size,
                      "You took the logit for the probability. Send it through the sigmoid first."),
        Misconception(lambda z, t: (_sigmoid(z) - t) / (_sigmoid(z) * (1 - _sigmoid(z))) / z.size,
                      "That is the derivative for the probability. Multiply by the sigmoid's derivative, p · (1 − p)."),
    ),
    fallback_hint="p = σ(z), then (p − t) / number of pixels.",
)

_PAIRS = ((np.array([0.9, 0.6, 0.2, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])),
          (np.array([[0.5, 0.25], [0.75, 0.0]]), np.array([[0.0, 1.0], [0.0, 0.0]])),
          (np.array([0.3, 0.2]), np.array([0.0, 0.0])))


def _dice(p: np.ndarray, t: np.ndarray, s: float = 1.0) -> tuple[float, float]:
    total = p.sum() + t.sum() + s
    return (2 * (p * t).sum() + s) / total, total


def _dice_gradient(p: np.ndarray, t: np.ndarray, s: float = 1.0) -> np.ndarray:
    dice, total = _dice(p, t, s)
    return (dice - 2 * t) / total


dice_gradient = FunctionExercise(
    question="dice_gradient(function): write dice_gradient(p, t), the gradient of the soft Dice loss for p.",
    signature="dice_gradient(p, t)",
    cases=tuple(Case(pair, _dice_gradient(*pair), f"dice_gradient({pair[0].tolist()}, {pair[1].tolist()})")
                for pair in _PAIRS),
    insight="Every healthy pixel is pushed down by D/S, every tumour pixel up by (2 − D)/S: the size of the tumour "
            "decides, not that of the image.",
    misconceptions=(
        Misconception(lambda p, t: -_dice_gradient(p, t),
                      "That is the gradient of the coefficient. The loss is 1 minus it: turn the sign."),
        Misconception(lambda p, t: -2 * t / _dice(p, t)[1],
                      "The denominator depends on p as well: the quotient rule has a second term."),
        Misconception(lambda p, t: (_dice(p, t)[0] - t) / _dice(p, t)[1], "The 2 of 2·Σ p·t is lost on the way."),
        Misconception(lambda p, t: _dice_gradient(p, t, 0.0), "The smoothing 1 is missing, above and below."),
        Misconception(lambda p, t: _dice_gradient(p, t) * p * (1 - p),
                      "You have gone on to the logits. Asked is the gradient for p."),
        Misconception(lambda p, t: _dice(p, t)[0] - 2 * t, "By the quotient rule all of it is divided by S once more."),
    ),
    fallback_hint="D = (2·Σ p·t + 1) / S with S = Σ p + Σ t + 1; the gradient is (D − 2·t) / S.",
)

_RATE, _BETA1, _BETA2, _EPS = 0.001, 0.9, 0.999, 1e-8


def _adam(w: float, g: float, m: float, v: float, k: int, correct: tuple[int, int] = (1, 1),
          root: float = 0.5, sign: int = -1) -> list[float]:
    """Adam's step, or, with other settings than these, a classic mistake in it."""
    m, v = _BETA1 * m + (1 - _BETA1) * g, _BETA2 * v + (1 - _BETA2) * g * g
    mean, square = m / (1 - _BETA1**k) ** correct[0], v / (1 - _BETA2**k) ** correct[1]
    return [w + sign * _RATE * mean / (square**root + _EPS), m, v]


_STEPS = ((1.0, 0.5, 0.0, 0.0, 1), (0.2, -0.3, 0.05, 0.001, 2), (-1.0, 0.02, -0.01, 0.0004, 10))

adam_by_hand = FunctionExercise(
    question="adam_by_hand(function): write adam_by_hand(w, g, m, v, k), one step of Adam for one weight.",
    signature="adam_by_hand(w, g, m, v, k)",
    cases=tuple(Case(step, _adam(*step)) for step in _STEPS),
    insight="The very first step is as long as the learning rate, whatever the gradient: only its sign is left.",
    misconceptions=(
        Misconception(lambda w, g, m, v, k: _adam(w, g, m, v, k, correct=(0, 0)),
                      "The bias correction is missing: m and v began at 0. Divide by 1 − 0.9ᵏ and 1 − 0.999ᵏ."),
        Misconception(lambda w, g, m, v, k: _adam(w, g, m, v, k, correct=(1, 0)), "You corrected m, but not v."),
        Misconception(lambda w, g, m, v, k: _adam(w, g, m, v, k, correct=(0, 1)), "You corrected v, but not m."),
        Misconception(lambda w, g, m, v, k: _adam(w, g, m, v, k, root=1),
                      "Divide by the square root of v, else the units do not cancel."),
        Misconception(lambda w, g, m, v, k: _adam(w, g, m, v, k, sign=1),
                      "You climb. The step goes against the gradient: w minus it."),
        Misconception(lambda w, g, m, v, k: [_adam(w, g, m, v, k)[0], *(
            x / (1 - beta**k) for x, beta in zip(_adam(w, g, m, v, k)[1:], (_BETA1, _BETA2), strict=True))],
                      "You hand on the corrected m and v. The next step wants them as they were: correct copies."),
        Misconception(lambda w, g, m, v, k: _adam(w, g, m, v, k)[0],
                      "The weight is right. Hand back m and v too; the next step needs them."),
    ),
    fallback_hint="m and v first, then corrected copies of both, then w − 0.001 · m̂ / (√v̂ + 1e-8); return w, m, v.",
)

he_std = NumberExercise(
    question="he_std(answer): a 3×3 convolution with 32 input channels; which standard deviation do He's initial "
             "weights have?",
    right=math.sqrt(2 / 288),
    tolerance=0.0005,
    insight="One twelfth. 288 products are added up, and the ReLU throws half of the result away: √(2 / 288).",
    misconceptions=(
        Misconception(2 / 288, "That is the variance. The standard deviation is its square root."),
        Misconception(math.sqrt(1 / 288),
                      "The 2 is missing: the ReLU halves the mean square, and the weights make up for it."),
        Misconception(math.sqrt(2 / 32), "Each sum has 9 products for every one of the 32 channels: 288."),
        Misconception(math.sqrt(2 / 9),
                      "Nine products for each of the 32 input channels, and all of them are added up."),
        Misconception(288, "That is the fan-in. Which standard deviation follows from it?"),
    ),
    fallback_hint="√(2 / fan-in), where the fan-in is 3 · 3 · 32.",
)
