"""Down the left side of the U: fewer places, more questions."""

import numpy as np
from manim import LEFT, RIGHT, UP, FadeIn, Group

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.mobjects import FeatureStack, Picture, arrow, number, on_line, words

LEVELS = ("encoder.1", "encoder.2", "encoder.3", "encoder.4")
HEIGHTS, COLUMNS = (2.5, 1.95, 1.45, 1.0), (-2.3, 1.15, 3.85, 5.95)


class Encoder(ClipScene):
    """Four levels, each half as large and with twice as many maps."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan = {stage.name: stage for stage in stages()}
        return {"slice": load("small"), "shapes": np.array([plan[name].shape for name in LEVELS]),
                "counts": np.array([np.prod(plan[name].shape) for name in LEVELS]),
                **{name: load(f"maps {name}") for name in LEVELS}}

    @beat("Level 1: a double convolution, {shapes[0][0]} maps.",
          "Ebene 1: eine doppelte Faltung, {shapes[0][0]} Karten.")
    def level_one(self) -> None:
        self.last = Picture(theme.grey(self.shown["slice"]), HEIGHTS[0]).move_to(5.6 * LEFT + 0.4 * UP)
        self.show(self.last)
        self.level(0)

    @beat("Pooling halves the size; the next level asks more.",
          "Pooling halbiert die Größe; die nächste Ebene fragt mehr.")
    def level_two(self) -> None:
        self.level(1)

    @beat("And again, and again.", "Und noch einmal, und noch einmal.")
    def levels_three_and_four(self) -> None:
        self.level(2)
        self.level(3)

    @beat("Each level keeps half as many numbers as the one before.",
          "Jede Ebene behält halb so viele Zahlen wie die davor.")
    def the_numbers(self) -> None:
        for column, count in zip(COLUMNS, self.shown["counts"], strict=True):
            text = on_line(words(number(count), theme.SMALL, theme.WINDOW).set_x(column), -2.65)
            self.play(FadeIn(text, shift=0.2 * UP), run_time=theme.QUICK)

    def level(self, place: int) -> None:
        """The next stack of maps with its shape under it."""
        channels, height, width = self.shown["shapes"][place]
        maps = self.shown[LEVELS[place]]
        shade = theme.signed(theme.reach_of(maps))
        stack = FeatureStack([shade(values) for values in maps], HEIGHTS[place])
        stack.move_to(COLUMNS[place] * RIGHT + 0.4 * UP)
        way = arrow(self.last, stack, theme.PREDICTION if place == 0 else theme.POOL)
        size = on_line(words(f"{height} × {width}", theme.SMALL).set_x(COLUMNS[place]), -1.65)
        maps_word = {"en": "maps", "de": "Karten"}[self.language]
        count = on_line(words(f"{channels} {maps_word}", theme.SMALL, theme.PREDICTION).set_x(COLUMNS[place]), -2.15)
        self.show(way, seconds=theme.QUICK)
        self.play(FadeIn(stack, shift=0.3 * RIGHT), FadeIn(Group(size, count)), run_time=theme.CALM)
        self.last = stack
