"""Forward, loss, backward, step: a cycle that turns, and what it does to the answer on one slice."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Animation, Circle, Create, Dot, FadeIn, Line, Rotate, Text, Transform, VGroup

from animations import theme
from animations.arrays import load
from animations.axes import Axes
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Counting, Picture, on_line
from animations.small_u import SmallU

HEAD = np.s_[4:124, 16:108]
"""The rows and columns of the slice that are shown: the head."""
HIGH, HEIGHT, ACROSS = 4.8, 0.35, (0.75, 4.95)
"""The pictures' height, and the middles of the slice and of the map."""
MIDDLE, RADIUS = 4.4 * LEFT + 1.1 * UP, 1.1
CORNER, SIZE, LOWEST = np.array([-6.0, -1.95, 0]), (4.2, 0.9), -2
"""The axes of the loss, which starts at 1 and has 0.01 at the bottom: 10 to the power of −2."""
STATIONS = (("forward", "vorwärts"), ("loss", "Verlust"), ("backward", "rückwärts"), ("step", "Schritt"))


class TrainingLoop(ClipScene):
    """One slow turn, then ever more of them, from one kept step to the next."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps = load("series steps")
        return {"slice": load("small"), "mask": load("mask"), "steps": steps, "losses": load("series losses"),
                "probability": np.stack([load(f"series {step} probability") for step in steps]),
                "start": load("series losses")[0], "end": load("series losses")[-1], "last": steps[-1]}

    @beat("A phantom’s slice, while a network trains on real patients.",
          "Ein Phantom-Schnittbild; trainiert wird mit echten Patienten.")
    def the_slice(self) -> None:
        self.ring = Circle(RADIUS, color=theme.LINE, stroke_width=5).move_to(MIDDLE)
        self.labels = VGroup(*(self.word(*station).next_to(self.ring, side, buff=0.2)
                               for station, side in zip(STATIONS, (UP, RIGHT, DOWN, LEFT), strict=True)))
        self.u = SmallU().scale(0.24).move_to(MIDDLE + 0.25 * UP)
        self.picture = Picture(theme.grey(self.shown["slice"][HEAD]), HIGH).move_to(ACROSS[0] * RIGHT + HEIGHT * UP)
        self.orange = self.picture.outline(self.shown["mask"][HEAD], tint=0).set_stroke(width=2.5).set_z_index(1)
        self.play(FadeIn(self.picture, self.u, shift=0.3 * UP), run_time=theme.CALM)
        self.play(Create(self.ring), Create(self.orange), FadeIn(self.labels), run_time=1.6)

    @beat("One turn: forward, loss, backward, step.", "Eine Runde: vorwärts, Verlust, rückwärts, Schritt.")
    def one_turn(self) -> None:
        self.dot = Dot(MIDDLE + RADIUS * UP, radius=0.12, color=theme.WINDOW)
        self.map = self.chances(0)
        self.blue = self.outline(0)
        self.play(FadeIn(self.dot, scale=3), *self.light(0), run_time=theme.CALM)
        self.play(self.u.run(), FadeIn(self.map), FadeIn(self.blue), FadeIn(self.key()), run_time=1.6)
        self.axes = Axes(CORNER, SIZE, (0, len(self.shown["steps"]) - 1), (LOWEST, 0), {
            place: self.figure(self.shown["steps"][place]) for place in (0, 1, 3, 5, 7, 9)},
            {-place: self.figure(10.0 ** -place, place) for place in range(3)})
        self.points = [Dot(self.axes.at(*pair), radius=0.09) for pair in enumerate(np.log10(self.shown["losses"]))]
        self.play(self.turn(0.25), *self.light(1), FadeIn(self.axes, self.names()), run_time=1.2)
        self.play(FadeIn(self.points[0], target_position=self.labels[1]), run_time=theme.CALM)
        self.play(self.turn(0.25), *self.light(2), run_time=theme.CALM)
        self.play(self.u.run(backwards=True), run_time=1.4)
        self.play(self.turn(0.25), *self.light(3), run_time=theme.CALM)
        self.play(self.u[1].animate(rate_func=lambda t: np.sin(np.pi * t)).scale(1.12), run_time=theme.CALM)

    @beat("After {steps[1]} turns the outline already lies near the tumour.",
          "Nach {steps[1]} Runden liegt der Umriss schon nahe am Tumor.")
    def ten_turns(self) -> None:
        self.counter = self.count(0)
        self.play(self.turn(0.25), *self.light(None), FadeIn(self.counter), run_time=theme.CALM)
        self.go_on(1, turns=3, seconds=2.6)

    @beat("Many more turns: the loss falls, though not evenly.",
          "Viele Runden später: Der Verlust sinkt, aber ungleichmäßig.")
    def many_turns(self) -> None:
        for place in range(2, len(self.points) - 1):
            self.go_on(place, turns=2, seconds=1.1)

    @beat("After {last:,} turns the loss is {end:.3f}; at first it was {start:.2f}.",
          "Nach {last} Runden ist er {end:.3f}, am Anfang war er {start:.2f}.")
    def the_end(self) -> None:
        self.go_on(len(self.points) - 1, turns=3, seconds=2.4)

    def at_the_end(self) -> None:
        self.play(self.turn(1), self.u.run(), run_time=1.6)

    def go_on(self, place: int, turns: int, seconds: float) -> None:
        """The cycle turns; at its end answer and loss are those of another kept step."""
        before, after = (int(self.shown["steps"][there]) for there in (place - 1, place))
        counting = Counting(self.counter, lambda t: self.count(round(before + t * (after - before))))
        line = Line(self.points[place - 1].get_center(), self.points[place].get_center(), stroke_width=5)
        self.play(self.turn(turns), counting, Transform(self.map.image, self.chances(place).image), Create(line),
                  Transform(self.blue, self.outline(place)), FadeIn(self.points[place]), run_time=seconds)

    def turn(self, turns: float) -> Animation:
        """The dot runs round the ring, clockwise."""
        return Rotate(self.dot, -2 * np.pi * turns, about_point=MIDDLE)

    def light(self, place: int | None) -> list[Animation]:
        """One station is lit, or none."""
        return [label.animate.set_color(theme.WINDOW if there == place else theme.INK)
                for there, label in enumerate(self.labels)]

    def outline(self, place: int) -> VGroup:
        """What the network marks after one of the kept steps."""
        answer = self.shown["probability"][place][HEAD] >= 0.5
        return self.picture.outline(answer, theme.PREDICTION, tint=0).set_stroke(width=5)

    def chances(self, place: int) -> Picture:
        """The probabilities after one of the kept steps."""
        picture = Picture(theme.probability(self.shown["probability"][place][HEAD]), HIGH)
        return picture.move_to(ACROSS[1] * RIGHT + HEIGHT * UP)

    def count(self, step: int) -> Text:
        """How many turns there were, under the U."""
        text = self.word(f"turn {self.figure(step)}", f"Runde {self.figure(step)}", size=theme.SMALL)
        return text.move_to(MIDDLE + 0.5 * DOWN)

    def key(self) -> VGroup:
        """What the colours mean, below each picture."""
        network, reference, chance = (self.word(*line, size=theme.SMALL) for line in (
            ("network", "Netz", theme.PREDICTION), ("reference", "Referenz", theme.REFERENCE),
            ("probability, yellow: 1", "Wahrsch., gelb: 1", theme.MUTED)))
        outlines = VGroup(network, reference).arrange(RIGHT, buff=0.4).set_x(ACROSS[0])
        return VGroup(*(on_line(text, -2.5) for text in (*outlines, chance.set_x(ACROSS[1]))))

    def names(self) -> VGroup:
        """The names of the axes."""
        turns = self.word("turns", "Runden", theme.MUTED, theme.SMALL).align_to(self.axes.x_line, RIGHT)
        loss = self.word("loss on this slice", "Verlust auf diesem Bild", theme.MUTED, theme.SMALL)
        return VGroup(on_line(turns, -2.78), loss.next_to(self.axes.y_line, UP, buff=0.08, aligned_edge=LEFT))
