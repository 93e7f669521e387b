"""What every scene does: a title, beats with a caption each, and the statement at the end, in either language."""

import re
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from manim import (
    DOWN,
    UP,
    Animation,
    FadeIn,
    FadeOut,
    Mobject,
    MovingCameraScene,
    Rectangle,
    Text,
    VGroup,
    config,
    linear,
)

from animations import theme
from animations.camera import ClipCamera, fixed
from animations.manifest import Clip, clip_named
from animations.mobjects import KernelWindow, Picture, PixelGrid, Point, Unroll, number, on_line, words

Step = Callable[[Any], None]


class Cue(NamedTuple):
    """When a beat's caption stands on the screen, in seconds from the clip's beginning."""

    beat: str
    start: float
    end: float


def beat(en: str, de: str) -> Callable[[Step], Step]:
    """Marks a method as a beat; its caption, in two languages, is shown while it runs.

    A caption may name numbers of the scene in braces: "sees {field} pixels", "{shape[1]} rows".
    """
    def mark(method: Step) -> Step:
        method.caption = {"en": en, "de": de}  # type: ignore[attr-defined]
        return method
    return mark


class ClipScene(MovingCameraScene):
    """A clip of the manifest: its beats in the order in which they are written down.

    A subclass lives in the file named like its clip and says in `numbers` which arrays it shows. The title and the
    captions stay where they are when the camera moves; without `captions` the time they take stays the same.
    """

    language: ClassVar[str] = "en"
    captions: ClassVar[bool] = True
    only: ClassVar[str | None] = None
    """The one beat to be shown, for a preview; those before it are done without being drawn."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(camera_class=ClipCamera, **settings)
        self.cues: list[Cue] = []

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

    @classmethod
    def lines(cls, language: str) -> dict[str, str]:
        """What is said, by beat, with its numbers; the last is the clip's statement."""
        shown = cls.numbers()
        said = {name: written(method.caption[language].format(**shown), language)  # type: ignore[attr-defined]
                for name, method in cls.beats().items()}
        return {**said, "statement": cls.clip().statement[language]}

    def construct(self) -> None:
        """Title, beats, statement."""
        self.camera.background_color = theme.BACKGROUND
        self.caption: Text | None = None
        self.shown = self.numbers()
        self.title = fixed(words(self.clip().title[self.language], theme.TITLE, bold=True).move_to(theme.TOP * UP))
        self.add_foreground_mobjects(bands(self.captions), self.title)  # nothing hides words when the camera is close
        self.skip_unless(self.only is None)
        self.play(FadeIn(self.title, shift=0.2 * DOWN), run_time=theme.QUICK)
        for name, line in self.lines(self.language).items():
            self.skip_unless(self.only in (None, name))
            start = self.time
            self.say(line, theme.WINDOW if name == "statement" else theme.INK)
            if name == "statement":
                self.at_the_end()
                self.wait(theme.HOLD)
            else:
                self.beats()[name](self)
                self.wait(theme.READ)
            self.cues.append(Cue(name, round(start, 3), round(self.time, 3)))
            self.after_beat(name)
            if name == self.only:
                return

    def skip_unless(self, wanted: bool) -> None:
        """Do what follows without drawing it, unless it is wanted."""
        if self.only is not None:
            self.next_section(skip_animations=not wanted)

    def at_the_end(self) -> None:
        """What moves while the statement stands there; a scene may say it."""

    def say(self, text: str, colour: str = theme.INK) -> None:
        """Put a line in the caption's place."""
        old, self.caption = self.caption, fixed(on_line(words(text, theme.CAPTION, colour), theme.BOTTOM))
        if self.captions:
            if old:
                self.play(FadeOut(old), run_time=theme.QUICK / 3)
            self.add_foreground_mobjects(self.caption)
            self.play(FadeIn(self.caption), run_time=theme.QUICK)
        else:
            self.wait(theme.QUICK * (4 / 3 if old else 1))

    def word(self, en: str, de: str, colour: str = theme.INK, size: float = theme.LABEL) -> Text:
        """A label in the clip's language."""
        return words({"en": en, "de": de}[self.language], size, colour)

    def figure(self, value: float, decimals: int = 0) -> str:
        """A number as the clip's language writes it: 1,038 and 0.95 in English, 1038 and 0,95 in German."""
        return written(number(value, decimals), self.language)

    def look(self, at: Mobject | Point, width: float | None = None) -> Animation:
        """The camera's way to a thing or point, with `width` units of the scene from left to right (14.2 at rest).

        Goes into `play` beside whatever moves meanwhile.
        """
        middle = at.get_center() if isinstance(at, Mobject) else at
        frame = self.camera.frame.animate.move_to(middle)
        return frame if width is None else frame.set(width=width)

    def look_back(self) -> Animation:
        """The camera's way back to where it was in the beginning."""
        return self.look(self.camera.at_rest, self.camera.at_rest.width)

    def slide(self, window: KernelWindow, grid: PixelGrid, output: PixelGrid, stride: int = 1,
              seconds: float = 0.2) -> None:
        """Move a window over a table, step by step; the output's cells appear one by one."""
        for row, column in np.ndindex(output.values.shape):
            target = window.place(grid, row * stride, column * stride)
            self.play(window.animate.move_to(target), FadeIn(output.entry(row, column)), run_time=seconds)
        self.add(output)

    def sweep(self, source: Picture, target: Picture, seconds: float, rows: int = 3) -> None:
        """Move a bar, `rows` pixels high, down a picture and another on the one made of it, which appears behind it."""
        bars = [picture.frame(0, 0, rows, picture.shape[1]) for picture in (source, target)]
        self.show(*bars, seconds=theme.QUICK)
        self.play(Unroll(target), *(bar.animate(rate_func=linear).align_to(picture.image, DOWN)
                                    for bar, picture in zip(bars, (source, target), strict=True)), run_time=seconds)
        self.fade(*bars)

    def after_beat(self, name: str) -> None:
        """Called at the end of each beat, for those who watch."""

    def fade(self, *things: Mobject, seconds: float = theme.QUICK) -> None:
        """Take things off the screen together."""
        self.play(*(FadeOut(thing) for thing in things), run_time=seconds)

    def show(self, *things: Mobject, seconds: float = theme.CALM) -> None:
        """Let things appear together where they are."""
        self.play(*(FadeIn(thing) for thing in things), run_time=seconds)


def bands(below: bool) -> VGroup:
    """A band for the title and one for captions, so that they can be read when the camera is near a picture."""
    high = config.frame_height / 2 - 2.95
    return fixed(VGroup(*(Rectangle(width=config.frame_width - 1e-6, height=high - 1e-6, stroke_width=0,
                                    fill_opacity=1, fill_color=theme.BACKGROUND, z_index=-1)
                          .move_to((2.95 + high / 2) * side) for side in ((UP, DOWN) if below else (UP,)))))


def written(text: str, language: str) -> str:
    """English numbers within a text as a language writes them: in German 1,038 is 1038 and 0.95 is 0,95."""
    if language == "en":
        return text
    return re.sub(r"(?<=\d)\.(?=\d)", ",", re.sub(r"(?<=\d),(?=\d{3})", "", text))
