"""The U itself: boxes, arrows and numbers where `unet_lib.plotting.unet_layout` puts them, and the panel beside it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from manim import UP, Group, Rectangle, Text, VGroup, VMobject

from animations import theme
from animations.mobjects import Picture, Point, arrow, on_line, words
from unet_lib.models.architecture import Stage
from unet_lib.plotting.unet_layout import TALLEST, Arrow, Box, layout

ARROWS = {"conv": theme.MUTED, "pool": theme.POOL, "up": theme.UP, "skip": theme.SKIP}
KINDS = {"DoubleConv": theme.CONV, "MaxPool2d": theme.POOL, "Up": theme.UP, "Concat": theme.SKIP}
FAINT, LIT = 0.22, 1.0


class UDrawing(VGroup):
    """The U of a plan, `width`×`height` units large, its middle at the origin. Boxes are faint until lit.

    Heights and widths are scaled apart: the layout's page is higher than a film's.
    """

    def __init__(self, stages: Sequence[Stage], width: float = 9.6, height: float = 5.6) -> None:
        down = 0.55 * TALLEST / np.sqrt(stages[0].height)  # flatter than on paper
        self.place = layout(stages, down=down)
        self.unit = np.array([width / self.place.width, height / self.place.height])
        self.boxes = {box.name: self._box(box) for box in self.place.boxes}
        self.arrows = {(a.kind, a.start, a.end): self._arrow(a) for a in self.place.arrows}
        super().__init__(VGroup(*self.arrows.values()), VGroup(*self.boxes.values()))

    def point(self, x: float, y: float) -> Point:
        """A place of the layout on the screen."""
        return np.array([(x - self.place.width / 2) * self.unit[0], (self.place.height / 2 - y) * self.unit[1], 0])

    def arrows_of(self, kind: str, stage: str = "") -> VGroup:
        """The arrows of one kind; for pool, up and skip those of one stage."""
        wanted = [a for a in self.place.arrows if a.kind == kind and stage in ("", a.stage)]
        return VGroup(*(self.arrows[a.kind, a.start, a.end] for a in wanted))

    def lit(self, *names: str) -> VGroup:
        """Bright copies of boxes, to be faded in on top."""
        return VGroup(*(self.boxes[name].copy().set_fill(opacity=LIT).set_stroke(opacity=1) for name in names))

    def _box(self, box: Box) -> Rectangle:
        shape = Rectangle(width=box.width * self.unit[0], height=box.height * self.unit[1], stroke_width=2,
                          color=KINDS.get(box.kind, theme.MUTED), fill_opacity=FAINT)
        return shape.set_stroke(opacity=0.7).move_to(self.point(*box.middle))

    def _arrow(self, line: Arrow) -> VMobject:
        shape = arrow(self.point(*line.start), self.point(*line.end), ARROWS[line.kind], gap=0)
        return shape.set_stroke(width=3)


class Panel(Group):
    """What the stage in question holds: a map of it, its size and its number of channels."""

    def __init__(self, colours: UInt8[np.ndarray, "h w 3"], lines: Sequence[str]) -> None:
        self.picture = Picture(colours, 3.3, edge=theme.INK)
        self.texts = VGroup(*(self._line(text, place) for place, text in enumerate(lines)))
        super().__init__(self.picture.shift(0.75 * UP), self.texts)

    def _line(self, text: str, place: int) -> Text:
        return on_line(words(text, theme.LABEL, theme.INK if place == 0 else theme.MUTED), -1.6 - 0.6 * place)


def stage_lines(stage: Stage, maps: str) -> tuple[str, str]:
    """A stage's size and channels, in words: `maps` is the word for feature maps."""
    return f"{stage.height} × {stage.width}", f"{stage.out_channels} {maps}"
