"""Films: read back with another library, frame for frame."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from unet_lib.core.errors import SettingsError
from unet_lib.plotting import video as library
from unet_lib.plotting.video import film, picture_of

COLOURS = [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
PICTURES = [np.full((48, 64, 3), colour, np.uint8) for colour in COLOURS]


def test_a_gif_holds_each_picture_and_the_last_one_longest():
    with Image.open(BytesIO(film(PICTURES, "gif", 0.5))) as found:
        assert found.n_frames == 3 and found.size == (64, 48) and found.info["loop"] == 0
        for index, picture in enumerate(PICTURES):
            found.seek(index)
            assert found.info["duration"] == (1500 if index == 2 else 500)
            assert np.array_equal(np.asarray(found.convert("RGB")), picture)


def test_a_thin_line_keeps_its_colour_among_thousands_of_others():
    picture = np.random.default_rng(0).integers(0, 60, (200, 300, 3), np.uint8)
    picture[100] = 86, 180, 233
    with Image.open(BytesIO(film([picture], "gif"))) as found:
        line = np.asarray(found.convert("RGB"))[100].astype(int)
    assert np.abs(line - (86, 180, 233)).max() <= 8


def test_an_mp4_holds_each_picture_and_fades_between():
    av = pytest.importorskip("av")
    with av.open(BytesIO(film(PICTURES, "mp4", 1.0))) as found:
        frames = [frame.to_ndarray(format="rgb24").mean((0, 1)) for frame in found.decode(video=0)]
    assert len(frames) == library.RATE * 5
    for index, colour in ((8, COLOURS[0]), (32, COLOURS[1]), (-30, COLOURS[2])):
        assert np.abs(frames[index] - colour).max() < 8
    reds = [frame[0] for frame in frames[15:25]]
    assert sorted(reds, reverse=True) == pytest.approx(reds, abs=1) and 60 < reds[5] < 200


def test_an_mp4_may_have_odd_sides():
    av = pytest.importorskip("av")
    with av.open(BytesIO(film([picture[:47, :63] for picture in PICTURES], "mp4", 0.1))) as found:
        assert (found.streams.video[0].width, found.streams.video[0].height) == (62, 46)


def test_kinds_that_cannot_be_made_are_refused(monkeypatch):
    with pytest.raises(SettingsError, match="gif or mp4; got 'avi'"):
        film(PICTURES, "avi")
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="needs PyAV, which is not installed"):
        film(PICTURES, "mp4")


def test_a_figure_becomes_a_picture_as_wide_as_its_film():
    figure = Figure((4, 2), facecolor="#56B4E9")
    picture = picture_of(figure, "gif")
    assert picture.shape == (480, 960, 3) and (picture == (86, 180, 233)).all()
