"""Lets scenes of animations/ play and writes down what stands on the screen at the end of each beat."""

from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from manim import MathTypst, Mobject, Text, config

from animations import mobjects
from animations.manifest import Clip
from animations.render import Settings, play


@dataclass
class Seen:
    """One moment: what is written and where, the frame of everything together, the picture's standard deviation, and
    whether the camera is closer than at rest."""

    beat: str
    texts: list[tuple[str, tuple[float, float, float, float]]]
    boxes: list[tuple[str, tuple[float, float, float, float]]]
    std: float
    close: bool = False


def watch(clip: Clip, folder: Path, language: str = "en", **settings: object) -> list[Seen]:
    """Play a clip without drawing its movements; returns what is seen at the end of each beat."""
    seen: list[Seen] = []

    def after_beat(self, name: str) -> None:
        self.update_mobjects(0)  # what follows something else follows it here, too
        self.renderer.static_image = None
        type(self.renderer).update_frame(self.renderer, self)
        shown = [part for thing in self.mobjects for part in thing.get_family() if visible(part)]
        frame = self.camera.frame
        texts = [part for thing in self.mobjects for part in thing.get_family()
                 if isinstance(part, Text | MathTypst) and any(visible(glyph) for glyph in part.get_family())]
        seen.append(Seen(name, [(getattr(text, "original_text", "formula"), box(text, frame)) for text in texts],
                         [(type(part).__name__, box(part, frame)) for part in shown],
                         float(self.renderer.get_frame()[..., :3].std()), frame.width < config.frame_width - 0.01))

    def skip_unless(self, wanted: bool) -> None:  # movements are done, not drawn: what they end with is the same
        self.next_section(skip_animations=True)
        self.renderer.update_frame = lambda *_, **__: None

    watched = type(clip.scene.__name__, (clip.scene,), {"after_beat": after_beat, "skip_unless": skip_unless,
                                                        "__module__": clip.scene.__module__})
    # A line hangs as low as its letters do, so each is drawn once for it: whole captions took a seventh of the time.
    drop = mobjects._drop
    with patch.object(mobjects, "_drop", lambda text, size: drop("".join(sorted(set(text))), size)):
        play(watched, Settings("l", language=language), folder, **settings)
    return seen


def visible(part: Mobject) -> bool:
    """Whether something is drawn at all: an image, or a shape with some opacity."""
    if hasattr(part, "pixel_array"):
        return bool(part.pixel_array[..., 3].any())
    return len(part.points) > 0 and (part.get_fill_opacity() > 0 or
                                     (part.get_stroke_opacity() > 0 and part.get_stroke_width() > 0))


def box(part: Mobject, frame: Mobject) -> tuple[float, float, float, float]:
    """Left, bottom, right, top on the screen, in units of a resting camera; `frame` is what the camera sees."""
    low, high = part.get_corner([-1, -1, 0]), part.get_corner([1, 1, 0])
    if not getattr(part, "fixed_on_screen", False):
        low, high = ((corner - frame.get_center()) * config.frame_width / frame.width for corner in (low, high))
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def outside(seen: Seen) -> list[str]:
    """What is not wholly inside the picture. A camera that has come close leaves things out, but cuts no words."""
    wide, high = config.frame_width / 2, config.frame_height / 2
    return [name for name, (left, bottom, right, top) in [*([] if seen.close else seen.boxes), *seen.texts]
            if min(left + wide, bottom + high, wide - right, high - top) < 0
            and (not seen.close or (right > -wide and left < wide and top > -high and bottom < high))]


def overlapping(seen: Seen) -> list[tuple[str, str]]:
    """Pairs of texts whose frames share more than a sliver."""
    return [(one, other) for place, (one, a) in enumerate(seen.texts) for other, b in seen.texts[place + 1:]
            if min(a[2], b[2]) - max(a[0], b[0]) > 0.02 and min(a[3], b[3]) - max(a[1], b[1]) > 0.02]


def sizes(seen: Seen) -> np.ndarray:
    """The heights of all texts."""
    return np.array([top - bottom for _, (_, bottom, _, top) in seen.texts])
