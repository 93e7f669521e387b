"""Detail is lost on the way down, and brought back across."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, Group

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.mobjects import FeatureStack, Picture, SkipArrow, arrow
from unet_lib import byhand


class SkipConnection(ClipScene):
    """Four poolings blur the border; the skip carries a sharp map over; together they find it again."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan = {stage.name: stage for stage in stages()}
        depth = sum(name.startswith("pool.") for name in plan)
        small = load("small")[None, None].astype(float)
        for _ in range(depth):
            small = byhand.max_pool2d(small)
        return {"slice": load("small"), "mask": load("mask"), "pooled": small[0, 0], "depth": np.array(depth),
                "skip": load("maps encoder.1"), "up": load("maps up.1"), "decoded": load("maps decoder.1"),
                "channels": np.array([plan[name].out_channels for name in ("encoder.1", "up.1", "concat.1")]),
                "predicted": byhand.sigmoid(load("logits")) >= 0.5}

    @beat("A slice, and the tumour’s border.", "Ein Schnittbild und der Rand des Tumors.")
    def the_border(self) -> None:
        self.slice = Picture(theme.grey(self.shown["slice"]), 4.9).move_to(3.6 * LEFT)
        self.outline = self.slice.outline(self.shown["mask"], tint=0)
        self.show(self.slice)
        self.play(Create(self.outline), run_time=theme.CALM)

    @beat("After {depth} poolings only blocks are left. Where is the border?",
          "Nach {depth} Poolings bleiben nur Blöcke. Wo ist der Rand?")
    def lost(self) -> None:
        pooled = Picture(theme.grey(self.shown["pooled"]), 4.9).move_to(3.6 * RIGHT)
        way = arrow(self.slice, pooled, theme.POOL)
        self.play(FadeIn(way), FadeIn(pooled, shift=0.3 * RIGHT), run_time=theme.SLOW)
        self.play(Create(pooled.outline(self.shown["mask"], tint=0)), run_time=theme.CALM)
        self.wait(theme.READ)

    @beat("The skip connection carries the sharp maps across.",
          "Die Skip-Verbindung trägt die scharfen Karten hinüber.")
    def carried_over(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        self.skip, self.up = (self.stack(name, 2.2) for name in ("skip", "up"))
        self.skip.move_to(5.2 * LEFT + 1.4 * UP)
        self.up.move_to(1.2 * RIGHT + 1.5 * DOWN)
        landed = self.stack("skip", 2.2).move_to(1.2 * RIGHT + 1.4 * UP)
        encoder = self.word("encoder", "Encoder", theme.PREDICTION).next_to(self.skip, DOWN, buff=0.2)
        from_below = self.word("from below", "von unten", theme.UP).next_to(self.up, LEFT, buff=0.4)
        self.show(self.skip, encoder)
        self.show(self.up, from_below)
        self.play(FadeIn(SkipArrow(self.skip, landed), shift=0.5 * RIGHT), run_time=theme.CALM)
        self.play(FadeIn(landed, shift=RIGHT), run_time=theme.SLOW)
        self.both = Group(landed, self.up)

    @beat("Side by side they go on: {channels[0]} + {channels[1]} = {channels[2]} maps.",
          "Nebeneinander geht es weiter: {channels[0]} + {channels[1]} = {channels[2]} Karten.")
    def together(self) -> None:
        self.decoded = self.stack("decoded", 2.6).move_to(5.2 * RIGHT)
        ways = [arrow(part, self.decoded, theme.PREDICTION) for part in self.both]
        self.play(*(FadeIn(way) for way in ways), run_time=theme.CALM)
        self.play(FadeIn(self.decoded, shift=0.3 * RIGHT), run_time=theme.SLOW)

    @beat("And the border is found again.", "Und der Rand ist wieder da.")
    def found(self) -> None:
        self.fade(*(thing for thing in self.mobjects if thing not in (self.title, self.caption)))
        answer = Picture(theme.grey(self.shown["slice"]), 5.4)
        reference = answer.outline(self.shown["mask"], tint=0)
        network = answer.outline(self.shown["predicted"], theme.PREDICTION)
        self.show(answer)
        self.play(Create(network), run_time=theme.CALM)
        self.play(Create(reference), run_time=theme.CALM)
        self.show(self.word("network", "Netz", theme.PREDICTION).next_to(answer, RIGHT, buff=0.5).shift(0.5 * UP),
                  self.word("expert", "Experte", theme.REFERENCE).next_to(answer, RIGHT, buff=0.5).shift(0.5 * DOWN))

    def stack(self, name: str, height: float) -> FeatureStack:
        """Some of the maps of one stage."""
        values = self.shown[name]
        return FeatureStack([theme.signed(theme.reach_of(values))(sheet) for sheet in values], height)
