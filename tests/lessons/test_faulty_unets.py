"""Each faulty network has its own fault and no other, seen with the tool that lesson 03 finds it with."""

import pytest
import torch

from unet_lib.lessons.faulty_unets import COMPLAINTS, dice_of, faulty_unet
from unet_lib.lessons.reference_unet import UNet, activation_stds, gradient_norms
from unet_lib.lessons.tracing import trace

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
MASKS = (IMAGES[:, :1] > 0.5).float()


@pytest.fixture(scope="module")
def sound():
    torch.manual_seed(0)
    return UNet(base=4, depth=4).eval()


def looks(network):
    widths = [step.shape[-1] for step in trace(network, IMAGES) if step.kind == "convolution"]
    return widths, activation_stds(network, IMAGES), gradient_norms(network, IMAGES, MASKS)


def test_each_look_shows_one_fault(sound):
    widths, stds, norms = looks(sound)
    found = {name: looks(faulty_unet(name, sound)) for name in COMPLAINTS}
    assert widths[:10:2] == [64, 32, 16, 8, 4]
    assert {name for name, seen in found.items() if seen[0] != widths} == {"A"}
    assert found["A"][0][:10:2] == [64, 32, 32, 16, 8]
    assert min(stds.values()) > 0
    assert next(name for name, std in found["B"][1].items() if std == 0) == "encoder.levels.1.conv2"
    assert min(*found["A"][1].values(), *found["C"][1].values()) > 0
    assert found["C"][1] == stds
    silent = [name for name, norm in found["C"][2].items() if norm == 0]
    assert silent and all(name.startswith("bottleneck.") for name in silent)
    assert all(norm > 0 for name, norm in norms.items() if "conv" in name and name.endswith("weight"))


@pytest.mark.parametrize("name", COMPLAINTS)
def test_the_sound_network_stays_sound_and_a_fault_is_the_same_each_time(sound, name):
    before = {key: value.clone() for key, value in sound.state_dict().items()}
    with torch.no_grad():
        first, second = (faulty_unet(name, sound)(IMAGES) for _ in range(2))
    assert torch.equal(first, second)
    assert all(torch.equal(before[key], value) for key, value in sound.state_dict().items())
    assert type(sound.encoder.pool).__name__ == "MaxPool2d"


def test_dice_of_counts_all_slices_together():
    class First(torch.nn.Module):
        def forward(self, images):
            return images[:, :1]

    logits = torch.tensor([1.0, 1, -1, -1, 1, -1, -1, -1]).reshape(2, 1, 2, 2)
    masks = torch.tensor([1.0, 0, 0, 0, 1, 1, 0, 0]).reshape(2, 1, 2, 2)
    assert dice_of(First(), logits.expand(2, 3, 2, 2), masks) == pytest.approx(2 * 2 / (3 + 3))
