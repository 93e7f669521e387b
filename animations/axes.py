"""Two axes with numbers, for curves and points."""

from collections.abc import Mapping, Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Line, VGroup, VMobject

from animations import theme
from animations.mobjects import Point, words


class Axes(VGroup):
    """A horizontal and a vertical line from `corner`, `size` units long, with ticks: what is written at which value.

    `x` and `y` are the values at the ends of the lines. With `across`, the ticks of y have lines across.
    """

    def __init__(self, corner: Point, size: tuple[float, float], x: tuple[float, float], y: tuple[float, float],
                 x_ticks: Mapping[float, str], y_ticks: Mapping[float, str], across: bool = False) -> None:
        self.corner, self.start = corner, np.array([x[0], y[0]])
        self.unit = np.array(size) / (np.array([x[1], y[1]]) - self.start)
        self.x_line = Line(corner, corner + size[0] * RIGHT, color=theme.LINE, stroke_width=3)
        self.y_line = Line(corner, corner + size[1] * UP, color=theme.LINE, stroke_width=3)
        below = [words(text, theme.SMALL, theme.MUTED).next_to(self.at(value, y[0]), DOWN, buff=0.15)
                 for value, text in x_ticks.items()]
        beside = [words(text, theme.SMALL, theme.MUTED).next_to(self.at(x[0], value), LEFT, buff=0.15)
                  for value, text in y_ticks.items()]
        lines = [Line(self.at(x[0], value), self.at(x[1], value), color=theme.LINE, stroke_width=1.5)
                 for value in (y_ticks if across else ())]
        super().__init__(*lines, self.x_line, self.y_line, *below, *beside)

    def at(self, x: float, y: float) -> Point:
        """Where a pair of values is on the screen."""
        right, up = (np.array([x, y]) - self.start) * self.unit
        return self.corner + right * RIGHT + up * UP

    def curve(self, across: Sequence[float], up: Sequence[float], colour: str = theme.INK) -> VMobject:
        """A line through pairs of values."""
        points = [self.at(*pair) for pair in zip(across, up, strict=True)]
        return VMobject(color=colour, stroke_width=6).set_points_as_corners(points)
