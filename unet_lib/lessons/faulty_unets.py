"""Five faulty U-Nets for the debugging clinic of lesson 03: one fault each, and its symptom.

`symptom(number, network, images, masks)` says what each of them shows.
"""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unet_lib.models.blocks import DoubleConv
from unet_lib.models.common import eval_mode, to_mask
from unet_lib.models.unet import UNet

FAULTS = (1, 2, 3, 4, 5)


def faulty_unet(number: int, network: UNet) -> UNet:
    """A copy of a sound network with fault `number`; for 1, 4 and 5 look at how it is used or built."""
    faulty = copy.deepcopy(network)
    if number == 2:
        for concat in faulty.concat.values():
            concat.forward = lambda skip, x: torch.cat([x, skip], dim=1)  # type: ignore[method-assign]
    if number == 3:
        for block in faulty.modules():
            if isinstance(block, DoubleConv):
                block.relu1, block.relu2 = nn.Identity(), nn.Identity()
        # Max pooling is non-linear too: means in its place, so that what is left is linear.
        faulty.pool = nn.ModuleDict({level: nn.AvgPool2d(2) for level in faulty.pool})
    if number == 4:
        channels = faulty.config.base
        faulty.decoder["1"] = DoubleConv(channels, channels)
    return faulty.train(number == 5)


def symptom(number: int, network: UNet, images: Float[Tensor, "n c h w"], masks: Float[Tensor, "n 1 h w"]) -> str:
    """The symptom of fault `number` in a network that is otherwise sound, in one line."""
    faulty = faulty_unet(number, network)
    with torch.no_grad():
        if number == 1:
            return _complaint(faulty, images[:, :, :100, :100])
        if number == 2:
            return f"fraction of the tumour found: {_found(faulty, images, masks)}, by the sound one: " \
                   f"{_found(network, images, masks)}"
        if number == 3:
            return f"answer to a sum = sum of the answers (but for a constant): {_is_linear(faulty)}"
        if number == 4:
            return _complaint(faulty, images)
        alone, in_company = faulty(images[:1]), faulty(images)[:1]
        return f"same answer for an image alone and in company: {torch.allclose(alone, in_company, atol=0.01)}"


def _complaint(network: UNet, images: Tensor) -> str:
    """The first sentence of the error."""
    try:
        return str(network(images).shape)
    except (RuntimeError, ValueError) as error:
        return str(error).split(". ")[0]


def _found(network: UNet, images: Tensor, masks: Tensor) -> str:
    """Half or more, or less than half: digits would differ between machines."""
    with eval_mode(network):
        found = to_mask(network(images))
    return "more than half" if (found * masks).sum() > 0.5 * masks.sum() else "less than half"


def _is_linear(network: UNet) -> bool:
    """Does f(a + b) + f(0) = f(a) + f(b) hold, as for any sum of products with a constant?"""
    network = copy.deepcopy(network).double().eval()
    size = 4 * network.config.multiple
    a, b = torch.randn(2, 1, network.config.in_channels, size, size, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(0))
    return torch.allclose(network(a + b) + network(torch.zeros_like(a)), network(a) + network(b))
