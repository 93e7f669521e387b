"""How well one colour can be read on another."""

import numpy as np
from matplotlib.colors import to_rgb


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """By the Web Content Accessibility Guidelines: from 1, the same, to 21, black on white."""
    dark, light = sorted(luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)
