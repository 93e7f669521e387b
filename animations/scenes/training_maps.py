"""The same maps of one network before its training and, beside them, step by step through it."""

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
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, Point, on_line, words
from animations.stacks import Sheet

WATCHED = ("encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1")
SIDE, PITCH, MIDDLE = 1.9, 2.25, 3.55
ROWS = (1.07, -1.22)
HEADS, BELOW, NEAR = 2.5, -2.55, 12
SHOWS = 5
"""A map shows the tumour when it is so many times as bright in it as elsewhere."""


class TrainingMaps(ClipScene):
    """Five maps and the probabilities at step 0 at the left; at the right the same from step to step, in the same
    colours."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        steps, mask = load("series steps"), load("mask")
        maps = {f"{step} {name}": load(f"series {step} {name}") for step in steps for name in (*WATCHED, "probability")}
        tops = {f"top {name}": np.quantile([maps[f"{step} {name}"] for step in steps], 0.99) for name in WATCHED}
        shows = [sum(contrast(maps[f"{step} {name}"], mask) > SHOWS for name in WATCHED) for step in steps]
        return {"slice": load("small"), "steps": steps, "losses": load("series losses"), "mask": mask,
                "shows": np.array(shows), **maps, **tops}

    @beat("One map from each of five stages, on a slice of a phantom.",
          "Je eine Karte aus fünf Stufen, zu einem Phantom-Schnittbild.")
    def before(self) -> None:
        self.camera.frame.set(width=NEAR).move_to(MIDDLE * LEFT + 0.12 * UP)
        start = Sheet(theme.grey(self.shown["slice"]), 3.6, frontal=True).move_to(MIDDLE * LEFT)
        self.play(FadeIn(start, scale=0.85), run_time=theme.CALM)
        left = [start.copy() for _ in self.spots(-1)]
        self.add(*left)
        moves = [Transform(sheet, end) for sheet, end in zip(left, self.sheets(0, -1), strict=True)]
        self.play(FadeOut(start, run_time=0.3), LaggedStart(*moves, lag_ratio=0.15, run_time=2.4))
        self.names = self.labels()
        self.left, self.head = left, self.heading(0, -1)
        self.play(FadeIn(self.names), run_time=theme.CALM)

    @beat("Right: the same network while it trains on real patients.",
          "Rechts: dasselbe Netz, im Training mit echten Patienten.")
    def a_copy(self) -> None:
        self.play(self.look_back(), FadeIn(self.head), FadeIn(self.scale()), run_time=theme.SLOW)
        self.maps, names, self.counter = [sheet.copy() for sheet in self.left], self.names.copy(), self.head.copy()
        self.add(*self.maps)
        moves = [sheet.animate.shift(2 * MIDDLE * RIGHT) for sheet in (*self.maps, names, self.counter)]
        self.play(LaggedStart(*moves, lag_ratio=0.06), run_time=1.8)
        self.curve()

    @beat("By step {steps[2]}, {shows[2]} of the 5 maps are far brighter in the tumour.",
          "Bei Schritt {steps[2]} sind {shows[2]} der 5 Karten im Tumor weit heller.")
    def first_steps(self) -> None:
        self.go_on(1, 2)

    @beat("By step {steps[5]} the bottleneck has a wide bright patch.",
          "Bei Schritt {steps[5]} hat der Flaschenhals einen breiten Fleck.")
    def later(self) -> None:
        frame = Square(SIDE, color=theme.WINDOW, stroke_width=6).move_to(self.maps[WATCHED.index("bottleneck")])
        self.play(Create(frame), run_time=theme.CALM)
        self.go_on(3, 5)
        self.frame = frame

    @beat("By step {steps[9]:,}, all {shows[9]} are far brighter in the tumour.",
          "Bei Schritt {steps[9]} sind alle {shows[9]} im Tumor weit heller.")
    def last_steps(self) -> None:
        self.play(FadeOut(self.frame), run_time=theme.QUICK)
        self.go_on(6, 9)

    @beat("Orange: the reference mask, before and after.",
          "Orange: die Referenzmaske, vorher und nachher.")
    def compared(self) -> None:
        outlines = [self.outline(sheet) for sheet in (*self.left, *self.maps)]
        self.play(LaggedStart(*map(Create, outlines), lag_ratio=0.15), run_time=3.2)

    def go_on(self, first: int, last: int) -> None:
        """Let the maps at the right become those of the next steps, one after the other."""
        for place in range(first, last + 1):
            ends = self.sheets(int(self.shown["steps"][place]), 1)
            old, self.counter = self.counter, self.heading(place, 1)
            way = Line(self.points[place - 1], self.points[place], color=theme.INK, stroke_width=4)
            self.play(*(Transform(sheet, end, rate_func=linear) for sheet, end in zip(self.maps, ends, strict=True)),
                      FadeOut(old, shift=0.25 * UP), FadeIn(self.counter, shift=0.25 * UP),
                      Create(way, rate_func=linear), MoveAlongPath(self.dot, way, rate_func=linear), run_time=1.3)

    # ---- pieces ----

    def spots(self, side: int) -> list[Point]:
        """The middles of the six pictures of a half, left (−1) or right (1)."""
        return [side * MIDDLE * RIGHT + (place % 3 - 1) * PITCH * RIGHT + ROWS[place // 3] * UP for place in range(6)]

    def sheets(self, step: int, side: int) -> list[Sheet]:
        """Maps and probabilities at one step."""
        colours = [theme.activation(self.shown[f"top {name}"])(self.shown[f"{step} {name}"]) for name in WATCHED]
        colours.append(theme.probability(self.shown[f"{step} probability"]))
        return [Sheet(colour, SIDE, frontal=True).move_to(spot)
                for colour, spot in zip(colours, self.spots(side), strict=True)]

    def labels(self) -> VGroup:
        names = [words(name, theme.SMALL, theme.CONV) for name in WATCHED]
        names.append(self.word("probability", "Wahrsch.", theme.INK, theme.SMALL))
        return VGroup(*(on_line(name.set_x(spot[0]), spot[1] + SIDE / 2 + 0.1)
                        for name, spot in zip(names, self.spots(-1), strict=True)))

    def heading(self, place: int, side: int) -> Text:
        """Which step it is, and the loss, above one half."""
        step, loss = self.figure(self.shown["steps"][place]), self.figure(self.shown["losses"][place], 3)
        text = self.word(f"step {step}, loss {loss}", f"Schritt {step}, Verlust {loss}")
        return on_line(text.set_x(side * MIDDLE), HEADS)

    def scale(self) -> VGroup:
        """What the colours mean."""
        lines = (("Scale of each stage, left and right:", "Skala jeder Stufe, links und rechts:"),
                 ("dark violet 0, yellow the top 1 %", "Dunkelviolett 0, Gelb das oberste 1 %"))
        texts = VGroup(*(self.word(*line, theme.MUTED, theme.SMALL) for line in lines))
        return texts.arrange(DOWN, buff=0.12).move_to(MIDDLE * LEFT + BELOW * UP)

    def curve(self) -> None:
        """The axis of the kept steps and the loss on this slice, with a dot at step 0."""
        losses = self.shown["losses"]
        self.points = [(3.2 + 0.4 * place) * RIGHT + (BELOW - 0.25 + 0.5 * loss / losses.max()) * UP
                       for place, loss in enumerate(losses)]
        base = Line(3.1 * RIGHT, 6.9 * RIGHT, color=theme.LINE, stroke_width=2).set_y(BELOW - 0.25)
        name = self.word("loss on the slice", "Verlust zum Bild", theme.MUTED, theme.SMALL)
        self.dot = Dot(self.points[0], 0.09, color=theme.WINDOW)
        self.play(Create(base), FadeIn(name.next_to(base, LEFT, buff=0.2).shift(0.15 * UP)), FadeIn(self.dot),
                  run_time=theme.CALM)

    def outline(self, sheet: Sheet) -> VMobject:
        picture = Picture(theme.grey(self.shown["slice"]), SIDE).move_to(sheet)
        return picture.outline(self.shown["mask"], tint=0).set_stroke(width=2.5)


def contrast(values: np.ndarray, mask: np.ndarray) -> float:
    """How many times as bright a map is in the tumour as elsewhere, on average."""
    large = values.repeat(len(mask) // len(values), 0).repeat(len(mask) // len(values), 1)
    return float(large[mask].mean() / large[~mask].mean())
