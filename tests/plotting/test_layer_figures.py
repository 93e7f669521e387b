"""Figures of levels and layers: every number is drawn and written where it belongs."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from words_in_figures import words_are_whole_and_apart

from unet_lib import plotting
from unet_lib.models.architecture import plan
from unet_lib.plotting.layer_figures import BINARY, DECIMAL, in_units

LEVELS = ["level 1", "level 2", "bottleneck"]
COSTS = {"parameters": [86e3, 1.36e6, 14.2e6], "multiply-adds": [10.3e9, 11.4e9, 3.6e9],
         "activation memory": [130 * 2**20, 65 * 2**20, 4 * 2**20]}
LABELS = {"parameters": ["86 k", "1.36 M", "14.2 M"], "multiply-adds": ["10.3 G", "11.4 G", "3.6 G"],
          "activation memory": ["130 MiB", "65 MiB", "4 MiB"]}
LAYERS = ["encoder.1", "encoder.2", "bottleneck", "decoder.1"]


def test_costs_are_bars_with_their_numbers_from_the_first_level_down():
    figure = plotting.level_costs(LEVELS, *COSTS.values())
    assert [axes.get_title() for axes in figure.axes] == ["activation memory", "multiply-adds", "parameters"]
    for axes in figure.axes:
        assert [bar.get_width() for bar in axes.patches] == COSTS[axes.get_title()]
        assert [text.get_text() for text in axes.texts] == LABELS[axes.get_title()]
        assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first level is not at the top"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == LEVELS
    assert len({to_hex(axes.patches[0].get_facecolor()) for axes in figure.axes}) == 3
    assert len({axes.patches[0].get_hatch() for axes in figure.axes}) == 3
    named = [*figure.axes[0].get_yticklabels(), *(axes.title for axes in figure.axes)]
    words_are_whole_and_apart(figure, [*named, *(text for axes in figure.axes for text in axes.texts)])


def test_a_plans_own_numbers_keep_inside_their_panels():
    stages = [stage for stage in plan(3, 64, 4, 256) if stage.kind == "DoubleConv"]
    figure = plotting.level_costs([stage.name for stage in stages], [stage.parameters for stage in stages],
                                  [stage.multiply_adds for stage in stages], [stage.kept_bytes() for stage in stages])
    words_are_whole_and_apart(figure, [*figure.axes[0].get_yticklabels(),
                                       *(text for axes in figure.axes for text in axes.texts)])


@pytest.mark.parametrize(("value", "units", "written"), [
    (0, DECIMAL, "0"), (7, DECIMAL, "7"), (999, DECIMAL, "999"), (999.6, DECIMAL, "1 k"), (1234, DECIMAL, "1.23 k"),
    (31_037_633, DECIMAL, "31 M"), (999_999, DECIMAL, "1 M"), (48.2e9, DECIMAL, "48.2 G"), (3e15, DECIMAL, "3000 T"),
    (1000, BINARY, "1000 B"), (1023.7, BINARY, "1 KiB"), (130 * 2**20, BINARY, "130 MiB"),
    (1.5 * 2**30, BINARY, "1.5 GiB")])
def test_numbers_are_written_in_three_digits(value, units, written):
    assert in_units(value, *units) == written


@pytest.mark.parametrize("draw", [plotting.activation_stds, plotting.gradient_norms])
def test_a_line_a_network_over_the_layers_in_order(draw):
    networks = {"sound": [1.0, 1.1, 0.9, 1.0], "vanishing": np.array([1.0, 0.1, 0.01, 0.001])}
    figure = draw(networks, LAYERS)
    axes, = figure.axes
    assert axes.get_yscale() == "log"
    for line, (name, values) in zip(axes.get_lines(), networks.items(), strict=True):
        assert line.get_label() == name
        assert line.get_xydata() == pytest.approx(np.stack([np.arange(1, 5), values], 1))
    looks = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in axes.get_lines()]
    assert all(one != other for one, other in zip(*looks, strict=True))
    assert [label.get_text() for label in axes.get_xticklabels()] == LAYERS
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(networks)
    words_are_whole_and_apart(figure, [*figure.legends[0].get_texts(), axes.title, axes.yaxis.label])


def test_the_legend_stands_outside_the_axes():
    figure = plotting.gradient_norms({"a network with a long name": [1.0, 2.0]})
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x0 >= figure.axes[0].get_window_extent().x1


def test_layers_without_names_are_numbered():
    axes, = plotting.activation_stds({"one": [1.0, 2.0], "deeper": [1.0, 2.0, 3.0]}).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert axes.get_xlabel() == "layer, from the input on"


def test_a_zero_is_drawn_and_named_although_the_axis_is_logarithmic():
    axes, = plotting.activation_stds({"sound": [1.0, 0.5, 0.2], "dead": [1.0, 0.0, 0.0]}).axes
    sound, dead, zero = axes.get_lines()
    assert list(sound.get_ydata()) == [1.0, 0.5, 0.2]
    assert dead.get_ydata() == pytest.approx([1.0, 10**-1.5, 10**-1.5])
    assert list(zero.get_ydata()) == pytest.approx([10**-1.5, 10**-1.5])
    assert [text.get_text() for text in axes.texts] == ["exactly 0"]
    assert not plotting.activation_stds({"sound": [1.0, 0.5]}).axes[0].texts


def test_a_network_of_zeros_alone_is_a_figure_too():
    axes, = plotting.gradient_norms({"cut off": [0.0, 0.0], "not a number": [np.nan, np.inf]}).axes
    assert list(axes.get_lines()[0].get_ydata()) == [1.0, 1.0]


def test_signed_maps_share_one_scale_and_leave_the_outside_blank():
    inside = np.zeros((9, 8), bool)
    inside[2:7, 3:7] = True
    maps = {"even": np.full((9, 8), -2.0), "loud outside": np.where(inside, 1.0, 99.0), "third": np.zeros((9, 8))}
    figure = plotting.signed_maps(maps, inside, columns=2)
    *panels, bar = figure.axes
    assert [panel.get_title() for panel in panels] == [*maps, ""]
    assert {image.get_clim() for panel in panels for image in panel.images} == {(-2.0, 2.0)}
    assert [panel.images[0].get_array().shape for panel in panels[:3]] == [(5, 4)] * 3
    assert bar.get_ylabel() == "response"
    words_are_whole_and_apart(figure, [panel.title for panel in panels[:3]])


def test_a_hole_in_the_inside_is_blank():
    inside = np.ones((6, 6), bool)
    inside[2, 3] = False
    image, = plotting.signed_maps({"one": np.ones((6, 6))}, inside).axes[0].images
    assert np.argwhere(np.ma.getmaskarray(image.get_array())).tolist() == [[2, 3]]
