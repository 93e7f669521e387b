"""From logits to probabilities, and from probabilities to a mask."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, Dot, FadeIn, Line, MathTypst, MoveAlongPath, VGroup, VMobject

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, number, words
from unet_lib import byhand

MARGIN, REACH = 14, 6
UPWARDS = tuple(np.round(np.arange(0.5, 0.96, 0.05), 2))
DOWNWARDS = tuple(np.round(np.arange(0.45, 0.04, -0.05), 2))
THRESHOLDS = (*UPWARDS, *UPWARDS[-2::-1], *DOWNWARDS, *DOWNWARDS[-2::-1], 0.5)
"""Where the slider stops on its way: up, down past the middle, and back to it."""


class OutputThreshold(ClipScene):
    """The shipped network's last map, the sigmoid, and a threshold that moves."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        probability = byhand.sigmoid(load("logits").astype(float))
        indices = np.argwhere(load("mask"))
        (top, left), (bottom, right) = indices.min(axis=0) - MARGIN, indices.max(axis=0) + MARGIN
        near = np.s_[top:bottom, left:right]
        return {"logits": load("logits"), "probability": probability, "near": load("small")[near],
                "near probability": probability[near], "thresholds": np.array(THRESHOLDS),
                "pixels": np.array([(probability[near] >= t).sum() for t in THRESHOLDS]),
                "curve": np.stack([x := np.linspace(-REACH, REACH, 61), byhand.sigmoid(x)])}

    @beat("The last layer gives each pixel a number, its logit.",
          "Die letzte Schicht gibt jedem Pixel eine Zahl, das Logit.")
    def logits(self) -> None:
        values = self.shown["logits"]
        self.left = Picture(theme.signed(theme.reach_of(values))(values), 4.2).shift(4.8 * LEFT)
        self.show(self.left)

    @beat("The sigmoid makes a probability of it, from 0 to 1.",
          "Die Sigmoid-Funktion macht daraus eine Wahrscheinlichkeit.")
    def probabilities(self) -> None:
        points = [0.28 * x * RIGHT + (3 * y - 1.2) * UP for x, y in self.shown["curve"].T]
        axes = VGroup(Line(1.75 * LEFT, 1.75 * RIGHT), Line(0.3 * DOWN, 3.4 * UP)).set_stroke(theme.LINE, 3)
        curve = VMobject(color=theme.PREDICTION, stroke_width=7).set_points_as_corners(points)
        dot = Dot(points[0], radius=0.13, color=theme.WINDOW)
        ends = VGroup(words("0", 26, theme.MUTED).next_to(points[0], DOWN, buff=0.2),
                      words("1", 26, theme.MUTED).next_to(points[-1], UP, buff=0.35))
        self.show(axes.shift(1.2 * DOWN), ends)
        self.play(Create(curve), run_time=theme.CALM)
        self.play(FadeIn(dot), run_time=theme.QUICK)
        self.play(MoveAlongPath(dot, curve.copy()), run_time=theme.SLOW)
        right = Picture(theme.probability(self.shown["probability"]), 4.2).shift(4.8 * RIGHT)
        formula = MathTypst("1 / (1 + e^(-x))", font_size=40, color=theme.PREDICTION).move_to(2.1 * DOWN)
        self.play(FadeIn(right, shift=0.3 * RIGHT), FadeIn(formula), run_time=theme.CALM)

    @beat("Tumour is what reaches the threshold.", "Tumor ist, was die Schwelle erreicht.")
    def the_threshold(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        self.near = Picture(theme.grey(self.shown["near"]), 5.3).shift(2.9 * LEFT)
        self.rail = Line(2 * DOWN, 2 * UP, color=theme.LINE, stroke_width=8).shift(2.1 * RIGHT)
        ends = VGroup(words("0", 26, theme.MUTED).next_to(self.rail, DOWN, buff=0.15),
                      words("1", 26, theme.MUTED).next_to(self.rail, UP, buff=0.15))
        self.show(self.near, self.rail, ends)
        self.mask = None
        self.knob = Dot(self.rail.get_center(), radius=0.18, color=theme.WINDOW)
        self.at(0)

    @beat("Higher: fewer pixels. Lower: more.", "Höher: weniger Pixel. Niedriger: mehr.")
    def it_moves(self) -> None:
        for place in range(1, len(THRESHOLDS)):
            self.at(place)
            self.wait(0.15)

    def at(self, place: int) -> None:
        """Put the slider at one of its stops, with the mask and its size."""
        threshold, pixels = (self.shown[name][place] for name in ("thresholds", "pixels"))
        self.remove(*([self.mask, self.says] if self.mask else []))
        self.mask = self.near.outline(self.shown["near probability"] >= threshold, theme.PREDICTION)
        self.knob.move_to(self.rail.point_from_proportion(float(threshold)))
        unit = {"en": "pixels", "de": "Pixel"}[self.language]
        self.says = VGroup(words(number(threshold, 2), theme.TITLE, theme.WINDOW),
                           words(f"{pixels} {unit}", theme.LABEL)).arrange(DOWN, buff=0.3, aligned_edge=LEFT)
        self.add(self.mask, self.knob, self.says.move_to(4.6 * RIGHT).align_to(3.2 * RIGHT, LEFT))
