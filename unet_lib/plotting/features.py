"""Feature maps over a training → slides for a talk, 16:9, to be read from the back row.

Arrays in, a Figure out; knows no model. Every map is drawn from its own lowest value (dark blue) to its own highest
(yellow), and each slide says so: what a channel shows can be compared between steps, how strong it is cannot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from unet_lib.plotting.base import calm, draw_mask, draw_slice, empty_figure
from unet_lib.plotting.style import NETWORK, PALETTE, REFERENCE, ink, keep_style

SLIDE, DPI = (40 / 3, 7.5), 144
"""Inches, and dots an inch: 1920×1080 of them."""
TITLE, HEAD, WORDS, SMALL = 27, 18, 15, 12
"""Sizes of letters, in points."""
SCALE = "Each map in colours of its own: dark blue is its lowest value, yellow its highest."


@dataclass(frozen=True)
class Case:
    """A slice to look at, and how the training went.

    `reference` is None where no expert drew a mask. `steps` are those at which a network was kept; `curve` are steps
    and the loss there, and may be empty.
    """

    title: str
    flair: UInt8[np.ndarray, "s s"]
    reference: Bool[np.ndarray, "s s"] | None
    steps: tuple[int, ...]
    curve: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Look:
    """What a network says of the slice after `step` steps: maps by stage, a mask, and its Dice (None: no expert)."""

    step: int
    maps: Mapping[str, Float[np.ndarray, "c _h _w"]]
    mask: Bool[np.ndarray, "s s"]
    dice: float | None


def stage_sheet(case: Case, before: Look | None, after: Look, stage: str, channels: Sequence[int]) -> Figure:
    """A stage's channels at one step above the same at another, with the answers, the slice and the loss curve.

    Without a `before` there is one row of them.
    """
    looks = {"before": before, "after": after} if before else {"": after}
    figure = empty_figure(*SLIDE, dpi=DPI)
    grid = figure.add_gridspec(len(looks) + 1, 1 + max(6, len(channels)), left=0.05, right=0.985, top=0.805,
                               bottom=0.05, wspace=0.05, hspace=0.18)
    for row, (word, look) in enumerate(looks.items()):
        axes = figure.add_subplot(grid[row, 0])
        _draw_answer(axes, case, look, WORDS)
        axes.set_ylabel(f"{word}\nstep {look.step}" if word else "", fontsize=HEAD)
        for column, channel in enumerate(channels, 1):
            axes = figure.add_subplot(grid[row, column])
            _draw_map(axes, look.maps[stage][channel])
            if not row:
                axes.set_title(f"channel {channel}", fontsize=WORDS)
    axes = figure.add_subplot(grid[-1, 0])
    draw_slice(axes, case.flair)
    axes.set_title("FLAIR", fontsize=WORDS)
    if before and case.curve:
        room = grid[-1, 1:].get_position(figure)
        draw_loss(figure.add_axes((room.x0 + 0.06, room.y0 + 0.075, room.width - 0.075, room.height - 0.075)), case,
                  (before.step, after.step))
    everything = len(after.maps[stage])
    side = "×".join(map(str, after.maps[stage].shape[1:]))
    of = f"its {everything} channels" if len(channels) == everything else (
        f"of its {everything} channels the {len(channels)} with most energy" + " after training" * bool(before))
    title = f"{stage}, before and after training" if before else stage
    _write_head(figure, title, f"{case.title}; {of}, {side} pixels each", case)
    return figure


def film_frame(case: Case, look: Look, channels: Mapping[str, Sequence[int]]) -> Figure:
    """One step of the training: answer and loss curve at the left, a row of channels for each stage at the right."""
    figure = empty_figure(*SLIDE, dpi=DPI)
    grid = figure.add_gridspec(len(channels), max(map(len, channels.values())), left=0.47, right=0.985, top=0.83,
                               bottom=0.07, wspace=0.04, hspace=0.06)
    _draw_answer(figure.add_axes((0.03, 0.29, 0.28, 0.28 * SLIDE[0] / SLIDE[1])), case, look, HEAD)
    if case.curve:
        draw_loss(figure.add_axes((0.07, 0.11, 0.235, 0.14)), case, (look.step,))
    for row, (stage, chosen) in enumerate(channels.items()):
        middle = grid[row, 0].get_position(figure)
        figure.text(0.46, (middle.y0 + middle.y1) / 2, stage, fontsize=HEAD, ha="right", va="center")
        for column, channel in enumerate(chosen):
            _draw_map(figure.add_subplot(grid[row, column]), look.maps[stage][channel])
    _write_head(figure, f"step {look.step} of {case.steps[-1]}", case.title, case)
    return figure


def draw_loss(axes: Axes, case: Case, at: Sequence[int]) -> None:
    """The loss over the steps, evenly to 10 and by factors from there on, with dots at some steps.

    What stands at a step was measured since the one before, so that the first holds back to the beginning.
    """
    steps, losses = np.array(((case.steps[0], case.curve[0][1]), *case.curve)).T
    axes.plot(steps, losses, "-", color=ink(axes), linewidth=2)
    axes.plot(at, np.interp(at, steps, losses), "o", color=PALETTE[1], markeredgecolor=ink(axes), markersize=13,
              zorder=3, clip_on=False)
    axes.set_xscale("symlog", linthresh=10, linscale=0.4)
    wide = axes.get_position().width > 0.5
    axes.set_xticks(case.steps if wide else sorted({case.steps[0], *case.steps[1:-1:3], case.steps[-1]}))
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlim=(case.steps[0], case.steps[-1]), ylim=(0, None))
    axes.set_xlabel("steps of training", fontsize=WORDS)
    axes.set_ylabel("loss", fontsize=WORDS)
    axes.tick_params(labelsize=SMALL)
    keep_style(axes)
    calm(axes)


def _draw_answer(axes: Axes, case: Case, look: Look, size: int) -> None:
    draw_slice(axes, case.flair)
    draw_mask(axes, look.mask, NETWORK)
    if case.reference is not None:
        draw_mask(axes, case.reference, REFERENCE, tint=0)
    axes.set_title("answer" if look.dice is None else f"Dice {look.dice:.2f}", fontsize=size)


def _draw_map(axes: Axes, values: Float[np.ndarray, "h w"]) -> None:
    # Where several values share a dot, they are averaged before they are coloured: blue and yellow would make brown.
    axes.imshow(values, cmap="viridis", interpolation="auto", interpolation_stage="data")
    axes.set_axis_off()


def _write_head(figure: Figure, title: str, below: str, case: Case) -> None:
    figure.text(0.03, 0.965, title, fontsize=TITLE, va="top", weight="bold")
    figure.text(0.03, 0.89, below, fontsize=WORDS, va="top")
    figure.text(0.97, 0.02, SCALE, fontsize=SMALL, ha="right")
    keys = [Patch(color=NETWORK, label="network")]
    if case.reference is not None:
        keys.append(Patch(color=REFERENCE, label="expert"))
    figure.legend(handles=keys, loc="upper right", bbox_to_anchor=(0.98, 0.98), ncols=2, frameon=False, fontsize=HEAD,
                  handlelength=1, columnspacing=1.2)
