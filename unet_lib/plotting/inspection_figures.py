"""What was found inside a network, in figures. Arrays in, a Figure out; knows no model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unet_lib.plotting.base import calm, draw_mask, draw_slice, new_figure
from unet_lib.plotting.style import NETWORK, PALETTE, REFERENCE, faint, ink, series

WIDTH = 9.2
REST = "#888888"
KINDS = (PALETTE[3], PALETTE[2], PALETTE[0])
"""Colours of the kinds between the first, which is grey, and the last, the tumour."""
GREYS = (-2.0, 4.0)
"""Normalised grey levels drawn black and white: air, and brighter than nearly all of a head."""


def embedding_panels(panels: Mapping[str, Float[np.ndarray, "k 2"]], kinds: Int[np.ndarray, "k"],
                     names: Sequence[str]) -> Figure:
    """The same points in several planes, by title; each fills its panel.

    `kinds` are indices into `names`; the last kind, tumour, is drawn above the others, as diamonds.
    """
    figure, axes = new_figure(1, len(panels), width=WIDTH, height=3.1)
    present = np.unique(kinds).tolist()
    for panel, (title, points) in zip(axes[0], panels.items(), strict=True):
        for kind in present:
            panel.scatter(*points[kinds == kind].T, label=names[kind], **_look(kind, names))
        panel.set(title=title, xticks=[], yticks=[])
        panel.title.set_fontsize(11)
    handles = [Line2D([], [], linestyle="", marker="D" if kind == len(names) - 1 else "o", label=names[kind],
                      color=_look(kind, names)["color"]) for kind in present]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(present), handletextpad=0.2)
    return figure


def _look(kind: int, names: Sequence[str]) -> dict:
    """Colour, size and marker of one kind of point."""
    if kind == len(names) - 1:
        return {"color": PALETTE[1], "s": 13, "marker": "D", "linewidths": 0, "alpha": 0.8, "zorder": 3}
    middle = len(names) - 1 - len(KINDS)
    return {"color": KINDS[kind - middle] if kind >= middle else REST, "s": 6, "linewidths": 0, "alpha": 0.6}


@dataclass(frozen=True)
class ChannelTaste:
    """What one channel answers to: patches of grey slices with the channel's values in their middles, and an image made
    for it, in normalised units (pre-contrast, FLAIR, post-contrast), with its value."""

    name: str
    patches: UInt8[np.ndarray, "p s s"]
    values: Sequence[float]
    image: Float[np.ndarray, "3 t t"]
    image_value: float


def taste_rows(tastes: Sequence[ChannelTaste]) -> Figure:
    """A row a channel: its top patches in FLAIR, each with its value, then the optimised image's three sequences.

    Patches of all rows have one scale, white at their brightest pixel; the images' scale is GREYS.
    """
    brightest = max(int(taste.patches.max()) for taste in tastes)
    count = max(len(taste.patches) for taste in tastes)
    figure, axes = new_figure(len(tastes), count + 3, width=WIDTH, height=0.3 + 1.55 * len(tastes))
    for row, taste in zip(axes, tastes, strict=True):
        for panel, patch, value in zip(row, taste.patches, taste.values, strict=False):
            _draw_brightened(panel, patch, brightest, f"patch: {value:.1f}")
        for panel in row[len(taste.patches):count]:
            panel.set(xticks=[], yticks=[])
            panel.set_axis_off()
        for panel, plane, words in zip(row[count:], taste.image, _headings(taste.image_value), strict=True):
            panel.imshow(plane, cmap="gray", vmin=GREYS[0], vmax=GREYS[1], interpolation="nearest")
            panel.set(title=words, xticks=[], yticks=[])
            for side in panel.spines.values():
                side.set(visible=True, color=PALETTE[2], linewidth=1.6)
        row[0].set_ylabel(taste.name.replace(", ", "\n"), fontsize=10)
        for panel in row:
            panel.title.set_fontsize(9)
    return figure


def _draw_brightened(axes: Axes, pixels: UInt8[np.ndarray, "h w"], brightest: float, title: str) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=max(brightest, 1), interpolation="nearest")
    axes.set(title=title, xticks=[], yticks=[])


def _headings(value: float) -> tuple[str, str, str]:
    return "made: pre", f"made: FLAIR, {value:.1f}", "made: post"


def channel_effects(auc: Float[np.ndarray, "c"], lost: Float[np.ndarray, "c"], intervals: Float[np.ndarray, "c 2"],
                    name: str = "channel") -> Figure:
    """Each channel's ROC AUC beside the Dice that is lost without it, with its interval.

    The channels that tell most, by an AUC near 1 or 0, stand on top. If a channel that tells tumour from the rest were
    one that the network needs, both columns would fall together.
    """
    order = np.argsort(np.abs(auc - 0.5), kind="stable")
    figure, axes = new_figure(1, 2, width=8.4, height=1.3 + 0.32 * len(order), sharey=True)
    left, right = axes[0]
    rows = np.arange(len(order))
    left.plot(auc[order], rows, "o", color=PALETTE[0], markersize=8)
    _line_at(left, 0.5)
    left.set(title="tells tumour from the rest", xlabel="ROC AUC (0.5: chance)", xlim=(-0.03, 1.03))
    left.set_yticks(rows, [f"{name} {channel}" for channel in order])
    _draw_intervals(right, lost[order], intervals[order], rows, color=PALETTE[1], marker="o")
    _line_at(right, 0)
    right.set(title="lost without it", xlabel="Dice lost without it, with 95 % interval")
    for panel in (left, right):
        calm(panel)
        panel.grid(axis="x", alpha=0.25)
    return figure


def skip_effects(panels: Mapping[str, Mapping[str, Float[np.ndarray, "levels 3"]]], levels: Sequence[str]) -> Figure:
    """The Dice that patients lose when skips are changed, a panel a group of patients.

    In each panel, by the kind of change, a row a level: mean loss and its 95 % interval.
    """
    figure, axes = new_figure(1, len(panels), width=WIDTH, height=1.5 + 0.62 * len(levels), sharex=True, sharey=True)
    rows = np.arange(len(levels))
    for panel, (title, changes) in zip(axes[0], panels.items(), strict=True):
        for number, (how, found) in enumerate(changes.items()):
            aside = 0.22 * (number - (len(changes) - 1) / 2)
            look = series(panel, number)
            _draw_intervals(panel, found[:, 0], found[:, 1:], rows + aside, look["color"], look["marker"], how)
        _line_at(panel, 0)
        panel.set(title=title, xlabel="Dice lost, with 95 % interval")
        calm(panel)
        panel.grid(axis="x", alpha=0.25)
    axes[0, 0].set_yticks(rows, levels)
    axes[0, 0].invert_yaxis()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(changes))
    return figure


def _draw_intervals(axes: Axes, middle: np.ndarray, ends: np.ndarray, rows: np.ndarray, color: str, marker: str,
                    label: str = "") -> None:
    axes.hlines(rows, ends[:, 0], ends[:, 1], color=color, linewidth=2)
    axes.plot(middle, rows, marker, color=color, markersize=7, label=label)


def _line_at(axes: Axes, x: float) -> None:
    axes.axvline(x, color=faint(axes, 0.6), linewidth=1, zorder=0)


def edited_slice(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"],
                 predictions: Sequence[Bool[np.ndarray, "h w"]], reference: Bool[np.ndarray, "h w"],
                 titles: tuple[str, str] = ("as it is", "edited"), margin: int = 24) -> Figure:
    """FLAIR before and after an edit, and beside each what the network makes of it; close to the tumour.

    All four have one scale, white at the brightest pixel that is shown.
    """
    view = _around(reference | predictions[0] | predictions[1], margin)
    figure, axes = new_figure(1, 4, width=WIDTH, height=2.9)
    slices = (before[view], after[view])
    brightest = max(int(some.max()) for some in slices)
    for panel, words, number in zip(axes[0], ("FLAIR", "FLAIR", "network", "network"), (0, 1, 0, 1), strict=True):
        _draw_brightened(panel, slices[number], brightest, f"{words}, {titles[number]}")
        if words == "network":
            draw_mask(panel, predictions[number][view], NETWORK)
            draw_mask(panel, reference[view], REFERENCE, tint=0)
    outlines = {"network": NETWORK, "true outline": REFERENCE}
    handles = [Line2D([], [], color=colour, label=name) for name, colour in outlines.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _around(mask: Bool[np.ndarray, "h w"], margin: int) -> tuple[slice, slice]:
    """Rows and columns of the square around a mask, as far as the slice goes."""
    found = np.nonzero(mask if mask.any() else ~mask)
    ends = [(along.min(), along.max() + 1) for along in found]
    half = max(last - first for first, last in ends) // 2 + margin
    rows, columns = (slice(max(0, (first + last) // 2 - half), min(side, (first + last) // 2 + half))
                     for (first, last), side in zip(ends, mask.shape, strict=True))
    return rows, columns


def heat_panels(flair: UInt8[np.ndarray, "h w"], heats: Mapping[str, Float[np.ndarray, "_h _w"]],
                reference: Bool[np.ndarray, "h w"]) -> Figure:
    """Maps in [0, 1] of where a network looks, by title, beside the slice; each of its own size, enlarged."""
    figure, axes = new_figure(1, len(heats) + 1, width=WIDTH, height=2.3)
    draw_slice(axes[0, 0], flair, "FLAIR")
    height, width = flair.shape
    for panel, (title, heat) in zip(axes[0, 1:], heats.items(), strict=True):
        panel.imshow(heat, cmap="viridis", vmin=0, vmax=1, extent=(-0.5, width - 0.5, height - 0.5, -0.5),
                     interpolation="nearest")
        draw_mask(panel, reference, REFERENCE, tint=0)
        panel.set(title=title, xticks=[], yticks=[])
    for panel in axes[0]:
        panel.title.set(fontsize=9, color=ink(panel))
    return figure
