"""What every scene does: a title, beats with a caption each, and the statement at the end, in either language."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from manim import DOWN, UP, FadeIn, FadeOut, Mobject, Scene, Text

from animations import theme
from animations.manifest import Clip, clip_named
from animations.mobjects import KernelWindow, PixelGrid, on_line, words

Step = Callable[[Any], None]


def beat(en: str, de: str) -> Callable[[Step], Step]:
    """Marks a method as a beat; its caption, in two languages, is shown before it runs.

    A caption may name numbers of the scene in braces: "sees {field} pixels", "{shape[1]} rows".
    """
    def mark(method: Step) -> Step:
        method.caption = {"en": en, "de": de}  # type: ignore[attr-defined]
        return method
    return mark


class ClipScene(Scene):
    """A clip of the manifest: its beats in the order in which they are written down.

    A subclass lives in the file named like its clip and says in `numbers` which arrays it shows.
    """

    language: ClassVar[str] = "en"

    @classmethod
    def clip(cls) -> Clip:
        """The clip's entry in the manifest."""
        return clip_named(cls.__module__.rpartition(".")[2])

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        """All that is shown as numbers or pictures, by name: tests recompute it, and a change makes the clip stale."""
        raise NotImplementedError

    @classmethod
    def beats(cls) -> dict[str, Step]:
        """Names and methods, in order."""
        return {name: method for parent in reversed(cls.__mro__) for name, method in vars(parent).items()
                if hasattr(method, "caption")}

    def construct(self) -> None:
        """Title, beats, statement."""
        self.camera.background_color = theme.BACKGROUND
        self.caption: Text | None = None
        self.shown = self.numbers()
        self.title = words(self.clip().title[self.language], theme.TITLE, bold=True).move_to(theme.TOP * UP)
        self.play(FadeIn(self.title, shift=0.2 * DOWN), run_time=theme.CALM)
        for name, method in self.beats().items():
            self.say(method.caption[self.language].format(**self.shown))  # type: ignore[attr-defined]
            method(self)
            self.wait(theme.READ)
            self.after_beat(name)
        self.say(self.clip().statement[self.language], theme.WINDOW)
        self.wait(theme.HOLD)
        self.after_beat("statement")

    def say(self, text: str, colour: str = theme.INK) -> None:
        """Put a line in the caption's place, and leave time to read it."""
        old, self.caption = self.caption, on_line(words(text, theme.CAPTION, colour), theme.BOTTOM)
        if old:
            self.play(FadeOut(old, shift=0.2 * UP), run_time=theme.QUICK / 2)
        self.play(FadeIn(self.caption, shift=0.2 * UP), run_time=theme.QUICK)
        self.wait(theme.QUICK / 2)

    def word(self, en: str, de: str, colour: str = theme.INK, size: float = theme.LABEL) -> Text:
        """A label in the clip's language."""
        return words({"en": en, "de": de}[self.language], size, colour)

    def slide(self, window: KernelWindow, grid: PixelGrid, output: PixelGrid, stride: int = 1,
              seconds: float = 0.2) -> None:
        """Move a window over a table, place by place; the output's cells appear one by one."""
        for row, column in np.ndindex(output.values.shape):
            target = window.place(grid, row * stride, column * stride)
            self.play(window.animate.move_to(target), FadeIn(output.entry(row, column)), run_time=seconds)
        self.add(output)

    def after_beat(self, name: str) -> None:
        """Called at the end of each beat, for those who watch."""

    def fade(self, *things: Mobject, seconds: float = theme.QUICK) -> None:
        """Take things off the screen together."""
        self.play(*(FadeOut(thing) for thing in things), run_time=seconds)

    def show(self, *things: Mobject, seconds: float = theme.CALM) -> None:
        """Let things appear together where they are."""
        self.play(*(FadeIn(thing) for thing in things), run_time=seconds)
