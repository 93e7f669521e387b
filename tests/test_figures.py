import base64

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from unet_lib import figures


@pytest.fixture
def axes():
    _, axes = figures.new_figure()
    return axes[0, 0]


def test_a_slice_is_not_rescaled_to_its_own_content(axes):
    figures.draw_slice(axes, np.full((4, 4), 10, np.uint8), "dim")
    image = axes.get_images()[0]
    assert image.get_clim() == (0, 255)
    assert axes.get_title() == "dim"


def test_numbers_stand_in_their_own_pixels_and_contrast_with_them(axes):
    figures.draw_numbers(axes, np.array([[0, 10], [200, 255]], np.uint8))
    written = {text.get_text(): (text.get_position(), text.get_color()) for text in axes.texts}
    assert written == {"0": ((0, 0), "white"), "10": ((1, 0), "white"),
                       "200": ((0, 1), "black"), "255": ((1, 1), "black")}


def test_a_mask_is_outline_and_tint(axes):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 3:6] = 1
    figures.draw_mask(axes, mask, figures.EXPERT, tint=0.25)
    layer = axes.get_images()[0].get_array()
    assert np.allclose(layer[3, 4], [*to_rgb(figures.EXPERT), 0.25])
    assert layer[0, 0, 3] == 0
    outline, = (c for c in axes.collections if len(c.get_paths()) and len(c.get_paths()[0].vertices))
    vertices = outline.get_paths()[0].vertices
    assert vertices.min(axis=0) == pytest.approx([2.5, 1.5], abs=0.51)
    assert vertices.max(axis=0) == pytest.approx([5.5, 4.5], abs=0.51)


def test_an_empty_mask_draws_nothing(axes):
    figures.draw_mask(axes, np.zeros((8, 8)))
    assert not axes.get_images() and not axes.collections


def test_a_mask_at_the_border_keeps_its_outline(axes):
    figures.draw_mask(axes, np.ones((4, 4)))
    assert len(axes.collections[0].get_paths()[0].vertices) > 4


def test_histograms_are_shares_without_the_black(axes):
    histogram = np.zeros(256, int)
    histogram[[0, 10, 20]] = [1000, 30, 10]
    figures.draw_histograms(axes, {"a": histogram}, figures.CHANNEL_COLOURS)
    levels, share = axes.get_lines()[0].get_data()
    assert share[levels == 10] == 0.75
    assert share.sum() == 1


def test_curves_count_epochs_from_one(axes):
    figures.draw_curves(axes, {"loss": [3.0, 2.0, 1.0]}, "loss")
    assert axes.get_lines()[0].get_xdata().tolist() == [1, 2, 3]


def test_a_sheet_shows_flair_probability_and_both_masks():
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 1] = 77
    mask = np.eye(16, dtype=bool)
    sheet = figures.prediction_sheet(image, mask * 0.9, mask, mask, 0.875, "A patient")
    flair, probability, both = sheet.axes[0], sheet.axes[1], sheet.axes[2]
    assert (flair.get_images()[0].get_array() == 77).all()
    assert probability.get_images()[0].get_clim() == (0, 1)
    assert both.get_title() == "Dice 0.88"
    assert [t.get_text() for t in both.get_legend().get_texts()] == ["network", "expert"]


def test_show_carries_its_text_alternative(monkeypatch):
    shown = {}
    monkeypatch.setattr("IPython.display.display", lambda data, **settings: shown.update(data=data, **settings))
    figure, axes = figures.new_figure(width=2)
    figures.draw_slice(axes[0, 0], np.zeros((4, 4), np.uint8))
    figures.show(figure, "A black square of sixteen pixels.")
    assert shown["data"]["text/plain"] == "A black square of sixteen pixels."
    assert shown["metadata"]["image/png"]["alt"] == "A black square of sixteen pixels."
    assert base64.b64decode(shown["data"]["image/png"]).startswith(b"\x89PNG")


def test_a_second_figure_takes_the_firsts_place(monkeypatch):
    class Handle:
        def update(self, data, **settings):
            self.seen = data["text/plain"], settings["metadata"]["image/png"]["alt"]

    monkeypatch.setattr("IPython.display.display", lambda data, **settings: Handle())
    figure, _ = figures.new_figure(width=2)
    handle = figures.show(figure, "First.")
    assert handle._ipython_display_() is None  # a cell that ends with show(…) prints nothing more
    assert figures.show(figure, "Second.", handle) is handle
    assert handle.seen == ("Second.", "Second.")
