"""The gradient runs back through the U, and every weight gets its own."""

import numpy as np
from manim import (
    LEFT,
    RIGHT,
    UP,
    Animation,
    FadeIn,
    FadeOut,
    LaggedStart,
    MathTypst,
    Rectangle,
    ReplacementTransform,
    ShowPassingFlash,
    VGroup,
    linear,
    there_and_back,
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.u_shape import Panel, UDrawing
from unet_lib import byhand

STOPS = ("decoder.1", "decoder.2", "decoder.3", "decoder.4", "bottleneck",
         "encoder.4", "encoder.3", "encoder.2", "encoder.1")
SIZES = "Σ |gradient|", "Σ |Gradient|"
"""What a map shows on the way back: the sizes of the gradients, summed over the channels."""


class Backpropagation(ClipScene):
    """Forward once, the loss, and then backwards stage by stage."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        logits, mask = load("logits").astype(float), load("mask").astype(float)
        return {"slice": load("small"), "gradient": byhand.bce_backward(logits, mask),
                **{name: load(f"blame {name}") for name in STOPS}}

    @beat("Forward: a slice goes in, probabilities come out.", "Vorwärts: Bild hinein, Wahrscheinlichkeiten heraus.")
    def forward(self) -> None:
        self.u = UDrawing(stages()).shift(2.2 * RIGHT)
        self.lit = VGroup()
        self.panel = Panel(theme.grey(self.shown["slice"]), self.lines(self.shown["slice"], "input", "Eingabe"))
        self.show(self.u, self.panel.shift(5.25 * LEFT))
        names = [stage.name for stage in stages()]
        copy = Rectangle(width=self.panel.picture.width, height=self.panel.picture.height, color=theme.WINDOW)
        self.play(ReplacementTransform(copy.move_to(self.panel.picture), self.u.lit(names[0])), run_time=theme.CALM)
        self.play(*(FadeIn(self.u.lit(name), rate_func=late(place / len(names))) for place, name in enumerate(names)),
                  LaggedStart(*map(self.flash, self.ordered_arrows()), lag_ratio=0.3), run_time=3.5)

    @beat("The loss: how much does it change with each logit?", "Der Verlust: Wie ändert er sich mit jedem Logit?")
    def the_loss(self) -> None:
        values = self.shown["gradient"]
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption, self.u, self.panel)))
        self.visit(("output",), theme.signed(theme.reach_of(values[values != 0]))(values), "gradient", "Gradient")

    @beat("Back: each stage hands the gradient on to the one before.",
          "Zurück: Jede Stufe gibt den Gradienten weiter.")
    def backward(self) -> None:
        for level in range(1, 5):
            self.stop(f"decoder.{level}", f"up.{level}", f"concat.{level}", arrows=(("up", f"up.{level}"),))

    @beat("Through the bottleneck, and along every skip, to the start.",
          "Durch den Flaschenhals und jeden Skip bis zum Anfang.")
    def to_the_start(self) -> None:
        self.stop("bottleneck", "pool.4")
        for level in range(4, 0, -1):
            self.stop(f"encoder.{level}", *((f"pool.{level - 1}",) if level > 1 else ()),
                      arrows=(("pool", f"pool.{level}"), ("skip", f"concat.{level}")))

    @beat("Now every weight takes a small step against its gradient.",
          "Nun macht jedes Gewicht einen kleinen Schritt dagegen.")
    def the_step(self) -> None:
        formula = MathTypst('w <- w - eta (partial L) / (partial w)', font_size=52, color=theme.WINDOW)
        formula.move_to(4.9 * LEFT + 0.3 * UP)
        self.play(FadeOut(self.panel), FadeIn(formula), run_time=theme.CALM)
        steps = [box.animate(rate_func=there_and_back).shift(0.25 * UP).set_fill(theme.INK) for box in self.lit]
        self.play(LaggedStart(*steps, lag_ratio=0.12), run_time=2.5)

    def stop(self, name: str, *with_it: str, arrows: tuple[tuple[str, str], ...] = ()) -> None:
        """Flashes run back along arrows, (kind, stage), to a stage; it lights up, and its map shows large gradients."""
        values = self.shown[name]
        self.visit((*with_it, name), theme.signed(theme.reach_of(values))(values), *SIZES,
                   *(self.flash(line, backwards=True) for pair in arrows for line in self.u.arrows_of(*pair)))

    def visit(self, boxes: tuple[str, ...], colours: np.ndarray, en: str, de: str, *others: Animation) -> None:
        """Light some boxes, and change the panel; other animations run along."""
        old, self.panel = self.panel, Panel(colours, self.lines(colours, en, de)).shift(5.25 * LEFT)
        lit = self.u.lit(*boxes).set_fill(theme.WINDOW).set_stroke(theme.WINDOW)
        self.lit.add(*lit)
        self.play(FadeIn(lit), FadeOut(old), FadeIn(self.panel), *others, run_time=theme.SLOW, rate_func=linear)

    def lines(self, picture: np.ndarray, en: str, de: str) -> tuple[str, str]:
        """A picture's size, and what it shows."""
        return "{} × {}".format(*picture.shape[:2]), {"en": en, "de": de}[self.language]

    def flash(self, line: VGroup, backwards: bool = False) -> ShowPassingFlash:
        """A bright spot that runs along an arrow."""
        bright = line.copy().set_stroke(theme.WINDOW, 10)
        return ShowPassingFlash(bright.reverse_direction() if backwards else bright, time_width=0.6)

    def ordered_arrows(self) -> list:
        """All arrows, from the input to the output."""
        return sorted((line for kind in ("conv", "pool", "up", "skip") for line in self.u.arrows_of(kind)),
                      key=lambda line: line.get_start()[0])


def late(start: float):
    """A rate function that waits until `start`, a fraction of the time, and then rises quickly to 1."""
    return lambda fraction: float(np.clip((fraction - start) * 6, 0, 1))
