"""The lowest level: what is known, but hardly where."""

import numpy as np
from manim import LEFT, RIGHT, Create, FadeIn, Line, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.mobjects import Picture, arrow


class Bottleneck(ClipScene):
    """The slice cut into few places, the map, and how much of the slice each number has seen."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        lowest = next(stage for stage in stages() if stage.name == "bottleneck")
        return {"slice": load("small"), "maps": load("maps bottleneck"), "shape": np.array(lowest.shape),
                "field": np.array(lowest.receptive_field), "mask": load("mask")}

    @beat("At the bottom of the U the slice has only {shape[1]} × {shape[2]} places.",
          "Am Grund des U hat das Bild nur noch {shape[1]} × {shape[2]} Plätze.")
    def few_places(self) -> None:
        self.slice = Picture(theme.grey(self.shown["slice"]), 5.2).shift(3.6 * LEFT)
        self.show(self.slice)
        side = len(self.shown["slice"])
        steps = np.linspace(0, side, self.shown["shape"][1] + 1)[1:-1]
        lines = [Line(self.slice.at(s, 0), self.slice.at(s, side)) for s in steps]
        lines += [Line(self.slice.at(0, s), self.slice.at(side, s)) for s in steps]
        self.lines = VGroup(*lines).set_stroke(theme.PREDICTION, 2, opacity=0.7)
        self.play(Create(self.lines), run_time=theme.SLOW)

    @beat("But it has {shape[0]} maps. One of them answers at the tumour.",
          "Dafür hat es {shape[0]} Karten. Eine antwortet am Tumor.")
    def one_map(self) -> None:
        values = self.shown["maps"][0]
        self.map = Picture(theme.signed(values.max())(values), 5.2).shift(3.6 * RIGHT)
        self.play(FadeIn(arrow(self.slice, self.map)), FadeIn(self.map, shift=0.3 * RIGHT), run_time=theme.SLOW)
        self.edge = self.slice.outline(self.shown["mask"], tint=0)
        self.play(Create(self.edge), Create(self.map.outline(self.shown["mask"], tint=0)),
                  run_time=theme.SLOW)

    @beat("The loudest of its numbers has seen most of the slice.",
          "Die lauteste ihrer Zahlen hat fast das ganze Bild gesehen.")
    def how_far(self) -> None:
        values = self.shown["maps"][0]
        row, column = np.unravel_index(values.argmax(), values.shape)
        cell = self.map.frame(row, column, 1, 1)
        side = len(self.shown["slice"])
        scale = side / len(values)
        middle, half = (np.array([row, column]) + 0.5) * scale, float(self.shown["field"]) / 2
        low, high = np.clip(middle - half, 0, side), np.clip(middle + half, 0, side)
        self.play(Create(cell), run_time=theme.CALM)
        self.play(Create(self.slice.frame(*low, *(high - low))), run_time=theme.SLOW)

    @beat("So it can tell what is there. The border is gone.", "So erkennt sie, was da ist. Der Rand ist verloren.")
    def the_price(self) -> None:
        ghost = self.map.image.copy()
        self.play(ghost.animate.move_to(self.slice).set_opacity(0.6), run_time=theme.SLOW)
        self.add(self.lines, self.edge)
        self.wait(theme.READ)
