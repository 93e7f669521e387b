"""The lowest level: many maps, each number of which sees far, and each of which is coarse."""

import numpy as np
from manim import LEFT, RIGHT, UP, Create, FadeIn, FadeOut, Group, Line, Rectangle, VGroup

from animations import theme
from animations.arrays import load
from animations.camera import Dive, fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import ACTIVATION_KEY, stages
from animations.mobjects import Picture, backed, fly, on_line
from animations.stacks import FeatureStack, Sheet, fan_out

HIGH, GAP = 4.4, 0.024
"""The slice's height, and how far maps stand apart."""


class Bottleneck(ClipScene):
    """The slice, all its maps at the bottom of the U at their true size, and one of them as large as the slice."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        lowest = next(stage for stage in stages() if stage.name == "bottleneck")
        small = load("small")
        return {"slice": small, "maps": load("maps bottleneck"), "shape": np.array(lowest.shape), "mask": load("mask"),
                "field": np.array(lowest.receptive_field), "pixels": np.array(len(small) // lowest.shape[1])}

    @beat("A phantom’s slice. Bottleneck maps have {shape[1]} × {shape[2]} numbers.",
          "Ein Phantom-Schnittbild. Ganz unten: {shape[1]} × {shape[2]} Zahlen je Karte.")
    def few_numbers(self) -> None:
        self.slice = Picture(theme.grey(self.shown["slice"]), HIGH).move_to(0.1 * UP)
        side, cells = len(self.shown["slice"]), int(self.shown["shape"][1])
        steps = np.arange(1, cells) * side / cells
        lines = [Line(self.slice.at(step, 0), self.slice.at(step, side)) for step in steps]
        lines += [Line(self.slice.at(0, step), self.slice.at(side, step)) for step in steps]
        self.strokes = VGroup(*lines).set_stroke(theme.SKIP, 2, opacity=0.8)
        self.play(FadeIn(self.slice, scale=0.9), run_time=theme.CALM)
        self.play(Create(self.strokes), run_time=1.8)
        self.play(Group(self.slice, self.strokes).animate.move_to(3.5 * LEFT), run_time=theme.SLOW)

    @beat("There are {shape[0]} such maps, shown here at their true size.",
          "Es gibt {shape[0]} solche Karten, hier in ihrer wahren Größe.")
    def many_maps(self) -> None:
        self.shade = theme.activation(float(np.quantile(self.shown["maps"], 0.99)))
        small = HIGH / float(self.shown["pixels"])
        self.stack = FeatureStack([self.shade(values) for values in self.shown["maps"]], small, GAP)
        self.stack.move_to(0.55 * RIGHT)
        key = self.word(*ACTIVATION_KEY, theme.MUTED, theme.SMALL).align_to(6.9 * RIGHT, RIGHT)
        self.key = fixed(backed(on_line(key, -2.65)))
        self.play(fan_out(self.slice.image.copy(), self.stack, seconds=2.4), FadeIn(self.key))
        self.play(Dive(self.camera.frame, self.stack.get_left() + 0.6 * RIGHT, 2.2), run_time=2)
        self.play(self.look(self.stack.get_right() + 0.6 * LEFT), run_time=2.6)

    @beat("This map is brightest in the tumour.", "Diese Karte ist im Tumor am hellsten.")
    def one_map(self) -> None:
        colours = self.shade(self.shown["maps"][0])
        self.map = Picture(colours, HIGH).move_to(4.6 * RIGHT)
        large = Sheet(colours, HIGH, frontal=True).move_to(self.map)
        self.play(Dive(self.camera.frame, self.camera.at_rest, self.camera.at_rest.width),
                  fly(self.stack.front, large), run_time=2.4)
        self.remove(large)
        self.add(self.map)
        self.edge, self.other = (picture.outline(self.shown["mask"], tint=0).set_stroke(
            theme.BACKGROUND, 9, background=True) for picture in (self.slice, self.map))
        self.play(Create(self.edge), run_time=theme.CALM)
        self.play(fly(self.edge, self.other), run_time=theme.SLOW)

    @beat("Each of its numbers sees {field} × {field} pixels, beyond the slice.",
          "Jede ihrer Zahlen sieht {field} × {field} Pixel, über das Bild hinaus.")
    def how_far(self) -> None:
        values = self.shown["maps"][0]
        row, column = np.unravel_index(values.argmax(), values.shape)
        cell = self.map.frame(row, column, 1, 1)
        field = self.field(row, column)
        self.play(Create(cell), run_time=theme.QUICK)
        self.play(fly(cell, field), run_time=theme.SLOW)
        for down, right in ((row, column + 1), (row + 1, column + 1), (row + 1, column)):
            self.play(cell.animate.move_to(self.map.frame(down, right, 1, 1)),
                      field.animate.move_to(self.field(down, right)), run_time=0.8)
        self.play(FadeOut(cell), FadeOut(field), run_time=theme.QUICK)

    @beat("But each number stands for {pixels} × {pixels} pixels: that is coarse.",
          "Doch jede Zahl steht für {pixels} × {pixels} Pixel: Das ist grob.")
    def the_price(self) -> None:
        self.play(self.map.image.animate.move_to(self.slice).set_opacity(0.65),
                  self.map.edge.animate.move_to(self.slice), self.other.animate.move_to(self.edge), run_time=1.5)
        self.play(self.look(self.slice.at(60, 60), 4.4), run_time=2.2)

    def at_the_end(self) -> None:
        aside = self.slice.copy().move_to(4.6 * RIGHT)
        self.play(self.look_back(), self.map.image.animate.move_to(aside).set_opacity(1),
                  self.map.edge.animate.move_to(aside),
                  self.other.animate.shift(aside.get_center() - self.slice.get_center()), run_time=2)

    def field(self, row: int, column: int) -> Rectangle:
        """What a number sees of the slice; it reaches beyond the edges, where there is padding."""
        pixels, field = int(self.shown["pixels"]), int(self.shown["field"])
        return self.slice.frame(*(pixels * (np.array([row, column]) + 0.5) - field / 2), field, field)
