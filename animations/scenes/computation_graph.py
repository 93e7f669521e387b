"""Numbers forward through a tiny U-Net, gradients back: products along a path, a sum at the fork."""

from collections.abc import Iterable

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    Animation,
    AnimationGroup,
    Create,
    FadeIn,
    FadeOut,
    LaggedStart,
    Line,
    Mobject,
    Rectangle,
    ShowPassingFlash,
    Text,
    VGroup,
    smooth,
    squish_rate_func,
)
from manim import ReplacementTransform as Replace

from animations import theme
from animations.clip_scene import ClipScene, beat
from animations.mobjects import hexed, on_line, readable_on, words
from unet_lib.widgets.backpropagation.tiny_unet import DEFAULTS, backward, descend, forward

WIDE, HIGH, PITCH = 1.02, 0.52, 0.6
COLUMNS = {"x": -6.2, "c": -4.65, "a": -3.35, "m": -1.8, "r": -0.35, "s": 1.2, "u": 1.2, "z": 2.75, "p": 4.0, "t": 5.1,
           "L": 6.3}
TOP, BELOW = 2.0, -0.82
ROWS = {"m": BELOW - PITCH, "r": BELOW - PITCH, "u": BELOW, "L": TOP - 1.5 * PITCH}
"""Where the first number of a row stands, if not at the top; ReLU leaves both numbers of the bottleneck as they are."""
CORNER, BESIDE = 4.75 * LEFT + 1.45 * DOWN, 1.95 * LEFT + 1.2 * UP
"""Where a formula stands: in the corner that is free, and beside the second column while nothing else is there."""
NEAR = 3.55 * LEFT + 1.2 * UP, 7.8
"""What the camera sees of the first convolution: its middle and width."""
TITLES = {"x": ("image", "Bild"), "c": ("conv", "Faltung"), "a": ("ReLU", "ReLU"), "m": ("pool", "Pooling"),
          "r": ("conv", "Faltung"), "s": ("skip", "Skip"), "u": ("up", "hinauf"), "z": ("logit", "Logit"),
          "p": ("p", "p"), "t": ("mask", "Maske"), "L": ("loss", "Verlust")}
JOINED = [("x", "c", lambda i, j: abs(i - j) < 2), ("c", "a", int.__eq__), ("a", "m", lambda i, j: i // 2 == j),
          ("m", "r", lambda i, j: True), ("r", "u", lambda i, j: i == j // 2), ("a", "s", int.__eq__),
          ("s", "z", int.__eq__), ("u", "z", int.__eq__), ("z", "p", int.__eq__), ("t", "L", lambda i, j: True)]
"""Rows joined by lines: which number of the one goes into which of the other. The mask stands close beside p."""
Key = tuple[str, int, str, int]
"""A line: from which number of which row to which of which."""
RATE = 0.5
REACH = 0.3
EARLY, LATE = squish_rate_func(smooth, 0, 0.45), squish_rate_func(smooth, 0.55, 1)
SHOWN, GRADIENTS = tuple(COLUMNS), ("z", "s", "u", "r", "m", "a", "c", "x", "w", "wb")


class ComputationGraph(ClipScene):
    """The graph of the widget, with its numbers: forward, the loss, back, a step of descent."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        values, gradients = forward(DEFAULTS), backward(DEFAULTS)
        weights = {row: np.array(DEFAULTS[row], float) for row in ("w", "wb", "q")}
        after = forward(descend(DEFAULTS, RATE))
        return {**{row: values[row] for row in SHOWN}, **{f"gradient {row}": gradients[row] for row in GRADIENTS},
                **weights, **{f"{row} after": after[row] for row in SHOWN}}

    @beat("A tiny U-Net. A convolution is a sum of products.", "Ein winziges U-Net. Eine Faltung: Summe von Produkten.")
    def forwards(self) -> None:
        self.cells = {(row, at): self.cell(row, at) for row in SHOWN for at in range(len(self.shown[row]))}
        self.labels: dict[tuple[str, int], Text] = {}
        self.wires = {(one, i, other, j): self.line((one, i), (other, j)) for one, other, joined in JOINED
                      for i in range(len(self.shown[one])) for j in range(len(self.shown[other])) if joined(i, j)}
        self.titles = VGroup(*(self.heading(row) for row in SHOWN))
        self.add(*self.titles)
        drawn = map(Create, (*self.wires.values(), *self.cells.values()))
        self.play(LaggedStart(*drawn, lag_ratio=0.01), run_time=theme.SLOW)
        self.write("x")
        self.one_convolution()
        self.flow(("x", "c"))

    def one_convolution(self) -> None:
        """The first two columns alone and near, and how a number of the second comes about."""
        self.rest = VGroup(*(self.wires[key] for key in self.wires if key[2] != "c"),
                           *(self.cells[key] for key in self.cells if key[0] not in "xc"),
                           *(title for row, title in zip(SHOWN, self.titles, strict=True) if row not in "xc"))
        self.play(FadeOut(self.rest), self.look(*NEAR), run_time=1)
        x, w, b = (self.shown[name] for name in ("x", "w", "wb"))
        terms = [f"{self.brief(weight)}·{self.brief(value)}" for weight, value in zip(w, x[:3], strict=True)]
        total = f"+ {terms[2]} − {self.brief(-b[0])} = {self.brief(self.shown['c'][1])}"
        meaning = "weights · pixels + bias", "Gewichte · Pixel + Bias"
        self.explain("c", f"{terms[0]} + {terms[1]}", total, meaning=meaning, at=BESIDE)

    @beat("ReLU, pooling, the bottleneck, up; the skip goes across.",
          "ReLU, Pooling, Flaschenhals, hinauf; quer hinüber der Skip.")
    def through_the_u(self) -> None:
        self.play(self.look_back(), FadeIn(self.rest), self.formula.animate.move_to(CORNER), run_time=1)
        self.flow(("c", "a"))
        self.flow(("a", "m"))
        self.flow(("m", "r"))
        self.flow(("a", "s"), ("r", "u"))

    @beat("Logits, probabilities, and the loss: how wrong they are.",
          "Logits, Wahrscheinlichkeiten; der Verlust misst den Fehler.")
    def the_loss(self) -> None:
        self.flow(("su", "z"))
        self.flow(("z", "p"))
        self.write("t")
        self.flow(("t", "L"))

    @beat("Backwards, the gradient is multiplied along each path.",
          "Zurück: Entlang jedes Weges wird der Gradient multipliziert.")
    def along_a_path(self) -> None:
        g, q = self.shown["gradient z"], self.shown["q"]
        scale = self.word("violet < 0, bright > 0", "violett < 0, hell > 0", theme.MUTED, theme.SMALL)
        self.scale = scale.move_to(4.65 * LEFT + 2.6 * DOWN)
        self.add(self.scale)
        self.back(("p", "z"))
        product = self.figure(self.shown["gradient s"][1], 3)
        self.explain("s", f"{self.figure(g[1], 3)} × {self.brief(q[0])}", f"= {product}",
                     meaning=("gradient × weight", "Gradient × Gewicht"))
        for pairs in ((("z", "s"), ("z", "u")), (("u", "r"),), (("r", "m"),)):
            self.back(*pairs)

    @beat("At the fork, the gradients of both paths are added.", "An der Gabelung werden beide Gradienten addiert.")
    def at_the_fork(self) -> None:
        below, across = self.shown["gradient m"][0], self.shown["gradient s"][1]
        self.explain("a", f"{self.figure(below, 3)} + ({self.figure(across, 3)})",
                     f"= {self.figure(self.shown['gradient a'][1], 3)}",
                     meaning=("from pool + from skip", "vom Pooling + vom Skip"))
        for pair in (("ms", "a"), ("a", "c"), ("c", "x")):
            self.back(pair)

    @beat("Each weight steps against its gradient: the loss falls.",
          "Gewichte gehen gegen ihren Gradienten: Der Verlust fällt.")
    def a_step(self) -> None:
        weights, gradients = (np.concatenate([self.shown[f"{kind}{row}"] for row in ("w", "wb")])
                              for kind in ("", "gradient "))
        pairs = list(zip(weights, gradients, strict=True))
        steps = self.column(f"{self.brief(w)} − {self.brief(RATE)} · {self.figure(g, 2)}" for w, g in pairs)
        steps.shift(0.22 * DOWN)
        name = self.word("weights and bias", "Gewichte und Bias", theme.MUTED, theme.SMALL)
        name.move_to(4.75 * LEFT + 0.4 * DOWN)
        gathered = [FadeIn(part, target_position=self.labels["c", at]) for at, part in enumerate(steps)]
        self.fade(self.formula, self.ring, self.scale, seconds=0.3)
        self.play(LaggedStart(*gathered, lag_ratio=0.2), FadeIn(name, rate_func=LATE), run_time=1.5)
        self.wait(theme.READ)
        after = self.column(self.figure(w - RATE * g, 2) for w, g in pairs).shift(0.22 * DOWN)
        self.play(*exchange(steps, after), run_time=theme.CALM)
        self.empty()
        for pairs_of_rows in ((("x", "c"),), (("c", "a"),), (("a", "m"),), (("m", "r"),), (("a", "s"), ("r", "u")),
                              (("su", "z"),), (("z", "p"),), (("t", "L"),)):
            self.flow(*pairs_of_rows, after=True)

    def empty(self) -> None:
        """The cells lose gradients and colours; the image stands in its own again."""
        coloured = [key for key in self.cells if key[0] not in "tpL"]
        gone = [self.labels.pop(key) for key in list(self.labels) if key[0] != "t"]
        cells = [self.cells[key].animate.set_fill(theme.SURFACE) for key in coloured]
        self.play(FadeOut(*gone), *cells, run_time=theme.QUICK)
        self.write("x")

    # ---- pieces ----

    def spot(self, row: str, at: int) -> np.ndarray:
        """The middle of a number's cell."""
        return COLUMNS[row] * RIGHT + (ROWS.get(row, TOP) - at * PITCH) * UP

    def cell(self, row: str, at: int) -> Rectangle:
        width = 0.6 if row == "t" else WIDE
        colour = {"t": theme.REFERENCE, "p": theme.PREDICTION}.get(row, theme.LINE)
        box = Rectangle(width=width, height=HIGH, stroke_width=2, color=colour, fill_opacity=1).set_fill(theme.SURFACE)
        box.set_z_index(1)
        return box.move_to(self.spot(row, at))

    def line(self, start: tuple[str, int], end: tuple[str, int]) -> Line:
        one, other = self.cells[start], self.cells[end]
        return Line(one.get_right(), other.get_left(), color=theme.LINE, stroke_width=2)

    def heading(self, row: str) -> Text:
        text = words(TITLES[row][self.language == "de"], theme.SMALL, theme.MUTED)
        return on_line(text.move_to(self.spot(row, 0)), self.spot(row, 0)[1] + 0.4)

    def label(self, row: str, at: int, text: str, colour: str = theme.INK) -> Text:
        """A number in its cell."""
        return words(text, theme.SMALL, colour).move_to(self.spot(row, at)).set_z_index(2)

    def write(self, row: str) -> None:
        """Numbers that are given."""
        new = {(row, at): self.label(row, at, self.brief(value)) for at, value in enumerate(self.shown[row])}
        self.labels |= new
        self.show(*new.values(), seconds=theme.QUICK)

    def explain(self, row: str, *lines: str, meaning: tuple[str, str], at: np.ndarray = CORNER) -> None:
        """How the second number of a row comes about, and in words; ring and formula become the next ones."""
        said = self.word(*meaning, theme.MUTED, theme.SMALL)
        formula = VGroup(*self.column(lines), said).arrange(DOWN, buff=0.2).move_to(at)
        ring = Rectangle(width=WIDE + 0.08, height=HIGH + 0.06, color=theme.WINDOW, stroke_width=6).set_z_index(3)
        ring.move_to(self.spot(row, 1))
        if hasattr(self, "ring"):
            self.play(*exchange(self.formula, formula), Replace(self.ring, ring), run_time=0.7)
        else:
            self.play(Create(formula), Create(ring), run_time=1.1)
        self.formula, self.ring = formula, ring

    def column(self, lines: Iterable[str]) -> VGroup:
        """Lines in the free corner."""
        text = VGroup(*(words(line, theme.LABEL, theme.WINDOW) for line in lines)).arrange(DOWN, buff=0.2)
        return text.move_to(CORNER)

    def flow(self, *pairs: tuple[str, str], after: bool = False) -> None:
        """Numbers of rows are computed, one after the other, each from those joined to it, in (earlier, row).

        With `after`, they are those after the step, and come faster.
        """
        arrivals, new = [], {}
        for earlier, row in pairs:
            for at, value in enumerate(self.shown[f"{row} after" if after else row]):
                text = self.figure(value, 2) if after or row in "pL" else self.brief(value)
                new[row, at] = self.label(row, at, text, theme.WINDOW if after and row in "pL" else theme.INK)
                keys = [key for key in self.wires if key[0] in earlier and key[2:] == (row, at)]
                arrivals.append(self.arrival(keys, (row, at), new[row, at]))
        seconds = (0.15 + 0.06 * len(arrivals)) if after else 0.25 + 0.2 * len(arrivals) / len(pairs)
        self.play(LaggedStart(*arrivals, lag_ratio=0.5), run_time=seconds)
        self.labels |= new

    def back(self, *pairs: tuple[str, str]) -> None:
        """The gradients of rows come from (later, row); the cells take on their colours."""
        arrivals, new = [], {}
        for later, row in pairs:
            for at, gradient in enumerate(self.shown[f"gradient {row}"]):
                colour = theme.signed(REACH)(np.array(gradient))
                new[row, at] = self.label(row, at, self.figure(gradient, 2), readable_on(colour))
                keys = [key for key in self.wires if key[:2] == (row, at) and key[2] in later]
                arrivals.append(self.arrival(keys, (row, at), new[row, at], hexed(colour)))
        self.play(LaggedStart(*arrivals, lag_ratio=0.5), run_time=0.25 + 0.17 * len(arrivals) / len(pairs))
        self.labels |= new

    def arrival(self, keys: list[Key], target: tuple[str, int], new: Text, colour: str = "") -> AnimationGroup:
        """Numbers run along lines into a cell, where its number appears; a colour means backwards."""
        cell, sources = self.cells[target], [key[2:] if colour else key[:2] for key in keys]
        comers = [self.labels[source].copy() for source in sources]
        moves = [self.pulse(self.wires[key], backwards=bool(colour)) for key in keys]
        moves += [comer.animate(remover=True).move_to(cell).set_opacity(0) for comer in comers]
        moves += exchange(self.labels[target], new) if target in self.labels else [FadeIn(new, rate_func=LATE)]
        return AnimationGroup(*moves, *([cell.animate.set_fill(colour)] if colour else []))

    def pulse(self, line: Line, backwards: bool = False) -> ShowPassingFlash:
        bright = line.copy().set_stroke(theme.WINDOW, 6)
        return ShowPassingFlash(bright.reverse_direction() if backwards else bright, time_width=0.7)

    def brief(self, value: float) -> str:
        """Whole numbers without decimals, others with one."""
        return self.figure(value, int(value % 1 != 0))


def exchange(old: Mobject, new: Mobject) -> list[Animation]:
    """One text goes before the other comes, so that letters are never drawn over letters."""
    return [FadeOut(old, rate_func=EARLY), FadeIn(new, rate_func=LATE)]
