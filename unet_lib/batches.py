"""Slices of a cache → normalised float batches, on the device that trains."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from unet_lib.dataset import SIDE, SliceCache
from unet_lib.errors import ShapeError


@dataclass(frozen=True)
class Batch:
    """Normalised `images` (float32, mean about 0, deviation about 1 inside the head), `masks` in {0, 1},
    and `places`, the slices' positions in the cache."""

    images: Float[Tensor, "b 3 s s"]
    masks: Float[Tensor, "b 1 s s"]
    places: Int[Tensor, "b"]


class Batches:
    """Slices held on the device as uint8, scaled once to `size`, handed out as float batches.

    The order of an epoch follows from (seed, epoch) alone, so that a resumed training sees what an
    uninterrupted one would have seen. The last, smaller batch is never dropped.
    """

    def __init__(self, cache: SliceCache, places: Int[np.ndarray, "k"], *, batch: int = 4, size: int = SIDE,
                 device: torch.device | str = "cpu", seed: int = 0, shuffle: bool = True) -> None:
        """Raises ShapeError for a batch below 1 or a size outside 16–256."""
        if batch < 1 or not 16 <= size <= SIDE:
            raise ShapeError(f"expected batch ≥ 1 and 16 ≤ size ≤ {SIDE}; got batch={batch}, size={size}.")
        self.places = torch.as_tensor(np.asarray(places))
        self.patient_of = cache.patient_of[np.asarray(places)]
        self.batch, self.seed, self.shuffle = batch, seed, shuffle
        self.images = scale_images(cache.images, places, size).to(device)
        self.masks = scale_masks(cache.masks, places, size).to(device)
        statistics = torch.as_tensor(cache.statistics[self.patient_of]).to(device)
        self.mean, self.deviation = statistics[:, 0], statistics[:, 1]

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.places) // self.batch)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on."""
        order = torch.arange(len(self.places))
        if self.shuffle:
            draw = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
            order = torch.randperm(len(order), generator=draw)
        for chosen in list(order.split(self.batch))[start:]:
            on_device = chosen.to(self.images.device)
            yield Batch(normalise(self.images[on_device], self.mean[on_device], self.deviation[on_device]),
                        self.masks[on_device].float(), self.places[chosen])


def normalise(images: UInt8[Tensor, "b 3 h w"], mean: Float[Tensor, "#b 3"],
              deviation: Float[Tensor, "#b 3"]) -> Float[Tensor, "b 3 h w"]:
    """(grey level − patient's mean) / patient's deviation, channel by channel.

    MRI has no absolute scale: the same tissue is 60 at one site and 110 at another.
    """
    return (images.float() - mean[:, :, None, None]) / deviation[:, :, None, None]


def scale_images(images: UInt8[np.ndarray, "n h w c"], places: Int[np.ndarray, "k"],
                 size: int) -> UInt8[Tensor, "k c size size"]:
    """Chosen slices, channels first (in channels_last memory), averaged down to size×size."""
    return torch.cat([_shrink(images[part], size).round().to(torch.uint8) for part in _parts(places)])


def scale_masks(masks: UInt8[np.ndarray, "n h w"], places: Int[np.ndarray, "k"],
                size: int) -> UInt8[Tensor, "k 1 size size"]:
    """Chosen masks at size×size: 1 where at least half of the pixels beneath were 1."""
    return torch.cat([(_shrink(masks[part][..., None], size) >= 0.5).to(torch.uint8) for part in _parts(places)])


def _parts(places: np.ndarray) -> list[np.ndarray]:
    # A few slices at a time: floats of the whole data set would be four times its size.
    return np.array_split(np.asarray(places), max(1, len(places) // 64))


def _shrink(pixels: np.ndarray, size: int) -> Tensor:
    tensor = torch.as_tensor(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return tensor.float() if size == tensor.shape[-1] else F.interpolate(tensor.float(), (size, size), mode="area")
