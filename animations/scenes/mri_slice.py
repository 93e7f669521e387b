"""A slice is numbers, three times over."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, Group, GrowFromPoint

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, PixelGrid, words, zoom_lines
from unet_lib.data.slice_files import CHANNELS, FLAIR

SIDE = 6
GERMAN = {"pre-contrast": "vor Kontrastmittel", "FLAIR": "FLAIR", "post-contrast": "nach Kontrastmittel"}


class MriSlice(ClipScene):
    """Picture, numbers, channels, and the expert's answer."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        image, reference = load("image"), load("reference")
        row = int(np.flatnonzero(reference.any(axis=1)).mean())
        corner = np.array([row, int(np.argmax(reference[row])) - SIDE // 2])
        patch = image[corner[0]:corner[0] + SIDE, corner[1]:corner[1] + SIDE, FLAIR]
        return {"image": image, "reference": reference, "corner": corner, "patch": patch}

    @beat("One slice through a head, as a scanner sees it.", "Ein Schnitt durch einen Kopf, wie ihn ein Scanner sieht.")
    def a_picture(self) -> None:
        self.slice = Picture(theme.grey(self.shown["image"][..., FLAIR]), 5.4)
        size = words("{} × {} pixels".format(*self.slice.shape) if self.language == "en"
                     else "{} × {} Pixel".format(*self.slice.shape), colour=theme.MUTED)
        self.size = size.next_to(self.slice, RIGHT, buff=0.5)
        self.show(self.slice)
        self.show(self.size)

    @beat("Look closer: every pixel is a number. 0 is black.",
          "Näher betrachtet ist jeder Pixel eine Zahl. 0 ist schwarz.")
    def a_table(self) -> None:
        self.fade(self.size)
        self.play(self.slice.animate.shift(3.4 * LEFT), run_time=theme.CALM)
        frame = self.slice.frame(*self.shown["corner"], SIDE, SIDE)
        grid = PixelGrid(self.shown["patch"], side=0.85, size=theme.LABEL).shift(3.6 * RIGHT)
        lines = zoom_lines(frame, grid)
        self.play(Create(frame), run_time=theme.CALM)
        self.play(GrowFromPoint(grid.cells, frame.get_center()), Create(lines, lag_ratio=0), run_time=theme.SLOW)
        self.play(FadeIn(grid.labels), run_time=theme.CALM)
        self.wait(theme.READ)
        self.closer = Group(frame, grid, lines)

    @beat("The same place, recorded in three ways: three channels.",
          "Dieselbe Stelle, dreifach aufgenommen: drei Kanäle.")
    def three_channels(self) -> None:
        self.fade(self.closer)
        self.channels = Group(*(Picture(theme.grey(self.shown["image"][..., c]), 4.3) for c in range(len(CHANNELS))))
        self.channels.arrange(RIGHT, buff=0.3).shift(0.3 * UP)
        labels = [self.word(name, GERMAN[name], theme.MUTED, theme.SMALL + 2).next_to(picture, DOWN, buff=0.2)
                  for name, picture in zip(CHANNELS, self.channels, strict=True)]
        self.play(self.slice.animate.match_height(self.channels[FLAIR]).move_to(self.channels[FLAIR]),
                  run_time=theme.CALM)
        self.show(self.channels[0], self.channels[2], *labels)
        self.remove(self.slice)
        self.add(self.channels)

    @beat("The task: outline the tumour, pixel by pixel.", "Die Aufgabe: den Tumor umranden, Pixel für Pixel.")
    def the_answer(self) -> None:
        outlines = [picture.outline(self.shown["reference"]) for picture in self.channels]
        self.play(Create(outlines[FLAIR]), run_time=theme.SLOW)
        self.show(outlines[0], outlines[2])
