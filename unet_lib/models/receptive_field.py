"""How far a value sees: one walk from the values after some layers back to the input, by the layers' geometry alone."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple, TypeVar

Rows = TypeVar("Rows", int, Any)
"""One row, or an array of them; NumPy itself is not needed here."""


class LayerGeometry(NamedTuple):
    """What decides about the receptive field; the same along rows and columns.

    `padding` is that before the first row: how much follows the last one does not matter. `transposed` is a transposed
    convolution, and any enlargement, which is one with fixed weights: ×2 by repeating pixels has kernel 2 and stride 2,
    ×2 by bilinear interpolation kernel 4, stride 2 and padding 1.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    transposed: bool = False

    def size_after(self, size: int) -> int:
        """Rows or columns after a layer that divides or multiplies them by its stride."""
        return size * self.stride if self.transposed else size // self.stride


def rows_seen(layers: Sequence[LayerGeometry], row: Rows) -> tuple[Rows, Rows]:
    """First and last input row that this row after all layers sees; many rows at once as an array.

    Rows before 0, or beyond the input, lie in the padding. Columns are as rows.
    """
    first = last = row
    for kernel, stride, dilation, padding, transposed in reversed(layers):
        reach = (kernel - 1) * dilation
        if transposed:  # input row i reaches the rows i·stride − padding + (0 … reach)
            first, last = -((reach - padding - first) // stride), (last + padding) // stride
        else:
            first, last = first * stride - padding, last * stride - padding + reach
    return first, last


def receptive_field(layers: Sequence[LayerGeometry]) -> int:
    """Side in input pixels of the square that one value after these layers sees: the largest there is.

    After an enlargement neighbours may see squares of different sizes; what repeats itself is looked at once.
    """
    pattern = range(prod(layer.stride for layer in layers if layer.transposed))
    return max(last - first for first, last in (rows_seen(layers, row) for row in pattern)) + 1
