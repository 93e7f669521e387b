"""Two outlines, the pixels in both and in one of them alone, and the score that their counts give."""

from collections.abc import Callable

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Create,
    FadeIn,
    FadeOut,
    LaggedStart,
    Line,
    Text,
    UpdateFromAlphaFunc,
    VGroup,
    linear,
    there_and_back,
)
from matplotlib.colors import to_rgb

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, fly, on_line, words
from animations.pixel_cloud import DENSITY, Flight, PixelCloud, block
from unet_lib import byhand
from unet_lib.core.metrics import count

MARGIN, PIXEL, ROWS = 10, 6 / DENSITY, 15
MIDDLE = 5.25 * LEFT
BLOCKS, NUMERATOR, DENOMINATOR = 1.55, -0.1, -1.4
"""Heights of the three blocks of pixels, and of the bars that they are laid to."""
LEFT_ENDS = (-3.2, 2.5, 5.5)
COLOURS = (theme.INK, theme.PREDICTION, theme.REFERENCE)


class Dice(ClipScene):
    """Reference and prediction, their pixels in three colours, sorted, counted and put together."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        indices = np.argwhere(load("mask"))
        corner, end = indices.min(axis=0) - MARGIN, indices.max(axis=0) + MARGIN
        near = np.s_[corner[0]:end[0], corner[1]:end[1]]
        reference, prediction = load("mask")[near], byhand.sigmoid(load("logits")[near]) >= 0.5
        counts = count(prediction, reference)
        return {"whole": load("small"), "corner": corner, "slice": load("small")[near], "reference": reference,
                "prediction": prediction, "dice": np.array(counts.dice()),
                "counts": np.array([counts.tp, counts.fp, counts.fn])}

    @beat("Orange: the reference mask, on a slice of a phantom.",
          "Orange: die Referenzmaske, auf einem Phantom-Schnittbild.")
    def the_reference(self) -> None:
        self.picture = Picture(theme.grey(self.shown["slice"]), len(self.shown["slice"]) * PIXEL).move_to(MIDDLE)
        whole = Picture(theme.grey(self.shown["whole"]), len(self.shown["whole"]) * PIXEL)
        whole.shift(self.picture.at(0, 0) - whole.at(*self.shown["corner"]))
        self.camera.frame.set(width=22).move_to(whole)
        self.reference = self.picture.outline(self.shown["reference"])
        self.play(FadeIn(whole), run_time=theme.CALM)
        self.play(Create(self.reference), run_time=theme.SLOW)
        self.add(whole, self.picture, self.reference)
        self.play(self.look(self.picture, 10.4), FadeOut(whole), run_time=2)

    @beat("Blue: what a network predicts.", "Blau: die Vorhersage eines Netzes.")
    def the_prediction(self) -> None:
        self.predicted = self.picture.outline(self.shown["prediction"], theme.PREDICTION, tint=0)
        self.play(Create(self.predicted), self.look(self.picture, 9.2), run_time=2.9, rate_func=linear)

    @beat("White pixels are in both masks, the others in one of them.",
          "Weiße Pixel sind in beiden Masken, die anderen in einer.")
    def three_areas(self) -> None:
        reference, prediction = self.shown["reference"], self.shown["prediction"]
        masks = (reference & prediction, prediction & ~reference, reference & ~prediction)
        areas = [np.argwhere(mask) for mask in masks]
        cells = np.concatenate([area[np.argsort(-area[:, 1], kind="stable")] for area in areas])
        points = np.array([self.picture.at(row + 0.5, column + 0.5)[:2] for row, column in cells])
        self.colours = np.repeat([np.multiply(to_rgb(colour), 255) for colour in COLOURS], self.shown["counts"], axis=0)
        self.cloud = PixelCloud(points, theme.grey(self.shown["slice"])[tuple(cells.T)], PIXEL)
        self.add(self.cloud, self.reference, self.predicted)
        leave = FadeOut(self.reference, self.predicted)
        self.play(Flight(self.cloud, points, self.colours, lag=0.7), leave, self.look(self.picture, 9.8), run_time=2.3)

    @beat("They are sorted and counted.", "Sie werden sortiert und gezählt.")
    def counted(self) -> None:
        self.blocks = np.concatenate([block(int(pixels), ROWS, left, BLOCKS, PIXEL)
                                      for pixels, left in zip(self.shown["counts"], LEFT_ENDS, strict=True)])
        names = (self.word("both", "beide"), self.word("prediction only", "nur Vorhersage", theme.PREDICTION),
                 self.word("reference only", "nur Referenz", theme.REFERENCE))
        middles = LEFT_ENDS + np.ceil(self.shown["counts"] / ROWS) * PIXEL / 2
        self.play(self.look_back(), run_time=theme.SLOW)
        self.labels = VGroup(*(on_line(name.scale(0.85).set_x(x), 0.65)
                               for name, x in zip(names, middles, strict=True)))
        self.labels.set_z_index(3)
        self.totals = VGroup(*(words("0", theme.CAPTION, colour, bold=True).move_to(x * RIGHT + 2.4 * UP)
                               for colour, x in zip(COLOURS, middles, strict=True)))
        self.play(Flight(self.cloud, self.blocks, lag=0.6), FadeIn(self.labels),
                  *(UpdateFromAlphaFunc(total, self.counting(which)) for which, total in enumerate(self.totals)),
                  run_time=3)

    @beat("Dice: twice what both share, over both areas together.", "Dice: zweimal das Gemeinsame durch beide Flächen.")
    def two_bars(self) -> None:
        tp, fp, fn = (int(pixels) for pixels in self.shown["counts"])
        both, predicted, missed = np.split(np.arange(tp + fp + fn), [tp, tp + fp])
        above, below = np.concatenate([both, both]), np.concatenate([both, predicted, both, missed])
        self.reference.set_fill(opacity=0)
        again = [Create(self.reference), Create(self.predicted)]
        self.bars, line = [], Line(self.end(0), self.end(tp * 2 + fp + fn), color=theme.INK, stroke_width=4)
        self.between = line.set_y((NUMERATOR + DENOMINATOR) / 2)
        for chosen, height, movement in ((above, NUMERATOR, again), (below, DENOMINATOR, [Create(line)])):
            copies = PixelCloud(self.blocks[chosen], self.colours[chosen], PIXEL)
            copies.set_z_index(2 if height == NUMERATOR else 1)
            self.add(copies)
            self.bars.append(copies)
            bar = block(len(chosen), ROWS, LEFT_ENDS[0], height, PIXEL)
            self.play(Flight(copies, bar, lag=0.4), *movement, run_time=2.4)

    @beat("The counts in the formula: the upper bar over the lower one.",
          "Die Zahlen in der Formel: oberer Balken durch unteren.")
    def the_score(self) -> None:
        above, below = self.row(0), self.row(0, 1, 2)
        line = Line(LEFT, RIGHT, color=theme.INK, stroke_width=3).set(width=below.width + 0.2)
        fraction = VGroup(above, line, below).arrange(DOWN, buff=0.2)
        score = words(f"= {self.figure(float(self.shown['dice']), 3)}", theme.TITLE, theme.WINDOW, bold=True)
        VGroup(fraction, score).arrange(RIGHT, buff=0.5).move_to(1.7 * RIGHT + 1.5 * DOWN)
        counts = [*above[1::2], *below[1::2]]
        moves = [fly(self.totals[which], text) for which, text in zip((0, 0, 1, 2), counts, strict=True)]
        rise = [Flight(bar, np.add(bar.where, (0, 1.6)), lag=0) for bar in self.bars]
        self.play(FadeOut(self.cloud, self.labels), *rise, self.between.animate.shift(1.6 * UP), run_time=theme.SLOW)
        self.play(LaggedStart(*moves, lag_ratio=0.25), FadeOut(self.totals),
                  FadeIn(line, *above[0::2], *below[0::2]), run_time=2.4)
        self.play(FadeIn(score, shift=0.3 * RIGHT), run_time=theme.CALM)
        self.score = score

    def at_the_end(self) -> None:
        """The score swells once."""
        self.play(self.score.animate(rate_func=there_and_back).scale(1.2), run_time=1.3)

    # ---- pieces ----

    def end(self, pixels: int) -> np.ndarray:
        """Where a bar of so many pixels ends."""
        return (LEFT_ENDS[0] + pixels / ROWS * PIXEL) * RIGHT

    def counting(self, which: int) -> Callable[[Text, float], None]:
        """Lets a total grow from 0 to its value."""
        def show(text: Text, alpha: float) -> None:
            pixels = self.figure(round(alpha * int(self.shown["counts"][which])))
            text.become(words(pixels, theme.CAPTION, COLOURS[which], bold=True).move_to(text))
        return show

    def row(self, *terms: int) -> VGroup:
        """A sum of counts, the first of them twice: signs and numbers in turn."""
        parts = []
        for which in terms:
            parts.append(words("2 ·" if which == 0 else "+", theme.TITLE))
            parts.append(words(self.figure(int(self.shown["counts"][which])), theme.TITLE, COLOURS[which], bold=True))
        return VGroup(*parts).arrange(RIGHT, buff=0.27)
