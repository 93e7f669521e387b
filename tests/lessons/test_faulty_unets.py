"""Each faulty network shows its own symptom, and a sound one shows none of them."""

import pytest
import torch

from unet_lib.lessons import faulty_unets
from unet_lib.models.registry import build

IMAGES = torch.randn(4, 3, 128, 128, generator=torch.Generator().manual_seed(1))
MASKS = torch.zeros(4, 1, 128, 128)
MASKS[:, :, 40:80, 40:80] = 1


@pytest.fixture(scope="module")
def network():
    """Answers "tumour" at the masks: its first channel is copied through the first skip to the output."""
    made = build({"base": 4, "depth": 4}, seed=0).eval().requires_grad_(False)
    for weight in (made.encoder["1"].conv1.weight, made.encoder["1"].conv2.weight,
                   made.decoder["1"].conv1.weight, made.decoder["1"].conv2.weight):
        weight[0] = 0
        weight[0, 0, 1, 1] = 1
    made.output.weight[:] = 0
    made.output.weight[0, 0] = 1
    made.output.bias[:] = -1
    return made


def bright():
    images = IMAGES.clone()
    images[:, :1] = MASKS * torch.tensor([3.0, 5, 9, 20])[:, None, None, None]
    return images


def test_the_symptoms(network):
    shown = {number: faulty_unets.symptom(number, network, bright(), MASKS) for number in faulty_unets.FAULTS}
    assert shown[1] == "UNet(depth=4) needs height and width divisible by 16; got 100×100"
    assert shown[2] == "fraction of the tumour found: less than half, by the sound one: more than half"
    assert shown[3] == "answer to a sum = sum of the answers (but for a constant): True"
    assert "expected input[4, 8, 128, 128] to have 4 channels, but got 8 channels instead" in shown[4]
    assert shown[5] == "same answer for an image alone and in company: False"


def test_a_sound_network_is_not_linear_and_does_not_mind_company(network):
    assert not faulty_unets._is_linear(network)
    with torch.no_grad():
        assert torch.allclose(network(bright()[:1]), network(bright())[:1], atol=1e-5)


@pytest.mark.parametrize("number", faulty_unets.FAULTS)
def test_the_sound_network_stays_sound(network, number):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    faulty_unets.symptom(number, network, bright(), MASKS)
    assert not network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert type(network.pool["1"]).__name__ == "MaxPool2d"
