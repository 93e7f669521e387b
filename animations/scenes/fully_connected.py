"""How many weights it takes to connect every pixel to every output, and what nine can do that slide."""

import numpy as np
from jaxtyping import Int
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Animation,
    FadeIn,
    FadeOut,
    Group,
    Line,
    Text,
    UpdateFromAlphaFunc,
    VGroup,
    VMobject,
    linear,
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import SIGNED_KEY, edges
from animations.mobjects import Counting, KernelWindow, Picture, PixelGrid, number, on_line, words
from animations.threads import Threads
from unet_lib.lessons.exercises.lesson_02 import KERNEL

SIDE, CELL, SHIFT = 8, 0.55, 18
"""The table's rows, a cell's side, and how many pixels the slice is moved either way."""
HERE, THERE = 4.25 * LEFT + 0.1 * UP, 4.25 * RIGHT + 0.1 * UP


class FullyConnected(ClipScene):
    """Threads from every pixel to every output; then a window of nine; then the slice moves, and its map."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        corner, small = load("patch"), load("small")
        patch = small[corner[0]:corner[0] + SIDE, corner[1]:corner[1] + SIDE]
        moved = np.stack([np.roll(small, by, axis=1) for by in range(-SHIFT, SHIFT + 1)])
        weights = np.array([patch.size, patch.size**2, small.size**2, KERNEL.size])
        return {"patch": patch, "corner": corner, "answers": edges(patch, padding=1), "side": np.array(len(small)),
                "moved": moved, "maps": np.stack([edges(picture, padding=1) for picture in moved]),
                "weights": weights, "millions": weights[2] // 10**6}

    @beat("One output, connected to {weights[0]} pixels of a phantom.",
          "Eine Ausgabe, verbunden mit {weights[0]} Pixeln eines Phantoms.")
    def one_output(self) -> None:
        self.grid = PixelGrid(self.shown["patch"], CELL, numbers=False).move_to(HERE)
        self.answers = PixelGrid(self.shown["answers"], CELL, self.shade("answers"), numbers=False).move_to(THERE)
        self.colours = [cell.get_fill_color() for cell in self.answers.cells]
        self.hatches = VGroup(*(Line(cell.get_corner(DOWN + LEFT), cell.get_corner(UP + RIGHT))
                                for cell in self.answers.cells)).set_stroke(theme.LINE, 2)
        self.answers.set_fill(theme.SURFACE).add(self.hatches)
        self.play(FadeIn(self.grid, shift=0.4 * RIGHT), FadeIn(self.answers, shift=0.4 * LEFT), run_time=theme.SLOW)
        self.threads, self.count = Threads(SIDE, CELL, HERE, THERE), words("0")
        self.play(self.counting(0, self.shown["weights"][0]), self.threads.grow(1), run_time=2.4)

    @beat("All {weights[0]} outputs: every line is a weight of its own.",
          "Alle {weights[0]} Ausgaben: Jede Linie ist ein eigenes Gewicht.")
    def all_outputs(self) -> None:
        first, every = self.shown["weights"][:2]
        self.play(self.counting(first, every), self.threads.multiply(), run_time=3)

    @beat("For a slice of {side} × {side} pixels: {millions} million weights.",
          "Für ein Bild aus {side} × {side} Pixeln: {millions} Millionen Gewichte.")
    def a_slice(self) -> None:
        self.slice = Picture(theme.grey(self.shown["moved"][SHIFT]), SIDE * CELL).move_to(HERE)
        self.map = Picture(self.shade("maps")(self.shown["maps"][SHIFT]), SIDE * CELL).move_to(THERE)
        self.edge = self.map.edge.copy()
        self.add(self.slice, self.edge, self.grid, self.answers, self.threads)
        self.play(self.counting(*self.shown["weights"][1:3]), self.threads.thicken(), *self.shrink(),
                  FadeIn(self.slice), FadeIn(self.edge), run_time=3)

    @beat("A convolution slides the same nine weights everywhere.",
          "Eine Faltung schiebt dieselben neun Gewichte überallhin.")
    def nine(self) -> None:
        self.play(self.counting(*self.shown["weights"][2:]), self.threads.withdraw(), *self.shrink(back=True),
                  FadeOut(self.slice), FadeOut(self.edge), run_time=2)
        self.window = KernelWindow(self.grid, *KERNEL.shape)
        outer = [place for place in range(SIDE**2) if {*divmod(place, SIDE)} & {0, SIDE - 1}]
        border = VGroup(*(part[place] for part in (self.answers.cells, self.hatches) for place in outer))
        self.strokes = VMobject(color=theme.WINDOW, stroke_width=2)
        self.remove(self.threads)
        self.moving = Group(self.answers, self.strokes, self.window)
        self.key = on_line(self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL), 2.5).align_to(6.9 * RIGHT, RIGHT)
        self.place(self.moving, 0)
        self.play(FadeIn(self.strokes), FadeIn(self.window), FadeIn(self.key),
                  border.animate.set_fill(opacity=0).set_stroke(opacity=0), run_time=theme.CALM)
        self.play(UpdateFromAlphaFunc(self.moving, self.place, rate_func=linear), run_time=5)

    @beat("Move the slice: its map, computed anew, moves with it.",
          "Mit dem Bild bewegt sich die neu berechnete Karte.")
    def it_moves(self) -> None:
        self.play(FadeOut(self.window), FadeOut(self.strokes), FadeIn(self.slice), FadeIn(self.map),
                  *self.shrink(), run_time=1.4)
        self.remove(self.grid, self.answers)
        self.at_the_end()

    def at_the_end(self) -> None:
        self.play(UpdateFromAlphaFunc(Group(self.slice, self.map), self.shifted, rate_func=linear), run_time=3.2)

    def shifted(self, _: Group, time: float) -> None:
        """The slice and its map, as far to the side as the time says."""
        shift = SHIFT + round(SHIFT * np.sin(2 * np.pi * time))
        self.slice.image.pixel_array[..., :3] = theme.grey(self.shown["moved"][shift])
        self.map.image.pixel_array[..., :3] = self.shade("maps")(self.shown["maps"][shift])

    def place(self, _: Group, time: float) -> None:
        """The window back and forth within the table; an output gets its colour once the window is there."""
        ways = snake(SIDE - 2)
        past = time * (len(ways) - 1)
        for row, column in ways[:int(past) + 1] + 1:
            self.answers.cell(row, column).set_fill(self.colours[row * SIDE + column])
            self.hatches[row * SIDE + column].set_stroke(opacity=0)
        down, right = (np.interp(past, range(len(ways)), way) * CELL for way in ways.T)
        step = right * RIGHT + down * DOWN
        self.window.move_to(self.window.place(self.grid, 0, 0) + step)
        starts = step + [cell.get_center() for cell in self.grid.block(0, 0, *KERNEL.shape)]
        ends = step + np.tile(self.answers.cell(1, 1).get_center(), (len(starts), 1))
        self.strokes.set_points(np.stack([starts + (ends - starts) * part / 3 for part in range(4)], 1).reshape(-1, 3))

    def shrink(self, back: bool = False) -> list[Animation]:
        """Both tables' way to their place in the slice, where they are much smaller, or back."""
        small = SIDE / float(self.shown["side"])
        where = self.slice.at(*(self.shown["corner"] + SIDE / 2)) - HERE
        return [table.animate.scale(1 / small if back else small).move_to(middle if back else middle + where)
                for table, middle in ((self.grid, HERE), (self.answers, THERE))]

    def shade(self, name: str) -> theme.Shade:
        """Colours for answers of either sign."""
        return theme.signed(theme.reach_of(self.shown[name]))

    def counting(self, first: float, last: float) -> Counting:
        """The number of weights runs from one value to another."""
        def write(time: float) -> Text:
            value = number(round(first + (last - first) * time))
            text = {"en": f"{value} weights", "de": f"{value.replace(',', '.')} Gewichte"}[self.language]
            return on_line(words(text, theme.LABEL, theme.WINDOW), -2.65)
        return Counting(self.count, write)


def snake(side: int) -> Int[np.ndarray, "n 2"]:
    """Rows and columns of a square table, back and forth."""
    return np.array([(row, column if row % 2 == 0 else side - 1 - column) for row, column in np.ndindex(side, side)])
