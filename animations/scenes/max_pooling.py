"""The loudest of four survives."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, Group, Square, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import answers, edges
from animations.mobjects import KernelWindow, Picture, PixelGrid, arrow, fly, words
from unet_lib import byhand

SIZE = 2


def pool(values: np.ndarray) -> np.ndarray:
    """2×2 max pooling of one map."""
    return byhand.max_pool2d(values[None, None], SIZE)[0, 0]


class MaxPooling(ClipScene):
    """Blocks of four, their largest, half the size, and what is forgotten."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        loud = byhand.relu(answers())
        moved = loud.copy()
        moved[:SIZE, -SIZE:] = loud[:SIZE, -SIZE:][::-1, ::-1]
        whole = byhand.relu(edges(load("small"), padding=1))
        return {"answers": loud, "pooled": pool(loud), "moved": moved, "map": whole, "small map": pool(whole)}

    @beat("A map is cut into blocks of 2 × 2.", "Eine Karte wird in Blöcke von 2 × 2 zerlegt.")
    def the_blocks(self) -> None:
        self.shade = theme.signed(self.shown["answers"].max())
        self.grid = PixelGrid(self.shown["answers"], 1.2, self.shade, size=theme.LABEL).shift(3.4 * LEFT)
        self.blocks = VGroup(*(KernelWindow(self.grid, SIZE, SIZE, theme.POOL) for _ in self.shown["pooled"].flat))
        for block, (row, column) in zip(self.blocks, np.ndindex(self.shown["pooled"].shape), strict=True):
            block.move_to(block.place(self.grid, SIZE * row, SIZE * column))
        self.show(self.grid)
        self.play(Create(self.blocks), run_time=theme.SLOW)

    @beat("Of each block only the largest number survives.", "Aus jedem Block überlebt nur die größte Zahl.")
    def the_largest(self) -> None:
        self.pooled = PixelGrid(self.shown["pooled"], 1.2, self.shade, size=theme.LABEL).shift(3.9 * RIGHT)
        self.play(Create(arrow(0.5 * LEFT, 1.7 * RIGHT, gap=0)), run_time=theme.QUICK)
        for row, column in np.ndindex(self.shown["pooled"].shape):
            winner = self.grid.entry(*self.winner(row, column))
            self.play(fly(winner, self.pooled.entry(row, column)), run_time=theme.CALM)

    @beat("If it stood elsewhere in its block, nothing would change.",
          "Stünde sie anderswo im Block, bliebe alles gleich.")
    def what_is_lost(self) -> None:
        old = [self.grid.entry(row, column) for row in range(SIZE) for column in (2, 3)]
        centres = [entry.get_center() for entry in old]
        self.add(*old, self.blocks)
        self.play(*(entry.animate.move_to(centre) for entry, centre in zip(old, reversed(centres), strict=True)),
                  run_time=theme.SLOW)
        ring = Square(1.2, color=theme.WINDOW, stroke_width=6).move_to(self.pooled.cell(0, 1))
        self.play(Create(ring), run_time=theme.QUICK)
        self.wait(theme.READ)

    @beat("A whole map: half as wide, half as high.", "Eine ganze Karte: halb so breit, halb so hoch.")
    def a_map(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        shade = theme.signed(theme.reach_of(self.shown["map"]))
        large, small = (Picture(shade(self.shown[name]), height) for name, height in (("map", 4.6), ("small map", 2.3)))
        pair = Group(large, small).arrange(RIGHT, buff=2.4).shift(0.3 * UP)
        labels = [words("{} × {}".format(*picture.shape), colour=theme.MUTED) for picture in pair]
        self.show(large, labels[0].next_to(large, DOWN, buff=0.2))
        self.show(arrow(large, small), small, labels[1].next_to(small, DOWN, buff=0.2), seconds=theme.SLOW)

    def winner(self, row: int, column: int) -> tuple[int, int]:
        """Where the largest number of a block stands."""
        block = self.shown["answers"][SIZE * row:SIZE * (row + 1), SIZE * column:SIZE * (column + 1)]
        down, right = divmod(int(block.argmax()), SIZE)
        return SIZE * row + down, SIZE * column + right
