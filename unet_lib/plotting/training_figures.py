"""A training in figures: its loss and its search for the lowest point. Numbers in, a Figure out; knows no model."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from unet_lib.plotting.base import calm, new_figure
from unet_lib.plotting.style import PALETTE, faint, ink, series, strongest

Numbers = Sequence[float] | np.ndarray
Runs = Sequence[Numbers] | np.ndarray
"""One curve a seed, one value an epoch; they need not be equally long."""


def training_and_validation(panels: Mapping[str, Mapping[str, Runs]], ylabel: str = "loss",
                            best: Literal["lowest", "highest"] = "lowest",
                            ylim: tuple[float, float] | None = None) -> Figure:
    """Panels with one y-axis, by title; in each `{"training": runs, "validation": runs}`, a curve for each seed.

    Every seed is a thin line, their mean a thick one, as far as all seeds go. A star marks the epoch whose mean in
    validation is best: there early stopping would take the weights.
    """
    figure, axes = new_figure(1, len(panels), width=min(9.6, 4.6 * len(panels) + 0.6), height=3.7, sharey=True)
    for panel, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for name, runs in curves.items():
            mean = _draw_runs(panel, name, runs)
            if name == "validation":
                _mark_best(panel, mean, best)
        panel.set(title=title, xlabel="epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        calm(panel)
    axes[0, 0].set_ylabel(ylabel)
    if ylim:
        axes[0, 0].set_ylim(*ylim)
    _explain(figure, axes[0, 0], several=any(len(runs) > 1 for curves in panels.values() for runs in curves.values()))
    return figure


def _draw_runs(axes: Axes, name: str, runs: Runs) -> Float[np.ndarray, "e"]:
    """All seeds and their mean, which is returned."""
    look = series(axes, 0, name) | {"marker": ""}
    for run in runs if len(runs) > 1 else ():
        axes.plot(_epochs(run), run, linewidth=0.9, alpha=0.5, label=f"_{name}, one seed", **look)
    shortest = min(map(len, runs))
    mean = np.mean([np.asarray(run, float)[:shortest] for run in runs], axis=0)
    axes.plot(_epochs(mean), mean, linewidth=2.6, label=name, **look)
    return mean


def _mark_best(axes: Axes, mean: Float[np.ndarray, "e"], best: Literal["lowest", "highest"]) -> None:
    place = int(np.nanargmin(mean) if best == "lowest" else np.nanargmax(mean))
    axes.axvline(place + 1, color=PALETTE[1], linestyle=":", linewidth=1.4, zorder=1)
    axes.plot([place + 1], [mean[place]], "*", color=PALETTE[1], markeredgecolor=strongest(axes), markersize=15,
              zorder=4, label=f"_best epoch {place + 1}")
    right = place + 1 > 0.6 * len(mean)
    # Where the curves are not: high above the lowest point, below the highest.
    height, side, gap = (1, "top", -3) if best == "lowest" else (0, "bottom", 3)
    axes.annotate(f"best epoch {place + 1}: {mean[place]:.2f}", (place + 1, height), xytext=(-5 if right else 5, gap),
                  xycoords=("data", "axes fraction"), textcoords="offset points", ha="right" if right else "left",
                  va=side, fontsize=9, color=ink(axes), bbox=_paper(axes))


def _explain(figure: Figure, axes: Axes, several: bool) -> None:
    handles = axes.get_legend_handles_labels()[0]
    if several:
        handles.append(Line2D([], [], color=ink(axes), linewidth=0.9, alpha=0.6, label="one seed"))
    handles.append(Line2D([], [], color=PALETTE[1], linestyle=":", marker="*", markersize=11, label="best epoch",
                          markeredgecolor=strongest(axes)))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=3)


def _epochs(values: Numbers) -> Int[np.ndarray, "e"]:
    return np.arange(1, len(values) + 1)


def learning_rate_range(rates: Numbers, losses: Numbers, chosen: float, divergence: float | None = None) -> Figure:
    """The loss while the learning rate grows at every step, on a logarithmic axis (Smith 2017, "range test").

    `chosen` and `divergence` are learning rates: the one to train with, and the one from which the loss only grows.
    Losses above twice the first one are cut off.
    """
    figure, ((axes,),) = new_figure(width=6.4, height=3.8)
    losses = np.asarray(losses, float)
    finite = losses[np.isfinite(losses)]
    low, top = float(finite.min()), min(float(finite.max()), 2 * float(finite[0]))
    margin = 0.08 * (top - low)
    axes.semilogx(rates, losses, "-", color=PALETTE[0], linewidth=2)
    axes.axvline(chosen, color=PALETTE[3], linestyle="--", linewidth=1.8)
    side: Literal["left", "center", "right"] = "center"
    if divergence:
        side = "right" if divergence > chosen else "left"
    _name_above(axes, chosen, f"chosen: {chosen:.2g}", side)
    if divergence:
        height = float(np.interp(np.log(divergence), np.log(rates), np.nan_to_num(losses, nan=top, posinf=top)))
        axes.axvline(divergence, color=PALETTE[1], linestyle=":", linewidth=1.4, zorder=1)
        axes.plot([divergence], [min(height, top)], "X", color=PALETTE[1], markeredgecolor=strongest(axes),
                  markersize=11, zorder=3)
        _name_above(axes, divergence, f"diverges: {divergence:.2g}", "left" if side == "right" else "right")
    axes.set(xlabel="learning rate, growing at every step", ylabel="training loss", ylim=(low - margin, top + margin))
    axes.set_title("learning-rate range test", pad=22)
    calm(axes)
    return figure


def _name_above(axes: Axes, x: float, text: str, side: Literal["left", "center", "right"]) -> None:
    aside = {"left": 2, "center": 0, "right": -2}[side]
    axes.annotate(text, (x, 1), xytext=(aside, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
                  ha=side, va="bottom", fontsize=9, color=ink(axes))


def loss_landscape(w: Float[np.ndarray, "*wide"], b: Float[np.ndarray, "*high"], height: Float[np.ndarray, "m n"],
                   paths: Mapping[str, Float[np.ndarray, "_ 2"]], minimum: tuple[float, float],
                   names: tuple[str, str] = ("weight w", "bias b")) -> Figure:
    """Contour lines of a loss over two parameters, and the ways that optimisers took through it.

    `w` and `b` are the axes of `height` ([n] and [m], or both [m, n] from `np.meshgrid`); a path is [steps, 2], each
    row a `w` and a `b`. `minimum` is the lowest point.
    """
    figure, ((axes,),) = new_figure(width=6.6, height=4.8)
    low, high = float(height.min()), float(height.max())
    lines = axes.contour(w, b, height, levels=low + (high - low) * np.geomspace(1e-3, 0.9, 13),
                         colors=faint(axes, 0.45), linewidths=0.8)
    axes.clabel(lines, lines.levels[4::2], fmt="%.2g", fontsize=9, colors=ink(axes))
    for number, (name, path) in enumerate(paths.items()):
        axes.plot(*np.asarray(path).T, linewidth=1.8, markersize=4.5, label=name, zorder=4, **series(axes, number))
    for start in {tuple(path[0]) for path in paths.values()}:
        _name_point(axes, start, "start", "o")
    _name_point(axes, minimum, "minimum", "x")
    axes.set(title="the loss, as heights on a map", xlabel=names[0], ylabel=names[1])
    figure.legend(loc="outside lower center", ncols=max(1, len(paths)), handlelength=3)
    return figure


def _name_point(axes: Axes, at: tuple[float, float], text: str, marker: str) -> None:
    axes.plot(*at, marker, color=strongest(axes), markersize=11, markeredgewidth=2.6, markerfacecolor="none", zorder=5)
    axes.annotate(text, at, xytext=(9, 7), textcoords="offset points", fontsize=10, weight="bold", zorder=6,
                  color=strongest(axes), bbox=_paper(axes))


def _paper(axes: Axes) -> dict[str, Any]:
    """A ground for words among lines."""
    return {"facecolor": axes.get_facecolor(), "edgecolor": "none", "alpha": 0.75, "pad": 1}


def per_pixel_loss() -> Figure:
    """Binary cross-entropy of one pixel over the network's probability: −log p of a tumour pixel, else −log(1 − p)."""
    figure, ((axes,),) = new_figure(width=6, height=3.6)
    p = np.linspace(0.005, 0.995, 199)
    for number, (name, loss) in enumerate({"a tumour pixel: −log p": -np.log(p),
                                           "a healthy pixel: −log(1 − p)": -np.log(1 - p)}.items()):
        axes.plot(p, loss, linewidth=2.2, markevery=22, label=name, **series(axes, number))
    axes.set(title="what one pixel adds to the loss", xlabel="p, the network's probability of tumour",
             ylabel="loss of this pixel", xlim=(0, 1), ylim=(0, None))
    axes.legend(loc="upper center", labelcolor=ink(axes), handlelength=3)
    calm(axes)
    return figure
