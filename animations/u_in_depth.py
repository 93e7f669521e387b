"""The whole U of the shipped network in depth: every map of every stage a sheet, where a drawing of the U has a box."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from manim import LEFT, RIGHT, UP, Arrow, VGroup

from animations import theme
from animations.arrays import load
from animations.mobjects import Point, arrow
from animations.stacks import INTO_DEPTH, FeatureStack, Sheet

LEVELS = 4
TALLEST, GAP = 2.3, 0.02
"""The height of a map of 128 pixels, and the way from one sheet to the next, in units."""
ACROSS = (3.7, 2.75, 1.95, 1.2, 0.0)
DOWN_TO = (1.15, -0.35, -1.28, -1.9, -2.42)
"""How far from the middle each level stands, and how high: the last is the bottleneck."""
DOWN_STAGES = tuple(f"encoder.{level}" for level in range(1, LEVELS + 1))
UP_STAGES = tuple(f"decoder.{level}" for level in range(LEVELS, 0, -1))
STAGES = (*DOWN_STAGES, "bottleneck", *UP_STAGES)
TOP = 0.99
"""Activations are yellow from this quantile of their stage on."""


def level_of(name: str) -> int:
    """1 for the uppermost level to 4; 5 is the bottleneck."""
    return LEVELS + 1 if name == "bottleneck" else int(name[-1])


def spot(name: str) -> Point:
    """Where a stage stands: `encoder.2` and `up.3` as well as `input` and `output`."""
    if name in ("input", "output"):
        return 5.72 * (LEFT if name == "input" else RIGHT) + DOWN_TO[0] * UP
    level = level_of(name)
    side = LEFT if name.startswith(("encoder", "pool")) else RIGHT
    return ACROSS[level - 1] * side + DOWN_TO[level - 1] * UP


def height_of(name: str) -> float:
    """How high a stage's maps stand: half as high from level to level, as they have half as many rows."""
    return TALLEST if name in ("input", "output") else TALLEST / 2 ** (level_of(name) - 1)


def brightness(maps: Float[np.ndarray, "c h w"]) -> theme.Shade:
    """Viridis from 0 to the brightest hundredth of a stage's values."""
    return theme.activation(max(float(np.quantile(maps, TOP)), 1e-9))


def stack_of(name: str, maps: Sequence[Float[np.ndarray, "h w"]] | None = None,
             shade: theme.Shade | None = None) -> FeatureStack:
    """All maps of a stage in their place; other `maps` or colours where they are given."""
    values = load(f"maps {name}") if maps is None else np.asarray(maps)
    colours = shade or brightness(values)
    return FeatureStack([colours(one) for one in values], height_of(name), GAP).move_to(spot(name))


def face(name: str, colours: np.ndarray) -> Sheet:
    """A picture seen from the front, where the input or the output stands."""
    return Sheet(colours, height_of(name), frontal=True).move_to(spot(name))


def width_of(name: str) -> float:
    """How wide a stage's stack is, with as many sheets as it has maps."""
    return INTO_DEPTH[0] * height_of(name) + (len(load(f"maps {name}")) - 1) * GAP


def skip_arrow(level: int) -> Arrow:
    """The way of a skip connection, from the encoder's stack to the decoder's."""
    ends = [spot(f"{side}.{level}") + away * width_of(f"{side}.{level}") / 2
            for side, away in (("encoder", RIGHT), ("decoder", LEFT))]
    return arrow(ends[0], ends[1], theme.SKIP, gap=0.12)


def skip_arrows() -> VGroup:
    """All of them, the uppermost first."""
    return VGroup(*map(skip_arrow, range(1, LEVELS + 1)))


VIEWS = {name: (spot(name) + aside * LEFT + higher * UP, width) for name, aside, higher, width in (
    ("encoder.2", 0, 0, 9), ("encoder.3", 0, 0, 6), ("encoder.4", 0, 0, 4.4), ("bottleneck", 0, 0, 4.4),
    ("decoder.4", 0.7, 0, 5), ("decoder.3", 0.9, 0.1, 6.5), ("decoder.2", 1.2, 0.6, 9.5),
    ("decoder.1", ACROSS[0], -DOWN_TO[0], 14.2))}
"""Where the camera is with a stage, and how much of the scene it shows, in units from left to right."""
