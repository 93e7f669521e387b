"""The same maps of one network before its training and, below them, step by step through it."""

from functools import partial

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Create,
    Dot,
    FadeIn,
    FadeOut,
    LaggedStart,
    Line,
    MoveAlongPath,
    Square,
    Text,
    Transform,
    VGroup,
    VMobject,
    linear,
    smooth,
    squish_rate_func,
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Counting, Picture, on_line, words
from animations.stacks import Sheet

WATCHED = ("encoder.1", "bottleneck", "decoder.1")
SIDE, PITCH, FIRST = 2.45, 2.65, -2.3
ROWS = {"before": 1.15, "while": -1.45}
ASIDE, NEAR = -5.35, 11.5
"""The middle of the column beside the maps, and how near the camera is in the beginning."""
SHOWS = 5
"""A map shows the tumour when it is so many times as bright in it as elsewhere."""


class TrainingMaps(ClipScene):
    """Three maps and the probabilities at step 0 above; below the same from step to step, in the same colours."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps, mask = load("series steps"), load("mask")
        maps = {f"{step} {name}": load(f"series {step} {name}") for step in steps for name in (*WATCHED, "probability")}
        tops = {f"top {name}": np.quantile([maps[f"{step} {name}"] for step in steps], 0.99) for name in WATCHED}
        shows = [sum(contrast(maps[f"{step} {name}"], mask) > SHOWS for name in WATCHED) for step in steps]
        return {"slice": load("small"), "steps": steps, "losses": load("series losses"), "mask": mask,
                "shows": np.array(shows), **maps, **tops}

    @beat("One map from each of three stages, on a slice of a phantom.",
          "Je eine Karte aus drei Stufen, zu einem Phantom-Schnittbild.")
    def before(self) -> None:
        middle = FIRST + 1.5 * PITCH
        self.camera.frame.set(width=NEAR).move_to(middle * RIGHT + 0.75 * UP)
        start = Sheet(theme.grey(self.shown["slice"]), 4.2, frontal=True).move_to(middle * RIGHT + 0.75 * UP)
        self.play(FadeIn(start, scale=0.85), run_time=theme.CALM)
        self.above = [start.copy() for _ in range(4)]
        self.add(*self.above)
        moves = [Transform(sheet, end) for sheet, end in zip(self.above, self.sheets(0, "before"), strict=True)]
        self.play(FadeOut(start, run_time=0.3), LaggedStart(*moves, lag_ratio=0.15, run_time=2.4))
        self.play(FadeIn(self.labels()), run_time=theme.CALM)

    @beat("Below: the same network while it trains on real patients.",
          "Unten: dasselbe Netz, im Training mit echten Patienten.")
    def a_copy(self) -> None:
        head = VGroup(self.step(0, "before"), self.loss(0, "before"))
        self.play(self.look_back(), FadeIn(head, self.scale()), run_time=theme.SLOW)
        self.maps = [sheet.copy() for sheet in self.above]
        self.add(*self.maps)
        moves = [Transform(sheet, end) for sheet, end in zip(self.maps, self.sheets(0, "while"), strict=True)]
        self.play(LaggedStart(*moves, lag_ratio=0.15), run_time=1.8)
        self.counter, self.says = self.step(0, "while"), self.loss(0, "while")
        self.curve()

    @beat("By step {steps[2]}, {shows[2]} of the 3 maps are far brighter in the tumour.",
          "Bei Schritt {steps[2]} sind {shows[2]} der 3 Karten im Tumor weit heller.")
    def first_steps(self) -> None:
        self.go_on(1, 2)

    @beat("By step {steps[5]} the bottleneck has a wide bright patch.",
          "Bei Schritt {steps[5]} hat der Flaschenhals einen hellen Fleck.")
    def later(self) -> None:
        frame = Square(SIDE + 0.06, color=theme.WINDOW, stroke_width=6).move_to(self.maps[WATCHED.index("bottleneck")])
        self.play(Create(frame), run_time=theme.CALM)
        self.go_on(3, 5)
        self.frame = frame

    @beat("By step {steps[9]:,}, all {shows[9]} are far brighter in the tumour.",
          "Bei Schritt {steps[9]} sind alle {shows[9]} im Tumor weit heller.")
    def last_steps(self) -> None:
        self.play(FadeOut(self.frame), run_time=theme.QUICK)
        self.go_on(6, 9)

    @beat("Orange: the reference mask, before and after training.",
          "Orange: die Referenzmaske, vor und nach dem Training.")
    def compared(self) -> None:
        outlines = [self.outline(sheet) for sheet in (*self.above, *self.maps)]
        self.play(LaggedStart(*map(Create, outlines), lag_ratio=0.15), run_time=3.2)

    def go_on(self, first: int, last: int) -> None:
        """Let the maps below become those of the next steps, one after the other, while the step is counted."""
        for place in range(first, last + 1):
            before, after = (int(step) for step in self.shown["steps"][place - 1:place + 1])
            ends, old, self.says = self.sheets(after, "while"), self.says, self.loss(place, "while")
            way = Line(self.points[place - 1], self.points[place], color=theme.INK, stroke_width=4)
            counting = Counting(self.counter, partial(self.count, before, after), rate_func=linear)
            self.play(*(Transform(sheet, end, rate_func=linear) for sheet, end in zip(self.maps, ends, strict=True)),
                      counting, FadeOut(old, rate_func=squish_rate_func(smooth, 0, 0.2)),
                      FadeIn(self.says, rate_func=squish_rate_func(smooth, 0.7, 1)),
                      Create(way, rate_func=linear), MoveAlongPath(self.dot, way, rate_func=linear), run_time=1.3)

    # ---- pieces ----

    def sheets(self, step: int, row: str) -> list[Sheet]:
        """Maps and probabilities at one step."""
        colours = [theme.activation(self.shown[f"top {name}"])(self.shown[f"{step} {name}"]) for name in WATCHED]
        colours.append(theme.probability(self.shown[f"{step} probability"]))
        return [Sheet(colour, SIDE, frontal=True).move_to((FIRST + place * PITCH) * RIGHT + ROWS[row] * UP)
                for place, colour in enumerate(colours)]

    def labels(self) -> VGroup:
        """The names of the columns."""
        names = [words(name, theme.SMALL, theme.CONV) for name in WATCHED]
        names.append(self.word("probability 0–1", "Wahrsch. 0–1", theme.INK, theme.SMALL))
        return VGroup(*(on_line(name.set_x(FIRST + place * PITCH), ROWS["before"] + SIDE / 2 + 0.1)
                        for place, name in enumerate(names)))

    def step(self, place: int, row: str) -> Text:
        """Which step it is, beside one row."""
        return self.count(0, int(self.shown["steps"][place]), 1, row)

    def count(self, before: int, after: int, t: float, row: str = "while") -> Text:
        """The number of a step between two others."""
        step = self.figure(round(before + t * (after - before)))
        return on_line(self.word(f"step {step}", f"Schritt {step}").set_x(ASIDE), ROWS[row] + 0.85)

    def loss(self, place: int, row: str) -> Text:
        """The loss at one of the kept steps, under its number."""
        loss = self.figure(self.shown["losses"][place], 3)
        return on_line(self.word(f"loss {loss}", f"Verlust {loss}").set_x(ASIDE), ROWS[row] + 0.35)

    def scale(self) -> VGroup:
        """What the colours mean."""
        lines = (("in each column:", "in jeder Spalte:"), ("dark violet: 0", "dunkelviolett: 0"),
                 ("yellow: top 1 %", "gelb: oberstes 1 %"))
        texts = VGroup(*(self.word(*line, theme.MUTED, theme.SMALL) for line in lines))
        return texts.arrange(DOWN, buff=0.14).move_to(ASIDE * RIGHT + (ROWS["before"] - 0.65) * UP)

    def curve(self) -> None:
        """The axis of the kept steps and the loss on this slice, with a dot at step 0."""
        losses, low = self.shown["losses"], ROWS["while"] - 1.15
        self.points = [(ASIDE - 1.35 + 0.3 * place) * RIGHT + (low + 0.75 * loss / losses.max()) * UP
                       for place, loss in enumerate(losses)]
        base = Line(1.45 * LEFT, 1.45 * RIGHT, color=theme.LINE, stroke_width=2).shift(ASIDE * RIGHT + low * UP)
        name = self.word("loss on the slice", "Verlust zum Bild", theme.MUTED, theme.SMALL)
        self.dot = Dot(self.points[0], 0.09, color=theme.WINDOW)
        self.play(Create(base), FadeIn(on_line(name.set_x(ASIDE), low + 0.95)), FadeIn(self.dot),
                  FadeIn(self.counter, self.says), run_time=theme.CALM)

    def outline(self, sheet: Sheet) -> VMobject:
        """The reference mask on one map."""
        picture = Picture(theme.grey(self.shown["slice"]), SIDE).move_to(sheet)
        outline = picture.outline(self.shown["mask"], tint=0).set_stroke(width=3)
        return outline.set_stroke(theme.BACKGROUND, 7, background=True)  # to be seen on yellow


def contrast(values: np.ndarray, mask: np.ndarray) -> float:
    """How many times as bright a map is in the tumour as elsewhere, on average."""
    large = values.repeat(len(mask) // len(values), 0).repeat(len(mask) // len(values), 1)
    return float(large[mask].mean() / large[~mask].mean())
