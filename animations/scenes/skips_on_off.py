"""What a trained network loses without its skips, and what networks lose that were trained without any."""

import json

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Animation, Create, Dot, FadeIn, FadeOut, Line, Transform, VGroup, interpolate

from animations import theme
from animations.arrays import load
from animations.axes import Axes
from animations.clip_scene import ClipScene, beat
from animations.examples import around_tumour
from animations.mobjects import Counting, Picture, Point, fly, number, on_line, words
from animations.small_u import LEVELS, SmallU
from unet_lib.core.metrics import count
from unet_lib.core.paths import repository

HALF, OFF = 40, 0.12
"""Half the side of what is shown of the slice, in pixels; how opaque a skip is that is off."""
COLUMNS, ZERO, HIGH = (-3.2, 1.0, 5.2), -1.7, 4.05
"""Where the three kinds of networks stand, how high a Dice of 0 is, and how high the chart."""
KINDS = (("with skips", "mit Skips"), ("cut off later", "später gekappt"), ("trained without", "ohne trainiert"))


class SkipsOnOff(ClipScene):
    """Four switches and one slice; then three kinds of networks, scored on real patients."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        rows = json.loads((repository() / "data" / "results" / "skip_ablation.json").read_text("utf-8"))["rows"]
        kinds = np.array([[row["mean_dice"] for row in sorted(rows, key=lambda row: row["seed"])
                           if row["how"] == how and len(row["levels"]) == levels]
                          for how, levels in (("all skips", 0), ("zeroed", LEVELS), ("retrained without", LEVELS))])
        without = [f"without skip {level}" for level in range(1, LEVELS + 1)]
        answers = np.stack([load("logits") >= 0, *(load(name) >= 0.5 for name in [*without, "without skips"])])
        near = around_tumour(HALF)
        return {"slice": load("small")[near], "mask": load("mask")[near], "near": answers[:, *near], "kinds": kinds,
                "dice": np.array([count(answer, load("mask")).dice() for answer in answers]),
                "patients": np.array(rows[0]["patients"]), "seeds": np.array(kinds.shape[1]),
                "low": (kinds[0] - kinds[2]).min(), "high": (kinds[0] - kinds[2]).max()}

    @beat("A trained network outlines a phantom’s tumour, all skips on.",
          "Ein Netz umrandet den Tumor eines Phantoms, alle Skips an.")
    def all_on(self) -> None:
        self.u = SmallU().move_to(3.7 * LEFT)
        self.picture = Picture(theme.grey(self.shown["slice"]), 4.7).move_to(2.9 * RIGHT + 0.35 * UP)
        key = self.word("blue: network, orange: reference", "blau: Netz, orange: Referenz", theme.MUTED, theme.SMALL)
        self.key = on_line(key.set_x(2.9), -2.5)
        self.orange = self.picture.outline(self.shown["mask"], tint=0).set_stroke(width=3)
        self.blue = self.picture.outline(self.shown["near"][0], theme.PREDICTION, tint=0.12)
        self.score, self.scored = self.dice(0), 0
        self.play(FadeIn(self.picture), FadeIn(self.key), FadeIn(self.u), run_time=theme.CALM)
        self.play(*self.u.flow(), Create(self.orange), run_time=1.6)
        self.play(*self.u.flow(), Create(self.blue), FadeIn(self.score), run_time=1.6)

    @beat("One off at a time: on this slice the upper two matter most.",
          "Nur je einer aus: Die oberen zwei zählen hier am meisten.")
    def one_off(self) -> None:
        for level in range(1, LEVELS + 1):
            switches = [skip.animate.set_opacity(OFF if place == level else 1)
                        for place, skip in enumerate(self.u.skips, 1)]
            self.play(*switches, *self.answer(level), run_time=1)
            self.play(*self.u.flow(level), run_time=1)

    @beat("All off: on this slice the network finds nothing.", "Alle aus: Auf diesem Bild findet das Netz nichts.")
    def all_off(self) -> None:
        gone = self.blue.animate.scale(0.02).set_opacity(0)
        self.play(self.u.skips.animate.set_opacity(OFF), gone, self.rescore(-1), run_time=2)
        self.remove(self.blue)

    @beat("Small networks, real patients: with skips, and cut off later.",
          "Kleine Netze, echte Patienten: mit Skips und später gekappt.")
    def cut_later(self) -> None:
        whole = self.u.copy()
        whole.skips.set_opacity(1)
        self.axes = Axes(5.6 * LEFT + ZERO * UP, (12.5, HIGH), (-5.6, 6.9), (0, 0.8), {},
                         {tick: number(tick, 1) for tick in (0, 0.2, 0.4, 0.6, 0.8)}, across=True)
        self.dots = [self.dots_of(kind) for kind in range(3)]
        grown = [Create(part) if isinstance(part, Line) else FadeIn(part) for part in self.axes]
        self.play(*map(FadeOut, (self.picture, self.orange, self.score, self.key)), *grown, FadeIn(self.heading()),
                  self.to_its_place(whole, 0), self.to_its_place(self.u, 1), run_time=2.2)
        self.show(self.name(0), self.name(1))
        self.play(*(FadeIn(dot, target_position=self.foot(0)) for dot in self.dots[0]), run_time=1.4)
        self.play(*map(fly, self.dots[0], self.dots[1]), run_time=1.8)

    @beat("Trained without skips, their Dice is lower by {low:.2f} to {high:.2f}.",
          "Ohne Skips trainiert: Dice um {low:.2f} bis {high:.2f} niedriger.")
    def trained_without(self) -> None:
        without = self.u.copy()
        without.skips.set_opacity(0)
        self.play(without.animate(path_arc=-1.6).move_to(self.foot(2)), FadeIn(self.name(2)), run_time=1.8)
        self.play(*map(fly, self.dots[0], self.dots[2]), run_time=1.8)
        pairs = zip(self.dots[0], self.dots[2], strict=True)
        self.play(*(Create(Line(a.get_center(), b.get_center(), color=theme.MUTED, stroke_width=2)) for a, b in pairs),
                  run_time=1.6)

    def answer(self, place: int) -> list[Animation]:
        """The outline and its Dice become those of another answer."""
        outline = self.picture.outline(self.shown["near"][place], theme.PREDICTION, tint=0.12)
        return [Transform(self.blue, outline), self.rescore(place)]

    def rescore(self, place: int) -> Animation:
        """The Dice beside the slice runs to that of another answer."""
        ends, self.scored, spot = (self.scored, place), place, self.score[1].get_center()
        start, end = self.shown["dice"][list(ends)]
        return Counting(self.score[1], lambda alpha: words(number(interpolate(start, end, alpha), 2)).move_to(spot))

    def dice(self, place: int) -> VGroup:
        """An answer's Dice, right of the slice."""
        lines = words("Dice", theme.SMALL, theme.MUTED), words(number(self.shown["dice"][place], 2), theme.LABEL)
        return VGroup(*lines).arrange(DOWN, buff=0.15).next_to(self.picture, RIGHT, buff=0.3)

    def to_its_place(self, u: SmallU, kind: int) -> Animation:
        """A U becomes small and goes under its column."""
        return u.animate.scale(0.2).move_to(self.foot(kind))

    def foot(self, kind: int) -> Point:
        """Where the U of one kind of networks stands."""
        return (COLUMNS[kind] - 1.65) * RIGHT + 2.36 * DOWN

    def name(self, kind: int) -> VGroup:
        """What the networks of a column are."""
        text = self.word(*KINDS[kind], theme.MUTED, theme.SMALL)
        return on_line(text.align_to((COLUMNS[kind] - 1) * RIGHT, LEFT), -2.45)

    def dots_of(self, kind: int) -> VGroup:
        """The networks of one kind, where their mean Dice is."""
        scores = self.shown["kinds"][kind]
        middles = COLUMNS[kind] + 0.5 * (np.arange(len(scores)) - (len(scores) - 1) / 2)
        return VGroup(*(Dot(self.axes.at(*pair), radius=0.11) for pair in zip(middles, scores, strict=True)))

    def heading(self) -> VGroup:
        """Whose Dice it is."""
        patients, seeds = int(self.shown["patients"]), int(self.shown["seeds"])
        text = self.word(f"mean Dice of {patients} patients, {seeds} networks each",
                         f"mittlerer Dice von {patients} Patienten, je {seeds} Netze", theme.MUTED, theme.SMALL)
        return on_line(text.align_to(5.6 * LEFT, LEFT), 2.52)
