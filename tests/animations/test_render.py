"""The commands that make clips and films: they go on where they stopped, explain mistakes, and keep every picture."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from manim_here import needs_manim
from PIL import Image
from repository import REPOSITORY
from vtt import parsed

from animations import manifest
from animations.manifest import clip_named, made_from
from unet_lib.core.errors import SettingsError


def animate(module, *arguments):
    return subprocess.run([sys.executable, "-m", f"animations.{module}", *map(str, arguments)], cwd=REPOSITORY,
                          capture_output=True, text=True, timeout=300)


@needs_manim
def test_rendering_goes_on_where_it_stopped_and_leaves_no_halves(tmp_path, monkeypatch, capsys):
    from animations import render

    # In this process, which has loaded Manim; the clip itself, the quickest to draw, is rendered in one of its own.
    arguments = ("--only", "relu", "--quality", "l", "--format", "gif", "--language", "de", "--out", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["render", *arguments])
    render.main()
    assert "1 rendered, 0 up to date" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.json", "relu.de.vtt", "relu.en.vtt", "relu.gif",
                                                                "relu.jpg"]
    with Image.open(tmp_path / "relu.gif") as gif:
        assert gif.is_animated and gif.n_frames * gif.info["duration"] / 1000 > 10
    seconds = manifest.index(tmp_path)["relu.gif"]["seconds"]
    assert manifest.index(tmp_path)["relu.gif"]["made from"] == made_from(clip_named("relu"), "de")
    for language in manifest.LANGUAGES:
        cues = parsed((tmp_path / f"relu.{language}.vtt").read_text("utf-8"))[1]
        assert [cue.text for cue in cues] == list(clip_named("relu").scene.lines(language).values())
        assert all(one.end == other.start for one, other in pairwise(cues)), "neither gap nor overlap"
        assert all(cue.end - cue.start > 1.2 for cue in cues), "time to read"
        assert cues[0].start < 1 and cues[-1].end == pytest.approx(seconds, abs=0.5), "after the title, to the end"
    render.main()
    assert "0 rendered, 1 up to date" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "message"), [
    (("--only", "bogus"), "no clip 'bogus'; expected one of hook"),
    (("--jobs", 0), "expected --jobs of at least 1; got 0"),
    (("--quality", "x"), "invalid choice: 'x'")])
@needs_manim
def test_mistakes_are_explained(arguments, message):
    done = animate("render", *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def moving_square(tmp_path):
    """Writes a video of a white square that moves to the right, one pixel a picture."""
    av = pytest.importorskip("av")

    def write(name: str, pictures: int, side: int = 64) -> Path:
        with av.open(str(tmp_path / name), "w") as file:
            stream = file.add_stream("libx264", rate=30, options={"crf": "12"})
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
            for number in range(pictures):
                pixels = np.zeros((side, side, 3), np.uint8)
                pixels[20:40, number % 40:number % 40 + 20] = 255
                file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
            file.mux(stream.encode(None))
        return tmp_path / name

    return write


def pictures_of(video):
    import av

    with av.open(str(video)) as file:
        return [picture.to_ndarray(format="gray").astype(float) for picture in file.decode(video=0)]


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_encoding_again_keeps_pictures_and_pace(moving_square, tmp_path, ending):
    from animations.render import encode, measure

    video = moving_square("in.mp4", 45)
    again = encode(video, tmp_path / f"out.{ending}")
    before, after = pictures_of(video), pictures_of(again)
    assert len(before) == len(after) == 45
    assert max(np.abs(a - b).mean() for a, b in zip(before, after, strict=True)) < 8
    assert measure(again)["seconds"] == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_a_poster_comes_first_and_nothing_else_changes(moving_square, tmp_path, ending):
    from animations.render import behind_poster, encode, measure

    clip = encode(moving_square("in.mp4", 45), tmp_path / f"clip.{ending}")
    grey = Image.new("RGB", (128, 128), (120, 120, 120))
    whole = behind_poster(clip, grey, tmp_path / f"whole.{ending}")
    poster, *pictures = pictures_of(whole)
    assert np.abs(poster - 120).max() < 6
    assert len(pictures) == 45 and all(map(np.array_equal, pictures, pictures_of(clip)))
    assert measure(whole)["seconds"] == pytest.approx(46 / 30, abs=0.05)
    if ending == "mp4":
        other = moving_square("other.mp4", 5)
        with pytest.raises(SettingsError, match="expected a video that `encode` has made"):
            behind_poster(other, grey, tmp_path / "whole.mp4")


def test_posters_are_left_out_of_a_film(moving_square, tmp_path):
    from animations.film import join
    from animations.render import behind_poster, encode

    clips = [encode(moving_square("in.mp4", count), tmp_path / f"{count}.mp4") for count in (30, 45)]
    grey = Image.new("RGB", (64, 64), (120, 120, 120))
    whole = [behind_poster(clip, grey, tmp_path / f"whole-{clip.name}") for clip in clips]
    assert join(whole, tmp_path / "film.mp4") == pytest.approx([0, 1, 2.5])
    film = pictures_of(tmp_path / "film.mp4")
    assert len(film) == 75 and all(map(np.array_equal, film, [*pictures_of(clips[0]), *pictures_of(clips[1])]))


def test_a_film_is_its_clips_one_after_the_other(moving_square, tmp_path):
    import av

    from animations.film import join
    from animations.render import measure

    one, two = moving_square("one.mp4", 30), moving_square("two.mp4", 45)
    assert join([one, two], tmp_path / "film.mp4", ["One", "Two"]) == pytest.approx([0, 1, 2.5])
    film = pictures_of(tmp_path / "film.mp4")
    assert len(film) == 75
    assert all(np.array_equal(a, b) for a, b in zip(film, [*pictures_of(one), *pictures_of(two)], strict=True))
    assert measure(tmp_path / "film.mp4")["seconds"] == pytest.approx(2.5, abs=0.05)
    with av.open(str(tmp_path / "film.mp4")) as whole:
        chapters = [(one["start"] * one["time_base"], one["metadata"]["title"]) for one in whole.chapters()]
    assert chapters == [(0, "One"), (1, "Two")]
    with pytest.raises(SettingsError, match=r"other.mp4: expected width, height and clock \(64, 64"):
        join([one, moving_square("other.mp4", 30, side=96)], tmp_path / "film.mp4")
    assert len(pictures_of(tmp_path / "film.mp4")) == 75  # the film that was there is still whole
    assert not list(tmp_path.glob(".*"))
