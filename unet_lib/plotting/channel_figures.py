"""Channels of a network before and after training → figures. Arrays in, a Figure out; knows no model."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from unet_lib.plotting.base import calm, draw_mask, empty_figure, new_figure
from unet_lib.plotting.style import MARKERS, PALETTE, REFERENCE, faint, ink, series, strongest

Numbers = Sequence[float] | np.ndarray
Maps = Mapping[str, Mapping[str, Float[np.ndarray, "_ _"]]]
WIDTH = 9.2


def before_after(before: Maps, after: Maps, mask: Shaped[np.ndarray, "h w"],
                 heads: tuple[str, str] = ("before training", "after training")) -> Figure:
    """A row a stage: some of its maps before training, beside some after it, all of a stage in the same colours.

    `before[stage]` and `after[stage]` are maps by their titles. The colours of a stage go from the 2nd to the 98th
    percentile of all its maps here; both ends stand at the colour bar. The outline of `mask` lies on every map.
    """
    columns = [max(len(maps) for maps in side.values()) for side in (before, after)]
    panel = (WIDTH - 1.35) / (sum(columns) + 0.3)  # inches; beside them the stage's name and the colour bar
    height = 0.6 + (panel + 0.24) * len(before)
    figure = empty_figure(WIDTH, height)
    grid = figure.add_gridspec(len(before), sum(columns) + 1, width_ratios=[1] * columns[0] + [0.3] + [1] * columns[1],
                               left=0.4 / WIDTH, right=1 - 0.95 / WIDTH, bottom=0.05 / height, top=1 - 0.55 / height,
                               wspace=0.06, hspace=0.24 / panel)
    for row, stage in enumerate(before):
        every = np.concatenate([values.ravel() for side in (before, after) for values in side[stage].values()])
        scale = tuple(np.quantile(every, (0.02, 0.98)).tolist())
        for maps, first in ((before[stage], 0), (after[stage], columns[0] + 1)):
            for column, (title, values) in enumerate(maps.items(), first):
                axes = figure.add_subplot(grid[row, column])
                image = _draw_map(axes, values, mask, scale, title)
                if column == 0:
                    axes.set_ylabel(stage, fontsize=10)
                if row == 0 and column == first:
                    _write_head(axes, heads[first > 0])
        _draw_bar(axes, image, scale)
    return figure


def _draw_map(axes: Axes, values: np.ndarray, mask: np.ndarray, scale: tuple[float, ...], title: str) -> AxesImage:
    height, width = mask.shape
    image = axes.imshow(values, cmap="viridis", vmin=scale[0], vmax=scale[1], interpolation="nearest",
                        extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    draw_mask(axes, mask, REFERENCE, tint=0)
    axes.set_title(title, fontsize=9, pad=3)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return image


def _write_head(axes: Axes, head: str) -> None:
    axes.annotate(head, (0, 1), xytext=(0, 20), xycoords="axes fraction", textcoords="offset points", fontsize=11,
                  weight="bold", color=ink(axes))


def _draw_bar(axes: Axes, image: AxesImage, scale: tuple[float, ...]) -> None:
    """The row's colour bar, right of its last map."""
    bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.08, 0, 0.07, 1)), ticks=scale)
    bar.ax.set_yticklabels([f"{end:.2g}".replace("-", "−") for end in scale], fontsize=9)
    bar.outline.set_visible(False)


def auc_strips(networks: Mapping[str, Mapping[str, Numbers]]) -> Figure:
    """One dot a channel at its ROC AUC, stage by stage; the networks side by side.

    `networks[name][stage]` are the channels' values. Below 0.5 a channel is darker in the tumour than elsewhere.
    """
    stages = list(next(iter(networks.values())))
    figure, ((axes,),) = new_figure(width=WIDTH, height=3.9)
    room = 0.8 / len(networks)
    axes.axhline(0.5, color=ink(axes), linewidth=1)
    for number, (name, values) in enumerate(networks.items()):
        for position, stage in enumerate(stages):
            middle = position + (number - (len(networks) - 1) / 2) * room
            axes.plot(middle + _spread(len(values[stage]), 0.8 * room), values[stage], MARKERS[number],
                      color=PALETTE[number], markersize=4.5, alpha=0.65, markeredgewidth=0,
                      label=name if position == 0 else None)
    axes.set_xticks(range(len(stages)), stages, rotation=25, ha="right", rotation_mode="anchor")
    axes.set(ylabel="ROC AUC of a channel", ylim=(-0.02, 1.02), xlim=(-0.6, len(stages) - 0.4),
             title="How well each channel alone tells tumour from the rest")
    axes.annotate("0.5:\ntells\nnothing", (1, 0.5), xytext=(4, 0), xycoords=("axes fraction", "data"), va="center",
                  textcoords="offset points", fontsize=9, color=ink(axes))
    figure.legend(loc="outside lower center", ncols=len(networks))
    calm(axes)
    return figure


def _spread(count: int, width: float) -> Float[np.ndarray, "count"]:
    """Offsets that keep dots apart: steps of the golden ratio fill an interval evenly, in any number."""
    return width * ((np.arange(count) * 0.618034) % 1 - 0.5)


def tissue_counts(networks: Mapping[str, Mapping[str, int]], channels: int,
                  by_chance: Mapping[str, float] | None = None) -> Figure:
    """How many of a network's channels show each tissue: a row a tissue, a bar a network.

    `by_chance` is how many channels of each network would be named after some tissue with wrong labels: a dashed line.
    """
    tissues = list(dict.fromkeys(tissue for counts in networks.values() for tissue in counts))
    figure, ((axes,),) = new_figure(width=7.6, height=1.3 + 0.26 * len(networks) * len(tissues))
    thickness = 0.8 / len(networks)
    for number, (name, counts) in enumerate(networks.items()):
        rows = np.arange(len(tissues)) + (number - (len(networks) - 1) / 2) * thickness
        bars = axes.barh(rows, [counts.get(tissue, 0) for tissue in tissues], thickness * 0.9, color=PALETTE[number],
                         hatch=("", "///", "...")[number % 3], edgecolor=axes.get_facecolor(), linewidth=0, label=name)
        axes.bar_label(bars, padding=3, fontsize=9, color=ink(axes))
    for number, (name, count) in enumerate((by_chance or {}).items()):
        axes.axvline(count, color=PALETTE[number], linestyle="--", linewidth=1.4, label=f"{name}, by chance: {count:g}")
    axes.set_yticks(range(len(tissues)), tissues)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set(xlabel=f"channels, of {channels}", title="Channels that show a tissue")
    figure.legend(loc="outside lower center", ncols=2)
    calm(axes)
    return figure


def iou_and_chance(networks: Mapping[str, tuple[Numbers, Numbers, Sequence[str]]], least: float = 0.04) -> Figure:
    """A panel a network, a dot a channel: its IoU with its tissue, over the IoU that heads give by chance.

    `networks[name]` are IoU, IoU by chance, and the tissue's name, one each a channel. Dots `least` above the line of
    chance show their tissue and have its colour; the others stay grey.
    """
    figure, axes = new_figure(1, len(networks), width=WIDTH, height=4.3, sharex=True, sharey=True)
    shown = [np.subtract(iou, chance) >= least for iou, chance, _ in networks.values()]
    kinds = [kind for (_, _, tissues), mask in zip(networks.values(), shown, strict=True)
             for kind, above in zip(tissues, mask, strict=True) if above]
    order = sorted(set(kinds), key=kinds.count, reverse=True)
    most, widest = (1.08 * max(float(np.nanmax(values[which])) for values in networks.values()) for which in (0, 1))
    for panel, (name, (iou, chance, tissues)), above in zip(axes[0], networks.items(), shown, strict=True):
        panel.plot(np.asarray(chance)[~above], np.asarray(iou)[~above], ".", color=faint(panel), label="none")
        for number, kind in enumerate(order):
            these = above & (np.asarray(tissues) == kind)
            look = series(panel, number) | {"linestyle": "none"}
            panel.plot(np.asarray(chance)[these], np.asarray(iou)[these], **look, markersize=5.5, alpha=0.8, label=kind,
                       markeredgewidth=0)
        panel.plot([0, widest], [0, widest], "-", color=strongest(panel), linewidth=1.2)
        panel.plot([0, widest], [least, widest + least], "--", color=strongest(panel), linewidth=0.9)
        panel.set(title=f"{name}: {int(above.sum())} of {len(iou)} show a tissue", xlim=(0, widest), ylim=(0, most),
                  xlabel="IoU by chance: labels of another head")
        calm(panel)
    axes[0, 0].set_ylabel("IoU with the channel's tissue")
    axes[0, 0].annotate("chance", (widest, widest), xytext=(-3, -16), textcoords="offset points", ha="right",
                        fontsize=9, color=ink(axes[0, 0]))
    figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def probe_scores(stages: Sequence[str], networks: Mapping[str, Sequence[Numbers]], image: float,
                 ylabel: str = "Dice of the probe") -> Figure:
    """What a probe of each stage reaches: a line a network, and one for the image itself.

    `networks[name]` are one or several runs of one number a stage: a dot each, the line through their means.
    """
    figure, ((axes,),) = new_figure(width=WIDTH, height=3.7)
    axes.axhline(image, color=ink(axes), linewidth=1.2, linestyle=":")
    axes.annotate(f"the image alone: {image:.2f}", (1, image), xytext=(-4, 3), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", fontsize=9, color=ink(axes))
    for number, (name, runs) in enumerate(networks.items()):
        look = series(axes, number)
        for run in runs:
            axes.plot(range(len(stages)), run, look["marker"], color=look["color"], markersize=5, alpha=0.7)
        axes.plot(range(len(stages)), np.mean(np.asarray(runs, float), axis=0), color=look["color"],
                  linestyle=look["linestyle"], linewidth=1.8, label=name)
    axes.set_xticks(range(len(stages)), stages, rotation=25, ha="right", rotation_mode="anchor")
    axes.set(ylabel=ylabel, ylim=(0, 1), title="How well a probe of each stage finds the tumour")
    figure.legend(loc="outside lower center", ncols=len(networks))
    calm(axes)
    return figure
