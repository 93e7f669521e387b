"""One line that says what the clip shows."""

import numpy as np
from manim import LEFT, RIGHT, Create

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture


class Template(ClipScene):
    """What moves, in a sentence. Four to six beats; each beat's caption is what is seen while it runs."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        """Everything that the scene shows, computed here: nothing is typed."""
        return {"slice": load("small"), "mask": load("mask"), "pixels": load("mask").sum()}

    @beat("A slice of a phantom, {slice.shape[0]} pixels high.",
          "Ein Bild eines Phantoms, {slice.shape[0]} Pixel hoch.")
    def a_slice(self) -> None:
        self.picture = Picture(theme.grey(self.shown["slice"]), 5)
        self.show(self.picture)
        self.play(self.picture.animate.shift(3 * LEFT), run_time=theme.SLOW)

    @beat("The reference mask has {pixels} pixels.", "Die Referenzmaske hat {pixels} Pixel.")
    def the_mask(self) -> None:
        outline = self.picture.outline(self.shown["mask"])
        self.play(Create(outline), self.look(outline, 6), run_time=theme.SLOW)
        self.play(outline.animate.shift(4 * RIGHT), self.look_back(), run_time=theme.SLOW)
