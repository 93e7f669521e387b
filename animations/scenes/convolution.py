"""Multiply a window by nine weights, add up, move on."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, FadeOut, LaggedStart, ReplacementTransform, Text, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import PATCH, SIGNED_KEY, answers, edges, patch
from animations.mobjects import KernelWindow, Picture, PixelGrid, coloured_cell, number, readable_on, words
from unet_lib import byhand
from unet_lib.lessons.exercises.lesson_02 import KERNEL

CELL, WIDE = 0.84, 0.98
WEIGHTS = theme.signed(4)
LEFTMOST, MIDDLE, RIGHTMOST = 4.35 * LEFT + 0.1 * UP, 0.6 * RIGHT + 0.75 * UP, 5 * RIGHT + 0.1 * UP


class Convolution(ClipScene):
    """The patch, the kernel, one sum, all sums, and the whole slice."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        windows = byhand.windows(patch()[None, None], KERNEL.shape)[0, 0]
        return {"patch": patch(), "corner": load("patch"), "kernel": KERNEL, "products": windows * KERNEL,
                "answers": answers(), "slice": load("small"), "map": edges(load("small"), padding=1)}

    @beat("Six by six pixels at the border of a phantom’s tumour.",
          "Sechs mal sechs Pixel am Rand des Tumors eines Phantoms.")
    def the_patch(self) -> None:
        self.slice = Picture(theme.grey(self.shown["slice"]), 5.3).shift(0.1 * UP)
        self.frame = self.slice.frame(10, 20, PATCH, PATCH)
        self.show(self.slice, self.frame)
        self.play(self.frame.animate.move_to(self.slice.frame(*self.shown["corner"], PATCH, PATCH)), run_time=1.1)
        self.grid = PixelGrid(self.shown["patch"], CELL).move_to(0.1 * UP)
        cut = Picture(theme.grey(self.shown["patch"]), self.frame.height).move_to(self.frame)
        self.play(cut.animate.match_height(self.grid.cells).move_to(self.grid), FadeOut(self.frame, self.slice),
                  run_time=1.4)
        self.play(LaggedStart(*(FadeIn(self.grid.entry(*place)) for place in np.ndindex(PATCH, PATCH)), lag_ratio=0.1),
                  run_time=0.8)
        self.remove(cut)
        self.add(self.grid)

    @beat("A kernel has nine weights. It is laid on nine pixels.",
          "Ein Kernel hat neun Gewichte. Er wird auf neun Pixel gelegt.")
    def the_kernel(self) -> None:
        self.kernel = PixelGrid(KERNEL, WIDE, WEIGHTS, size=theme.LABEL).move_to(3.4 * RIGHT + 0.5 * UP)
        self.key = self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL).next_to(self.kernel, DOWN, buff=0.3)
        self.play(self.grid.animate.move_to(2.6 * LEFT + 0.1 * UP), run_time=1)
        self.play(LaggedStart(*(FadeIn(self.kernel.entry(*place), shift=0.3 * DOWN) for place in np.ndindex(3, 3)),
                              lag_ratio=0.15), FadeIn(self.key), run_time=1)
        self.window = self.corner_weights()
        self.play(self.grid.labels.animate.shift(0.19 * DOWN), Create(self.window[0]), run_time=0.6)
        self.play(LaggedStart(*(ReplacementTransform(self.kernel.entry(*divmod(place, 3)), chip)
                                for place, chip in enumerate(self.window[1:])), lag_ratio=0.15), run_time=1.1)

    @beat("Each pixel times its weight; the nine products are added.",
          "Pixel mal Gewicht; die neun Produkte werden addiert.")
    def one_sum(self) -> None:
        self.play(VGroup(self.grid, self.window).animate.shift(LEFTMOST - self.grid.cells.get_center()),
                  self.key.animate.move_to(3 * RIGHT + 2.5 * DOWN), run_time=0.8)
        values = self.shown["answers"]
        self.answers = PixelGrid(values, 0.95, theme.signed(np.abs(values).max())).move_to(RIGHTMOST)
        self.frame = KernelWindow(self.answers, 4, 4, theme.LINE)
        self.products, self.sum = self.product_grid(0, 0), self.total(0, 0)
        moves = [FadeIn(self.products.entry(*place), target_position=self.grid.cell(*place),
                        path_arc=-0.5 - 0.5 * place[0])
                 for place in np.ndindex(KERNEL.shape)]
        self.play(LaggedStart(*moves, lag_ratio=0.35), run_time=2)
        self.play(LaggedStart(*(FadeOut(label.copy(), target_position=self.sum) for label in self.products.labels),
                              FadeIn(self.sum), lag_ratio=0.15), run_time=1.5)
        self.remove(self.products)  # which came in parts, and is exchanged as a whole from now on
        self.add(self.products)
        self.play(Create(self.frame), FadeIn(self.answers.entry(0, 0), target_position=self.sum), run_time=1)

    @beat("The window moves on, always with the same nine weights.",
          "Das Fenster wandert, immer mit denselben neun Gewichten.")
    def it_slides(self) -> None:
        for row, column in list(np.ndindex(self.shown["answers"].shape))[1:]:
            seconds = 0.35 if row == 0 else 0.17
            self.play(self.window.animate.move_to(self.frame_at(row, column)), run_time=seconds)
            self.remove(self.products, self.sum)
            self.products, self.sum = self.product_grid(row, column), self.total(row, column)
            self.add(self.products, self.sum)
            self.play(FadeIn(self.answers.entry(row, column), target_position=self.sum), run_time=seconds)

    @beat("On the whole slice: bright where it gets brighter to the right.",
          "Auf dem ganzen Bild: hell, wo es nach rechts heller wird.")
    def the_map(self) -> None:
        row, column = self.shown["corner"]
        values = Picture(theme.signed(theme.reach_of(self.shown["map"]))(self.shown["map"]), 4.8)
        source = Picture(theme.grey(self.shown["slice"]), 4.8).move_to(3.6 * LEFT + 0.4 * UP).set_z_index(-1)
        taken = source.frame(row, column, 6, 6)
        given = values.move_to(3.6 * RIGHT + 0.4 * UP).frame(row + 1, column + 1, 4, 4)
        kernel = PixelGrid(KERNEL, 0.66, WEIGHTS).move_to(0.4 * UP)
        self.play(FadeOut(self.products, self.sum, self.frame, self.window[0]), run_time=theme.QUICK)
        self.play(FadeIn(source, there := values.edge.copy()), self.key.animate.match_x(values),
                  self.grid.animate.match_height(taken).move_to(taken),
                  *(ReplacementTransform(chip, kernel.entry(*divmod(place, 3)))
                    for place, chip in enumerate(self.window[1:])),
                  self.answers.animate.match_height(given).move_to(given), run_time=1.6)
        self.remove(self.grid)
        self.sweep(source, values, 1.6)
        self.remove(self.answers, there)

    def frame_at(self, row: int, column: int) -> np.ndarray:
        """Where the window's middle belongs."""
        return self.grid.block(row, column, *KERNEL.shape).get_center()

    def corner_weights(self) -> VGroup:
        """The window with a small weight in the corner of each of its cells."""
        window = KernelWindow(self.grid, *KERNEL.shape)
        chips = VGroup()
        for place, weight in np.ndenumerate(KERNEL):
            chip = coloured_cell(colour := WEIGHTS(weight), 0.38).stretch_to_fit_width(0.46)
            chip.move_to(self.grid.cell(*place).get_corner(UP + RIGHT) + 0.26 * LEFT + 0.22 * DOWN)
            chips.add(VGroup(chip, words(number(weight), theme.SMALL, readable_on(colour)).move_to(chip)))
        return VGroup(window, *chips)

    def product_grid(self, row: int, column: int) -> PixelGrid:
        """The nine products of one window."""
        reach = np.abs(self.shown["products"]).max()
        return PixelGrid(self.shown["products"][row, column], WIDE, theme.signed(reach)).move_to(MIDDLE)

    def total(self, row: int, column: int) -> Text:
        """Their sum."""
        text = f"Σ = {number(self.shown['answers'][row, column])}"
        return words(text, theme.TITLE, theme.WINDOW).move_to(MIDDLE + 2.2 * DOWN)
