"""The camera of all clips: it travels and zooms, draws pictures fast, and leaves titles and captions where they are."""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, UInt8
from manim import Animation, ImageMobject, Mobject, MovingCamera, ScreenRectangle, config
from PIL import Image

Thing = TypeVar("Thing", bound=Mobject)


def fixed(thing: Thing) -> Thing:
    """Mark something as part of the screen and not of the scene: it does not move when the camera does."""
    for part in thing.get_family():
        part.fixed_on_screen = True  # type: ignore[attr-defined]
    return thing


class ClipCamera(MovingCamera):
    """Manim's moving camera, with things that stay on the screen, and with pictures drawn within their own corners."""

    def __init__(self, **settings: Any) -> None:
        self.at_rest = ScreenRectangle(height=config.frame_height)
        super().__init__(**settings)

    @property
    def cairo_line_width_multiple(self) -> float:
        """Lines stay as thick on the screen as they are, however close the camera is."""
        return self._line_width * self.frame.width / self.at_rest.width

    @cairo_line_width_multiple.setter
    def cairo_line_width_multiple(self, value: float) -> None:
        self._line_width = value

    def capture_mobjects(self, mobjects: Iterable[Mobject], **settings: Any) -> None:
        """Draw the scene as the camera sees it, then what is fixed, as the resting camera would."""
        shown = self.get_mobjects_to_display(mobjects, **settings)
        on_screen = [thing for thing in shown if getattr(thing, "fixed_on_screen", False)]
        flat = {**settings, "include_submobjects": False}
        super().capture_mobjects([thing for thing in shown if thing not in on_screen], **flat)
        if on_screen:
            frame, self.frame = self.frame, self.at_rest
            super().capture_mobjects(on_screen, **flat)
            self.frame = frame

    def display_image_mobject(self, image_mobject: ImageMobject, pixel_array: UInt8[np.ndarray, "h w 4"]) -> None:
        """Draw one picture, whose corners may lie on any parallelogram.

        Manim's own method mixes two whole screens for every picture; a stack has a hundred small ones.
        """
        corners = self.points_to_subpixel_coords(image_mobject, image_mobject.points)[:3]
        low = np.floor(np.minimum(corners.min(0), corners[1] + corners[2] - corners[0])).astype(int)
        high = np.ceil(np.maximum(corners.max(0), corners[1] + corners[2] - corners[0])).astype(int)
        low, high = np.maximum(low, 0), np.minimum(high, [self.pixel_width, self.pixel_height])
        if (high <= low).any() or abs(np.linalg.det(corners[1:] - corners[0])) < 1:
            return
        seen = Image.fromarray(image_mobject.get_pixel_array(), "RGBA").transform(
            tuple(high - low), Image.Transform.AFFINE, affine(corners - low, image_mobject.get_pixel_array().shape),
            resample=image_mobject.resampling_algorithm)
        part = pixel_array[low[1]:high[1], low[0]:high[0]]
        part[:] = np.asarray(Image.alpha_composite(Image.fromarray(np.ascontiguousarray(part), "RGBA"), seen))


class Dive(Animation):
    """The camera's frame goes to a point, `width` units wide in the end, and gets narrower or wider by equal ratios.

    For zooms by more than about four times, which `ClipScene.look` would do mostly in their last moments.
    """

    def __init__(self, frame: Mobject, at: Mobject | Float[np.ndarray, "3"], width: float, **settings: Any) -> None:
        self.start, self.end = frame.get_center(), at.get_center() if isinstance(at, Mobject) else at
        self.widths = frame.width, width
        super().__init__(frame, **settings)

    def interpolate_mobject(self, alpha: float) -> None:
        """Zoom about the one point that keeps its place on the screen."""
        first, last = self.widths
        width = first * (last / first) ** self.rate_func(alpha)
        self.mobject.set(width=width)
        self.mobject.move_to(self.start + (self.end - self.start) * (width - first) / (last - first))


def affine(corners: Float[np.ndarray, "3 2"], shape: tuple[int, ...]) -> tuple[float, ...]:
    """Pillow's six numbers, which say which pixel of the picture is seen at a point of the screen.

    `corners` are where the picture's top left, top right and bottom left corner are seen.
    """
    height, width = shape[:2]
    to_screen = np.column_stack([(corners[1] - corners[0]) / width, (corners[2] - corners[0]) / height])
    back = np.linalg.inv(to_screen)
    start = -back @ corners[0]
    return (*back[0], start[0], *back[1], start[1])
