"""Slices of a cache → normalised float batches, on the device that trains."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from unet_lib.core.devices import data_budget, to_device
from unet_lib.core.errors import DatasetError, SettingsError, ShapeError
from unet_lib.data.cache import SliceCache
from unet_lib.data.intensity import normalise
from unet_lib.data.preprocessing import channels, context_indices, scale_images, scale_masks
from unet_lib.data.protocols import Batch
from unet_lib.data.slice_files import SIDE

Item = TypeVar("Item")
Result = TypeVar("Result")
SEEDS = 2**32  # how many there are: NumPy and torch both take these


def check_batch_settings(*, batch: int, size: int, context_slices: int, negative_fraction: float,
                         patient_balance: float, seed: int) -> None:
    """Raise ShapeError or SettingsError for what `Batches` cannot do with any data."""
    if batch < 1 or not 16 <= size <= SIDE:
        raise ShapeError(f"expected batch ≥ 1 and 16 ≤ size ≤ {SIDE}; got batch={batch}, size={size}.")
    channels(context_slices)
    if not 0 <= negative_fraction <= 1 or not 0 <= patient_balance <= 1:
        raise ShapeError(f"expected 0 ≤ negative_fraction ≤ 1 and 0 ≤ patient_balance ≤ 1; got {negative_fraction} and "
                         f"{patient_balance}.")
    if not 0 <= seed < SEEDS:
        raise SettingsError(f"expected a seed from 0 to {SEEDS - 1}; got {seed}.")


class Batches:
    """Slices as float batches at `size`, on the device that trains.

    With `context_slices` = k each image holds 2k+1 slices, three channels each: the k below, the slice itself, the k
    above, as far as its patient goes (`context_indices`). The mask is that of the slice in the middle.

    If `resident`, the slices are scaled once and held there as uint8. If not, they are read from the cache batch by
    batch, by a thread that works ahead, in every epoch; values and order are the same. None: resident if they fit
    (`devices.data_budget`).

    The order of an epoch follows from (seed, epoch) alone, so that a resumed training sees what an uninterrupted one
    would have seen. The last, smaller batch is never dropped. `negative_fraction` is the fraction of the slices
    without tumour that an epoch takes, others each time. `patient_balance` above 0 samples the slices with tumour with
    replacement, as many as there are: at 1 each patient is equally likely, so that ten slices of a small tumour are
    not outvoted by thirty of a large one; the closer to 0, the more it is slices that are equally likely. At 0 each
    slice comes exactly once.
    """

    def __init__(self, cache: SliceCache, indices: Int[np.ndarray, "k"], *, batch: int = 4, size: int = SIDE,
                 context_slices: int = 0, negative_fraction: float = 1.0, patient_balance: float = 0.0,
                 device: torch.device | str = "cpu", seed: int = 0, shuffle: bool = True,
                 resident: bool | None = None) -> None:
        """Raises ShapeError or SettingsError for numbers that make no sense (`check_batch_settings`), DatasetError if
        these slices leave an epoch empty, or hold no tumour to balance."""
        check_batch_settings(batch=batch, size=size, context_slices=context_slices, seed=seed,
                             negative_fraction=negative_fraction, patient_balance=patient_balance)
        self.indices = torch.as_tensor(np.asarray(indices))
        self.patient_of = cache.patient_of[np.asarray(indices)]
        self.batch, self.size, self.seed, self.shuffle = batch, size, seed, shuffle
        self.negative_fraction, self.patient_balance = negative_fraction, patient_balance
        self.cache, self.device = cache, torch.device(device)
        self._check_slices()
        self.statistics = torch.as_tensor(cache.statistics[self.patient_of]).to(device)
        self.context = context_indices(cache.patient_of, np.asarray(indices), context_slices)
        held, rows = np.unique(self.context, return_inverse=True)
        needed = (3 * len(held) + len(self.indices)) * size * size  # three channels each, and the masks
        self.resident = needed <= data_budget(self.device) if resident is None else resident
        if self.resident:
            self.rows = torch.as_tensor(rows.reshape(self.context.shape)).to(device)
            self.images = scale_images(cache.images, held, size).to(device)
            self.masks = scale_masks(cache.masks, np.asarray(indices), size).to(device)

    def _check_slices(self) -> None:
        if not len(self.indices):
            raise DatasetError(f"{self.cache.root}: expected slices to make batches of; got none. Name patients.")
        if self.patient_balance and not self._with_tumour.any():
            setting, without = f"patient_balance={self.patient_balance}", "patient_balance=0"
        elif not self.slices:
            setting, without = f"negative_fraction={self.negative_fraction}", "negative_fraction=1"
        else:
            return
        raise DatasetError(f"{self.cache.root}: {setting} expects slices with tumour; got {len(self.indices)} slices "
                           f"of {len(np.unique(self.patient_of))} patients, and no mask of theirs holds tumour. Check "
                           f"the masks, or take {without}.")

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.slices // self.batch)

    @property
    def slices(self) -> int:
        """Slices in an epoch."""
        return len(self._order(0))

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on."""
        order = self._order(number)
        # Copied to the device once an epoch, so that no step waits for its part.
        parts, placed = (whole.split(min(self.batch, len(order)))[start:]
                         for whole in (order, to_device(order, self.device)))
        pixels = map(self._held, placed) if self.resident else map_ahead(self._read, parts)
        for chosen, on_device, (images, masks) in zip(parts, placed, pixels, strict=True):
            yield Batch(normalise(images, self.statistics[on_device]), masks.float(), self.indices[chosen])

    @cached_property
    def _with_tumour(self) -> Bool[Tensor, "k"]:
        return torch.as_tensor(self.cache.tumour_pixels[self.indices.numpy()] > 0)

    def _order(self, number: int) -> Int[Tensor, "k"]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        order = torch.randperm(len(self.indices), generator=generator)
        if self.negative_fraction < 1:
            rest = ~self._with_tumour[order]
            order = order[~rest | (rest.cumsum(0) <= round(self.negative_fraction * int(rest.sum())))]
        if self.patient_balance:
            tumour = self._with_tumour[order]
            order[tumour] = self._balanced(order[tumour], generator)
        return order if self.shuffle else order.sort().values

    def _balanced(self, indices: Int[Tensor, "t"], generator: torch.Generator) -> Int[Tensor, "t"]:
        """As many of these indices, sampled with replacement; the more slices a patient has, the rarer each of them."""
        patient = torch.as_tensor(self.patient_of)[indices]
        weight = (1 / torch.bincount(patient)[patient]) ** self.patient_balance
        return indices[torch.multinomial(weight, len(indices), replacement=True, generator=generator)]

    def _held(self, chosen: Int[Tensor, "b"]) -> tuple[UInt8[Tensor, "b c s s"], UInt8[Tensor, "b 1 s s"]]:
        return self.images[self.rows[chosen]].flatten(1, 2), self.masks[chosen]

    def _read(self, chosen: Int[Tensor, "b"]) -> tuple[UInt8[Tensor, "b c s s"], UInt8[Tensor, "b 1 s s"]]:
        context = self.context[chosen.numpy()]
        images = scale_images(self.cache.images, context.ravel(), self.size).unflatten(0, context.shape).flatten(1, 2)
        masks = scale_masks(self.cache.masks, self.indices[chosen].numpy(), self.size)
        return to_device(images, self.device), to_device(masks, self.device)


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2) -> Iterator[Result]:
    """What `map` gives, exceptions included, computed by a thread up to `ahead` items in advance.

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
