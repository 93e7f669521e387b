"""The way up: each number stamps a kernel into a larger table, and all maps stamp into the same one."""

import numpy as np
from manim import (
    LEFT,
    RIGHT,
    UP,
    Create,
    FadeIn,
    FadeOut,
    LaggedStart,
    Square,
    Text,
    UpdateFromAlphaFunc,
    VGroup,
    linear,
)

from animations import theme
from animations.arrays import load
from animations.camera import Dive, fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import ACTIVATION_KEY, SIGNED_KEY, answers
from animations.mobjects import Counting, Picture, PixelGrid, backed, fly, on_line, words
from animations.stacks import FeatureStack
from unet_lib import byhand

KERNEL = np.array([[1, 0], [2, -1]])
"""A made-up one: learnt ones are no whole numbers."""
SIDE, HIGH, NEAR = 1.15, 4.6, 3.6
"""A cell's side, the height of the map that comes out, and the width of the picture when the camera is near."""


class TransposedConvolution(ClipScene):
    """One stamp, all stamps of one map, all maps of the shipped network into one, and the pattern that stays."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        small = byhand.max_pool2d(byhand.relu(answers())[None, None])
        large = byhand.conv_transpose2d(small, KERNEL[None, None].astype(float))
        maps, kernels = load("maps decoder.3"), load("up.2 kernels")
        stamps = [byhand.conv_transpose2d(below[None, None], kernel[None, None])[0, 0]
                  for below, kernel in zip(maps, kernels, strict=True)]
        return {"small": small[0, 0], "kernel": KERNEL, "large": large[0, 0],
                "maps": maps, "count": np.array(len(maps)),
                "sums": load("up.2 bias") + np.cumsum([0 * stamps[0], *stamps], axis=0)}

    @beat("A small table from below, and a kernel of 2 × 2 weights.",
          "Eine Tabelle von unten und ein Kernel aus 2 × 2 Gewichten.")
    def small_and_kernel(self) -> None:
        self.shade = theme.signed(np.abs(self.shown["large"]).max())
        self.small = PixelGrid(self.shown["small"], SIDE, self.shade, size=theme.LABEL).shift(5.2 * LEFT + 0.1 * UP)
        self.kernel = PixelGrid(KERNEL, SIDE, theme.signed(3), size=theme.LABEL).shift(1.4 * LEFT + 0.1 * UP)
        self.large = PixelGrid(self.shown["large"], SIDE, self.shade, size=theme.LABEL).shift(4.1 * RIGHT + 0.1 * UP)
        self.empty = self.large.cells.copy().set_fill(theme.SURFACE)
        self.times = words("×", 60, theme.MUTED).move_to((self.small.get_right() + self.kernel.get_left()) / 2)
        self.play(FadeIn(self.small, shift=0.5 * RIGHT), run_time=theme.CALM)
        self.play(FadeIn(self.times), FadeIn(self.kernel, shift=0.5 * LEFT), run_time=theme.CALM)
        self.play(LaggedStart(*(FadeIn(cell) for cell in self.empty), lag_ratio=0.1), run_time=theme.SLOW)

    @beat("One number times the kernel: a stamp of four numbers.",
          "Zahl mal Kernel: ein Stempel aus vier Zahlen.")
    def one_stamp(self) -> None:
        self.ring = Square(SIDE, color=theme.WINDOW, stroke_width=6).move_to(self.small.cell(0, 1))
        self.play(Create(self.ring), run_time=theme.QUICK)
        self.stamp(0, 1, seconds=1.8)

    @beat("The stamps lie side by side: twice as wide, twice as high.",
          "Stempel an Stempel: doppelt so breit, doppelt so hoch.")
    def all_stamps(self) -> None:
        for row, column in ((0, 0), (1, 0), (1, 1)):
            self.play(self.ring.animate.move_to(self.small.cell(row, column)), run_time=theme.QUICK)
            self.stamp(row, column, seconds=1)

    @beat("In this network {count} maps stamp into one, all added up.",
          "In diesem Netz stempeln {count} Karten in eine, alle addiert.")
    def all_maps(self) -> None:
        sums = self.shown["sums"]
        self.final = theme.signed(theme.reach_of(sums[-1]))
        self.colours = [self.final(values) for values in sums]
        self.map = Picture(self.colours[0], HIGH).move_to(4.2 * RIGHT + 0.3 * UP)
        shade = theme.activation(float(np.quantile(self.shown["maps"], 0.99)))
        self.stack = FeatureStack([shade(values) for values in self.shown["maps"]], HIGH / 2, 0.12)
        self.stack.move_to(3.9 * LEFT + 0.3 * UP)
        key = on_line(self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL), -2.65).align_to(6.9 * RIGHT, RIGHT)
        below = on_line(self.word(*ACTIVATION_KEY, theme.MUTED, theme.SMALL), -1.75).align_to(6.5 * LEFT, LEFT)
        self.key = fixed(backed(key))
        self.count = words("0")
        gone = self.times, self.kernel, self.ring, *self.empty
        self.play(*(FadeOut(thing, run_time=theme.QUICK) for thing in gone),
                  FadeOut(self.small, target_position=self.stack.get_left(), scale=0.4),
                  FadeOut(self.large, target_position=self.map), FadeIn(self.stack, shift=LEFT), FadeIn(self.map),
                  FadeIn(self.key), FadeIn(below), run_time=1.6)
        flying = [sheet.copy() for sheet in self.stack.from_front()]
        self.play(LaggedStart(*(sheet.animate.move_to(self.map.get_left()).set_opacity(0) for sheet in flying),
                              lag_ratio=0.12), UpdateFromAlphaFunc(self.map, self.added, rate_func=linear),
                  Counting(self.count, self.counted, rate_func=linear), run_time=4.6)
        self.remove(*flying)

    @beat("A stamp's four weights differ, so the map looks chequered.",
          "Verschiedene Gewichte im Stempel: ein Schachbrettmuster.")
    def the_pattern(self) -> None:
        self.play(Dive(self.camera.frame, self.map.at(32, 12), NEAR), run_time=2)
        block, large = self.map.frame(30, 16, 2, 2), self.enlarged(30, 16)
        self.play(Create(block), run_time=theme.QUICK)
        self.play(fly(block, large[1]), FadeIn(large[0]), run_time=theme.CALM)
        for row, column in ((30, 22), (34, 20)):
            old, large = large, self.enlarged(row, column)
            self.play(block.animate.move_to(self.map.frame(row, column, 2, 2)), run_time=0.6)
            self.play(fly(block, large[1]), FadeIn(large[0]), FadeOut(old), run_time=0.7)
        self.play(FadeOut(block), FadeOut(large), run_time=0.3)

    def at_the_end(self) -> None:
        self.play(Dive(self.camera.frame, self.camera.at_rest, self.camera.at_rest.width), run_time=2)

    def enlarged(self, row: int, column: int) -> VGroup:
        """A block's four values, large, on the left of the map, and a frame around them."""
        table = PixelGrid(self.shown["sums"][-1, row:row + 2, column:column + 2], SIDE, self.final, decimals=1)
        table.scale(NEAR / self.camera.at_rest.width).next_to(self.map.at(32, 0), LEFT, buff=0.16)
        return VGroup(table, Square(table.width, color=theme.WINDOW, stroke_width=6).move_to(table))

    def added(self, _: Picture, time: float) -> None:
        """The sum of the maps that have arrived."""
        self.map.image.pixel_array[..., :3] = self.colours[round(time * (len(self.colours) - 1))]

    def counted(self, time: float) -> Text:
        """Says how many maps are in the sum."""
        done, every = round(time * int(self.shown["count"])), self.shown["count"]
        text = self.word(f"sum of {done} of {every} maps", f"Summe aus {done} von {every} Karten", theme.WINDOW)
        return on_line(text, -2.65).align_to(6.5 * LEFT, LEFT)

    def stamp(self, row: int, column: int, seconds: float) -> None:
        """A copy of the kernel flies to its place, with the number; there they become the four products."""
        copy, factor = self.kernel.copy(), self.small.label(row, column).copy()
        entries = [self.large.entry(2 * row + i, 2 * column + j) for i, j in np.ndindex(KERNEL.shape)]
        middle = self.large.block(2 * row, 2 * column, *KERNEL.shape).get_center()
        self.play(factor.animate.next_to(self.kernel, UP).set_color(theme.WINDOW), run_time=seconds / 3)
        self.play(copy.animate.move_to(middle), factor.animate.move_to(middle).set_opacity(0), run_time=seconds / 2)
        self.remove(factor)
        self.play(FadeOut(copy), *(FadeIn(entry) for entry in entries), run_time=seconds / 2)
