"""Figures that compare recipes: dots, bars and lines are where the numbers say, and words are whole."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from words_in_figures import words_are_whole_and_apart

from unet_lib.plotting import comparisons
from unet_lib.plotting.comparisons import DOWN, UP


def line(axes, label):
    return next(line for line in axes.get_lines() if line.get_label() == label)


def words(figure):
    return [word for axes in figure.axes for word in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)]


def test_a_row_rises_from_the_worst_patient_to_the_best():
    axes, = (figure := comparisons.score_rows({"one": [0.9, 0.2, 0.7], "other": [0.5, 0.6]}, "a title")).axes
    dots, median, mean = axes.get_lines()[:3]
    assert list(dots.get_xdata()) == [0.2, 0.7, 0.9] and (np.diff(dots.get_ydata()) < 0).all()
    assert median.get_xdata()[0] == 0.7 and mean.get_xdata()[0] == pytest.approx(0.6)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["median", "mean"], "each once"
    words_are_whole_and_apart(figure, words(figure))


def test_gains_stand_in_order_in_two_colours_with_their_mean():
    figure = comparisons.gains_in_order({"step 1": [0.3, -0.1, 0.1], "step 2": [-0.2, 0.0, 0.05]})
    panel = figure.axes[0]
    assert [bar.get_height() for bar in panel.patches] == [-0.1, 0.1, 0.3]
    assert [bar.get_facecolor()[:3] for bar in panel.patches] == [to_rgb(DOWN), to_rgb(UP), to_rgb(UP)]
    assert "better 2, worse 1" in panel.get_title() and "better 1, worse 1" in figure.axes[1].get_title()
    assert panel.texts[0].get_text() == "mean +0.100"
    words_are_whole_and_apart(figure, words(figure))


def test_the_two_intervals_of_a_step_lie_above_each_other():
    figure = comparisons.two_intervals({"step 1": ((0.1, 0.3), (0.0, 0.5), [0.1, 0.4]),
                                        "step 2": ((-0.1, 0.1), (-0.2, 0.3), [0.0, 0.1])})
    axes, = figure.axes
    patients, folds, means = (line(axes, name) for name in ("95 % over patients", "95 % over folds",
                                                            "mean gain of one fold"))
    assert [list(bar.get_xdata()) for bar in (patients, folds)] == [[0.1, 0.3], [0.0, 0.5]]
    assert list(means.get_xdata()) == [0.1, 0.4] and means.get_ydata()[0] == folds.get_ydata()[0]
    assert len(figure.legends[0].get_texts()) == 3
    words_are_whole_and_apart(figure, words(figure))


def test_repeated_runs_begin_with_the_best_mean_and_show_every_run():
    figure = comparisons.repeated_runs({"worse": [0.5], "better": [0.6, 0.8]}, (0.6, 0.65), "a title", "mean Dice")
    axes, = figure.axes
    assert [text.get_text() for text in axes.texts] == ["better", "worse"]
    assert list(axes.get_lines()[0].get_xdata()) == [0.6, 0.8]
    words_are_whole_and_apart(figure, words(figure))


def test_luck_has_a_curve_for_each_measurement():
    axes, = comparisons.luck_by_number((1, 5), (0.0, 0.03), (0.0, 0.001)).axes
    assert list(line(axes, "when it was chosen").get_ydata()) == [0.0, 0.03]
    assert list(line(axes, "measured again").get_ydata()) == [0.0, 0.001]


def test_patients_that_fail_are_named_beside_their_mark():
    figure = comparisons.dice_by_size({"old": ([3_000, 40_000], [0.4, 0.9]), "new": ([9_000], [0.8])}, 0.7,
                                      {"AB_1": (3_000, 0.4), "AB_2": (9_000, 0.8)}, "whom it fails", left=["AB_2"])
    axes, = figure.axes
    assert axes.get_xscale() == "log" and [text.get_text() for text in axes.texts] == ["AB_1", "AB_2"]
    assert [text.get_ha() for text in axes.texts] == ["left", "right"]
    assert axes.texts[0].xy == (3_000, 0.4)
    assert [label.get_text() for label in axes.get_xticklabels()][:2] == ["2,000", "5,000"]
    assert line(axes, "old").get_marker() != line(axes, "new").get_marker()


def test_a_card_holds_gains_and_words():
    figure = comparisons.comparison_card("3 patients", [0.2, -0.1, 0.4], ["A beside B", "Verdict: open."])
    assert len(figure.axes[0].patches) == 3
    assert figure.axes[1].texts[0].get_text() == "A beside B\n\nVerdict: open."
    words_are_whole_and_apart(figure, words(figure))
