"""The encoder's maps travel along the skip to those from below; and the answer without them."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, FadeOut, Group, LaggedStart, Text, Transform

from animations import theme
from animations.arrays import load
from animations.camera import fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import ACTIVATION_KEY, SIGNED_KEY, around_tumour, stages
from animations.mobjects import Picture, SkipArrow, arrow, number, on_line
from animations.stacks import FeatureStack, Sheet, become, fan_out
from unet_lib import byhand
from unet_lib.core.metrics import count

HIGH, GAP, HALF = 2.9, 0.13, 32
"""Maps of the first level are so high and so far apart; half the side of what is shown at the end, in pixels."""
SPOTS = {"encoder.1": (-5.2, 0.9), "decoder.2": (2.2, -1.75), "up.1": (2.35, 0.9), "skip": (0.0, 0.9),
         "decoder.1": (5.6, 0.9)}


class SkipConnection(ClipScene):
    """Eight maps cross over and stand with eight from below; then one slice with and without them."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan = {stage.name: stage for stage in stages()}
        near = around_tumour(HALF)
        answers = {"with": byhand.sigmoid(load("logits").astype(float)), "without": load("without skip 1")}
        return {"slice": load("small"), "near": load("small")[near], "mask": load("mask")[near],
                **{name: load(f"maps {name}") for name in ("encoder.1", "decoder.2", "up.1", "decoder.1")},
                **{name: answer[near] for name, answer in answers.items()},
                "dice": np.array([count(answer >= 0.5, load("mask")).dice() for answer in answers.values()]),
                "channels": np.array([plan[name].out_channels for name in ("encoder.1", "up.1", "concat.1")]),
                "pixels": np.array([plan[name].width for name in ("encoder.1", "decoder.2")])}

    @beat("A phantom’s slice, and the {channels[0]} maps of the encoder’s level 1.",
          "Ein Phantombild und die {channels[0]} Karten der Encoder-Ebene 1.")
    def the_maps(self) -> None:
        front = Sheet(theme.grey(self.shown["slice"]), 4.8, frontal=True).move_to(0.1 * UP)
        self.stacks = {"encoder.1": self.stack("encoder.1")}
        self.key = self.below(*ACTIVATION_KEY)
        self.play(FadeIn(front, scale=0.9), run_time=theme.CALM)
        self.play(FadeOut(front, run_time=0.4), fan_out(front, self.stacks["encoder.1"], 2.4), FadeIn(self.key),
                  self.look(self.at("encoder.1") + 0.2 * DOWN, 11), run_time=2.4)

    @beat("From below come maps of {pixels[1]} × {pixels[1]} pixels; they are enlarged.",
          "Von unten kommen Karten mit {pixels[1]} × {pixels[1]} Pixeln; sie wachsen.")
    def from_below(self) -> None:
        low = self.stack("decoder.2")
        self.stacks["decoder.2"] = low
        self.play(self.look_back(), FadeIn(low, shift=UP), run_time=1.6)
        self.stacks["up.1"], old, self.key = self.stack("up.1"), self.key, self.below(*SIGNED_KEY)
        self.play(become(low.copy(), self.stacks["up.1"], 2.4), FadeOut(old), FadeIn(self.key), run_time=2.4)

    @beat("The skip carries the encoder’s maps across, unchanged.",
          "Die Skip-Verbindung trägt die Karten des Encoders hinüber.")
    def across(self) -> None:
        landed = self.stack("encoder.1").move_to(self.at("skip"))
        self.way = SkipArrow(self.stacks["encoder.1"], landed)
        self.play(Create(self.way), FadeOut(self.key), run_time=theme.CALM)
        moving = self.stacks["encoder.1"].copy()
        moves = [Transform(sheet, end) for sheet, end in zip(moving.from_front(), landed.from_front(), strict=True)]
        self.add(moving)
        self.play(LaggedStart(*reversed(moves), lag_ratio=0.15), run_time=3.2)
        self.stacks["skip"] = moving

    @beat("{channels[0]} + {channels[1]} = {channels[2]} maps go through a double convolution.",
          "{channels[0]} + {channels[1]} = {channels[2]} Karten gehen durch eine doppelte Faltung.")
    def together(self) -> None:
        self.play(self.stacks["skip"].animate.shift(0.55 * RIGHT), run_time=theme.CALM)
        both = FeatureStack([], HIGH)
        both.add(*self.stacks["up.1"].copy(), *self.stacks["skip"].copy())
        decoded = self.stack("decoder.1")
        self.conv = arrow(self.stacks["up.1"].get_right(), decoded.get_left(), theme.CONV)
        self.play(FadeIn(self.conv), become(both, decoded, 2.4), run_time=2.4)
        self.answer = Sheet(theme.probability(self.shown["with"]), 4.4, frontal=True).move_to(3.6 * LEFT + 0.35 * UP)
        self.remove(*decoded)
        others = [*self.stacks.values(), self.way, self.conv]
        self.play(become(decoded, Group(self.answer), 2), *map(FadeOut, others), run_time=2)

    @beat("With zeros through this skip, the same network finds less.",
          "Mit Nullen in diesem Skip findet dasselbe Netz weniger.")
    def without(self) -> None:
        other = self.answer.copy()
        end = Sheet(theme.probability(self.shown["without"]), 4.4, frontal=True).move_to(3.6 * RIGHT + 0.35 * UP)
        self.play(Transform(other, end, path_arc=-0.6), run_time=1.8)
        grey = theme.grey(self.shown["near"])
        slices = [Sheet(grey, 4.4, frontal=True).move_to(sheet) for sheet in (self.answer, end)]
        self.play(*map(Transform, (self.answer, other), slices), run_time=theme.SLOW)
        pictures = [Picture(grey, 4.4).move_to(sheet) for sheet in slices]
        self.play(*(Create(picture.outline(self.shown["mask"], tint=0)) for picture in pictures), run_time=theme.SLOW)
        blue = [picture.outline(self.shown[name] >= 0.5, theme.PREDICTION, tint=0.12)
                for name, picture in zip(("with", "without"), pictures, strict=True)]
        self.play(*map(Create, blue), *map(FadeIn, self.labels(pictures)), run_time=2)

    def labels(self, pictures: list[Picture]) -> list[Text]:
        """What each picture shows, and its Dice."""
        names = ("with the skip", "mit Skip"), ("without it", "ohne Skip")
        return [self.word(*(f"{name}: Dice {number(dice, 2)}" for name in both)).next_to(picture, DOWN, buff=0.2)
                for both, dice, picture in zip(names, self.shown["dice"], pictures, strict=True)]

    def at(self, name: str) -> np.ndarray:
        """Where a stack stands."""
        return SPOTS[name][0] * RIGHT + SPOTS[name][1] * UP

    def stack(self, name: str) -> FeatureStack:
        """All maps of a stage, in their place and size; those before a ReLU have a sign."""
        maps = self.shown[name]
        shade = theme.signed(theme.reach_of(maps)) if name == "up.1" else theme.activation(np.quantile(maps, 0.99))
        high = HIGH * maps.shape[-1] / self.shown["pixels"][0]
        return FeatureStack([shade(values) for values in maps], high, GAP * 8 / len(maps)).move_to(self.at(name))

    def below(self, en: str, de: str) -> Text:
        """What the colours mean."""
        return fixed(on_line(self.word(en, de, theme.MUTED, theme.SMALL).set_x(-3.2), -2.65))
