"""The best network is as open as the small one: every tool of inspection on `lgg-best`, against a pass by hand."""

import numpy as np
import pytest
import torch
from repository import LGG_BEST
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.inspection.activations import block_names, capture, channel_statistics, feature_maps
from unet_lib.inspection.attribution import (
    ablate_skips,
    channel_ablation,
    count_answers,
    grad_cam,
    logits_of,
    occlusion,
    skip_maps,
    zeroed_channels,
)
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.inspection.linear_probe import probe
from unet_lib.inspection.patches import activation_maximisation
from unet_lib.models.checkpoint import load_model

ROW, COLUMN = np.indices((64, 64))
MASKS = torch.tensor((ROW - 24) ** 2 + (COLUMN - np.array([24, 38, 30, 34])[:, None, None, None]) ** 2 < 80).float()


def heads() -> Tensor:
    """Four normalised slices: a noisy disc for a head, and a bright one in it for a tumour."""
    draw = torch.Generator().manual_seed(0)
    head = torch.tensor((ROW - 32) ** 2 + (COLUMN - 32) ** 2 < 28**2).float()
    images = head * (1 + 0.2 * torch.randn(4, 3, 64, 64, generator=draw)) + (1 - head) * -1.5
    images[:, 1:2] += 3 * MASKS
    return images


IMAGES = heads()


@pytest.fixture(scope="module")
def best() -> nn.Module:
    return load_model(LGG_BEST)[0]


def by_hand(best: nn.Module, skips: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every stage, block by block; `skips` are handed on in place of the encoder's maps."""
    found = {"stem": best.stem(IMAGES)}
    x = found["stem"]
    for level in "1234":
        found[f"encoder.{level}"] = best.encoder[level](x)
        x = found[f"pool.{level}"] = best.pool[level](found[f"encoder.{level}"])
    x = found["bottleneck"] = best.bottleneck(x)
    for level in "4321":
        x = found[f"up.{level}"] = F.interpolate(x, scale_factor=2)
        x = found[f"concat.{level}"] = torch.cat([skips.get(level, found[f"encoder.{level}"]), x], dim=1)
        x = found[f"decoder.{level}"] = best.decoder[level](x)
    logits = F.conv2d(x, best.output.weight, best.output.bias)
    return found | {"output": F.interpolate(logits, scale_factor=2, mode="bilinear")}


def test_every_block_is_caught_in_the_order_of_the_data_and_as_the_plan_says(best):
    with capture(best) as maps, torch.no_grad():
        logits = best(IMAGES)
        expected = by_hand(best, {})
    assert [(name, tuple(found.shape)) for name, found in maps.items()] == [
        (stage.name, (4, *stage.shape)) for stage in best.plan(64)]
    assert tuple(maps) == block_names(best)
    for name, found in maps.items():
        torch.testing.assert_close(found, expected[name], rtol=1e-5, atol=1e-5)
    assert torch.equal(maps["output"], logits)


@pytest.mark.parametrize("level", "1234")
def test_a_skip_of_it_can_be_zeroed_averaged_and_swapped(best, level):
    own, others = skip_maps(best, IMAGES)[int(level)], skip_maps(best, IMAGES.flip(0))[int(level)]
    mean = own.mean((2, 3), keepdim=True).expand_as(own)
    changes = {"zeroed": torch.zeros_like(own), "mean": mean, "swapped": others}
    before = logits_of(best, IMAGES)
    for how, handed_on in changes.items():
        with ablate_skips(best, {int(level): others if how == "swapped" else how}):
            found = logits_of(best, IMAGES)
        with torch.no_grad():
            torch.testing.assert_close(found, by_hand(best, {level: handed_on})["output"], rtol=1e-4, atol=1e-4)
        assert not torch.equal(found, before)
    assert torch.equal(logits_of(best, IMAGES), before)


def test_channels_in_numbers_are_those_of_all_maps_at_once(best):
    maps = feature_maps(best, IMAGES, batch=3)
    found = channel_statistics(best, IMAGES.split(2))
    assert tuple(found) == block_names(best)
    for name, statistics in found.items():
        values = maps[name].double().transpose(0, 1).flatten(1).numpy()
        np.testing.assert_allclose(statistics.mean, values.mean(axis=1), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(statistics.variance, values.var(axis=1), rtol=1e-6, atol=1e-6)
        assert np.array_equal(statistics.zeros, (values == 0).sum(axis=1))


def test_its_channels_can_be_zeroed_and_ranked(best):
    with zeroed_channels(best, "pool.3", [0, 7]), capture(best, "pool.3") as maps:
        logits_of(best, IMAGES)
    assert not maps["pool.3"][:, [0, 7]].any() and maps["pool.3"][:, 1].any()
    effects = channel_ablation(best, "encoder.1", IMAGES, MASKS, ["a"] * 4)
    assert sorted(effect.part for effect in effects) == [(channel,) for channel in range(16)]
    assert [effect.mean for effect in effects] == sorted((effect.mean for effect in effects), reverse=True)
    for effect in effects[::15]:
        with zeroed_channels(best, "encoder.1", effect.part[0]):
            assert effect.dice.tolist() == [count_answers(best, IMAGES, MASKS).dice()]


@pytest.mark.parametrize("name", ["stem", "pool.4", "bottleneck", "decoder.1", "output"])
def test_heat_stands_where_the_gradient_says(best, name):
    heat = grad_cam(best, IMAGES, name, MASKS)
    kept = feature_maps(best, IMAGES, name)[name].requires_grad_()
    with best.get_submodule(name).register_forward_hook(lambda module, given, found: kept):
        gradient, = torch.autograd.grad((best(IMAGES) * MASKS).sum(), kept)
    expected = (gradient.mean((2, 3), keepdim=True) * kept).sum(1).relu().detach()
    torch.testing.assert_close(heat.maps * heat.peak, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))
    assert heat.maps.shape[1:] == kept.shape[2:]


def test_what_hides_the_tumour_costs_most(best):
    found = occlusion(best, IMAGES[0], patch=32, stride=32)
    before = torch.sigmoid(logits_of(best, IMAGES[:1])).sum()
    for row, column in ((0, 0), (32, 32)):
        hidden = IMAGES[:1].clone()
        hidden[..., row:row + 32, column:column + 32] = 0
        drop = before - torch.sigmoid(logits_of(best, hidden)).sum()
        torch.testing.assert_close(found[row + 5, column + 9], drop, rtol=1e-3, atol=1e-3)
    assert found[8, 8] == found.max()


@pytest.mark.parametrize("name", ["stem.norm", "encoder.3", "bottleneck.3.body.project"])
def test_climbing_finds_an_image_that_it_likes_better_than_noise(best, name):
    found = activation_maximisation(best, name, 3, (3, 32, 32), starts=1, steps=20)
    noise = found.image.square().mean().sqrt() * torch.randn(20, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    maps = feature_maps(best, torch.cat([found.image[None], noise]), name)[name][:, 3]
    brightness = maps[:, maps.shape[1] // 2, maps.shape[2] // 2]
    assert brightness[0] > brightness[1:].max()


def test_a_probe_of_its_last_decoder_finds_the_tumour(best):
    maps = feature_maps(best, IMAGES, "decoder.1")["decoder.1"]
    score = probe(maps[:2], MASKS[:2], maps[2:], MASKS[2:])
    assert score.auc > 0.95 and score.counts.dice() > 0.8


def test_one_file_is_a_series_of_one_step(best):
    series = load_series(LGG_BEST)
    assert (series.steps, series.size, series.history) == ((0,), 256, ())
    assert series.config == best.config and series.cards[0]["name"] == "lgg-best"
    assert torch.equal(series.at(0).output.weight, best.output.weight)
