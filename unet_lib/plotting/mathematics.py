"""The figures of lesson 07: numbers in grids, graphs of numbers with gradients, maps of one block, pulls of losses.

Arrays in, a Figure out; knows no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

from unet_lib.plotting.base import calm, draw_signed, empty_figure, new_figure
from unet_lib.plotting.style import PALETTE, blend, faint, ink, series

Numbers = Sequence[float] | np.ndarray
BACK = PALETTE[1]
"""The colour of gradients in graphs."""


@dataclass(frozen=True, slots=True)
class Node:
    """A number in a graph: where it stands, its name, its value, and its gradient ("" for none)."""

    x: float
    y: float
    name: str
    value: str
    gradient: str = ""


def number_grids(grids: Mapping[str, Float[np.ndarray, "h w"]],
                 boxes: Mapping[str, Sequence[tuple[int, int, int, int]]] | None = None, width: float = 9.0) -> Figure:
    """A few pixels each, large, with their numbers in them; blue negative, white zero, red positive, a scale for each.

    `boxes` outlines parts of a grid by its title: (top, left, height, width), counted from 0.
    """
    gap, rows = 1.0, max(grid.shape[0] for grid in grids.values())
    columns = sum(grid.shape[1] + gap for grid in grids.values())
    cell = min(width / columns, 0.5)
    figure = empty_figure(cell * columns, cell * rows + 0.45)
    left = gap / 2
    for title, grid in grids.items():
        height, wide = grid.shape
        bottom = (rows - height) / 2 * cell / (cell * rows + 0.45)
        panel = figure.add_axes((left / columns, bottom, wide / columns, height * cell / (cell * rows + 0.45)))
        _grid(panel, grid, title, (boxes or {}).get(title, ()))
        left += wide + gap
    return figure


def _grid(panel: Axes, grid: Float[np.ndarray, "h w"], title: str, boxes: Sequence[tuple[int, int, int, int]]) -> None:
    reach = max(float(np.abs(grid).max()), 1e-9)
    panel.imshow(grid, cmap="RdBu_r", vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto")
    for (row, column), number in np.ndenumerate(grid):
        panel.text(column, row, f"{number:g}".replace("-", "−"), ha="center", va="center", fontsize=11, color="black")
    for top, left, height, wide in boxes:
        panel.add_patch(Rectangle((left - 0.5, top - 0.5), wide, height, fill=False, linewidth=2.5,
                                  edgecolor=PALETTE[0], clip_on=False))
    panel.set(xticks=[], yticks=[])
    panel.set_title(title, fontsize=10)
    for spine in panel.spines.values():
        spine.set(visible=True, color=faint(panel))


def computation_graph(nodes: Sequence[Node], edges: Mapping[tuple[str, str], str], title: str = "",
                      width: float = 9.0, height: float = 3.6) -> Figure:
    """A graph of numbers: values above, gradients below, and on each arrow the local derivative.

    `edges` are (from, to) → what stands on the arrow. Node coordinates run from 0 to the largest, x right and y up.
    """
    figure = empty_figure(width, height, layout="constrained")
    axes = figure.subplots()
    by_name = {node.name: node for node in nodes}
    boxes = {node.name: _node(axes, node) for node in nodes}
    for (start, end), words in edges.items():
        _arrow(axes, by_name[start], by_name[end], boxes[start], boxes[end], words)
    xs, ys = [node.x for node in nodes], [node.y for node in nodes]
    axes.set(xlim=(min(xs) - 0.55, max(xs) + 0.55), ylim=(min(ys) - 0.6, max(ys) + 0.6), title=title)
    axes.axis("off")
    axes.plot([], [], " ", label="in the box: name and value")
    axes.plot([], [], "-", color=BACK, label="below: gradient")
    axes.plot([], [], "-", color=faint(axes, 0.6), label="on the arrow: local derivative")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, handlelength=1.2)
    return figure


def _node(axes: Axes, node: Node) -> Patch | None:
    """Draws the node; the outline of its box, where arrows end."""
    paper = axes.get_facecolor()
    box = {"boxstyle": "round,pad=0.35", "facecolor": paper, "edgecolor": ink(axes)}
    words = axes.text(node.x, node.y, f"{node.name}\n{node.value}", ha="center", va="center", fontsize=11,
                      color=ink(axes), linespacing=1.25, zorder=3, bbox=box)
    if node.gradient:
        axes.annotate(node.gradient, (node.x, node.y), xytext=(0, -24), textcoords="offset points", ha="center",
                      va="top", fontsize=11, fontweight="bold", color=blend(BACK, ink(axes), 0.2), zorder=5,
                      bbox={"boxstyle": "round,pad=0.1", "facecolor": paper, "edgecolor": "none"})
    return words.get_bbox_patch()


def _arrow(axes: Axes, start: Node, end: Node, tail: Patch | None, tip: Patch | None, words: str) -> None:
    # Above the boxes: where these end is known only once they are drawn.
    axes.add_patch(FancyArrowPatch((start.x, start.y), (end.x, end.y), arrowstyle="-|>", mutation_scale=13,
                                   shrinkA=2, shrinkB=2, patchA=tail, patchB=tip, color=faint(axes, 0.6),
                                   linewidth=1.3, zorder=4))
    axes.text(start.x + 0.5 * (end.x - start.x), start.y + 0.5 * (end.y - start.y), words, ha="center", va="center",
              fontsize=9.5, color=ink(axes), zorder=5,
              bbox={"boxstyle": "round,pad=0.15", "facecolor": axes.get_facecolor(), "edgecolor": "none"})


def map_row(maps: Mapping[str, Float[np.ndarray, "h w"]], width: float = 9.0) -> Figure:
    """What stands at several points of one path, a panel each: signed maps around 0, others from 0 on in viridis."""
    figure, axes = new_figure(1, len(maps), width=width, height=width / len(maps) + 0.75)
    for panel, (title, values) in zip(axes[0], maps.items(), strict=True):
        if values.min() < 0:
            draw_signed(panel, values, title)
            continue
        reach = max(float(np.quantile(values, 0.995)), 1e-9)
        panel.imshow(values, cmap="viridis", vmin=0, vmax=reach, interpolation="nearest")
        panel.set(xticks=[], yticks=[])
        panel.set_title(title, fontsize=10)
        panel.set_xlabel(f"colours from 0 to {reach:.3g}", fontsize=9)
    return figure


def turned_weight(values: Numbers, losses: Numbers, now: float, loss: float, slope: float) -> Figure:
    """The loss while one weight is turned and all others stay; the tangent at what the weight is now."""
    figure, ((axes,),) = new_figure(width=7.2, height=3.4)
    axes.plot(values, losses, color=ink(axes), linewidth=2, label="the loss")
    reach = (max(values) - min(values)) / 4
    ends = np.array([now - reach, now + reach])
    axes.plot(ends, loss + slope * (ends - now), "--", color=BACK, linewidth=2, label="its slope here")
    axes.plot([now], [loss], "o", color=BACK, markersize=9, label="as trained")
    axes.set(xlabel="one weight", ylabel="loss of two slices", title="One weight is turned, all others stay")
    axes.legend()
    calm(axes)
    return figure


def receptive_walk(widths: Mapping[str, int]) -> Figure:
    """How many neighbouring values decide one output pixel, from the output back to the image: a bar a stage.

    `widths` by stage, from the output backwards; a linear axis from 0, so that doubling is seen.
    """
    figure, ((axes,),) = new_figure(width=8.4, height=0.9 + 0.3 * len(widths))
    names, numbers = list(widths), np.array(list(widths.values()))
    colours = [PALETTE[0] if name.startswith(("up", "decoder", "output")) else PALETTE[3] for name in names]
    bars = axes.barh(range(len(names)), numbers, color=colours)
    axes.bar_label(bars, [f"{number} × {number}" for number in numbers], padding=4, fontsize=9, color=ink(axes))
    axes.set(yticks=range(len(names)), xlabel="pixels of that stage's input, on one side", xlim=(0, 1.2 * max(numbers)),
             title="What one output pixel sees at most, walked back from the output (top) to the image (bottom)")
    axes.set_yticklabels([f"into {name}" for name in names])
    axes.invert_yaxis()
    calm(axes)
    axes.grid(visible=False)
    return figure


def loss_pulls(logits: Numbers, pulls: Mapping[str, Mapping[str, Numbers]]) -> Figure:
    """How hard each loss pulls a pixel's logit, on a logarithmic axis: a panel for each kind of pixel."""
    figure, axes = new_figure(1, len(pulls), width=9.0, height=3.5, sharey=True)
    for panel, (title, losses) in zip(axes[0], pulls.items(), strict=True):
        for number, (name, values) in enumerate(losses.items()):
            style = series(panel, number) | {"marker": None}
            panel.semilogy(logits, values, linewidth=2.2, label=name, **style)
        panel.set(title=title, xlabel="logit of the pixel")
        panel.axvline(0, color=faint(panel), linewidth=0.8)
        calm(panel)
    axes[0, 0].set_ylabel("pull, times the number of pixels")
    axes[0, -1].legend()
    return figure


def gradient_routes(routes: Mapping[str, Float[np.ndarray, "seeds levels 2"]]) -> Figure:
    """The norm of the gradient that reaches each encoder, over the skip and from below: a line a seed."""
    figure, axes = new_figure(1, len(routes), width=9.0, height=3.3, sharey=True)
    for panel, (title, norms) in zip(axes[0], routes.items(), strict=True):
        levels = np.arange(1, norms.shape[1] + 1)
        for way, name in enumerate(("over the skip", "from below")):
            for seed, values in enumerate(norms[..., way]):
                panel.semilogy(levels, values, markersize=5, label="" if seed else name, **series(panel, way))
        panel.set(title=title, xlabel="encoder level", xticks=levels)
        calm(panel)
    axes[0, 0].set_ylabel("norm of the gradient")
    axes[0, -1].legend()
    return figure
