"""Slices side by side with outlines, each panel with its title. Arrays in, a Figure out; knows no model."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Shaped, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unet_lib.plotting.base import draw_mask, draw_slice, new_figure
from unet_lib.plotting.style import NETWORK, REFERENCE

WIDEST, PANEL = 10.0, 2.5
"""Inches: of a figure, and of a panel where there is room."""


def mask_comparison(flair: UInt8[np.ndarray, "n h w"], reference: Shaped[np.ndarray, "n h w"],
                    masks: Mapping[str, Shaped[np.ndarray, "n h w"]], titles: Sequence[str] = (),
                    outline: str = "the expert's outline") -> Figure:
    """A row a slice: FLAIR with the expert's outline, then each of the masks with it, and below these their Dice.

    `masks` are the answers of several networks by their names, of {0, 1} like `reference`. `titles` name the slices;
    left out, they are numbered from 1. `outline` names the reference's.
    """
    figure, axes = _grid(len(flair), 1 + len(masks))
    for row, panels in enumerate(axes):
        draw_slice(panels[0], flair[row], titles[row] if titles else f"slice {row + 1}")
        draw_mask(panels[0], reference[row], REFERENCE, outline, tint=0)
        for panel, (name, mask) in zip(panels[1:], masks.items(), strict=True):
            draw_slice(panel, flair[row], name)
            draw_mask(panel, mask[row], NETWORK, "a network's mask")
            draw_mask(panel, reference[row], REFERENCE, tint=0)
            panel.set_xlabel(f"Dice {dice(mask[row], reference[row]):.2f}", fontsize=9)
    _explain(figure, (axes[0, 0], *axes[0, 1:2]))
    return figure


def batch_gallery(flair: UInt8[np.ndarray, "n h w"], masks: Shaped[np.ndarray, "n h w"], titles: Sequence[str] = (),
                  columns: int = 4) -> Figure:
    """The slices of a batch with the expert's outlines, in rows of so many; `titles` as in `mask_comparison`."""
    columns = min(columns, len(flair))
    figure, axes = _grid(-(-len(flair) // columns), columns)
    for number, panel in enumerate(axes.flat):
        if number >= len(flair):
            panel.axis("off")
            continue
        draw_slice(panel, flair[number], titles[number] if titles else f"slice {number + 1}")
        draw_mask(panel, masks[number], REFERENCE, "the expert's outline")
    _explain(figure, axes[0, :1])
    return figure


def dice(one: Shaped[np.ndarray, "h w"], other: Shaped[np.ndarray, "h w"]) -> float:
    """Of two masks of {0, 1}; 1 where both are empty. The same number as `metrics.count(…).dice()`."""
    one, other = np.asarray(one) > 0, np.asarray(other) > 0
    both = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / both if both else 1.0


def _grid(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    side = min(PANEL, WIDEST / columns)
    figure, axes = new_figure(rows, columns, width=max(3.0, side * columns), height=0.4 + (side + 0.45) * rows)
    figure.set_layout_engine("compressed")  # square images: the plain layout would leave gaps
    return figure, axes


def _explain(figure: Figure, panels: Sequence[Axes] | np.ndarray) -> None:
    """A legend below, from the outlines of these panels."""
    handles = [handle for panel in panels for handle in panel.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
