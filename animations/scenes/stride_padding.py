"""How large the output is: padding keeps the size, stride shrinks it."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, MathTypst, Text, VGroup

from animations import theme
from animations.clip_scene import ClipScene, beat
from animations.examples import edges, patch
from animations.mobjects import KernelWindow, PixelGrid, arrow, words
from unet_lib import byhand

KERNEL, CASES = 3, ((0, 1), (1, 1), (1, 2))
"""Padding and stride of the three cases."""


class StridePadding(ClipScene):
    """No padding, padding, stride, and the formula behind them."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        sizes = [byhand.output_size(len(patch()), KERNEL, stride, padding) for padding, stride in CASES]
        outputs = {f"output {p} {s}": edges(patch(), p)[::s, ::s] for p, s in CASES}
        return {"patch": patch(), "padded": byhand.pad(patch()[None, None], 1)[0, 0], "sizes": np.array(sizes),
                **outputs}

    @beat("A window cannot stand on the border: the output is smaller.",
          "Am Rand passt kein Fenster: Die Ausgabe wird kleiner.")
    def no_padding(self) -> None:
        self.input = PixelGrid(self.shown["patch"], side=0.6, numbers=False).shift(3.4 * LEFT + 0.3 * UP)
        self.way = arrow(0.6 * LEFT, RIGHT, gap=0).shift(0.3 * UP)
        self.input_label = self.label(self.input, room=0.6)
        self.show(self.input, self.input_label, self.way)
        self.run(*CASES[0], seconds=0.22)

    @beat("Padding: a ring of zeros around it keeps the size.", "Padding: Ein Ring aus Nullen erhält die Größe.")
    def padding(self) -> None:
        self.clear_output()
        padded = PixelGrid(self.shown["padded"], side=0.6, numbers=False).move_to(self.input)
        outer = np.pad(np.zeros((6, 6)), 1, constant_values=1).flat
        border = VGroup(*(cell for cell, value in zip(padded.cells, outer, strict=True) if value))
        zeros = VGroup(*(words("0", 20, theme.MUTED).move_to(cell) for cell in border))
        self.play(FadeIn(border), FadeIn(zeros), run_time=theme.CALM)
        self.remove(self.input, border)
        self.input = padded
        self.add(padded, zeros)
        self.zeros = zeros
        self.run(*CASES[1], seconds=0.12)

    @beat("Stride 2: the window jumps two pixels at a time.", "Stride 2: Das Fenster springt zwei Pixel weit.")
    def stride(self) -> None:
        self.clear_output()
        self.run(*CASES[2], seconds=0.5)

    @beat("One formula holds for all of them.", "Eine Formel gilt für alle.")
    def formula(self) -> None:
        self.clear_output()
        self.fade(self.input, self.zeros, self.way, self.input_label)
        general = MathTypst('"out" = floor(("in" + 2 dot "padding" - "kernel") / "stride") + 1', font_size=40)
        rows = VGroup(*(MathTypst(f"floor(({len(patch())} + 2 dot {p} - {KERNEL}) / {s}) + 1 = {size}", font_size=40)
                        for (p, s), size in zip(CASES, self.shown["sizes"], strict=True)))
        rows.arrange(DOWN, buff=0.3).set_color(theme.INK)
        self.show(general.set_color(theme.INK).shift(2.1 * UP))
        for row in rows.move_to(0.85 * DOWN):
            self.play(FadeIn(row, shift=0.3 * DOWN), run_time=theme.CALM)

    def run(self, padding: int, stride: int, seconds: float) -> None:
        """Slide the window over the input with these settings; the output fills and gets its size."""
        values = self.shown[f"output {padding} {stride}"]
        self.output = PixelGrid(values, 0.6, theme.signed(np.abs(values).max()), numbers=False)
        self.output.shift(3.6 * RIGHT + 0.3 * UP)
        self.window = KernelWindow(self.input, KERNEL, KERNEL)
        self.play(Create(self.window), run_time=theme.QUICK)
        self.slide(self.window, self.input, self.output, stride, seconds)
        self.output_label = self.label(self.output)
        self.show(self.output_label, seconds=theme.QUICK)

    def label(self, grid: PixelGrid, room: float = 0) -> Text:
        """A table's size, under it; `room` is for the padding to come."""
        return words("{} × {}".format(*grid.values.shape)).next_to(grid, DOWN, buff=0.2 + room)

    def clear_output(self) -> None:
        """Take the last run away."""
        self.fade(self.window, self.output, self.output_label)
