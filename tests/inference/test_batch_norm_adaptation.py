"""Test-time batch-norm adaptation: which statistics it takes, and to which changes it makes a network insensitive."""

import numpy as np
import pytest
import torch
from torch import nn

from unet_lib.core.errors import SettingsError
from unet_lib.inference import predictor
from unet_lib.inference.batch_norm_adaptation import adapt_batch_norms, fuse_batch_norms
from unet_lib.inference.predictor import Predictor
from unet_lib.models.efficientnet_unet import EfficientNetUNet
from unet_lib.models.registry import build

IMAGES = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["UNet", "EfficientNetUNet"])
def network(request):
    torch.manual_seed(0)
    network = EfficientNetUNet() if request.param == "EfficientNetUNet" else build({"base": 8, "depth": 2}, 0)
    with torch.no_grad():
        network.train()(3 * IMAGES + 1)  # so that what was learnt is neither 0 and 1 nor what these images have
    return network.eval()


def norms(network):
    return [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


def distance(output, other):
    return float((output - other).abs().mean())


@torch.no_grad()
def test_fraction_0_is_evaluation_and_fraction_1_is_training(network):
    learnt, own = network(IMAGES), adapt_batch_norms(network, IMAGES, 1)(IMAGES)
    assert torch.equal(adapt_batch_norms(network, IMAGES, 0)(IMAGES), learnt)
    # With all statistics the images' own a network runs as in training, but for n − 1 in the variance that is kept.
    assert distance(own, network.train()(IMAGES)) < 0.2 * distance(own, learnt)


def test_statistics_lie_between_those_learnt_and_those_of_the_images(network):
    learnt, some, own = (norms(adapt_batch_norms(network, IMAGES, fraction)) for fraction in (0, 0.4, 1))
    for before, between, after in zip(learnt, some, own, strict=True):
        assert torch.allclose(between.running_mean, 0.6 * before.running_mean + 0.4 * after.running_mean, atol=1e-6)
        assert torch.allclose(between.running_var, 0.6 * before.running_var + 0.4 * after.running_var, atol=1e-6)


@torch.no_grad()
def test_an_adapted_network_is_insensitive_to_brightness(network):
    brighter = 1.7 * IMAGES
    learnt, adapted = (distance(adapt_batch_norms(network, brighter, fraction)(brighter),
                             adapt_batch_norms(network, IMAGES, fraction)(IMAGES)) for fraction in (0, 1))
    assert adapted < 0.01 * learnt


def test_the_network_itself_stays_as_it_was(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    adapted = adapt_batch_norms(network, IMAGES, 0.4)
    assert network.training and not any(part.training for part in adapted.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(norm.momentum == 0.1 for norm in norms(network))
    assert not any(getattr(part, "inplace", False) for part in (*network.modules(), *adapted.modules()))
    fuse_batch_norms(adapted)
    assert norms(adapted) and all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@torch.no_grad()
def test_batch_norms_can_be_fused_into_the_convolutions_before_them(network):
    fused = fuse_batch_norms(network)
    assert norms(network) and not norms(fused)
    assert torch.allclose(fused(IMAGES), network(IMAGES), atol=1e-4)


@pytest.mark.parametrize("fraction", [-0.1, 1.5, float("nan")])
def test_impossible_fractions_are_refused(network, fraction):
    with pytest.raises(SettingsError, match=r"fraction from 0 \(as learnt\) to 1.*got"):
        adapt_batch_norms(network, IMAGES, fraction)


def test_a_network_without_batch_norms_is_refused():
    with pytest.raises(SettingsError, match=r"UNet has none\. .*batch_norm_adaptation=0"):
        adapt_batch_norms(build({"base": 2, "batch_norm": False}, 0), IMAGES, 0.4)


EVENLY = [0, 6, 11, 17, 22, 28, 33, 39]


@pytest.mark.parametrize(("slices", "shown", "fraction"), [(40, EVENLY, 0.4), (4, [0, 1, 2, 3], 0.2), (1, [0], 0.05)])
def test_statistics_come_from_slices_all_over_the_head_and_weigh_less_if_few(monkeypatch, slices, shown, fraction):
    calls = []
    monkeypatch.setattr(predictor, "adapt_batch_norms", lambda network, *rest: calls.append(rest) or network)
    images = np.zeros((slices, 256, 256, 3), np.uint8) + np.arange(slices, dtype=np.uint8)[:, None, None, None]
    found = Predictor(build({"base": 2, "depth": 2}, 0), {}, size=16, batch_norm_adaptation=0.4).probabilities(
        images, np.array([[0.0] * 3, [1.0] * 3], np.float32))
    assert len(found) == slices
    (seen, used), = calls
    assert seen[:, 0, 0, 0].round().tolist() == shown and used == pytest.approx(fraction)
