"""What training asks of its data, whoever provides it: batches, and a source of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Normalised `images` (float32, mean about 0 and standard deviation about 1 over the head), `masks` in {0, 1}, on
    the model's device; and `indices`, the slices' positions in the cache they come from, if they come from one."""

    images: Float[Tensor, "b c h w"]
    masks: Float[Tensor, "b 1 h w"]
    indices: Int[Tensor, "b"] | None = None


@runtime_checkable
class BatchSource(Protocol):
    """Batches by epoch: those of epoch `number`, from batch `start` on, the same each time."""

    def __len__(self) -> int: ...

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches, in order."""
