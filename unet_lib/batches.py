"""Slices of a cache → normalised float batches, on the device that trains."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from unet_lib.dataset import SIDE, SliceCache
from unet_lib.devices import data_budget
from unet_lib.errors import ShapeError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Batch:
    """Normalised `images` (float32, mean about 0, deviation about 1 inside the head), `masks` in {0, 1},
    and `places`, the slices' positions in the cache."""

    images: Float[Tensor, "b 3 s s"]
    masks: Float[Tensor, "b 1 s s"]
    places: Int[Tensor, "b"]


class Batches:
    """Slices as float batches at `size`, on the device that trains.

    `resident` ones are scaled once and held there as uint8. Others are read from the cache batch by batch, by a
    thread that works ahead, each time anew; values and order are the same. Left None, all are resident if they
    fit (`devices.data_budget`).

    The order of an epoch follows from (seed, epoch) alone, so that a resumed training sees what an
    uninterrupted one would have seen. The last, smaller batch is never dropped.
    """

    def __init__(self, cache: SliceCache, places: Int[np.ndarray, "k"], *, batch: int = 4, size: int = SIDE,
                 device: torch.device | str = "cpu", seed: int = 0, shuffle: bool = True,
                 resident: bool | None = None) -> None:
        """Raises ShapeError for a batch below 1 or a size outside 16–256."""
        if batch < 1 or not 16 <= size <= SIDE:
            raise ShapeError(f"expected batch ≥ 1 and 16 ≤ size ≤ {SIDE}; got batch={batch}, size={size}.")
        self.places = torch.as_tensor(np.asarray(places))
        self.patient_of = cache.patient_of[np.asarray(places)]
        self.batch, self.size, self.seed, self.shuffle = batch, size, seed, shuffle
        self.cache, self.device = cache, torch.device(device)
        statistics = torch.as_tensor(cache.statistics[self.patient_of]).to(device)
        self.mean, self.deviation = statistics[:, 0], statistics[:, 1]
        needed = len(self.places) * size * size * 4  # three channels and a mask, a byte each
        self.resident = needed <= data_budget(self.device) if resident is None else resident
        if self.resident:
            self.images, self.masks = self._read(torch.arange(len(self.places)))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.places) // self.batch)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on."""
        parts = self._order(number).split(self.batch)[start:]
        pixels = map(self._held, parts) if self.resident else map_ahead(self._read, parts)
        for chosen, (images, masks) in zip(parts, pixels, strict=True):
            on_device = chosen.to(self.device)
            yield Batch(normalise(images, self.mean[on_device], self.deviation[on_device]), masks.float(),
                        self.places[chosen])

    def _order(self, number: int) -> Int[Tensor, "k"]:
        if not self.shuffle:
            return torch.arange(len(self.places))
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        return torch.randperm(len(self.places), generator=draw)

    def _held(self, chosen: Int[Tensor, "b"]) -> tuple[UInt8[Tensor, "b 3 s s"], UInt8[Tensor, "b 1 s s"]]:
        on_device = chosen.to(self.device)
        return self.images[on_device], self.masks[on_device]

    def _read(self, chosen: Int[Tensor, "b"]) -> tuple[UInt8[Tensor, "b 3 s s"], UInt8[Tensor, "b 1 s s"]]:
        places = self.places[chosen].numpy()
        return (scale_images(self.cache.images, places, self.size).to(self.device),
                scale_masks(self.cache.masks, places, self.size).to(self.device))


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2) -> Iterator[Result]:
    """What `map` gives, exceptions included, worked out by a thread up to `ahead` items in advance.

    The thread ends with the iterator, however that ends.
    """
    pool, waiting = ThreadPoolExecutor(1, "map_ahead"), deque[Future[Result]]()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


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
