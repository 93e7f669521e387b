"""Colours, sizes and timing of all clips, so that they look and move alike.

Orange is the reference mask and blue the prediction, as in figures and widgets, and neither is anything else. Values
with a sign are violet below 0, dark at 0 and bright above; activations are viridis. Sizes are in Manim's units: the
picture is 14.2 wide and 8 high, so that 480p has 60 pixels a unit.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Num, UInt8
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from unet_lib.plotting.style import NETWORK as PREDICTION
from unet_lib.plotting.style import REFERENCE

__all__ = ["PREDICTION", "REFERENCE"]

BACKGROUND, SURFACE, LINE = "#11151C", "#1C222D", "#4A5364"
INK, MUTED = "#EDEBE6", "#A9B2C1"
CONV, POOL, UP, SKIP = "#D98CB8", "#EB6A5B", "#3FB896", "#CBD5E6"
"""What happens to data: a double convolution, pooling, the way up, a skip connection."""
WINDOW = "#F5E663"
"""What the eye should follow: a kernel's window, a number that has just been computed, a clip's last line."""
NEGATIVE, ZERO, POSITIVE = "#B07CF2", "#1A1F29", "#FBEFD9"

FONT = "DejaVu Sans"
TITLE, CAPTION, LABEL, SMALL = 40, 32, 29, 24
"""Font sizes: letters of LABEL are 24 pixels high at 480p; SMALL is for numbers in cells alone."""
TOP, BOTTOM = 3.45, -3.5
"""Heights of the title's middle and of the caption's baseline; all else stays between 2.85 and −2.85."""

QUICK, CALM, SLOW = 0.45, 0.8, 1.3
"""Seconds of a movement."""
READ, HOLD = 0.8, 1.6
"""Seconds to read on at the end of a beat, and at the end of the clip. Nothing moves then, and hardly ever else."""

BRIGHTNESS = 1.6
"""MRI slices are shown this much brighter than they are stored, all alike: a lecture hall is not a dark room."""

Shade = Callable[[Num[np.ndarray, "*shape"]], UInt8[np.ndarray, "*shape 3"]]
"""What turns values into colours."""


def grey(levels: Num[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    """Grey levels from 0, black, to 255, made brighter by BRIGHTNESS."""
    bright = np.clip(np.asarray(levels, float) * BRIGHTNESS, 0, 255).astype(np.uint8)
    return np.repeat(bright[..., None], 3, axis=-1)


def signed(reach: float) -> Shade:
    """Violet for negative, dark for 0, bright for positive; the colours reach from −`reach` to `reach`."""
    def shade(values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
        fraction = np.clip(np.asarray(values, float) / reach, -1, 1)[..., None]
        end = np.where(fraction < 0, to_rgb(NEGATIVE), to_rgb(POSITIVE))
        return np.uint8(255 * (np.array(to_rgb(ZERO)) * (1 - np.abs(fraction)) + end * np.abs(fraction)))
    return shade


def probability(values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    """From 0, dark violet, to 1, yellow: viridis, as in the lessons."""
    return np.uint8(255 * np.asarray(colormaps["viridis"](np.asarray(values, float)))[..., :3])


def activation(top: float) -> Shade:
    """Viridis from 0 to `top` and beyond: for what comes out of ReLU. A scene says what its `top` is."""
    return lambda values: probability(np.clip(np.asarray(values, float) / top, 0, 1))


def reach_of(values: Float[np.ndarray, "*shape"]) -> float:
    """How far colours should reach, so that one loud pixel does not darken all others."""
    return max(float(np.quantile(np.abs(values), 0.995)), 1e-9)
