"""A result card as a picture: one page of words, masks and two plots. Arrays and words in, a Figure out."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unet_lib.plotting.base import calm, draw_curves, draw_mask, draw_slice, empty_figure
from unet_lib.plotting.style import NETWORK, PALETTE, REFERENCE, ink, keep_style, strongest

A4 = (8.27, 11.69)  # inches
LETTERS, LARGE_LETTERS = 106, 50  # that fit on a line of text, of the title
LINE = 0.0145  # of the page's height
Masks = tuple[str, UInt8[np.ndarray, "h w"], Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]


def card_page(question: str, sections: Mapping[str, Sequence[str]], cases: Sequence[Masks],
              curves: Mapping[str, Sequence[float]], dice: Sequence[float], gains: Sequence[float] | None = None,
              mean: tuple[float, float, float] | None = None) -> Figure:
    """The page: `sections` are headings with their lines; the last stands below the pictures.

    `gains` of the patients over a baseline are drawn in place of their `dice`, with their `mean` and its interval.
    Always light, to be printed.
    """
    figure = empty_figure(*A4, style="light", dpi=150)
    *above, last = sections.items()
    top = _title(figure, question)
    for heading, lines in above:
        top = _words(figure, top, heading, lines)
    floor = 0.015 + LINE * (2 + sum(len(_wrapped(line)) for line in last[1]))
    _pictures(figure, floor + 0.02, max(top, floor + 0.22), cases, curves, dice, gains, mean)
    _words(figure, floor, *last)
    return figure


def draw_gains(axes: Axes, gains: Sequence[float], mean: tuple[float, float, float]) -> None:
    """A dot a patient, from the largest loss to the largest gain; the mean, and a band for its 95 % interval."""
    middle, low, high = mean
    axes.axhspan(low, high, color=PALETTE[0], alpha=0.2, linewidth=0, label="95 % interval of the mean")
    axes.axhline(middle, color=PALETTE[0], linewidth=2, label="mean")
    axes.axhline(0, color=ink(axes), linewidth=1, linestyle="--")
    axes.plot(range(len(gains)), sorted(gains), "o", color=PALETTE[0], markeredgecolor=ink(axes), markersize=7)
    reach = 1.1 * max(np.abs([*gains, low, high]).max(), 0.01)
    axes.set(ylabel="gain in Dice", xlabel="patients, sorted", xticks=[], ylim=(-reach, 1.6 * reach),
             title="each patient beside the baseline")  # room for the legend above
    calm(axes)


def draw_dice(axes: Axes, dice: Sequence[float]) -> None:
    """A dot a patient, from the worst to the best, and lines at mean and median."""
    axes.plot(range(len(dice)), sorted(dice), "o", color=PALETTE[0], markeredgecolor=ink(axes), markersize=7)
    axes.axhline(float(np.mean(dice)), color=strongest(axes), linewidth=1.5, label="mean")
    axes.axhline(float(np.median(dice)), color=strongest(axes), linewidth=1.5, linestyle=":", label="median")
    axes.set(ylabel="Dice", xlabel="patients, sorted", xticks=[], ylim=(-0.02, 1.02), title="Dice of each patient")
    calm(axes)


def _title(figure: Figure, question: str) -> float:
    """The question at the top; returns the height at which the page goes on."""
    lines = textwrap.wrap(question, LARGE_LETTERS)
    figure.text(0.06, 0.965, "\n".join(lines), fontsize=17, fontweight="bold", va="top", parse_math=False)
    return 0.955 - 0.026 * len(lines)


def _words(figure: Figure, top: float, heading: str, lines: Sequence[str]) -> float:
    figure.text(0.06, top, heading, fontsize=11, fontweight="bold", va="top")
    shown = [part for line in lines for part in _wrapped(line)]
    figure.text(0.06, top - 1.35 * LINE, "\n".join(shown), fontsize=9, va="top", linespacing=1.25, parse_math=False)
    return top - LINE * (len(shown) + 2)


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(f"– {line}", LETTERS, subsequent_indent="   ")


def _pictures(figure: Figure, bottom: float, top: float, cases: Sequence[Masks], curves: Mapping[str, Sequence[float]],
              dice: Sequence[float], gains: Sequence[float] | None, mean: tuple[float, float, float] | None) -> None:
    """Masks above, plots below, in what room is left."""
    plots = 0.36 * (top - bottom)
    masks = figure.add_gridspec(1, max(3, len(cases)), left=0.06, right=0.94, bottom=bottom + plots + 0.055,
                                top=top - 0.035, wspace=0.04)
    for number, (title, flair, predicted, reference) in enumerate(cases):
        panel = figure.add_subplot(masks[number])
        draw_slice(panel, flair, title)
        draw_mask(panel, predicted, NETWORK, "network")
        draw_mask(panel, reference, REFERENCE, "expert", tint=0)
        if number == 0:
            panel.legend(loc="upper left", bbox_to_anchor=(0, 0), ncols=2, frameon=False, fontsize=9)
    below = figure.add_gridspec(1, 2, left=0.12, right=0.94, bottom=bottom + 0.03, top=bottom + plots - 0.01,
                                wspace=0.3)
    left, right = (figure.add_subplot(below[number]) for number in range(2))
    draw_curves(left, curves, "F1 of the slices", ylim=(0, 1))
    left.set_title("the training, epoch by epoch")
    if gains is None or mean is None:
        draw_dice(right, dice)
    else:
        draw_gains(right, gains, mean)
    for panel in (left, right):
        keep_style(panel)
        panel.title.set_fontsize(10)
        panel.legend(frameon=False, fontsize=9, loc="best" if panel is left else "upper left")
