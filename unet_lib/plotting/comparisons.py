"""Recipes beside each other, patient by patient: scores, gains, intervals, failures. Numbers in, a Figure out."""

from collections.abc import Container, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unet_lib.plotting.base import calm, draw_dots, new_figure
from unet_lib.plotting.style import PALETTE, faint, ink, strongest

Numbers = Sequence[float] | np.ndarray
UP, DOWN = PALETTE[0], PALETTE[1]
"""Gain and loss."""
SIZES = (2_000, 5_000, 10_000, 20_000, 50_000)
"""Marks on the axis of tumours, in pixels."""


def score_rows(scores: Mapping[str, Numbers], title: str, xlabel: str = "Dice of a patient") -> Figure:
    """A row a group, a dot a patient; in a row they rise from the worst to the best, so that none hides another.

    The black line is the mean, the grey one the median.
    """
    figure, ((axes,),) = new_figure(width=8.6, height=1.2 + 0.75 * len(scores))
    for row, (name, dice) in enumerate(scores.items()):
        height = row + np.linspace(0.36, -0.36, len(dice))
        axes.plot(np.sort(dice), height, "o", color=UP, markeredgecolor=ink(axes), markeredgewidth=0.4, markersize=4.5)
        for value, colour, label in ((np.median(dice), faint(axes, 0.6), "median"), (np.mean(dice), strongest(axes),
                                                                                     "mean")):
            axes.plot([value] * 2, [row - 0.42, row + 0.42], color=colour, linestyle="-", linewidth=2.5,
                      label="_" * row + label)
        _name_row(axes, row, name)
    axes.set(ylim=(len(scores) - 0.5, -0.5), xlim=(-0.01, 1), yticks=[], xlabel=xlabel, title=title)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def gains_in_order(gains: Mapping[str, Numbers]) -> Figure:
    """A panel a step: the gain of every patient as a bar, from the largest loss to the largest gain, and their mean."""
    figure, axes = new_figure(1, len(gains), width=9.2, height=3.4, sharey=True)
    for panel, (title, gain) in zip(axes[0], gains.items(), strict=True):
        _draw_gains(panel, np.sort(gain))
        panel.set(title=f"{title}\nbetter {np.sum(np.array(gain) > 0)}, worse {np.sum(np.array(gain) < 0)}",
                  xlabel="patients")
    axes[0, 0].set_ylabel("gain in Dice")
    return figure


def _draw_gains(axes: Axes, ordered: Float[np.ndarray, "p"]) -> None:
    axes.bar(range(len(ordered)), ordered, width=1, color=[UP if gain > 0 else DOWN for gain in ordered])
    axes.axhline(0, color=ink(axes), linewidth=1)
    mean = float(ordered.mean())
    axes.axhline(mean, color=strongest(axes), linestyle="--", linewidth=1.5)
    axes.annotate(f"mean {mean:+.3f}", (0, mean), xytext=(4, 4), textcoords="offset points", color=strongest(axes),
                  fontsize=9)
    axes.set_xticks([])
    calm(axes)


def two_intervals(steps: Mapping[str, tuple[tuple[float, float], tuple[float, float], Numbers]]) -> Figure:
    """A row a step: its gain's interval over patients and over folds (low, high), and the mean gain of every fold."""
    figure, ((axes,),) = new_figure(width=8.6, height=1.4 + 0.85 * len(steps))
    for row, (name, (patients, folds, means)) in enumerate(steps.items()):
        for shift, ends, colour, label in ((-0.2, patients, UP, "95 % over patients"),
                                           (0.2, folds, PALETTE[2], "95 % over folds")):
            axes.plot(ends, [row + shift] * 2, "-", color=colour, linewidth=5, solid_capstyle="butt",
                      label="_" * row + label)
        axes.plot(means, [row + 0.2] * len(means), "D", color=strongest(axes), markersize=5,
                  label="_" * row + "mean gain of one fold")
        _name_row(axes, row, name)
    axes.axvline(0, color=ink(axes), linewidth=1, linestyle="--")
    axes.set(ylim=(len(steps) - 0.5, -0.5), yticks=[], xlabel="mean gain in Dice", title="How sure is each gain?")
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def repeated_runs(runs: Mapping[str, Sequence[float]], band: tuple[float, float], title: str, xlabel: str) -> Figure:
    """A row a setting, a dot a training, best mean first; `band` in grey is where nothing but the seed was changed."""
    figure, ((axes,),) = new_figure(width=8.6, height=1.1 + 0.32 * len(runs))
    axes.axvspan(*band, color=faint(axes, 0.18), zorder=0)
    for row, name in enumerate(sorted(runs, key=lambda name: -np.mean(runs[name]))):
        draw_dots(axes, row, runs[name], name)
    axes.set(title=title, xlabel=xlabel)
    return figure


def luck_by_number(counts: Sequence[int], chosen: Numbers, again: Numbers) -> Figure:
    """The best of so many worthless recipes: the gain by which it was chosen, and its gain measured again."""
    figure, ((axes,),) = new_figure(width=6.8, height=3.4)
    axes.plot(counts, chosen, "-o", color=DOWN, label="when it was chosen")
    axes.plot(counts, again, "--s", color=UP, label="measured again")
    axes.set(title="the best of k worthless recipes", xlabel="k, recipes tried", ylabel="mean gain in Dice")
    calm(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def dice_by_size(groups: Mapping[str, tuple[Numbers, Numbers]], failing: float,
                 names: Mapping[str, tuple[float, float]], title: str, left: Container[str] = ()) -> Figure:
    """Dice over the tumour's size in pixels, a mark a patient, a group a look; below `failing` a patient has failed.

    `names` says which patients are written beside their mark: name → (pixels, Dice); those in `left` stand to its left.
    """
    figure, ((axes,),) = new_figure(width=8.6, height=4.6)
    colours = (faint(axes), PALETTE[2], UP)
    for (label, (pixels, dice)), colour, marker in zip(groups.items(), colours, "os^", strict=False):
        axes.plot(pixels, dice, marker, color=colour, markeredgecolor=ink(axes), markeredgewidth=0.5, label=label)
    axes.axhline(failing, color=ink(axes), linestyle="--", linewidth=1)
    for name, place in names.items():
        side, align = (-6, "right") if name in left else (6, "left")
        axes.annotate(name, place, xytext=(side, -3), textcoords="offset points", ha=align, fontsize=9, color=ink(axes))
    axes.set(xscale="log", ylim=(0, 1), ylabel="Dice", title=title,
             xlabel="tumour in the expert's mask, all slices (pixels, logarithmic)")
    axes.set_xticks(SIZES, [f"{pixels:,}" for pixels in SIZES])
    axes.minorticks_off()
    calm(axes)
    axes.legend(loc="lower right")
    return figure


def comparison_card(title: str, gains: Numbers, lines: Sequence[str]) -> Figure:
    """A card to keep: the gains in order at the left, what was found in words at the right."""
    figure, axes = new_figure(1, 2, width=9.2, height=3.8)
    _draw_gains(axes[0, 0], np.sort(gains))
    axes[0, 0].set(ylabel="gain in Dice", xlabel=f"{len(gains)} patients", title=title)
    axes[0, 1].axis("off")
    axes[0, 1].text(0, 0.95, "\n\n".join(lines), va="top", color=ink(axes[0, 0]), fontsize=10)
    return figure


def _name_row(axes: Axes, row: int, name: str) -> None:
    axes.annotate(name, (0, row), xytext=(-8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                  ha="right", va="center", color=ink(axes))
