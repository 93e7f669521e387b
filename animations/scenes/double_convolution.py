"""The block of the U-Net: convolution and ReLU, twice."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, Group, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import first_block
from animations.mobjects import Picture, PixelGrid, arrow, fly, words
from unet_lib.models.layers import CONV_3
from unet_lib.models.receptive_field import receptive_field

HEIGHT, COLUMNS, ROWS = 2.4, (-4.9, 0, 4.9), (1.4, -1.4)


class DoubleConvolution(ClipScene):
    """One map of the shipped network's first double convolution, step by step."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        block = first_block()
        chosen = int((block["relu2"][:, load("mask")].mean(axis=1) - block["relu2"].mean(axis=(1, 2))).argmax())
        field = receptive_field([CONV_3, CONV_3])
        return {"slice": load("small"), **{name: maps[chosen] for name, maps in block.items()},
                "weights": np.array([2 * 3 * 3, field * field]), "field": np.array(field)}

    @beat("First a 3 × 3 convolution: answers, for and against.",
          "Zuerst eine 3×3-Faltung: Antworten, dafür und dagegen.")
    def the_first(self) -> None:
        self.first = self.slot(theme.grey(self.shown["slice"]), 0, 0)
        self.show(self.first)
        self.second = self.step(self.first, "norm1", 1, 0, self.word("3 × 3", "3 × 3", theme.PREDICTION))

    @beat("ReLU keeps what speaks for.", "ReLU behält, was dafür spricht.")
    def the_relu(self) -> None:
        self.third = self.step(self.second, "relu1", 2, 0, words("ReLU", colour=theme.WINDOW))

    @beat("Then the same again, on top of the answers.", "Dann dasselbe noch einmal, auf die Antworten.")
    def the_second(self) -> None:
        fourth = self.slot(self.colours("relu1"), 0, 1)
        self.play(fly(self.third, fourth), run_time=theme.SLOW)
        fifth = self.step(fourth, "norm2", 1, 1, self.word("3 × 3", "3 × 3", theme.PREDICTION))
        self.step(fifth, "relu2", 2, 1, words("ReLU", colour=theme.WINDOW))

    @beat("Two small kernels see as far as one of {field} × {field}.",
          "Zwei kleine Kernel sehen so weit wie einer mit {field} × {field}.")
    def why_two(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        two, one = (int(count) for count in self.shown["weights"])
        field = int(self.shown["field"])
        small = VGroup(*(self.blank(3) for _ in range(2))).arrange(RIGHT, buff=0.5).move_to(3.5 * LEFT + 0.5 * UP)
        large = self.blank(field).move_to(3.5 * RIGHT + 0.5 * UP)
        self.play(Create(small), run_time=theme.CALM)
        unit = {"en": "weights", "de": "Gewichte"}[self.language]
        self.show(words(f"{two} {unit}").next_to(small, DOWN, buff=0.5).set_y(-1.9))
        self.play(Create(large), run_time=theme.CALM)
        self.show(words(f"{one} {unit}").next_to(large, DOWN, buff=0.5).set_y(-1.9))

    def slot(self, colours: np.ndarray, column: int, row: int) -> Picture:
        """A picture at its place in the two rows."""
        return Picture(colours, HEIGHT).move_to(COLUMNS[column] * RIGHT + ROWS[row] * UP)

    def colours(self, name: str) -> np.ndarray:
        """A step's map, in colours that reach as far for all."""
        reach = theme.reach_of(np.stack([self.shown[step] for step in ("norm1", "norm2")]))
        return theme.signed(reach)(self.shown[name])

    def step(self, before: Picture, name: str, column: int, row: int, label: VGroup) -> Picture:
        """An arrow with its name, and the map it leads to."""
        after = self.slot(self.colours(name), column, row)
        way = arrow(before, after)
        self.show(Group(way, label.next_to(way, UP, buff=0.15)), seconds=theme.QUICK)
        self.play(FadeIn(after, shift=0.3 * RIGHT), run_time=theme.CALM)
        return after

    def blank(self, side: int) -> PixelGrid:
        """A kernel whose weights do not matter."""
        return PixelGrid(np.ones((side, side)), 0.62, theme.signed(3), numbers=False)
