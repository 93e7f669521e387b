"""The whole U-Net in depth: a slice flows through it, and the camera dives into one window of one convolution."""

from itertools import pairwise

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RESAMPLING_ALGORITHMS,
    RIGHT,
    UP,
    Animation,
    AnimationGroup,
    Create,
    FadeIn,
    FadeOut,
    FadeTransform,
    Group,
    LaggedStart,
    Rectangle,
    Square,
    Text,
    rush_into,
)
from manim import ReplacementTransform as Replace

from animations import theme
from animations.arrays import load
from animations.camera import Dive, fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.mobjects import Picture, PixelGrid, on_line, words
from animations.stacks import become, fan_out
from animations.u_in_depth import STAGES, VIEWS, face, height_of, skip_arrow, spot, stack_of
from unet_lib import byhand

FLAIR, OTHERS = 1, (2, 0)
CHANNELS = ("pre", "FLAIR", "post")
SIDE = 1.5
"""Of a cell in the window, when the camera is close."""


class Unet(ClipScene):
    """Down, through the bottleneck, and up again, every map a sheet."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan = {stage.name: stage for stage in stages()}
        row, column = load("patch")
        weights, window = load("first conv1.weight")[0], load("x")[:, row:row + 3, column:column + 3]
        return {"x": load("x"), "answer": byhand.sigmoid(load("logits")),
                "corner": load("patch"), "window": window[FLAIR],
                "kernel": weights[FLAIR], "products": window[FLAIR] * weights[FLAIR],
                "sums": (window * weights).sum((1, 2)), "total": np.array((window * weights).sum()),
                "shapes": np.array([plan[name].shape for name in STAGES]),
                **{name: load(f"maps {name}") for name in STAGES}}

    @beat("A slice of a phantom enters: three channels, {x.shape[1]} pixels wide.",
          "Ein Phantom-Schnittbild tritt ein: drei Kanäle, {x.shape[2]} Pixel breit.")
    def the_slice(self) -> None:
        greys = [theme.grey(150 * (channel - channel.min()) / np.ptp(channel)) for channel in self.shown["x"]]
        self.input = face("input", greys[FLAIR]).set_resampling_algorithm(RESAMPLING_ALGORITHMS["nearest"])
        behind = [face("input", greys[channel]).shift((place + 1) * 0.28 * (RIGHT + 0.5 * UP))
                  for place, channel in enumerate(OTHERS)]
        self.channels = Group(*reversed(behind), self.input)
        self.camera.frame.set(width=8).move_to(spot("input") + 0.4 * RIGHT)
        self.play(LaggedStart(*(FadeIn(one, shift=2.5 * RIGHT) for one in self.channels), lag_ratio=0.3),
                  self.look(spot("input") + 0.3 * RIGHT, 7), run_time=2.4)

    @beat("One window: nine products in each channel, added up.",
          "Ein Fenster: neun Produkte in jedem Kanal, addiert.")
    def one_window(self) -> None:
        pixel = height_of("input") / self.shown["x"].shape[1]
        self.unit, (row, column) = pixel / SIDE, self.shown["corner"]
        corner = self.input.get_corner(UP + LEFT)
        self.middle = corner + pixel * ((column + 1.5) * RIGHT + (row + 1.5) * DOWN)
        edge = Square(3 * pixel, color=theme.WINDOW, stroke_width=5).move_to(self.middle)
        self.play(Create(edge), run_time=theme.CALM)
        self.play(Dive(self.camera.frame, self.middle + 1.8 * self.unit * RIGHT, 14.2 * self.unit), run_time=2.6)
        window = self.table("window", theme.signed(3), 1)
        kernel = self.table("kernel", theme.signed(0.2), 2).shift(5.6 * self.unit * RIGHT)
        self.play(FadeIn(window), FadeIn(kernel), run_time=theme.CALM)
        products = self.table("products", theme.signed(0.4), 2)
        self.play(kernel.animate.move_to(self.middle), run_time=theme.SLOW)
        self.play(Replace(window, products), FadeOut(kernel), run_time=theme.SLOW)
        self.add_up(products, edge)

    @beat("The block makes {shapes[0][0]} maps: violet is 0, yellow its top 1 %.",
          "{shapes[0][0]} Karten: Violett ist 0, Gelb das oberste Prozent.")
    def first_block(self) -> None:
        self.stacks, self.readout = {"encoder.1": stack_of("encoder.1")}, None
        self.play(fan_out(self.input, self.stacks["encoder.1"], 2.4), FadeOut(self.dot),
                  self.reading(*self.shown["shapes"][0]), run_time=2.4)
        self.play(self.look(spot("encoder.1") + 0.6 * DOWN, 8), run_time=1.2)

    @beat("Down: half the height and width, twice as many maps.",
          "Abwärts: halb so hoch und breit, doppelt so viele Karten.")
    def down(self) -> None:
        for before, name in pairwise(STAGES[:4]):
            self.step(before, name)

    @beat("At the bottom: {shapes[4][0]} maps, {shapes[4][1]} by {shapes[4][2]} pixels each.",
          "Ganz unten: {shapes[4][0]} Karten, jede {shapes[4][1]} mal {shapes[4][2]} Pixel.")
    def at_the_bottom(self) -> None:
        self.step("encoder.4", "bottleneck", 2)
        self.play(self.look(spot("bottleneck") + 0.6 * LEFT, 2.2), run_time=1.4)

    @beat("Up: maps grow, and skips bring the encoder's maps across.",
          "Aufwärts: Karten wachsen, Skips bringen die des Encoders.")
    def up(self) -> None:
        below = "bottleneck"
        for level in range(4, 0, -1):
            self.climb(level, below)
            below = f"decoder.{level}"

    @beat("Out comes a probability for every pixel, and the mask.",
          "Heraus kommen Wahrscheinlichkeiten, daraus die Maske.")
    def out(self) -> None:
        answer = self.shown["answer"]
        output = Group(face("output", theme.probability(answer)))
        self.play(become(self.copies("decoder.1"), output, 2), self.reading(1, *answer.shape), run_time=2)
        slice_here = face("output", theme.grey(load("small")))
        self.play(Replace(output[0], slice_here), run_time=theme.CALM)
        frame = Picture(theme.grey(load("small")), height_of("output")).move_to(spot("output"))
        self.play(Create(frame.outline(answer > 0.5, theme.PREDICTION)), run_time=1.6)

    # ---- pieces ----

    def add_up(self, products: PixelGrid, edge: Square) -> None:
        """Nine products become their sum; with the other channels' it is one pixel of a map, which flies out."""
        plate = Rectangle(width=6.2, height=6, stroke_width=0, fill_opacity=0.8, color=theme.BACKGROUND)
        plate.scale(self.unit).move_to(self.middle + 5.9 * self.unit * RIGHT)
        total, *rest = (self.beside(f"{CHANNELS[channel]} {self.figure(float(self.shown['sums'][channel]), 4)}", height)
                        for channel, height in ((FLAIR, 1.5), (OTHERS[0], 0.5), (OTHERS[1], -0.5)))
        moves = [label.animate.move_to(total).set_opacity(0) for label in products.labels]
        self.play(FadeIn(plate), run_time=theme.QUICK)
        self.play(*moves, FadeIn(total, rate_func=rush_into), run_time=1.4)
        self.play(*(FadeIn(one, shift=self.unit * LEFT) for one in rest), run_time=theme.CALM)
        answer = self.beside(f"Σ {self.figure(float(self.shown['total']), 4)}", -1.8, theme.WINDOW)
        leave = [one.copy().animate(remover=True).move_to(answer).set_opacity(0) for one in (total, *rest)]
        self.play(*leave, FadeIn(answer, rate_func=rush_into), run_time=theme.CALM)
        self.dot = Square(0.06, stroke_width=0, fill_opacity=1, color=theme.WINDOW)
        self.dot.move_to(spot("encoder.1") + 0.4 * LEFT)
        self.remove(*products.labels)
        self.play(FadeOut(products.cells, plate, total, *rest), run_time=theme.QUICK)
        self.play(Dive(self.camera.frame, spot("encoder.1") + 0.8 * LEFT, 7), FadeOut(edge),
                  FadeTransform(answer, self.dot), run_time=2.2)

    def step(self, before: str, name: str, seconds: float = 1.7) -> None:
        """A stack's sheets go down to the next stage and become its maps; the camera goes along."""
        self.stacks[name] = stack_of(name)
        self.play(become(self.copies(before), self.stacks[name], seconds), self.look(*VIEWS[name]),
                  self.reading(*self.shown["shapes"][STAGES.index(name)]), run_time=seconds)

    def climb(self, level: int, below: str) -> None:
        """Maps from below grow, the encoder's fly across, and together they become the decoder's."""
        name, values = f"decoder.{level}", load(f"maps up.{level}")
        came = stack_of(f"up.{level}", values, theme.signed(theme.reach_of(values)))
        self.play(become(self.copies(below), came, 1.4), self.look(*VIEWS[name]), run_time=1.4)
        flying = self.copies(f"encoder.{level}")
        self.play(Create(skip_arrow(level)), flying.animate.move_to(spot(name)), run_time=1.4)
        self.stacks[name] = stack_of(name)
        self.play(become(Group(*flying, *came), self.stacks[name], 1.1),
                  self.reading(*self.shown["shapes"][STAGES.index(name)]), run_time=1.1)
        self.remove(*flying, *came)

    def copies(self, name: str) -> Group:
        """Copies of a stage's sheets, to travel on while the stage stays."""
        return Group(*(sheet.copy() for sheet in self.stacks[name]))

    def reading(self, channels: int, height: int, width: int) -> Animation:
        """What the camera is with, on the screen: how many maps, and their size."""
        maps = {"en": "map" if channels == 1 else "maps", "de": "Karte" if channels == 1 else "Karten"}[self.language]
        text = words(f"{channels} {maps}, {height} × {width}", theme.LABEL, theme.MUTED)
        text = fixed(on_line(text.to_edge(RIGHT, buff=0.4), theme.TOP - 0.12))
        old, self.readout = self.readout, text
        if old is None:
            return FadeIn(text)
        return AnimationGroup(FadeOut(old, rate_func=lambda time: min(1, 3 * time)),
                              FadeIn(text, rate_func=lambda time: max(0, 3 * time - 2)))

    def table(self, name: str, shade: theme.Shade, decimals: int) -> PixelGrid:
        """A table of nine numbers that lies exactly on the window's nine pixels."""
        grid = PixelGrid(self.shown[name], SIDE, shade, size=30, decimals=decimals)
        return grid.scale(self.unit).move_to(self.middle)

    def beside(self, text: str, height: float, colour: str = theme.INK) -> Text:
        """Words beside the window, in the close camera's units."""
        line = words(text, 44, colour).scale(self.unit)
        return line.next_to(self.middle + self.unit * (3.2 * RIGHT + height * UP), RIGHT, buff=0)
