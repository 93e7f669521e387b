"""How large the output is: padding keeps the size, stride shrinks it."""

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Create,
    FadeIn,
    FadeOut,
    LaggedStart,
    MathTypst,
    VGroup,
    linear,
    smooth,
    there_and_back,
)
from matplotlib.colors import to_rgb

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import SIGNED_KEY, edges, patch
from animations.mobjects import KernelWindow, Picture, PixelGrid, fly, words
from unet_lib import byhand

KERNEL, CASES = 3, ((0, 1), (1, 1), (1, 2))
"""Padding and stride of the three cases."""
SIDE = 0.52
INPUT, OUTPUT, FORMULAS = 4.5 * LEFT + 0.3 * UP, 0.3 * LEFT + 0.3 * UP, 4.4 * RIGHT


def formula(size: int | str, padding: int | str, stride: int | str, answer: int | str) -> MathTypst:
    """How large the output is."""
    text = f"floor(({size} + 2 dot {padding} - {KERNEL}) / {stride}) + 1 = {answer}"
    return MathTypst(text, font_size=38, color=theme.INK)


def plain(values: np.ndarray) -> np.ndarray:
    """One colour for all cells of an output, whose values do not matter here."""
    return np.uint8(255 * np.broadcast_to(to_rgb(theme.CONV), (*np.shape(values), 3)))


class StridePadding(ClipScene):
    """No padding, padding, stride, the formula behind them, and the network's case."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        sizes = [byhand.output_size(len(patch()), KERNEL, stride, padding) for padding, stride in CASES]
        outputs = {f"output {p} {s}": edges(patch(), p)[::s, ::s] for p, s in CASES}
        small = load("small")
        padded = byhand.pad(patch()[None, None], 1)[0, 0]
        return {"patch": patch(), "padded": padded, "sizes": np.array(sizes), "small": small,
                "map": edges(small, padding=1), "corner": load("patch"),
                "slice": np.array([len(small), byhand.output_size(len(small), KERNEL, 1, 1)]), **outputs}

    @beat("The window stays inside the table: the output is smaller.",
          "Das Fenster bleibt in der Tabelle: Die Ausgabe ist kleiner.")
    def no_padding(self) -> None:
        self.rows = VGroup()
        self.input = PixelGrid(self.shown["patch"], SIDE, numbers=False).move_to(INPUT)
        self.play(LaggedStart(*(FadeIn(cell) for cell in self.input.cells), lag_ratio=0.05), run_time=0.8)
        self.run(0, 0.15)

    @beat("Padding 1: a ring of zeros around it keeps the size.", "Padding 1: Ein Ring aus Nullen erhält die Größe.")
    def padding(self) -> None:
        self.clear_output()
        padded = PixelGrid(self.shown["padded"], SIDE, numbers=False).move_to(INPUT)
        ring = [(r, c) for r, c in np.ndindex(8, 8) if not (0 < r < 7 and 0 < c < 7)]
        zeros = VGroup(*(VGroup(padded.cell(r, c), words("0", theme.SMALL, theme.MUTED).move_to(padded.cell(r, c)))
                         for r, c in ring))
        inner = [padded.cell(*np.clip(place, 1, 6)).get_center() for place in ring]
        ends = zeros.copy()
        for zero, start in zip(zeros, inner, strict=True):
            zero.move_to(start)
        self.zeros = zeros
        self.add(zeros, self.input)
        self.play(*(zero.animate.move_to(end) for zero, end in zip(zeros, ends, strict=True)), run_time=1)
        self.remove(self.input)
        self.add(padded, zeros)
        self.input = padded
        self.run(1, 0.09)

    @beat("Stride 2: the window moves two pixels at a time.", "Stride 2: Das Fenster rückt um zwei Pixel weiter.")
    def stride(self) -> None:
        self.clear_output()
        self.run(2, 0.28)

    @beat("One formula gives all three sizes; ⌊ ⌋ means: round down.",
          "Eine Formel gibt alle drei Größen; ⌊ ⌋ heißt: abrunden.")
    def one_formula(self) -> None:
        tables = VGroup(self.input, self.zeros, self.window, self.output)
        self.play(FadeOut(*self.labels), tables.animate.scale(0.7).move_to(3.1 * LEFT + 1.1 * UP), run_time=0.8)
        self.general = MathTypst('"out" = floor(("in" + 2 dot "padding" - "kernel") / "stride") + 1', font_size=40)
        self.general.set_color(theme.INK).move_to(3.1 * LEFT + 1.7 * DOWN)
        self.play(FadeIn(self.general, shift=0.6 * UP), run_time=1)
        self.play(LaggedStart(*(row[1].animate(rate_func=there_and_back).scale(1.12) for row in self.rows),
                              lag_ratio=0.6), run_time=1.7)

    @beat("With padding 1, a phantom’s slice stays {slice[0]} × {slice[0]} pixels.",
          "Padding 1: Das Bild eines Phantoms bleibt {slice[0]} × {slice[0]} groß.")
    def a_slice(self) -> None:
        before, after = self.shown["slice"]
        line = formula(before, 1, 1, after).move_to(3.2 * LEFT + 2.15 * DOWN)
        source = Picture(theme.grey(self.shown["small"]), 4.2).move_to(3.2 * LEFT + 0.7 * UP)
        output = Picture(theme.signed(theme.reach_of(self.shown["map"]))(self.shown["map"]), 4.2)
        output.move_to(3.2 * RIGHT + 0.7 * UP)
        key = self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL).move_to(3.4 * RIGHT + 2.15 * DOWN)
        pixels = self.input.block(1, 1, *self.shown["patch"].shape)
        spot = source.set_z_index(-1).frame(*self.shown["corner"], *self.shown["patch"].shape)
        self.fade(self.rows, self.zeros, self.window, self.output,
                  *(cell for cell in self.input.cells if cell not in pixels.submobjects))
        self.play(pixels.animate.match_height(spot).move_to(spot), FadeIn(source, edge := output.edge.copy()),
                  self.general.animate.set_y(-2.15), run_time=1.2)
        self.play(FadeOut(self.general, pixels), run_time=theme.QUICK)
        self.play(FadeIn(line, key, shift=0.2 * UP), run_time=theme.QUICK)
        self.sweep(source, output, 1.1)
        self.remove(edge)

    def run(self, case: int, seconds: float) -> None:
        """Slide the window over the input in one of the cases, and work out the output's size."""
        padding, stride = CASES[case]
        self.output = PixelGrid(self.shown[f"output {padding} {stride}"], SIDE, plain, numbers=False).move_to(OUTPUT)
        self.window, flying = KernelWindow(self.input, KERNEL, KERNEL), []
        pace = linear if seconds < 0.2 else smooth  # quick steps flow
        inside = f"{len(patch())} + {padding} + {padding}"
        self.labels = [self.word(f"{inside} wide", f"{inside} breit").next_to(self.input, DOWN, buff=0.2)]
        self.play(Create(self.window), FadeIn(self.labels[0]), run_time=theme.QUICK)
        for row, column in np.ndindex(self.output.values.shape):
            target = self.window.place(self.input, row * stride, column * stride)
            self.play(self.window.animate.move_to(target), *flying, run_time=seconds, rate_func=pace)
            flying = [fly(self.window, self.output.cell(row, column))]
        self.play(*flying, run_time=seconds)
        self.add(self.output)
        self.labels.append(words("{0} × {0}".format(len(self.output.values))).next_to(self.output, DOWN, buff=0.2))
        self.work_out(case)

    def work_out(self, case: int) -> None:
        """The numbers at the tables move into the formula, in a row of its own."""
        padding, stride = CASES[case]
        line = formula(len(patch()), padding, stride, self.shown["sizes"][case])
        name = self.word(f"padding {padding}, stride {stride}", f"Padding {padding}, Stride {stride}", theme.MUTED)
        row = VGroup(name, line).arrange(DOWN, buff=0.14).move_to(FORMULAS + (1.95 - 1.85 * case) * UP)
        self.rows.add(row)
        self.play(FadeIn(self.labels[1], name), FadeIn(line, shift=0.4 * RIGHT), run_time=0.7)

    def clear_output(self) -> None:
        """Take the last run away."""
        self.fade(self.window, self.output, *self.labels)
