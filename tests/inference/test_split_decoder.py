"""Decoders that enlarge nothing before they convolve: the same logits, and a network that stays as it was."""

import pytest
import torch
from torch import nn

from unet_lib.inference.batch_norm_adaptation import adapt_batch_norms, fuse_batch_norms
from unet_lib.inference.split_decoder import SplitConv, split_decoders
from unet_lib.models.efficientnet_unet import EfficientNetUNet
from unet_lib.models.registry import build


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_one_convolution_of_both_is_the_sum_of_two(bias):
    conv = nn.Conv2d(5, 4, 3, padding=1, bias=bias)
    skip, below = noise(2, 2, 8, 12), noise(2, 3, 4, 6)
    enlarged = below.repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.allclose(SplitConv(conv, 3)((skip, below)), conv(torch.cat([skip, enlarged], 1)), atol=1e-6)


@torch.no_grad()
def test_a_batch_norm_can_be_fused_into_both():
    split, norm = SplitConv(nn.Conv2d(5, 4, 3, padding=1, bias=False), 3).eval(), nn.BatchNorm2d(4)
    norm(3 * noise(4, 4, 8, 8) + 1)  # so that its statistics are not 0 and 1
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    norm.eval()
    both = noise(2, 2, 8, 12), noise(2, 3, 4, 6)
    assert torch.allclose(split.fused(norm)(both), norm(split(both)), atol=1e-6)


@torch.no_grad()
def test_a_network_gives_the_same_logits_and_stays_as_it_was():
    torch.manual_seed(0)
    network, images = EfficientNetUNet().eval(), noise(2, 3, 64, 96)
    before, drawn = list(network.state_dict()), torch.get_rng_state()
    split = split_decoders(network)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert sum(isinstance(part, SplitConv) for part in split.modules()) == 4
    assert not any(isinstance(part, nn.Upsample) for part in split.modules())
    assert torch.allclose(split(images), network(images), atol=1e-5) and list(network.state_dict()) == before
    fused = fuse_batch_norms(adapt_batch_norms(split, images, 0.4))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())
    assert torch.allclose(fused(images), adapt_batch_norms(network, images, 0.4)(images), atol=1e-4)


def test_a_network_that_enlarges_by_weights_of_its_own_has_nothing_to_split():
    assert not any(isinstance(part, SplitConv) for part in split_decoders(build({"base": 2, "depth": 2}, 0)).modules())
