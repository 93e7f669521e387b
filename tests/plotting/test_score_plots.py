"""Figures of scores: every patient is where the numbers say, and no words are cut or overlap."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from words_in_figures import words_are_whole_and_apart

from unet_lib import plotting

GROUPS = {"site": {"CS": [0.9, 0.4, 0.7], "DU": [0.8]},
          "size of the tumour (pixels)": {"small (1,213–18,940)": [0.9, 0.7], "middle (19,814–45,024)": [0.8],
                                          "large (46,179–155,170)": [0.4]},
          "missing sequence": {"nothing": [0.9, 0.4, 0.7, 0.8]}}


def made_up(number, sites=("CS", "DU", "EZ", "FG", "HT")):
    rng = np.random.default_rng(0)
    chosen = rng.choice(sites, number).tolist()
    return [f"{site} {index:04d}" for index, site in enumerate(chosen)], rng.random(number), chosen


def test_boxes_show_quartiles_and_every_patient():
    _, axes = plotting.new_figure()
    values = [0.1, 0.5, 0.6, 0.7, 0.9]
    plotting.scores.draw_boxes(axes[0, 0], {"one": values, "other (1–2)": [0.3]}, "A title")
    box, least, most = axes[0, 0].get_lines()[:3]
    assert sorted(set(box.get_ydata())) == pytest.approx([0.5, 0.7])
    assert {*least.get_ydata(), *most.get_ydata()} == {0.5, 0.1, 0.7, 0.9}
    dots = [line for line in axes[0, 0].get_lines() if line.get_marker() == "o"]
    assert len(axes[0, 0].get_lines()) == 6 + len(dots)  # one box: sides, whiskers and ends, median
    assert [list(line.get_ydata()) for line in dots] == [values, [0.3]]
    assert np.abs(dots[0].get_xdata()).max() <= 0.2 and len(set(dots[0].get_xdata())) == 5
    assert [label.get_text() for label in axes[0, 0].get_xticklabels()] == ["one\nn = 5", "other\n(1–2)\nn = 1"]


def test_a_sheet_of_boxes_has_a_panel_a_grouping_and_cuts_no_words():
    sheet = plotting.scores.box_sheet(GROUPS)
    assert [axes.get_title() for axes in sheet.axes] == list(GROUPS)
    words_are_whole_and_apart(sheet, [text for axes in sheet.axes for text in (axes.title, *axes.get_xticklabels())])


def test_bars_go_from_the_worst_to_the_best_in_their_sites_colours():
    figure = plotting.scores.ranked_bars(["CS 1", "DU 2", "CS 3"], np.array([0.9, 0.2, 0.5]), ["CS", "DU", "CS"])
    axes, = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0.2, 0.5, 0.9]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["DU 2", "CS 3", "CS 1"]
    first, second, third = (to_hex(bar.get_facecolor()) for bar in axes.patches)
    assert second == third != first
    assert [line.get_ydata()[0] for line in axes.get_lines()] == [pytest.approx(1.6 / 3), 0.84]
    legend, = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["mean 0.53", "two experts: 0.84", "CS", "DU"]


@pytest.mark.parametrize("number", [2, 24, 88, 110])
def test_names_are_legible_up_to_the_whole_data_set(number):
    figure = plotting.scores.ranked_bars(*made_up(number))
    assert len(figure.axes) == (1 if number <= 60 else 2) and figure.get_figwidth() <= 10.5
    labels = [label for axes in figure.axes for label in axes.get_xticklabels()]
    words_are_whole_and_apart(figure, [*labels, *figure.legends[0].get_texts(), figure.axes[-1].xaxis.label])
    assert len(labels) == number and min(label.get_fontsize() for label in labels) >= 9


def test_two_rows_of_bars_go_on_from_one_to_the_other():
    names, dice, sites = made_up(88)
    upper, lower = plotting.scores.ranked_bars(names, dice, sites).axes
    assert [bar.get_height() for axes in (upper, lower) for bar in axes.patches] == sorted(dice)
    assert [axes.get_xticklabels()[0].get_text() for axes in (upper, lower)] == [
        names[i] for i in np.argsort(dice)[[0, 44]]]
    assert upper.get_xlim()[1] - upper.get_xlim()[0] == lower.get_xlim()[1] - lower.get_xlim()[0]


def test_sites_differ_in_hatching_too_and_in_no_colour_of_a_mask():
    figure = plotting.scores.ranked_bars(*made_up(60))
    looks = {(to_hex(bar.get_facecolor()).upper(), bar.get_hatch()) for bar in figure.axes[0].patches}
    assert len({colour for colour, _ in looks}) == len({hatch for _, hatch in looks}) == len(looks) == 5
    assert not {plotting.NETWORK, plotting.REFERENCE} & {colour for colour, _ in looks}


def test_more_names_than_fit_are_left_out():
    axes, = plotting.scores.ranked_bars(*made_up(300)).axes
    assert len(axes.patches) == 300 and not axes.get_xticklabels()


def test_twelve_sites_have_a_colour_each_in_turn():
    sites = [f"PH-{letter}" for letter in "ABCDEFGHIJKL"]
    figure = plotting.scores.ranked_bars(*made_up(60, sites))
    words_are_whole_and_apart(figure, figure.legends[0].get_texts())
    assert len(figure.legends[0].get_texts()) == 14


def test_the_worst_are_shown_with_both_outlines():
    flair = np.full((32, 32), 50, np.uint8)
    reference = np.zeros((32, 32), bool)
    reference[8:20, 8:20] = True
    case = ("CS 0001, slice 7\nDice of the patient 0.31", flair, ~reference, reference)
    sheet = plotting.scores.worst_sheet([case] * 5)
    assert len(sheet.axes) == 5
    for axes in sheet.axes:
        assert (axes.get_images()[0].get_array() == 50).all() and axes.get_images()[0].get_clim() == (0, 255)
        colours = [to_hex(outline.get_edgecolor()[0]) for outline in axes.collections]
        assert [colour.upper() for colour in colours] == [plotting.NETWORK, plotting.REFERENCE]
    words_are_whole_and_apart(sheet, [*(axes.title for axes in sheet.axes), *sheet.legends[0].get_texts()])


def test_one_case_without_any_mask_is_a_sheet_too():
    nothing = np.zeros((32, 32), bool)
    sheet = plotting.scores.worst_sheet([("CS 0001", np.zeros((32, 32), np.uint8), nothing, nothing)])
    assert [text.get_text() for text in sheet.legends[0].get_texts()] == ["network", "expert"]


def test_precision_and_recall_stand_on_lines_of_equal_f1():
    figure, ((axes,),) = plotting.new_figure(width=5)
    precision, recall = np.array([0.5, 0.8, 1.0]), np.array([0.9, 0.6, 0.1])
    plotting.scores.draw_precision_recall(axes, precision, recall, "one patient")
    curve, = axes.get_lines()
    assert curve.get_xdata().tolist() == recall.tolist() and curve.get_ydata().tolist() == precision.tolist()
    lines, = axes.collections
    for level, paths in zip(lines.levels, lines.get_paths(), strict=True):
        across, up = paths.vertices.T
        assert 2 * across * up / (across + up) == pytest.approx(np.full(len(up), level), abs=5e-3)
    words_are_whole_and_apart(figure, [axes.xaxis.label, axes.yaxis.label])


def test_the_gap_between_confidence_and_observed_frequency_is_drawn():
    figure, ((axes,),) = plotting.new_figure(width=4)
    confidence, observed = np.array([0.05, 0.5, np.nan, 0.95]), np.array([0.2, 0.3, np.nan, 0.9])
    plotting.scores.draw_reliability(axes, confidence, observed)
    diagonal, dots = axes.get_lines()
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert dots.get_xdata() == pytest.approx(confidence, nan_ok=True)
    assert dots.get_ydata() == pytest.approx(observed, nan_ok=True)
    gaps, = axes.collections
    assert [sorted(gap[:, 1]) for gap in gaps.get_segments() if len(gap)] == [[0.05, 0.2], [0.3, 0.5], [0.9, 0.95]]
    words_are_whole_and_apart(figure, [axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels()])


def test_uncertainty_shows_outlines_probability_standard_deviation_and_both_kinds_of_error():
    figure, axes = plotting.new_figure(1, 4, width=9.6)
    row, column = np.indices((32, 32))
    reference, probability = column < 16, np.where(row < 16, 0.9, 0.1)
    plotting.scores.draw_uncertainty(axes[0], np.full((32, 32), 50, np.uint8), probability, probability / 3, reference)
    _, middle, std, errors = axes[0]
    assert (middle.get_images()[0].get_array() == probability).all()
    assert np.allclose(std.get_images()[0].get_array(), 2 * probability / 3)
    false_positive, missed = (image.get_array()[..., 3] > 0 for image in errors.get_images()[1:])
    assert (false_positive == ((row < 16) & (column >= 16))).all() and (missed == ((row >= 16) & (column < 16))).all()
    colours = [to_hex(image.get_array()[0, 0, :3]).upper() for image in errors.get_images()[1:]]
    assert colours == [plotting.NETWORK, plotting.REFERENCE]
    words_are_whole_and_apart(figure, [panel.title for panel in axes[0]])


def test_a_report_card_ranks_the_patients_around_their_mean():
    lines = ["mean Dice 0.50 [0.30, 0.70]", "lesions found: 3 of 4"]
    figure = plotting.scores.report_card("a network", {"b": 0.9, "a": 0.1, "c": 0.5}, (0.3, 0.7), lines)
    chart, words = figure.axes
    mean, dots = chart.get_lines()
    assert mean.get_ydata()[0] == pytest.approx(0.5) and list(dots.get_ydata()) == [0.1, 0.5, 0.9]
    assert words.texts[0].get_text().split("\n\n") == lines
    words_are_whole_and_apart(figure, [chart.title, chart.xaxis.label, *words.texts, *chart.get_legend().get_texts()])
