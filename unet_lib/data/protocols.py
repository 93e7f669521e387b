"""What training asks of its data, whoever provides it: two protocols and nothing else."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Batch(Protocol):
    """Normalised images (n 3 h w) and masks in {0, 1} (n 1 h w), float32, on the model's device."""

    images: Tensor
    masks: Tensor


@runtime_checkable
class BatchSource(Protocol):
    """Batches by epoch: those of epoch `number`, from batch `start` on, the same whenever they are asked for."""

    def __len__(self) -> int: ...

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Any]:
        """Hand out the batches."""
