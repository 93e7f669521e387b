"""Slides of feature maps: every map is where its title says, and no words are cut or overlap."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from words_in_figures import words_are_whole_and_apart

from unet_lib import plotting
from unet_lib.plotting.features import Case, Look, film_frame, stage_sheet

ROW, COLUMN = np.indices((32, 32))
REFERENCE = (ROW > 10) & (ROW < 20) & (COLUMN > 4) & (COLUMN < 14)
FLAIR = (40 + 4 * COLUMN).astype(np.uint8)
STEPS, CURVE = (0, 10, 40, 160), tuple((step, 1 / step) for step in range(10, 161, 10))
CASE = Case("TCGA_PH_C004_19870422, slice 17", FLAIR, REFERENCE, STEPS, CURVE)


def look(step, dice=0.5):
    draw = np.random.default_rng(step)
    return Look(step, {"encoder.1": draw.random((8, 32, 32)), "bottleneck": draw.random((16, 2, 2))},
                REFERENCE & (COLUMN < 9), dice)


def pictures(figure):
    """What is drawn in each panel that has a picture, by its row and column on the slide."""
    panels = [axes for axes in figure.axes if axes.get_images()]
    ordered = sorted(panels, key=lambda axes: (-round(axes.get_position().y0, 2), axes.get_position().x0))
    return [axes.get_images()[0].get_array() for axes in ordered]


def words(figure):
    labels = [label for axes in figure.axes for label in (axes.title, axes.xaxis.label, axes.yaxis.label)]
    ticks = [tick for axes in figure.axes if not axes.get_images() for tick in axes.get_xticklabels()]
    return [*figure.texts, *labels, *ticks, *figure.legends[0].get_texts()]


def test_a_sheet_shows_the_same_channels_before_and_after():
    before, after = look(0, 0.0), look(160, 0.87)
    sheet = stage_sheet(CASE, before, after, "encoder.1", [1, 4, 6])
    shown = pictures(sheet)
    wanted = [FLAIR, *before.maps["encoder.1"][[1, 4, 6]], FLAIR, *after.maps["encoder.1"][[1, 4, 6]], FLAIR]
    assert len(shown) == len(wanted) and all(map(np.array_equal, shown, wanted))
    said = [text.get_text() for text in words(sheet)]
    assert {"Dice 0.00", "Dice 0.87", "channel 1", "channel 4", "channel 6", "before\nstep 0", "after\nstep 160"} <= {
        *said}
    assert any("of its 8 channels the 3 with most energy after training, 32×32 pixels each" in text for text in said)


def test_a_sheet_of_one_network_has_one_row():
    sheet = stage_sheet(CASE, None, look(160), "encoder.1", [1, 4])
    wanted = [FLAIR, *look(160).maps["encoder.1"][[1, 4]], FLAIR]
    assert len(pictures(sheet)) == len(sheet.axes) == 4 and all(map(np.array_equal, pictures(sheet), wanted))
    said = " ".join(text.get_text() for text in words(sheet))
    assert "before" not in said and "after" not in said and "step" not in said


@pytest.mark.parametrize("before", [look(0), None], ids=["before and after", "alone"])
@pytest.mark.parametrize("chosen", [[0], range(6), range(8)])
@pytest.mark.parametrize("stage", ["encoder.1", "bottleneck"])
def test_no_words_of_a_sheet_are_cut_or_overlap(stage, chosen, before):
    sheet = stage_sheet(CASE, before, look(160), stage, list(chosen))
    words_are_whole_and_apart(sheet, words(sheet))


def test_maps_have_colours_of_their_own():
    sheet = stage_sheet(CASE, look(0), look(160), "encoder.1", [3])
    panel = next(axes for axes in sheet.axes if axes.get_title() == "channel 3")
    values = look(0).maps["encoder.1"][3]
    assert panel.get_images()[0].get_clim() == (values.min(), values.max())


def test_outlines_are_the_networks_and_the_experts():
    first = stage_sheet(CASE, look(0), look(160), "encoder.1", [3]).axes[0]
    assert [to_hex(outline.get_edgecolor()[0]).upper() for outline in first.collections] == [
        plotting.NETWORK, plotting.REFERENCE]
    alone = stage_sheet(Case("x", FLAIR, None, STEPS, CURVE), look(0, None), look(160, None), "encoder.1", [3])
    assert len(alone.axes[0].collections) == 1 and alone.axes[0].get_title() == "answer"
    assert [text.get_text() for text in alone.legends[0].get_texts()] == ["network"]


def test_dots_stand_on_the_curve_and_the_first_loss_holds_back_to_the_beginning():
    loss = next(axes for axes in stage_sheet(CASE, look(0), look(160), "encoder.1", [3]).axes if not axes.get_images())
    curve, dots = loss.get_lines()
    assert curve.get_xydata()[:2].tolist() == [[0, 0.1], [10, 0.1]]
    assert dots.get_xydata().tolist() == [[0, 0.1], [160, 1 / 160]]


def test_without_a_history_there_is_no_curve():
    case = Case("x", FLAIR, REFERENCE, STEPS, ())
    sheet = stage_sheet(case, look(0), look(160), "encoder.1", [3])
    for figure in (sheet, film_frame(case, look(0), {"encoder.1": [0]})):
        assert all(axes.get_images() for axes in figure.axes)


@pytest.mark.parametrize("step", STEPS)
def test_a_frame_of_the_film_has_a_row_a_stage(step):
    chosen = {"encoder.1": [2, 5], "bottleneck": [0, 15]}
    now = look(step)
    frame = film_frame(CASE, now, chosen)
    maps = [axes.get_images()[0].get_array() for axes in frame.axes if axes.get_images()][1:]
    wanted = [now.maps[stage][channel] for stage, channels in chosen.items() for channel in channels]
    assert len(maps) == 4 and all(map(np.array_equal, maps, wanted))
    assert {f"step {step} of 160", "encoder.1", "bottleneck"} <= {text.get_text() for text in frame.texts}
    words_are_whole_and_apart(frame, words(frame))
