"""The clips: what is shown is right, stands where it can be read, and is what the committed files hold."""

import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from PIL import Image
from torch import nn
from torch.nn import functional as F

from animations import examples, manifest
from animations.arrays import load, made
from animations.manifest import CLIPS, LANGUAGES, clip_named, clips, fingerprint
from animations.render import README_CLIP, README_PICTURE
from unet_lib.capture import feature_maps
from unet_lib.checkpoint import load_model
from unet_lib.errors import SettingsError
from unet_lib.model import UNet, count_parameters

try:
    import manim  # noqa: F401
    MISSING = ""
except ImportError as error:
    MISSING = f"Manim cannot be imported: {error}"

needs_manim = pytest.mark.skipif(bool(MISSING), reason=MISSING or "Manim is here")
NAMES = [clip.name for clip in clips()]
BASELINE = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"


def numbers(name):
    return clip_named(name).scene.numbers()


def tensor(values):
    return torch.as_tensor(np.asarray(values, float))[None, None]


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
    assert len(NAMES) == len(set(NAMES)) >= 16


def test_committed_files_are_small_whole_and_listed():
    listed = manifest.index()
    assert listed.keys() == {clip.video.name for clip in clips()}
    assert {path.name for path in CLIPS.iterdir()} == {manifest.INDEX, *listed, *(clip.poster.name for clip in clips())}
    for clip in clips():
        entry = listed[clip.video.name]
        assert entry["bytes"] == clip.video.stat().st_size <= 1_000_000
        assert (entry["width"], entry["height"]) == Image.open(clip.poster).size == (1280, 720)
        assert 10 <= entry["seconds"] <= 40
    assert sum(path.stat().st_size for path in CLIPS.iterdir()) <= 15_000_000


def test_the_readmes_picture_is_the_clip():
    av = pytest.importorskip("av", reason="PyAV is not installed; it comes with the animations")
    assert f"(animations/{README_PICTURE.name})" in (REPOSITORY / "README.md").read_text("utf-8")
    assert README_PICTURE.stat().st_size < 1_000_000
    with av.open(str(README_CLIP.video)) as video, Image.open(README_PICTURE) as gif:
        pictures = [picture.to_ndarray(format="rgb24") for picture in video.decode(video=0)]
        for share in (0.3, 0.6, 1.0):
            gif.seek(int(share * (gif.n_frames - 1)))
            clip = pictures[round(gif.tell() / (gif.n_frames - 1) * (len(pictures) - 1))]
            small = Image.fromarray(clip).resize(gif.size)
            assert np.abs(np.asarray(small, float) - np.asarray(gif.convert("RGB"), float)).mean() < 4


def test_an_incomplete_entry_and_an_unknown_name_are_explained():
    with pytest.raises(SettingsError, match=r"title, statement, transcript in en and de; got .*'title': \{'en'"):
        manifest._parse({"name": "x", "lesson": "y", "title": {"en": "A"}, "statement": {}, "transcript": {}})
    with pytest.raises(SettingsError, match="no clip 'bogus'; expected one of mri_slice, convolution"):
        clip_named("bogus")


# Clips that no longer show what they should


@needs_manim
def test_no_committed_clip_is_stale():
    assert manifest.stale() == []


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The sources in a place where they may be changed; scenes are still imported from the real one."""
    here = tmp_path / "animations"
    shutil.copytree(manifest.HERE, here, ignore=shutil.ignore_patterns("clips", "rendered", "__pycache__"))
    monkeypatch.setattr(manifest, "HERE", here)
    return here


@needs_manim
def test_a_change_of_a_scene_makes_its_clip_stale_and_no_other(copied):
    before = {name: fingerprint(clip_named(name)) for name in ("relu", "dice")}
    scene = copied / "scenes" / "relu.py"
    scene.write_text(scene.read_text("utf-8").replace("REACH = 2.3", "REACH = 2.4"), "utf-8")
    assert fingerprint(clip_named("relu")) != before["relu"]
    assert fingerprint(clip_named("dice")) == before["dice"]


@needs_manim
@pytest.mark.parametrize(("piece", "touched"), [
    ("theme.py", {"relu", "unet", "dice"}), ("mobjects.py", {"relu", "unet", "dice"}),
    ("u_shape.py", {"unet"}), ("examples.py", {"relu", "unet"}), ("render.py", set())])
def test_a_change_of_a_shared_piece_makes_those_stale_that_use_it(copied, piece, touched):
    before = {name: fingerprint(clip_named(name)) for name in ("relu", "unet", "dice")}
    (copied / piece).write_text((copied / piece).read_text("utf-8") + "\nCHANGED = 1\n", "utf-8")
    assert {name for name in before if fingerprint(clip_named(name)) != before[name]} == touched


@needs_manim
def test_other_numbers_or_words_make_a_clip_stale(monkeypatch):
    clip = clip_named("dice")
    before, shown = fingerprint(clip), clip.scene.numbers()
    assert fingerprint(replace(clip, statement={"en": "Something else.", "de": ""})) != before
    assert fingerprint(clip, "de") != before
    monkeypatch.setattr(clip.scene, "numbers", classmethod(lambda cls: {**shown, "dice": shown["dice"] + 0.001}))
    assert fingerprint(clip) != before
    monkeypatch.setattr(clip.scene, "numbers", classmethod(lambda cls: {**shown, "dice": shown["dice"] + 1e-12}))
    assert fingerprint(clip) == before


@needs_manim
def test_a_missing_or_outdated_file_is_named(tmp_path):
    for clip in clips()[1:]:
        (tmp_path / clip.video.name).touch()
    listed = {clip.video.name: {"made from": fingerprint(clip)} for clip in clips()}
    listed[clips()[2].video.name]["made from"] = "what was there before"
    (tmp_path / manifest.INDEX).write_text(json.dumps(listed))
    assert manifest.stale(tmp_path) == [NAMES[0], NAMES[2]]


# Every scene, played


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """What stands on the screen at the end of each beat of every scene, played once, small and with few pictures."""
    from scene_watch import watch

    folder = tmp_path_factory.mktemp("scenes")
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        running = {clip.name: pool.submit(watch, clip, folder / clip.name, frame_rate=2) for clip in clips()}
        return {name: future.result() for name, future in running.items()}


@needs_manim
@pytest.mark.parametrize("name", NAMES)
def test_a_scene_has_few_beats_with_pictures_that_fit(played, name):
    from scene_watch import outside, overlapping

    beats = list(clip_named(name).scene.beats())
    assert [seen.beat for seen in played[name]] == [*beats, "statement"]
    assert 4 <= len(beats) <= 6
    for seen in played[name]:
        assert seen.spread > 8, f"{seen.beat}: nearly one colour"
        assert outside(seen) == [], seen.beat
        assert overlapping(seen) == [], seen.beat


@needs_manim
@pytest.mark.parametrize("name", NAMES)
def test_captions_are_on_the_screen_and_fit_in_both_languages(played, name):
    from animations import theme
    from animations.mobjects import words

    clip = clip_named(name)
    shown = clip.scene.numbers()
    for seen, method in zip(played[name], clip.scene.beats().values()):
        written = [text.replace(" ", "") for text, _ in seen.texts]
        assert method.caption["en"].format(**shown).replace(" ", "") in written
    for language in LANGUAGES:
        lines = [method.caption[language].format(**shown) for method in clip.scene.beats().values()]
        for line in (*lines, clip.statement[language]):
            assert words(line, theme.CAPTION).width < 13.7, line
        assert words(clip.title[language], theme.TITLE, bold=True).width < 13.7


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
    ("transposed_convolution", "all_stamps", "large"), ("encoder", "the_numbers", "counts"),
    ("receptive_field", "with_pooling", "with pool"), ("dice", "three_areas", "counts"),
    ("output_threshold", "the_threshold", "pixels")])
def test_the_screen_says_the_numbers(played, name, beat, array):
    seen, = (one for one in played[name] if one.beat == beat)
    written = [part for text, _ in seen.texts for part in re.findall(r"−?\d+", text.replace(",", ""))]
    values = np.atleast_1d(numbers(name)[array]).ravel()
    for value in values[:1] if array == "pixels" else values:
        assert str(int(value)).replace("-", "−") in written


# The numbers, computed another way


@needs_manim
def test_convolution_padding_and_pooling_against_torch():
    shown, kernel = numbers("convolution"), tensor(numbers("convolution")["kernel"])
    assert np.array_equal(shown["answers"], F.conv2d(tensor(shown["patch"]), kernel)[0, 0])
    assert np.array_equal(shown["products"].sum(axis=(2, 3)), shown["answers"])
    assert np.array_equal(shown["map"], F.conv2d(tensor(shown["slice"]), kernel, padding=1)[0, 0])
    row, column = shown["corner"]
    assert np.array_equal(shown["patch"], shown["slice"][row:row + 6, column:column + 6])
    sizes = numbers("stride_padding")
    for (padding, stride), size in zip(((0, 1), (1, 1), (1, 2)), sizes["sizes"], strict=True):
        output = F.conv2d(tensor(sizes["patch"]), kernel, stride=stride, padding=padding)[0, 0]
        assert np.array_equal(sizes[f"output {padding} {stride}"], output)
        assert output.shape == (size, size)
    relu, pool = numbers("relu"), numbers("max_pooling")
    assert np.array_equal(relu["relu"], torch.relu(tensor(shown["answers"]))[0, 0])
    assert np.array_equal(pool["pooled"], F.max_pool2d(tensor(relu["relu"]), 2)[0, 0])
    assert np.array_equal(pool["pooled"], F.max_pool2d(tensor(pool["moved"]), 2)[0, 0])
    assert not np.array_equal(pool["moved"], pool["answers"])
    up = numbers("transposed_convolution")
    assert np.array_equal(up["large"], F.conv_transpose2d(tensor(up["small"]), tensor(up["kernel"]), stride=2)[0, 0])


@needs_manim
def test_the_first_layers_maps_are_the_networks():
    network, _ = load_model(BASELINE)
    x = torch.as_tensor(load("x"))[None].float()
    shown = numbers("channels")
    with torch.no_grad():
        first = network.encoder["1"].conv1(x)[0].numpy()
        steps = feature_maps(network, x, ["encoder.1.norm1", "encoder.1.relu1", "encoder.1.norm2", "encoder.1"])
    assert shown["maps"] == pytest.approx(first, abs=1e-4)
    assert shown["parts"].sum(axis=0) == pytest.approx(first[int(shown["loudest"])], abs=1e-4)
    assert shown["learnt"] == network.encoder["1"].conv1.weight.numel()
    block = examples.first_block()
    for name, maps in zip(("norm1", "relu1", "norm2", "relu2"), steps.values(), strict=True):
        assert block[name] == pytest.approx(maps[0].numpy(), abs=1e-3)


@needs_manim
def test_receptive_fields_are_what_gradients_reach():
    shown = numbers("receptive_field")
    pixels = torch.zeros(1, 1, 41, requires_grad=True)
    conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(conv.weight)
    pool = nn.AvgPool1d(2)
    for layers, field in (((conv, conv), shown["two"]), ((conv, conv, pool, conv, conv), shown["with pool"])):
        value = nn.Sequential(*layers)(pixels)[0, 0]
        reached, = torch.autograd.grad(value[len(value) // 2], pixels)
        assert int((reached != 0).sum()) == field
    from animations.scenes.receptive_field import LAYERS, spans

    low, high = spans(LAYERS, 3)[0]
    assert high - low == shown["with pool"]


@needs_manim
def test_the_us_shapes_are_the_networks():
    network, card = load_model(BASELINE)
    assert network.config == examples.NETWORK
    assert card["data"]["size"] == len(load("small"))
    maps = feature_maps(UNet(examples.NETWORK), torch.zeros(1, 3, *load("small").shape))
    from animations.scenes.encoder import LEVELS
    from animations.scenes.unet import STOPS

    assert [tuple(shape) for shape in numbers("unet")["shapes"]] == [tuple(maps[name].shape[1:]) for name in STOPS]
    assert [int(count) for count in numbers("encoder")["counts"]] == [maps[name].numel() for name in LEVELS]
    assert numbers("unet")["parameters"] == count_parameters(network)
    meeting = [maps[name].shape[1] for name in ("encoder.1", "up.1", "concat.1")]
    assert numbers("skip_connection")["channels"].tolist() == meeting


@needs_manim
def test_loss_slope_and_blame_against_autograd():
    logits, mask = torch.as_tensor(load("logits")).double(), torch.as_tensor(load("mask")).double()
    shown = numbers("loss_and_descent")
    way, losses = shown["way"]
    bias = torch.tensor(way[0], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(logits + bias, mask)
    loss.backward()
    assert losses[0] == pytest.approx(loss.item(), rel=1e-12)
    assert shown["slope"] == pytest.approx(bias.grad.item(), rel=1e-9)
    assert (np.diff(losses) < 0).all()
    chances, one_pixel = shown["pixel"]
    assert one_pixel == pytest.approx(-np.log(chances), abs=1e-9)
    logits.requires_grad_()
    F.binary_cross_entropy_with_logits(logits, mask).backward()
    assert numbers("backpropagation")["blame"] == pytest.approx(logits.grad.numpy(), abs=1e-15)


@needs_manim
def test_probabilities_thresholds_dice_and_accuracy():
    shown = numbers("output_threshold")
    assert shown["probability"] == pytest.approx(torch.sigmoid(torch.as_tensor(load("logits")).double()).numpy())
    ordered = shown["pixels"][np.argsort(shown["thresholds"])]
    assert (np.diff(ordered) <= 0).all() and ordered[0] > ordered[-1]
    dice = numbers("dice")
    a, b = (set(map(tuple, np.argwhere(dice[name]))) for name in ("expert", "network"))
    assert dice["counts"].tolist() == [len(a & b), len(b - a), len(a - b)]
    assert dice["dice"] == pytest.approx(2 * len(a & b) / (len(a) + len(b)))
    paradox = numbers("accuracy_paradox")
    assert paradox["tumour"] + paradox["right"] == paradox["all"] == 1000
    assert paradox["right"] / 1000 == pytest.approx(paradox["scores"][0, 0], abs=5e-4)
    assert paradox["scores"][0, 1] == 0 < paradox["scores"][1, 1]


def test_the_arrays_are_what_the_networks_make_of_a_phantom():
    from animations.make_arrays import compute
    from unet_lib.dataset import open_cache

    data = REPOSITORY / "data" / "phantom"
    if not data.is_dir():
        pytest.skip("the phantom is not here; `make phantom` makes it")
    arrays = compute(open_cache(data, progress=False))
    with np.load(REPOSITORY / "animations" / "arrays.npz") as file:
        assert set(file) == arrays.keys()
        for name in set(file) - {"made"}:
            step = 1 if file[name].dtype == np.int8 else 1e-3 * np.abs(file[name]).max()
            assert np.abs(arrays[name].astype(float) - file[name].astype(float)).max() <= step, name
    assert made() == json.loads(str(arrays["made"]))
    assert made()["patient"].startswith("TCGA_PH_"), "no real patient may be shown"


# The commands


def animate(module, *arguments):
    return subprocess.run([sys.executable, "-m", f"animations.{module}", *map(str, arguments)], cwd=REPOSITORY,
                          capture_output=True, text=True, timeout=300)


@needs_manim
def test_rendering_goes_on_where_it_stopped_and_leaves_no_halves(tmp_path):
    arguments = ("--only", "dice", "--quality", "l", "--format", "gif", "--language", "de", "--out", tmp_path)
    done = animate("render", *arguments)
    assert done.returncode == 0, done.stderr
    assert "1 rendered, 0 up to date" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dice.gif", "dice.jpg", "index.json"]
    with Image.open(tmp_path / "dice.gif") as gif:
        assert gif.is_animated and gif.n_frames * gif.info["duration"] / 1000 > 10
    assert manifest.index(tmp_path)["dice.gif"]["made from"] == fingerprint(clip_named("dice"), "de")
    assert "0 rendered, 1 up to date" in animate("render", *arguments).stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (("--only", "bogus"), "no clip 'bogus'; expected one of mri_slice"),
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


def test_a_film_is_its_clips_one_after_the_other(moving_square, tmp_path):
    from animations.film import join
    from animations.render import measure

    one, two = moving_square("one.mp4", 30), moving_square("two.mp4", 45)
    assert join([one, two], tmp_path / "film.mp4") == pytest.approx(2.5)
    film = pictures_of(tmp_path / "film.mp4")
    assert len(film) == 75
    assert all(np.array_equal(a, b) for a, b in zip(film, [*pictures_of(one), *pictures_of(two)], strict=True))
    assert measure(tmp_path / "film.mp4")["seconds"] == pytest.approx(2.5, abs=0.05)
    with pytest.raises(SettingsError, match=r"other.mp4: expected width, height and clock \(64, 64"):
        join([one, moving_square("other.mp4", 30, side=96)], tmp_path / "film.mp4")
    assert len(pictures_of(tmp_path / "film.mp4")) == 75  # the film that was there is still whole
    assert not list(tmp_path.glob(".*"))
