"""Feature maps caught by hooks: against a network run block by block, torch.fx, and NumPy on all maps at once."""

from inspect import unwrap

import numpy as np
import pytest
import torch
from torch import fx, nn

from unet_lib.core.errors import SettingsError
from unet_lib.inspection.activations import (
    ChannelStatistics,
    block_names,
    capture,
    channel_statistics,
    feature_maps,
    map_statistics,
)
from unet_lib.models.ablations import VARIANTS, build_variant
from unet_lib.models.architecture import plan
from unet_lib.models.blocks import Concat, DoubleConv, Up
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet, forward_pass

IMAGES = torch.randn(4, 3, 16, 24, generator=torch.Generator().manual_seed(0))
EVERY = tuple(stage.name for stage in plan(base=3, depth=2, size=16))


@pytest.fixture
def network() -> UNet:
    """Untrained, with a history for its batch norms, so that the two modes give different maps."""
    made = build({"base": 3, "depth": 2}, seed=1)
    made(IMAGES * 3 + 1)
    return made


def hooks(network: nn.Module) -> int:
    """How many hooks hang on the network and its parts."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def flags(network: nn.Module) -> list[bool]:
    return [module.training for module in network.modules()]


def test_block_names_are_the_plans():
    assert block_names(UNet(base=3, depth=2)) == EVERY


def test_the_blocks_of_another_network_must_be_named():
    with pytest.raises(SettingsError, match="got Sequential. Name the blocks"):
        block_names(nn.Sequential(nn.ReLU()))
    with capture(nn.Sequential(nn.ReLU()), ["0"]) as maps:
        assert nn.Sequential(nn.ReLU())(IMAGES).shape == IMAGES.shape and not maps


def test_every_block_is_caught_in_the_order_of_the_data_and_as_the_plan_says(network):
    with capture(network) as maps:
        network(IMAGES)
    assert [(name, tuple(found.shape)) for name, found in maps.items()] == \
        [(stage.name, (4, *stage.shape)) for stage in plan(base=3, depth=2, size=(16, 24))]


def test_maps_are_what_the_blocks_compute_by_hand(network):
    """Each block called on what the block before it gave, without any hook."""
    with capture(network) as maps, torch.no_grad():
        logits = network(IMAGES)
    network.eval()
    with torch.no_grad():
        first = network.encoder["1"](IMAGES)
        second = network.encoder["2"](network.pool["1"](first))
        below = network.bottleneck(network.pool["2"](second))
        middle = network.decoder["2"](torch.cat([second, network.up["2"](below)], dim=1))
        joined = torch.cat([first, network.up["1"](middle)], dim=1)
    for name, expected in (("encoder.1", first), ("encoder.2", second), ("bottleneck", below), ("decoder.2", middle),
                           ("concat.1", joined), ("output", logits)):
        torch.testing.assert_close(maps[name], expected, rtol=0, atol=0)


class WithoutCheck(UNet):
    """The check of the size asks for numbers, and that of the signature for a tensor; a symbolic trace has neither."""

    def forward(self, image):
        return unwrap(forward_pass)(self, image)


def test_maps_agree_with_an_interpreter_of_the_traced_graph(network):
    """torch.fx turns the network into a list of calls; carried out one by one they need no hooks."""

    class Tracer(fx.Tracer):
        def is_leaf_module(self, module, path):
            return isinstance(module, DoubleConv | Up | Concat) or super().is_leaf_module(module, path)

    class Interpreter(fx.Interpreter):
        def call_module(self, target, args, kwargs):
            seen[target] = super().call_module(target, args, kwargs)
            return seen[target]

    seen = {}
    twin = WithoutCheck(network.config).eval()
    twin.load_state_dict(network.state_dict())
    with torch.no_grad():
        Interpreter(fx.GraphModule(twin, Tracer().trace(twin))).run(IMAGES)
        with capture(network) as maps:
            network(IMAGES)
    assert list(seen) == list(maps) == list(EVERY)
    for name in EVERY:
        assert torch.equal(maps[name], seen[name]), name


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_caught(name):
    network = build_variant(name, base=3, depth=2, seed=0)
    with capture(network) as maps:
        logits = network(IMAGES)
    assert tuple(maps) == EVERY
    assert torch.equal(maps["output"], logits)
    if name == "no skips":
        assert torch.equal(maps["concat.1"], maps["up.1"])
    if name == "skips added":
        assert torch.equal(maps["concat.1"], maps["encoder.1"] + maps["up.1"])


def test_a_layer_inside_a_block_can_be_caught(network):
    names = ["encoder.1.norm2", "encoder.1", "encoder.1.conv2"]
    with capture(network, names) as maps:
        network(IMAGES)
    assert set(maps) == set(names)
    assert (maps["encoder.1.norm2"] < 0).any()  # before the ReLU, and not changed by it
    assert torch.equal(maps["encoder.1.norm2"].relu(), maps["encoder.1"])


def test_one_name_need_not_stand_in_a_list(network):
    with capture(network, "bottleneck") as maps:
        network(IMAGES)
    assert list(maps) == ["bottleneck"]


@pytest.mark.parametrize(("name", "hint"), [
    ("encoder.9", "encoder.2"), ("botleneck", "bottleneck"), ("encoder", "encoder.1"), ("up", "up.1"),
    ("", "encoder.1"), ("b", "Did you mean")])
def test_an_unknown_name_is_refused_with_similar_ones_before_any_hook_is_set(network, name, hint):
    with pytest.raises(SettingsError, match="expected the name of a block") as refused, \
            capture(network, ["bottleneck", name]):
        raise AssertionError("the with must not be entered")
    assert f"got {name!r}" in str(refused.value) and hint in str(refused.value)
    assert hooks(network) == 0
    assert all(flags(network))


def test_hooks_are_gone_and_each_flag_is_back_after_the_with(network):
    network.bottleneck.eval()
    network.decoder["1"].norm1.eval()
    before = flags(network)
    with capture(network):
        assert not any(flags(network))
        assert hooks(network) == 1 + len(EVERY)
    assert flags(network) == before
    assert len(set(before)) == 2
    assert hooks(network) == 0


@pytest.mark.parametrize("fault", ["in the with", "in the network"])
def test_hooks_are_gone_and_each_flag_is_back_after_an_exception(network, fault):
    network.bottleneck.eval()
    before = flags(network)
    with pytest.raises((ZeroDivisionError, ValueError)), capture(network):
        if fault == "in the with":
            raise ZeroDivisionError
        network(IMAGES[:, :, :15])
    assert flags(network) == before
    assert hooks(network) == 0


def test_maps_are_copies(network):
    with capture(network) as maps, torch.no_grad():
        logits = network(IMAGES)
        expected = logits.clone()
        maps["output"].fill_(7)
        assert torch.equal(logits, expected)
        logits.zero_()
        assert (maps["output"] == 7).all()


def test_a_change_in_place_further_on_does_not_reach_a_map():
    network = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
    with capture(network, ["0"]) as maps:
        network(IMAGES.clone())
    assert torch.equal(maps["0"], IMAGES)


def test_changing_a_map_does_not_change_the_answer(network):
    def spoil(module, given):
        maps["encoder.1"].zero_()

    with capture(network) as maps:
        expected = network(IMAGES)
        with network.bottleneck.register_forward_pre_hook(spoil):  # the skip of level 1 is still to be used
            assert torch.equal(network(IMAGES), expected)
        assert not maps["encoder.1"].any()


def test_maps_carry_no_gradient_and_the_answer_keeps_its_own(network):
    with capture(network) as maps:
        logits = network(IMAGES)
    assert not any(found.requires_grad for found in maps.values())
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_a_later_pass_replaces_the_maps(network):
    with capture(network) as maps:
        network(IMAGES)
        kept = maps["encoder.1"]
        network(IMAGES[:2] + 1)
        assert maps["encoder.1"].shape[0] == 2
        assert kept.shape[0] == 4
        with pytest.raises(ValueError, match="divisible"):
            network(IMAGES[:, :, :15])
        assert not maps  # rather nothing than the maps of an earlier image


def test_after_the_with_the_maps_stay_and_are_no_longer_filled(network):
    with capture(network) as maps:
        network(IMAGES)
    kept = maps["bottleneck"].clone()
    network(IMAGES + 1)
    assert torch.equal(maps["bottleneck"], kept)


def test_nested_captures_do_not_know_of_each_other(network):
    network.bottleneck.eval()
    before = flags(network)
    with capture(network, ["encoder.1", "bottleneck"]) as outer:
        with capture(network, ["bottleneck", "output"]) as inner:
            network(IMAGES)
        assert set(inner) == {"bottleneck", "output"}
        assert torch.equal(inner["bottleneck"], outer["bottleneck"])
        assert not any(flags(network))
        network(IMAGES[:1])
        assert outer["bottleneck"].shape[0] == 1
        assert inner["bottleneck"].shape[0] == 4
    assert flags(network) == before
    assert hooks(network) == 0


def test_in_evaluation_mode_company_does_not_matter_and_running_averages_stay(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with capture(network) as together:
        network(IMAGES)
    for position, image in enumerate(IMAGES):
        with capture(network) as alone:
            network(image[None])
        for name in EVERY:
            torch.testing.assert_close(alone[name][0], together[name][position])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_feature_maps_are_those_of_one_large_batch(network):
    with capture(network) as maps:
        network(IMAGES)
    for batch in (1, 3, 16):
        found = feature_maps(network, IMAGES, ["pool.1", "decoder.1"], batch=batch)
        assert list(found) == ["pool.1", "decoder.1"]
        for name, stack in found.items():
            torch.testing.assert_close(stack, maps[name])
            assert not stack.requires_grad
    assert all(flags(network))


def test_statistics_are_those_of_all_maps_at_once(network):
    found = channel_statistics(network, IMAGES.split(3))
    assert tuple(found) == EVERY
    for name, maps in feature_maps(network, IMAGES, EVERY, batch=3).items():
        flat = maps.double().transpose(0, 1).flatten(1).numpy()
        ours = found[name]
        assert ours.values == flat.shape[1]
        np.testing.assert_allclose(ours.mean, flat.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(ours.variance, flat.var(axis=1), rtol=1e-12)
        np.testing.assert_array_equal(ours.sparsity, (flat == 0).mean(axis=1))
        np.testing.assert_array_equal(ours.least, flat.min(axis=1))
        np.testing.assert_array_equal(ours.greatest, flat.max(axis=1))
    assert 0.1 < found["encoder.1"].sparsity.mean() < 0.9


def test_statistics_do_not_depend_on_how_the_images_are_cut_into_batches(network):
    one, many = (channel_statistics(network, IMAGES.split(n), ["bottleneck"])["bottleneck"] for n in (4, 1))
    np.testing.assert_allclose(one.variance, many.variance, rtol=1e-5)
    assert one.values == many.values == 4 * 4 * 6


def test_a_large_mean_does_not_drown_a_small_variance():
    """Adding up squares would lose it: 1e8² has sixteen digits, and a double keeps no more."""
    parts = [torch.tensor([[[1e8 + step for step in steps]]], dtype=torch.double) for steps in ((0, 1), (1, 2, 0))]
    found = map_statistics(parts[0]) + map_statistics(parts[1])
    values = np.array([0, 1, 1, 2, 0])
    assert found.variance[0] == pytest.approx(values.var(), rel=1e-9)
    flat = 1e8 + values
    assert abs((flat**2).mean() - flat.mean() ** 2 - values.var()) > 0.1  # the shortcut, for comparison


def test_two_hand_counted_maps():
    channels = torch.tensor([[[0.0, 2.0], [4.0, 0.0]], [[3.0, 3.0], [3.0, 3.0]], [[-1.0, 0.0], [0.0, -2.0]],
                             [[0.0, 0.0], [0.0, 0.0]]])
    found = map_statistics(channels)
    assert found.values == 4
    assert found.mean.tolist() == [1.5, 3, -0.75, 0]
    assert found.variance.tolist() == [2.75, 0, 0.6875, 0]
    assert found.sparsity.tolist() == [0.5, 0, 0.5, 1]
    assert found.dead.tolist() == [False, True, False, True]
    assert found.never_positive.tolist() == [False, False, True, True]


def test_a_channel_dead_for_each_image_but_at_different_values_is_alive():
    dark, bright = (map_statistics(torch.full((1, 2, 2), value)) for value in (0.0, 1.0))
    assert dark.dead.all() and bright.dead.all()
    assert not (dark + bright).dead.any()
    assert (dark + bright).variance.tolist() == [0.25]


def test_a_channel_whose_norm_was_turned_off_is_found_dead(network):
    with torch.no_grad():
        network.encoder["2"].norm2.weight[4] = 0
        network.encoder["2"].norm2.bias[4] = -1
    found = channel_statistics(network, [IMAGES], ["encoder.2", "encoder.2.norm2"])
    assert found["encoder.2"].dead.tolist() == [position == 4 for position in range(6)]
    assert found["encoder.2"].sparsity[4] == 1
    assert found["encoder.2.norm2"].never_positive[4]


def test_statistics_of_nothing_are_refused(network):
    with pytest.raises(SettingsError, match="at least one batch"):
        channel_statistics(network, [])


def test_statistics_can_be_added_in_any_order(network):
    parts = [map_statistics(one) for one in feature_maps(network, IMAGES, ["encoder.1"])["encoder.1"]]
    one = parts[0] + parts[1] + (parts[2] + parts[3])
    other = parts[3] + (parts[1] + parts[2]) + parts[0]
    assert isinstance(one, ChannelStatistics)
    np.testing.assert_allclose(one.variance, other.variance, rtol=1e-12)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)
