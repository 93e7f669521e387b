"""Figures of a data set: each box, bar and line is where the numbers say."""

import numpy as np
from matplotlib.colors import to_rgb

from unet_lib.plotting import REFERENCE, new_figure
from unet_lib.plotting.data_figures import FALSE_ALARM, draw_pairs, draw_slice_map, draw_spreads, draw_threshold


def panel():
    return new_figure()[1][0, 0]


def test_each_slice_has_a_box_at_its_patient_and_number():
    image = draw_slice_map(panel(), np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]), np.array([5, 6, 7, 8]), vmin=0)
    assert np.array_equal(image.get_array().filled(-1), [[5, 6, -1], [-1, 7, 8]])
    assert image.get_extent() == [0.5, 3.5, 2.5, 0.5], "whole numbers lie in the middle of their box"


def test_a_bar_reaches_from_quartile_to_quartile():
    axes = panel()
    draw_spreads(axes, [np.array([1.0, 2.0, 4.0]), np.array([3.0, 3.5, 5.0])])
    assert [path.vertices.tolist() for path in axes.collections[0].get_paths()] == [[[1, 1], [1, 4]], [[2, 3], [2, 5]]]
    assert axes.get_lines()[0].get_ydata().tolist() == [2.0, 3.5]


def test_only_levels_from_the_threshold_on_are_filled():
    axes, levels = panel(), np.arange(256)
    draw_threshold(axes, np.where(levels < 120, 10, 0), np.full(256, 50), 77)
    alarms, found = axes.collections
    assert (to_rgb(alarms.get_facecolor()[0]), to_rgb(found.get_facecolor()[0])) == (to_rgb(FALSE_ALARM),
                                                                                    to_rgb(REFERENCE))
    for filled, (low, high) in ((alarms, (0, 50)), (found, (0, 10))):
        corners = filled.get_paths()[0].vertices
        at_threshold = corners[corners[:, 0] == 77, 1]
        assert (corners[:, 0].min(), at_threshold.min(), at_threshold.max()) == (77, low, high)
    named = {text.get_text() for text in axes.get_legend().get_texts()}
    assert named == {"healthy", "tumour", "best threshold", "false alarms", "tumour found"}


def test_a_line_for_each_pair_and_one_for_the_mean():
    axes = panel()
    draw_pairs(axes, np.array([[0.8, 0.2], [0.6, 0.4]]), ("known", "new"), "two pairs")
    assert [list(line.get_ydata()) for line in axes.get_lines()][:2] == [[0.8, 0.2], [0.6, 0.4]]
    assert np.allclose(axes.get_lines()[2].get_ydata(), [0.7, 0.3])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["known", "new"]
