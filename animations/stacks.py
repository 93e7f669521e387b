"""Feature maps as sheets that stand behind one another, seen from the side: as many as there are, as high as they are.

Every sheet is a parallelogram: its picture's rows run into the depth of the scene, its columns upwards. The sheet
that data reach first is in front.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from manim import DOWN, RESAMPLING_ALGORITHMS, RIGHT, UP, AnimationGroup, Group, ImageMobject, LaggedStart, Transform

INTO_DEPTH = np.array([0.5, 0.22, 0])
"""Where a row of pixels leads on the screen, for a sheet one unit wide."""
PIXELS = 128
"""Sheets have this many pixels a side, repeated where the map has fewer: so any sheet can become any other."""
EDGE = np.array([120, 134, 156, 255], np.uint8)


class Sheet(ImageMobject):
    """One map, `height` units high, standing upright; `frontal` shows it as a picture seen from the front.

    Raises ValueError unless PIXELS is a multiple of the map's side.
    """

    def __init__(self, colours: UInt8[np.ndarray, "h w 3"], height: float, frontal: bool = False) -> None:
        if PIXELS % len(colours) or colours.shape[0] != colours.shape[1]:
            raise ValueError(f"expected a square map with a side that divides {PIXELS}; got {colours.shape[:2]}.")
        times = PIXELS // len(colours)
        super().__init__(framed(colours.repeat(times, 0).repeat(times, 1)))
        self.set_resampling_algorithm(RESAMPLING_ALGORITHMS["bilinear"])
        across = height * (RIGHT if frontal else INTO_DEPTH)
        corner = (height * UP - across) / 2
        self.points = np.array([corner, corner + across, corner + height * DOWN, corner + across + height * DOWN])


def framed(colours: UInt8[np.ndarray, "n n 3"]) -> UInt8[np.ndarray, "n n 4"]:
    """With a thin edge, so that neighbouring sheets can be told apart."""
    picture = np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])
    for line in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        line[:] = EDGE
    return picture


class FeatureStack(Group):
    """Maps as sheets from left, in front, to right; `height` units high, `gap` units apart."""

    def __init__(self, maps: Sequence[UInt8[np.ndarray, "h w 3"]], height: float, gap: float = 0.05) -> None:
        super().__init__(*(Sheet(colours, height).shift((place - (len(maps) - 1) / 2) * gap * RIGHT)
                           for place, colours in reversed(list(enumerate(maps)))))

    @property
    def front(self) -> Sheet:
        """The sheet that is seen whole."""
        return self.submobjects[-1]

    def from_front(self) -> list[Sheet]:
        """The sheets, the front one first."""
        return list(reversed(self.submobjects))


def fan_out(source: ImageMobject, stack: FeatureStack, seconds: float = 1.3, lag: float = 0.5) -> LaggedStart:
    """Copies of one picture fly to a stack's sheets and become them, the hindmost first.

    The stack takes its sheets' places as they arrive: do not add it before.
    """
    ends = [sheet.copy() for sheet in stack]
    for sheet in stack:
        sheet.become(source.copy())
    return _one_by_one([Transform(sheet, end) for sheet, end in zip(stack, ends, strict=True)], seconds, lag)


def become(source: FeatureStack, target: FeatureStack, seconds: float = 1.3, lag: float = 0.3) -> AnimationGroup:
    """The sheets of one stack become those of another, which may have more or fewer; the source's go with them.

    Where the target has more, several of its sheets come out of one; where it has fewer, several go into one.
    """
    ends, starts = [sheet.copy() for sheet in target], list(source)
    count = max(len(starts), len(ends))
    for place, sheet in enumerate(target):
        sheet.become(starts[place * len(starts) // len(ends)].copy())
    moves = [Transform(sheet, end) for sheet, end in zip(target, ends, strict=True)]
    left = [Transform(starts[place], ends[place * len(ends) // count].copy(), remover=True)
            for place in range(count) if len(starts) > len(ends) and place % (count // len(ends))]
    return _one_by_one([*left, *moves], seconds, lag)


def _one_by_one(moves: list[Transform], seconds: float, lag: float) -> LaggedStart:
    return LaggedStart(*moves, lag_ratio=lag / max(len(moves) - 1, 1), run_time=seconds)
