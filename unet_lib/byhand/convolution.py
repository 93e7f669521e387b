"""Convolution and transposed convolution: the same windows, read from in one and written to in the other.

The letters in the sums, and in `einsum`, are the same everywhere:
n image of the batch · c input channel · o output channel · (p, q) pixel of the output (for the transposed
convolution: of the input) · (i, j) pixel of the window.
"""

import numpy as np
from jaxtyping import Float

from unet_lib.byhand.grid import (
    Pair,
    check_axes,
    check_shape,
    crop,
    output_size,
    pad,
    pair,
    scatter,
    transposed_output_size,
    windows,
)
from unet_lib.core.errors import ShapeError


def conv2d(x: Float[np.ndarray, "n c h w"], weight: Float[np.ndarray, "o c i j"],
           bias: Float[np.ndarray, "o"] | None = None, stride: Pair = 1, padding: Pair = 0,
           dilation: Pair = 1) -> Float[np.ndarray, "n o p q"]:
    """Slide each kernel over the image; each output pixel is the sum of window × kernel, plus the bias.

    Formula: that of `conv2d_loops`. Like PyTorch's, the kernel is not flipped, so a mathematician calls
    this cross-correlation. Raises ShapeError if channels differ or no window fits.
    """
    _check_conv(x, weight, bias)
    patches = windows(pad(x, padding), weight.shape[2:], stride, dilation)
    y = np.einsum("ncpqij,ocij->nopq", patches, weight, optimize=True)
    return _add_bias(y, bias)


def conv2d_loops(x: Float[np.ndarray, "n c h w"], weight: Float[np.ndarray, "o c i j"],
                 bias: Float[np.ndarray, "o"] | None = None, stride: Pair = 1, padding: Pair = 0,
                 dilation: Pair = 1) -> Float[np.ndarray, "n o p q"]:
    """The textbook sum, with stride s, dilation d, and x already padded with zeros:

    y[n, o, p, q] = bias[o] + Σ_c Σ_i Σ_j  x[n, c, p·s + i·d, q·s + j·d] · weight[o, c, i, j]
    """
    _check_conv(x, weight, bias)
    outputs, channels, kernel_y, kernel_x = weight.shape
    (stride_y, stride_x), (dilation_y, dilation_x) = pair("stride", stride), pair("dilation", dilation)
    x = pad(x, padding)
    height = output_size(x.shape[2], kernel_y, stride_y, dilation=dilation_y)
    width = output_size(x.shape[3], kernel_x, stride_x, dilation=dilation_x)
    y = np.zeros((len(x), outputs, height, width), np.result_type(x, weight))
    for n, o, p, q in np.ndindex(y.shape):
        for c, i, j in np.ndindex(channels, kernel_y, kernel_x):
            row, column = p * stride_y + i * dilation_y, q * stride_x + j * dilation_x
            y[n, o, p, q] += x[n, c, row, column] * weight[o, c, i, j]
    return _add_bias(y, bias)


def conv2d_backward(grad_y: Float[np.ndarray, "n o p q"], x: Float[np.ndarray, "n c h w"],
                    weight: Float[np.ndarray, "o c i j"], stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1,
                    ) -> tuple[Float[np.ndarray, "n c h w"], Float[np.ndarray, "o c i j"], Float[np.ndarray, "o"]]:
    """Gradients of x, weight and bias.

    Each product x·weight in the forward sum sends grad_y·weight back to its pixel, where the windows'
    contributions add up, and grad_y·x back to its weight; the bias collects grad_y itself.
    """
    _check_conv(x, weight)
    padded = pad(x, padding)
    patches = windows(padded, weight.shape[2:], stride, dilation)
    check_shape("grad_y", grad_y, (len(x), len(weight), *patches.shape[2:4]), "that of the output")
    grad_patches = np.einsum("nopq,ocij->ncpqij", grad_y, weight, optimize=True)
    grad_x = crop(scatter(grad_patches, padded.shape[2:], stride, dilation), padding)
    grad_weight = np.einsum("nopq,ncpqij->ocij", grad_y, patches, optimize=True)
    return grad_x, grad_weight, grad_y.sum(axis=(0, 2, 3))


def conv1x1(x: Float[np.ndarray, "n c h w"], weight: Float[np.ndarray, "o c 1 1"],
            bias: Float[np.ndarray, "o"] | None = None) -> Float[np.ndarray, "n o h w"]:
    """The output layer: at each pixel, a weighted sum of its channels, plus the bias. One matrix for all pixels:

    y[n, o, p, q] = bias[o] + Σ_c weight[o, c] · x[n, c, p, q]
    """
    _check_conv(x, weight, bias)
    return _add_bias(np.einsum("ncpq,oc->nopq", x, _matrix(weight), optimize=True), bias)


def conv1x1_backward(grad_y: Float[np.ndarray, "n o h w"], x: Float[np.ndarray, "n c h w"],
                     weight: Float[np.ndarray, "o c 1 1"],
                     ) -> tuple[Float[np.ndarray, "n c h w"], Float[np.ndarray, "o c 1 1"], Float[np.ndarray, "o"]]:
    """Gradients of x, weight and bias: the transposed matrix, pixel by pixel; products summed over all pixels."""
    _check_conv(x, weight)
    check_shape("grad_y", grad_y, (len(x), len(weight), *x.shape[2:]), "that of the output")
    grad_x = np.einsum("nopq,oc->ncpq", grad_y, _matrix(weight), optimize=True)
    grad_weight = np.einsum("nopq,ncpq->oc", grad_y, x, optimize=True)
    return grad_x, grad_weight.reshape(weight.shape), grad_y.sum(axis=(0, 2, 3))


def conv_transpose2d(x: Float[np.ndarray, "n c p q"], weight: Float[np.ndarray, "c o i j"],
                     bias: Float[np.ndarray, "o"] | None = None, stride: Pair = 2,
                     padding: Pair = 0) -> Float[np.ndarray, "n o h w"]:
    """Each pixel stamps the kernel, scaled by its value, into a larger image; the stamps add up.

    The U-Net's way up: with a 2×2 kernel and stride 2 the stamps lie side by side and the size doubles.
    Formula: that of `conv_transpose2d_loops`. `padding` is cut off the result, since for a convolution the
    other way it would have been added. Raises ShapeError if channels differ or nothing is left.
    """
    size = _transposed_size(x, weight, bias, stride, padding)
    stamps = np.einsum("ncpq,coij->nopqij", x, weight, optimize=True)
    return _add_bias(crop(scatter(stamps, size, stride), padding), bias)


def conv_transpose2d_loops(x: Float[np.ndarray, "n c p q"], weight: Float[np.ndarray, "c o i j"],
                           bias: Float[np.ndarray, "o"] | None = None, stride: Pair = 2,
                           padding: Pair = 0) -> Float[np.ndarray, "n o h w"]:
    """The textbook sum, with stride s, before the padding is cut off and the bias added:

    y[n, o, p·s + i, q·s + j] += x[n, c, p, q] · weight[c, o, i, j]   for every c, p, q, i, j
    """
    size = _transposed_size(x, weight, bias, stride, padding)
    stride_y, stride_x = pair("stride", stride)
    y = np.zeros((len(x), weight.shape[1], *size), np.result_type(x, weight))
    for n, c, p, q in np.ndindex(x.shape):
        for o, i, j in np.ndindex(weight.shape[1:]):
            y[n, o, p * stride_y + i, q * stride_x + j] += x[n, c, p, q] * weight[c, o, i, j]
    return _add_bias(crop(y, padding), bias)


def conv_transpose2d_backward(grad_y: Float[np.ndarray, "n o h w"], x: Float[np.ndarray, "n c p q"],
                              weight: Float[np.ndarray, "c o i j"], stride: Pair = 2, padding: Pair = 0,
                              ) -> tuple[Float[np.ndarray, "n c p q"], Float[np.ndarray, "c o i j"],
                                         Float[np.ndarray, "o"]]:
    """Gradients of x, weight and bias. What was a stamp on the way forward is a window on the way back."""
    height, width = _transposed_size(x, weight, None, stride, padding)
    padding_y, padding_x = pair("padding", padding, least=0)
    check_shape("grad_y", grad_y, (len(x), weight.shape[1], height - 2 * padding_y, width - 2 * padding_x),
                "that of the output")
    grad_stamps = windows(pad(grad_y, padding), weight.shape[2:], stride)
    grad_x = np.einsum("nopqij,coij->ncpq", grad_stamps, weight, optimize=True)
    grad_weight = np.einsum("ncpq,nopqij->coij", x, grad_stamps, optimize=True)
    return grad_x, grad_weight, grad_y.sum(axis=(0, 2, 3))


def _add_bias(y: Float[np.ndarray, "n o p q"], bias: Float[np.ndarray, "o"] | None) -> Float[np.ndarray, "n o p q"]:
    return y if bias is None else y + bias[:, None, None]


def _matrix(weight: Float[np.ndarray, "o c i j"]) -> Float[np.ndarray, "o c"]:
    check_shape("weight", weight, (*weight.shape[:2], 1, 1), "that of 1×1 kernels")
    return weight[:, :, 0, 0]


def _check_conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> None:
    check_axes("x", x)
    check_axes("weight", weight, ("output channels", "input channels", "height", "width"))
    if x.shape[1] != weight.shape[1]:
        raise ShapeError(f"expected a weight for x's {x.shape[1]} channels, shape [out, {x.shape[1]}, height, width]; "
                         f"got weight.shape {weight.shape}. Give each kernel one layer per input channel.")
    if bias is not None:
        check_shape("bias", bias, (len(weight),), "one number for each output channel")


def _transposed_size(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: Pair,
                     padding: Pair) -> tuple[int, int]:
    """Check what goes into a transposed convolution; returns its height and width before the padding is cut off."""
    check_axes("x", x)
    check_axes("weight", weight, ("input channels", "output channels", "height", "width"))
    if x.shape[1] != len(weight):
        raise ShapeError(f"expected a weight for x's {x.shape[1]} channels, shape [{x.shape[1]}, out, height, width]; "
                         f"got weight.shape {weight.shape}. Here the input channels come first; a weight laid out as "
                         f"for conv2d needs weight.swapaxes(0, 1).")
    if bias is not None:
        check_shape("bias", bias, (weight.shape[1],), "one number for each output channel")
    settings = zip(x.shape[2:], weight.shape[2:], pair("stride", stride), pair("padding", padding, least=0))
    height, width = (transposed_output_size(*axis) + 2 * axis[-1] for axis in settings)
    return height, width
