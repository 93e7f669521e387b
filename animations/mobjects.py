"""The pieces that all clips share: words, tables of numbers, pictures, stacks of maps, windows and arrows."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from contourpy import contour_generator
from jaxtyping import Bool, Float, Num, UInt8
from manim import (
    BOLD,
    DOWN,
    LEFT,
    NORMAL,
    RESAMPLING_ALGORITHMS,
    RIGHT,
    UP,
    Animation,
    Arrow,
    Group,
    ImageMobject,
    Mobject,
    Rectangle,
    ReplacementTransform,
    Square,
    Text,
    VGroup,
    VMobject,
    linear,
)

from animations import theme
from animations.theme import Shade

Point = Float[np.ndarray, "3"]


def words(text: str, size: float = theme.LABEL, colour: str = theme.INK, bold: bool = False) -> Text:
    """A line of text."""
    return _letters(text, size, bold).copy().set_color(colour)


@cache
def _letters(text: str, size: float, bold: bool) -> Text:
    # Pango is slow and the same numbers come again and again.
    return Text(text, font=theme.FONT, font_size=size, weight=BOLD if bold else NORMAL)


def on_line(text: Text, height: float) -> Text:
    """Put a text's baseline at a height, so that neighbours stand level whether or not they have letters like g."""
    return text.shift((height - text.get_bottom()[1] - _drop(text.original_text, text.font_size)) * UP)


@cache
def _drop(text: str, size: float) -> float:
    """How far the lowest letters hang below the baseline, on which an H stands."""
    probe = _letters(f"H{text}", size, bold=False)
    return float(probe[0].get_bottom()[1] - probe.get_bottom()[1])


def backed(text: Text) -> VGroup:
    """A text on a dark plate, for a legend that stays readable when the camera is near a picture."""
    plate = Rectangle(theme.BACKGROUND, 0.5, text.width + 0.4, fill_opacity=0.85, stroke_width=0)
    return VGroup(plate.move_to(text), text)


def number(value: float, decimals: int = 0) -> str:
    """A number as it is written on the screen: with a true minus, and commas between thousands."""
    text = f"{value:,.{decimals}f}".replace("-", "−")
    return text.removeprefix("−") if not any(digit in text for digit in "123456789") else text


class PixelGrid(VGroup):
    """A table of numbers: one cell a value, tinted by `shade`, with the number in it unless `numbers` is False.

    `side` is a cell's, in units; `size` the numbers' font size. Rows and columns are counted from the top left.
    """

    def __init__(self, values: Num[np.ndarray, "rows columns"], side: float = 0.7, shade: Shade = theme.grey,
                 numbers: bool = True, size: float = theme.SMALL, decimals: int = 0) -> None:
        self.values, self.side = values, side
        self.cells, self.labels = VGroup(), VGroup()
        for (row, column), value in np.ndenumerate(values):
            cell = coloured_cell(shade(values[row, column]), side)
            cell.move_to((column - (values.shape[1] - 1) / 2) * side * RIGHT
                         - (row - (values.shape[0] - 1) / 2) * side * UP)
            self.cells.add(cell)
            if numbers:
                label = words(number(value, decimals), size, readable_on(shade(values[row, column])))
                self.labels.add(label.move_to(cell))
        super().__init__(self.cells, self.labels)

    def cell(self, row: int, column: int) -> Square:
        """The square of one value."""
        return self.cells[row * self.values.shape[1] + column]

    def label(self, row: int, column: int) -> Text:
        """The number in one cell."""
        return self.labels[row * self.values.shape[1] + column]

    def block(self, row: int, column: int, rows: int, columns: int) -> VGroup:
        """The cells of a rectangle, from its top left one."""
        return VGroup(*(self.cell(r, c) for r in range(row, row + rows) for c in range(column, column + columns)))

    def entry(self, row: int, column: int) -> VGroup:
        """A cell with its number, if it has one."""
        return VGroup(self.cell(row, column), *([self.label(row, column)] if len(self.labels) else []))


def coloured_cell(colour: UInt8[np.ndarray, "3"], side: float) -> Square:
    """A square pixel with a thin edge."""
    return Square(side, stroke_color=theme.LINE, stroke_width=1.5, fill_opacity=1).set_fill(hexed(colour))


def hexed(colour: UInt8[np.ndarray, "3"]) -> str:
    """(255, 171, 26) → #FFAB1A."""
    return "#{:02X}{:02X}{:02X}".format(*(int(part) for part in colour))


def readable_on(colour: UInt8[np.ndarray, "3"]) -> str:
    """White or black, whichever has more contrast with a cell's colour: at least 4.5:1 on any, after WCAG 2.2."""
    fraction = np.asarray(colour, float) / 255
    light = np.where(fraction <= 0.04045, fraction / 12.92, ((fraction + 0.055) / 1.055) ** 2.4)
    return "#000000" if light @ np.array([0.2126, 0.7152, 0.0722]) > 0.179 else "#FFFFFF"


class KernelWindow(Rectangle):
    """The frame that slides over a table, `rows`×`columns` cells large."""

    def __init__(self, grid: PixelGrid, rows: int, columns: int, colour: str = theme.WINDOW) -> None:
        self.span = rows, columns
        super().__init__(height=rows * grid.side, width=columns * grid.side, color=colour, stroke_width=6)
        self.move_to(self.place(grid, 0, 0))

    def place(self, grid: PixelGrid, row: int, column: int) -> Point:
        """Where its middle belongs when its top left corner covers this cell."""
        return grid.block(row, column, *self.span).get_center()


class Picture(Group):
    """An array of colours as one image, `height` units high; its pixels stay sharp squares."""

    def __init__(self, colours: UInt8[np.ndarray, "h w 3"], height: float, edge: str = theme.LINE) -> None:
        self.shape = colours.shape[:2]
        self.image = ImageMobject(colours)
        self.image.set_resampling_algorithm(RESAMPLING_ALGORITHMS["nearest"])
        self.image.height = height
        self.edge = Rectangle(width=self.image.width, height=self.image.height, color=edge, stroke_width=2)
        super().__init__(self.image, self.edge)

    def at(self, row: float, column: float) -> Point:
        """The point at a place counted in pixels from the top left corner."""
        down, right = row / self.shape[0], column / self.shape[1]
        return self.image.get_corner(UP + LEFT) + right * self.image.width * RIGHT + down * self.image.height * DOWN

    def frame(self, row: float, column: float, rows: float, columns: float, colour: str = theme.WINDOW) -> Rectangle:
        """A rectangle around some pixels."""
        pixel = self.image.height / self.shape[0]
        box = Rectangle(width=columns * pixel, height=rows * pixel, color=colour, stroke_width=4)
        return box.move_to(self.at(row + rows / 2, column + columns / 2))

    def outline(self, mask: Bool[np.ndarray, "h w"], colour: str = theme.REFERENCE, tint: float = 0.25) -> VMobject:
        """A mask of the picture's size: an outline, and a tint inside."""
        lines = contour_generator(z=np.pad(mask, 1).astype(float)).lines(0.5)
        shape = VMobject(color=colour, stroke_width=4, fill_opacity=tint)
        scale = np.array(self.shape) / mask.shape
        for line in lines:  # contourpy counts from the middle of the first pixel, and one was added around
            points = [self.at((y - 0.5) * scale[0], (x - 0.5) * scale[1]) for x, y in line]
            shape.start_new_path(points[0])
            shape.add_points_as_corners(points[1:])
        return shape


def arrow(start: Mobject | Point, end: Mobject | Point, colour: str = theme.MUTED, gap: float = 0.15) -> Arrow:
    """A calm straight arrow, from one thing to the next on its right or from point to point."""
    start = start.get_right() if isinstance(start, Mobject) else start
    end = end.get_left() if isinstance(end, Mobject) else end
    return Arrow(start, end, color=colour, buff=gap, stroke_width=5, max_tip_length_to_length_ratio=0.4,
                 max_stroke_width_to_length_ratio=20, tip_length=0.22)


class Unroll(Animation):
    """A picture appears row by row from the top, as a window that slides along its rows would write it."""

    def __init__(self, picture: Picture, rate_func: Callable[[float], float] = linear, **settings: Any) -> None:
        super().__init__(picture, rate_func=rate_func, introducer=True, **settings)

    def interpolate_mobject(self, alpha: float) -> None:
        """Show the rows down to this fraction of the height."""
        pixels = self.mobject.image.pixel_array
        there = np.arange(len(pixels)) < self.rate_func(alpha) * len(pixels)
        pixels[..., 3] = np.where(there, 255, 0)[:, None]


class Counting(Animation):
    """A text changes while a number in it runs: `write` says the text for a time from 0 to 1."""

    def __init__(self, text: Text, write: Callable[[float], Text], **settings: Any) -> None:
        self.write = write
        super().__init__(text, introducer=True, **settings)

    def interpolate_mobject(self, alpha: float) -> None:
        """Draw all letters as one shape: the camera asks only in the beginning which shapes there are."""
        new = self.write(self.rate_func(alpha))
        self.mobject.submobjects = []
        self.mobject.set_points(np.concatenate([letter.points for letter in new.family_members_with_points()]))
        self.mobject.set_fill(new.get_fill_color(), 1).set_stroke(width=0)

    def finish(self) -> None:
        """Letters again."""
        last = self.write(self.rate_func(1))
        self.mobject.clear_points()
        self.mobject.submobjects, self.mobject.original_text = last.submobjects, last.original_text


class SkipArrow(VGroup):
    """The way of a skip connection, from one thing to another on its right, with its name above."""

    def __init__(self, start: Mobject, end: Mobject) -> None:
        line = arrow(start, end, theme.SKIP)
        super().__init__(line, words("skip", colour=theme.SKIP).next_to(line, UP, buff=0.15))


def fly(source: Mobject, target: Mobject) -> ReplacementTransform:
    """A copy of one thing becomes another; what was there stays."""
    return ReplacementTransform(source.copy(), target)
