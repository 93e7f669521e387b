"""The feature explorer without a browser: maps against torch and NaNs, messages unpacked again, what it refuses."""

import base64
import json
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import torch
import traitlets
from made_up import PATIENTS, made_up_cache, write_series
from repository import LGG_BEST
from scipy import ndimage
from torch.nn import functional as F

from unet_lib.core.errors import DatasetError, SettingsError
from unet_lib.core.metrics import count
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.inspection.activations import capture
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.architecture import UNetConfig, plan
from unet_lib.models.checkpoint import save_model
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.models.registry import build
from unet_lib.widgets.feature_explorer import FeatureExplorer, feature_explorer
from unet_lib.widgets.feature_explorer.feature_maps import (
    energy,
    fields,
    look,
    probability,
    quantise,
    representative,
    roc_auc_with,
    sources,
)
from unet_lib.widgets.feature_explorer.feature_sheet import coloured
from unet_lib.widgets.shared.base import png_bytes
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE

CACHE = made_up_cache()
FIRST, SECOND, THIRD = (patient.name for patient in PATIENTS)
DRAW = np.random.default_rng(3)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return load_series(write_series(tmp_path_factory.mktemp("steps")))


@pytest.fixture(scope="module")
def best():
    return load_series(LGG_BEST)


@pytest.fixture
def explorer(series):
    return FeatureExplorer(series, CACHE)


# ---- maps -----------------------------------------------------------------------------------------------------


def slice_of(series, position):
    """Planes, mask, and the normalised image by NumPy."""
    planes = scale_images(CACHE.images, np.array([position]), series.size)[0].numpy()
    mean, std = CACHE.statistics[CACHE.patient_of[position]]
    image = (planes.astype(np.float32) - mean[:, None, None]) / std[:, None, None]
    return planes, scale_masks(CACHE.masks, np.array([position]), series.size)[0, 0].numpy(), torch.from_numpy(image)


def test_a_look_is_the_network_walked_through_by_hand(series):
    network = series.at(10)
    planes, _, image = slice_of(series, 3)
    maps = look(network, np.ascontiguousarray(planes), CACHE.statistics[0])
    with torch.no_grad():
        one = network.encoder["1"](image[None])
        second = network.encoder["2"]
        half = second.relu1(second.norm1(second.conv1(network.pool["1"](one))))
        assert np.allclose(maps["output"], network(image[None])[0], atol=1e-5)
    assert np.allclose(maps["encoder.1"], one[0], atol=1e-5)
    assert np.allclose(maps["encoder.2.relu1"], half[0], atol=1e-5)
    assert np.array_equal(maps["input"], image)
    assert np.array_equal(maps["concat.1"], np.concatenate([maps["encoder.1"], maps["up.1"]]))
    assert np.allclose(probability(maps), 1 / (1 + np.exp(-maps["output"][0])), atol=1e-6)
    for stage in network.plan(series.size):
        assert maps[stage.name].shape == stage.shape


def test_bytes_come_back_to_half_a_step():
    maps = (DRAW.normal(size=(5, 7, 7)) * [[[1]], [[1e-3]], [[400]], [[0]], [[1]]] + 3).astype(np.float32)
    levels, low, high = quantise(maps)
    back = low[:, None, None] + levels * (high - low)[:, None, None] / 255
    assert (np.abs(back - maps) <= (high - low)[:, None, None] / 509).all()
    assert levels[0].min() == 0 and levels[0].max() == 255 and not levels[3].any()


def test_quantise_by_hand():
    levels, low, high = quantise(np.array([[[-1, 0, 4]]], np.float32))
    assert levels.tolist() == [[[0, 51, 255]]] and (low.tolist(), high.tolist()) == ([-1], [4])


def test_energy_and_what_stands_for_a_stage():
    maps = np.array([[[1, 3]], [[-4, 4]], [[0, 0]]], np.float32)
    assert energy(maps).tolist() == [5, 16, 0]
    assert representative(maps, "strongest").tolist() == [[-4, 4]]
    assert np.allclose(representative(maps, "mean"), [[-1, 7 / 3]])


def test_roc_auc_counts_any_cell_with_tumour():
    mask = np.zeros((8, 8), np.uint8)
    mask[5, 6] = 1
    cells = np.zeros((4, 4), np.float32)
    cells[2, 3] = 2
    assert roc_auc_with(np.stack([cells, -cells, 0 * cells]), mask).tolist() == [1, 0, 0.5]
    assert np.isnan(roc_auc_with(cells[None], np.zeros((8, 8), np.uint8))).all()


# ---- receptive fields -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "size"), [(1, 16), (2, 32), (3, 64)])
def test_fields_are_where_a_nan_comes_through(depth, size):
    """A row that is not a number makes everything not a number that sees it."""
    network = build({"base": 1, "depth": depth}, 0).eval()
    stages = plan(3, 1, depth, size)
    seen = {stage.name: np.zeros((stage.height, size), bool) for stage in stages}
    for row in range(size):
        image = np.zeros((3, size, size), np.float32)
        image[:, row] = np.nan
        with torch.no_grad():
            maps = _walk(network, torch.from_numpy(image)[None])
        for name, found in maps.items():
            seen[name][:, row] = np.isnan(found).any(axis=(0, 2))
    for name, rows in fields(stages).items():
        for row, (first, last) in enumerate(rows):
            assert np.flatnonzero(seen[name][row]).tolist() == list(range(max(first, 0), min(last, size - 1) + 1)), name


def _walk(network, image):
    with capture(network) as maps:
        network(image)
    return {name: found[0].numpy() for name, found in maps.items()}


@pytest.mark.parametrize("config", [UNetConfig(base=2, depth=1), UNetConfig(base=2), EfficientNetUNetConfig()])
def test_the_longest_field_is_the_plans(config):
    stages = config.plan(128)
    for stage in stages:
        assert max(last - first + 1 for first, last in fields(stages)[stage.name]) == stage.receptive_field


# ---- what a channel is made of ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["encoder.1", "encoder.2", "bottleneck", "decoder.1"])
def test_sources_of_a_double_convolution_add_up(series, name):
    """All of base 2's few inputs are named, so their convolutions add up to what the last one hands on."""
    network, stages = series.at(40), series.config.plan(series.size)
    planes, _, _ = slice_of(series, 2)
    maps = look(network, np.ascontiguousarray(planes), CACHE.statistics[0])
    stage = next(one for one in stages if one.name == name)
    block = network.get_submodule(name)
    for channel in range(min(2, stage.out_channels)):
        found = sources(network, stages, stage, channel, maps)
        read = torch.from_numpy(maps[f"{name}.relu1"])[None]
        with torch.no_grad():
            whole = block.conv2(read)[0, channel]
        if len(found) == read.shape[1]:
            parts = [F.conv2d(*(torch.from_numpy(array)[None, None] for array in (one.map, one.kernel)), padding=1)
                     for one in found]
            assert torch.allclose(sum(parts)[0, 0], whole, atol=1e-4 * float(whole.abs().max()))
        strengths = [np.abs(one.kernel).sum() * np.sqrt((one.map.astype(np.float64) ** 2).mean()) for one in found]
        assert [one.strength for one in found] == pytest.approx(strengths, rel=1e-5)
        assert strengths == sorted(strengths, reverse=True) and all(one.stage == "" for one in found)
        left_out = set(range(read.shape[1])) - {one.channel for one in found}
        for i in left_out:
            weights = block.conv2.weight[channel, i].abs().sum().item()
            assert weights * np.sqrt((maps[f"{name}.relu1"][i] ** 2).mean()) <= strengths[-1] * (1 + 1e-5)


def test_sources_of_the_other_stages(series):
    network, stages = series.at(40), series.config.plan(series.size)
    maps = look(network, np.ascontiguousarray(slice_of(series, 2)[0]), CACHE.statistics[0])

    def found(name, channel):
        return sources(network, stages, next(one for one in stages if one.name == name), channel, maps)

    up = found("up.1", 1)
    parts = [F.conv_transpose2d(*(torch.from_numpy(array)[None, None] for array in (one.map, one.kernel)), stride=2)
             for one in up]
    assert {one.stage for one in up} == {"decoder.2"} and len(up) == 4
    assert np.allclose(sum(parts)[0, 0] + network.up["1"].bias[1].item(), maps["up.1"][1], atol=1e-4)
    out = found("output", 0)
    whole = sum(one.kernel[0, 0] * one.map for one in out) + network.output.bias.item()
    assert {one.stage for one in out} == {"decoder.1"} and np.allclose(whole, maps["output"][0], atol=1e-4)
    copies = (("pool.2", 3, "encoder.2", 3), ("concat.1", 1, "encoder.1", 1), ("concat.1", 3, "up.1", 1))
    check_copies(found, maps, copies)


def check_copies(found, maps, copies):
    for name, channel, stage, copied in copies:
        (one,) = found(name, channel)
        assert (one.stage, one.channel, one.kernel, one.label) == (stage, copied, None, f"{stage}, channel {copied}")
        assert np.array_equal(one.map, maps[stage][copied])


@pytest.fixture(scope="module")
def best_maps(best):
    return look(best.at(0), np.ascontiguousarray(slice_of(best, 2)[0]), CACHE.statistics[0])


def best_sources(best, maps, name, channel):
    stages = best.config.plan(best.size)
    return sources(best.at(0), stages, next(one for one in stages if one.name == name), channel, maps)


@pytest.mark.parametrize(("name", "block", "added"), [
    ("encoder.1", "encoder.1.0", None), ("pool.2", "pool.2", None), ("encoder.3", "encoder.3.0", "pool.2"),
    ("encoder.4", "encoder.4.4", "inside"), ("bottleneck", "bottleneck.3", None)])
def test_sources_of_an_inverted_residual_add_up(best, best_maps, name, block, added):
    """What its last 1×1 convolution reads, and what is added afterwards."""
    network, channel = best.at(0), 5
    found = best_sources(best, best_maps, name, channel)
    body, read = network.get_submodule(block).body, best_maps[f"{block}.body.depthwise.relu6"]
    with torch.no_grad():
        result = body.project(torch.from_numpy(read)[None])[0, channel].numpy()
    if added:
        *found, last = found
        assert last.kernel is None and last.channel == channel and last.label.startswith(f"added: {added}, channel 5")
        assert last.stage == ("" if added == "inside" else added)
        result = result + last.map
    assert np.allclose(result, best_maps[name][channel], atol=1e-4 * np.abs(result).max())
    weights = body.project.conv.weight[channel, :, 0, 0].detach().numpy()
    strengths = np.abs(weights) * np.sqrt((read.astype(np.float64) ** 2).mean(axis=(1, 2)))
    assert [one.channel for one in found] == np.argsort(-strengths, kind="stable")[:6].tolist()
    for one in found:
        assert one.stage == "" and one.label == f"inside, channel {one.channel}"
        assert one.title == f"channel {one.channel} after the depthwise convolution of {name}"
        assert one.kernel.tolist() == [[weights[one.channel]]] and np.array_equal(one.map, read[one.channel])
        assert one.strength == pytest.approx(strengths[one.channel], rel=1e-4)


def test_sources_of_a_stem_an_enlargement_and_a_head(best, best_maps):
    def found(name, channel):
        return best_sources(best, best_maps, name, channel)

    network = best.at(0)
    stem = found("stem", 7)
    parts = [F.conv2d(F.pad(torch.from_numpy(one.map), (0, 1, 0, 1))[None, None],
                      torch.from_numpy(one.kernel)[None, None], stride=2) for one in stem]
    with torch.no_grad():
        whole = network.stem.conv(torch.from_numpy(best_maps["input"])[None])[0, 7]
    assert torch.allclose(sum(parts)[0, 0], whole, atol=1e-4)
    assert {one.label for one in stem} == {"input, pre-contrast", "input, FLAIR", "input, post-contrast"}
    assert {one.stage for one in stem} == {""}
    copies = (("up.4", 300, "bottleneck", 300), ("up.2", 3, "decoder.3", 3), ("concat.4", 111, "encoder.4", 111),
              ("concat.4", 112, "up.4", 0))
    check_copies(found, best_maps, copies)
    head = network.output
    weights = head.weight[0, :, 0, 0].detach().numpy()
    logits = np.einsum("c,chw->hw", weights, best_maps["decoder.1"]) + head.bias.item()
    enlarged = F.interpolate(torch.from_numpy(logits)[None, None], scale_factor=2, mode="bilinear")[0, 0].numpy()
    assert np.allclose(enlarged, best_maps["output"][0], atol=1e-3)
    for one in found("output", 0):
        assert one.stage == "decoder.1" and one.kernel.tolist() == [[weights[one.channel]]]


# ---- the widget ------------------------------------------------------------------------------------------------


def test_it_opens_on_the_largest_tumour_at_the_last_step(explorer, series):
    assert (explorer.patient, explorer.slice, explorer.step) == (FIRST, 3, 40)
    planes, mask, image = slice_of(series, 2)
    with torch.no_grad():
        logits = series.at(40)(image[None])[0]
    assert np.array_equal(explorer.image, planes) and np.array_equal(explorer.mask, mask)
    assert np.allclose(explorer.maps["output"], logits, atol=1e-5)
    assert explorer.counts == count((logits[0] >= 0).numpy(), mask)
    explorer.stage, explorer.channel = "bottleneck", 3
    assert np.array_equal(explorer.map, explorer.maps["bottleneck"][3])
    for mine in (explorer.image, explorer.mask, explorer.map, explorer.maps["bottleneck"]):
        mine += 1  # a copy: what is done to it does not reach the network
    assert np.array_equal(explorer.image, planes) and np.array_equal(explorer.mask, mask)
    assert np.array_equal(explorer.map, explorer.maps["bottleneck"][3])


def test_it_opens_the_best_network(best):
    explorer = FeatureExplorer(best, CACHE, boxes="strongest")
    planes, mask, image = slice_of(best, 2)
    with torch.no_grad():
        logits = best.at(0)(image[None])[0]
    assert np.array_equal(explorer.image, planes) and explorer.mask.shape == (256, 256)
    assert np.allclose(explorer.maps["output"], logits, atol=1e-4)
    assert explorer.counts == count(explorer.maps["output"][0] >= 0, mask)
    assert explorer.describe() == (f"Feature explorer: a U-Net; patient {FIRST}, slice 3, Dice "
                                   f"{explorer.counts.dice():.2f}; encoder.2 with 24 channels of 64×64")
    assert explorer.stages[0]["name"] == "stem" and explorer.stages[-1]["height"] == 256
    for stage, channel in (("stem", 31), ("pool.1", 0), ("bottleneck", 319), ("concat.4", 431), ("output", 0)):
        explorer.stage, explorer.channel = stage, channel
        told, data = explorer._answer()
        json.dumps(told, allow_nan=False)
        (found,) = unpack(explorer, told, data)["parts"]
        assert np.array_equal(found["exact"], explorer.maps[stage][channel].ravel())
    assert explorer.picture().width == 780


def unpack(explorer, told, data):
    """The message as arrays, read by the description in _answer and part_of_answer."""
    indices = iter(np.frombuffer(data, np.uint8))

    def take(*shape):
        return np.fromiter(indices, np.uint8, int(np.prod(shape))).reshape(shape)

    size = explorer.image.shape[-1]
    stage = next(one for one in explorer.plan if one.name == told["shown"]["stage"])
    found = {"planes": take(3, size, size), "mask": take(size, size), "parts": []}
    for part in told["parts"]:
        found["parts"].append({
            "pictures": {one.name: take(one.height, one.width) for one in explorer.plan},
            "channels": take(*stage.shape), "exact": take(4 * stage.height * stage.width).view(np.float32),
            "sources": [take(*one["size"]) for one in part["sources"]]})
    assert next(indices, None) is None
    return found


@pytest.mark.parametrize(("stage", "channel", "boxes", "order"), [
    ("encoder.2", 1, "mean", "index"), ("decoder.1", 0, "strongest", "roc_auc"), ("output", 0, "mean", "energy"),
    ("concat.1", 3, "mean", "roc_auc"), ("pool.1", 0, "strongest", "index"), ("up.2", 2, "mean", "index")])
def test_an_answer_holds_every_value(series, stage, channel, boxes, order):
    explorer = FeatureExplorer(series, CACHE, patient=SECOND, step=10, stage=stage, channel=channel, boxes=boxes,
                               order=order, compare="wipe")
    told, data = explorer._answer()
    json.dumps(told, allow_nan=False)
    found = unpack(explorer, told, data)
    assert np.array_equal(found["planes"], explorer.image) and np.array_equal(found["mask"], explorer.mask)
    for step, part, bytes_ in zip((10, 0), told["parts"], found["parts"], strict=True):
        maps = look(series.at(step), explorer.image, CACHE.statistics[1])
        assert part["step"] == step
        for one, (low, high, least, most) in zip(explorer.plan, part["spans"], strict=True):
            whole, picture = maps[one.name], representative(maps[one.name], boxes)
            if one.name == "output":
                picture, whole = probability(maps), np.array([0, 1])
            back = low + bytes_["pictures"][one.name] * (high - low) / 255
            assert np.abs(back - picture).max() <= (high - low) / 509 + 1e-6
            assert (least, most) == (whole.min(), whole.max())
        assert np.array_equal(bytes_["pictures"]["output"] >= 128, probability(maps) >= 0.5)
        assert np.array_equal(bytes_["exact"], maps[stage][channel].ravel())
        low, high = (np.array(part[end])[:, None, None] for end in ("low", "high"))
        assert np.abs(low + bytes_["channels"] * (high - low) / 255 - maps[stage]).max() <= (high - low).max() / 509
        assert part["energy"] == pytest.approx((maps[stage] ** 2).mean(axis=(1, 2)).tolist(), rel=1e-5)
        found_auc = roc_auc_with(maps[stage], explorer.mask)
        assert part["roc_auc"] == pytest.approx((found_auc if order == "roc_auc" else found_auc[[channel]]).tolist())
        assert part["counts"]["tp"] == count(probability(maps) >= 0.5, explorer.mask).tp


def test_without_a_tumour_there_is_no_roc_auc(series):
    explorer = FeatureExplorer(series, CACHE, patient=THIRD, order="roc_auc")
    told, _ = explorer._answer()
    assert set(told["parts"][0]["roc_auc"]) == {None}


@pytest.fixture
def sent(explorer, monkeypatch):
    """What the explorer tells the browser from here on."""
    messages = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers: messages.append((content, buffers[0])))
    return messages


def test_one_answer_for_one_change(explorer, sent):
    for name, value in {"step": 10, "slice": 4, "stage": "up.1", "channel": 1, "compare": "wipe", "boxes": "strongest",
                        "order": "energy"}.items():
        setattr(explorer, name, value)
        assert len(sent) == 1 and sent.pop()[0]["shown"][name] == value
    explorer.patient = SECOND
    assert len(sent) == 1 and (sent[0][0]["shown"]["patient"], sent[0][0]["shown"]["slice"]) == (SECOND, 3)
    assert explorer.strip == [[1, 0], [2, 0], [3, int(CACHE.masks[8].sum())], [4, 0]]
    explorer.scale, explorer.wipe, explorer.opacity = "each stage", 0.2, 0.4  # the browser draws these by itself
    assert len(sent) == 1


def test_a_stage_with_fewer_channels_shows_its_last(explorer, sent):
    explorer.stage, explorer.channel = "bottleneck", 7
    explorer.stage = "encoder.1"
    assert explorer.channel == 1 and sent[-1][0]["shown"]["channel"] == 1 and len(sent) == 3


def test_looks_are_remembered_up_to_a_bound(explorer, series, monkeypatch):
    asked = []
    real = feature_explorer.look
    monkeypatch.setattr(feature_explorer, "look", lambda network, *rest: asked.append(network) or real(network, *rest))
    for step in (0, 10, 40, 0, 10):
        explorer.step = step
    assert len(asked) == 2  # 40 was there from the opening
    monkeypatch.setattr(feature_explorer, "REMEMBERED", 1)
    explorer.slice = 4
    for step in (0, 40, 10, 0, 10):
        explorer.step = step
    assert len(explorer._looks) == 2  # enough for before and after
    assert [series.steps[series.networks.index(one)] for one in asked[2:]] == [10, 0, 40, 10, 0]


def paint(explorer, name, planes, of=None):
    explorer._hear(None, {"kind": "paint", "paint": name, "of": of or [explorer.patient, explorer.slice]},
                   [] if planes is None else [memoryview(planes.tobytes())])


def test_what_is_painted_reaches_the_network(explorer, sent, series):
    before, original = explorer.maps["encoder.1"], explorer.image
    planes = original.copy()
    planes[1, 4:9, 7:15] = 255
    paint(explorer, "me 1", planes)
    assert sent.pop()[0]["shown"]["paint"] == "me 1"
    assert np.array_equal(explorer.image, planes)
    expected = look(series.at(40), planes, CACHE.statistics[0])["encoder.1"]
    assert np.array_equal(explorer.maps["encoder.1"], expected) and not np.array_equal(expected, before)
    explorer.step = 0  # the paint stays while the training is scrubbed
    assert np.array_equal(explorer.image, planes)
    paint(explorer, "me 2", None)
    assert np.array_equal(explorer.image, original)
    paint(explorer, "me 3", planes)
    explorer.slice = 2
    assert np.array_equal(explorer.image, slice_of(series, 1)[0])
    sent.clear()
    paint(explorer, "me 4", planes, of=[FIRST, 3])  # of a slice that was turned away meanwhile
    assert np.array_equal(explorer.image, slice_of(series, 1)[0]) and not sent


def test_a_view_that_opens_later_may_look(explorer, sent):
    explorer.step = 10
    sent.clear()
    explorer._hear(None, {"kind": "look"}, [])
    assert [content["shown"]["step"] for content, _ in sent] == [10]


def test_words_and_picture_stand_still(explorer, series):
    assert explorer.describe() == (
        f"Feature explorer: a U-Net at 3 steps of its training, now step 40; patient {FIRST}, slice 3, Dice "
        f"{explorer.counts.dice():.2f}; encoder.2 with 4 channels of 16×16")
    one, other = (png_bytes(made.picture()) for made in (explorer, FeatureExplorer(series, CACHE)))
    assert one == other
    explorer.channel = 2
    assert png_bytes(explorer.picture()) != one


def test_colours_run_from_the_lowest_value_to_the_highest():
    viridis = matplotlib.colormaps["viridis"]
    ends = [list(viridis(fraction, bytes=True)[:3]) for fraction in (0.0, 1.0)]
    assert coloured(np.array([[2.0, 8.0]])).tolist() == [ends]
    assert coloured(np.full((1, 1), 3.0)).tolist() == [[ends[0]]]
    assert coloured(np.array([[0.0, 0.4]]), 0, 0.4).tolist() == [ends]
    assert coloured(np.array([[0.5]]), 0, 1).tolist() == [[list(viridis(128, bytes=True)[:3])]]


def test_the_picture_keeps_the_colours_of_its_outlines(explorer):
    rgb = np.asarray(explorer.picture().convert("RGB")).reshape(-1, 3)
    seen = {tuple(colour) for colour in np.unique(rgb, axis=0).tolist()}
    assert probability(explorer.maps).max() >= 0.5
    assert {REFERENCE, NETWORK, (255, 255, 255), (0, 112, 79)} <= seen


def test_picture_and_state_are_small(tmp_path):
    """As large as the networks of the lessons, on slices as smooth as heads are."""
    series = load_series(write_series(tmp_path / "large", (0, 10), 128, base=8, depth=4))
    smooth = np.clip(ndimage.gaussian_filter(CACHE.images.astype(float), (0, 3, 3, 0)) * 3 - 256, 0, 255)
    explorer = FeatureExplorer(series, replace(CACHE, images=smooth.astype(np.uint8)))
    assert len(png_bytes(explorer.picture())) < 150_000
    state = explorer.get_state()
    kept = sum(len(base64.b64encode(value)) if isinstance(value, bytes) else len(json.dumps(value))
               for name, value in state.items() if name not in ("layout", "comm"))
    assert kept < 400_000
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == explorer.describe()


def test_chosen_patients_only(series):
    explorer = FeatureExplorer(series, CACHE, [SECOND])
    assert explorer.patient == SECOND and [one["name"] for one in explorer.patients] == [SECOND]
    with pytest.raises(traitlets.TraitError, match="not among"):
        explorer.patient = FIRST
    with pytest.raises(DatasetError, match="no patient 'nobody'"):
        FeatureExplorer(series, CACHE, ["nobody"])


@pytest.mark.parametrize(("name", "value", "error", "message"), [
    ("step", 20, SettingsError, "there are 0, 10, 40"), ("slice", 9, DatasetError, "has no slice 9"),
    ("stage", "encoder.9", traitlets.TraitError, "no stage 'encoder.9'"), ("patient", "x", DatasetError, "no patient"),
    ("compare", "blend", traitlets.TraitError, "wipe"), ("wipe", 2.0, traitlets.TraitError, "wipe")])
def test_what_there_is_not(explorer, name, value, error, message):
    with pytest.raises(error, match=message):
        setattr(explorer, name, value)


def test_networks_that_look_at_context_slices(tmp_path):
    save_model(tmp_path / "step-0000.safetensors", build({"base": 2, "depth": 2, "in_channels": 9}, 0),
               {"data": {"size": 32, "context_slices": 1}})
    with pytest.raises(SettingsError, match="one slice of 3 channels; these take 9"):
        FeatureExplorer(load_series(tmp_path), CACHE)
