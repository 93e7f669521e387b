"""Slices of a cache → uint8 tensors at the size the network sees, with their context slices."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from unet_lib.core.errors import ShapeError
from unet_lib.data.slice_files import SIDE

MOST_CONTEXT_SLICES = 20  # on either side: with so many, most heads are seen as a whole


def channels(context_slices: int) -> int:
    """Input channels of a network that sees this many context slices on either side of a slice.

    Raises ShapeError unless there are 0 to MOST_CONTEXT_SLICES.
    """
    if not 0 <= context_slices <= MOST_CONTEXT_SLICES:
        raise ShapeError(f"expected context_slices ≥ 0, at most {MOST_CONTEXT_SLICES}; got {context_slices}. "
                         f"0 shows the network the slice alone, 1 its neighbours too.")
    return 3 * (2 * context_slices + 1)


def context_indices(patient_of: Int[np.ndarray, "n"], indices: Int[np.ndarray, "k"],
                    context_slices: int) -> Int[np.ndarray, "k m"]:
    """Each slice's index between those of its context slices; past a patient's last slice, that one again.

    `patient_of` is sorted: a patient's slices lie side by side.
    """
    first, last = (np.searchsorted(patient_of, patient_of[indices], side)[:, None] for side in ("left", "right"))
    return np.clip(indices[:, None] + np.arange(-context_slices, context_slices + 1), first, last - 1)


def scale_images(images: UInt8[np.ndarray, "n h w c"], indices: Int[np.ndarray, "k"],
                 size: int) -> UInt8[Tensor, "k c size size"]:
    """Chosen slices, channels first (in channels_last memory), averaged down to size×size."""
    return torch.cat([_shrink(images[part], size).round().to(torch.uint8) for part in _parts(indices)])


def scale_masks(masks: UInt8[np.ndarray, "n h w"], indices: Int[np.ndarray, "k"],
                size: int) -> UInt8[Tensor, "k 1 size size"]:
    """Chosen masks at size×size: 1 where at least half of the pixels beneath were 1."""
    return torch.cat([(_shrink(masks[part][..., None], size) >= 0.5).to(torch.uint8) for part in _parts(indices)])


def _parts(indices: np.ndarray) -> list[np.ndarray]:
    # A few slices at a time: floats of the whole data set would be four times its size.
    return np.array_split(np.asarray(indices), max(1, len(indices) // 64))


def _shrink(pixels: np.ndarray, size: int) -> Tensor:
    tensor = torch.as_tensor(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return tensor.float() if size == tensor.shape[-1] else F.interpolate(tensor.float(), (size, size), mode="area")


def training_size(card: Mapping[str, Any]) -> int:
    """The size in pixels of the slices that weights were trained with, from their card."""
    return int(card.get("data", {}).get("size", SIDE))
