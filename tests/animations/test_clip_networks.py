"""What the clips show of networks, training and scores is what the networks give, computed another way."""

import csv
import json

import numpy as np
import pytest
import torch
from clip_numbers import BASELINE, numbers
from manim_here import needs_manim
from repository import REPOSITORY
from safetensors.torch import load_file
from torch.nn import functional as F

from animations import examples
from animations.arrays import load, made
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.checkpoint import load_model
from unet_lib.models.unet import UNet


@needs_manim
def test_the_us_shapes_are_the_networks():
    network, card = load_model(BASELINE)
    assert network.config == examples.NETWORK
    assert card["data"]["size"] == len(load("small"))
    maps = feature_maps(UNet(examples.NETWORK), torch.zeros(1, 3, *load("small").shape))
    from animations.scenes.encoder import LEVELS
    from animations.u_in_depth import STAGES

    assert [tuple(shape) for shape in numbers("unet")["shapes"]] == [tuple(maps[name].shape[1:]) for name in STAGES]
    assert [int(count) for count in numbers("encoder")["counts"]] == [maps[name].numel() for name in LEVELS]
    meeting = [maps[name].shape[1] for name in ("encoder.1", "up.1", "concat.1")]
    assert numbers("skip_connection")["channels"].tolist() == meeting


@needs_manim
def test_the_window_that_the_camera_dives_into_is_a_pixel_of_the_first_convolution():
    shown, (row, column) = numbers("unet"), load("patch")
    network, _ = load_model(BASELINE)
    with torch.no_grad():
        first = network.encoder["1"].conv1(torch.as_tensor(load("x"))[None].float())[0, 0]
    assert shown["total"] == pytest.approx(float(first[row + 1, column + 1]), abs=1e-3)
    assert shown["products"].sum() == pytest.approx(shown["sums"][1])


@needs_manim
def test_gradients_of_the_skips_and_of_the_way_below_add_up_in_the_encoder():
    """The gradient of encoder.1 is the skip's, plus what max pooling hands back of pool.1's: zero where nothing won."""
    shown = numbers("backpropagation")
    order = np.argsort(-load_unsorted_std(), kind="stable")
    rest = shown["gradient encoder.1"] - shown["gradient skip.1"][order]
    maps = load("maps encoder.1")
    winners = maps == maps.reshape(8, 64, 2, 64, 2).max((2, 4)).repeat(2, 1).repeat(2, 2)
    assert np.abs(rest[~winners]).max() < 0.02 * np.abs(rest).max() < np.abs(rest[winners]).max()


def load_unsorted_std():
    network, _ = load_model(BASELINE)
    with torch.no_grad():
        maps = feature_maps(network, torch.as_tensor(load("x"))[None].float(), ["encoder.1"])["encoder.1"][0]
    return maps.numpy().std((1, 2))



@needs_manim
def test_loss_and_gradients_against_autograd():
    logits, mask = torch.as_tensor(load("logits")).double(), torch.as_tensor(load("mask")).double()
    shown = numbers("loss_and_descent")
    way, losses = shown["way"]
    for weight, expected, slope in zip(way, losses, shown["gradients"], strict=True):
        bias = torch.tensor(weight, requires_grad=True)
        loss = F.binary_cross_entropy_with_logits(logits + bias, mask)
        loss.backward()
        assert expected == pytest.approx(loss.item(), rel=1e-9)
        assert slope == pytest.approx(bias.grad.item(), rel=1e-6, abs=1e-9)
    assert shown["gradient"] == shown["gradients"][0] == shown["gradients"].max()
    assert np.diff(way) == pytest.approx(-shown["rate"] * shown["gradients"][:-1])
    assert (np.diff(losses) < 0).all()
    chances, one_pixel = shown["pixel"]
    assert one_pixel == pytest.approx(-np.log(chances), abs=1e-9)
    assert shown["mask"].sum() == load("mask").sum(), "the whole tumour is shown"
    first, *_, last = (2 * (answer & shown["mask"]).sum() / (answer.sum() + shown["mask"].sum())
                       for answer in shown["answers"])
    assert first < last, "the outline is to come closer"
    logits.requires_grad_()
    F.binary_cross_entropy_with_logits(logits, mask).backward()
    assert numbers("backpropagation")["gradient"] == pytest.approx(logits.grad.numpy(), abs=1e-15)


@needs_manim
def test_the_computation_graphs_loss_and_gradients_against_autograd():
    shown = numbers("computation_graph")
    weights = {name: torch.tensor(values, requires_grad=True) for name, values in
               {"w": [-0.5, 1, 0.5], "wb": [-1.0], "v": [1, 0.5, 0.5], "vb": [0.5], "k": [0.5, -0.5], "kb": [0.5],
                "q": [0.5, -1], "qb": [-0.5]}.items()}
    x, mask = torch.tensor([[1.0, 2, 3, 0]]), torch.tensor([[0.0, 1, 1, 0]])

    def step():
        a = F.conv1d(x[None], weights["w"][None, None], weights["wb"], padding=1).relu()
        r = F.conv1d(F.max_pool1d(a, 2), weights["v"][None, None], weights["vb"], padding=1).relu()
        u = F.conv_transpose1d(r, weights["k"][None, None], weights["kb"], stride=2)
        logits = F.conv1d(torch.cat([a, u], 1), weights["q"][None, :, None], weights["qb"])[0]
        return logits.sigmoid(), F.binary_cross_entropy_with_logits(logits, mask)

    before, loss = step()
    loss.backward()
    assert shown["p"] == pytest.approx(before[0].tolist()) and shown["L"] == pytest.approx(loss.item())
    assert shown["gradient w"] == pytest.approx(weights["w"].grad.numpy())
    with torch.no_grad():
        for weight in weights.values():
            weight -= 0.5 * weight.grad
    after, loss = step()
    assert shown["p after"] == pytest.approx(after[0].tolist()) and shown["L after"] == pytest.approx(loss.item())
    z, c = torch.logit(after)[0], F.conv1d(x[None], weights["w"][None, None], weights["wb"], padding=1).flatten()
    assert shown["z after"] == pytest.approx(z.tolist()) and shown["c after"] == pytest.approx(c.tolist())


@needs_manim
def test_the_head_is_one_the_network_was_not_trained_on():
    shown, (_, card) = numbers("hook"), load_model(BASELINE)
    assert made()["patient"] not in card["split"]["train"] + card["split"]["validation"]
    assert shown["count"] == len(shown["slices"]) == len(shown["predicted"])
    place = made()["slice"] - 1
    assert np.array_equal(shown["slices"][place], load("small"))
    assert (shown["predicted"][place] != (load("logits") >= 0)).mean() < 1e-3
    both, either = shown["predicted"] & shown["reference"], shown["predicted"] | shown["reference"]
    assert both.sum() / either.sum() > 0.8, "the outlines are said to be close"


@needs_manim
def test_the_failures_are_of_unseen_phantoms_and_as_bad_as_is_said():
    from animations.make_arrays import FAILURES

    shown, (_, card) = numbers("where_it_fails"), load_model(BASELINE)
    assert set(FAILURES) <= set(card["split"]["test"]) and len(shown["images"]) == len(FAILURES) == 6
    cases = [[set(map(tuple, np.argwhere(mask))) for mask in pair] for pair in zip(shown["predicted"], shown["masks"])]
    dice = [2 * len(a & b) / (len(a) + len(b)) for a, b in cases]
    assert shown["dice"] == pytest.approx(dice)
    assert shown["best"] == pytest.approx(max(dice)) and shown["worst"] == pytest.approx(min(dice))
    (found, tumour), (called, other) = (cases[dice.index(value)] for value in sorted(dice)[:2])
    assert abs(shown["missed"] - 100 * len(tumour - found) / len(tumour)) <= 0.5 and shown["missed"] > 50
    assert shown["false"] == len(called - other)


@needs_manim
def test_what_skips_are_worth_on_a_slice_and_in_training():
    from unet_lib.inspection.attribution import ablate_skips

    shown, (network, _) = numbers("skips_on_off"), load_model(BASELINE)
    x, mask = torch.as_tensor(load("x"))[None].float(), torch.as_tensor(load("mask"))
    scores = []
    for levels in ([], [1], [2], [3], [4], [1, 2, 3, 4]):
        with torch.no_grad(), ablate_skips(network, dict.fromkeys(levels, "zeroed")):
            answer = network.eval()(x)[0, 0] > 0
        scores.append(float(2 * (answer & mask).sum() / (answer.sum() + mask.sum())))
    assert shown["dice"] == pytest.approx(scores, abs=5e-3)
    assert max(scores[1:3]) < min(scores[3:5]) and scores[5] == 0
    assert shown["mask"].sum() == mask.sum(), "the whole tumour is shown"
    rows = json.loads((REPOSITORY / "data" / "results" / "skip_ablation.json").read_text("utf-8"))["rows"]
    by_seed = {(row["how"], row["seed"]): row["mean_dice"] for row in rows if row["levels"] in ([], [1, 2, 3, 4])}
    assert shown["kinds"].tolist() == [[by_seed[how, seed] for seed in range(int(shown["seeds"]))] for how in
                                       ("all skips", "zeroed", "retrained without")]
    lost = [by_seed["all skips", seed] - by_seed["retrained without", seed] for seed in range(int(shown["seeds"]))]
    assert shown["seeds"] >= 2 and (shown["low"], shown["high"]) == (min(lost), max(lost))
    assert {row["patients"] for row in rows} == {int(shown["patients"])}


@needs_manim
def test_the_training_loop_shows_the_kept_networks_and_their_losses():

    shown, mask = numbers("training_loop"), torch.as_tensor(load("mask"))
    series, x = load_series(REPOSITORY / "data" / "models" / "lgg-steps", calibrated=True), torch.as_tensor(load("x"))
    assert list(shown["steps"]) == list(series.steps)
    for place in (0, 1, len(series.steps) - 1):
        with torch.no_grad():
            logits = series.at(series.steps[place]).eval()(x[None].float())[0, 0]
        assert shown["losses"][place] == pytest.approx(
            float(F.binary_cross_entropy_with_logits(logits, mask.float())), rel=0.02)
        assert np.abs(shown["probability"][place] - torch.sigmoid(logits).numpy()).max() < 0.05
    answers = shown["probability"] >= 0.5
    dice = [2 * (one & shown["mask"]).sum() / (one.sum() + shown["mask"].sum()) for one in answers]
    assert dice[0] < 0.3 and min(dice[1:]) > 0.85, "near the tumour from the tenth turn on"
    assert (shown["start"], shown["end"]) == (shown["losses"][0], shown["losses"][-1])
    assert shown["last"] == series.steps[-1]
    assert shown["end"] < 0.1 * shown["start"] and (np.diff(shown["losses"]) > 0).any(), "falls, though not evenly"


@needs_manim
def test_with_and_without_the_first_skip():
    from unet_lib.inspection.attribution import ablate_skips

    shown, (network, _) = numbers("skip_connection"), load_model(BASELINE)
    x, mask = torch.as_tensor(load("x"))[None].float(), torch.as_tensor(load("mask"))
    found = []
    for levels, dice in zip(([], [1]), shown["dice"], strict=True):
        with torch.no_grad(), ablate_skips(network, dict.fromkeys(levels, "zeroed")):
            answer = network.eval()(x)[0, 0] > 0
        found.append(int((answer & mask).sum()))
        assert dice == pytest.approx(float(2 * found[-1] / (answer.sum() + mask.sum())), abs=5e-3)
    assert found[1] < 0.8 * found[0] and shown["mask"].sum() == mask.sum()
    assert shown["pixels"].tolist() == [shown["encoder.1"].shape[-1], shown["decoder.2"].shape[-1]]


@needs_manim
def test_probabilities_thresholds_dice_and_accuracy():
    shown = numbers("output_threshold")
    logits = torch.as_tensor(shown["logits"])
    assert shown["probability"] == pytest.approx(torch.sigmoid(logits).numpy())
    unsure = load("failure probability")[load("unsure")]
    assert np.abs(torch.sigmoid(torch.as_tensor(load("unsure logits"))).numpy() - unsure).max() < 0.01
    counted = [int((logits >= np.log(stop / (1 - stop))).sum()) for stop in shown["stops"]]
    assert shown["pixels"].tolist() == counted and shown["stops"][0] == 0.5
    assert counted[1] < 0.6 * counted[0] and counted[2] > 1.4 * counted[0], "the mask is to change much"
    assert (load("unsure logits") >= 0).sum() == counted[0], "all that is marked at 0.5 is shown"
    dice = numbers("dice")
    a, b = (set(map(tuple, np.argwhere(dice[name]))) for name in ("reference", "prediction"))
    assert dice["counts"].tolist() == [len(a & b), len(b - a), len(a - b)]
    assert dice["dice"] == pytest.approx(2 * len(a & b) / (len(a) + len(b)))
    paradox = numbers("accuracy_paradox")
    assert paradox["tumour"] + paradox["right"] == paradox["all"] == 1000
    assert paradox["right"] / 1000 == pytest.approx(paradox["scores"][0, 0], abs=5e-4)
    assert paradox["scores"][0, 1] == 0 < paradox["scores"][1, 1]
    assert 0 < paradox["gains"][0] < 0.01 < 0.5 < paradox["gains"][1], "a little, and a lot"
    history = list(csv.DictReader((REPOSITORY / "data" / "models" / "lgg-steps" / "history.csv").open()))
    assert int(history[-1]["step"]) == 1600 and float(history[-1]["train_f1"]) > 0.5, "it did learn"


def calibrated_at(step, blocks):
    """Maps of lgg-steps on the slice; the calibrated statistics are put into the network by hand here."""
    folder = REPOSITORY / "data" / "models" / "lgg-steps"
    network, _ = load_model(folder / f"step-{step:04}.safetensors")
    norms = {name.partition(".")[2]: values for name, values in load_file(folder / "batch_norm.safetensors").items()
             if name.startswith(f"{step}.")}
    assert norms and norms.keys() <= network.state_dict().keys()
    network.load_state_dict({**network.state_dict(), **norms})
    x = torch.as_tensor(load("x"))[None].float()
    return {name: maps[0] for name, maps in feature_maps(network, x, blocks).items()}


@needs_manim
def test_the_maps_before_and_after_are_the_calibrated_networks():
    shown = numbers("before_after")
    maps = {when: calibrated_at(step, ["decoder.1"])["decoder.1"].numpy()
            for step, when in zip(shown["steps"], ("before", "after"), strict=True)}
    for when, values in maps.items():
        assert np.abs(shown[when] - values).mean() < 0.03, "the arrays keep 255 levels, of x too"
        assert np.corrcoef(shown[when].flat, values.flat)[0, 1] > 0.998
    inside = maps["after"][:, load("mask")]
    assert shown["count"] == sum(np.quantile(inside, 0.1, axis=1) > 4) and shown["count"] + shown["others"] == 8
    assert np.quantile(inside[~shown["bright"]], 0.95) < 0.05 * shown["top"], "said to be dark"
    ordered = np.sort(np.concatenate([shown[when].ravel() for when in maps]))
    assert shown["top"] == pytest.approx(ordered[int(0.99 * len(ordered))], rel=0.01)


@needs_manim
def test_what_is_said_of_the_maps_in_training_is_so():
    from animations.make_arrays import WATCHED as KEPT
    from animations.scenes.training_maps import WATCHED

    channels = dict(zip(KEPT, load("series channels"), strict=True))
    shown, mask = numbers("training_maps"), torch.as_tensor(load("mask"))
    assert shown["steps"].tolist() == [0, 10, 20, 40, 80, 160, 320, 640, 1000, 1600]
    for place in (0, 2, 9):
        step = shown["steps"][place]
        maps = calibrated_at(step, [*WATCHED, "output"])
        logits = maps.pop("output")[0]
        loss = F.binary_cross_entropy_with_logits(logits, mask.float()).item()
        assert shown["losses"][place] == pytest.approx(loss, rel=0.05)
        assert shown[f"{step} probability"] == pytest.approx(logits.sigmoid().numpy(), abs=0.15)
        told = [maps[name][channels[name]] for name in WATCHED]
        large = [F.interpolate(one[None, None], size=mask.shape)[0, 0] for one in told]
        assert shown["shows"][place] == sum(one[mask].mean() > 5 * one[~mask].mean() for one in large)
    patch = shown["160 bottleneck"]
    assert (patch > patch.max() / 2).sum() > 2 * (shown["1600 bottleneck"] > shown["1600 bottleneck"].max() / 2).sum()


def test_the_arrays_are_what_the_networks_make_of_a_phantom():
    from animations.make_arrays import compute
    from unet_lib.data.cache import open_cache

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
