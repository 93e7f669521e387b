"""From logits to probabilities, and from probabilities to a mask, where the network is unsure."""

from itertools import pairwise

import numpy as np
from jaxtyping import UInt8
from manim import (
    LEFT,
    RIGHT,
    UP,
    Animation,
    Create,
    Dot,
    FadeIn,
    FadeOut,
    Group,
    Line,
    Text,
    UpdateFromAlphaFunc,
    VGroup,
    VMobject,
    smooth,
    squish_rate_func,
)
from manim import interpolate as between

from animations import theme
from animations.arrays import load
from animations.axes import Axes
from animations.clip_scene import ClipScene, beat
from animations.examples import SIGNED_KEY
from animations.mobjects import Picture, number, on_line, words
from unet_lib import byhand

HALF, REACH = 22, 8
"""Half of the side of what is shown, in pixels; how far the axis of logits goes."""
STOPS = (0.5, 0.9, 0.1, 0.5)
"""Where the threshold goes."""
CORNER, WIDE, HIGH = np.array([0.4, -1.75, 0]), 5.3, 3.9


class OutputThreshold(ClipScene):
    """The logits near a tumour become probabilities along the sigmoid; then a line on its axis moves, and the mask."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        whole = load("unsure logits").astype(float)
        row, column = np.argwhere(whole >= 0).mean(0).round().astype(int)
        near = np.s_[row - HALF:row + HALF, column - HALF:column + HALF]
        logits = whole[near]
        scanned = logits.argmax() // logits.shape[1]
        return {"slice": load("failure images")[load("unsure")][near], "logits": logits, "row": np.array(scanned),
                "probability": byhand.sigmoid(logits), "stops": np.array(STOPS),
                "pixels": np.array([(byhand.sigmoid(logits) >= stop).sum() for stop in STOPS]),
                "curve": np.stack([x := np.linspace(-REACH, REACH, 81), byhand.sigmoid(x)])}

    @beat("The last layer gives each pixel a number, its logit.",
          "Die letzte Schicht gibt jedem Pixel eine Zahl, das Logit.")
    def logits(self) -> None:
        values = self.shown["logits"]
        self.picture = Picture(theme.grey(self.shown["slice"]), 4.6).move_to(0.3 * UP)
        self.under = self.below("a slice of a phantom", "ein Schnittbild eines Phantoms")
        self.show(self.picture, self.under)
        self.turn_into(theme.signed(values.max())(values), *self.relabel(*SIGNED_KEY))

    @beat("The sigmoid turns a logit into a probability from 0 to 1.",
          "Die Sigmoid-Funktion macht daraus eine Wahrscheinlichkeit.")
    def the_sigmoid(self) -> None:
        self.axes = Axes(CORNER, (WIDE, HIGH), (-REACH, REACH), (0, 1), {x: number(x) for x in (-REACH, 0, REACH)},
                         {0: "0", 0.5: self.figure(0.5, 1), 1: "1"})
        names = VGroup(on_line(self.word("logit", "Logit", theme.MUTED, theme.SMALL).set_x(self.axes.get_x()), -2.6),
                       self.word("probability", "Wahrscheinlichkeit", theme.MUTED, theme.SMALL).next_to(
                           self.axes.y_line, UP, buff=0.25, aligned_edge=LEFT))
        self.play(Group(self.picture, self.under).animate.shift(3.7 * LEFT), FadeIn(self.axes, names),
                  run_time=1.2)
        self.play(Create(self.axes.curve(*self.shown["curve"])), run_time=1.2)
        row = int(self.shown["row"])
        columns = np.flatnonzero(self.shown["logits"][row] >= -REACH)  # where the axis has room for them
        frame = self.picture.frame(row - 1, columns[0] - 1, 3, 3).set_stroke(theme.BACKGROUND, 10, background=True)
        dot, reading = Dot(radius=0.14, color=theme.WINDOW), words("0")

        def follow(_: VGroup, alpha: float) -> None:
            column = round(between(columns[0], columns[-1], alpha))
            logit, chance = (float(self.shown[name][row, column]) for name in ("logits", "probability"))
            frame.move_to(self.picture.at(row + 0.5, column + 0.5))
            dot.move_to(self.axes.at(logit, chance))
            text = f"{self.figure(logit, 1)} → {self.figure(chance, 2)}"
            reading.become(words(text, theme.LABEL, theme.WINDOW).move_to(self.axes.at(-REACH + 4, 0.72)))
        moved = VGroup(frame, dot, reading)
        self.play(UpdateFromAlphaFunc(moved, follow), run_time=3.6)
        self.play(FadeOut(moved), run_time=theme.QUICK)

    @beat("Pixel by pixel, it gives a map of probabilities.",
          "Pixel für Pixel entsteht eine Karte von Wahrscheinlichkeiten.")
    def the_map(self) -> None:
        self.turn_into(theme.probability(self.shown["probability"]),
                       *self.relabel("dark violet is 0, yellow is 1", "Dunkelviolett ist 0, Gelb ist 1"))

    @beat("What reaches the threshold is marked as tumour.", "Was die Schwelle erreicht, gilt als Tumor.")
    def the_threshold(self) -> None:
        self.line, self.level, self.mask, self.counted = (
            Line(color=theme.WINDOW, stroke_width=5), words("0"), VMobject(), words("0"))
        self.drop, self.meeting = Line(color=theme.WINDOW, stroke_width=3), Dot(radius=0.12, color=theme.WINDOW)
        self.set_to(STOPS[0])
        self.turn_into(theme.grey(self.shown["slice"]), FadeOut(self.under, run_time=theme.QUICK))
        self.play(Create(self.line), FadeIn(self.level), run_time=theme.CALM)
        self.play(FadeIn(self.meeting), Create(self.drop), run_time=theme.CALM)
        self.play(Create(self.mask), FadeIn(self.counted), run_time=theme.SLOW)

    @beat("The higher the threshold, the fewer pixels are marked.",
          "Je höher die Schwelle, desto weniger Pixel sind markiert.")
    def it_moves(self) -> None:
        moved = VGroup(self.line, self.level, self.mask, self.counted, self.drop, self.meeting)
        for ends in pairwise(STOPS):
            change = lambda _, alpha, ends=ends: self.set_to(between(*ends, alpha))  # noqa: E731
            self.play(UpdateFromAlphaFunc(moved, change), run_time=4 * abs(ends[1] - ends[0]) + 0.4)

    def set_to(self, threshold: float) -> None:
        """Move the line, its number, the way down to the logit, the mask and the count to a threshold."""
        logit = np.log(threshold / (1 - threshold))
        self.drop.put_start_and_end_on(self.axes.at(logit, threshold), self.axes.at(logit, 0))
        self.meeting.move_to(self.axes.at(logit, threshold))
        self.line.put_start_and_end_on(self.axes.at(-REACH, threshold), self.axes.at(REACH, threshold))
        level = words(self.figure(threshold, 2), theme.LABEL, theme.WINDOW)
        self.level.become(level).next_to(self.line, RIGHT, buff=0.15)
        self.mask.become(self.picture.outline(self.shown["probability"] >= threshold, theme.PREDICTION))
        pixels = int((self.shown["probability"] >= threshold).sum())
        said = self.below(f"{pixels} pixels are marked", f"{pixels} Pixel sind markiert", theme.INK)
        self.counted.become(said).original_text = said.original_text

    def turn_into(self, colours: UInt8[np.ndarray, "h w 3"], *others: Animation) -> None:
        """Let the picture become one of other colours, pixel by pixel, while something else happens."""
        def change(_: Picture, alpha: float) -> None:
            done = round(alpha * colours[..., 0].size)
            self.picture.image.pixel_array.reshape(-1, 4)[:done, :3] = colours.reshape(-1, 3)[:done]
        self.play(UpdateFromAlphaFunc(self.picture, change, run_time=1.8), *others)

    def below(self, en: str, de: str, colour: str = theme.MUTED) -> Text:
        """A line under the picture."""
        return on_line(self.word(en, de, colour, theme.SMALL).set_x(self.picture.get_x()), -2.55)

    def relabel(self, en: str, de: str) -> list[Animation]:
        """Another line under the picture, after the old one."""
        old, self.under = self.under, self.below(en, de)
        return [FadeOut(old, run_time=1.8, rate_func=squish_rate_func(smooth, 0.45, 0.7)),
                FadeIn(self.under, run_time=1.8, rate_func=squish_rate_func(smooth, 0.7, 1))]
