"""Multiply a window by nine weights, add up, move on."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, GrowFromPoint, ReplacementTransform

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import PATCH, answers, edges, patch
from animations.mobjects import KernelWindow, Picture, PixelGrid, arrow, fly, number, words, zoom_lines
from unet_lib import byhand
from unet_lib.lessons.exercises.lesson_02 import KERNEL

WEIGHTS = theme.signed(4)


class Convolution(ClipScene):
    """The patch, the kernel, one sum, all sums, and the whole slice."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        windows = byhand.windows(patch()[None, None], KERNEL.shape)[0, 0]
        return {"patch": patch(), "corner": load("patch"), "kernel": KERNEL, "products": windows * KERNEL,
                "answers": answers(), "slice": load("small"), "map": edges(load("small"), padding=1)}

    @beat("A few pixels at the border of the tumour.", "Ein paar Pixel am Rand des Tumors.")
    def the_patch(self) -> None:
        self.slice = Picture(theme.grey(self.shown["slice"]), 5.2).shift(3.7 * LEFT)
        frame = self.slice.frame(*self.shown["corner"], PATCH, PATCH)
        self.grid = PixelGrid(self.shown["patch"], side=0.75).shift(3.6 * RIGHT)
        self.show(self.slice)
        self.play(Create(frame), run_time=theme.QUICK)
        zoom = zoom_lines(frame, self.grid)
        self.play(GrowFromPoint(self.grid, frame.get_center()), Create(zoom, lag_ratio=0), run_time=theme.SLOW)
        self.wait(theme.READ)
        self.fade(self.slice, frame, zoom)
        self.play(self.grid.animate.move_to(4.55 * LEFT), run_time=theme.CALM)

    @beat("A kernel: nine weights. It lies on nine pixels.", "Ein Kernel: neun Gewichte. Er liegt auf neun Pixeln.")
    def the_kernel(self) -> None:
        self.kernel = PixelGrid(KERNEL, side=0.85, shade=WEIGHTS).move_to(1.45 * UP + 0.35 * LEFT)
        self.window = KernelWindow(self.grid, *KERNEL.shape)
        self.show(self.kernel)
        self.play(fly(self.kernel.cells, self.window), run_time=theme.SLOW)

    @beat("Multiply pixel by weight, add the nine products.", "Pixel mal Gewicht, dann die neun Produkte addieren.")
    def one_sum(self) -> None:
        values = self.shown["answers"]
        self.answers = PixelGrid(values, side=0.85, shade=theme.signed(np.abs(values).max())).move_to(4.75 * RIGHT)
        self.products = self.product_grid(0, 0)
        weights = self.kernel.cells.copy()
        self.play(fly(self.grid.block(0, 0, 3, 3), self.products.cells),
                  weights.animate.move_to(self.products).set_opacity(0), run_time=theme.SLOW)
        self.remove(weights)
        self.show(self.products.labels)
        self.remove(self.products.cells, self.products.labels)  # from now on one thing that is exchanged as a whole
        self.add(self.products)
        self.wait(theme.READ)
        total = words(f"= {number(values[0, 0])}").next_to(self.products, RIGHT, buff=0.35)
        self.play(fly(self.products.labels, total), run_time=theme.CALM)
        self.wait(theme.READ)
        self.play(ReplacementTransform(total, self.answers.entry(0, 0)), run_time=theme.CALM)

    @beat("Then the window moves on, with the same nine weights.", "Dann wandert das Fenster, mit denselben Gewichten.")
    def it_slides(self) -> None:
        for row, column in list(np.ndindex(self.shown["answers"].shape))[1:]:
            new = self.product_grid(row, column)
            self.remove(self.products)
            self.add(new)
            self.products = new
            self.play(self.window.animate.move_to(self.window.place(self.grid, row, column)),
                      FadeIn(self.answers.entry(row, column)), run_time=0.6 if row == 0 else 0.25)

    @beat("Over the whole slice: a map of answers.", "Über das ganze Bild: eine Karte der Antworten.")
    def the_map(self) -> None:
        values = self.shown["map"]
        self.fade(self.grid, self.window, self.products, self.answers)
        self.slice.shift(0.7 * LEFT)
        answer = Picture(theme.signed(theme.reach_of(values))(values), 5.2).move_to(-self.slice.get_center())
        self.play(self.kernel.animate.scale(0.8).move_to(1.2 * UP), FadeIn(self.slice), run_time=theme.CALM)
        way = arrow(self.slice, answer).set_y(-0.3)
        self.play(FadeIn(way), FadeIn(answer, shift=0.4 * RIGHT), run_time=theme.SLOW)

    def product_grid(self, row: int, column: int) -> PixelGrid:
        """The nine products of one place."""
        values = self.shown["products"][row, column]
        return PixelGrid(values, side=0.85, shade=theme.signed(300), size=21).move_to(1.45 * DOWN + 0.35 * LEFT)
