"""The encoder's maps travel along the skip to those from below; and the answer without them."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, FadeOut, Group, LaggedStart, Transform, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import ACTIVATION_KEY, SIGNED_KEY, around_tumour, stages
from animations.mobjects import Picture, SkipArrow, on_line, words
from animations.stacks import FeatureStack, Sheet, become, fan_out
from unet_lib import byhand
from unet_lib.core.metrics import count

HIGH, GAP, HALF, SIDE = 2.6, 0.13, 32, 4.4
"""Maps of the first level are so high and so far apart; what is shown at the end: half of its side in pixels, and how
high it is on the screen."""
SPOTS = {"encoder.1": (-5.2, 0.9), "decoder.2": (2.2, -1.7), "up.1": (2.35, 0.9), "skip": (0.0, 0.9),
         "decoder.1": (5.6, 0.9), "with": (4.0, 0.45), "without": (-4.0, 0.45), "key": (0.0, 0.1)}


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
          "Ein Phantom-Schnittbild und {channels[0]} Karten der Encoder-Ebene 1.")
    def the_maps(self) -> None:
        front = Sheet(theme.grey(self.shown["slice"]), 4.8, frontal=True).move_to(0.1 * UP)
        self.stacks = {"encoder.1": self.stack("encoder.1")}
        self.key = on_line(self.word(*ACTIVATION_KEY, theme.MUTED, theme.SMALL).align_to(6.8 * LEFT, LEFT), -1.25)
        self.play(FadeIn(front, scale=0.9), run_time=theme.CALM)
        self.play(FadeOut(front, run_time=0.4), fan_out(front, self.stacks["encoder.1"], 2.4), FadeIn(self.key),
                  self.look(self.at("encoder.1") + 0.4 * DOWN, 11), run_time=2.4)

    @beat("From below come maps of {pixels[1]} × {pixels[1]} pixels; they are enlarged.",
          "Von unten kommen Karten mit {pixels[1]} × {pixels[1]} Pixeln; sie wachsen.")
    def from_below(self) -> None:
        low = self.stack("decoder.2")
        self.stacks["decoder.2"] = low
        self.play(self.look_back(), FadeIn(low, shift=UP), run_time=1.6)
        self.stacks["up.1"] = self.stack("up.1")
        self.signs = self.lines_of(*SIGNED_KEY).next_to(self.stacks["up.1"], RIGHT, buff=0.2)
        source = low.copy()
        self.play(become(source, self.stacks["up.1"], 2.4), FadeIn(self.signs), run_time=2.4)
        self.remove(*source)

    @beat("The skip carries the encoder’s maps across, unchanged.",
          "Die Skip-Verbindung trägt die Karten des Encoders hinüber.")
    def across(self) -> None:
        landed = self.stack("encoder.1").move_to(self.at("skip"))
        self.way = SkipArrow(self.stacks["encoder.1"], landed)
        self.play(Create(self.way), run_time=theme.CALM)
        self.play(self.way[1].animate.set_y(2.6), run_time=theme.QUICK)  # the maps pass below
        moving = self.stacks["encoder.1"].copy()
        moves = [Transform(sheet, end) for sheet, end in zip(moving.from_front(), landed.from_front(), strict=True)]
        self.add(moving)
        self.play(LaggedStart(*reversed(moves), lag_ratio=0.15), run_time=3.2)
        self.stacks["skip"] = moving

    @beat("{channels[0]} + {channels[1]} = {channels[2]} maps go through a double convolution.",
          "{channels[0]} + {channels[1]} = {channels[2]} Karten gehen durch eine doppelte Faltung.")
    def together(self) -> None:
        self.play(self.stacks["skip"].animate.shift(0.55 * RIGHT), self.way[1].animate.next_to(self.way[0], UP, 0.15),
                  run_time=theme.CALM)
        joined = self.stacks.pop("up.1"), self.stacks.pop("skip")
        both = FeatureStack([], HIGH).add(*(sheet.copy() for stack in joined for sheet in stack))
        decoded = self.stack("decoder.1")
        self.remove(*joined, *joined[0], *joined[1])
        self.play(become(both, decoded, 2.4), FadeOut(self.signs), run_time=2.4)
        self.answer = Sheet(theme.probability(self.shown["with"]), SIDE, frontal=True).move_to(self.at("with"))
        self.labels = {"with": self.label(0, "with the skip", "mit Skip"),
                       "without": self.label(1, "without the skip", "ohne Skip")}
        self.remove(*both, *decoded)
        self.scale = self.lines_of("yellow: 1, dark violet: 0", "gelb: 1, dunkelviolett: 0").move_to(self.at("key"))
        self.play(become(decoded, Group(self.answer), 2), FadeOut(self.stacks["decoder.2"], run_time=0.5),
                  FadeIn(self.labels["with"][0], self.scale), run_time=2)

    @beat("With zeros through this skip, the same network finds less.",
          "Mit Nullen in diesem Skip findet dasselbe Netz weniger.")
    def without(self) -> None:
        other = self.answer.copy()
        end = Sheet(theme.probability(self.shown["without"]), SIDE, frontal=True).move_to(self.at("without"))
        self.play(Transform(other, end, path_arc=0.6), FadeIn(self.labels["without"][0]),
                  *map(FadeOut, (self.stacks["encoder.1"], self.way, self.key)), FadeOut(self.scale, run_time=0.4),
                  run_time=1.8)
        self.play(FadeIn(self.scale), run_time=theme.CALM)
        grey = theme.grey(self.shown["near"])
        slices = [Sheet(grey, SIDE, frontal=True).move_to(sheet) for sheet in (self.answer, end)]
        colours = self.lines_of("orange: reference, blue: network", "orange: Referenz, blau: Netz")
        self.play(*map(Transform, (self.answer, other), slices), FadeOut(self.scale), run_time=theme.SLOW)
        pictures = [Picture(grey, SIDE).move_to(sheet) for sheet in slices]
        self.play(*(Create(picture.outline(self.shown["mask"], tint=0)) for picture in pictures),
                  FadeIn(colours.move_to(self.at("key"))), run_time=theme.SLOW)
        blue = [picture.outline(self.shown[name] >= 0.5, theme.PREDICTION, tint=0.12)
                for name, picture in zip(self.labels, pictures, strict=True)]
        self.play(*map(Create, blue), *(FadeIn(label[1]) for label in self.labels.values()), run_time=2)

    def label(self, place: int, en: str, de: str) -> VGroup:
        """What an answer is, and its Dice, under its picture."""
        parts = VGroup(self.word(en, de), words(f"Dice {self.figure(self.shown['dice'][place], 2)}"))
        parts.arrange(RIGHT, buff=0.4).set_x(SPOTS[("with", "without")[place]][0])
        return VGroup(*(on_line(part, -2.35) for part in parts))

    def lines_of(self, en: str, de: str) -> VGroup:
        """What colours mean, each on a line of its own."""
        lines = (self.word(*two, theme.MUTED, theme.SMALL) for two in zip(en.split(", "), de.split(", "), strict=True))
        return VGroup(*lines).arrange(DOWN, buff=0.25, aligned_edge=LEFT)

    def at(self, name: str) -> np.ndarray:
        """Where a stack stands."""
        return SPOTS[name][0] * RIGHT + SPOTS[name][1] * UP

    def stack(self, name: str) -> FeatureStack:
        """All maps of a stage, in their place and size; those before a ReLU have a sign."""
        maps = self.shown[name]
        shade = theme.signed(theme.reach_of(maps)) if name == "up.1" else theme.activation(np.quantile(maps, 0.99))
        high = HIGH * maps.shape[-1] / self.shown["pixels"][0]
        return FeatureStack([shade(values) for values in maps], high, GAP * 8 / len(maps)).move_to(self.at(name))
