"""The U of a plan as a figure for slides and lessons. Draws from the plan's numbers alone; knows no model."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

from unet_lib.core.errors import SettingsError
from unet_lib.models.architecture import Stage
from unet_lib.plotting.base import empty_figure
from unet_lib.plotting.style import blend, ink, strongest
from unet_lib.plotting.unet_layout import FONT, Arrow, Box, Label, Layout, layout

BOX_COLOURS = {"DoubleConv": "#0072B2", "InvertedResidual": "#8C9EDB", "Stem": "#F2B38C", "MaxPool2d": "#D55E00",
               "Downsample": "#D55E00", "Up": "#009E73", "Upsample": "#009E73", "Concat": "#CCE3F0",
               "Conv2d": "#CC79A7", "SegmentationHead": "#CC79A7", "Image": "#BBBBBB"}
_STAGE_WORDS = {"DoubleConv": "3×3 convolution, twice", "InvertedResidual": "inverted residual blocks",
                "Stem": "3×3 convolution, stride 2", "MaxPool2d": "2×2 max pooling",
                "Downsample": "inverted residual, stride 2", "Up": "2×2 transposed convolution",
                "Upsample": "each pixel repeated 2×2", "Concat": "copied by the skip connection",
                "Conv2d": "1×1 convolution", "SegmentationHead": "1×1 convolution, then ×2", "Image": "input image"}
_STEP_COLOURS = {kind: BOX_COLOURS[box] for kind, box in (("pool", "MaxPool2d"), ("up", "Up"), ("skip", "DoubleConv"))}
COLUMNS = 3
"""Of the legend."""
_SCALE_WORDS = "Width: square root of the channels (above). Height: square root of the resolution (left)."


def draw_unet(stages: Sequence[Stage], highlight: str | None = None, title: str = "", width: float = 10.0) -> Figure:
    """The U of a plan as a figure for slides, `width` inches wide: one row a resolution, one box a stage.

    A box is as wide as the square root of its channels and as high as the square root of its maps' height, so
    that each doubling shows and the smallest can still be seen. `highlight` names a stage, such as
    "encoder.2", that stands out while the others fade; an unknown name raises SettingsError.
    Each box carries its stage's name as its id, in the SVG file too. After Ronneberger et al. 2015, fig. 1.
    """
    names = [stage.name for stage in stages]
    if highlight is not None and highlight not in names:
        raise SettingsError(f"No stage {highlight!r} in this plan to highlight; it has {', '.join(names)}.")
    place = layout(stages)
    figure, axes, unit = _page(place, width, title)
    for box in place.boxes:
        axes.add_patch(_stage_patch(axes, box, unit, highlight))
    for arrow in place.arrows:
        axes.add_patch(_stage_arrow(axes, arrow, unit, faded=highlight is not None))
    for label in place.labels:
        _write(axes, label, unit)
    return figure


def _page(place: Layout, width: float, title: str) -> tuple[Figure, Axes, float]:
    """An empty page with title and legend; also how many points one unit of the layout is."""
    kinds = {box.kind for box in place.boxes}
    patches = [Patch(facecolor=BOX_COLOURS[kind], label=words) for kind, words in _STAGE_WORDS.items() if kind in kinds]
    head, foot = (26 if title else 0), 36 + 15 * ceil(len(patches) / COLUMNS)
    high = place.height + head + foot
    unit = width * 72 / place.width
    figure = empty_figure(width, width * high / place.width)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, place.width), ylim=(place.height + foot, -head))
    axes.axis("off")
    if title:
        axes.text(place.width / 2, -4, title, ha="center", va="bottom", fontsize=1.3 * FONT * unit)
    for patch in patches:
        patch.set(linewidth=0.6 * unit, edgecolor=ink(axes))
    axes.legend(handles=patches, ncols=COLUMNS, loc="lower center", bbox_to_anchor=(0.5, 22 / high),
                labelcolor=ink(axes), fontsize=0.85 * FONT * unit, handlelength=1.2, columnspacing=2, borderpad=0,
                borderaxespad=0)
    axes.text(place.width / 2, place.height + foot - 8, _SCALE_WORDS, ha="center", fontsize=0.83 * FONT * unit)
    return figure, axes, unit


def _stage_patch(axes: Axes, box: Box, unit: float, highlight: str | None) -> Rectangle:
    chosen = box.name == highlight
    return Rectangle((box.x, box.y), box.width, box.height, gid=box.name, zorder=3 if chosen else 2,
                     facecolor=BOX_COLOURS[box.kind], edgecolor=strongest(axes) if chosen else ink(axes),
                     linewidth=(2.4 if chosen else 0.8) * unit, linestyle="--" if box.kind == "Concat" else "-",
                     alpha=0.35 if highlight and not chosen else 1)


def _stage_arrow(axes: Axes, arrow: Arrow, unit: float, faded: bool) -> FancyArrowPatch:
    head = 6 if arrow.kind == "conv" else 9
    return FancyArrowPatch(arrow.start, arrow.end, arrowstyle="-|>", mutation_scale=head * unit, shrinkA=0, shrinkB=0,
                           linewidth=(0.8 if arrow.kind == "conv" else 1.5) * unit, color=_colour_of(axes, arrow.kind),
                           alpha=0.35 if faded else 1)


def _write(axes: Axes, label: Label, unit: float) -> None:
    sides: dict[str, Any] = {"start": "left", "middle": "center", "end": "right"}
    axes.text(label.x, label.y, label.text, ha=sides[label.anchor], va="baseline", fontsize=FONT * unit,
              color=_colour_of(axes, label.role))


def _colour_of(axes: Axes, role: str) -> str:
    """Of a word or an arrow: the ink, mixed with the colour of the boxes that it belongs to."""
    if role == "channels":
        return strongest(axes)
    return blend(_STEP_COLOURS[role], ink(axes), 0.3) if role in _STEP_COLOURS else ink(axes)
