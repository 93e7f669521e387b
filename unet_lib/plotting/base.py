"""Arrays → matplotlib axes. Knows no model and never calls `plt.show()`.

Colours: grey levels stay grey, probabilities use `viridis`, the reference mask is orange and the prediction blue, and
`style` says the rest. A mask is always an outline and a tint.
"""

import base64
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from unet_lib.core.errors import SettingsError
from unet_lib.plotting.style import (
    LINE_STYLES,
    NETWORK,
    PALETTE,
    REFERENCE,
    apply_style,
    ink,
    keep_style,
    series,
    strongest,
)

CHANNEL_COLOURS = ("#0072B2", "#D55E00", "#009E73")


def new_figure(rows: int = 1, columns: int = 1, width: float = 9.0, height: float | None = None,
               style: str | None = None, **settings: Any) -> tuple[Figure, np.ndarray]:
    """A figure outside pyplot's global list, with a rows×columns array of axes; sizes in inches.

    `style` is "light" or "dark"; left out, UNET_FIGURES says which, and without it figures are light.
    """
    figure = empty_figure(width, height or width * rows / columns, style, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **settings)
    for panel in axes.flat:
        keep_style(panel)
    return figure, axes


def empty_figure(width: float, height: float, style: str | None = None, dpi: float = 90, **settings: Any) -> Figure:
    """A figure in the style that was asked for (see `new_figure`), still without axes; sizes in inches."""
    apply_style(style)
    return Figure(figsize=(width, height), dpi=dpi, **settings)


def show(figure: Figure, alt: str, handle: Any = None) -> Any:
    """Display a figure in the notebook with its text alternative, for readers who cannot see it.

    Returns a handle; given again with another figure, that one takes the first one's place.
    """
    from IPython.display import display

    bundle = {"image/png": base64.b64encode(_small_png(figure)).decode("ascii"), "text/plain": alt}
    settings: dict[str, Any] = {"raw": True, "metadata": {"image/png": {"alt": alt}}}
    if handle is None:
        handle = display(bundle, display_id=True, **settings)
        if handle is not None:  # as a cell's last value it would print itself, with an address that never repeats
            handle._ipython_display_ = lambda **_: None
        return handle
    handle.update(bundle, **settings)
    return handle


def _small_png(figure: Figure) -> bytes:
    """The figure as PNG in its 256 most used colours: a third of the size, and notebooks are committed with it."""
    buffer, small = io.BytesIO(), io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def draw_slice(axes: Axes, pixels: UInt8[np.ndarray, "h w"], title: str = "") -> None:
    """One channel, black 0 to white 255, without rescaling to its own content."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    _bare(axes, title)


def draw_numbers(axes: Axes, pixels: UInt8[np.ndarray, "h w"], title: str = "",
                 labels: np.ndarray | None = None) -> None:
    """A few pixels, drawn large, each with its grey level, or else its label, written into it."""
    draw_slice(axes, pixels, title)
    for (row, column), level in np.ndenumerate(pixels):
        text = level if labels is None else labels[row, column]
        axes.text(column, row, str(text).replace("-", "−"), ha="center", va="center", fontsize=9,
                  color="black" if level > 127 else "white")


def draw_signed(axes: Axes, values: Float[np.ndarray, "h w"], title: str = "") -> Any:
    """A feature map: blue negative, white zero, red positive; the caption says how far the colours reach.

    They reach to the 99.5th percentile of the sizes, so that one loud pixel does not pale all others.
    """
    reach = max(float(np.quantile(np.abs(values), 0.995)), 1e-9)
    image = axes.imshow(values, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
    _bare(axes, title)
    axes.set_xlabel(f"colours from −{reach:.3g} to {reach:.3g}", fontsize=9)
    return image


def draw_probability(axes: Axes, probability: Float[np.ndarray, "h w"], title: str = "") -> Any:
    """Probabilities from 0 (dark blue) to 1 (yellow); returns the image for a colour bar."""
    image = axes.imshow(probability, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    _bare(axes, title)
    return image


def draw_mask(axes: Axes, mask: np.ndarray, colour: str = REFERENCE, label: str = "", tint: float = 0.25) -> None:
    """A mask of {0, 1} over a slice: an outline along the pixel edges, and a tint inside."""
    mask = np.asarray(mask) > 0
    if label:
        axes.plot([], [], color=colour, linestyle="-", label=label)
    if not mask.any():
        return
    axes.imshow(tinted(mask, colour, tint), interpolation="nearest")
    axes.contour(np.pad(mask, 1).astype(float), levels=[0.5], colors=[colour], linewidths=1.4, origin="lower",
                 extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5))


def tinted(mask: np.ndarray, colour: str, opacity: float) -> Float[np.ndarray, "h w 4"]:
    """A layer of one colour, `opacity` inside the mask and fully clear outside; RGBA in [0, 1]."""
    layer = np.zeros((*mask.shape, 4))
    layer[..., :3] = to_rgb(colour)
    layer[..., 3] = mask * opacity
    return layer


def draw_channels(axes: Sequence[Axes] | np.ndarray, image: UInt8[np.ndarray, "h w 3"],
                  mask: np.ndarray | None = None) -> None:
    """The three sequences of a slice side by side, with the expert's outline where there is one."""
    for channel, name in enumerate(("pre-contrast", "FLAIR", "post-contrast")):
        draw_slice(axes[channel], image[..., channel], name)
        if mask is not None:
            draw_mask(axes[channel], mask)


def draw_histograms(axes: Axes, histograms: Mapping[str, Int[np.ndarray, "256"]], colours: Sequence[str]) -> None:
    """Fraction of pixels per grey level, black (air) left out, one line each, in a style of its own."""
    for number, ((label, histogram), colour) in enumerate(zip(histograms.items(), colours, strict=False)):
        fraction = histogram[1:] / max(1, histogram[1:].sum())
        axes.plot(np.arange(1, 256), fraction, color=colour, linestyle=LINE_STYLES[number % len(LINE_STYLES)],
                  label=label, linewidth=1.6)
    axes.set(xlabel="grey level", ylabel="fraction of pixels", xlim=(0, 255), ylim=(0, None))
    axes.legend(labelcolor=ink(axes))
    calm(axes)


def draw_dots(axes: Axes, position: int, values: Sequence[float], label: str) -> None:
    """Repeated runs of one setting in a row of their own: a dot each, and a line at their mean."""
    axes.plot(values, [position] * len(values), "o", color=PALETTE[0], markeredgecolor=ink(axes), markersize=7,
              alpha=0.8)
    axes.plot([np.mean(values)] * 2, [position - 0.3, position + 0.3], "-", color=strongest(axes), linewidth=3)
    axes.annotate(label, (0, position), xytext=(-8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                  ha="right", va="center", color=ink(axes))
    axes.set(ylim=(max(position + 0.6, axes.get_ylim()[0]), -0.6), yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25)


def draw_curves(axes: Axes, curves: Mapping[str, Sequence[float]], ylabel: str, epochs: int | None = None,
                ylim: tuple[float, float] | None = None) -> None:
    """One value an epoch, counted from 1; `epochs` fixes the axis while a training still runs.

    Curves named "training" and "validation" look as they do everywhere, the others as the palette has it.
    """
    for number, (label, values) in enumerate(curves.items()):
        axes.plot(np.arange(1, len(values) + 1), values, markersize=4, label=label, **series(axes, number, label))
    axes.set(xlabel="epoch", ylabel=ylabel)
    if epochs:
        axes.set_xlim(0.5, epochs + 0.5)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    if ylim:
        axes.set_ylim(*ylim)
    axes.legend(labelcolor=ink(axes))
    calm(axes)


def draw_overlay(axes: Axes, flair: UInt8[np.ndarray, "h w"], predicted: np.ndarray,
                 reference: np.ndarray | None = None, title: str = "", outline: str = "expert") -> None:
    """FLAIR with the network's mask (blue) and the reference (orange); `outline` names the latter in the legend."""
    draw_slice(axes, flair, title)
    draw_mask(axes, predicted, NETWORK, "network")
    if reference is not None:
        draw_mask(axes, reference, REFERENCE, outline, tint=0)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False, fontsize=9,
                labelcolor=ink(axes))


def prediction_sheet(image: UInt8[np.ndarray, "h w 3"], probability: Float[np.ndarray, "h w"], predicted: np.ndarray,
                     reference: np.ndarray | None, dice: float | None, title: str) -> Figure:
    """FLAIR alone, the probabilities, and both masks over FLAIR: a page to judge one prediction by."""
    figure, axes = new_figure(1, 3, width=11, height=4.2)
    draw_slice(axes[0, 0], image[..., 1], "FLAIR")
    bar = draw_probability(axes[0, 1], probability, "probability of tumour")
    figure.colorbar(bar, ax=axes[0, 1], shrink=0.75)
    outlines = "network" if reference is None else "network and expert"
    draw_overlay(axes[0, 2], image[..., 1], predicted, reference,
                 outlines if dice is None else f"{outlines}, Dice {dice:.2f}")
    figure.suptitle(title, parse_math=False)   # a file's name may hold dollar signs
    return figure


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Write a figure as .svg, .pdf or .png, by the path's ending; text stays text, and no date is written.

    The same figure gives the same bytes. The file takes its place only when it is whole.
    """
    path = Path(path)
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    if path.suffix not in undated:
        raise SettingsError(f"{path}: expected a name that ends in .svg, .pdf or .png; got {path.suffix or 'none'!r}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with (os.fdopen(handle, "wb") as file,
              matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "glass-box", "pdf.fonttype": 42})):
            figure.savefig(file, format=path.suffix[1:], metadata=undated[path.suffix])
        os.chmod(scratch, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(scratch, path)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return path


def _bare(axes: Axes, title: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=10)


def calm(axes: Axes) -> None:
    """Only the two spines that carry numbers, and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
