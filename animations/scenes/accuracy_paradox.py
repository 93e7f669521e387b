"""Where tumour is rare, a network that finds nothing is nearly always right."""

import json
from collections.abc import Callable

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, FadeIn, FadeOut, Rectangle, Text, UpdateFromAlphaFunc, VGroup, linear
from matplotlib.colors import to_rgb

from animations import theme
from animations.arrays import load
from animations.camera import fixed
from animations.clip_scene import ClipScene, beat
from animations.mobjects import on_line, words
from animations.pixel_cloud import DENSITY, Flight, PixelCloud, block
from unet_lib.core.paths import repository

ROWS, COLUMNS, PITCH, SIDE = 20, 50, 6 / DENSITY, 5 / DENSITY
BAR_ROWS, LEFT_END = 8, -4.75
WIDE, HIGH = ROWS * COLUMNS / BAR_ROWS * PITCH, BAR_ROWS * PITCH
"""Of a bar that stands for 1: all pixels, in columns of BAR_ROWS."""
HEIGHTS = ((1.55, 0.85), (-0.95, -1.65))
"""Of the bars: accuracy and Dice, each before training and after it."""
SERIES = repository() / "data" / "models" / "lgg-steps"


class AccuracyParadox(ClipScene):
    """A thousand pixels, a network that says no, and what accuracy and Dice say about it."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps = load("series steps")
        cards = [json.loads((SERIES / f"step-{step:04}.json").read_text("utf-8"))["card"]["validation_scores"]
                 for step in (steps[0], steps[-1])]
        scores = np.array([[card["pooled_accuracy"], card["pooled_f1"]] for card in cards])
        tumour = round((1 - scores[0, 0]) * ROWS * COLUMNS)
        return {"scores": scores, "tumour": np.array(tumour), "right": np.array(ROWS * COLUMNS - tumour),
                "all": np.array(ROWS * COLUMNS), "gains": scores[1] - scores[0],
                "patients": np.array(cards[0]["patients"])}

    @beat("Of {all} pixels of real patients, about {tumour} are tumour.",
          "Von {all} Pixeln echter Patienten sind etwa {tumour} Tumor.")
    def the_pixels(self) -> None:
        self.field = np.array([((c - (COLUMNS - 1) / 2) * PITCH, ((ROWS - 1) / 2 - r) * PITCH + 0.15)
                               for c in range(COLUMNS) for r in range(ROWS)])
        near = np.linalg.norm(self.field - self.field[32 * ROWS + 9], axis=1).argsort(kind="stable")
        self.tumour = np.isin(np.arange(len(near)), near[:int(self.shown["tumour"])])
        grey = np.tile(paint(theme.LINE), (len(near), 1))
        self.cloud = PixelCloud(np.add(self.field, (4.5, 0)), grey, SIDE)
        self.camera.frame.set(width=8)
        self.add(self.cloud)
        self.play(Flight(self.cloud, self.field, lag=0.6), run_time=2)
        self.play(self.look(self.camera.frame, 5.4),
                  Flight(self.cloud, self.field, np.where(self.tumour[:, None], paint(theme.REFERENCE), grey), lag=0),
                  run_time=1.4)

    @beat("Suppose a network answers “no tumour” for every pixel.",
          "Angenommen, ein Netz sagt bei jedem Pixel: kein Tumor.")
    def always_no(self) -> None:
        self.tallies = VGroup(*(fixed(self.tally(tumour, 0)) for tumour in (False, True)))
        cursor = Rectangle(width=PITCH, height=ROWS * PITCH + 0.1, color=theme.WINDOW, stroke_width=5)
        cursor.move_to([*self.field[:ROWS].mean(0), 0])
        self.play(FadeIn(self.tallies, cursor), run_time=theme.QUICK)
        seen = np.where(self.tumour[:, None], paint(theme.REFERENCE), paint(theme.INK))
        self.play(Flight(self.cloud, self.field, seen, lag=0.95), *self.counting(cursor), run_time=4.2)
        self.play(FadeOut(cursor), run_time=theme.QUICK)

    @beat("Accuracy is the fraction of right answers.", "Die Genauigkeit ist der Anteil richtiger Antworten.")
    def accuracy(self) -> None:
        order = np.argsort(self.tumour, kind="stable")
        bar = np.empty_like(self.field)
        bar[order] = block(len(order), BAR_ROWS, LEFT_END, HEIGHTS[0][0], PITCH)
        names = (self.word("Accuracy", "Genauigkeit"), self.word("Dice", "Dice"))
        rails = VGroup(*(self.bar(1, y, theme.SURFACE) for pair in HEIGHTS for y in pair),
                       *(on_line(name.align_to(LEFT_END * RIGHT, LEFT), y[0] + 0.4)
                         for name, y in zip(names, HEIGHTS, strict=True)))
        self.play(self.look_back(), FadeIn(rails.set_z_index(-1)), run_time=theme.SLOW)
        self.play(Flight(self.cloud, bar, lag=0.6), run_time=2.6)
        found = self.bar(self.shown["right"] / self.shown["all"], HEIGHTS[0][0], theme.INK)
        missed = self.bar(self.shown["tumour"] / self.shown["all"], HEIGHTS[0][0], theme.REFERENCE)
        self.play(FadeIn(found, missed.next_to(found, RIGHT, buff=0)), FadeIn(self.value(0, 0), shift=0.3 * RIGHT),
                  FadeOut(self.tallies), run_time=theme.CALM)
        self.remove(self.cloud)  # whose thin gaps would flicker

    @beat("Dice counts the tumour pixels found. Here these are none.",
          "Dice zählt gefundene Tumorpixel. Hier sind es keine.")
    def dice(self) -> None:
        tumour = self.figure(self.shown["tumour"])
        formula = words(f"2 · 0 / (2 · 0 + 0 + {tumour}) = 0", theme.LABEL).align_to((LEFT_END + 0.2) * RIGHT, LEFT)
        on_line(formula, HEIGHTS[1][0] - 0.12)
        missed = PixelCloud(self.cloud.where[self.tumour], self.cloud.colours[self.tumour], SIDE)
        target = block(len(missed.where), 5, formula[-5].get_x(), HEIGHTS[1][0], PITCH)
        self.add(missed)
        self.play(Flight(missed, target, lag=0.5), FadeIn(formula), run_time=2)
        self.play(FadeOut(missed), FadeIn(self.value(1, 0), shift=0.3 * RIGHT), run_time=theme.CALM)
        self.formula = formula

    @beat("Our network before training scores the same on {patients} patients.",
          "Unser untrainiertes Netz hat bei {patients} Patienten diese Werte.")
    def before(self) -> None:
        self.play(FadeIn(*(self.when(score, 0) for score in (0, 1)), shift=0.6 * RIGHT), run_time=theme.SLOW)

    @beat("Training raises accuracy a little and Dice a lot.", "Das Training hebt die Genauigkeit wenig, Dice stark.")
    def trained(self) -> None:
        pairs = [VGroup(self.bar(self.shown["scores"][0, score], HEIGHTS[score][1]), self.value(score, 1, 0))
                 for score in (0, 1)]
        self.play(FadeIn(*pairs, *(self.when(score, 1) for score in (0, 1)), shift=0.6 * DOWN), run_time=theme.SLOW)
        self.play(*(UpdateFromAlphaFunc(pair, self.growing(score)) for score, pair in enumerate(pairs)), run_time=3)

    def at_the_end(self) -> None:
        """The two gains."""
        gains = [words(f"+{self.figure(gain, 3)}", theme.LABEL, theme.WINDOW, bold=True)
                 .move_to((LEFT_END + WIDE + 2.5) * RIGHT + np.mean(heights) * UP)
                 for gain, heights in zip(self.shown["gains"], HEIGHTS, strict=True)]
        self.play(FadeIn(*gains, shift=0.4 * RIGHT), run_time=theme.SLOW)

    # ---- pieces ----

    def tally(self, tumour: bool, pixels: int) -> Text:
        """How many answers are right so far, and how many tumour pixels are missed."""
        text = self.figure(pixels)
        label = (self.word(f"missed: {text}", f"übersehen: {text}", theme.REFERENCE, theme.CAPTION) if tumour else
                 self.word(f"right: {text}", f"richtig: {text}", theme.INK, theme.CAPTION))
        return on_line(label.align_to((1 if tumour else -4.5) * RIGHT, LEFT), -2.5)

    def counting(self, cursor: Rectangle) -> list[UpdateFromAlphaFunc]:
        """The cursor's way over the columns, and both tallies as it goes."""
        def move(line: Rectangle, alpha: float) -> None:
            line.set_x(self.field[0, 0] + alpha * (self.field[-1, 0] - self.field[0, 0]))

        def tally(texts: VGroup, alpha: float) -> None:
            passed = self.tumour[:round(alpha * len(self.tumour))]
            for text, tumour in zip(texts, (False, True), strict=True):
                fixed(text.become(self.tally(tumour, int((passed == tumour).sum()))))
        return [UpdateFromAlphaFunc(cursor, move, rate_func=linear),
                UpdateFromAlphaFunc(self.tallies, tally, rate_func=linear)]

    def growing(self, score: int) -> Callable[[VGroup, float], None]:
        """A bar that grows from the score before training to the one after it, with its value."""
        def grow(pair: VGroup, alpha: float) -> None:
            pair[0].become(self.bar(self.score(score, alpha), HEIGHTS[score][1]))
            pair[1].become(self.value(score, 1, alpha))
        return grow

    def score(self, score: int, training: float) -> float:
        """A score before training (0), after it (1), or on the bar's way between them."""
        before, after = self.shown["scores"][:, score]
        return before + training * (after - before)

    def bar(self, fraction: float, height: float, colour: str = theme.WINDOW) -> Rectangle:
        shape = Rectangle(width=max(fraction * WIDE, 0.01), height=HIGH, stroke_width=0, fill_opacity=1)
        return shape.set_fill(colour).align_to(LEFT_END * RIGHT, LEFT).set_y(height)

    def value(self, score: int, which: int, training: float = 0) -> Text:
        """A score at the end of its bar's rail."""
        text = words(self.figure(self.score(score, training), 3), theme.LABEL, (theme.INK, theme.WINDOW)[which])
        return on_line(text.align_to((LEFT_END + WIDE + 0.25) * RIGHT, LEFT), HEIGHTS[score][which] - 0.13)

    def when(self, score: int, which: int) -> Text:
        label = (self.word("before", "vorher"), self.word("trained", "trainiert", theme.WINDOW))[which]
        return on_line(label.align_to((LEFT_END - 0.3) * RIGHT, RIGHT), HEIGHTS[score][which] - 0.13)


def paint(colour: str) -> np.ndarray:
    """A colour's red, green and blue from 0 to 255."""
    return np.multiply(to_rgb(colour), 255)
