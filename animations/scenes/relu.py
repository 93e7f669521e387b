"""Negative becomes zero, positive stays."""

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    AnimationGroup,
    Create,
    Dot,
    FadeIn,
    FadeOut,
    LaggedStart,
    Line,
    MathTypst,
    MoveAlongPath,
    Transform,
    VGroup,
    VMobject,
    linear,
    there_and_back,
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import SIGNED_KEY, answers, edges
from animations.mobjects import KernelWindow, Picture, PixelGrid, Point, number, words
from unet_lib import byhand

SIDE, UNIT = 0.92, 125
"""A cell's side; how large a number is one unit along the graph's axes."""
ORIGIN, LEFTMOST, RIGHTMOST = 1.45 * DOWN, 4.75 * LEFT + 0.2 * UP, 4.75 * RIGHT + 0.2 * UP
FIRST = ((0, 3), (2, 2), (1, 3), (3, 1))
"""Rows and columns of the numbers that go first: two below 0, two above."""


class Relu(ClipScene):
    """The sums, the rule, the sums after it, and a whole map."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        whole, reach = edges(load("small"), padding=1), 1.05 * np.abs(answers()).max()
        x = np.linspace(-reach, reach, 47)
        return {"answers": answers(), "relu": byhand.relu(answers()), "map": whole, "relu map": byhand.relu(whole),
                "rule": np.stack([x, byhand.relu(x)]), "corner": load("patch") + 1}

    @beat("Sums of a convolution: some are above zero, some below.",
          "Summen einer Faltung: manche über null, manche darunter.")
    def the_answers(self) -> None:
        self.shade = theme.signed(np.abs(self.shown["answers"]).max())
        self.before = PixelGrid(self.shown["answers"], SIDE, self.shade).move_to(0.2 * UP).scale(1.2)
        self.after = PixelGrid(self.shown["relu"], SIDE, self.shade).move_to(RIGHTMOST)
        self.key = self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL).move_to(2.5 * DOWN)
        self.play(LaggedStart(*(FadeIn(self.before.entry(*place), shift=0.3 * DOWN) for place in np.ndindex(4, 4)),
                              lag_ratio=0.15), run_time=1.5)
        below = [self.before.entry(*place) for place in np.argwhere(self.shown["answers"] < 0)]
        self.add(self.before)
        self.play(FadeIn(self.key), *(entry.animate(rate_func=there_and_back).scale(1.1) for entry in below),
                  run_time=1)

    @beat("The rule max(x, 0): below zero it gives 0, above it gives x.",
          "Die Regel max(x, 0): unter null gibt sie 0, darüber x.")
    def the_rule(self) -> None:
        lines = VGroup(Line(2.6 * LEFT, 2.6 * RIGHT), Line(0.2 * DOWN, 2.8 * UP)).set_stroke(theme.MUTED, 3)
        axes = VGroup(lines, words("0", theme.LABEL, theme.MUTED).move_to(0.45 * DOWN)).shift(ORIGIN)
        points = [ORIGIN + (x * RIGHT + y * UP) / UNIT for x, y in self.shown["rule"].T]
        curve = VMobject(color=theme.INK, stroke_width=7).set_points_as_corners(points)
        formula = MathTypst("max(x, 0)", font_size=52, color=theme.INK).move_to(ORIGIN + 1.45 * LEFT + 2.75 * UP)
        there = PixelGrid(self.shown["answers"], SIDE, self.shade).move_to(LEFTMOST)
        self.play(Transform(self.before, there), Create(axes), run_time=1.2)
        dot = Dot(points[0], 0.13, color=theme.WINDOW)
        trace = [Create(curve, rate_func=linear), MoveAlongPath(dot, curve.copy(), rate_func=linear)]
        self.play(*trace, FadeIn(formula), run_time=2)
        self.rule = VGroup(axes, curve, formula, frame := KernelWindow(self.after, 4, 4, theme.LINE))
        self.play(FadeOut(dot), Create(frame), run_time=theme.CALM)

    @beat("Negative numbers become 0, positive ones stay as they are.",
          "Negative Zahlen werden 0, positive bleiben, wie sie sind.")
    def one_by_one(self) -> None:
        for place in FIRST:
            value = self.shown["answers"][place]
            label = words(number(value), theme.LABEL, theme.WINDOW).move_to(self.before.cell(*place))
            dot = Dot(self.on_axis(value), 0.13, color=theme.WINDOW)
            self.play(label.animate.move_to(self.on_axis(value) + 0.4 * DOWN), run_time=0.6)
            self.play(FadeIn(dot, scale=2), run_time=0.25)
            self.play(dot.animate.move_to(self.on_curve(value)), run_time=0.6)
            read = self.read_off(value)
            if value > 0:
                self.play(Create(read[0]), FadeIn(read[1], shift=0.3 * LEFT), run_time=theme.QUICK)
            self.play(FadeIn(self.after.entry(*place), target_position=dot), FadeOut(label, dot, read),
                      run_time=0.6)

    @beat("All other numbers go through the same rule.", "Alle anderen Zahlen gehen durch dieselbe Regel.")
    def the_change(self) -> None:
        rest = [place for place in np.ndindex(4, 4) if place not in FIRST]
        values = [self.shown["answers"][place] for place in rest]
        dots = [Dot(self.before.cell(*place).get_center(), 0.13, color=theme.WINDOW) for place in rest]
        self.play(LaggedStart(*(dot.animate.move_to(self.on_axis(value)) for dot, value in
                                zip(dots, values, strict=True)), lag_ratio=0.1), run_time=1.2)
        self.play(*(dot.animate.move_to(self.on_curve(value)) for dot, value in zip(dots, values, strict=True)),
                  run_time=1)
        arrive = [AnimationGroup(*(AnimationGroup(FadeIn(self.after.entry(*place), target_position=dot), FadeOut(dot))
                                   for dot, place in zip(dots, rest, strict=True) if place[0] == row), lag_ratio=0.25)
                  for row in range(4)]
        self.play(LaggedStart(*arrive, lag_ratio=0.8), run_time=2)

    @beat("On the map of a phantom’s slice, violet becomes dark.",
          "Auf der Karte eines Phantoms wird alles Violette dunkel.")
    def a_map(self) -> None:
        shade = theme.signed(theme.reach_of(self.shown["map"]))
        before, after = (Picture(shade(self.shown[name]), 4.7).move_to(side + 0.35 * UP)
                         for name, side in (("map", 4.5 * LEFT), ("relu map", 4.5 * RIGHT)))
        spots = [picture.frame(*self.shown["corner"], 4, 4) for picture in (before, after)]
        before.set_z_index(-1)
        self.play(FadeOut(self.rule[-1]), FadeIn(before, edge := after.edge.copy()),
                  self.rule[:-1].animate.scale(0.7).move_to(0.35 * UP), run_time=1)
        self.play(*(table.animate.match_height(spot).move_to(spot) for table, spot in
                    zip((self.before, self.after), spots, strict=True)), run_time=1.3)
        self.remove(self.before)
        self.sweep(before, after, 2)
        self.remove(self.after, edge)

    def read_off(self, value: float) -> VGroup:
        """The line from the curve to the vertical axis, and what stands there."""
        end = self.on_curve(value) * UP
        return VGroup(Line(self.on_curve(value), end + 0.12 * LEFT, color=theme.WINDOW, stroke_width=3),
                      words(number(max(value, 0)), theme.LABEL, theme.WINDOW).next_to(end, LEFT, buff=0.25))

    def on_axis(self, value: float) -> Point:
        """Where a number stands on the graph's horizontal axis."""
        return ORIGIN + value / UNIT * RIGHT

    def on_curve(self, value: float) -> Point:
        """The point of the curve above it."""
        return self.on_axis(value) + max(value, 0) / UNIT * UP
