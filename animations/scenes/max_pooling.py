"""The largest of four stays."""

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Create,
    FadeIn,
    FadeOut,
    Group,
    LaggedStart,
    Rectangle,
    Square,
    Text,
    VGroup,
    config,
    there_and_back,
)

from animations import theme
from animations.arrays import load
from animations.camera import fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import ACTIVATION_KEY, answers, edges
from animations.mobjects import KernelWindow, Picture, PixelGrid, fly, words
from unet_lib import byhand

SIZE, TIMES, SIDE = 2, 4, 1.15
LEFTMOST, RIGHTMOST = 2.7 * LEFT + 0.25 * UP, 3.7 * RIGHT + 0.25 * UP
ROUND = ((0, 0), (0, 1), (1, 1), (1, 0))
"""The four cells of a block, one after the other."""


def pool(values: np.ndarray) -> np.ndarray:
    """2×2 max pooling of one map."""
    return byhand.max_pool2d(values[None, None], SIZE)[0, 0]


class MaxPooling(ClipScene):
    """Blocks of four, their largest, what is forgotten, and a whole map, pooled again and again."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        loud, whole = byhand.relu(answers()), byhand.relu(edges(load("small"), padding=1))
        moved = loud.copy()
        moved[:SIZE, -SIZE:] = loud[:SIZE, -SIZE:][::-1, ::-1]
        pooled = {"map 0": whole}
        for level in range(TIMES):
            pooled[f"map {level + 1}"] = pool(pooled[f"map {level}"])
        return {"answers": loud, "pooled": pool(loud), "moved": moved, "corner": load("patch") + 1,
                "times": np.array(TIMES), "sides": np.array([len(values) for values in pooled.values()]), **pooled}

    @beat("A few numbers of a phantom’s map, in blocks of 2 × 2.",
          "Zahlen aus der Karte eines Phantoms, in Blöcken von 2 × 2.")
    def the_blocks(self) -> None:
        self.shade = theme.activation(float(np.quantile(self.shown["map 0"], 0.99)))
        whole = Picture(self.shade(self.shown["map 0"]), 4.8).move_to(0.4 * UP).set_z_index(-1)
        spot = whole.frame(*self.shown["corner"], 4, 4)
        key = self.word(*ACTIVATION_KEY, theme.MUTED, theme.SMALL).move_to(2.65 * DOWN)
        self.key = fixed(VGroup(behind(key), key))
        self.show(whole, self.key)
        self.grid = PixelGrid(self.shown["answers"], SIDE, self.shade, size=theme.LABEL).move_to(LEFTMOST)
        cut = Picture(self.shade(self.shown["answers"]), spot.height).move_to(spot)
        self.play(Create(spot), run_time=theme.QUICK)
        self.add(cut, spot)
        self.play(*(thing.animate.match_height(self.grid.cells).move_to(self.grid) for thing in (cut, spot)),
                  FadeOut(whole), run_time=1.4)
        self.play(LaggedStart(*(FadeIn(self.grid.entry(*place)) for place in np.ndindex(4, 4)), lag_ratio=0.1),
                  run_time=theme.CALM)
        self.remove(cut)
        self.blocks = VGroup(*(KernelWindow(self.grid, SIZE, SIZE, theme.MUTED) for _ in range(4))).set_z_index(1)
        for block, (row, column) in zip(self.blocks, np.ndindex(2, 2), strict=True):
            block.move_to(block.place(self.grid, SIZE * row, SIZE * column))
        self.play(Create(self.blocks), FadeOut(spot), run_time=0.9)

    @beat("Of each block only the largest number is kept.", "Aus jedem Block bleibt nur die größte Zahl.")
    def the_largest(self) -> None:
        self.pooled = PixelGrid(self.shown["pooled"], SIDE, self.shade, size=theme.LABEL).move_to(RIGHTMOST)
        self.frame = KernelWindow(self.pooled, SIZE, SIZE, theme.MUTED).set_z_index(1)
        ring = self.ring_at(self.grid.cell(0, 0))
        self.play(Create(self.frame), Create(ring), run_time=theme.QUICK)
        for row, column in np.ndindex(2, 2):
            for down, right in ROUND:
                self.play(ring.animate.move_to(self.grid.cell(SIZE * row + down, SIZE * column + right)), run_time=0.17)
            winner = self.winner(row, column)
            self.play(ring.animate.move_to(self.grid.cell(*winner)), run_time=0.25)
            others = VGroup(*(self.grid.entry(SIZE * row + down, SIZE * column + right) for down, right in ROUND
                              if (SIZE * row + down, SIZE * column + right) != winner))
            self.play(others.animate.set_opacity(0.3), FadeIn(self.pooled.entry(row, column),
                      target_position=self.grid.cell(*winner)), run_time=0.6)
        self.play(FadeOut(ring), run_time=theme.QUICK)

    @beat("Where it stands in its block makes no difference.", "Wo im Block sie steht, ändert nichts am Ergebnis.")
    def what_is_lost(self) -> None:
        entries = [self.grid.entry(down, 2 + right) for down, right in ROUND]
        centres = [entry.get_center() for entry in entries]
        self.ring = self.ring_at(self.pooled.cell(0, 1))
        self.play(Create(self.ring), run_time=theme.QUICK)
        for turn in (1, 2):
            self.play(*(entry.animate.move_to(centres[(place + turn) % 4]) for place, entry in enumerate(entries)),
                      run_time=1.1)

    @beat("The whole map becomes half as wide and half as high.",
          "Die ganze Karte wird halb so breit und halb so hoch.")
    def a_map(self) -> None:
        self.maps = Group(*(self.picture(level) for level in range(TIMES + 1))).arrange(RIGHT, buff=0.6).shift(0.5 * UP)
        self.labels = VGroup(*(words(str(side), theme.SMALL + 2).next_to(picture, DOWN, buff=0.2)
                               for side, picture in zip(self.shown["sides"], self.maps, strict=True)))
        large, small = self.maps[:2]
        spots = [picture.frame(*self.shown["corner"], 4, 4) for picture in (large, small)]
        edges = VGroup(large.edge.copy(), small.edge.copy())
        self.play(FadeOut(self.blocks, self.frame, self.ring), FadeIn(edges), run_time=theme.QUICK)
        self.play(*(table.animate.match_height(spot).move_to(spot) for table, spot in
                    zip((self.grid, self.pooled), spots, strict=True)), FadeIn(self.labels[:2]), run_time=1.6)
        self.play(FadeIn(large), FadeOut(self.grid), run_time=theme.QUICK)
        self.sweep(large, small, 2.1, rows=SIZE)
        self.remove(self.pooled, edges)

    @beat("Pooled {times} times, {sides[0]} × {sides[0]} numbers become {sides[4]} × {sides[4]}.",
          "Nach {times}-mal Pooling bleiben von {sides[0]} × {sides[0]} Zahlen {sides[4]} × {sides[4]}.")
    def again(self) -> None:
        for level in range(1, TIMES):
            source, target = self.maps[level], self.maps[level + 1]
            self.play(fly(source, target), FadeIn(self.labels[level + 1], shift=0.3 * RIGHT), run_time=1.4)

    def at_the_end(self) -> None:
        self.play(LaggedStart(*(one.animate(rate_func=there_and_back).scale(1.08) for one in self.maps), lag_ratio=0.3),
                  run_time=1.6)

    def ring_at(self, cell: Square) -> Square:
        """What the eye should follow, around a cell."""
        return Square(SIDE, color=theme.WINDOW, stroke_width=7).move_to(cell).set_z_index(2)

    def picture(self, level: int) -> Picture:
        """The map after so many poolings: as many pixels, repeated, so that each can become the next."""
        times = SIZE ** level
        return Picture(self.shade(self.shown[f"map {level}"].repeat(times, 0).repeat(times, 1)), 4.2 / times)

    def winner(self, row: int, column: int) -> tuple[int, int]:
        """Where the largest number of a block stands."""
        block = self.shown["answers"][SIZE * row:SIZE * (row + 1), SIZE * column:SIZE * (column + 1)]
        down, right = divmod(int(block.argmax()), SIZE)
        return SIZE * row + down, SIZE * column + right


def behind(key: Text) -> Rectangle:
    """A strip of the background behind a line, so that pictures end above it when the camera is near."""
    strip = Rectangle(width=config.frame_width - 1e-6, height=0.6, stroke_width=0, fill_opacity=1)
    return strip.set_fill(theme.BACKGROUND).set_y(key.get_y())
