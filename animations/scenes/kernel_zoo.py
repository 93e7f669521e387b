"""What the eight filters of a trained network's first layer make of one slice."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, FadeOut, Group, LaggedStart, Line, Transform, VGroup

from animations import theme
from animations.arrays import load
from animations.camera import fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import channel_grey
from animations.mobjects import Picture, Unroll, arrow, backed, fly, on_line, words
from unet_lib import byhand

FIRST, EDGES, AGAINST = 2, 3, 5
"""Which filters are looked at, counted from 0."""
SLICE, MAP = 1.75, 4.6
COLUMNS, HIGH, KERNEL = 4, 2.5, 0.7
SEQUENCES = {"en": ("pre-contrast", "FLAIR", "post-contrast"), "de": ("vor Kontrast", "FLAIR", "nach Kontrast")}


class KernelZoo(ClipScene):
    """One filter slowly, then the other seven at once, then a closer look at three."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        kernels, x = load("series kernels"), load("x")
        return {"x": x, "kernels": kernels, "maps": byhand.conv2d(x[None], kernels, padding=1)[0], "mask": load("mask"),
                "weights": np.array(kernels[0].size), "filters": np.array(len(kernels)),
                "rest": np.array(len(kernels) - 1)}

    @beat("A slice of a phantom, in the three sequences of a scan.",
          "Ein Schnittbild eines Phantoms, in drei Sequenzen.")
    def the_slice(self) -> None:
        self.slices = Group(*(Picture(channel_grey(channel), 3.9) for channel in self.shown["x"]))
        self.slices.arrange(RIGHT, buff=0.6).shift(0.35 * UP)
        self.names = VGroup(*(words(name, colour=theme.MUTED).next_to(picture, DOWN, buff=0.25)
                              for name, picture in zip(SEQUENCES[self.language], self.slices, strict=True)))
        first, flair, last = self.slices
        home = flair.copy()
        self.play(FadeIn(flair.scale(1.4).move_to(0.05 * UP), scale=0.9), run_time=theme.CALM)
        self.play(fly(flair, first), fly(flair, last), Transform(flair, home), FadeIn(self.names), run_time=1.6)

    @beat("A filter learnt from real patients: {weights} weights.",
          "Ein Filter, gelernt an echten Patienten: {weights} Gewichte.")
    def one_filter(self) -> None:
        self.kernels = [self.tables(place) for place in range(self.shown["filters"])]
        first, self.home = self.kernels[FIRST], self.kernels[FIRST].copy()
        column = self.slices.copy().scale(SLICE / 3.9).arrange(DOWN, buff=0.12).move_to(5.9 * LEFT)
        for table, picture in zip(first, column, strict=True):
            table.scale(SLICE / KERNEL).move_to(picture).set_x(-0.6)
        self.scale = self.word("violet: below 0, bright: above", "violett: unter 0, hell: darüber", theme.MUTED,
                               theme.SMALL)
        self.scale = fixed(backed(on_line(self.scale, -2.8).align_to(6.9 * RIGHT, RIGHT)))
        self.play(*(Transform(picture, small) for picture, small in zip(self.slices, column, strict=True)),
                  *(name.animate.next_to(small, RIGHT, buff=0.2)
                    for name, small in zip(self.names, column, strict=True)),
                  run_time=theme.SLOW)
        self.play(LaggedStart(*(FadeIn(table, shift=2 * LEFT) for table in first), lag_ratio=0.4), FadeIn(self.scale),
                  run_time=2)

    @beat("They slide over the slice row by row; all products are added.",
          "Sie gleiten zeilenweise darüber; die Produkte addieren sich.")
    def its_map(self) -> None:
        self.maps = [self.map(place) for place in range(self.shown["filters"])]
        first, self.place = self.maps[FIRST], self.maps[FIRST].get_center()
        first.scale(MAP / HIGH).move_to(4.35 * RIGHT + 0.35 * UP)
        bars = [Line(picture.at(0, 0), picture.at(0, 128), color=theme.WINDOW) for picture in (*self.slices, first)]
        self.way = arrow(self.kernels[FIRST][1].get_right(), first.get_left()[0] * RIGHT + self.slices[1].get_y() * UP)
        self.play(*(Create(bar) for bar in bars), FadeIn(self.way), run_time=theme.CALM)
        self.play(Unroll(first), *(bar.animate(rate_func=lambda t: t).shift(picture.image.height * DOWN)
                                   for bar, picture in zip(bars, (*self.slices, first), strict=True)), run_time=2.4)
        self.fade(*bars)

    @beat("The other {rest} filters on the same slice: some maps look alike.",
          "Die anderen {rest} Filter am selben Bild: manche Karten ähnlich.")
    def the_others(self) -> None:
        rest = [place for place in range(self.shown["filters"]) if place != FIRST]
        under = [Picture(channel_grey(self.shown["x"][1]), HIGH).move_to(self.maps[place]) for place in rest]
        self.play(FadeOut(self.names), FadeOut(self.way),
                  Transform(self.kernels[FIRST], self.home),
                  self.maps[FIRST].animate.scale(HIGH / MAP).move_to(self.place), run_time=1)
        self.play(LaggedStart(*(fly(self.slices[1], picture) for picture in under), lag_ratio=0.08),
                  FadeOut(self.slices), run_time=1.4)
        self.play(LaggedStart(*(FadeIn(self.kernels[place]) for place in rest), lag_ratio=0.12),
                  LaggedStart(*(Unroll(self.maps[place]) for place in rest), lag_ratio=0.12), run_time=3.2)
        self.remove(*under)

    @beat("These weights almost cancel out: flat areas stay dark.",
          "Diese Gewichte heben sich fast auf: Flächen bleiben dunkel.")
    def edges(self) -> None:
        self.play(self.look(self.pair(EDGES), width=6.6), run_time=1.3)
        self.play(self.look(self.maps[EDGES].at(55, 56), width=4.4), run_time=1.2)

    @beat("The tumour, outlined: bright in this map, violet in that.",
          "Der Tumor, umrandet: hell in dieser Karte, violett in jener.")
    def the_tumour(self) -> None:
        outlines = [self.maps[place].outline(self.shown["mask"], tint=0) for place in (FIRST, AGAINST)]
        self.play(self.look(self.pair(FIRST), width=6.6), run_time=1.3)
        self.play(Create(outlines[0]), run_time=theme.SLOW)
        self.play(self.look(self.pair(AGAINST), width=6.6), FadeOut(outlines[0], run_time=0.4), run_time=1.5)
        self.play(Create(outlines[1]), run_time=theme.SLOW)

    def at_the_end(self) -> None:
        self.play(self.look_back(), run_time=1.6)

    def pair(self, place: int) -> Group:
        """A map with its kernels."""
        return Group(self.maps[place], self.kernels[place])

    def spot(self, place: int) -> np.ndarray:
        """The middle of a filter's cell in the zoo."""
        row, column = divmod(place, COLUMNS)
        return (column - 1.5) * 3.45 * RIGHT + ((0.5 - row) * 2.65 + 0.14) * UP

    def map(self, place: int) -> Picture:
        """A filter's map at its place; all in the same colours."""
        maps = self.shown["maps"]
        return Picture(theme.signed(theme.reach_of(maps))(maps[place]), HIGH).move_to(self.spot(place) + 0.38 * RIGHT)

    def tables(self, place: int) -> Group:
        """A filter's three kernels at its place, one below the other."""
        kernels = self.shown["kernels"]
        tables = (Picture(theme.signed(np.abs(kernels).max())(kernel), KERNEL) for kernel in kernels[place])
        return Group(*tables).arrange(DOWN, buff=0.15).move_to(self.spot(place) + 1.35 * LEFT)
