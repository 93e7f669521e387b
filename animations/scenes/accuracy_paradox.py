"""Where tumour is rare, a network that finds nothing is nearly always right."""

import json

import numpy as np
from manim import LEFT, RIGHT, FadeIn, GrowFromEdge, Rectangle, VGroup
from matplotlib.colors import to_rgb

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, number, on_line, words
from unet_lib.core.paths import repository

ROWS, COLUMNS, CELL = 20, 50, 8
LEFT_END, WIDE, HIGH = 4.2 * LEFT, 8.2, 0.55
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
                "all": np.array(ROWS * COLUMNS)}

    @beat("Of {all} pixels about {tumour} are tumour.", "Von {all} Pixeln sind etwa {tumour} Tumor.")
    def the_pixels(self) -> None:
        self.mask = np.zeros((ROWS, COLUMNS), bool)
        middle = np.argsort([(r - 9) ** 2 + (c - 32.4) ** 2 for r, c in np.ndindex(ROWS, COLUMNS)], kind="stable")
        self.mask.flat[middle[:int(self.shown["tumour"])]] = True
        self.pixels = Picture(self.board(), 4.9)
        self.show(self.pixels, seconds=theme.SLOW)

    @beat("A network that always says no is right {right} times.",
          "Ein Netz, das immer nein sagt, hat {right}-mal recht.")
    def always_no(self) -> None:
        answer = Picture(self.board(right=True), 4.9)
        self.play(FadeIn(answer), run_time=theme.SLOW)
        self.wait(theme.READ)
        self.answer = answer

    @beat("Before its first step, our network finds no tumour at all.",
          "Vor seinem ersten Schritt findet unser Netz gar nichts.")
    def untrained(self) -> None:
        self.fade(self.pixels, self.answer)
        self.show(self.rails())
        self.bars(0)

    @beat("After training. Which of the two scores noticed?", "Nach dem Training. Welcher Wert hat es gemerkt?")
    def trained(self) -> None:
        self.bars(1)
        self.wait(theme.READ)

    def board(self, right: bool = False) -> np.ndarray:
        """The thousand pixels as a picture, with thin gaps; those that are called right are blue."""
        elsewhere = theme.LINE
        cells = np.where(self.mask[..., None], to_rgb(theme.REFERENCE), to_rgb(elsewhere))
        large = cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
        gap = np.arange(CELL) == CELL - 1
        large[np.tile(gap, ROWS)] = large[:, np.tile(gap, COLUMNS)] = to_rgb(theme.BACKGROUND)
        return np.uint8(255 * large)

    def place(self, score: int, which: int) -> float:
        """The height of a bar: two scores, each before and after training."""
        return 1.55 - 2.4 * score - 0.75 * which

    def rails(self) -> VGroup:
        """The scores' names, and for each bar the length that stands for 1."""
        parts = VGroup()
        for score, name in enumerate((self.word("accuracy", "Genauigkeit"), self.word("Dice", "Dice"))):
            on_line(name.align_to(LEFT_END, LEFT), self.place(score, 0) + 0.5)
            parts.add(name, *(self.bar(WIDE, theme.SURFACE, self.place(score, which)) for which in range(2)))
        return parts

    def bar(self, width: float, colour: str, height: float) -> Rectangle:
        """A bar that begins where all bars begin."""
        shape = Rectangle(width=width, height=HIGH, stroke_width=0, fill_opacity=1, fill_color=colour)
        return shape.align_to(LEFT_END, LEFT).set_y(height)

    def bars(self, which: int) -> None:
        """Both scores of one of the two networks."""
        colour = (theme.MUTED, theme.PREDICTION)[which]
        for score, value in enumerate(self.shown["scores"][which]):
            height = self.place(score, which)
            bar = self.bar(max(value * WIDE, 0.04), colour, height)
            when = self.word(("before", "after")[which], ("vorher", "nachher")[which], colour)
            text = words(number(value, 3), theme.LABEL, colour).align_to(LEFT_END + (WIDE + 0.3) * RIGHT, LEFT)
            texts = (on_line(label, height - 0.13) for label in (when.align_to(LEFT_END + 0.4 * LEFT, RIGHT), text))
            self.play(GrowFromEdge(bar, LEFT), *(FadeIn(label) for label in texts), run_time=theme.CALM)
