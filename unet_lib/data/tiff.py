"""One TIFF of the LGG set → validated pixels."""

import io
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import UInt8

from unet_lib.core.errors import DatasetError
from unet_lib.data.slice_files import SIDE


def read_image(path: Path) -> UInt8[np.ndarray, "256 256 3"]:
    """One slice: pre-contrast, FLAIR, post-contrast, grey levels 0–255. Raises DatasetError."""
    return _read_tiff(path, (SIDE, SIDE, 3), "three channels: pre-contrast, FLAIR, post-contrast")


def read_mask(path: Path) -> UInt8[np.ndarray, "256 256"]:
    """One mask as {0, 1}; on disk it must hold only 0 and 255. Raises DatasetError."""
    mask = _read_tiff(path, (SIDE, SIDE), "one channel, 0 for background and 255 for tumour")
    if (unexpected := np.setdiff1d(np.unique(mask), (0, 255))).size:
        raise DatasetError(f"{path}: expected a mask with only the values 0 and 255, found also "
                           f"{', '.join(map(str, unexpected[:5]))}. Was it saved as JPEG or resized? Save it without "
                           f"loss, thresholded: mask = (mask > 127) * 255.")
    return mask // 255


def _read_tiff(path: Path, shape: tuple[int, ...], meaning: str) -> np.ndarray:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); expected a TIFF file. "
                           f"Check its permissions and the disk, or unpack this patient again.") from error
    again = "Unpack this patient again from the archive."
    if not data:
        raise DatasetError(f"{path}: the file is empty (0 bytes); expected a TIFF of {_size(shape)}. {again}")
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages[0]
            found, kind = tuple(page.shape), str(page.dtype)
            # Looked at before decoding, so that a forged header cannot ask for gigabytes.
            pixels = page.asarray() if (found, kind) == (shape, "uint8") else None
    except Exception as error:  # tifffile meets damage with many kinds of exception; all mean the same here
        raise DatasetError(f"{path}: damaged or truncated, or not a TIFF ({len(data)} bytes; {error}); expected "
                           f"a TIFF of {_size(shape)}. {again}") from error
    if pixels is None:
        raise DatasetError(f"{path}: expected {_size(shape)} uint8 ({meaning}), found {_size(found)} {kind}. "
                           f"Convert it, or remove this slice and its mask or image.")
    return pixels


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "no pixels"
