"""The gradient of the loss runs back through the U in depth, along every way that the data came."""

from itertools import pairwise

import numpy as np
from manim import (
    DOWN,
    RIGHT,
    UP,
    Create,
    FadeIn,
    FadeOut,
    Group,
    LaggedStart,
    MathTypst,
    VGroup,
    Write,
    there_and_back,
)
from manim import ReplacementTransform as Replace

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, arrow
from animations.stacks import become
from animations.u_in_depth import (
    DOWN_STAGES,
    LEVELS,
    STAGES,
    UP_STAGES,
    VIEWS,
    face,
    height_of,
    level_of,
    skip_arrows,
    spot,
    stack_of,
)
from unet_lib import byhand

REACH = 0.97
"""The quantile of a stage's gradients from which on colours are strongest: a few are far larger than all others."""


class Backpropagation(ClipScene):
    """Forward once, the loss, and then backwards stage by stage."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        logits, mask = load("logits").astype(float), load("mask").astype(float)
        return {"slice": load("small"), "mask": load("mask"), "probability": byhand.sigmoid(logits),
                "gradient": byhand.bce_backward(logits, mask), **{name: load(f"maps {name}") for name in STAGES},
                **{f"gradient {name}": load(f"gradient {name}") for name in STAGES},
                **{f"gradient skip.{level}": load(f"gradient skip.{level}") for level in range(1, LEVELS + 1)}}

    @beat("Forward: a phantom's slice becomes probabilities.",
          "Vorwärts: vom Phantom-Schnittbild zu Wahrscheinlichkeiten.")
    def forward(self) -> None:
        self.stacks = {name: stack_of(name) for name in STAGES}
        self.output = face("output", theme.probability(self.shown["probability"]))
        self.ways = skip_arrows()
        chain = [face("input", theme.grey(self.shown["slice"])), *self.stacks.values(), self.output]
        self.play(LaggedStart(*(FadeIn(one, shift=0.5 * RIGHT) for one in chain), lag_ratio=0.35),
                  LaggedStart(*map(Create, reversed(self.ways)), lag_ratio=0.3, rate_func=late), run_time=4.5)

    @beat("The loss compares them with the reference mask.", "Der Verlust vergleicht sie mit der Referenzmaske.")
    def the_loss(self) -> None:
        frame = Picture(theme.grey(self.shown["slice"]), height_of("output")).move_to(spot("output"))
        orange = frame.outline(self.shown["mask"], tint=0)
        self.outline = VGroup(orange.copy().set_stroke(theme.BACKGROUND, 14), orange.set_stroke(width=6))
        self.play(self.look(spot("output") + 0.2 * DOWN, 7), Create(self.outline), run_time=1.8)

    @beat("Gradient per pixel: violet, raise the logit; bright, lower it.",
          "Gradient je Pixel: violett, Logit erhöhen; hell, Logit senken.")
    def first_gradient(self) -> None:
        values = self.shown["gradient"]
        slope = face("output", theme.signed(theme.reach_of(values[values != 0]))(values))
        self.play(Replace(self.output, slope), run_time=theme.SLOW)
        self.output = slope
        self.play(self.look(spot("output"), 6), FadeOut(self.outline), run_time=1.6)

    @beat("Back through the decoder, and along every skip.", "Zurück durch den Decoder und über jeden Skip.")
    def through_the_decoder(self) -> None:
        self.waiting = {}
        turned = [arrow(line.get_end(), line.get_start(), theme.SKIP, gap=0) for line in self.ways]
        self.back("decoder.1", [self.output], self.look_back(), *map(Replace, self.ways, turned))
        for before, name in pairwise((*UP_STAGES[::-1], "bottleneck")):
            level = int(before[-1])
            along = self.gradient(f"skip.{level}").move_to(spot(before))
            self.waiting[level] = along
            self.back(name, self.stacks[before], along.animate.move_to(spot(f"encoder.{level}") + 0.55 * RIGHT),
                      *([self.look(*VIEWS["decoder.4"])] if level == 3 else []))

    @beat("In the encoder both ways arrive, and their gradients add up.",
          "Im Encoder addieren sich die Gradienten beider Wege.")
    def through_the_encoder(self) -> None:
        for after, name in pairwise(("bottleneck", *DOWN_STAGES[::-1])):
            along = self.waiting[int(name[-1])]
            self.back(name, [*along, *self.stacks[after]], *([self.look_back()] if level_of(name) == 2 else []))
            self.remove(*along)

    @beat("Now every weight takes a small step against its gradient.",
          "Nun geht jedes Gewicht ein wenig gegen seinen Gradienten.")
    def the_step(self) -> None:
        formula = MathTypst("w <- w - eta (partial L) / (partial w)", font_size=52, color=theme.WINDOW)
        formula.move_to(2.2 * UP)
        self.play(Write(formula), run_time=theme.SLOW)
        steps = [stack.animate(rate_func=there_and_back).shift(0.14 * UP) for stack in self.stacks.values()]
        self.play(LaggedStart(*steps, lag_ratio=0.12), run_time=2.5)

    def gradient(self, name: str):
        """The gradients with respect to a stage's maps, or to what a skip carries, as a stack of the same size."""
        values = self.shown[f"gradient {name}"]
        reach = max(float(np.quantile(np.abs(values), REACH)), 1e-12)
        return stack_of(name.replace("skip", "encoder"), values, theme.signed(reach))

    def back(self, name: str, source, *others) -> None:
        """What has come to one stage goes on to another, whose maps give way to their gradients."""
        arrived, old = self.gradient(name), self.stacks[name]
        self.play(become(Group(*(sheet.copy() for sheet in source)), arrived, 1.5), FadeOut(old), *others, run_time=1.5)
        self.stacks[name] = arrived


def late(fraction: float) -> float:
    """A rate that waits for the second half."""
    return max(0.0, 2 * fraction - 1)
