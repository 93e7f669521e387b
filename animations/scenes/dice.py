"""Two outlines, their overlap, and one number."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, FadeOut, MathTypst, VGroup
from matplotlib.colors import to_rgb

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, number, on_line, words
from unet_lib import byhand
from unet_lib.core.metrics import count

MARGIN = 10


class Dice(ClipScene):
    """Expert, network, what they share, what only one of them has, and the score."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        indices = np.argwhere(load("mask"))
        (top, left), (bottom, right) = indices.min(axis=0) - MARGIN, indices.max(axis=0) + MARGIN
        near = np.s_[top:bottom, left:right]
        reference, network = load("mask")[near], byhand.sigmoid(load("logits")[near]) >= 0.5
        counts = count(network, reference)
        return {"slice": load("small")[near], "reference": reference, "network": network,
                "dice": np.array(counts.dice()), "counts": np.array([counts.tp, counts.fp, counts.fn])}

    @beat("The expert’s tumour.", "Der Tumor des Experten.")
    def the_expert(self) -> None:
        self.picture = Picture(theme.grey(self.shown["slice"]), 5.4).shift(3.4 * LEFT)
        self.reference = self.picture.outline(self.shown["reference"])
        self.show(self.picture)
        self.play(Create(self.reference), run_time=theme.CALM)

    @beat("The network’s tumour.", "Der Tumor des Netzes.")
    def the_network(self) -> None:
        self.network = self.picture.outline(self.shown["network"], theme.PREDICTION)
        self.play(Create(self.network), run_time=theme.SLOW)

    @beat("What both say, and what only one of them says.", "Was beide sagen, und was nur einer sagt.")
    def three_areas(self) -> None:
        reference, network = self.shown["reference"], self.shown["network"]
        areas = ((network & reference, theme.INK, "both", "beide"),
                 (network & ~reference, theme.PREDICTION, "network only", "nur Netz"),
                 (reference & ~network, theme.REFERENCE, "expert only", "nur Experte"))
        colours = theme.grey(self.shown["slice"])
        self.play(FadeOut(self.reference), FadeOut(self.network), run_time=theme.QUICK)
        for place, ((area, colour, en, de), pixels) in enumerate(zip(areas, self.shown["counts"], strict=True)):
            colours = np.where(area[..., None], np.uint8(255 * np.array(to_rgb(colour))), colours)
            picture = Picture(colours, 5.4).move_to(self.picture)
            row = VGroup(words(number(pixels), theme.CAPTION, colour, bold=True), self.word(en, de, colour))
            on_line(row[0].align_to(1.9 * RIGHT, RIGHT), 2.0 - 0.75 * place)
            on_line(row[1].align_to(2.25 * RIGHT, LEFT), 2.0 - 0.75 * place)
            self.play(FadeIn(picture), FadeIn(row), run_time=theme.CALM)
            self.wait(theme.QUICK)

    @beat("Dice: twice what they share, over both areas together.", "Dice: zweimal das Gemeinsame durch beide Flächen.")
    def the_score(self) -> None:
        tp, fp, fn = (int(pixels) for pixels in self.shown["counts"])
        fraction = MathTypst(f'(2 dot {tp}) / (2 dot {tp} + {fp} + {fn})', font_size=50, color=theme.INK)
        score = words(f"= {number(float(self.shown['dice']), 2)}", theme.TITLE, theme.WINDOW, bold=True)
        VGroup(fraction, score).arrange(RIGHT, buff=0.35).move_to(3.5 * RIGHT + 1.2 * DOWN)
        self.play(FadeIn(fraction, shift=0.2 * UP), run_time=theme.SLOW)
        self.play(FadeIn(score, shift=0.2 * UP), run_time=theme.CALM)
