"""Figures of what was found inside a network: points, intervals and masks are where the numbers say."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba
from words_in_figures import words_are_whole_and_apart

from unet_lib.plotting.inspection_figures import (
    WIDTH,
    ChannelTaste,
    channel_effects,
    edited_slice,
    embedding_panels,
    heat_panels,
    skip_effects,
    taste_rows,
)
from unet_lib.plotting.style import NETWORK, PALETTE, REFERENCE

DRAW = np.random.default_rng(2)
ROW, COLUMN = np.indices((64, 64))
MASK = (ROW > 20) & (ROW < 30) & (COLUMN > 30) & (COLUMN < 44)
FLAIR = (2 * COLUMN + 10).astype(np.uint8)
NAMES = ("air", "skull", "fluid", "grey", "white", "tumour")


def words(figure):
    inside = [word for axes in figure.axes for word in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label,
                                                        *axes.get_yticklabels())]
    return [*inside, *(text for legend in figure.legends for text in legend.get_texts())]


def test_each_kind_has_its_points_and_tumour_lies_above():
    kinds, points = np.array([1, 2, 5, 5, 4]), DRAW.normal(size=(2, 5, 2))
    figure = embedding_panels({"step 0: AUC 0.50": points[0], "step 9: AUC 0.75": points[1]}, kinds, NAMES)
    for axes, plane in zip(figure.axes, points, strict=True):
        drawn = {cloud.get_label(): cloud for cloud in axes.collections}
        assert list(drawn) == ["skull", "fluid", "white", "tumour"]
        np.testing.assert_allclose(drawn["tumour"].get_offsets(), plane[2:4])
        assert drawn["tumour"].zorder > drawn["white"].zorder
        assert to_hex(drawn["tumour"].get_facecolor()[0]) == to_hex(PALETTE[1])
        assert to_hex(drawn["white"].get_facecolor()[0]) == to_hex(PALETTE[0])
    words_are_whole_and_apart(figure, words(figure))


def test_patches_and_the_made_image_stand_in_one_row():
    patches, image = DRAW.integers(0, 90, (4, 16, 16), np.uint8), DRAW.normal(size=(3, 20, 20))
    tastes = [ChannelTaste("decoder.1, 3", patches, [9.0, 8, 7, 6], image, 12.3),
              ChannelTaste("encoder.1, 0", patches[:2], [1.0, 0.5], image, 2.0)]
    figure = taste_rows(tastes)
    axes = np.array(figure.axes).reshape(2, 7)
    assert [panel.get_title() for panel in axes[0]] == [
        "patch: 9.0", "patch: 8.0", "patch: 7.0", "patch: 6.0", "made: pre", "made: FLAIR, 12.3", "made: post"]
    assert np.array_equal(axes[0, 1].images[0].get_array(), patches[1])
    assert np.array_equal(axes[1, 5].images[0].get_array(), image[1])
    assert {panel.images[0].get_clim() for panel in axes[:, :2].flat} == {(0, patches.max())}
    assert not axes[1, 2].images and not axes[1, 2].axison
    assert figure.get_size_inches()[0] <= WIDTH
    words_are_whole_and_apart(figure, words(figure))


def test_channels_are_sorted_by_what_they_tell_and_intervals_are_drawn():
    auc, lost = np.array([[0.55, 0.05, 0.9], [0.1, 0.0, 0.3]])
    ends = [(0.05, 0.2), (-0.1, 0.1), (0.2, 0.35)]
    left, right = channel_effects(auc, lost, np.array(ends)).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["channel 0", "channel 2", "channel 1"]
    assert left.get_lines()[0].get_xdata().tolist() == [0.55, 0.9, 0.05]
    assert right.get_lines()[0].get_xdata().tolist() == [0.1, 0.3, 0.0]
    assert [tuple(line[:, 0]) for line in right.collections[0].get_segments()] == [ends[0], ends[2], ends[1]]
    figure = channel_effects(np.full(8, 0.5), np.zeros(8), np.zeros((8, 2)))
    words_are_whole_and_apart(figure, words(figure))


def test_each_change_of_a_skip_has_a_row_a_level_in_each_panel():
    found = {how: DRAW.normal(size=(3, 3)).cumsum(axis=1) for how in ("zeroed", "mean", "swapped")}
    figure = skip_effects({"real": found, "phantoms": found}, ["level 1", "level 2", "all"])
    for axes in figure.axes:
        lines = {line.get_label(): line for line in axes.get_lines()}
        for how, numbers in found.items():
            assert lines[how].get_xdata() == pytest.approx(numbers[:, 0])
            assert np.round(lines[how].get_ydata()).tolist() == [0, 1, 2]
    segments = figure.axes[1].collections[2].get_segments()
    assert [segment[1, 0] for segment in segments] == pytest.approx(found["swapped"][:, 2])
    words_are_whole_and_apart(figure, words(figure))


def test_the_edit_is_shown_close_to_the_tumour_with_both_masks():
    after, larger = np.where(MASK, 200, FLAIR).astype(np.uint8), np.roll(MASK, 2, axis=0) | MASK
    figure = edited_slice(FLAIR, after, (MASK, larger), MASK, margin=4)
    assert [axes.get_title() for axes in figure.axes] == [
        "FLAIR, as it is", "FLAIR, edited", "network, as it is", "network, edited"]
    one, other = (axes.images[0].get_array() for axes in figure.axes[:2])
    assert one.shape == other.shape and max(one.shape) <= 13 + 2 * 4
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0, 200)}
    tint = figure.axes[3].images[1].get_array()
    assert (tint[..., 3] > 0).sum() == larger.sum() and tuple(tint[0, 0, :3]) == to_rgba(NETWORK)[:3]
    assert to_hex(figure.axes[3].collections[1].get_edgecolor()[0]) == to_hex(REFERENCE)
    words_are_whole_and_apart(figure, words(figure))


def test_heat_covers_the_slice_whatever_its_size():
    figure = heat_panels(FLAIR, {"trained": np.eye(8), "random": np.eye(4)}, MASK)
    one, other = figure.axes[1:]
    assert [axes.get_title() for axes in figure.axes] == ["FLAIR", "trained", "random"]
    assert one.images[0].get_extent() == other.images[0].get_extent() == [-0.5, 63.5, 63.5, -0.5]
    assert one.images[0].get_clim() == (0, 1) and one.images[0].get_cmap().name == "viridis"
    words_are_whole_and_apart(figure, words(figure))
