"""Windows that slide over an image, what they do to its size, and the checks that all layers share."""

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

from unet_lib.core.errors import ShapeError

Pair = int | tuple[int, int]
"""One number for height and width alike, or (height, width)."""

AXES = ("batch", "channels", "height", "width")


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """How many windows fit: ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.

    Raises ShapeError if not even one fits, or a setting makes no sense.
    Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", relationship 15.
    """
    check_whole("size", size, least=1)
    check_whole("kernel", kernel, least=1)
    check_whole("stride", stride, least=1)
    check_whole("padding", padding, least=0)
    check_whole("dilation", dilation, least=1)
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding
    if span > room:
        raise ShapeError(f"expected a window that fits into the image, {room} pixels with its padding; got one that "
                         f"spans {span} (kernel {kernel}, dilation {dilation}). Pad more, or take a smaller window.")
    return (room - span) // stride + 1


def transposed_output_size(size: int, kernel: int, stride: int = 2, padding: int = 0) -> int:
    """What a transposed convolution makes of `size`: (size − 1)·stride + kernel − 2·padding.

    Raises ShapeError if the padding cuts everything away, or a setting makes no sense.
    """
    check_whole("size", size, least=1)
    check_whole("kernel", kernel, least=1)
    check_whole("stride", stride, least=1)
    check_whole("padding", padding, least=0)
    full = (size - 1) * stride + kernel
    if full <= 2 * padding:
        raise ShapeError(f"expected a padding that leaves at least one pixel of {full}; got padding {padding}, "
                         f"which cuts {2 * padding} away. Take at most {(full - 1) // 2}.")
    return full - 2 * padding


def pad(x: Float[np.ndarray, "n c h w"], padding: Pair) -> Float[np.ndarray, "n c ph pw"]:
    """A border of zeros, `padding` wide on each of the four sides; always a copy."""
    check_axes("x", x)
    high, wide = pair("padding", padding, least=0)
    return np.pad(x, ((0, 0), (0, 0), (high, high), (wide, wide)))


def crop(x: Float[np.ndarray, "n c ph pw"], padding: Pair) -> Float[np.ndarray, "n c h w"]:
    """Take away what `pad` has added."""
    high, wide = pair("padding", padding, least=0)
    return x[:, :, high:x.shape[2] - high, wide:x.shape[3] - wide]


def windows(x: Float[np.ndarray, "n c h w"], kernel: Pair, stride: Pair = 1,
            dilation: Pair = 1) -> Float[np.ndarray, "n c p q i j"]:
    """All windows of an image: `windows(x, 3)[n, c, p, q]` is the 3×3 patch behind output pixel (p, q).

    A view: the patches overlap in memory, nothing is copied, and it cannot be written to.
    Raises ShapeError if no window fits.
    """
    check_axes("x", x)
    (kernel_y, kernel_x), (dilation_y, dilation_x) = pair("kernel", kernel), pair("dilation", dilation)
    stride_y, stride_x = pair("stride", stride)
    output_size(x.shape[2], kernel_y, stride_y, dilation=dilation_y)  # raises if the window does not fit
    output_size(x.shape[3], kernel_x, stride_x, dilation=dilation_x)
    span = (dilation_y * (kernel_y - 1) + 1, dilation_x * (kernel_x - 1) + 1)
    view = sliding_window_view(x, span, axis=(2, 3))
    return view[:, :, ::stride_y, ::stride_x, ::dilation_y, ::dilation_x]


def im2col(x: Float[np.ndarray, "n c h w"], kernel: Pair, stride: Pair = 1, padding: Pair = 0,
           dilation: Pair = 1) -> Float[np.ndarray, "windows values"]:
    """Every window of the padded image as a row of a matrix, [n·p·q, c·i·j].

    Convolution is then one product of matrices, `im2col(x, 3) @ weight.reshape(len(weight), -1).T`, which
    processors and GPUs are built for. The price is memory: with a 3×3 kernel each value is copied nine times.
    """
    patches = windows(pad(x, padding), kernel, stride, dilation)
    n, c, p, q, i, j = patches.shape
    return patches.transpose(0, 2, 3, 1, 4, 5).reshape(n * p * q, c * i * j)


def scatter(patches: Float[np.ndarray, "n c p q i j"], size: tuple[int, int], stride: Pair = 1,
            dilation: Pair = 1) -> Float[np.ndarray, "n c h w"]:
    """The way back from `windows`: add each patch to its position in an empty image; where they overlap they add up."""
    n, c, rows, columns, kernel_y, kernel_x = patches.shape
    (stride_y, stride_x), (dilation_y, dilation_x) = pair("stride", stride), pair("dilation", dilation)
    image = np.zeros((n, c, *size), patches.dtype)
    for i, j in np.ndindex(kernel_y, kernel_x):
        top, left = i * dilation_y, j * dilation_x
        image[:, :, top:top + rows * stride_y:stride_y, left:left + columns * stride_x:stride_x] += patches[..., i, j]
    return image


def pair(name: str, value: Pair, least: int = 1) -> tuple[int, int]:
    """3 → (3, 3); (3, 5) stays. Raises ShapeError for anything else, or below `least`."""
    both = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2:
        raise ShapeError(f"expected {name} to be one number or (height, width); got {value!r}. Leave two numbers.")
    for one in both:
        check_whole(name, one, least)
    return both


def check_whole(name: str, value: int, least: int) -> None:
    """Raise ShapeError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int | np.integer) or value < least:
        raise ShapeError(f"expected {name} to be a whole number of at least {least}; got {value!r}. "
                         f"The smallest that works is {name}={least}.")


def check_axes(name: str, array: np.ndarray, axes: tuple[str, ...] = AXES) -> None:
    """Raise ShapeError unless `array` has one axis for each of these names."""
    if array.ndim == len(axes):
        return
    missing = len(axes) - array.ndim
    if missing > 0:
        added = "a batch axis" if missing == 1 and axes == AXES else "what is missing in front"
        fix = f"Add {added}: {name}[{', '.join(['None'] * missing)}]."
    else:
        fix = f"Take one out of the first axis: {name}[0]."
    raise ShapeError(f"expected {name} with {len(axes)} axes ({', '.join(axes)}); got shape {array.shape}. {fix}")


def check_shape(name: str, array: np.ndarray, shape: tuple[int, ...], reason: str) -> None:
    """Raise ShapeError unless `array` has exactly this shape; `reason` says where the number comes from."""
    if array.shape != shape:
        raise ShapeError(f"expected {name} of shape {shape}, {reason}; got {array.shape}. Look at {name}.shape where "
                         f"it was made, and at the other arguments.")
