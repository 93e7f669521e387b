"""Arrays → matplotlib axes; knows no model and never calls `plt.show()`. What is named here lies in the modules below.

`INK` is the colour of words: dark grey, or light grey where UNET_FIGURES says `dark`.
"""

from unet_lib.plotting import comparisons, scores
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
    draw_signed,
    draw_slice,
    empty_figure,
    new_figure,
    prediction_sheet,
    save_figure,
    show,
    tinted,
)
from unet_lib.plotting.layer_figures import activation_stds, gradient_norms, level_costs, signed_maps
from unet_lib.plotting.slice_panels import batch_gallery, mask_comparison
from unet_lib.plotting.style import LINE_STYLES, MARKERS, NETWORK, PALETTE, REFERENCE, series, text_colour
from unet_lib.plotting.training_figures import (
    learning_rate_range,
    loss_landscape,
    per_pixel_loss,
    training_and_validation,
)

__all__ = [
    "CHANNEL_COLOURS",
    "INK",
    "LINE_STYLES",
    "MARKERS",
    "NETWORK",
    "PALETTE",
    "REFERENCE",
    "activation_stds",
    "batch_gallery",
    "calm",
    "comparisons",
    "draw_channels",
    "draw_curves",
    "draw_dots",
    "draw_histograms",
    "draw_mask",
    "draw_numbers",
    "draw_overlay",
    "draw_probability",
    "draw_signed",
    "draw_slice",
    "empty_figure",
    "gradient_norms",
    "learning_rate_range",
    "level_costs",
    "loss_landscape",
    "mask_comparison",
    "new_figure",
    "per_pixel_loss",
    "prediction_sheet",
    "save_figure",
    "scores",
    "series",
    "show",
    "signed_maps",
    "tinted",
    "training_and_validation",
]


def __getattr__(name: str) -> str:
    if name == "INK":
        return text_colour()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
