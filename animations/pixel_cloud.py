"""Hundreds of pixels that fly: each a small square with a place and a colour of its own, all drawn as one image."""

from typing import Any

import numpy as np
from jaxtyping import Float, Num, UInt8
from manim import RESAMPLING_ALGORITHMS, Animation, ImageMobject, config, linear

DENSITY = 90
"""Pixels of the image a unit: those of the screen at 720p."""


class PixelCloud(ImageMobject):
    """Squares of `side` units, their middles at `points`, right and up; later ones lie on top of earlier ones."""

    def __init__(self, points: Float[np.ndarray, "n 2"], colours: Num[np.ndarray, "n 3"], side: float) -> None:
        self.where, self.colours, self.side = np.array(points, float), np.array(colours, np.uint8), side
        super().__init__(self._drawn())
        self.set_resampling_algorithm(RESAMPLING_ALGORITHMS["nearest"])
        self.height = config.frame_height * (1 - 1e-9)

    def draw(self, points: Float[np.ndarray, "n 2"], colours: Num[np.ndarray, "n 3"] | None = None) -> None:
        """Put the squares elsewhere, in other colours if some are given."""
        self.where = np.array(points, float)
        self.colours = self.colours if colours is None else np.array(colours, np.uint8)
        self.pixel_array = self._drawn()

    def _drawn(self) -> UInt8[np.ndarray, "h w 4"]:
        height, width = round(config.frame_height * DENSITY), round(config.frame_width * DENSITY)
        canvas = np.zeros((height, width, 4), np.uint8)
        across = max(round(self.side * DENSITY), 1)
        left = np.floor(width / 2 + (self.where[:, 0] - self.side / 2) * DENSITY + 1e-6).astype(int)
        top = np.floor(height / 2 - (self.where[:, 1] + self.side / 2) * DENSITY + 1e-6).astype(int)
        inside = (left >= 0) & (top >= 0) & (left + across <= width) & (top + across <= height)
        opaque = np.column_stack([self.colours, np.full(len(self.colours), 255, np.uint8)])[inside]
        for row, column in np.ndindex(across, across):
            canvas[top[inside] + row, left[inside] + column] = opaque
        return canvas


class Flight(Animation):
    """The squares of a cloud fly to other points and take on other colours, in their order, a little after one another.

    `lag` is which part of the time lies between the first one's start and the last one's.
    """

    def __init__(self, cloud: PixelCloud, points: Float[np.ndarray, "n 2"],
                 colours: Num[np.ndarray, "n 3"] | None = None, lag: float = 0.5, **settings: Any) -> None:
        self.start, self.end = cloud.where.copy(), np.array(points, float)
        self.first = cloud.colours.astype(float)
        self.last = self.first if colours is None else np.array(colours, float)
        self.delay = lag * np.linspace(0, 1, len(self.end))[:, None]
        self.duration = 1 - lag
        super().__init__(cloud, rate_func=linear, **settings)

    def interpolate_mobject(self, alpha: float) -> None:
        """Each square on its own straight way."""
        time = np.clip((alpha - self.delay) / self.duration, 0, 1)
        own = time * time * (3 - 2 * time)
        self.mobject.draw(self.start + (self.end - self.start) * own, self.first + (self.last - self.first) * own)


def block(count: int, rows: int, left: float, middle: float, pitch: float) -> Float[np.ndarray, "n 2"]:
    """The middles of `count` squares, packed in columns of `rows` from `left` on, about the height `middle`."""
    column, row = np.divmod(np.arange(count), rows)
    return np.stack([left + (column + 0.5) * pitch, middle + ((rows - 1) / 2 - row) * pitch], axis=1)
