"""The clips: what is shown stands where it can be read, and is what the committed files hold."""

import ast
import gc
import itertools
import json
import multiprocessing
import os
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from contrast import contrast
from manim_here import needs_manim
from PIL import Image
from repository import REPOSITORY

from animations import manifest, theme
from animations.manifest import CLIPS, LANGUAGES, clip_named, clips, fingerprint, made_from, unchanged
from animations.render import README_CLIP, README_PICTURE
from unet_lib.core.errors import SettingsError

NAMES = [clip.name for clip in clips()]


# What every clip has, with or without Manim


@pytest.mark.parametrize("clip", clips(), ids=NAMES)
def test_words_in_both_languages(clip):
    for texts, least in ((clip.title, 1), (clip.statement, 3), (clip.transcript, 40)):
        assert texts.keys() == set(LANGUAGES)
        assert all(len(text.split()) >= least and text == text.strip() for text in texts.values())
    assert clip.transcript["en"] != clip.transcript["de"]


def test_every_clip_belongs_to_a_lesson_and_every_scene_to_a_clip():
    table = [line.split("|")[1] for line in (REPOSITORY / "README.md").read_text("utf-8").splitlines()
             if re.match(r"\| \[?\d\d ", line)]
    titles = [re.sub(r"\]\(.*\)|[^\w ]", "", cell).strip().lower() for cell in table]
    slugs = {title.replace(" ", "_") for title in titles}
    assert {clip.lesson for clip in clips()} <= slugs
    files = {path.stem for path in (REPOSITORY / "animations" / "scenes").glob("*.py")} - {"__init__"}
    assert sorted(files) == sorted(NAMES)
    assert len(NAMES) == len(set(NAMES)) >= 25


@needs_manim
@pytest.mark.parametrize("name", NAMES)
def test_a_scene_keeps_nothing_under_the_name_of_what_every_scene_does(name):
    from animations.clip_scene import ClipScene

    tree = ast.parse((REPOSITORY / "animations" / "scenes" / f"{name}.py").read_text("utf-8"))
    kept = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name) and node.value.id == "self"}
    assert not {one for one in kept if callable(getattr(ClipScene, one, None))}


def test_committed_files_are_small_whole_and_listed():
    listed = manifest.index()
    assert listed.keys() == {clip.video.name for clip in clips()}
    others = {path.name for clip in clips() for path in (clip.poster, *map(clip.subtitles, LANGUAGES))}
    assert {path.name for path in CLIPS.iterdir()} == {manifest.INDEX, *listed, *others}
    for clip in clips():
        entry = listed[clip.video.name]
        assert entry["bytes"] == clip.video.stat().st_size <= 3_000_000
        assert (entry["width"], entry["height"]) == Image.open(clip.poster).size == (1280, 720)
        assert 10 <= entry["seconds"] <= (60 if clip.name == "unet" else 40)
    assert sum(path.stat().st_size for path in CLIPS.iterdir()) <= 40_000_000


@pytest.mark.parametrize("clip", clips(), ids=NAMES)
def test_a_third_of_a_clip_at_most_stands_still(clip):
    """Beside the holds at the end of each beat, in which the caption is read and nothing moves on purpose."""
    entry = manifest.index()[clip.video.name]
    holds = theme.READ * (len(entry["cues"]) - 1) + theme.HOLD
    assert (1 - entry["moving"]) * entry["seconds"] - holds <= entry["seconds"] / 3
    assert entry["moving"] >= 0.6


def test_the_short_film_takes_two_minutes():
    assert 100 <= sum(manifest.index()[clip.video.name]["seconds"] for clip in clips() if clip.short) <= 130


@pytest.mark.parametrize("clip", clips(), ids=NAMES)
def test_a_player_shows_the_poster_before_it_plays(clip):
    """Where it finds no poster of its own it shows the first picture; the clip's own first one is empty."""
    av = pytest.importorskip("av", reason="PyAV is not installed; it comes with the animations")
    with av.open(str(clip.video)) as video:
        first, second = (next(video.decode(video=0)).to_ndarray(format="rgb24") for _ in range(2))
    poster = np.asarray(Image.open(clip.poster).convert("RGB"), float)
    assert np.abs(first - poster).mean() < 5 < np.abs(second - poster).mean()


def test_the_readmes_picture_is_the_clip():
    av = pytest.importorskip("av", reason="PyAV is not installed; it comes with the animations")
    assert f"(animations/{README_PICTURE.name})" in (REPOSITORY / "README.md").read_text("utf-8")
    assert README_PICTURE.stat().st_size < 1_000_000
    with av.open(str(README_CLIP.video)) as video, Image.open(README_PICTURE) as gif:
        pictures = list(video.decode(video=0))
        for fraction in (0.3, 0.6, 1.0):  # a still moment is one picture of the gif, so times agree to half a second
            gif.seek(int(fraction * (gif.n_frames - 1)))
            shown, place = np.asarray(gif.convert("RGB"), float), round(fraction * (len(pictures) - 1))
            near = [np.asarray(picture.to_image().resize(gif.size), float) for picture in
                    pictures[max(place - 15, 0):place + 15]]
            assert min(np.abs(shown - picture).mean() for picture in near) < 4


def test_an_incomplete_entry_and_an_unknown_name_are_explained():
    with pytest.raises(SettingsError, match=r"title, statement, transcript in en and de; got .*'title': \{'en'"):
        manifest._parse({"name": "x", "lesson": "y", "title": {"en": "A"}, "statement": {}, "transcript": {}})
    with pytest.raises(SettingsError, match="no clip 'bogus'; expected one of hook, mri_slice"):
        clip_named("bogus")


@needs_manim
def test_numbers_in_cells_have_contrast_on_any_colour():
    from animations.mobjects import readable_on

    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01), "the best known pair"
    for colour in itertools.product(range(0, 256, 15), repeat=3):
        assert contrast(readable_on(np.array(colour, np.uint8)), np.array(colour) / 255) >= 4.5, colour


# Clips that no longer show what they should


@needs_manim
def test_no_committed_clip_is_stale():
    assert manifest.stale() == []


FOUR = ("dice", "accuracy_paradox", "before_after", "computation_graph")


@pytest.mark.parametrize(("piece", "before", "after", "touched"), [
    ("scenes/dice.py", "MARGIN, PIXEL, ROWS = 10,", "MARGIN, PIXEL, ROWS = 11,", {"dice"}),
    ("pixel_cloud.py", "DENSITY = 90", "DENSITY = 80", {"dice", "accuracy_paradox"}),
    ("stacks.py", "INTO_DEPTH = np.array([0.5,", "INTO_DEPTH = np.array([0.6,", {"before_after"}),
    ("theme.py", 'NEGATIVE, ZERO, POSITIVE = "#B07CF2"', 'NEGATIVE, ZERO, POSITIVE = "#B07CF3"', {"computation_graph"}),
    ("theme.py", "READ, HOLD = 0.8", "READ, HOLD = 0.9", set(FOUR)),
    ("theme.py", "QUICK, CALM", "# in seconds\nQUICK, CALM", set()),
    ("film.py", "def main", "CHANGED = 1\n\n\ndef main", set())])
def test_a_change_makes_those_clips_stale_that_show_it(tmp_path, monkeypatch, piece, before, after, touched):
    here = tmp_path / "animations"
    shutil.copytree(manifest.HERE, here, ignore=lambda _, names: [n for n in names if "." in n and n[-3:] != ".py"])
    was = {name: fingerprint(clip_named(name)) for name in FOUR}
    text = (here / piece).read_text("utf-8")
    assert text.count(before) == 1
    (here / piece).write_text(text.replace(before, after), "utf-8")
    monkeypatch.setattr(manifest, "HERE", here)
    assert {name for name in was if fingerprint(clip_named(name)) != was[name]} == touched


@needs_manim
def test_other_numbers_or_words_make_a_clip_stale(monkeypatch):
    clip = clip_named("dice")
    before, shown = made_from(clip), clip.scene.numbers()
    assert not unchanged(before, made_from(replace(clip, statement={"en": "Something else.", "de": ""})))
    assert not unchanged(before, made_from(clip, "de"))

    def still(**others):
        monkeypatch.setattr(clip.scene, "numbers", classmethod(lambda cls: {**shown, **others}))
        return unchanged(before, made_from(clip))

    one_pixel, last_digits = shown["slice"].copy(), shown["dice"] * (1 + 1e-6)
    one_pixel[3, 4] += 1
    assert still() and still(dice=last_digits)
    assert not still(dice=shown["dice"] + 0.001) and not still(slice=one_pixel)
    assert not still(slice=shown["slice"].T) and not still(slice=shown["slice"][::-1]) and not still(another=np.ones(1))


@needs_manim
def test_a_missing_or_outdated_file_is_named(tmp_path):
    for clip in clips()[1:]:
        (tmp_path / clip.video.name).touch()
    listed = {clip.video.name: {"made from": made_from(clip)} for clip in clips()}
    listed[clips()[2].video.name]["made from"]["sources and words"] = "what was there before"
    (tmp_path / manifest.INDEX).write_text(json.dumps(listed))
    assert manifest.stale(tmp_path) == [NAMES[0], NAMES[2]]


# Every scene, played


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """What stands on the screen at the end of each beat of every scene, played once, small and with few pictures."""
    from scene_watch import watch

    folder = tmp_path_factory.mktemp("scenes")
    # Each process loads Manim and torch, and draws each word anew: no more of them than cores are free for this file.
    jobs = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
    # A scene is a million small objects, all needed to its end: looking for garbage takes a sixth of the time.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=gc.disable) as pool:
        running = {clip.name: pool.submit(watch, clip, folder / clip.name, frame_rate=2) for clip in clips()}
        return {name: future.result() for name, future in running.items()}


@needs_manim
@pytest.mark.parametrize("name", NAMES)
def test_a_scene_has_few_beats_with_pictures_that_fit(played, name):
    from scene_watch import outside, overlapping

    beats = list(clip_named(name).scene.beats())
    assert [seen.beat for seen in played[name]] == [*beats, "statement"]
    assert 4 <= len(beats) <= (7 if name == "unet" else 6)
    for seen in played[name]:
        assert seen.std > 8, f"{seen.beat}: nearly one colour"
        assert outside(seen) == [], seen.beat
        assert overlapping(seen) == [], seen.beat


@needs_manim
@pytest.mark.parametrize("name", NAMES)
def test_captions_are_on_the_screen_and_fit_in_both_languages(played, name):
    from animations.mobjects import words

    clip = clip_named(name)
    shown = clip.scene.numbers()
    captions = {language: [*(method.caption[language].format(**shown) for method in clip.scene.beats().values()),
                           clip.statement[language]] for language in LANGUAGES}
    for seen, line in zip(played[name], captions["en"], strict=True):
        box, = (box for text, box in seen.texts if text.replace(" ", "") == line.replace(" ", ""))
        assert box[2] - box[0] < 13.7, line
    for line in captions["de"]:
        assert words(line, theme.CAPTION).width < 13.7, line
    for title in clip.title.values():
        assert words(title, theme.TITLE, bold=True).width < 13.7


@needs_manim
@pytest.mark.parametrize("name", ["mri_slice", "loss_and_descent"])
def test_labels_fit_in_german_too(tmp_path, name):
    from scene_watch import outside, overlapping, watch

    for seen in watch(clip_named(name), tmp_path, "de", frame_rate=1):
        assert outside(seen) == overlapping(seen) == [], seen.beat


@needs_manim
def test_the_watcher_sees_what_is_wrong():
    from scene_watch import Seen, outside, overlapping

    seen = Seen("x", [("one", (0, 0, 2, 1)), ("other", (1.9, 0, 3, 1)), ("far", (5, 0, 7.2, 1))], [], 9)
    assert overlapping(seen) == [("one", "other")]
    assert outside(seen) == ["far"]


@needs_manim
@pytest.mark.parametrize(("name", "beat", "array"), [
    ("mri_slice", "a_table", "patch"), ("convolution", "it_slides", "answers"), ("convolution", "it_slides", "kernel"),
    ("relu", "the_answers", "answers"), ("relu", "the_change", "relu"), ("max_pooling", "the_largest", "pooled"),
    ("max_pooling", "statement", "sides"), ("channels", "many_maps", "learnt"), ("stride_padding", "a_slice", "slice"),
    ("transposed_convolution", "all_stamps", "large"), ("encoder", "the_numbers", "counts"),
    ("receptive_field", "with_pooling", "with pool"), ("double_convolution", "the_costs", "twice"),
    ("double_convolution", "the_costs", "once"), ("kernel_zoo", "one_filter", "weights"),
    ("dice", "the_score", "counts"),
    ("accuracy_paradox", "accuracy", "right"), ("output_threshold", "the_threshold", "pixels"),
    ("hook", "the_head", "count"), ("skip_connection", "together", "channels"),
    ("skips_on_off", "cut_later", "patients"), ("training_loop", "the_end", "last"),
    ("where_it_fails", "missed", "missed"), ("where_it_fails", "false_alarms", "false")])
def test_the_screen_says_the_numbers(played, name, beat, array):
    seen, = (one for one in played[name] if one.beat == beat)
    written = [part for text, _ in seen.texts for part in re.findall(r"−?\d+", text.replace(",", ""))]
    values = np.atleast_1d(clip_named(name).scene.numbers()[array]).ravel()
    for value in values[:1] if array == "pixels" else values:
        assert str(int(value)).replace("-", "−") in written
