"""Negative becomes zero, positive stays."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, Dot, FadeIn, FadeOut, Line, MathTypst, MoveAlongPath, VGroup, VMobject

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import answers, edges
from animations.mobjects import Picture, PixelGrid, arrow
from unet_lib import byhand

REACH = 2.3


class Relu(ClipScene):
    """The answers, the rule, the answers after it, and a whole map."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        whole = edges(load("small"), padding=1)
        return {"answers": answers(), "relu": byhand.relu(answers()), "map": whole, "relu map": byhand.relu(whole),
                "rule": np.stack([x := np.linspace(-REACH, REACH, 47), byhand.relu(x)])}

    @beat("A kernel’s answers: bright for plus, blue for minus.", "Die Antworten eines Kernels: hell plus, blau minus.")
    def the_answers(self) -> None:
        self.shade = theme.signed(np.abs(self.shown["answers"]).max())
        self.grid = PixelGrid(self.shown["answers"], 1.15, self.shade, size=theme.LABEL).shift(3.7 * LEFT)
        self.show(self.grid)

    @beat("The rule: below zero, say nothing.", "Die Regel: unter null wird geschwiegen.")
    def the_rule(self) -> None:
        origin = 3.6 * RIGHT + 1.1 * DOWN
        axes = VGroup(Line(REACH * LEFT, REACH * RIGHT), Line(0.6 * DOWN, 2.6 * UP)).set_stroke(theme.LINE, 3)
        axes.shift(origin)
        points = [origin + x * RIGHT + y * UP for x, y in self.shown["rule"].T]
        curve = VMobject(color=theme.PREDICTION, stroke_width=7).set_points_as_corners(points)
        formula = MathTypst("max(x, 0)", font_size=52, color=theme.PREDICTION).move_to(origin + 1.35 * LEFT + 1.9 * UP)
        dot = Dot(points[0], radius=0.13, color=theme.WINDOW)
        self.show(axes)
        self.play(Create(curve), FadeIn(formula), run_time=theme.SLOW)
        self.show(dot, seconds=theme.QUICK)
        path = VMobject().set_points_as_corners(points)
        self.play(MoveAlongPath(dot, path), run_time=2)
        self.rule = VGroup(axes, curve, formula, dot)

    @beat("Every negative number becomes 0.", "Jede negative Zahl wird 0.")
    def the_change(self) -> None:
        after = PixelGrid(self.shown["relu"], 1.15, self.shade, size=theme.LABEL).move_to(self.grid)
        for row, column in zip(*np.nonzero(self.shown["answers"] < 0), strict=True):
            old, new = self.grid.entry(row, column), after.entry(row, column)
            self.play(FadeOut(old), FadeIn(new), run_time=0.35)
        self.remove(*self.grid.get_family())  # what did not change
        self.add(after)
        self.grid = after

    @beat("On a whole map: the blue half falls silent.", "Auf einer ganzen Karte: Die blaue Hälfte verstummt.")
    def a_map(self) -> None:
        self.fade(self.grid, self.rule)
        shade = theme.signed(theme.reach_of(self.shown["map"]))
        before, after = (Picture(shade(self.shown[name]), 5.4) for name in ("map", "relu map"))
        self.show(before.shift(3.7 * LEFT))
        way = arrow(before, after.shift(3.7 * RIGHT))
        self.show(way, MathTypst("max(x, 0)", font_size=34, color=theme.PREDICTION).next_to(way, UP, buff=0.25), after,
                  seconds=theme.SLOW)
