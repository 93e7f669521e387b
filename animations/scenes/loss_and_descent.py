"""How wrong, in one number; and downhill, step by step."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, Dot, FadeIn, FadeOut, Line, MoveAlongPath, VGroup, VMobject

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Point, number, words
from unet_lib import byhand

START, RATE, STEPS, FIRST, LAST = 4.8, 40, 14, -10.0, 5.0
"""Gradient descent on the last bias of the shipped network, everything else left as it is."""
CORNER, WIDE, HIGH = np.array([-4.9, -2.0, 0]), 10.4, 4.3


def loss_and_gradient(bias: float) -> tuple[float, float]:
    """BCE over the slice with the last bias moved by so much, and how it changes with it."""
    logits, mask = load("logits").astype(float) + bias, load("mask").astype(float)
    return float(byhand.bce(logits, mask)), float(byhand.bce_backward(logits, mask).sum())


class LossAndDescent(ClipScene):
    """BCE for one pixel, for the whole slice along one weight, the gradient, and the way down."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        chances = np.linspace(0.02, 1, 50)
        one_pixel = [float(byhand.bce(np.array([np.log(p) - np.log1p(-p)]), np.ones(1))) if p < 1 else 0.0
                     for p in chances]
        weights, way = np.linspace(FIRST, LAST, 76), [START]
        for _ in range(STEPS):
            way.append(way[-1] - RATE * loss_and_gradient(way[-1])[1])
        return {"pixel": np.stack([chances, one_pixel]),
                "curve": np.stack([weights, [loss_and_gradient(w)[0] for w in weights]]),
                "way": np.stack([way, [loss_and_gradient(w)[0] for w in way]]),
                "gradient": np.array(loss_and_gradient(START)[1])}

    @beat("One tumour pixel: the surer the mistake, the larger the loss.",
          "Ein Tumorpixel: je sicherer falsch, desto größer der Verlust.")
    def one_pixel(self) -> None:
        chances, losses = self.shown["pixel"]
        self.scale, self.zero = np.array([WIDE / 1.0, HIGH / losses.max()]), 0.0
        points = self.points(chances, losses)
        axes = self.axes(self.word("probability of tumour", "Wahrscheinlichkeit von Tumor", theme.MUTED))
        ends = [words(text, theme.LABEL, theme.MUTED).next_to(self.points([x], [0])[0], DOWN, buff=0.2)
                for x, text in ((0.0, "0"), (1.0, "1"))]
        curve = VMobject(color=theme.PREDICTION, stroke_width=7).set_points_as_corners(points)
        dot = Dot(points[-1], radius=0.16, color=theme.WINDOW)
        self.show(axes, *ends)
        self.play(Create(curve), FadeIn(dot), run_time=theme.SLOW)
        self.play(MoveAlongPath(dot, VMobject().set_points_as_corners(points[::-1])), run_time=2)

    @beat("The mean over all pixels, as one weight is moved.",
          "Das Mittel über alle Pixel, während ein Gewicht wandert.")
    def whole_slice(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        weights, losses = self.shown["curve"]
        self.scale, self.zero = np.array([WIDE / (LAST - FIRST), HIGH / losses.max()]), FIRST
        self.show(self.axes(self.word("weight", "Gewicht", theme.MUTED)))
        curve = VMobject(color=theme.PREDICTION, stroke_width=7).set_points_as_corners(self.points(weights, losses))
        self.play(Create(curve), run_time=theme.SLOW)

    @beat("The slope says which way is down.", "Die Steigung sagt, wo es hinuntergeht.")
    def the_gradient(self) -> None:
        self.dots = self.points(*self.shown["way"])
        self.ball = Dot(self.dots[0], radius=0.18, color=theme.WINDOW)
        direction = np.array([1, float(self.shown["gradient"]), 0]) * [*self.scale, 0]
        reach = 1.2 * direction / np.linalg.norm(direction)
        self.tangent = Line(self.dots[0] - reach, self.dots[0] + reach, color=theme.REFERENCE, stroke_width=6)
        self.show(self.ball, seconds=theme.QUICK)
        self.play(Create(self.tangent), run_time=theme.CALM)

    @beat("Step, look, step: large where it is steep, then small.",
          "Schritt, schauen, Schritt: erst große, dann kleine.")
    def downhill(self) -> None:
        self.fade(self.tangent)
        losses = self.shown["way"][1]
        says = None
        for place in range(1, len(self.dots)):
            trace = Dot(self.ball.get_center(), radius=0.08, color=theme.WINDOW).set_opacity(0.6)
            self.add(trace, self.ball)
            new = self.says(losses[place])
            self.play(self.ball.animate.move_to(self.dots[place]), FadeIn(new), *([FadeOut(says)] if says else []),
                      run_time=0.6 if place < 4 else 0.3)
            says = new

    def says(self, loss: float) -> VGroup:
        """The loss as a number, in the empty middle."""
        return VGroup(self.word("loss", "Verlust", theme.MUTED), words(number(loss, 3), theme.TITLE, theme.WINDOW)
                      ).arrange(RIGHT, buff=0.35).move_to(1.6 * UP + 0.8 * LEFT)

    def points(self, across: np.ndarray, up: np.ndarray) -> list[Point]:
        """Values as points on the screen."""
        return [CORNER + (x - self.zero) * self.scale[0] * RIGHT + y * self.scale[1] * UP
                for x, y in zip(across, up, strict=True)]

    def axes(self, name: VGroup) -> VGroup:
        """Two lines with their names; the vertical one is the loss."""
        lines = VGroup(Line(CORNER, CORNER + WIDE * RIGHT), Line(CORNER, CORNER + (HIGH + 0.3) * UP))
        loss = self.word("loss", "Verlust", theme.MUTED)
        return VGroup(lines.set_stroke(theme.LINE, 3), name.next_to(lines[0], DOWN, buff=0.25),
                      loss.next_to(lines[1], LEFT, buff=0.25).set_y(lines[1].get_top()[1] - 0.2))
