import base64
import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from unet_lib import plotting
from unet_lib.core.errors import SettingsError
from unet_lib.plotting import base


@pytest.fixture
def axes():
    _, axes = plotting.new_figure()
    return axes[0, 0]


def test_a_slice_is_not_rescaled_to_its_own_content(axes):
    plotting.draw_slice(axes, np.full((4, 4), 10, np.uint8), "dim")
    image = axes.get_images()[0]
    assert image.get_clim() == (0, 255)
    assert axes.get_title() == "dim"


def test_numbers_stand_in_their_own_pixels_and_contrast_with_them(axes):
    plotting.draw_numbers(axes, np.array([[0, 10], [200, 255]], np.uint8))
    written = {text.get_text(): (text.get_position(), text.get_color()) for text in axes.texts}
    assert written == {"0": ((0, 0), "white"), "10": ((1, 0), "white"),
                       "200": ((0, 1), "black"), "255": ((1, 1), "black")}


def test_a_mask_is_outline_and_tint(axes):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 3:6] = 1
    plotting.draw_mask(axes, mask, plotting.REFERENCE, tint=0.25)
    layer = axes.get_images()[0].get_array()
    assert np.allclose(layer[3, 4], [*to_rgb(plotting.REFERENCE), 0.25])
    assert layer[0, 0, 3] == 0
    outline, = (c for c in axes.collections if len(c.get_paths()) and len(c.get_paths()[0].vertices))
    vertices = outline.get_paths()[0].vertices
    assert vertices.min(axis=0) == pytest.approx([2.5, 1.5], abs=0.51)
    assert vertices.max(axis=0) == pytest.approx([5.5, 4.5], abs=0.51)


def test_an_empty_mask_draws_nothing(axes):
    plotting.draw_mask(axes, np.zeros((8, 8)))
    assert not axes.get_images() and not axes.collections


def test_a_mask_at_the_border_keeps_its_outline(axes):
    plotting.draw_mask(axes, np.ones((4, 4)))
    assert len(axes.collections[0].get_paths()[0].vertices) > 4


def test_histograms_are_fractions_without_the_black(axes):
    histogram = np.zeros(256, int)
    histogram[[0, 10, 20]] = [1000, 30, 10]
    plotting.draw_histograms(axes, {"a": histogram}, plotting.CHANNEL_COLOURS)
    levels, fraction = axes.get_lines()[0].get_data()
    assert fraction[levels == 10] == 0.75
    assert fraction.sum() == 1


def test_curves_count_epochs_from_one(axes):
    plotting.draw_curves(axes, {"loss": [3.0, 2.0, 1.0]}, "loss")
    assert axes.get_lines()[0].get_xdata().tolist() == [1, 2, 3]


def test_a_sheet_shows_flair_probability_and_both_masks():
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 1] = 77
    mask = np.eye(16, dtype=bool)
    sheet = plotting.prediction_sheet(image, mask * 0.9, mask, mask, 0.875, "A patient")
    flair, probability, both = sheet.axes[0], sheet.axes[1], sheet.axes[2]
    assert (flair.get_images()[0].get_array() == 77).all()
    assert probability.get_images()[0].get_clim() == (0, 1)
    assert both.get_title() == "network and expert, Dice 0.88"
    assert [t.get_text() for t in both.get_legend().get_texts()] == ["network", "expert"]


def test_show_carries_its_text_alternative(monkeypatch):
    shown = {}
    monkeypatch.setattr("IPython.display.display", lambda data, **settings: shown.update(data=data, **settings))
    figure, axes = plotting.new_figure(width=2)
    plotting.draw_slice(axes[0, 0], np.zeros((4, 4), np.uint8))
    plotting.show(figure, "A black square of sixteen pixels.")
    assert shown["data"]["text/plain"] == "A black square of sixteen pixels."
    assert shown["metadata"]["image/png"]["alt"] == "A black square of sixteen pixels."
    assert base64.b64decode(shown["data"]["image/png"]).startswith(b"\x89PNG")


def test_a_second_figure_takes_the_firsts_place(monkeypatch):
    class Handle:
        def update(self, data, **settings):
            self.seen = data["text/plain"], settings["metadata"]["image/png"]["alt"]

    monkeypatch.setattr("IPython.display.display", lambda data, **settings: Handle())
    figure, _ = plotting.new_figure(width=2)
    handle = plotting.show(figure, "First.")
    assert handle._ipython_display_() is None  # a cell that ends with show(…) prints nothing more
    assert plotting.show(figure, "Second.", handle) is handle
    assert handle.seen == ("Second.", "Second.")


def test_labels_can_stand_in_for_grey_levels(axes):
    plotting.draw_numbers(axes, np.array([[0, 200]], np.uint8), labels=np.array([[-3, 7]]))
    assert [text.get_text() for text in axes.texts] == ["−3", "7"]


def test_signed_maps_are_white_at_zero_and_reach_as_far_both_ways(axes):
    values = np.concatenate([np.linspace(-2, 1, 999), [500]]).reshape(20, 50)
    plotting.draw_signed(axes, values, "map")
    image = axes.get_images()[0]
    assert image.get_clim() == pytest.approx((-2, 2), abs=0.02)   # the single 500 does not pale the others
    assert np.allclose(image.cmap(image.norm(0.0))[:3], 1, atol=0.04)
    assert "−1.99 to 1.99" in axes.get_xlabel()


def test_dots_stand_in_rows_with_their_mean(axes):
    plotting.draw_dots(axes, 0, [0.5, 0.7], "one")
    plotting.draw_dots(axes, 1, [0.2], "other")
    dots, mean = axes.get_lines()[:2]
    assert list(dots.get_xdata()) == [0.5, 0.7]
    assert list(mean.get_xdata()) == pytest.approx([0.6, 0.6])
    assert [text.get_text() for text in axes.texts] == ["one", "other"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first row is not at the top"


def test_a_shown_picture_has_few_colours_and_keeps_them():
    figure, axes = plotting.new_figure(width=3)
    plotting.draw_slice(axes[0, 0], np.arange(256, dtype=np.uint8).reshape(16, 16))
    picture = Image.open(io.BytesIO(base._small_png(figure)))
    assert picture.mode == "P"
    greys = {grey for grey, _, _ in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}
    assert min(greys) <= 2 and max(greys) == 255 and len(greys) > 200


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_a_saved_figure_is_whole_and_the_same_each_time(tmp_path, axes, ending):
    axes.text(0.5, 0.5, "plain words")
    first = plotting.save_figure(axes.figure, tmp_path / "new folder" / f"one{ending}").read_bytes()
    assert plotting.save_figure(axes.figure, tmp_path / f"two{ending}").read_bytes() == first
    assert first.startswith({".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"}[ending])
    if ending == ".svg":
        assert b"plain words" in first and b"<dc:date>" not in first
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == [f"one{ending}", f"two{ending}"]


def test_a_figure_that_cannot_be_drawn_leaves_the_former_file(tmp_path, axes):
    target = plotting.save_figure(axes.figure, tmp_path / "figure.svg")
    before = target.read_bytes()
    axes.set_title("$\\frac{1}{$")
    with pytest.raises(ValueError, match="frac"):
        plotting.save_figure(axes.figure, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["figure.svg"]


def test_an_unknown_kind_of_file_is_refused(tmp_path, axes):
    with pytest.raises(SettingsError, match=r"ends in \.svg, \.pdf or \.png; got '\.gif'"):
        plotting.save_figure(axes.figure, tmp_path / "figure.gif")
