"""The learning-rate finder climbs evenly, leaves the model alone, and ends when the loss explodes."""

import numpy as np
import pytest
import torch

from unet_lib.core.errors import SettingsError
from unet_lib.data.loader import Batch
from unet_lib.models.registry import build
from unet_lib.training.lr_finder import find_rate


class Source:
    """Two batches of noise with a bright square to be found."""

    def __len__(self):
        return 2

    def epoch(self, number=0, start=0):
        for seed in (0, 1):
            images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
            masks = torch.zeros(4, 1, 16, 16)
            masks[:, :, 4:9, 4:9] = 1
            images += 3 * masks
            yield Batch(images, masks, torch.arange(4))


@pytest.fixture
def network():
    return build({"base": 4, "depth": 2}, seed=0)


def test_rates_climb_by_an_equal_factor_and_a_good_one_lowers_the_loss(network):
    rates, losses = find_rate(network, Source(), low=1e-5, high=1e-1, steps=41)
    assert (rates[0], rates[-1]) == pytest.approx((1e-5, 1e-1))
    assert np.ptp(np.diff(np.log(rates))) < 1e-9
    assert len(rates) == len(losses)
    assert min(losses) < 0.8 * losses[0]
    assert losses[5] > 0.9 * losses[0], "at 0.00003 next to nothing should have been learnt"


def test_the_model_stays_as_it_is(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.eval()
    find_rate(network, Source(), steps=5)
    assert not network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_it_ends_when_the_loss_explodes(network):
    rates, losses = find_rate(network, Source(), low=1e-3, high=1e6, steps=60)
    assert len(rates) < 60
    assert not losses[-1] < 3 * min(losses)
    assert all(value < 3 * min(losses[:i + 1]) for i, value in enumerate(losses[:-1]))


@pytest.mark.parametrize("settings", [{"low": 0}, {"low": 2, "high": 1}, {"steps": 1}])
def test_senseless_settings_are_refused(network, settings):
    with pytest.raises(SettingsError, match="0 < low < high and at least 2 steps"):
        find_rate(network, Source(), **settings)
