"""The same maps of one network, step by step of its training."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, FadeIn, FadeOut, Group

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, number, on_line, words

WATCHED = ("encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1")
ROWS = (1.3, -1.6)


class TrainingMaps(ClipScene):
    """Five maps and the answer, from the initial weights to the trained network."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps = load("series steps")
        return {"steps": steps, **{f"{step} {name}": load(f"series {step} {name}")
                                   for step in steps for name in (*WATCHED, "probability")}}

    @beat("Before the first step: random weights, no idea of tumour.",
          "Vor dem ersten Schritt: Zufall, von Tumor keine Ahnung.")
    def before(self) -> None:
        labels = [words(name, theme.SMALL, theme.NETWORK) for name in WATCHED]
        labels.append(self.word("answer", "Antwort", theme.WINDOW, theme.SMALL))
        for place, label in enumerate(labels):
            on_line(label.set_x(self.spot(place)[0]), self.spot(place)[1] + 1.15)
        self.maps, self.counter = None, None
        self.show(*labels, seconds=theme.QUICK)
        self.change(0)

    @beat("The first steps: an answer begins to take shape.", "Die ersten Schritte: Eine Antwort nimmt Gestalt an.")
    def first_steps(self) -> None:
        self.change(1)
        self.change(2)

    @beat("Then map after map begins to answer at the tumour.", "Dann antwortet Karte um Karte am Tumor.")
    def later(self) -> None:
        self.change(3)
        self.change(4)

    @beat("At the end each map has found its task.", "Am Ende hat jede Karte ihre Aufgabe.")
    def at_the_end(self) -> None:
        self.change(5)
        self.change(6)

    def change(self, place: int) -> None:
        """Show the maps of one step, each in colours that reach as far as its own values."""
        step = int(self.shown["steps"][place])
        pictures = []
        for position, name in enumerate(WATCHED):
            values = self.shown[f"{step} {name}"]
            pictures.append(Picture(theme.signed(theme.reach_of(values))(values), 2.0).move_to(self.spot(position)))
        answer = theme.probability(self.shown[f"{step} probability"])
        pictures.append(Picture(answer, 2.0, edge=theme.WINDOW).move_to(self.spot(len(WATCHED))))
        old, self.maps = self.maps, Group(*pictures)
        before, self.counter = self.counter, Group(
            self.word("step", "Schritt", theme.MUTED), words(number(step), theme.TITLE, theme.INK, bold=True))
        self.counter.arrange(DOWN, buff=0.2).move_to(5.6 * LEFT)
        self.play(FadeIn(self.maps), FadeIn(self.counter), *([FadeOut(before)] if before else []),
                  run_time=theme.SLOW)
        self.remove(*([old] if old else []))
        self.wait(theme.READ)

    def spot(self, place: int) -> np.ndarray:
        """The middle of one of the six places."""
        return (1.2 + (place % 3 - 1) * 3.9) * RIGHT + ROWS[place // 3] * UP
