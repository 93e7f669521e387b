"""The shape explorer without a web browser: what it says equals the plan, the model and the network's own maps."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.models import blocks, unet
from unet_lib.models.architecture import plan, totals
from unet_lib.models.blocks import Concat, DoubleConv, Up
from unet_lib.models.efficientnet_unet import EfficientNetUNet
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet
from unet_lib.widgets.shape_explorer import ShapeExplorer
from unet_lib.widgets.shape_explorer.shape_explorer import BASES, explain, feature_maps, source_of_parts
from unet_lib.widgets.shape_explorer.shape_words import cards, formulas, large, memory, panel, problem

SETTINGS = st.fixed_dictionaries({
    "depth": st.integers(1, 5), "base": st.sampled_from(BASES), "size": st.sampled_from([32, 64, 96, 512]),
    "in_channels": st.integers(1, 4), "batch_norm": st.booleans(), "batch": st.integers(1, 32)})
START = {"depth": 4, "base": 64, "size": 256, "in_channels": 3, "batch_norm": True, "batch": 1}


def planned(chosen):
    return plan(chosen["in_channels"], chosen["base"], chosen["depth"], chosen["size"],
                batch_norm=chosen["batch_norm"])


def work_out(formula):
    """The value of "9·3·64 + 4·64"; nothing there is nought."""
    return eval(formula.replace("·", "*"), {"__builtins__": {}}) if formula else 0


@settings(max_examples=40, deadline=None)
@given(chosen=SETTINGS)
def test_every_formula_gives_the_plans_number(chosen):
    for stage in planned(chosen):
        parameters, products, kept = map(work_out, formulas(stage, chosen["batch"], chosen["batch_norm"]))
        assert (parameters, products) == (stage.parameters, stage.multiply_adds)
        assert kept == stage.kept_bytes(chosen["batch"])
        rows = {label: (formula, value) for label, formula, value in panel(stage, chosen["batch"], True)["rows"]}
        assert work_out(rows["output, bytes"][0]) == stage.output_bytes(chosen["batch"])
        assert rows["parameters"][1] == f"{stage.parameters:,}"
        assert rows["multiply-adds"][1] == f"{stage.multiply_adds:,}"
        assert str(stage.receptive_field) in rows["receptive field"][1]


@settings(max_examples=15, deadline=None)
@given(chosen=SETTINGS.filter(lambda chosen: chosen["base"] <= 16))
def test_shapes_in_and_out_are_the_models(chosen):
    network = UNet(base=chosen["base"], depth=chosen["depth"], in_channels=chosen["in_channels"],
                   batch_norm=chosen["batch_norm"]).to("meta").eval()
    seen = {}
    for stage in planned(chosen):
        network.get_submodule(stage.name).register_forward_hook(
            lambda m, given, out, name=stage.name: seen.update({name: ([tuple(x.shape[1:]) for x in given],
                                                                       tuple(out.shape[1:]))}))
    network(torch.zeros(1, chosen["in_channels"], chosen["size"], chosen["size"], device="meta"))
    for stage in planned(chosen):
        said, handed_on = panel(stage, 1, chosen["batch_norm"])["rows"][0][1].split(" → ")
        inputs, output = seen[stage.name]
        assert handed_on == " × ".join(map(str, output))
        if len(inputs) == 2:
            (skip, h, w), (ours, _, _) = inputs
            assert said == f"({skip} + {ours}) × {h} × {w}"
        else:
            assert said == " × ".join(map(str, inputs[0]))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_line_that_makes_a_block_makes_that_block(batch_norm):
    network = UNet(base=4, depth=2, batch_norm=batch_norm)
    names = {"nn": nn, "DoubleConv": DoubleConv, "Up": Up, "Concat": Concat}
    for stage in plan(3, 4, 2, 32, batch_norm=batch_norm):
        block = eval(panel(stage, 1, batch_norm)["build"], names)
        assert repr(block) == repr(network.get_submodule(stage.name))


def test_the_code_shown_stands_in_the_model():
    import inspect

    lines = {line.strip() for line in (inspect.getsource(unet) + inspect.getsource(blocks)).splitlines()}
    parts = source_of_parts()
    assert list(parts) == ["encoder", "pool", "bottleneck", "up", "concat", "decoder", "output"]
    for part, text in parts.items():
        shown = [line.strip() for line in text.splitlines() if not line.startswith("# ")]
        assert set(shown) <= lines
        assert f"self.{part} = " in text and re.search(rf"network\.{part}\b.*\(", text)
    assert "class DoubleConv(nn.Sequential):" in parts["decoder"]
    assert "torch.cat([skip, x], dim=1)" in parts["concat"]


@pytest.mark.parametrize(("number", "said"), [
    (0, "0"), (950, "950"), (487_469, "487,469"), (9_994_000, "9.99 million"),
    (9_996_000, "10.0 million"), (31_037_633, "31.0 million"),
    (48_167_387_136, "48.2 billion"), (2_000_000_000_000, "2.00 trillion")])
def test_large_numbers_in_three_figures(number, said):
    assert large(number) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 bytes"), (999, "999 bytes"), (65_536, "65.5 kB"),
                                              (343_193_600, "343 MB"), (5_490_391_040, "5.49 GB")])
def test_memory_in_three_figures(number, said):
    assert memory(number) == said


def test_the_cards_are_the_totals():
    stages = plan(3, 32, 4, 256)
    whole = totals(stages, 8)
    said = {label: (value, detail) for label, value, detail in cards(stages, 8)}
    assert said["parameters"] == ("7.76 million", "7,763,041, or 31.1 MB")
    assert said["kept"][0] == memory(whole.kept_bytes) == "1.38 GB"
    assert said["stage outputs"][0] == memory(whole.output_bytes)
    assert said["receptive field"][0] == "204 × 204"


def test_a_size_that_does_not_fit_is_explained_with_fixes_that_work():
    said = problem({**START, "size": 100})
    assert said["text"] == "100×100 does not fit: 4 poolings halve the image's side, so it must be divisible by 16."
    assert said["chain"] == ["100", "50", "25", "12.5"]
    assert [fix["label"] for fix in said["fixes"]] == ["size 96", "size 112", "depth 2"]


@settings(max_examples=60, deadline=None)
@given(depth=st.integers(1, 5), size=st.integers(32, 512))
def test_every_fix_fits_and_every_misfit_has_one(depth, size):
    explorer = explain({**START, "depth": depth, "size": size}, START)
    assert bool(explorer["problem"]) == (size % 2**depth != 0)
    for fix in explorer["problem"].get("fixes", []):
        chosen = {"depth": depth, "size": size} | fix["set"]
        plan(3, 4, **chosen)
        assert 1 <= chosen["depth"] <= 5 and 32 <= chosen["size"] <= 512
    if explorer["problem"]:
        assert explorer["problem"]["fixes"]
        with pytest.raises(ShapeError):
            plan(3, 4, depth, size)


def test_the_last_plan_that_fits_stays():
    explorer = ShapeExplorer(depth=3, base=8, size=128)
    explorer.size = 100
    assert explorer.answer["asked"]["size"] == 100
    assert explorer.answer["shown"]["size"] == 128
    assert explorer.plan == plan(3, 8, 3, 128)
    explorer.depth = 2
    assert not explorer.answer["problem"]
    assert explorer.plan == plan(3, 8, 2, 100)


def test_it_may_begin_with_a_size_that_does_not_fit():
    explorer = ShapeExplorer(size=100)
    assert explorer.answer["problem"]["chain"][0] == "100"
    assert explorer.plan == plan(3, 64, 4, 112)


def test_a_stage_that_is_gone_gives_way_to_the_bottleneck():
    explorer = ShapeExplorer(depth=4, stage="decoder.4")
    explorer.depth = 2
    assert explorer.stage == "bottleneck"


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"depth": 6}, {"base": 5}, {"size": 16}, {"in_channels": 5},
                                   {"batch": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        ShapeExplorer(**wrong)


@pytest.fixture(scope="module")
def network():
    return build({"base": 4, "depth": 2}, seed=3)


@pytest.fixture(scope="module")
def image():
    return torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_feature_maps_are_the_networks_own_and_leave_no_hook(network, image):
    found = feature_maps(network, image)
    assert list(found) == [stage.name for stage in plan(3, 4, 2, 32)]
    assert network.training and not any(m._forward_hooks for m in network.modules())
    with torch.no_grad():
        first = network.eval().encoder["1"](image[None])[0].numpy()
        logits = network(image[None])[0].numpy()
    network.train()
    assert found["encoder.1"].channel == first.std((1, 2)).argmax()
    assert np.array_equal(found["encoder.1"].values, first[found["encoder.1"].channel])
    assert np.array_equal(found["output"].values, logits[0])


def test_the_map_is_shown_only_with_the_networks_own_settings(network, image):
    explorer = ShapeExplorer(network, image, stage="decoder.1")
    assert (explorer.depth, explorer.base, explorer.size) == (2, 4, 32)
    assert explorer.feature["stage"] == "decoder.1"
    shown = np.asarray(Image.open(io.BytesIO(explorer.feature_png)))  # the palette's places
    values = feature_maps(network, image)["decoder.1"].values
    assert np.abs(shown / 255 - (values - values.min()) / np.ptp(values)).max() < 0.003
    explorer.base, explorer.batch_norm = 16, False
    assert explorer.feature_png == b""
    assert explorer.feature["text"].endswith("with base 4, batch norm True.")
    assert explorer.feature["set"] == {"base": 4, "batch_norm": True}


def test_without_a_network_it_says_so():
    explorer = ShapeExplorer()
    assert explorer.feature["text"].startswith("No network was given")
    assert "set" not in explorer.feature


def test_another_network_is_drawn_elsewhere(image):
    with pytest.raises(SettingsError, match=r"a UNet; got EfficientNetUNet. Draw its stages with draw_unet"):
        ShapeExplorer(EfficientNetUNet(), image)


def test_a_network_needs_a_square_image(network):
    with pytest.raises(SettingsError, match="also needs a square image"):
        ShapeExplorer(network)
    with pytest.raises(SettingsError, match="channels × height × width"):
        ShapeExplorer(network, torch.zeros(3, 16, 32))


def test_still_picture_and_sentence():
    explorer = ShapeExplorer(depth=3, base=8, size=64)
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == (
        "Shape explorer: U-Net of depth 3, base 8, with batch norm, for 3 × 64 × 64 numbers an image: "
        f"{totals(explorer.plan).parameters:,} parameters, 36.7 million multiply-adds an image")
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert metadata["image/png"] == {"alt": data["text/plain"], "width": picture.width, "height": picture.height}
    assert explorer._repr_mimebundle_()[0]["image/png"] == data["image/png"]


def test_it_stays_small_and_asks_the_network_for_nothing():
    state = ShapeExplorer(depth=5).get_state()
    assert len(json.dumps(state["answer"])) < 40_000
    assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg)|@import", state["_esm"] + state["_css"])
