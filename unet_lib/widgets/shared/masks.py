"""What the widgets of lesson 05 share in Python: masks checked at the door, and packed for the browser."""

import zlib

import numpy as np
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image

from unet_lib.core.errors import ShapeError

REFERENCE, NETWORK = (230, 159, 0), (86, 180, 233)
"""As in `plotting`: the reference mask is orange, the network's blue. `colours.js` says the same."""
LEAST_SIDE = 256
"""px: still pictures of smaller slices are enlarged to at least this, by whole steps."""


def zero_one(owner: str, name: str, values: Shaped[np.ndarray, "..."],
             shape: tuple[int, ...]) -> Bool[np.ndarray, "..."]:
    """The mask as bool. ShapeError unless it has this shape and holds nothing but 0 and 1 (or False and True)."""
    array = np.asarray(values)
    if array.shape != shape:
        raise ShapeError(f"{owner} needs {name} of {list(shape)}, a number for every pixel; got {list(array.shape)}. "
                         f"Take both from the same slices: cache.images[index], cache.masks[index].")
    if not ((array == 0) | (array == 1)).all():
        fix = f"Set a threshold first: {name} >= 0.5." if array.dtype.kind == "f" else f"Try {name} > 0."
        raise ShapeError(f"{owner} needs {name} to hold 0 and 1 only; got numbers from {array.min():.3g} to "
                         f"{array.max():.3g}. {fix}")
    return array.astype(bool)


def packed(values: Shaped[np.ndarray, "..."]) -> bytes:
    """The array's bytes, zlib-compressed; `inflate` in base.js gives them back."""
    return zlib.compress(np.ascontiguousarray(values).tobytes())


def to_bits(mask: Bool[np.ndarray, "h w"]) -> bytes:
    """Eight pixels a byte, row by row, the first pixel in the highest bit; `packBits` in mask_scores.js agrees."""
    return np.packbits(mask).tobytes()


def from_bits(bits: bytes, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """What `to_bits` packed."""
    height, width = size
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=height * width).reshape(height, width).astype(bool)


def blend(rgb: UInt8[np.ndarray, "h w 3"], where: Bool[np.ndarray, "h w"], colour: tuple[int, int, int],
          fraction: float) -> None:
    """Mix a colour into some of the pixels, in place; `fraction` 0 leaves them alone, 1 covers them."""
    rgb[where] = np.rint((1 - fraction) * rgb[where] + fraction * np.array(colour)).astype(np.uint8)


def enlarged(rgb: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """As a picture, each pixel a square of whole dots."""
    scale = max(1, round(LEAST_SIDE / max(rgb.shape[:2])))
    return Image.fromarray(rgb.repeat(scale, 0).repeat(scale, 1))
