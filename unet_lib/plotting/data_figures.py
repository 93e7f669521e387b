"""Figures of a data set: its slices on a map, grey levels of heads, a threshold's false alarms, scores in pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Real
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from unet_lib.plotting.base import calm
from unet_lib.plotting.style import PALETTE, REFERENCE, ink, strongest

FALSE_ALARM = PALETTE[2]


def draw_slice_map(axes: Axes, patient_of: Int[np.ndarray, "n"], numbers: Int[np.ndarray, "n"],
                   values: Real[np.ndarray, "n"], **look: Any) -> AxesImage:
    """One row per patient and one box per slice, in the colour of its value; returns the image for a colour bar.

    `patient_of` counts patients from 0, `numbers` their slices from 1; `look` goes to matplotlib's imshow.
    """
    board = np.full((patient_of.max() + 1, numbers.max()), np.nan)
    board[patient_of, numbers - 1] = values
    axes.set(xlabel="slice number, from the bottom of the head to the top", ylabel="patient")
    return axes.imshow(board, aspect="auto", interpolation="nearest",
                       extent=(0.5, board.shape[1] + 0.5, len(board) + 0.5, 0.5), **look)


def draw_spreads(axes: Axes, quartiles: Sequence[Float[np.ndarray, "3"]]) -> None:
    """A bar for each patient from the first to the third quartile, with a dot at the median."""
    low, middle, high = np.transpose(quartiles)
    at = np.arange(1, len(middle) + 1)
    axes.vlines(at, low, high, color=PALETTE[0], linewidth=3)
    axes.plot(at, middle, "o", color=ink(axes), markersize=4)
    calm(axes)


def draw_threshold(axes: Axes, tumour: Int[np.ndarray, "256"], rest: Int[np.ndarray, "256"], threshold: int) -> None:
    """Pixels of each grey level inside and outside the masks; what lies at the threshold or above is filled."""
    levels = np.arange(256)
    axes.plot(levels, rest, color=ink(axes), linestyle="--", linewidth=1.6, label="healthy")
    axes.plot(levels, tumour, color=REFERENCE, linewidth=1.6, label="tumour")
    called = levels >= threshold
    axes.fill_between(levels, rest, where=called, color=FALSE_ALARM, alpha=0.6, label="false alarms")
    axes.fill_between(levels, tumour, where=called, color=REFERENCE, alpha=0.6, label="tumour found")
    axes.axvline(threshold, color=ink(axes), linewidth=1, label="best threshold")
    axes.set(xlabel="FLAIR grey level", ylabel="pixels", ylim=(0, None))
    axes.legend(frameon=False, labelcolor=ink(axes))
    calm(axes)


def draw_pairs(axes: Axes, scores: Float[np.ndarray, "n 2"], names: tuple[str, str], title: str) -> None:
    """A thin line for each pair of scores, and a thick one for their means."""
    axes.plot((0, 1), scores.T, "o-", color=PALETTE[2], alpha=0.45, markersize=4, linewidth=1)
    axes.plot((0, 1), scores.mean(axis=0), "s-", color=strongest(axes), linewidth=3, label="mean")
    axes.set(title=title, xlim=(-0.25, 1.25))
    axes.set_xticks((0, 1), names)
    calm(axes)
