"""The blame runs back through the U, and every weight learns its part."""

import numpy as np
from manim import LEFT, RIGHT, UP, FadeIn, FadeOut, MathTypst, ShowPassingFlash

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.u_shape import Panel, UDrawing
from unet_lib import byhand

STOPS = ("decoder.1", "decoder.2", "decoder.3", "decoder.4", "bottleneck",
         "encoder.4", "encoder.3", "encoder.2", "encoder.1")


class Backpropagation(ClipScene):
    """Forward once, the loss, and then backwards stage by stage."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        logits, mask = load("logits").astype(float), load("mask").astype(float)
        return {"slice": load("small"), "blame": byhand.bce_backward(logits, mask),
                **{name: load(f"blame {name}") for name in STOPS}}

    @beat("Forward: a slice goes in, probabilities come out.", "Vorwärts: Bild hinein, Wahrscheinlichkeiten heraus.")
    def forward(self) -> None:
        self.u = UDrawing(stages()).shift(2.2 * RIGHT)
        self.panel = None
        self.show(self.u)
        self.visit((), theme.grey(self.shown["slice"]), "input", "Eingabe")
        names = [stage.name for stage in stages()]
        self.play(*(FadeIn(self.u.lit(name), rate_func=late(place / len(names))) for place, name in enumerate(names)),
                  run_time=2.5)

    @beat("The loss: every pixel is told how wrong it was.", "Der Verlust: Jeder Pixel erfährt, wie falsch er lag.")
    def the_loss(self) -> None:
        values = self.shown["blame"]
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption, self.u, self.panel)))
        self.visit(("output",), theme.signed(theme.reach_of(values[values != 0]))(values), "blame", "Anteil")

    @beat("Backward: each stage hands the blame on to the one before.",
          "Rückwärts: Jede Stufe reicht den Fehler weiter.")
    def backward(self) -> None:
        for level in range(1, 5):
            self.stop(f"decoder.{level}", f"up.{level}", f"concat.{level}")
            self.pulse("up", f"up.{level}")

    @beat("Through the bottleneck, and along every skip, to the start.",
          "Durch den Flaschenhals und jeden Skip bis zum Anfang.")
    def to_the_start(self) -> None:
        self.stop("bottleneck", "pool.4")
        for level in range(4, 0, -1):
            self.pulse("pool", f"pool.{level}", "skip", f"concat.{level}")
            self.stop(f"encoder.{level}", *((f"pool.{level - 1}",) if level > 1 else ()))

    @beat("Now every weight takes a small step against its gradient.",
          "Nun macht jedes Gewicht einen kleinen Schritt dagegen.")
    def the_step(self) -> None:
        formula = MathTypst('w <- w - eta (partial L) / (partial w)', font_size=52, color=theme.WINDOW)
        self.play(FadeOut(self.panel), FadeIn(formula.move_to(4.9 * LEFT + 0.3 * UP)), run_time=theme.CALM)

    def stop(self, name: str, *with_it: str) -> None:
        """Light a stage in the blame's colour, and show where the blame lies."""
        values = self.shown[name]
        self.visit((*with_it, name), theme.signed(theme.reach_of(values))(values), "blame", "Anteil")

    def visit(self, boxes: tuple[str, ...], colours: np.ndarray, en: str, de: str) -> None:
        """Light some boxes, and change the panel."""
        size = "{} × {}".format(*colours.shape[:2])
        old, self.panel = self.panel, Panel(colours, (size, {"en": en, "de": de}[self.language])).shift(5.25 * LEFT)
        lit = self.u.lit(*boxes).set_fill(theme.WINDOW).set_stroke(theme.WINDOW)
        self.play(FadeIn(lit), *([FadeOut(old)] if old else []), FadeIn(self.panel), run_time=theme.CALM)

    def pulse(self, *kinds_and_stages: str) -> None:
        """Send a flash along arrows, against their direction."""
        pairs = zip(kinds_and_stages[::2], kinds_and_stages[1::2], strict=True)
        lines = [line for kind, stage in pairs for line in self.u.arrows_of(kind, stage)]
        self.play(*(ShowPassingFlash(line.copy().set_stroke(theme.WINDOW, 8).reverse_direction(), time_width=0.6)
                    for line in lines), run_time=theme.QUICK)


def late(start: float):
    """A rate function that waits until `start`, a fraction of the time, and then rises quickly to 1."""
    return lambda fraction: float(np.clip((fraction - start) * 6, 0, 1))
