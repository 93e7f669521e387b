"""Arrays → matplotlib axes; knows no model and never calls `plt.show()`. What is named here lies in the modules below.

`INK` is the colour of words: dark grey, or light grey where UNET_FIGURES says `dark`.
"""

from unet_lib.plotting import scores
from unet_lib.plotting.base import (
    CHANNEL_COLOURS,
    calm,
    draw_channels,
    draw_curves,
    draw_dots,
    draw_histograms,
    draw_mask,
    draw_numbers,
    draw_overlay,
    draw_probability,
    draw_quantiles,
    draw_signed,
    draw_slice,
    empty_figure,
    new_figure,
    prediction_sheet,
    save_figure,
    show,
    tinted,
)
from unet_lib.plotting.style import LINE_STYLES, MARKERS, NETWORK, PALETTE, REFERENCE, series, text_colour

__all__ = [
    "CHANNEL_COLOURS",
    "INK",
    "LINE_STYLES",
    "MARKERS",
    "NETWORK",
    "PALETTE",
    "REFERENCE",
    "calm",
    "draw_channels",
    "draw_curves",
    "draw_dots",
    "draw_histograms",
    "draw_mask",
    "draw_numbers",
    "draw_overlay",
    "draw_probability",
    "draw_quantiles",
    "draw_signed",
    "draw_slice",
    "empty_figure",
    "new_figure",
    "prediction_sheet",
    "save_figure",
    "scores",
    "series",
    "show",
    "tinted",
]


def __getattr__(name: str) -> str:
    if name == "INK":
        return text_colour()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
