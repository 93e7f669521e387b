"""Our solutions of lesson 02's exercises, where the reader's are not yet right: as simple as the lesson's own."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def correlate(image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "i j"]) -> Float[np.ndarray, "p q"]:
    """Window times kernel, added up, at every position where the window fits."""
    height, width = kernel.shape
    output = np.zeros((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for row, column in np.ndindex(output.shape):
        output[row, column] = (image[row:row + height, column:column + width] * kernel).sum()
    return output


def gradient_magnitude(image: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "p q"]:
    """How steeply the brightness changes, whatever the direction: both Sobel kernels, by Pythagoras."""
    return np.hypot(correlate(image, SOBEL_X), correlate(image, SOBEL_X.T))


def blur_in_two_passes(image: Float[np.ndarray, "h w"], weights: Float[np.ndarray, "k"]) -> Float[np.ndarray, "p q"]:
    """Along the rows, then the result along the columns: the same as with the kernel np.outer(weights, weights)."""
    return correlate(correlate(image, weights[None, :]), weights[:, None])


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many positions the window has, in one direction."""
    return (size + 2 * padding - kernel) // stride + 1


def conv2d(x: Float[np.ndarray, "c h w"], weight: Float[np.ndarray, "o c k k"], bias: Float[np.ndarray, "o"],
           stride: int, padding: int) -> Float[np.ndarray, "o p q"]:
    """A layer in loops; as torch's `conv2d` on one image."""
    outputs, _, k, _ = weight.shape
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    y = np.zeros((outputs, output_size(x.shape[1], k, stride, 0), output_size(x.shape[2], k, stride, 0)))
    for o, row, column in np.ndindex(y.shape):
        top, left = row * stride, column * stride
        y[o, row, column] = (x[:, top:top + k, left:left + k] * weight[o]).sum() + bias[o]
    return y


def conv2d_fast(x: Float[np.ndarray, "c h w"], weight: Float[np.ndarray, "o c k k"], bias: Float[np.ndarray, "o"],
                stride: int, padding: int) -> Float[np.ndarray, "o p q"]:
    """The same without a loop: a view of all windows, and one product of tensors."""
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    return np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4])) + bias[:, None, None]


def max_pool2d(x: Float[np.ndarray, "c h w"]) -> Float[np.ndarray, "c h/2 w/2"]:
    """The largest number of each block of 2×2; height and width are even."""
    channels, height, width = x.shape
    return x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """The width in pixels of what one number sees after layers of (kernel, stride)."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field
