"""How wrong, in one number; and downhill, step by step."""

from itertools import pairwise

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Create,
    Dot,
    FadeIn,
    FadeOut,
    LaggedStart,
    Line,
    MoveAlongPath,
    Text,
    Transform,
    VGroup,
    there_and_back,
)
from manim import ReplacementTransform as Replace

from animations import theme
from animations.arrays import load
from animations.axes import Axes
from animations.clip_scene import ClipScene, beat
from animations.examples import around_tumour
from animations.mobjects import Counting, Picture, Point, arrow, number, on_line, words
from unet_lib import byhand

START, RATE, STEPS, FIRST, LAST = 4.8, 100, 9, -8.0, 5.0
"""Gradient descent on the last bias of the shipped network, everything else left as it is."""
HALF = 28
"""Half the side of what is shown of the slice, in pixels."""
CORNER, SIZE, HIGHEST = np.array([-5.4, -1.8, 0]), (11.6, 4.0), (5.0, 0.11)
"""The axes, and how high the loss goes on them: of one pixel, and of the slice."""


def loss_and_gradient(bias: float) -> tuple[float, float]:
    """BCE over the slice with the last bias moved by so much, and how it changes with it."""
    logits, mask = load("logits").astype(float) + bias, load("mask").astype(float)
    return float(byhand.bce(logits, mask)), float(byhand.bce_backward(logits, mask).sum())


class LossAndDescent(ClipScene):
    """BCE for one pixel, for the whole slice along one weight, the gradient, and the way down."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        chances = np.concatenate([np.exp(-np.linspace(HIGHEST[0], 1, 40)), np.linspace(0.4, 0.999, 40)])
        one_pixel = [float(byhand.bce(np.log(p) - np.log1p(-p), np.ones(1))) for p in chances[:, None]]
        weights, way = np.linspace(FIRST, LAST, 80), [START]
        for _ in range(STEPS):
            way.append(way[-1] - RATE * loss_and_gradient(way[-1])[1])
        losses, gradients = np.array([loss_and_gradient(w) for w in way]).T
        near = around_tumour(HALF)
        return {"pixel": np.stack([chances, one_pixel]), "rate": np.array(RATE),
                "curve": np.stack([weights, [loss_and_gradient(w)[0] for w in weights]]),
                "way": np.stack([way, losses]), "gradients": gradients, "gradient": gradients[0],
                "slice": load("small")[near], "mask": load("mask")[near],
                "answers": load("logits")[near] + np.array(way)[:, None, None] >= 0}

    @beat("One tumour pixel: the surer the mistake, the larger the loss.",
          "Ein Tumorpixel: je sicherer falsch, desto größer der Verlust.")
    def one_pixel(self) -> None:
        chances, losses = self.shown["pixel"]
        self.axes = Axes(CORNER, SIZE, (0, 1), (0, HIGHEST[0]), {0: "0", 0.5: self.figure(0.5, 1), 1: "1"},
                         {level: number(level) for level in range(6)})
        self.curve = self.axes.curve(chances, losses)
        self.names = self.named("probability of tumour", "Wahrscheinlichkeit von Tumor")
        self.show(self.axes, self.names)
        self.play(Create(self.curve), run_time=1.6)
        dot = Dot(self.curve.get_end(), radius=0.15, color=theme.WINDOW)
        back = self.axes.curve(chances[::-1], losses[::-1])
        read = Counting(words("0"), lambda t: self.reading((back.point_from_proportion(t)[0] - CORNER[0]) / SIZE[0]),
                        run_time=4)
        self.play(MoveAlongPath(dot, back, run_time=4), read)
        self.dot, self.says = dot, read.mobject

    @beat("Towards probability 0 it grows without limit.", "Zur Wahrscheinlichkeit 0 hin wächst er über alle Grenzen.")
    def no_limit(self) -> None:
        start = self.curve.get_start()
        self.beyond = arrow(start, start + 0.75 * UP, theme.INK, gap=0)
        self.play(self.dot.animate.shift(0.8 * UP).set_opacity(0), Create(self.beyond), FadeOut(self.says),
                  run_time=1.7)

    @beat("The mean over a phantom’s slice, as one bias is changed.",
          "Mittel über ein Phantom-Schnittbild; ein Bias ändert sich.")
    def whole_slice(self) -> None:
        before, curve, names = self.axes, self.curve, self.names
        self.axes = Axes(CORNER, SIZE, (FIRST, LAST), (0, HIGHEST[1]), {x: number(x) for x in (-8, -4, 0, 4)},
                         {0: "0", 0.05: self.figure(0.05, 2), 0.1: self.figure(0.1, 2)})
        self.curve = self.axes.curve(*self.shown["curve"])
        self.names = self.named("change of the last bias", "Änderung des letzten Bias")
        self.play(FadeOut(before, names, self.beyond), FadeIn(self.axes, self.names), Replace(curve, self.curve),
                  run_time=2)
        self.picture = Picture(theme.grey(self.shown["slice"]), 3.45).move_to(0.7 * RIGHT + 1.03 * UP)
        self.orange = self.picture.outline(self.shown["mask"], tint=0).set_stroke(width=3).set_z_index(1)
        self.play(FadeIn(self.picture, shift=0.4 * DOWN), run_time=theme.CALM)
        self.play(Create(self.orange), run_time=1.6)

    @beat("The gradient is the slope here: uphill is to the right.",
          "Der Gradient ist die Steigung: Nach rechts geht es bergauf.")
    def the_gradient(self) -> None:
        self.ball = Dot(self.on_curve(0), radius=0.18, color=theme.WINDOW)
        self.play(FadeIn(self.ball, shift=0.6 * UP), run_time=theme.CALM)
        self.tangent, self.blue, self.says = self.tangent_at(0), self.outline(0), self.formula(0)
        self.play(Create(self.tangent), Create(self.blue), run_time=1.6)
        self.play(FadeIn(self.says, shift=0.2 * UP), run_time=theme.SLOW)

    @beat("Each step goes against it: large where it is steep.", "Jeder Schritt geht gegen ihn: groß, wo es steil ist.")
    def downhill(self) -> None:
        weights, self.traces = self.shown["way"][0], []
        for step, (here, there) in enumerate(pairwise(weights), 1):
            trace = Dot(self.ball.get_center(), radius=0.08, color=theme.WINDOW).set_opacity(0.6)
            self.traces.append(trace)
            self.add(trace, self.ball)
            piece = np.linspace(here, there, 12)
            path = self.axes.curve(piece, [loss_and_gradient(w)[0] for w in piece])
            old, self.says = self.says, self.formula(step)
            self.play(MoveAlongPath(self.ball, path), Transform(self.tangent, self.tangent_at(step)), FadeOut(old),
                      FadeIn(self.says), Transform(self.blue, self.outline(step)), run_time=1.5 if step < 4 else 0.5)

    def at_the_end(self) -> None:
        """The steps light up once more, one after the other."""
        lit = [trace.animate(rate_func=there_and_back).scale(2.2).set_opacity(1) for trace in self.traces]
        self.play(LaggedStart(*lit, lag_ratio=0.4), run_time=1.7)

    def outline(self, step: int) -> VGroup:
        """What the network marks after some steps."""
        return self.picture.outline(self.shown["answers"][step], theme.PREDICTION, tint=0).set_stroke(width=6)

    def formula(self, step: int) -> VGroup:
        """The loss and the gradient after some steps."""
        loss, slope = (self.figure(values[step], 3) for values in (self.shown["way"][1], self.shown["gradients"]))
        lines = self.word(f"loss {loss}", f"Verlust {loss}"), self.word(f"gradient {slope}", f"Gradient {slope}")
        return VGroup(*lines).arrange(DOWN, buff=0.25, aligned_edge=LEFT).move_to(2.85 * LEFT + 1.6 * UP)

    def reading(self, chance: float) -> Text:
        """A pixel's probability and its loss."""
        probability, loss = self.figure(chance, 3), self.figure(-np.log(chance), 1)
        return self.word(f"probability {probability}, loss {loss}", f"Wahrscheinlichkeit {probability}, Verlust {loss}",
                         theme.WINDOW).move_to(1.6 * UP + 1.5 * RIGHT)

    def on_curve(self, step: int) -> Point:
        """Where the ball is after some steps."""
        return self.axes.at(*self.shown["way"][:, step])

    def tangent_at(self, step: int) -> Line:
        """The slope there, as a line."""
        along = np.array([1, self.shown["gradients"][step]]) * self.axes.unit
        reach = 1.3 * np.array([*along, 0]) / np.linalg.norm(along)
        return Line(self.on_curve(step) - reach, self.on_curve(step) + reach, color=theme.SKIP, stroke_width=5)

    def named(self, en: str, de: str) -> VGroup:
        """The names of the axes; the vertical one is the loss."""
        across = on_line(self.word(en, de, theme.MUTED, theme.SMALL).align_to(self.axes.x_line, RIGHT), -2.65)
        up = self.word("loss", "Verlust", theme.MUTED, theme.SMALL).next_to(self.axes.y_line, UP, buff=0.25)
        up.align_to(self.axes.corner + 0.15 * LEFT, RIGHT)  # beside where the curve leaves the picture
        return VGroup(across, up)
