"""Channels before and after training: every map, dot and bar is where its number says, in colours that are said."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from words_in_figures import words_are_whole_and_apart

from unet_lib.plotting.channel_figures import auc_strips, before_after, iou_and_chance, probe_scores, tissue_counts
from unet_lib.plotting.style import REFERENCE

MASK = np.zeros((16, 16), bool)
MASK[4:8, 6:12] = True
BEFORE = {"encoder.1": {"channel 3": np.linspace(0, 1, 256).reshape(16, 16), "channel 0": np.full((16, 16), 0.5)},
          "bottleneck": {"channel 9": np.zeros((2, 2)), "channel 7": np.ones((2, 2))}}
AFTER = {"encoder.1": {"channel 5": np.linspace(0, 100, 256).reshape(16, 16), "channel 1": np.zeros((16, 16))},
         "bottleneck": {"channel 4": np.eye(2), "channel 2": np.eye(2)}}


def maps_of(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def test_a_stages_maps_before_and_after_share_one_scale_which_is_written_down():
    figure = before_after(BEFORE, AFTER, MASK)
    assert [axes.get_title() for axes in maps_of(figure)] == [
        title for stage in BEFORE for side in (BEFORE, AFTER) for title in side[stage]]
    limits = [axes.images[0].get_clim() for axes in maps_of(figure)]
    for row, stage in enumerate(BEFORE):
        every = np.concatenate([values.ravel() for side in (BEFORE, AFTER) for values in side[stage].values()])
        assert set(limits[4 * row:4 * row + 4]) == {tuple(np.quantile(every, [0.02, 0.98]))}
    bars = [axes for parent in maps_of(figure) for axes in parent.child_axes]
    assert [[label.get_text() for label in bar.get_yticklabels()] for bar in bars] == [["0", "92"], ["0", "1"]]
    assert {text.get_text() for axes in figure.axes for text in axes.texts} == {"before training", "after training"}


def test_the_outline_lies_on_every_map_at_its_full_size():
    for axes in maps_of(before_after(BEFORE, AFTER, MASK)):
        outline, = (one for one in axes.collections if np.allclose(one.get_edgecolor(), to_rgba(REFERENCE)))
        corners = outline.get_paths()[0].vertices
        assert corners.min(axis=0) == pytest.approx([5.5, 3.5], abs=0.01)
        assert corners.max(axis=0) == pytest.approx([11.5, 7.5], abs=0.01)
        assert axes.images[0].get_extent() == [-0.5, 15.5, 15.5, -0.5]


def test_every_channel_is_a_dot_at_its_auc_beside_its_stage():
    figure = auc_strips({"before": {"encoder.1": [0.5, 0.6], "bottleneck": [0.2, 0.9, 0.4]},
                         "after": {"encoder.1": [0.1, 0.95], "bottleneck": [0.5, 0.5, 1.0]}})
    lines = [line for line in figure.axes[0].get_lines() if line.get_marker() not in ("None", None)]
    assert [list(line.get_ydata()) for line in lines] == [[0.5, 0.6], [0.2, 0.9, 0.4], [0.1, 0.95], [0.5, 0.5, 1.0]]
    for line, (left, right) in zip(lines, [(-0.4, 0), (0.6, 1), (0, 0.4), (1, 1.4)], strict=True):
        assert (left <= np.asarray(line.get_xdata())).all() and (np.asarray(line.get_xdata()) <= right).all()


def test_bars_say_how_many_channels_show_each_tissue_and_lines_how_many_by_chance():
    counts = {"before": {"scalp": 4}, "after": {"scalp": 7, "tumour": 12}}
    figure = tissue_counts(counts, 368, {"before": 1, "after": 2})
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [4, 0, 7, 12]
    assert [text.get_text() for text in axes.texts] == ["4", "0", "7", "12"]
    assert [line.get_xdata()[0] for line in axes.get_lines()] == [1, 2]
    assert axes.get_xlabel() == "channels, of 368"
    words_are_whole_and_apart(figure, [*axes.get_yticklabels(), *axes.texts])


def test_channels_above_chance_have_their_tissues_colour_and_the_others_none():
    figure = iou_and_chance({"before": ([0.1, 0.2], [0.1, 0.2], ["scalp", "tumour"]),
                             "after": ([0.5, 0.2, 0.13], [0.1, 0.19, 0.1], ["tumour", "scalp", "tumour"])})
    before, after = figure.axes
    assert before.get_title() == "before: 0 of 2 show a tissue" and after.get_title() == "after: 1 of 3 show a tissue"
    dots = {line.get_label(): line.get_xydata().tolist() for line in after.get_lines()[:2]}
    assert dots == {"none": [[0.19, 0.2], [0.1, 0.13]], "tumour": [[0.1, 0.5]]}
    (low, high), (raised, _) = (line.get_ydata() for line in after.get_lines()[2:])
    assert low == 0 and raised == pytest.approx(0.04) and high == after.get_xlim()[1]


def test_a_probes_line_goes_through_the_means_of_its_runs():
    figure = probe_scores(["a", "b"], {"untrained": [[0.1, 0.2], [0.3, 0.4]], "trained": [[0.6, 0.8]]}, 0.47)
    lines = figure.axes[0].get_lines()
    assert set(lines[0].get_ydata()) == {0.47} and "the image alone: 0.47" in figure.axes[0].texts[0].get_text()
    means = {line.get_label(): list(line.get_ydata()) for line in lines if not line.get_label().startswith("_")}
    assert means == {"untrained": pytest.approx([0.2, 0.3]), "trained": pytest.approx([0.6, 0.8])}
    assert [list(line.get_ydata()) for line in lines[1:3]] == [[0.1, 0.2], [0.3, 0.4]]
