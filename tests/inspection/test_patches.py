"""What a channel answers to: patches counted by hand, and images that please networks whose taste is known."""

import numpy as np
import pytest
import torch
from torch import nn

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.inspection.patches import HIGHEST, LOWEST, Patch, activation_maximisation, image_side, top_patches
from unet_lib.models.registry import build

DRAW = torch.Generator().manual_seed(0)


@pytest.fixture
def network() -> nn.Module:
    noise = torch.randn(8, 2, 16, 16, generator=DRAW)
    return calibrate(build({"in_channels": 2, "base": 3, "depth": 2}, seed=9), noise)


def test_the_highest_values_at_most_one_a_patient():
    maps = torch.zeros(4, 4, 4)
    maps[0, 1, 2], maps[1, 0, 0], maps[2, 3, 3], maps[3, 2, 1] = 5, 9, 7, 1
    found = top_patches(maps, np.array(["a", "a", "b", "c"]), size=8, side=4, count=2)
    assert found == (Patch(1, -1, -1, 4, 9.0), Patch(2, 5, 5, 4, 7.0))
    assert [patch.image for patch in top_patches(maps, np.arange(4), size=8, side=4)] == [1, 2, 0, 3]


def test_a_patch_is_cut_out_also_at_the_border():
    images = np.arange(2 * 64).reshape(2, 8, 8)
    assert Patch(1, 2, 3, 2, 0).cut(images).tolist() == [[83, 84], [91, 92]]
    assert Patch(0, -1, 6, 3, 0).cut(images, outside=-5).tolist() == [[-5, -5, -5], [6, 7, -5], [14, 15, -5]]


def test_the_image_has_room_for_what_a_value_sees():
    assert [image_side(field, 16) for field in (5, 8, 14, 32, 140)] == [16, 16, 32, 48, 96]


def edges() -> nn.Module:
    """One channel, bright where it gets brighter from left to right (Sobel's weights)."""
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False))
    with torch.no_grad():
        model[0].weight[0, 0] = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    return model


def test_an_edge_detector_likes_an_edge_in_the_middle_and_nothing_elsewhere():
    found = activation_maximisation(edges(), "0", 0, (1, 16, 16))
    left, right = found.image[0, 7:10, 7], found.image[0, 7:10, 9]
    assert left.max() < -1 and right.min() > 1
    assert found.image[0, :2].abs().max() < 0.1 * right.min()  # far from what the middle sees
    expected = (right - left) @ torch.tensor([1.0, 2, 1])
    assert found.value == pytest.approx(expected.item(), rel=1e-5) == max(found.values)
    assert found.image.min() >= LOWEST and found.image.max() <= HIGHEST


def test_more_blur_gives_a_smoother_image():
    rough, smooth = (activation_maximisation(edges(), "0", 0, (1, 16, 16), blur=(blur, blur), zoom=0).image
                     for blur in (0.0, 0.7))
    def variation(image):
        return (image.diff(dim=1).abs().mean() / image.abs().mean()).item()
    assert variation(smooth) < 0.7 * variation(rough)


@pytest.mark.parametrize("name", ["encoder.1", "bottleneck", "decoder.2.norm1"])
def test_climbing_finds_a_brighter_image_than_luck_does(network, name):
    before = [value.sum().item() for value in network.state_dict().values()]
    found = activation_maximisation(network, name, 1, (2, 16, 16), steps=40, jitter=1)
    luck = found.image.square().mean().sqrt() * torch.randn(200, 2, 16, 16, generator=DRAW)
    block = name if "norm" in name else f"{name}.norm2"
    asked = feature_maps(network, torch.cat([found.image[None], luck]), block)[block][:, 1]
    middle = asked[:, asked.shape[1] // 2, asked.shape[2] // 2]
    assert found.value == pytest.approx(middle[0].item(), rel=1e-4)
    assert middle[0] > middle[1:].max()
    assert [value.sum().item() for value in network.state_dict().values()] == before


def test_climbing_depends_on_its_seed_alone_and_takes_the_best_start(network):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one, same, other = (activation_maximisation(network, "encoder.2", 0, (2, 16, 16), steps=5, seed=seed)
                        for seed in (0, 0, 1))
    assert torch.equal(one.image, same.image) and not torch.equal(one.image, other.image)
    assert torch.equal(torch.get_rng_state(), state)
    assert len(one.values) == 4 and one.value == max(one.values) > min(one.values)


def test_a_channel_that_nothing_moves_lets_the_noise_fade():
    model = nn.Sequential(nn.Conv2d(2, 1, 1))
    nn.init.zeros_(model[0].weight)
    image = activation_maximisation(model, "0", 0, (2, 16, 16), steps=100, decay=0.1, blur=(0.0, 0.0)).image
    assert 0 < image.abs().max() < 0.5 * 0.9**100


def test_unknown_blocks_and_oblong_images_are_refused(network):
    with pytest.raises(SettingsError, match="got 'encoder.7'. Did you mean encoder"):
        activation_maximisation(network, "encoder.7", 0, (2, 16, 16))
    with pytest.raises(ShapeError, match="square image to optimise; got 16×32"):
        activation_maximisation(network, "encoder.1", 0, (2, 16, 32))


def test_what_lies_behind_the_block_is_not_computed(network):
    asked = []
    for module in network.modules():
        module.register_forward_hook(lambda module, given, output: asked.append(module))
    activation_maximisation(network, "encoder.1", 0, (2, 16, 16), steps=1)
    assert asked and network.get_submodule("encoder.1") not in asked, "stopped before its last ReLU"
    network(torch.zeros(1, 2, 16, 16))
    assert network.get_submodule("encoder.1") in asked, "afterwards it is whole again"
