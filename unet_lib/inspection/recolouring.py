"""Change one tissue's brightness in a slice and ask again: an experiment, where a picture would only suggest.

    bright = recolour(images, where=labels == CYST, like=labels == SOLID_TUMOUR)

What was edited is known pixel by pixel only in phantoms, whose tissues are labelled.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt8
from scipy.ndimage import distance_transform_edt

from unet_lib.core.errors import SettingsError
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.data.slice_files import FLAIR

CYST, SOLID_TUMOUR, WHITE, FLUID = (TISSUES.index(name) for name in ("cyst", "tumour", "white", "csf"))


def recolour(images: UInt8[np.ndarray, "n h w c"], where: Bool[np.ndarray, "n h w"], like: Bool[np.ndarray, "n h w"],
             channels: Sequence[int] = (FLAIR,), seed: int = 0) -> UInt8[np.ndarray, "n h w c"]:
    """A copy in which pixels of `where` look like pixels of `like` in these channels.

    Each takes the grey levels of a pixel of `like` drawn by `seed`, from all slices given, so that mean, variation and
    the relation of the channels are those of the tissue that is imitated. Its texture is not: drawn pixels do not
    resemble their neighbours. Raises SettingsError where there is nothing to imitate.
    """
    if not like.any():
        raise SettingsError("recolour expected pixels to imitate; got none. Give slices that show this tissue.")
    changed = images.copy()
    source = images[like][:, list(channels)]
    drawn = source[np.random.default_rng(seed).integers(0, len(source), int(where.sum()))]
    for position, channel in enumerate(channels):
        changed[..., channel][where] = drawn[:, position]
    return changed


def inner_part(region: Bool[np.ndarray, "n h w"], fraction: float) -> Bool[np.ndarray, "n h w"]:
    """In each slice the pixels of the region farthest from its border, this fraction of them, rounded; of pixels
    equally far the first."""
    return np.stack([_highest(distance_transform_edt(one), round(fraction * int(one.sum()))) for one in region])


def compact_part(region: Bool[np.ndarray, "n h w"], pixels: Sequence[int]) -> Bool[np.ndarray, "n h w"]:
    """In each slice so many pixels of the region, those nearest to its deepest point; all of it where it is smaller."""
    parts = []
    for one, wanted in zip(region, pixels, strict=True):
        depth = distance_transform_edt(one)
        centre = np.zeros(one.shape, bool)
        centre[np.unravel_index(depth.argmax(), one.shape)] = True
        nearness = np.where(one, one.size - distance_transform_edt(~centre), 0)
        parts.append(_highest(nearness, min(int(wanted), int(one.sum()))))
    return np.stack(parts)


def _highest(values: np.ndarray, count: int) -> Bool[np.ndarray, "h w"]:
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-values, axis=None, kind="stable")[:count]] = True
    return chosen.reshape(values.shape)
