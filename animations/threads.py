"""Thousands of threads from every cell of one table to every cell of another, as one picture that is fast to draw."""

from functools import cache

import numpy as np
from jaxtyping import UInt8
from manim import RESAMPLING_ALGORITHMS, Animation, ImageMobject, UpdateFromAlphaFunc
from matplotlib.colors import to_rgb
from PIL import Image, ImageDraw

from animations import theme
from animations.mobjects import Point

FINE, FIRM = 90, 0.9
"""Pixels a unit, and how opaque a single thread is."""


class Threads(ImageMobject):
    """Threads between the cells' middles of two square tables, the second on the right of the first.

    `side` is how many rows the tables have, `cell` a cell's side, `left` and `right` their middles.
    """

    def __init__(self, side: int, cell: float, left: Point, right: Point) -> None:
        self.layers = density(side, cell, float(right[0] - left[0]))
        pixels = np.zeros((*self.layers.shape[1:], 4), np.uint8)
        pixels[..., :3] = 255 * np.array(to_rgb(theme.INK))
        super().__init__(pixels)
        self.set_resampling_algorithm(RESAMPLING_ALGORITHMS["bilinear"])
        self.inside = (side - 0.5) * cell * FINE / pixels.shape[1]
        self.set(width=pixels.shape[1] / FINE).move_to((left + right) / 2)

    def draw(self, outputs: float, until: float = 1, thick: float = 1, begin: float = 0) -> None:
        """Show the threads of so many outputs for a part of their way; more outputs make each thread fainter."""
        firm = FIRM * thick / outputs**0.75
        opaque = 1 - np.exp(-firm * self.layers[round(outputs) - 1])
        opaque[:, round(until * opaque.shape[1]):] = 0
        opaque[:, :round(begin * opaque.shape[1])] = 0
        self.pixel_array[..., 3] = 255 * opaque

    def grow(self, outputs: int) -> Animation:
        """From left to right."""
        return UpdateFromAlphaFunc(self, lambda _, time: self.draw(outputs, until=time))

    def multiply(self) -> Animation:
        """From one output to all."""
        return UpdateFromAlphaFunc(self, lambda _, time: self.draw(1 + (len(self.layers) - 1) * time))

    def thicken(self, times: float = 12) -> Animation:
        """Until nothing can be seen through them; they draw back from both tables meanwhile."""
        return UpdateFromAlphaFunc(self, lambda _, time: self.draw(
            len(self.layers), 1 - self.inside * time, times**time, self.inside * time))

    def withdraw(self, times: float = 12) -> Animation:
        """From where `thicken` ends, from right to left, thinner and thinner."""
        return UpdateFromAlphaFunc(self, lambda _, time: self.draw(
            len(self.layers), self.inside + (1 - 2 * self.inside) * (1 - time), times**(1 - time), self.inside))


@cache
def density(side: int, cell: float, apart: float) -> UInt8[np.ndarray, "outputs h w"]:
    """How many threads cross each pixel: of the first output, of the first two, and so on."""
    step = cell * FINE
    high, wide = round((side - 1) * step) + 3, round((side - 1) * step + apart * FINE) + 3
    layers = []
    for row, column in np.ndindex(side, side):
        layer = Image.new("L", (wide, high))
        draw = ImageDraw.Draw(layer)
        for down, right in np.ndindex(side, side):
            draw.line((right * step + 1, down * step + 1, apart * FINE + column * step + 1, row * step + 1), fill=1)
        layers.append(np.asarray(layer))
    return np.cumsum(layers, axis=0, dtype=np.uint8)
