"""Figures of a training: seeds, means and marks are where the numbers say."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from words_in_figures import words_are_whole_and_apart

from unet_lib import plotting
from unet_lib.plotting.style import PALETTE

TRAINING = [[1.0, 0.6, 0.3, 0.1], [1.2, 0.8, 0.5]]
VALIDATION = [[1.1, 0.7, 0.8, 0.9], [1.3, 0.9, 1.0]]
FEW = {"training": TRAINING, "validation": VALIDATION}


def named(axes, label):
    """The lines with this label; those that a legend leaves out have a dash below before it."""
    return [line for line in axes.get_lines() if line.get_label().lstrip("_") == label]


def words(figure):
    marks = [word for axes in figure.axes for word in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)]
    return [*marks, *(text for legend in figure.legends for text in legend.get_texts())]


def test_seeds_are_thin_and_their_mean_is_thick():
    axes, = plotting.training_and_validation({"few": FEW}).axes
    for name, colour, style in (("training", "#888888", "--"), ("validation", "#000000", "-")):
        runs = FEW[name]
        thin, (mean,) = named(axes, f"{name}, one seed"), named(axes, name)
        assert [list(line.get_ydata()) for line in thin] == runs
        assert [line.get_xdata().tolist() for line in thin] == [[1, 2, 3, 4], [1, 2, 3]]
        assert mean.get_ydata() == pytest.approx(np.mean([run[:3] for run in runs], axis=0))
        assert all(line.get_linewidth() < mean.get_linewidth() / 2 for line in thin)
        assert {(to_hex(line.get_color()), line.get_linestyle()) for line in (*thin, mean)} == {(colour, style)}


def test_the_best_epoch_is_marked_by_the_mean_in_validation():
    axes, = plotting.training_and_validation({"few": FEW}).axes
    star, = named(axes, "best epoch 2")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (2, pytest.approx(0.8))
    assert [text.get_text() for text in axes.texts] == ["best epoch 2: 0.80"]


def test_of_a_score_the_highest_is_best():
    scores = {"training": [[0.2, 0.5, 0.9]], "validation": [[0.1, 0.6, 0.5]]}
    figure = plotting.training_and_validation({"a": scores}, "F1", best="highest", ylim=(0, 1))
    axes, = figure.axes
    assert [text.get_text() for text in axes.texts] == ["best epoch 2: 0.60"]
    assert axes.get_ylim() == (0, 1) and axes.get_ylabel() == "F1"
    assert not named(axes, "validation, one seed"), "a single seed is its own mean"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training", "validation", "best epoch"]


def test_two_panels_share_their_y_axis_and_no_words_are_cut():
    figure = plotting.training_and_validation({"few patients, no augmentation": FEW, "with augmentation": {
        name: [np.array(run) + 3 for run in runs] for name, runs in FEW.items()}})
    one, other = figure.axes
    assert one.get_ylim() == other.get_ylim() and one.get_ylim()[0] < 0.1 and one.get_ylim()[1] > 4.3
    assert [axes.get_title() for axes in figure.axes] == ["few patients, no augmentation", "with augmentation"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "training", "validation", "one seed", "best epoch"]
    words_are_whole_and_apart(figure, words(figure))


def test_the_range_test_marks_the_chosen_rate_and_the_point_of_divergence():
    rates, losses = np.geomspace(1e-4, 1, 5), [1.0, 0.8, 0.4, 0.6, 30.0]
    figure = plotting.learning_rate_range(rates, losses, chosen=1e-3, divergence=0.1)
    axes, = figure.axes
    curve, chosen, divergence, cross = axes.get_lines()
    assert axes.get_xscale() == "log" and curve.get_xydata() == pytest.approx(np.stack([rates, losses], 1))
    assert chosen.get_xdata() == [1e-3, 1e-3] and divergence.get_xdata() == [0.1, 0.1]
    assert cross.get_xydata() == pytest.approx(np.array([[0.1, 0.6]]))
    assert [text.get_text() for text in axes.texts] == ["chosen: 0.001", "diverges: 0.1"]
    assert len({to_hex(line.get_color()) for line in (curve, chosen, divergence)}) == 3
    assert axes.get_ylim()[1] < 2.5, "the last loss squeezes the others"
    words_are_whole_and_apart(figure, words(figure))


@pytest.mark.parametrize("last", [np.nan, np.inf])
def test_a_loss_that_is_no_number_spoils_no_range_test(last):
    axes, = plotting.learning_rate_range([1e-3, 1e-2, 1e-1], [1.0, 0.5, last], 1e-2, 1e-1).axes
    assert np.isfinite(axes.get_ylim()).all()
    assert axes.get_lines()[-1].get_ydata() == [1.0]
    assert not [text for text in plotting.learning_rate_range([1e-3, 1e-2], [1.0, 0.5], 1e-2).axes[0].texts
                if "diverges" in text.get_text()]


def test_close_marks_of_a_range_test_do_not_overlap():
    for chosen, divergence in ((0.01, 0.012), (0.012, 0.01)):
        figure = plotting.learning_rate_range([1e-3, 1e-2, 1e-1], [1.0, 0.5, 0.7], chosen, divergence)
        words_are_whole_and_apart(figure, words(figure))


@pytest.mark.parametrize("mesh", [False, True])
def test_a_landscape_has_light_contours_a_named_minimum_and_the_paths(mesh):
    w, b = np.linspace(-2, 4, 31), np.linspace(-9, 3, 41)
    height = 0.1 + (w[None] - 2)**2 + (b[:, None] + 4)**2
    paths = {"gradient descent": np.array([[-1.0, 1.0], [0.0, 0.0]]), "Adam": np.array([[-1.0, 1.0], [1.9, -4.0]])}
    over = np.meshgrid(w, b) if mesh else (w, b)
    figure = plotting.loss_landscape(*over, height, paths, (2.0, -4.0), ("w", "bias"))
    axes, = figure.axes
    contour, = axes.collections
    grey = np.array(contour.get_edgecolor()[0][:3])
    assert grey.min() > 0.5 and np.ptp(grey) < 0.01 and height.min() < contour.levels[0]
    for at, level in zip(contour.get_paths(), contour.levels, strict=True):
        across, up = at.vertices.T
        assert 0.1 + (across - 2)**2 + (up + 4)**2 == pytest.approx(np.full(len(up), level), abs=0.1)
    one, other, start, lowest = axes.get_lines()
    assert (one.get_xydata() == paths["gradient descent"]).all() and (other.get_xydata() == paths["Adam"]).all()
    assert [to_hex(line.get_color()).upper() for line in (one, other)] == list(PALETTE[:2])
    assert one.get_marker() != other.get_marker() and one.get_linestyle() != other.get_linestyle()
    assert lowest.get_marker() == "x" and lowest.get_xydata().tolist() == [[2, -4]]
    assert start.get_xydata().tolist() == [[-1, 1]], "a start that all share is marked once"
    assert {"start", "minimum"} <= {text.get_text() for text in axes.texts}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(paths)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("w", "bias")


def test_the_loss_of_a_pixel_is_the_logarithm_of_what_was_right():
    axes, = plotting.per_pixel_loss().axes
    tumour, other = axes.get_lines()
    assert tumour.get_ydata() == pytest.approx(-np.log(tumour.get_xdata()))
    assert other.get_ydata() == pytest.approx(-np.log(1 - np.asarray(other.get_xdata())))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "a tumour pixel: −log p", "a healthy pixel: −log(1 − p)"]
