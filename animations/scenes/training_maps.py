"""The same maps of one network before its training and, beside them, step by step through it."""

import numpy as np
from manim import LEFT, RIGHT, UP, FadeIn, FadeOut, Group, Text

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, number, on_line, words

WATCHED = ("encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1")
SIDE, PITCH, MIDDLE = 1.72, 2.2, 3.55
ROWS = (0.9, -1.35)
HEADS, SCALE = 2.5, -2.75


class TrainingMaps(ClipScene):
    """Five maps and the answer at step 0 at the left; at the right the same from step to step, in the same colours."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps = load("series steps")
        maps = {f"{step} {name}": load(f"series {step} {name}") for step in steps for name in (*WATCHED, "probability")}
        tops = {f"top {name}": np.quantile([maps[f"{step} {name}"] for step in steps], 0.99) for name in WATCHED}
        return {"steps": steps, "mask": load("mask"), **maps, **tops}

    @beat("Before the first step: edges and noise.", "Vor dem ersten Schritt: Kanten und Rauschen.")
    def before(self) -> None:
        labels = [words(name, theme.SMALL, theme.PREDICTION) for name in WATCHED]
        labels.append(self.word("answer", "Antwort", theme.WINDOW, theme.SMALL))
        for side in (-1, 1):
            self.add(*(on_line(label.copy().set_x(self.spot(place, side)[0]), self.spot(place, side)[1] + 0.97)
                       for place, label in enumerate(labels)))
        self.add(self.head(0, -1))
        scale = self.word("Each stage keeps its colours: dark blue is 0, yellow its top 1 %.",
                          "Farben je Stufe gleich: Dunkelblau ist 0, Gelb das oberste Prozent.", theme.MUTED,
                          theme.SMALL)
        first = self.pictures(0, -1)
        self.show(first, on_line(scale, SCALE), seconds=theme.SLOW)
        self.maps, self.counter = first.copy(), self.head(0, 1)
        self.play(self.maps.animate.shift(2 * MIDDLE * RIGHT), FadeIn(self.counter), run_time=theme.SLOW)

    @beat("After 20 steps the tumour shows in some maps.", "Nach 20 Schritten zeigt sich der Tumor in einigen Karten.")
    def first_steps(self) -> None:
        self.change(1)
        self.change(2)

    @beat("After 160 steps: in all five but the bottleneck.", "Nach 160 Schritten: in allen außer dem Bottleneck.")
    def later(self) -> None:
        self.change(3)
        self.change(4)

    @beat("After 1,600 steps all five are bright at the tumour.", "Nach 1600 Schritten sind alle fünf am Tumor hell.")
    def at_the_end(self) -> None:
        self.change(5)
        self.change(6)

    def change(self, place: int) -> None:
        """Let the maps at the right become those of another step."""
        step = int(self.shown["steps"][place])
        old, before = self.maps, self.counter
        self.maps, self.counter = self.pictures(step, 1), self.head(step, 1)
        self.play(FadeIn(self.maps), FadeIn(self.counter), FadeOut(before), run_time=theme.SLOW)
        self.remove(old)
        self.wait(theme.READ)

    def pictures(self, step: int, side: int) -> Group:
        """Maps and answer at one step, the tumour's outline on each."""
        colours = [theme.probability(np.clip(self.shown[f"{step} {name}"] / self.shown[f"top {name}"], 0, 1))
                   for name in WATCHED]
        colours.append(theme.probability(self.shown[f"{step} probability"]))
        group = Group()
        for place, colour in enumerate(colours):
            picture = Picture(colour, SIDE, theme.LINE if place < len(WATCHED) else theme.WINDOW)
            picture.move_to(self.spot(place, side))
            group.add(picture, picture.outline(self.shown["mask"], tint=0).set_stroke(width=2.5))
        return group

    def head(self, step: int, side: int) -> Text:
        """Which step it is, above one half."""
        text = self.word(f"step {number(step)}", f"Schritt {step}", theme.INK)
        return on_line(text.set_x(side * MIDDLE), HEADS)

    def spot(self, place: int, side: int) -> np.ndarray:
        """The middle of one of the six places of a half, left (−1) or right (1)."""
        half = MIDDLE * (LEFT if side < 0 else RIGHT)
        return half + (place % 3 - 1) * PITCH * RIGHT + ROWS[place // 3] * UP
