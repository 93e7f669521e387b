"""Explanations, on networks whose answer is known: set by hand, linear, or looking at a single pixel."""

import numpy as np
import pytest
import torch
from torch import nn

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.inspection.activations import block_names, capture, feature_maps, find_block
from unet_lib.inspection.attribution import (
    Effect,
    ablate_skips,
    channel_ablation,
    count_answers,
    grad_cam,
    logits_of,
    occlusion,
    patient_counts,
    randomised_from,
    skip_maps,
    zeroed_channels,
)
from unet_lib.models.ablations import build_variant
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet

DRAW = torch.Generator().manual_seed(0)
IMAGES, OTHERS = torch.rand(2, 3, 2, 16, 16, generator=DRAW)


def by_skip(depth: int = 2) -> UNet:
    """Set by hand. The image's channels pass through three channels of encoder, first skip and decoder unchanged:
    0 takes image channel 0; 1 takes it too, but nobody reads it; 2 takes image channel 1. Logit: 0 plus 2, less ½."""
    network = UNet(in_channels=2, base=3, depth=depth, batch_norm=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for position, source in enumerate((0, 0, 1)):
            network.encoder["1"].conv1.weight[position, source, 1, 1] = 1
            for layer in (network.encoder["1"].conv2, network.decoder["1"].conv1, network.decoder["1"].conv2):
                layer.weight[position, position, 1, 1] = 1
        network.output.weight[0, [0, 2]] = 1
        network.output.bias[0] = -0.5
    return network


@pytest.fixture
def network() -> UNet:
    """Untrained, in training mode but for one block."""
    made = build({"in_channels": 2, "base": 3, "depth": 2}, seed=9)
    made(IMAGES * 3 + 1)
    made.bottleneck.eval()
    return made


def state(network: nn.Module) -> list:
    """All that an experiment might leave behind: hooks, flags, gradients, weights."""
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules()]
    return [hooks, [m.training for m in network.modules()], [p.grad is None for p in network.parameters()],
            [v.sum().item() for v in network.state_dict().values()]]


def test_the_network_set_by_hand_is_what_it_says():
    torch.testing.assert_close(logits_of(by_skip(), IMAGES), IMAGES.sum(1, keepdim=True) - 0.5)


def test_answers_do_not_depend_on_the_batch_and_are_those_of_evaluation_mode(network):
    before = state(network)
    answers = [logits_of(network, IMAGES, batch) for batch in (1, 2, 16)]
    assert state(network) == before
    for answer in answers:
        torch.testing.assert_close(answer, network.eval()(IMAGES).detach())


def test_answers_are_counted_over_all_images():
    masks = (IMAGES.sum(1, keepdim=True) >= 0.5).float()
    masks[0, 0, 0] = 1 - masks[0, 0, 0]
    counted = count_answers(by_skip(), IMAGES, masks, batch=2)
    assert counted.fp + counted.fn == 16
    assert counted.total == 3 * 256
    strict = count_answers(by_skip(), IMAGES, masks, threshold=0.6)
    assert strict.tp + strict.fp == (IMAGES.sum(1) - 0.5 >= np.log(0.6 / 0.4)).sum()


def test_a_skip_that_carries_everything_zeroed_averaged_or_swapped():
    model = by_skip()
    with ablate_skips(model, {1: "zeroed"}):
        assert torch.equal(logits_of(model, IMAGES), torch.full((3, 1, 16, 16), -0.5))
    with ablate_skips(model, {1: "mean"}):
        expected = IMAGES.mean((2, 3), keepdim=True).sum(1, keepdim=True) - 0.5
        torch.testing.assert_close(logits_of(model, IMAGES), expected.expand(3, 1, 16, 16))
    with ablate_skips(model, skip_maps(model, OTHERS)):
        assert torch.equal(logits_of(model, IMAGES), logits_of(model, OTHERS))
    with ablate_skips(model, skip_maps(model, OTHERS[:1])):  # one for all
        assert torch.equal(logits_of(model, IMAGES), logits_of(model, OTHERS[:1]).expand(3, 1, 16, 16))
    with ablate_skips(model, {2: "zeroed"}):  # nobody reads this one
        torch.testing.assert_close(logits_of(model, IMAGES), IMAGES.sum(1, keepdim=True) - 0.5)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("how", ["zeroed", "mean", "swapped"])
def test_only_the_skip_is_changed_as_a_pass_by_hand_confirms(network, level, how):
    """The twin walks the U without any hook; the way down through the bottleneck keeps the true maps."""
    swapped = skip_maps(network, OTHERS)[level]
    with ablate_skips(network, {level: swapped if how == "swapped" else how}):
        found = logits_of(network, IMAGES)
    network.eval()
    with torch.no_grad():
        skips = {1: network.encoder["1"](IMAGES)}
        skips[2] = network.encoder["2"](network.pool["1"](skips[1]))
        x = network.bottleneck(network.pool["2"](skips[2]))
        mean = torch.ones_like(skips[level]) * skips[level].mean((2, 3), keepdim=True)
        skips[level] = {"zeroed": 0 * skips[level], "mean": mean, "swapped": swapped}[how]
        for now in (2, 1):
            x = network.decoder[str(now)](torch.cat([skips[now], network.up[str(now)](x)], dim=1))
        torch.testing.assert_close(found, network.output(x))
        assert not torch.equal(found, network(IMAGES))


def test_a_capture_sees_the_changed_skip_whichever_was_opened_first(network):
    with capture(network) as outer, ablate_skips(network, {1: "zeroed"}), capture(network) as inner:
        network(IMAGES)
    for maps in (outer, inner):
        assert maps["encoder.1"].any()
        assert not maps["concat.1"][:, :3].any()
        assert torch.equal(maps["concat.1"][:, 3:], maps["up.1"])
        assert maps["concat.2"][:, :6].any()


def test_a_network_without_skips_does_not_notice_and_one_that_adds_gets_nothing_added():
    plain, adding = (build_variant(name, 3, 2, seed=0).eval() for name in ("no skips", "skips added"))
    images = torch.rand(1, 3, 16, 16, generator=DRAW)
    before = logits_of(plain, images)
    with ablate_skips(plain, {1: "zeroed", 2: "mean"}):
        assert torch.equal(logits_of(plain, images), before)
    with ablate_skips(adding, {1: "zeroed"}), capture(adding) as maps:
        adding(images)
    assert torch.equal(maps["concat.1"], maps["up.1"])


@pytest.mark.parametrize("fault", [None, ZeroDivisionError])
def test_skips_are_given_back_exactly(network, fault):
    before, answer = state(network), logits_of(network, IMAGES)
    try:
        with ablate_skips(network, {1: "zeroed", 2: "mean"}) as same, zeroed_channels(network, "bottleneck", [0, 2]):
            assert same is network
            assert not torch.equal(logits_of(network, IMAGES), answer)
            if fault:
                raise fault
    except ZeroDivisionError:
        pass
    assert state(network) == before
    assert torch.equal(logits_of(network, IMAGES), answer)


@pytest.mark.parametrize(("changes", "words"), [
    ({3: "zeroed"}, "from 1 to 2; got 3"), ({0: "mean"}, "from 1 to 2; got 0"),
    ({1: "zeroed", 2: "removed"}, "'zeroed', 'mean' or a tensor of maps for level 2; got 'removed'")])
def test_unknown_levels_and_changes_are_refused(network, changes, words):
    before = state(network)
    with pytest.raises(SettingsError, match=words), ablate_skips(network, changes):
        raise AssertionError("the with must not be entered")
    assert state(network) == before


def test_maps_of_another_size_are_refused(network):
    for others in (torch.zeros(3, 2, 32, 32), OTHERS[:2]):
        with ablate_skips(network, skip_maps(network, others)), \
                pytest.raises(ShapeError, match=r"expected maps of \(3, 6, 8, 8\)|expected maps of \(3, 3, 16, 16\)"):
            logits_of(network, IMAGES)


def test_zeroed_channels_are_zero_for_whoever_captures_and_the_rest_is_untouched(network):
    whole = feature_maps(network, IMAGES)
    with capture(network) as outer, zeroed_channels(network, "encoder.2", [1, 4]), capture(network) as inner:
        network(IMAGES)
    for maps in (outer, inner):
        assert not maps["encoder.2"][:, [1, 4]].any()
        assert torch.equal(maps["encoder.2"][:, [0, 2, 3, 5]], whole["encoder.2"][:, [0, 2, 3, 5]])
        assert not torch.equal(maps["bottleneck"], whole["bottleneck"])


def test_zeroing_where_a_block_hands_on_its_own_input_leaves_the_input_alone():
    """Without pooling, `pool.1` passes on the very tensor that also goes through the skip."""
    model = build_variant("no pooling", 3, 2, seed=0)
    with zeroed_channels(model, "pool.1", 1), capture(model) as maps:
        model(torch.rand(1, 3, 16, 16, generator=DRAW))
    assert not maps["pool.1"][:, 1].any()
    assert torch.equal(maps["concat.1"][:, :3], maps["encoder.1"])
    assert maps["encoder.1"][:, 1].any()


def test_channels_are_ranked_by_what_their_loss_costs_patients():
    """Image channel 0 shows the tumour, 1 a decoy beside it: without its channel the network would be perfect."""
    masks, decoy = torch.zeros(2, 3, 1, 16, 16)
    masks[0, 0, 2:6, 2:6] = 1  # 16 pixels in two slices of the first patient
    masks[1, 0, :2, :2] = 1    # and 4
    masks[2, 0, 8:, 8:] = 1    # 64 of the second one, without a decoy
    decoy[0, 0, 10:12, 10:12] = 1  # 4 pixels
    images, patients, whole = torch.cat([masks, decoy], dim=1), ["b", "b", "a"], 2 * 20 / (2 * 20 + 4)
    effects = channel_ablation(by_skip(), "encoder.1", images, masks, patients)
    assert [effect.part for effect in effects] == [(0,), (1,), (2,)]
    assert [effect.dice.tolist() for effect in effects] == [[0, 0], [1, whole], [1, 1]]
    assert effects[0].lost.tolist() == [1, whole] and effects[0].mean == (1 + whole) / 2
    assert effects[2].lost == pytest.approx([0, whole - 1])
    assert effects[0].interval() == pytest.approx((whole, 1))
    both, neither = channel_ablation(by_skip(), "encoder.1", images, masks, patients, groups=[(1,), (2, 0)])
    assert (both.part, both.mean) == ((2, 0), (1 + whole) / 2) and (neither.part, neither.mean) == ((1,), 0)


def test_dead_blocks_can_be_ablated_without_loss():
    masks = torch.ones(1, 1, 16, 16)
    effects = channel_ablation(by_skip(), "bottleneck", IMAGES[:1], masks, ["a"])
    assert [effect.part for effect in effects] == [(channel,) for channel in range(12)]
    assert {effect.mean for effect in effects} == {0}


def test_a_skips_effect_is_the_dice_before_less_that_after():
    masks = (IMAGES.sum(1, keepdim=True) >= 0.5).float()
    model = by_skip()
    before = patient_counts(model, IMAGES, masks, [1, 2, 2])
    with ablate_skips(model, {1: "zeroed"}):
        effect = Effect.between("level 1", before, patient_counts(model, IMAGES, masks, [1, 2, 2]))
    assert (effect.dice.tolist(), effect.lost.tolist()) == ([0, 0], [1, 1])


@pytest.mark.parametrize("name", ["output", "decoder.1", "bottleneck"])
def test_randomised_blocks_reach_from_the_output_back_and_no_further(network, name):
    before = state(network)
    one, same, other = (randomised_from(network, name, IMAGES, seed) for seed in (0, 0, 1))
    assert state(network) == before
    stages = block_names(network)
    for stage in stages:
        weights = [[p for key, p in find_block(made, stage).named_parameters() if "conv" in key or key == "weight"]
                   for made in (network, one, same, other)]
        for old, new, again, another in zip(*weights, strict=True):
            fresh = stages.index(stage) >= stages.index(name)
            assert torch.equal(old, new) != fresh and torch.equal(new, again) and torch.equal(new, another) != fresh
    maps = feature_maps(one, IMAGES, ["encoder.1.norm1"])["encoder.1.norm1"]  # calibrated on these images
    torch.testing.assert_close(maps.mean((0, 2, 3)), one.encoder["1"].norm1.bias, atol=1e-4, rtol=0)
    assert not any(module.training for module in one.modules())


class Pixelwise(nn.Module):
    """The logit is the image's first channel."""

    def forward(self, image):
        return image[:, :1]


class OnePixel(nn.Module):
    """Every logit is the value of one pixel of the first channel."""

    def forward(self, image):
        return image[:, :1, 3:4, 5:6].expand(-1, 1, *image.shape[2:])


def test_occlusion_finds_the_only_pixel_that_is_looked_at():
    image = torch.rand(2, 8, 10, generator=DRAW)
    found = occlusion(OnePixel(), image, patch=1, stride=1, grey=-1)
    expected = torch.zeros(8, 10)
    expected[3, 5] = 80 * (torch.sigmoid(image[0, 3, 5]) - torch.sigmoid(torch.tensor(-1.0)))
    torch.testing.assert_close(found, expected)
    wide = occlusion(OnePixel(), image, patch=3, stride=1, grey=-1)
    assert (wide > 0).nonzero().amin(0).tolist() == [1, 3]
    assert (wide > 0).nonzero().amax(0).tolist() == [5, 7]
    assert wide.argmax() == 3 * 10 + 5  # hidden by every square that hides it


def test_occlusion_of_a_network_without_neighbours_is_its_own_probability():
    image = torch.randn(1, 6, 7, generator=DRAW)
    torch.testing.assert_close(occlusion(Pixelwise(), image, patch=1, stride=1), torch.sigmoid(image[0]) - 0.5)


def test_occlusion_is_the_mean_over_all_squares_also_at_the_border():
    """Squares of 3 with stride 2 on 8×9 pixels; the last ones are moved in so that they end at the border."""
    image = torch.randn(2, 8, 9, generator=DRAW)
    region = (torch.rand(8, 9, generator=DRAW) > 0.5).float()
    gain = (torch.sigmoid(image[0]) - torch.sigmoid(torch.tensor(0.3))) * region
    total, times = np.zeros((8, 9)), np.zeros((8, 9))
    for row in (0, 2, 4, 5):
        for column in (0, 2, 4, 6):
            total[row:row + 3, column:column + 3] += gain[row:row + 3, column:column + 3].sum().item()
            times[row:row + 3, column:column + 3] += 1
    for batch in (1, 5, 100):
        found = occlusion(Pixelwise(), image, 3, 2, grey=0.3, region=region, batch=batch)
        np.testing.assert_allclose(found.numpy(), total / times, atol=1e-5)


@pytest.mark.parametrize(("patch", "stride"), [(9, 1), (0, 0), (4, 0), (2, 3)])
def test_occlusion_refuses_squares_that_do_not_fit_or_leave_gaps(patch, stride):
    with pytest.raises(SettingsError, match="1 ≤ stride ≤ patch ≤ 8"):
        occlusion(Pixelwise(), torch.zeros(1, 8, 10), patch, stride)


def linear() -> nn.Sequential:
    """Two 1×1 convolutions of the image's channels x₀, x₁: A = (x₀ − x₁, x₁ ∕ 2, x₀), logit = 2·A₀ − A₁ − ¼."""
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Conv2d(3, 1, 1))
    with torch.no_grad():
        model[0].weight[:, :, 0, 0] = torch.tensor([[1, -1], [0, 0.5], [1, 0]])
        model[0].bias.zero_()
        model[1].weight[0, :, 0, 0] = torch.tensor([2.0, -1, 0])
        model[1].bias[0] = -0.25
    return model


def test_grad_cam_of_a_linear_network_is_what_stands_in_its_weights():
    """The gradient of a region's summed logit is the weight inside and 0 outside: on average weight × its fraction."""
    model = linear()
    region = torch.zeros(3, 1, 16, 16)
    region[:, 0, 2:6, :] = 1  # a quarter
    heat = grad_cam(model, IMAGES, "0", region)
    for_tumour = (logits_of(model, IMAGES)[:, 0] + 0.25).relu()
    peak = for_tumour.amax((1, 2), keepdim=True)
    torch.testing.assert_close(heat.maps, for_tumour / peak)
    torch.testing.assert_close(heat.peak, peak / 4)
    assert heat.maps.amin() == 0
    assert heat.maps.amax((1, 2)).tolist() == [1, 1, 1]
    called = (logits_of(model, IMAGES) >= 0).float()
    torch.testing.assert_close(grad_cam(model, IMAGES, "0").maps, grad_cam(model, IMAGES, "0", called).maps)
    fraction = called.mean((1, 2, 3))[:, None, None]
    torch.testing.assert_close(grad_cam(model, IMAGES, "0").peak, peak * fraction)


def test_grad_cam_where_nothing_speaks_for_tumour_is_dark():
    heat = grad_cam(linear(), IMAGES, "0", torch.zeros(3, 1, 16, 16))
    assert not heat.maps.any() and not heat.peak.any()
    dark = grad_cam(by_skip(), IMAGES, "bottleneck", torch.ones(3, 1, 16, 16))  # nobody reads it
    assert dark.maps.shape == (3, 4, 4)
    assert not dark.maps.any()


@pytest.mark.parametrize("name", ["encoder.1", "bottleneck", "decoder.2", "output"])
def test_grad_cam_of_each_image_is_its_own_and_leaves_nothing_behind(network, name):
    before = state(network)
    region = torch.ones(3, 1, 16, 16)
    with torch.no_grad():
        together = grad_cam(network, IMAGES, name, region)
    assert together.maps.amax((1, 2)).tolist() == [1, 1, 1]
    for position in range(3):
        alone = grad_cam(network, IMAGES[position:position + 1], name, region[:1])
        torch.testing.assert_close(alone.maps[0], together.maps[position], atol=1e-4, rtol=1e-4)
    assert state(network) == before
    assert not IMAGES.requires_grad
    network.requires_grad_(False)
    torch.testing.assert_close(grad_cam(network, IMAGES, name, region).maps, together.maps)


def test_grad_cams_weights_are_the_gradients_found_by_trying(network):
    """Each channel a little brighter everywhere: by how much does the summed logit grow, a pixel?"""
    model = network.double()
    images, step = IMAGES.double(), 1e-7
    kept = feature_maps(model, images[:1], "decoder.2")["decoder.2"]
    gradients = []
    for channel in range(kept.shape[1]):
        def push(module, given, output, channel=channel):
            return output + step * (torch.arange(output.shape[1]) == channel)[:, None, None]

        before = logits_of(model, images[:1]).sum()
        with model.decoder["2"].register_forward_hook(push):
            gradients.append((logits_of(model, images[:1]).sum() - before) / step / kept[0, 0].numel())
    expected = (torch.stack(gradients)[:, None, None] * kept[0]).sum(0).relu()
    heat = grad_cam(model, images[:1], "decoder.2", torch.ones(1, 1, 16, 16, dtype=torch.double))
    torch.testing.assert_close(heat.maps[0] * heat.peak[0], expected, rtol=1e-4, atol=1e-6)
    assert heat.peak > 0


@pytest.mark.parametrize("explain", [
    lambda network, name: grad_cam(network, IMAGES, name),
    lambda network, name: randomised_from(network, name, IMAGES),
    lambda network, name: channel_ablation(network, name, IMAGES, IMAGES[:, :1], [1, 2, 3])],
    ids=["grad-cam", "randomised", "ablation"])
def test_unknown_blocks_are_refused_with_similar_names(network, explain):
    before = state(network)
    with pytest.raises(SettingsError, match="got 'encoder.7'. Did you mean encoder"):
        explain(network, "encoder.7")
    assert state(network) == before
