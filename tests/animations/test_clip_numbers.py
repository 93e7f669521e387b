"""What the clips show of single operations is what the operations give, computed another way."""

import numpy as np
import pytest
import torch
from clip_numbers import BASELINE, numbers, tensor
from manim_here import needs_manim
from repository import REPOSITORY
from torch import nn
from torch.nn import functional as F

from animations import examples
from animations.arrays import load
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.checkpoint import load_model


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
def test_tables_are_cut_from_the_pictures_they_stand_for():
    from animations.scenes.mri_slice import WAY

    shown = numbers("mri_slice")
    row, column = shown["corner"]
    assert np.array_equal(shown["patch"], shown["image"][row:row + 6, column:column + 6, 1])
    assert 0.3 < shown["reference"][row:row + 6, column:column + 6].mean() < 0.7
    assert np.array_equal(shown["head"][shown["place"]], load("small")) and shown["reference"][WAY[-1]]
    for name, cut, whole in (("relu", "answers", "map"), ("relu", "relu", "relu map"),
                             ("max_pooling", "answers", "map 0")):
        shown = numbers(name)
        row, column = shown["corner"]
        assert np.array_equal(shown[cut], shown[whole][row:row + 4, column:column + 4]), name


@needs_manim
def test_every_block_that_is_pooled_has_one_largest_number():
    shown = numbers("max_pooling")
    assert (shown["corner"] % 2 == 0).all()
    for row, column in np.ndindex(2, 2):
        block = shown["answers"][2 * row:2 * row + 2, 2 * column:2 * column + 2]
        assert (block == block.max()).sum() == 1 and block.max() > 0
    for level, side in enumerate(shown["sides"]):
        values = tensor(shown["map 0"])
        assert np.array_equal(shown[f"map {level}"], F.max_pool2d(values, 2 ** level)[0, 0] if level else values[0, 0])
        assert side == 128 // 2 ** level == len(shown[f"map {level}"])


@needs_manim
def test_three_windows_sums_are_the_feature_maps_numbers():
    shown, x = numbers("channels"), torch.as_tensor(load("x"))[None].double()
    row, column = shown["corner"]
    weights = torch.as_tensor(shown["weights"][shown["chosen"]])[None].double()
    here = F.conv2d(x[..., row:row + 6, column:column + 6], weights)[0, 0].numpy()
    assert shown["maps"][shown["chosen"], row + 1:row + 5, column + 1:column + 5] == pytest.approx(here, abs=1e-4)
    halved = F.avg_pool2d(tensor(load("image").transpose(2, 0, 1))[0], 2)[0]
    assert np.abs(shown["channels"] - halved.numpy()).max() <= 0.5
    padded = numbers("stride_padding")
    assert padded["slice"].tolist() == [128, len(F.conv2d(tensor(load("small")), torch.ones(1, 1, 3, 3).double(),
                                                          padding=1)[0, 0])]


@needs_manim
def test_the_first_layers_maps_are_the_networks():
    network, _ = load_model(BASELINE)
    x = torch.as_tensor(load("x"))[None].float()
    shown = numbers("channels")
    with torch.no_grad():
        first = network.encoder["1"].conv1(x)[0].numpy()
        steps = feature_maps(network, x, ["encoder.1.norm1", "encoder.1.relu1", "encoder.1.norm2", "encoder.1"])
    assert shown["maps"] == pytest.approx(first, abs=1e-4)
    assert shown["parts"].sum(axis=0) == pytest.approx(first[int(shown["chosen"])], abs=1e-4)
    assert shown["learnt"] == network.encoder["1"].conv1.weight.numel()
    block = examples.first_block()
    for name, maps in zip(("norm1", "relu1", "norm2", "relu2"), steps.values(), strict=True):
        assert block[name] == pytest.approx(maps[0].numpy(), abs=1e-3)


@needs_manim
def test_the_kernel_zoo_is_a_trained_networks_and_shows_what_is_said():
    from animations.scenes.kernel_zoo import AGAINST, EDGES, FIRST

    shown, steps = numbers("kernel_zoo"), load_series(REPOSITORY / "data" / "models" / "lgg-steps", calibrated=True)
    network = steps.at(max(steps.steps))
    with torch.no_grad():
        maps = network.encoder["1"].conv1(torch.as_tensor(shown["x"])[None].float())[0].numpy()
    assert shown["maps"] == pytest.approx(maps, abs=1e-4)
    sums = np.abs(shown["kernels"].sum(axis=(1, 2, 3)))
    assert sums[EDGES] == sums.min() < 0.05 * np.abs(shown["kernels"][EDGES]).sum()
    tumour = shown["maps"][:, shown["mask"]]
    assert (tumour[FIRST] > 0).mean() > 0.9 and (tumour[AGAINST] < 0).mean() > 0.9
    assert shown["weights"] * shown["filters"] == network.encoder["1"].conv1.weight.numel()


@needs_manim
def test_a_fully_connected_layers_weights_and_a_map_that_moves_along():
    shown, side = numbers("fully_connected"), len(load("small"))
    assert shown["weights"].tolist() == [64, nn.Linear(64, 64, bias=False).weight.numel(), side**4, 9]
    assert shown["millions"] == 268
    middle = len(shown["maps"]) // 2
    for place in (0, middle + 5, len(shown["maps"]) - 1):
        assert np.array_equal(np.roll(shown["moved"][place], middle - place, axis=1), load("small"))
        moved_back = np.roll(shown["maps"][place], middle - place, axis=1)
        inner = slice(middle + 1, side - middle - 1)
        assert np.array_equal(moved_back[:, inner], shown["maps"][middle][:, inner])
        assert not np.array_equal(shown["maps"][place], shown["maps"][middle]) or place == middle


@needs_manim
def test_all_maps_of_the_network_stamp_into_one():
    shown, (network, _) = numbers("transposed_convolution"), load_model(BASELINE)
    seen = feature_maps(network, torch.as_tensor(load("x"))[None].float(), ["up.2"])["up.2"][0]
    loudest = seen[seen.std((1, 2)).argmax()].numpy()
    assert shown["count"] == network.config.base * 4 == len(shown["sums"]) - 1
    assert shown["sums"][-1] == pytest.approx(loudest, abs=0.02 * float(np.abs(loudest).max()))
    steps = np.abs(np.diff(shown["sums"], axis=0)).max(axis=(1, 2))
    assert (steps > 0).all(), "each map adds something"


@needs_manim
def test_the_costs_of_two_small_kernels_against_a_large_one():
    shown = numbers("double_convolution")
    counted = [(sum(nn.Conv2d(*pair, 3, bias=False).weight.numel() for pair in ((first, last), (last, last))),
                nn.Conv2d(first, last, 5, bias=False).weight.numel())
               for first, last in ((8, 8), (3, 8), (16, 8), (64, 128))]
    assert list(zip(shown["twice"].tolist(), shown["once"].tolist(), strict=True)) == counted
    assert counted[1:] == [(792, 600), (1728, 3200), (221184, 204800)]
    network = load_model(BASELINE)[0]
    blocks = network.encoder["1"], network.decoder["1"], network.bottleneck
    for block, count in zip(blocks, shown["twice"][1:], strict=True):
        assert sum(weight.numel() for weight in block.parameters() if weight.ndim == 4) == count


@needs_manim
def test_the_bottlenecks_map_and_frame():
    shown, side = numbers("bottleneck"), len(load("small"))
    assert shown["field"] > side == shown["pixels"] * shown["maps"].shape[-1]
    row, column = np.unravel_index(shown["maps"][0].argmax(), (8, 8))
    step = int(shown["pixels"])
    block = shown["mask"][row * step:(row + 1) * step, column * step:(column + 1) * step]
    assert block.mean() > 0.5, "the brightest number is said to lie in the tumour"


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
