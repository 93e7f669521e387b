"""Eight maps of one network on one slice, before its training and after it, in the same colours."""

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Create,
    FadeIn,
    FadeOut,
    Group,
    LaggedStart,
    Transform,
    VMobject,
    smooth,
    squish_rate_func,
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, Point, on_line, words
from animations.stacks import FeatureStack, Sheet, fan_out

SIDE, PITCH, COLUMNS = 2.4, 2.5, 4
SMALLER, CLOSER = 1.68, 1.73
"""The maps' side and distance when all sixteen are shown."""
FIRST = 2.75 * LEFT + 1.35 * UP
"""The middle of the first of the eight maps."""
ASIDE = 5.65 * LEFT


class BeforeAfter(ClipScene):
    """A slice goes into an untrained network; its last maps become those of the trained one."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps, mask = load("series steps"), load("mask")
        before, after = (load(f"series {step} all decoder.1") for step in (steps[0], steps[-1]))
        bright = after[:, mask].mean(1) > after[:, ~mask].mean(1)
        return {"slice": load("small"), "mask": mask, "before": before, "after": after, "bright": bright,
                "steps": steps[[0, -1]], "count": np.array(bright.sum()),
                "others": np.array((~bright).sum()),
                "all": np.array(len(bright)), "top": np.quantile([before, after], 0.99)}

    @beat("A slice of a phantom goes through an untrained network.",
          "Ein Phantom-Schnittbild geht durch ein untrainiertes Netz.")
    def a_slice(self) -> None:
        shade = theme.activation(float(self.shown["top"]))
        self.first, self.last = ([shade(maps) for maps in self.shown[when]] for when in ("before", "after"))
        self.slice = Sheet(theme.grey(self.shown["slice"]), 4.6, frontal=True)
        self.play(FadeIn(self.slice, scale=0.8), run_time=theme.CALM)
        small = Sheet(theme.grey(self.shown["slice"]), SIDE, frontal=True).move_to(ASIDE + FIRST[1] * UP)
        self.play(Transform(self.slice, small), run_time=theme.SLOW)
        self.stack = FeatureStack(self.first, 3.6, 0.75).shift(1.4 * RIGHT)
        self.play(fan_out(self.slice, self.stack, 2, 0.8))
        self.add(self.stack)

    @beat("Its last block, decoder.1, gives {all} maps. One scale for all.",
          "Sein letzter Block, decoder.1, gibt {all} Karten in einer Skala.")
    def eight_maps(self) -> None:
        self.maps = self.stack.from_front()
        moves = [Transform(sheet, self.sheet(self.first, place)) for place, sheet in enumerate(self.maps)]
        self.play(LaggedStart(*moves, lag_ratio=0.12), run_time=2)
        self.scale = self.colour_bar()
        self.step = self.counter(0)
        self.play(FadeIn(self.scale, shift=0.4 * UP), FadeIn(self.step, shift=0.2 * UP), run_time=theme.CALM)

    @beat("Weights are random; batch norms are set on training slices.",
          "Zufällige Gewichte; Batch-Norms passen zu Trainingsbildern.")
    def random_weights(self) -> None:
        self.play(self.look(self.spot(6), 6.5), run_time=1.8)
        self.play(self.look(self.spot(1), 6.5), run_time=1.8)

    @beat("After {steps[1]:,} steps of training, the same slice gives these.",
          "Nach {steps[1]} Trainingsschritten gibt dasselbe Bild diese Karten.")
    def training(self) -> None:
        moves = [Transform(sheet, self.sheet(self.last, place)) for place, sheet in enumerate(self.maps)]
        step = self.counter(1)
        self.play(self.look_back(), run_time=theme.SLOW)
        self.play(FadeOut(self.step, shift=0.3 * UP), FadeIn(step, shift=0.3 * UP),
                  LaggedStart(*moves, lag_ratio=0.25, run_time=3))
        self.step = step

    @beat("{count} of the {all} maps are now bright in the tumour.", "{count} der {all} Karten sind nun im Tumor hell.")
    def bright_ones(self) -> None:
        self.outlines = [self.outline(sheet) for sheet in self.maps]
        for place in np.flatnonzero(self.shown["bright"]):
            self.play(self.look(self.spot(place), 6), run_time=1.4)
            self.play(Create(self.outlines[place]), run_time=theme.CALM)

    @beat("The other {others} are dark there. Orange: the reference mask.",
          "Die anderen {others} sind dort dunkel. Orange: die Referenzmaske.")
    def dark_ones(self) -> None:
        drawn = [Create(self.outlines[place]) for place in np.flatnonzero(~self.shown["bright"])]
        self.play(self.look_back(), LaggedStart(*drawn, lag_ratio=0.25), run_time=2.5)

    def at_the_end(self) -> None:
        """Before in the upper row, after in the lower one."""
        self.play(FadeOut(self.slice, self.step, self.scale), run_time=theme.QUICK)
        rows = [[self.small(colours[place], place, y) for place in range(len(self.maps))]
                for colours, y in ((self.first, 1.3), (self.last, -1.0))]
        above, copies = [sheet.copy() for sheet in self.maps], [outline.copy() for outline in self.outlines]
        self.add(*above, *copies)
        ends = [self.outline(sheet, SMALLER) for sheet in (*rows[0], *rows[1])]
        moves = [Transform(thing, end) for thing, end in zip(
            [*above, *self.maps, *copies, *self.outlines], [*rows[0], *rows[1], *ends], strict=True)]
        heads = [on_line(words(self.step_name(which)).align_to(rows[0][0], LEFT), y)
                 for which, y in ((0, 2.27), (1, -0.03))]
        top = self.figure(float(self.shown["top"]), 1)
        key = self.word(f"dark violet: 0, yellow: {top} and more", f"dunkelviolett: 0, gelb: {top} und mehr",
                        theme.MUTED, theme.SMALL)
        late = squish_rate_func(smooth, 0.6, 1)
        self.play(*moves, FadeIn(*heads, on_line(key, -2.35), rate_func=late), run_time=2)

    # ---- pieces ----

    def spot(self, place: int) -> Point:
        """The middle of one of the eight maps."""
        return FIRST + PITCH * (place % COLUMNS * RIGHT + place // COLUMNS * DOWN)

    def sheet(self, colours: list[np.ndarray], place: int) -> Sheet:
        return Sheet(colours[place], SIDE, frontal=True).move_to(self.spot(place))

    def small(self, colours: np.ndarray, place: int, height: float) -> Sheet:
        return Sheet(colours, SMALLER, frontal=True).move_to((place - 3.5) * CLOSER * RIGHT + height * UP)

    def outline(self, sheet: Sheet, side: float = SIDE) -> VMobject:
        """The reference mask on one map."""
        picture = Picture(theme.grey(self.shown["slice"]), side).move_to(sheet)
        outline = picture.outline(self.shown["mask"], tint=0).set_stroke(width=4 if side == SIDE else 3)
        return outline.set_stroke(theme.BACKGROUND, 8, background=True)  # to be seen on yellow

    def step_name(self, which: int) -> str:
        return {"en": "step", "de": "Schritt"}[self.language] + " " + self.figure(self.shown["steps"][which])

    def counter(self, which: int) -> Group:
        """Which step it is, below the slice."""
        return words(self.step_name(which), theme.LABEL).move_to(ASIDE + (FIRST[1] - 1.65) * UP)

    def colour_bar(self) -> Group:
        """The one scale of all maps, with its ends."""
        ramp = theme.probability(np.linspace(1, 0, 64))[:, None].repeat(5, 1)
        bar = Picture(ramp, 2.6).move_to(6.5 * RIGHT + 0.1 * UP)
        top = words(f"≥ {self.figure(float(self.shown['top']), 1)}", theme.SMALL).next_to(bar, UP, buff=0.15)
        return Group(bar, top, words("0", theme.SMALL).next_to(bar, DOWN, buff=0.15))
