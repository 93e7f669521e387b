"""Down the left side of the U: every level halves the maps' height and width and doubles their number."""

import numpy as np
from manim import LEFT, RIGHT, UP, Animation, FadeIn, FadeOut, Group, LaggedStart, there_and_back

from animations import theme
from animations.arrays import load
from animations.camera import fixed
from animations.clip_scene import ClipScene, beat
from animations.examples import ACTIVATION_KEY, channel_grey, stages
from animations.mobjects import backed, on_line, words
from animations.stacks import FeatureStack, Sheet, become, fan_out

LEVELS = ("encoder.1", "encoder.2", "encoder.3", "encoder.4")
HIGH, MIDDLE, GAPS = 3.2, 0.6, (0.12, 0.14, 0.07, 0.045, 0.045)
"""The first level's height, where all middles are, and how far the slice's and each level's maps stand apart."""
EDGES = (-6.8, -4.4, -1.25, 1.15, 3.5)
"""Where the slice and the levels begin on the left."""


class Encoder(ClipScene):
    """Four levels, each made of the one before: pooled, then convolved."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan = {stage.name: stage for stage in stages()}
        names = [*LEVELS, "pool.1", "pool.2", "pool.3"]
        return {"slice": load("small"), "x": load("x"), **{name: load(f"maps {name}") for name in names},
                "shapes": np.array([plan[name].shape for name in LEVELS]),
                "counts": np.array([np.prod(plan[name].shape) for name in LEVELS])}

    @beat("A slice of a phantom: a double convolution makes {shapes[0][0]} maps.",
          "Phantom-Schnittbild: Eine doppelte Faltung macht {shapes[0][0]} Karten.")
    def level_one(self) -> None:
        self.camera.frame.set(width=11.5).move_to(4.35 * LEFT + (MIDDLE - 0.29) * UP)
        front = Sheet(theme.grey(self.shown["slice"]), 4, frontal=True).move_to(4.35 * LEFT + MIDDLE * UP)
        self.slices = FeatureStack([channel_grey(channel) for channel in self.shown["x"]], HIGH, GAPS[0])
        self.place(self.slices, 0)
        self.play(FadeIn(front, scale=0.9), run_time=theme.CALM)
        self.play(fan_out(front, self.slices, seconds=1.6), FadeOut(front, run_time=0.3))
        self.key = fixed(backed(on_line(self.word(*ACTIVATION_KEY, theme.MUTED, theme.SMALL), -2.65)))
        self.stacks = [self.maps("encoder.1", 1)]
        self.play(become(self.slices.copy(), self.stacks[0], seconds=2), FadeIn(self.key))

    @beat("Pooling halves height and width.", "Pooling halbiert Höhe und Breite.")
    def pooling(self) -> None:
        self.pooled = self.pool(1)

    @beat("The next double convolution makes twice as many maps.",
          "Die nächste doppelte Faltung macht doppelt so viele Karten.")
    def level_two(self) -> None:
        self.convolve(self.pooled, 2)

    @beat("Twice more: half the height and width, twice as many maps.",
          "Noch zweimal: halbe Höhe und Breite, doppelt so viele.")
    def levels_three_and_four(self) -> None:
        for level in (2, 3):
            self.convolve(self.pool(level), level + 1)

    @beat("So each level holds half as many numbers as the one before.",
          "So enthält jede Ebene halb so viele Zahlen wie die davor.")
    def the_numbers(self) -> None:
        self.play(self.look_back(), self.key.animate.move_to(6.9 * RIGHT + 2.4 * UP, aligned_edge=RIGHT), run_time=1.8)
        unit = {"en": "maps", "de": "Karten"}[self.language]
        for stack, (channels, height, width), count in zip(self.stacks, self.shown["shapes"], self.shown["counts"],
                                                           strict=True):
            said = ((f"{height} × {width}", theme.INK), (f"{channels} {unit}", theme.CONV),
                    (self.figure(count), theme.WINDOW))
            texts = (on_line(words(text, theme.SMALL, colour).set_x(stack.get_x()), -1.75 - 0.45 * place)
                     for place, (text, colour) in enumerate(said))
            self.play(LaggedStart(*(FadeIn(text, shift=0.3 * UP) for text in texts), lag_ratio=0.3), run_time=1.1)

    def at_the_end(self) -> None:
        self.play(LaggedStart(*(stack.animate(rate_func=there_and_back).shift(0.2 * UP) for stack in self.stacks),
                              lag_ratio=0.3), run_time=2.4)

    def maps(self, name: str, place: int) -> FeatureStack:
        """A stage's maps at a place counted from the slice's; its colours are those of its level."""
        level = self.shown[f"encoder.{name[-1]}"]
        shade = theme.activation(np.quantile(level, 0.99))
        stack = FeatureStack([shade(values) for values in self.shown[name]], HIGH / 2 ** (place - 1), GAPS[place])
        return self.place(stack, place)

    def place(self, stack: FeatureStack, place: int) -> FeatureStack:
        """Put a stack where its level begins."""
        return stack.move_to(EDGES[place] * RIGHT + MIDDLE * UP, aligned_edge=LEFT)

    def near(self, stack: FeatureStack) -> Animation:
        """The camera's way to a level and the one before."""
        width = (11.5, 8, 6.8)[len(self.stacks) - 1]
        return self.look(Group(self.stacks[-1], stack).get_x() * RIGHT + (MIDDLE - 0.025 * width) * UP, width)

    def pool(self, level: int) -> FeatureStack:
        """A copy of a level's maps goes on to the next level's place and is half as high when it arrives."""
        pooled = self.maps(f"pool.{level}", level + 1)
        self.play(self.near(pooled), become(self.stacks[-1].copy(), pooled, seconds=2), run_time=2)
        return pooled

    def convolve(self, pooled: FeatureStack, level: int) -> None:
        """Pooled maps become those of the next level, twice as many."""
        stack = self.maps(f"encoder.{level}", level)
        self.remove(*pooled)
        self.play(self.near(stack), become(pooled, stack, seconds=2), run_time=2)
        self.stacks.append(stack)
