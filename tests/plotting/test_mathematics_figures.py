"""The figures of lesson 07 show the numbers they are given, where they are given."""

import numpy as np
import pytest
from drawn_figures import FIGURES
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch
from words_in_figures import drawn, words_are_whole_and_apart

from unet_lib.plotting import mathematics
from unet_lib.plotting.mathematics import Node
from unet_lib.plotting.style import NETWORK, REFERENCE

OURS = ("number_grids", "computation_graph", "map_row", "turned_weight", "receptive_walk", "loss_pulls",
        "gradient_routes")


def test_a_grid_holds_its_numbers_at_their_place_and_all_cells_are_alike():
    grids = {"small": np.array([[1.0, -2], [0, 0.5]]), "large": np.arange(12.0).reshape(3, 4)}
    figure = mathematics.number_grids(grids, {"large": [(1, 2, 2, 1)]}, width=6)
    drawn(figure)
    for panel, (title, grid) in zip(figure.axes, grids.items(), strict=True):
        written = {text.get_position(): text.get_text() for text in panel.texts}
        assert panel.get_title() == title
        numbers = {(column, row): f"{number:g}".replace("-", "−") for (row, column), number in np.ndenumerate(grid)}
        assert written == numbers
    sizes = [panel.get_window_extent().width / grid.shape[1] for panel, grid in zip(figure.axes, grids.values())]
    heights = [panel.get_window_extent().height / len(grid) for panel, grid in zip(figure.axes, grids.values())]
    assert np.allclose([*sizes, *heights], sizes[0])
    box, = figure.axes[1].patches
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((1.5, 0.5), 1, 2)


def test_a_graph_shows_values_gradients_and_local_derivatives():
    nodes = [Node(0, 0, "x", "2", "6"), Node(1, 0, "L", "6")]
    axes, = mathematics.computation_graph(nodes, {("x", "L"): "slope 3"}, "title", 6).axes
    assert {text.get_text() for text in axes.texts} >= {"x\n2", "L\n6", "slope 3"}
    assert [text.get_text() for text in axes.texts if text.get_weight() == "bold"] == ["6"]


def span(patch):
    """The leftmost and the rightmost point of a patch, in pixels."""
    extents = patch.get_path().get_extents(patch.get_transform())
    return extents.x0, extents.x1


def test_arrows_end_outside_the_boxes():
    nodes = [Node(0, 0, "x", "2"), Node(1, 0.2, "a very long name", "6")]
    figure = mathematics.computation_graph(nodes, {("x", "a very long name"): "1"}, "title", 6)
    drawn(figure)
    axes, = figure.axes
    arrow, = (patch for patch in axes.patches if isinstance(patch, FancyArrowPatch))
    boxes = [text.get_bbox_patch() for text in axes.texts if "\n" in text.get_text()]
    (_, first), (second, _) = map(span, boxes)
    assert first < span(arrow)[0] < span(arrow)[1] < second


def test_signed_maps_lie_around_zero_and_others_begin_there():
    figure = mathematics.map_row({"signed": np.array([[-1.0, 3.0]]), "from 0": np.array([[0.0, 2.0]])})
    signed, positive = (panel.images[0] for panel in figure.axes)
    assert signed.norm.vmin == -signed.norm.vmax and signed.cmap.name == "RdBu_r"
    assert positive.norm.vmin == 0 and positive.cmap.name == "viridis"
    assert all(panel.get_xlabel().startswith("colours from") for panel in figure.axes)


def test_the_tangent_has_the_slope_and_touches_the_curve():
    axes, = mathematics.turned_weight([0, 1, 2], [0, 1, 4], 1.0, 1.0, 2.0).axes
    (x0, x1), (y0, y1) = axes.lines[1].get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(2) and (x0 + x1) / 2 == 1 and (y0 + y1) / 2 == pytest.approx(1)


def test_bars_end_at_their_widths():
    axes, = mathematics.receptive_walk({"output": 1, "decoder.1": 5, "bottleneck": 9}).axes
    assert [bar.get_x() + bar.get_width() for bar in axes.patches] == pytest.approx([1, 5, 9])
    assert axes.get_xscale() == "linear" and axes.get_xlim()[0] == 0
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["into output", "into decoder.1", "into bottleneck"]


def test_each_seed_is_a_line_and_each_way_is_named_once():
    figure = mathematics.gradient_routes({"one": np.arange(1.0, 17).reshape(2, 4, 2)})
    lines = figure.axes[0].lines
    assert [list(line.get_ydata()) for line in lines] == [[1, 3, 5, 7], [9, 11, 13, 15], [2, 4, 6, 8], [10, 12, 14, 16]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["over the skip", "from below"]


@pytest.mark.parametrize("name", OURS)
def test_words_are_legible_and_the_masks_colours_are_not_used(name):
    figure = FIGURES[name]()
    texts = [text for panel in figure.axes for text in (panel.title, *panel.texts)]
    words_are_whole_and_apart(figure, texts)
    assert all(text.get_fontsize() >= 9 for text in texts if text.get_text())
    colours = {to_hex(line.get_color()).upper() for panel in figure.axes for line in panel.lines}
    assert not colours & {REFERENCE, NETWORK}
