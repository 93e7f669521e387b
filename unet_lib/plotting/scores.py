"""Scores of patients → figures: boxes by group, all patients ranked, the worst of them, and curves of thresholds.

Arrays and names in, a Figure out; knows no model. Sites differ in colour and in hatching.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from unet_lib.plotting.base import calm, draw_mask, draw_probability, draw_slice, new_figure, tinted
from unet_lib.plotting.style import NETWORK, PALETTE, REFERENCE, faint, ink, strongest

# Dice of two experts who outline the same low-grade gliomas, with a standard deviation of 0.02 (Buda et al. 2019).
EXPERTS_AGREE = 0.84
SITE_COLOURS = (*PALETTE, "#F0E442", "#999999")
SITE_HATCHES = ("", "///", "...", "xx", "\\\\\\")
"""With six colours and five hatchings in turn, thirty sites differ."""
BARS_A_ROW = 60  # with more of them, names would be too small to read
BOX_FROM = 5
"""Patients; of fewer, quartiles mean nothing, and only their dots are drawn."""
NAMES_FIT = 120  # bars; more of them go into one row, without names


def box_sheet(panels: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Side by side, each with its title: the Dice of the patients of each group (see `draw_boxes`)."""
    widths = [len(groups) + 0.6 for groups in panels.values()]
    figure, axes = new_figure(1, len(panels), width=max(6.0, 1.2 * sum(widths)), height=4, sharey=True,
                              width_ratios=widths)
    for panel, (title, groups) in zip(axes[0], panels.items(), strict=True):
        draw_boxes(panel, groups, title)
    axes[0, 0].set_ylabel("Dice of a patient")
    return figure


def draw_boxes(axes: Axes, groups: Mapping[str, Sequence[float]], title: str = "") -> None:
    """A box a group: quartiles and median, whiskers to the least and the most; and each patient as a dot.

    Groups of fewer than BOX_FROM patients have no box. What a name has in brackets goes to a line of its own, and below
    it how many patients there are.
    """
    line = {"color": ink(axes)}
    boxes = {place: values for place, values in enumerate(groups.values()) if len(values) >= BOX_FROM}
    if boxes:
        axes.boxplot(list(boxes.values()), positions=list(boxes), widths=0.6, whis=(0, 100), showfliers=False,
                     boxprops=line, whiskerprops=line, capprops=line,
                     medianprops={"color": PALETTE[1], "linewidth": 2.5})
    for position, values in enumerate(groups.values()):
        axes.plot(position + _jitter(len(values)), values, "o", color=PALETTE[0], markeredgecolor=ink(axes),
                  markersize=5, alpha=0.75)
    labels = [name.replace(" (", "\n(") + f"\nn = {len(values)}" for name, values in groups.items()]
    axes.set_xticks(range(len(groups)), labels, fontsize=9)
    axes.set(xlim=(-0.6, len(groups) - 0.4), ylim=(-0.03, 1.03))
    axes.set_title(title, fontsize=10)
    calm(axes)


def ranked_bars(names: Sequence[str], dice: Float[np.ndarray, "p"], sites: Sequence[str]) -> Figure:
    """A bar a patient, from the worst to the best, in its site's colour; lines at the mean and at two experts' Dice.

    Up to BARS_A_ROW patients stand in a row, as they can be read then.
    """
    order = np.argsort(dice, kind="stable")
    fit = len(names) <= NAMES_FIT
    rows = np.array_split(order, -(-len(names) // BARS_A_ROW) if fit else 1)
    width = min(max(7.0, 1.5 + 0.15 * len(rows[0])), 10.5)
    figure, axes = new_figure(len(rows), width=width, height=0.6 + 3.6 * len(rows))
    looks = _looks_of_sites(sites, axes[0, 0].get_facecolor())
    start = 0
    for panel, row in zip(axes[:, 0], rows, strict=True):
        for place, i in enumerate(row, start):
            panel.bar(place, dice[i], width=0.8, zorder=2, **looks[sites[i]])
        lines = _lines_to_compare(panel, float(np.mean(dice)))
        panel.set_xticks(range(start, start + len(row)) if fit else [], [names[i] for i in row] if fit else [],
                         rotation=90, fontsize=9)
        panel.set(xlim=(start - 0.7, start + len(rows[0]) - 0.3), ylim=(0, 1), ylabel="Dice")
        calm(panel)
        start += len(row)
    axes[-1, 0].set_xlabel(f"patients from the worst to the best (n = {len(names)})")
    keys = [*lines, *(Patch(label=site, **look) for site, look in looks.items())]
    figure.legend(handles=keys, loc="outside upper center", ncols=int(width / 1.2), fontsize=9, handleheight=1.2)
    return figure


def _looks_of_sites(sites: Sequence[str], paper: Any) -> dict[str, dict[str, Any]]:
    """Colour and hatching of each site's bars."""
    return {site: {"facecolor": SITE_COLOURS[number % len(SITE_COLOURS)], "edgecolor": paper, "linewidth": 0,
                   "hatch": SITE_HATCHES[number % len(SITE_HATCHES)]} for number, site in enumerate(sorted(set(sites)))}


def _lines_to_compare(axes: Axes, mean: float) -> list[Line2D]:
    """Across the bars: the mean, and the Dice of two experts."""
    return [axes.axhline(mean, color=ink(axes), linestyle="-", linewidth=1.5, zorder=3, label=f"mean {mean:.2f}"),
            axes.axhline(EXPERTS_AGREE, color=strongest(axes), linestyle="--", linewidth=1.5, zorder=3,
                         label=f"two experts: {EXPERTS_AGREE}")]


def worst_sheet(cases: Sequence[tuple[str, UInt8[np.ndarray, "h w"], Bool[np.ndarray, "h w"],
                                      Bool[np.ndarray, "h w"]]]) -> Figure:
    """Title, FLAIR, predicted and reference mask of some slices, side by side, both outlined over FLAIR."""
    figure, axes = new_figure(1, len(cases), width=max(4.0, 2.3 * len(cases), min(9.2, 2.5 * len(cases))), height=3.3)
    figure.set_layout_engine("compressed")  # square images: the plain layout would cut their titles
    for panel, (title, flair, predicted, reference) in zip(axes[0], cases, strict=True):
        draw_slice(panel, flair, title)
        draw_mask(panel, predicted, NETWORK, "network")
        draw_mask(panel, reference, REFERENCE, "expert", tint=0)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def draw_precision_recall(axes: Axes, precision: Float[np.ndarray, "t"], recall: Float[np.ndarray, "t"],
                          label: str = "", colour: str = PALETTE[0]) -> None:
    """A curve over all thresholds, on a ground of lines along which F1 is the same."""
    side = np.linspace(0.01, 1, 100)
    across, up = np.meshgrid(side, side)
    f1 = 2 * across * up / (across + up)
    lines = axes.contour(across, up, f1, levels=np.arange(0.1, 0.95, 0.1), colors=faint(axes), linewidths=0.7)
    at_the_right = [(0.98, level * 0.98 / (1.96 - level)) for level in lines.levels]
    axes.clabel(lines, fmt="%.1f", fontsize=9, colors=ink(axes), manual=at_the_right)
    axes.set_title("grey: lines of equal F1", fontsize=9)
    axes.plot(recall, precision, "-", color=colour, linewidth=2, label=label)
    axes.set(xlabel="recall: how much of the tumour was found", ylabel="precision: how much of the found is tumour",
             xlim=(0, 1.01), ylim=(0, 1.01), aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)


def draw_reliability(axes: Axes, confidence: Float[np.ndarray, "k"], observed_frequency: Float[np.ndarray, "k"],
                     label: str = "", colour: str = PALETTE[0]) -> None:
    """Observed frequency against confidence, a dot a bin, and a line from it to the diagonal, where the two agree."""
    axes.plot((0, 1), (0, 1), color=ink(axes), linewidth=1, linestyle="--")
    axes.vlines(confidence, observed_frequency, confidence, color=colour, alpha=0.35, linewidth=6)
    axes.plot(confidence, observed_frequency, "o-", color=colour, markeredgecolor=ink(axes), label=label)
    axes.set(xlabel="confidence (predicted probability)", ylabel="observed frequency of tumour", xlim=(0, 1),
             ylim=(0, 1), aspect="equal")
    calm(axes)


def draw_uncertainty(axes: Sequence[Axes] | np.ndarray, flair: UInt8[np.ndarray, "h w"],
                     probability: Float[np.ndarray, "h w"], std: Float[np.ndarray, "h w"],
                     reference: Bool[np.ndarray, "h w"]) -> None:
    """Four panels: both outlines, the probability, the standard deviation of several predictions, and the errors.

    False positives are blue like the prediction, false negatives orange like the reference; the colours of the
    standard deviation end at 0.5, the largest that values between 0 and 1 can have.
    """
    mask = probability >= 0.5
    draw_slice(axes[0], flair, "network and expert")
    draw_mask(axes[0], mask, NETWORK)
    draw_mask(axes[0], reference, REFERENCE, tint=0)
    draw_probability(axes[1], probability, "probability, 0 to 1")
    draw_probability(axes[2], 2 * std, "std. deviation, 0 to 0.5")
    draw_slice(axes[3], flair, "blue: false, orange: missed")
    for wrong, colour in ((mask & ~reference, NETWORK), (reference & ~mask, REFERENCE)):
        axes[3].imshow(tinted(wrong, colour, 0.9), interpolation="nearest")


def report_card(title: str, dice: Mapping[str, float], interval: tuple[float, float], lines: Sequence[str]) -> Figure:
    """A card to show: a dot a patient, from the worst to the best, the mean with its interval, and lines of words."""
    figure, axes = new_figure(1, 2, width=9.0, height=3.6, width_ratios=(3, 2))
    chart, words = axes[0]
    values = sorted(dice.values())
    chart.axhspan(*interval, color=faint(chart, 0.25), label="95 % interval of the mean")
    chart.axhline(float(np.mean(values)), color=ink(chart), linewidth=1.5, label=f"mean {np.mean(values):.2f}")
    chart.plot(range(1, len(values) + 1), values, "o", color=PALETTE[0], markeredgecolor=ink(chart), label="a patient")
    chart.set(title=title, xlabel=f"patients from the worst to the best (n = {len(values)})", xticks=[],
              ylabel="Dice", ylim=(-0.03, 1))
    chart.legend(loc="lower right", fontsize=9, frameon=False)
    calm(chart)
    words.set_axis_off()
    words.text(0, 0.97, "\n\n".join(lines), va="top", fontsize=10.5, transform=words.transAxes)
    return figure


def _jitter(count: int) -> Float[np.ndarray, "p"]:
    """Small steps aside by the golden ratio, so that dots side by side rarely hide each other."""
    return 0.4 * ((np.arange(count) * 0.618034) % 1 - 0.5) if count > 1 else np.zeros(count)
