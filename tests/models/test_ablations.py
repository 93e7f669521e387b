"""Each variant changes what its name says, and nothing else."""

import pytest
import torch

from unet_lib.core.errors import SettingsError
from unet_lib.inspection.activations import capture
from unet_lib.models.ablations import VARIANTS, build_variant, build_without_skips
from unet_lib.models.blocks import DoubleConv
from unet_lib.models.common import count_parameters
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet

IMAGE = torch.linspace(-1, 2, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)


def shapes(network: UNet) -> dict[str, tuple[int, ...]]:
    """What each stage hands on, by hooks."""
    seen = {}
    names = [stage.name for stage in network.config.plan(32)]
    hooks = [network.get_submodule(name).register_forward_hook(
        lambda module, given, out, name=name: seen.__setitem__(name, tuple(out.shape[1:]))) for name in names]
    network.eval()(IMAGE)
    for hook in hooks:
        hook.remove()
    return seen


def test_plain_is_the_library_network():
    ours, theirs = build_variant("plain", 4, 3, seed=5), build({"base": 4, "depth": 3}, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_answers_each_pixel_and_learns(name):
    network = build_variant(name, 4, 2, seed=0)
    logits = network(IMAGE)
    assert logits.shape == (2, 1, 32, 32)
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for n, p in network.named_parameters() if "output" not in n)


def test_only_an_unchanged_network_has_a_plan():
    assert build_variant("plain", 4, 2, seed=0).plan(32) == build_without_skips([], 4, 2, seed=0).plan(32)
    for network in (*(build_variant(name, 4, 2, seed=0) for name in VARIANTS if name != "plain"),
                    build_without_skips([1], 4, 2, seed=0)):
        with pytest.raises(SettingsError, match="expected an unchanged UNet"):
            network.plan(32)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_seed_decides_the_weights_and_torchs_own_state_is_left_alone(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, same, other = (build_variant(name, 4, 2, seed)(IMAGE) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_skips_the_output_ignores_the_first_encoder_except_through_the_bottleneck():
    """What leaves the bottleneck replaced by zeros: then nothing of the image is left without skips."""
    for name, blind in (("no skips", True), ("plain", False), ("skips added", False)):
        network = build_variant(name, 4, 2, seed=0).eval()
        network.bottleneck.register_forward_hook(lambda module, given, out: torch.zeros_like(out))
        assert torch.equal(network(IMAGE), network(IMAGE.flip(0))) is blind, name


def same_weights(one: UNet, other: UNet) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_no_skips_and_all_skips_are_networks_we_have():
    assert same_weights(build_without_skips([], 4, 3, seed=2), build_variant("plain", 4, 3, seed=2))
    assert same_weights(build_without_skips([3, 1, 2, 2], 4, 3, seed=2), build_variant("no skips", 4, 3, seed=2))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_without_one_skip_its_decoder_sees_what_came_from_below_and_nothing_else(level):
    network, plain = build_without_skips([level], 4, 3, seed=0).eval(), build({"base": 4, "depth": 3}, seed=0)
    channels = 4 * 2 ** (level - 1)
    assert count_parameters(plain) - count_parameters(network) == 9 * channels * channels  # half of a first kernel
    kept = {name for name, tensor in plain.state_dict().items() if tensor.equal(network.state_dict()[name])}
    assert {name for name in plain.state_dict() if name.startswith(("encoder", "up", "bottleneck"))} <= kept
    with capture(network) as maps, torch.no_grad():
        network(IMAGE)
    assert torch.equal(maps[f"concat.{level}"], maps[f"up.{level}"])
    for other in {1, 2, 3} - {level}:
        assert torch.equal(maps[f"concat.{other}"], torch.cat([maps[f"encoder.{other}"], maps[f"up.{other}"]], dim=1))


@pytest.mark.parametrize("level", [0, 4])
def test_a_level_without_a_skip_is_refused(level):
    with pytest.raises(SettingsError, match=f"from 1 to 3; got {level}"):
        build_without_skips([1, level], 4, 3, seed=0)


def test_adding_sums_encoder_and_decoder():
    network = build_variant("skips added", 4, 2, seed=0)
    a, b = torch.rand(2, 1, 4, 8, 8)
    assert torch.equal(network.concat["1"](a, b), a + b)
    assert shapes(network)["concat.1"] == (4, 32, 32)


def test_without_pooling_every_stage_has_full_size():
    assert {shape[1:] for shape in shapes(build_variant("no pooling", 4, 2, seed=0)).values()} == {(32, 32)}


def test_one_convolution_has_one_per_block():
    network = build_variant("one convolution", 4, 2, seed=0)
    blocks = [m for m in network.modules() if isinstance(m, DoubleConv)]
    assert len(blocks) == 5
    assert all([name for name, _ in block.named_children()] == ["conv1", "norm1", "relu1"] for block in blocks)
    assert shapes(network) == shapes(build_variant("plain", 4, 2, seed=0))


def test_upsampling_changes_the_way_up_only():
    network = build_variant("upsampling", 4, 2, seed=0)
    assert shapes(network) == shapes(build_variant("plain", 4, 2, seed=0))
    saved = sum(4 * c * c // 2 - c * c // 2 for c in (8, 16))
    assert count_parameters(build_variant("plain", 4, 2, seed=0)) - count_parameters(network) == saved


def test_an_unknown_variant_is_refused():
    with pytest.raises(SettingsError, match="no skips.*got 'skips'"):
        build_variant("skips", 4, 2, seed=0)
