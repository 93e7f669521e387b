"""One TIFF of the LGG set → validated pixels.

What a file says about its pixels is honoured: the packing (LZW, deflate, PackBits and others), the Orientation tag, and
for masks WhiteIsZero, a grey palette and one bit a pixel. What cannot be honoured is refused.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import UInt8
from numpy import ndarray

from unet_lib.core.errors import DatasetError
from unet_lib.data.slice_files import SIDE

AGAIN = "Unpack this patient again from the archive."
# Masks are remarked on, not refused, for these reasons.
ZERO_ONE = "hold 0 and 1 instead of 0 and 255; 1 is taken for tumour"
MOSTLY_TUMOUR = "are more than half tumour; are they inverted?"
# What tifffile and imagecodecs raise for damaged structure or pixels.
DAMAGE = (tifffile.TiffFileError, ValueError, IndexError, KeyError, TypeError, AttributeError, ArithmeticError,
          RuntimeError, struct.error, zlib.error, EOFError, MemoryError)
TURNS = {1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
         5: lambda p: p.swapaxes(0, 1), 6: lambda p: p.swapaxes(0, 1)[:, ::-1],
         7: lambda p: p[::-1, ::-1].swapaxes(0, 1), 8: lambda p: p.swapaxes(0, 1)[::-1]}   # TIFF 6.0, tag 274
MINISBLACK, MINISWHITE, PALETTE = (tifffile.PHOTOMETRIC[name] for name in ("MINISBLACK", "MINISWHITE", "PALETTE"))


def read_image(path: Path) -> UInt8[ndarray, "256 256 3"]:
    """One slice: pre-contrast, FLAIR, post-contrast, grey levels 0–255. Raises DatasetError."""
    return _read_tiff(path, (SIDE, SIDE, 3), "three channels: pre-contrast, FLAIR, post-contrast")


def read_mask(path: Path) -> UInt8[ndarray, "256 256"]:
    """One mask as {0, 1}; on disk it holds 0 and 255, or 0 and 1. Raises DatasetError."""
    return read_mask_with_remarks(path)[0]


def read_mask_with_remarks(path: Path) -> tuple[UInt8[ndarray, "256 256"], tuple[str, ...]]:
    """The mask as {0, 1}, and what about it deserves a word: ZERO_ONE, MOSTLY_TUMOUR. Raises DatasetError."""
    mask = _read_tiff(path, (SIDE, SIDE), "one channel, 0 for background and 255 for tumour")
    values = np.unique(mask)
    ones = int(values[-1]) == 1
    if not ones and (unexpected := np.setdiff1d(values, (0, 255))).size:
        raise DatasetError(f"{path}: expected a mask with only the values 0 and 255, found also "
                           f"{', '.join(map(str, unexpected[:5]))}{', …' * (len(unexpected) > 5)}. {_fix(values)}")
    mask = mask if ones else mask // 255
    return mask, (ZERO_ONE,) * ones + (MOSTLY_TUMOUR,) * (2 * int(mask.sum()) > mask.size)


def _fix(values: UInt8[ndarray, "v"]) -> str:
    """How to save a mask with other values so that no label is lost."""
    if len(values) == 1 or (len(values) == 2 and values[0] == 0):
        return f"If {values[-1]} marks tumour: mask = (mask == {values[-1]}) * np.uint8(255)."
    middle = (int(values[0]) + int(values[-1])) // 2
    close = np.diff(values).min() < 4 and values[-1] > 32   # so near each other only rounding puts them
    if len(values) <= 8 and not close:
        return (f"Do they number several labels? To call all of them tumour: mask = (mask != {values[0]}) * "
                f"np.uint8(255).")
    return (f"Was it saved as JPEG or resized? Save it without loss, thresholded: mask = (mask > {middle}) * "
            f"np.uint8(255).")


def _read_tiff(path: Path, shape: tuple[int, ...], meaning: str) -> UInt8[ndarray, "256 256 *c"]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); expected a TIFF file. "
                           f"Check its permissions and the disk, or unpack this patient again.") from error
    if not data:
        raise DatasetError(f"{path}: the file is empty (0 bytes); expected a TIFF of {_size(shape)}. {AGAIN}")
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            every = [page.aspage() for page in tiff.pages]
            pages = [page for page in every if not page.is_reduced]
            page = (pages or every)[0]
            # Looked at before decoding, so that a forged header cannot ask for gigabytes.
            refusal = _refusal(page, shape, meaning)
            if len(pages) > 1:
                refusal = (f"expected one picture in the file, found {len(pages)}. Save the one that is meant alone: "
                           f"tifffile.imwrite(path, tifffile.imread(path, key=0)).")
            pixels = None if refusal else _upright(page, page.asarray())
    except DAMAGE as error:
        raise DatasetError(f"{path}: damaged or truncated, or not a TIFF ({len(data)} bytes; {error}); expected "
                           f"a TIFF of {_size(shape)}. {AGAIN}") from error
    if pixels is None:
        raise DatasetError(f"{path}: {refusal}")
    return pixels


def _refusal(page: tifffile.TiffPage, shape: tuple[int, ...], meaning: str) -> str:
    """Why this page is not what is meant, and how to fix it; "" if it is."""
    found, kind = tuple(page.shape), str(page.dtype)
    if found != shape or kind not in ("uint8", "bool"):
        return (f"expected {_size(shape)} uint8 ({meaning}), found {_size(found)} {kind}. "
                f"{_convert(found, kind, shape)}")
    if not _can_unpack(page):
        return (f"expected a TIFF that is packed with LZW, deflate, PackBits or not at all, found "
                f"{tifffile.COMPRESSION(page.compression).name}. Save it with another packing.")
    named = _named(page)
    if len(shape) == 3 and page.photometric in (MINISWHITE, PALETTE):
        return f"expected three channels as they are, found a picture that calls itself {named}. Save it as RGB."
    if len(shape) == 2 and page.photometric not in (MINISBLACK, MINISWHITE, PALETTE):
        return f"expected a picture in grey, found one that calls itself {named}. Save it in grey (MINISBLACK)."
    if page.photometric == PALETTE and np.ptp(np.asarray(page.colormap, int), axis=0).any():
        return ("expected grey, found a palette of colours. Say which index is tumour, here 1: "
                "tifffile.imwrite(path, (tifffile.imread(path) == 1) * np.uint8(255)).")
    if len(shape) == 3 and _is_colour_space(page):
        return f"expected three channels as they are, found colours in {named}. Save it as RGB."
    return ""


def _can_unpack(page: tifffile.TiffPage) -> bool:
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
    except KeyError:
        return False
    return True


def _is_colour_space(page: tifffile.TiffPage) -> bool:
    """Channels that are no sequences: YCbCr outside JPEG (whose decoder gives RGB), Lab, CMYK and the like."""
    rgb = tifffile.PHOTOMETRIC.RGB, MINISBLACK
    jpeg = page.compression in (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG)
    return page.photometric not in rgb and not (jpeg and page.photometric == tifffile.PHOTOMETRIC.YCBCR)


def _named(page: tifffile.TiffPage) -> str:
    return getattr(page.photometric, "name", str(page.photometric))


def _convert(found: tuple[int, ...], kind: str, shape: tuple[int, ...]) -> str:
    """A fix for other sizes and types."""
    if found == shape and len(shape) == 2:
        return "If all above 0 is tumour: mask = (mask > 0) * np.uint8(255)."
    if found == shape:
        return ("Convert it, with one factor for all slices of a sequence of a patient: "
                "image = (image * (255 / largest)).clip(0, 255).astype(np.uint8).")
    if len(shape) == 2 and len(found) == 3 and found[:2] == shape and kind == "uint8":
        return "Convert it to one channel: mask = mask[..., :3].max(axis=2)."
    if len(shape) == 3 and found == (shape[2], *shape[:2]):
        return "Put the channels last: image = np.moveaxis(image, 0, -1)."
    return "Convert it, or remove this slice and its mask or image."


def _upright(page: tifffile.TiffPage, pixels: ndarray) -> UInt8[ndarray, "256 256 *c"]:
    """Grey levels as shown: larger is brighter, first row on top."""
    if page.dtype == bool:
        pixels = pixels * np.uint8(255)
    if page.photometric == PALETTE:
        pixels = (np.asarray(page.colormap)[0] >> 8).astype(np.uint8)[pixels]
    elif page.photometric == MINISWHITE:
        pixels = pixels.dtype.type(1 if pixels.max() == 1 else 255) - pixels
    tag = page.tags.get("Orientation")
    orientation = 1 if tag is None else int(tag.value)
    if orientation not in TURNS:
        raise ValueError(f"Orientation {orientation}")
    return np.ascontiguousarray(TURNS[orientation](pixels))


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "no pixels"
