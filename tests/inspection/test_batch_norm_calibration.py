"""Calibrated batch norms: their statistics computed by hand, and what torch's own training mode makes of the data."""

import pytest
import torch
from made_up import write_series
from torch import nn

from unet_lib.core.errors import CheckpointError, SettingsError
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.batch_norm_calibration import batch_norm_statistics, calibrate, load_statistics
from unet_lib.inspection.checkpoint_series import load_series, save_calibration
from unet_lib.models.registry import build

IMAGES = 3 * torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(1)) + 2
CARD = {"batch_norm": "calibrated on noise", "validation_scores": {str(step): {"mean_dice": step / 100}
                                                                  for step in (0, 10, 40)}}


@pytest.fixture
def network():
    return build({"base": 2, "depth": 2}, 0).eval()


def test_the_first_norms_statistics_are_those_of_the_first_convolutions_maps(network):
    first = nn.functional.conv2d(IMAGES, network.encoder["1"].conv1.weight, padding=1).transpose(0, 1).flatten(1)
    norm = calibrate(network, IMAGES).encoder["1"].norm1
    torch.testing.assert_close(norm.running_mean, first.mean(1))
    torch.testing.assert_close(norm.running_var, ((first - first.mean(1, keepdim=True))**2).sum(1) / (6 * 16 * 16 - 1))


def test_batches_count_alike_whatever_their_size(network):
    of_two = calibrate(network, IMAGES.split([4, 2])).encoder["1"].norm1
    first, second = (calibrate(network, part).encoder["1"].norm1 for part in IMAGES.split([4, 2]))
    torch.testing.assert_close(of_two.running_mean, (first.running_mean + second.running_mean) / 2)
    torch.testing.assert_close(of_two.running_var, (first.running_var + second.running_var) / 2)


def test_in_evaluation_mode_the_copy_answers_as_training_mode_does(network):
    calibrated = calibrate(network, IMAGES)
    expected = network.train()(IMAGES)
    assert not calibrated.training
    # training divides by n, the running variance by n − 1; at the bottleneck n is only 4×4 of 6 images
    torch.testing.assert_close(calibrated(IMAGES), expected, rtol=0.02, atol=0.02)
    maps = feature_maps(calibrated, IMAGES, ["bottleneck.norm2"])["bottleneck.norm2"]
    torch.testing.assert_close(maps.mean((0, 2, 3)), torch.zeros(8), rtol=0, atol=0.03)
    torch.testing.assert_close(maps.var((0, 2, 3)), torch.ones(8), rtol=0, atol=0.03)


def test_the_network_itself_and_all_weights_stay(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    calibrated = calibrate(network, IMAGES)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    changed = {name for name, tensor in calibrated.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == set(batch_norm_statistics(network)) and not network.training
    assert calibrated.encoder["1"].norm1.momentum == network.encoder["1"].norm1.momentum


def test_what_cannot_be_calibrated(network):
    with pytest.raises(SettingsError, match="expected images"):
        calibrate(network, [])
    with pytest.raises(SettingsError, match="UNet has none"):
        calibrate(build({"base": 2, "depth": 2, "batch_norm": False}, 0), IMAGES)


def test_statistics_of_another_network_change_nothing(network):
    before = network.encoder["1"].norm1.running_mean.clone()
    other = batch_norm_statistics(calibrate(build({"base": 3, "depth": 2}, 0), IMAGES))
    with pytest.raises(ValueError, match=r"expected \(8,\), got \(12,\)"):
        load_statistics(network, other)
    assert torch.equal(network.encoder["1"].norm1.running_mean, before)


@pytest.fixture
def folder(tmp_path):
    return write_series(tmp_path / "steps")


def test_a_calibrated_series_comes_back(folder):
    raw = load_series(folder)
    made = {step: calibrate(raw.at(step), IMAGES) for step in raw.steps}
    save_calibration(folder, made, CARD)
    series = load_series(folder, calibrated=True)
    assert series.steps == raw.steps and series.history == raw.history
    for step, card, network in zip(series.steps, series.cards, series.networks, strict=True):
        assert torch.equal(network(IMAGES), made[step](IMAGES)) and not network.training
        assert not torch.allclose(network(IMAGES), raw.at(step)(IMAGES), atol=0.01)
        assert card["batch_norm"] == "calibrated on noise" and card["validation_scores"]["mean_dice"] == step / 100
    assert "batch_norm" not in load_series(folder).cards[0]


def test_missing_statistics_and_those_of_other_networks(folder, tmp_path):
    with pytest.raises(CheckpointError, match=r"batch_norm\.safetensors: expected the calibrated statistics.*no such"):
        load_series(folder, calibrated=True)
    raw = load_series(folder)
    save_calibration(folder, {step: raw.at(step) for step in (0, 10)}, CARD)
    with pytest.raises(CheckpointError, match="of the networks beside it"):
        load_series(folder, calibrated=True)
    other = load_series(write_series(tmp_path / "other", base=3))
    save_calibration(folder, dict(zip(other.steps, other.networks, strict=True)), CARD)
    with pytest.raises(CheckpointError, match=r"expected \(8,\), got \(12,\)"):
        load_series(folder, calibrated=True)
    save_calibration(folder, dict(zip(raw.steps, raw.networks, strict=True)), {**CARD, "validation_scores": {}})
    with pytest.raises(CheckpointError, match="of the networks beside it"):
        load_series(folder, calibrated=True)
