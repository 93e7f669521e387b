"""A slice is numbers, three times over, and each pixel belongs to the tumour or does not."""

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Circle,
    Create,
    FadeIn,
    FadeOut,
    Group,
    GrowFromPoint,
    LaggedStart,
    MoveAlongPath,
    Text,
    Transform,
    VMobject,
    always_redraw,
)
from matplotlib.colors import to_rgb
from numpy.lib.stride_tricks import sliding_window_view

from animations import theme
from animations.arrays import load
from animations.camera import Dive
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, PixelGrid, fly, number, on_line, words
from animations.stacks import FeatureStack, Sheet
from unet_lib.data.slice_files import CHANNELS, FLAIR

SIDE, CELL = 6, 0.85
GERMAN = {"pre-contrast": "vor Kontrastmittel", "FLAIR": "FLAIR", "post-contrast": "nach Kontrastmittel"}
WAY = ((150, 60), (190, 120), (150, 185), (80, 180), (60, 120), (110, 92), (122, 98))
"""Rows and columns of the pixels that are visited; the last is in the tumour."""


def steepest(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Row and column of the window, about half in the tumour, whose two parts differ most in grey."""
    windows, inside = (sliding_window_view(values, (SIDE, SIDE)) for values in (picture.astype(float), mask))
    means = [(windows * part).sum((2, 3)) / np.maximum(part.sum((2, 3)), 1) for part in (inside, ~inside)]
    score = np.where(abs(inside.mean((2, 3)) - 0.5) < 0.15, means[0] - means[1], -np.inf)
    return np.array(np.unravel_index(score.argmax(), score.shape))


def yes_or_no(inside: np.ndarray) -> np.ndarray:
    """Orange where a mask is 1, dark where it is 0."""
    return np.uint8(255 * np.where(np.asarray(inside, bool)[..., None], to_rgb(theme.REFERENCE), to_rgb(theme.ZERO)))


class MriSlice(ClipScene):
    """A scan, one of its slices, a few pixels, three channels, and the question that is asked of each pixel."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        image, reference, head = load("image"), load("reference"), load("head")
        row, column = corner = steepest(image[..., FLAIR], reference)
        return {"head": head, "place": np.array([(slice_ == load("small")).all() for slice_ in head]).argmax(),
                "image": image, "reference": reference, "corner": corner,
                "patch": image[row:row + SIDE, column:column + SIDE, FLAIR]}

    @beat("A scan of a head is a stack of slices. This is a phantom’s.",
          "Ein Scan ist ein Stapel Schnittbilder, hier eines Phantoms.")
    def a_scan(self) -> None:
        stack = FeatureStack([theme.grey(values) for values in self.shown["head"]], 3.7, gap=0.45).shift(0.3 * DOWN)
        self.play(LaggedStart(*(FadeIn(sheet, shift=0.8 * DOWN) for sheet in stack), lag_ratio=0.12, run_time=2))
        chosen = stack.from_front()[int(self.shown["place"])]
        self.play(chosen.animate.shift(0.85 * UP), run_time=1)
        others = Group(*(sheet for sheet in stack if sheet is not chosen))
        self.bring_to_front(chosen)
        front = Sheet(theme.grey(self.shown["head"][int(self.shown["place"])]), 5.2, frontal=True)
        self.play(Transform(chosen, front), FadeOut(others, shift=2 * LEFT), run_time=1.5)
        self.slice = Picture(theme.grey(self.shown["image"][..., FLAIR]), 5.2)
        self.play(FadeIn(self.slice), run_time=0.3)
        self.remove(chosen)

    @beat("Each pixel is a number: the larger it is, the brighter.",
          "Jeder Pixel ist eine Zahl: je größer, desto heller.")
    def a_table(self) -> None:
        pixel = self.slice.image.height / self.slice.shape[0]
        frame = self.slice.frame(*self.shown["corner"], SIDE, SIDE)
        grid = PixelGrid(self.shown["patch"], CELL).scale(pixel / CELL).move_to(frame)
        frame.set_z_index(1)
        self.play(Create(frame), run_time=theme.QUICK)
        self.play(Dive(self.camera.frame, frame, 14.2 * pixel / CELL, run_time=2.5))
        self.play(LaggedStart(*(FadeIn(grid.entry(*place)) for place in np.ndindex(SIDE, SIDE)), lag_ratio=0.3),
                  self.look(frame.get_center() + pixel * RIGHT), run_time=1.8)
        self.play(self.look(frame.get_center() + pixel * LEFT), run_time=1.3)
        self.grid = Group(grid, frame)

    @beat("The same slice is recorded in three ways: three channels.",
          "Dieselbe Schicht, auf drei Arten aufgenommen: drei Kanäle.")
    def three_channels(self) -> None:
        self.play(FadeOut(self.grid),
                  Dive(self.camera.frame, self.camera.at_rest, self.camera.at_rest.width, run_time=1.8))
        self.channels = Group(*(Picture(theme.grey(self.shown["image"][..., c]), 4.2) for c in range(len(CHANNELS))))
        self.channels.arrange(RIGHT, buff=0.35).shift(0.5 * UP)
        self.names = Group(*(on_line(self.word(name, GERMAN[name], theme.MUTED), -2.05).match_x(picture)
                              for name, picture in zip(CHANNELS, self.channels, strict=True)))
        self.play(*(fly(self.slice, channel) for channel in self.channels), FadeOut(self.slice), run_time=1.5)
        self.play(LaggedStart(*(FadeIn(name, shift=0.2 * DOWN) for name in self.names), lag_ratio=0.3, run_time=1))

    @beat("So every pixel of a slice has three numbers.", "Zu jedem Pixel gehören also drei Zahlen.")
    def three_numbers(self) -> None:
        rings = [Circle(0.13, color=theme.WINDOW, stroke_width=5).move_to(picture.at(*WAY[0]))
                 for picture in self.channels]
        values = Group(*(always_redraw(lambda at=(ring, c): self.value(*at)) for c, ring in enumerate(rings)))
        self.show(*rings, values, seconds=theme.QUICK)
        ways = [VMobject().set_points_smoothly([picture.at(*place) for place in WAY]) for picture in self.channels]
        self.play(*(MoveAlongPath(ring, way) for ring, way in zip(rings, ways, strict=True)), run_time=3.8)
        self.probe = [*rings, values]

    @beat("The task: which of these pixels belong to the tumour?",
          "Die Aufgabe: Welche dieser Pixel gehören zum Tumor?")
    def the_task(self) -> None:
        reference = self.shown["reference"]
        lines = Group(*(picture.outline(reference) for picture in self.channels))
        self.play(*(Create(line) for line in lines), FadeOut(*self.probe),
                  *(FadeOut(name) for c, name in enumerate(self.names) if c != FLAIR), run_time=1.4)
        together = Picture(theme.grey(self.shown["image"][..., FLAIR]), 4.4).move_to(3.3 * LEFT + 0.5 * UP)
        mask = Picture(theme.signed(1)(np.zeros(reference.shape)), 4.4).move_to(2.9 * RIGHT + 0.5 * UP)
        self.bring_to_front(self.channels[FLAIR], lines[FLAIR])
        self.play(*(picture.animate.match_height(together).move_to(together) for picture in self.channels),
                  *(Transform(line, together.outline(reference)) for line in lines),
                  self.names[FLAIR].animate.match_x(together), run_time=1.2)
        self.remove(*(thing for c, pair in enumerate(zip(self.channels, lines, strict=True)) if c != FLAIR
                      for thing in pair))
        self.play(FadeIn(mask, shift=RIGHT), run_time=theme.QUICK)
        self.play(fly(lines[FLAIR], mask.outline(reference, tint=1)), run_time=1.5)
        label = self.word("mask: tumour 1, rest 0", "Maske: Tumor 1, Rest 0", theme.MUTED)
        self.play(FadeIn(on_line(label.match_x(mask), -2.05), shift=0.2 * UP), run_time=theme.CALM)
        self.pixel_by_pixel(together, mask)

    def pixel_by_pixel(self, together: Picture, mask: Picture) -> None:
        """The pixels from before once more, now beside those of the mask."""
        (row, column), patch = self.shown["corner"], self.shown["patch"]
        inside = self.shown["reference"][row:row + SIDE, column:column + SIDE]
        pixels = Picture(theme.grey(patch), together.height).move_to(together)
        greys = PixelGrid(patch, together.height / SIDE).move_to(together)
        answers = PixelGrid(inside.astype(int), mask.height / SIDE, yes_or_no).move_to(mask)
        border = pixels.outline(inside.repeat(16, 0).repeat(16, 1), tint=0)  # along the edges of pixels
        self.tables = [Group(greys, border), answers]
        self.spots = [picture.frame(row, column, SIDE, SIDE) for picture in (together, mask)]
        self.play(*map(Create, self.spots), run_time=theme.QUICK)
        self.play(*(GrowFromPoint(table, spot.get_center()) for table, spot in
                    zip(self.tables, self.spots, strict=True)), run_time=1.5)

    def at_the_end(self) -> None:
        self.play(*(FadeOut(table, target_position=spot, scale=0.03) for table, spot in
                    zip(self.tables, self.spots, strict=True)), run_time=1.3)
        self.play(FadeOut(*self.spots), self.look(0.03 * UP, 13.4), run_time=1)

    def value(self, ring: Circle, channel: int) -> Text:
        """The number of the pixel in the middle of a ring, under the channel's name."""
        picture, name = self.channels[channel], self.names[channel]
        way = (ring.get_center() - picture.at(0, 0)) * picture.shape[0] / picture.image.height
        value = self.shown["image"][int(-way[1]), int(way[0]), channel]
        return words(number(value), theme.TITLE, theme.WINDOW).move_to(name.get_x() * RIGHT + 2.6 * DOWN)
