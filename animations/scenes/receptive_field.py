"""How far one number sees, layer by layer."""

from collections.abc import Callable, Iterable

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    FadeIn,
    FadeOut,
    Rectangle,
    ReplacementTransform,
    Text,
    Transform,
    VGroup,
    linear,
    smooth,
    squish_rate_func,
)

from animations import theme
from animations.arrays import load
from animations.camera import Dive, fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.mobjects import Counting, Picture, PixelGrid, backed, on_line, words
from unet_lib.models.layers import CONV_3, HALVE
from unet_lib.models.receptive_field import receptive_field, rows_seen

PIXELS, WIDE, HIGH, GAP = 20, 0.54, 0.54, 0.95
LAYERS = ("3×3", "3×3", "pool", "3×3", "3×3")
EARLY = squish_rate_func(smooth, 0, 0.6)
"""The square has grown, and its level is named, while the camera still moves."""
GEOMETRY = {"3×3": CONV_3, "pool": HALVE}


def spans(layers: tuple[str, ...], first: int) -> list[tuple[int, int]]:
    """Which cells of each row one cell of the last row depends on, rows from the pixels up: first and past last."""
    ways = [[GEOMETRY[layer] for layer in layers[row:]] for row in range(len(layers) + 1)]
    return [(low, high + 1) for low, high in (rows_seen(way, first) for way in ways)]


class ReceptiveField(ClipScene):
    """Rows of cells first, then squares on the slice that the pixels come from."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        small, middle = load("small"), np.argwhere(load("mask")).mean(axis=0).round().astype(int)
        chosen = [stage for stage in stages() if stage.name.startswith("encoder.") or stage.name == "bottleneck"]
        return {"slice": small, "centre": middle, "fields": np.array([stage.receptive_field for stage in chosen]),
                "row": small[middle[0], middle[1] - PIXELS // 2:middle[1] + PIXELS // 2],
                "two": np.array(receptive_field([CONV_3, CONV_3])),
                "with pool": np.array(receptive_field([GEOMETRY[layer] for layer in LAYERS]))}

    @beat("One number of a 3 × 3 convolution sees 3 pixels across.",
          "Eine Zahl einer 3×3-Faltung sieht 3 Pixel in der Breite.")
    def one_convolution(self) -> None:
        self.rows, self.lit, self.counted = [self.row(0)], VGroup(), VGroup()
        self.camera.frame.move_to(self.rows[0].get_y() * UP)
        self.play(FadeIn(self.rows[0], shift=0.5 * UP), run_time=theme.CALM)
        self.grow(1)
        self.light(range(2, 10), field=3)

    @beat("After a second one it sees {two}.", "Nach einer zweiten sieht sie {two}.")
    def two_convolutions(self) -> None:
        self.grow(1)
        self.light(range(11, 4, -1), field=int(self.shown["two"]))

    @beat("Pooling halves the row. After two more it sees {with pool}.",
          "Pooling halbiert die Reihe; nach zwei Faltungen sind es {with pool}.")
    def with_pooling(self) -> None:
        self.grow(3)
        self.light((3, 4, 5, 6, 5, 4), field=int(self.shown["with pool"]))

    @beat("These pixels are part of a phantom's slice.", "Diese Pixel gehören zum Schnittbild eines Phantoms.")
    def on_the_slice(self) -> None:
        self.slice = Picture(theme.grey(self.shown["slice"]), 4.7).shift(1.3 * LEFT)
        (row, column), cells = self.shown["centre"], self.rows[0][0]
        self.middle, self.field = self.slice.at(row + 0.5, column), self.square(1)
        small = self.slice.image.height / len(self.slice.image.pixel_array) / WIDE
        self.add(self.slice, *self.rows[1:], self.rows[0], self.lit)
        seen = [self.field.copy() for _ in self.lit[1:]]
        self.play(*(FadeOut(row, target_position=self.middle, scale=small) for row in self.rows[1:]),
                  *(ReplacementTransform(spot, square) for spot, square in zip(self.lit[1:], seen, strict=True)),
                  FadeOut(self.rows[0][1]), FadeOut(self.counted), FadeIn(self.slice),
                  cells.animate.scale(small).move_to(self.middle),
                  ReplacementTransform(self.lit[0], self.field), run_time=1.6)
        self.remove(self.lit, self.rows[0], *seen)
        self.add(cells, self.field)
        self.play(Dive(self.camera.frame, self.middle, 2.6), run_time=1.8)

    @beat("In the U-Net the square grows from level to level.", "Im U-Net wächst das Quadrat von Ebene zu Ebene.")
    def level_by_level(self) -> None:
        text = fixed(self.label(1, 0))
        plate = fixed(backed(self.label(len(self.shown["fields"]), self.shown["fields"].max()))[0])
        self.add(plate)
        for level, width in enumerate((1.6, 2.4, 4.4, 8, 14.2), 1):
            new, last = self.square(level - 1), self.shown["fields"][max(level - 2, 0)]
            count = Counting(text, self.counting(level, last, self.shown["fields"][level - 1]), rate_func=EARLY)
            where = self.middle if level < len(self.shown["fields"]) else self.camera.at_rest
            self.play(self.look(where, width), ReplacementTransform(self.field, new, rate_func=EARLY), count,
                      run_time=1.5)
            self.field = new

    def square(self, level: int) -> Rectangle:
        """What a number in the middle of the tumour sees, on a level counted from 0."""
        (row, column), field = self.shown["centre"], self.shown["fields"][level]
        return self.slice.frame(row + 0.5 - field / 2, column + 0.5 - field / 2, field, field)

    def label(self, level: int, field: int) -> Text:
        """Says how far a level sees, and its number unless that is 0, on the screen's upper right."""
        name, unit = {"en": ("level", "pixels"), "de": ("Ebene", "Pixel")}[self.language]
        first = f"{name} {level}: " if level else ""
        text = words(f"{first}{field} × {field} {unit}", theme.LABEL, theme.WINDOW)
        return on_line(text.align_to(6.7 * RIGHT, RIGHT), 2.3)

    def counting(self, level: int, last: int, field: int) -> Callable[[float], Text]:
        """The label while a level's square grows from the last one's; the level is named once it has its size."""
        return lambda time: fixed(self.label(level * (time > 0.999 or last == field),
                                             round(last + (field - last) * time)))

    def row(self, place: int) -> VGroup:
        """A row of cells over the pixels, with its name; after pooling the cells are twice as wide."""
        wide = WIDE * 2 ** LAYERS[:place].count("pool")
        cells = PixelGrid(self.shown["row"][None], WIDE, numbers=False) if place == 0 else VGroup(
            *(Rectangle(width=wide, height=HIGH, stroke_color=theme.LINE, stroke_width=2, fill_opacity=1,
                        fill_color=theme.SURFACE) for _ in range(round(PIXELS * WIDE / wide)))).arrange(RIGHT, buff=0)
        cells.move_to(0.5 * RIGHT + (place * GAP - 2.35) * UP)
        name = LAYERS[place - 1] if place else {"en": "pixels", "de": "Pixel"}[self.language]
        label = words(name, theme.LABEL, theme.POOL if name == "pool" else theme.CONV if place else theme.MUTED)
        return VGroup(cells, label.next_to(cells, LEFT, buff=0.4))

    def grow(self, rows: int) -> None:
        """The next rows rise out of those below."""
        self.fade(self.lit, self.counted, seconds=0.3)
        for _ in range(rows):
            new = self.row(len(self.rows))
            self.rows.append(new)
            self.play(FadeIn(new, shift=GAP * UP), self.look(VGroup(*self.rows).get_y() * UP), run_time=0.6)

    def light(self, ways: Iterable[int], field: int) -> None:
        """Light what a cell of the last row depends on, from the top down; then the cell goes along its row."""
        first, *rest = ways
        self.lit = self.spots(first)
        for spot in reversed(self.lit):
            self.play(FadeIn(spot, shift=0.3 * DOWN), run_time=0.25)
        self.counted = words(str(field), theme.TITLE, theme.WINDOW, bold=True).next_to(self.rows[0], RIGHT, buff=0.25)
        self.play(FadeIn(self.counted), run_time=0.3)
        for place in rest:
            self.play(*(Transform(spot, moved) for spot, moved in zip(self.lit, self.spots(place), strict=True)),
                      run_time=0.33, rate_func=linear)

    def spots(self, place: int) -> VGroup:
        """What one cell of the last row depends on, row by row from the pixels up; pixels stay visible."""
        spots = VGroup()
        for (cells, _), (low, high) in zip(self.rows, spans(LAYERS[:len(self.rows) - 1], place), strict=True):
            wide = cells.width / (PIXELS if len(spots) < 3 else PIXELS // 2)
            spot = Rectangle(width=(high - low) * wide, height=HIGH, color=theme.WINDOW, stroke_width=5,
                             fill_color=theme.WINDOW, fill_opacity=0.85 if len(spots) else 0)
            spots.add(spot.move_to(cells.get_left() + (low + high) / 2 * wide * RIGHT))
        return spots
