"""The way up: each number stamps the kernel into a larger table."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, Group, Square

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import answers
from animations.mobjects import Picture, PixelGrid, arrow, fly, words
from unet_lib import byhand

KERNEL = np.array([[1, 0], [2, -1]])
"""A made-up one: learnt ones are no whole numbers."""


class TransposedConvolution(ClipScene):
    """One stamp, all stamps, and a map of the shipped network on its way up."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        small = byhand.max_pool2d(byhand.relu(answers())[None, None])
        large = byhand.conv_transpose2d(small, KERNEL[None, None].astype(float))
        return {"small": small[0, 0], "kernel": KERNEL, "large": large[0, 0],
                "map": load("maps decoder.3")[0], "up": load("maps up.2")[0]}

    @beat("A small table from below, and a kernel of 2 × 2 weights.",
          "Eine kleine Tabelle von unten und ein Kernel aus 2 × 2.")
    def small_and_kernel(self) -> None:
        self.shade = theme.signed(np.abs(self.shown["large"]).max())
        self.small = PixelGrid(self.shown["small"], 1.15, self.shade, size=theme.LABEL).shift(5 * LEFT + 0.2 * UP)
        self.kernel = PixelGrid(KERNEL, 1.15, theme.signed(3), size=theme.LABEL).shift(1.2 * LEFT + 0.2 * UP)
        self.large = PixelGrid(self.shown["large"], 1.15, self.shade, size=26).shift(4.2 * RIGHT + 0.2 * UP)
        self.times = words("×", 60, theme.MUTED).move_to((self.small.get_right() + self.kernel.get_left()) / 2)
        self.show(self.small)
        self.show(self.times, self.kernel)

    @beat("One number times the kernel: a stamp of four numbers.",
          "Eine Zahl mal den Kernel: ein Stempel aus vier Zahlen.")
    def one_stamp(self) -> None:
        self.show(arrow(self.kernel, self.large))
        self.stamp(0, 1, seconds=theme.SLOW)

    @beat("The stamps lie side by side: twice the size.", "Die Stempel liegen nebeneinander: doppelt so groß.")
    def all_stamps(self) -> None:
        for row, column in ((0, 0), (1, 0), (1, 1)):
            self.stamp(row, column, seconds=theme.CALM)

    @beat("In our network, with learnt weights, on the way up.", "In unserem Netz, mit gelernten Gewichten.")
    def a_map(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        pair = [Picture(theme.signed(theme.reach_of(values))(values), height)
                for values, height in ((self.shown["map"], 2.3), (self.shown["up"], 4.6))]
        Group(*pair).arrange(RIGHT, buff=2.4).shift(0.3 * UP)
        labels = [words("{} × {}".format(*p.shape), colour=theme.MUTED).next_to(p, DOWN, buff=0.2) for p in pair]
        self.show(pair[0], labels[0])
        self.show(arrow(pair[0], pair[1], theme.UP), pair[1], labels[1], seconds=theme.SLOW)

    def stamp(self, row: int, column: int, seconds: float) -> None:
        """Multiply the kernel by one number and put the result in its place."""
        ring = Square(self.small.side, color=theme.WINDOW, stroke_width=6).move_to(self.small.cell(row, column))
        self.play(Create(ring), run_time=seconds / 2)
        self.play(*(fly(self.kernel.entry(i, j), self.large.entry(2 * row + i, 2 * column + j))
                    for i, j in np.ndindex(KERNEL.shape)), run_time=seconds)
        self.fade(ring, seconds=seconds / 3)
