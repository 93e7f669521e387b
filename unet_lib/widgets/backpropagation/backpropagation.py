"""The backpropagation widget of lesson 07: one number forward, one gradient back, through a tiny U-Net.

The browser does the arithmetic, so that it also works in a saved notebook without a kernel; `values` and `gradients`
give the same numbers in Python.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from unet_lib.core.errors import ShapeError
from unet_lib.widgets.backpropagation.still import draw_graph
from unet_lib.widgets.backpropagation.tiny_unet import DEFAULTS, Rows, backward, forward
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet

LARGEST = 99
STEPS = 88
"""Numbers computed on the way forward, and gradients on the way back; `tiny_unet.js` counts the same."""


class Backpropagation(GlassBoxWidget):
    """Step through the computation graph of a tiny U-Net, forward and back, and see every local derivative.

        widget = Backpropagation()
        widget = Backpropagation(x=[0, 1, 3, 1], t=[0, 0, 1, 0])
        widget.values["z"], widget.gradients["w"]

    Rows of numbers can be given by their letters, as in `tiny_unet`: x (four pixels), t (their mask, from 0 to 1), and
    the weights w, wb, v, vb, k, kb, q, qb. `step` says how far the computation is shown, from 0 to 88.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    start = traitlets.Dict(help="row → numbers to begin with").tag(sync=True)
    numbers = traitlets.Dict(help="row → its numbers now").tag(sync=True)
    step = traitlets.Int(0, min=0, max=STEPS, help="how many steps have been taken").tag(sync=True)
    chosen = traitlets.Unicode("c0", help="the number that is explained").tag(sync=True)
    rate = traitlets.Float(0.5, min=0, max=100, help="learning rate of a step of descent").tag(sync=True)

    def __init__(self, *, step: int = 0, chosen: str = "c0", rate: float = 0.5, **rows: Any):
        numbers = checked_numbers({**DEFAULTS, **rows})
        super().__init__(start=numbers, numbers=numbers, step=step, chosen=chosen, rate=rate)

    @property
    def values(self) -> Rows:
        """Every number of the forward pass, by letter."""
        return forward(self.numbers)

    @property
    def gradients(self) -> Rows:
        """The gradient of the loss with respect to every number, by letter."""
        return backward(self.numbers)

    def describe(self) -> str:
        """Mask, prediction and loss in one sentence."""
        values = self.values
        shown = ", ".join(f"{p:.2f}" for p in values["p"])
        mask = ", ".join(f"{t:g}" for t in values["t"])
        return (f"Backpropagation through a tiny U-Net of 4 pixels and 14 weights: probabilities {shown} for the mask "
                f"{mask}, loss {values['L'][0]:.3f}")

    def picture(self) -> Image.Image:
        """The whole graph with every value and, below it, its gradient."""
        return draw_graph(self.values, self.gradients)

    @traitlets.validate("numbers")
    def _known(self, proposal: dict) -> dict[str, list[float]]:
        return checked_numbers(proposal["value"])

    @traitlets.validate("chosen")
    def _in_graph(self, proposal: dict) -> str:
        name, rows = proposal["value"], self.values
        if not any(name == f"{row}{at}" for row, numbers in rows.items() for at in range(len(numbers))):
            raise traitlets.TraitError(f"chosen should be a letter and a place, such as 'c0' or 'w2'; got {name!r}. "
                                       f"Letters: {', '.join(rows)}.")
        return name


def checked_numbers(numbers: Mapping[str, Any]) -> dict[str, list[float]]:
    """The numbers as plain lists; ShapeError for a row that is not there, too long, too large, or no numbers."""
    if unknown := sorted(set(numbers) - set(DEFAULTS)):
        raise ShapeError(f"The tiny U-Net has no row {unknown[0]!r}. There are: {', '.join(DEFAULTS)}.")
    return {row: _checked_row(row, numbers.get(row, default)) for row, default in DEFAULTS.items()}


def _checked_row(row: str, numbers: Any) -> list[float]:
    low, count = (0 if row == "t" else -LARGEST), len(DEFAULTS[row])
    high = 1 if row == "t" else LARGEST
    array = np.asarray(numbers)
    if array.dtype.kind not in "iuf" or array.shape != (count,) or not ((array >= low) & (array <= high)).all():
        raise ShapeError(f"Row {row} of the tiny U-Net needs {count} number{'s' * (count > 1)} from {low} to {high}, "
                         f"such as {DEFAULTS[row]}; got {numbers!r}.")
    return array.tolist()
