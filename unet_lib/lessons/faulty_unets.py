"""Three faulty U-Nets for the debugging clinic of lesson 03: one fault each, and what their owner complains of."""

import copy
from types import MethodType

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unet_lib.lessons.reference_unet import UNet

COMPLAINTS = {
    "A": "Good weights, a poorer mask, and it takes longer than the sound one.",
    "B": "Good weights, and it finds hardly any tumour.",
    "C": "The same mask as the sound one. But when I train it, part of the weights never change.",
}


def faulty_unet(name: str, sound: UNet) -> UNet:
    """A copy of a sound network of depth 3 or more with fault A, B or C, in evaluation mode. Raises KeyError."""
    faulty = copy.deepcopy(sound).eval()
    {"A": _without_a_pooling, "B": _with_a_dead_block, "C": _with_a_cut_gradient}[name](faulty)
    return faulty


def _without_a_pooling(network: UNet) -> None:
    """Level 2 passes its maps on in full size; on the way up it enlarges nothing."""
    def forward(self: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        skips = []
        for number, level in enumerate(self.levels, 1):  # type: ignore[arg-type, var-annotated]
            x = level(x)
            skips.append(x)
            x = x if number == 2 else self.pool(x)       # type: ignore[operator]
        return x, skips

    network.encoder.forward = MethodType(forward, network.encoder)  # type: ignore[method-assign]
    depth = len(network.encoder.levels)
    level = network.decoder[depth - 2]
    four: nn.ConvTranspose2d = level.up                    # type: ignore[assignment]
    one = nn.ConvTranspose2d(four.in_channels, four.out_channels, kernel_size=1)
    one.load_state_dict({"weight": four.weight.mean(dim=(2, 3), keepdim=True), "bias": four.bias})
    level.up = one


def _with_a_dead_block(network: UNet) -> None:
    """One bias so low that the ReLU behind it lets nothing through."""
    network.encoder.levels[1].norm1.bias.data.fill_(-30.0)  # type: ignore[union-attr, operator]


def _with_a_cut_gradient(network: UNet) -> None:
    """Behind the bottleneck the graph is cut: the same numbers, but no way back for the gradient."""
    def forward(self: UNet, image: Tensor) -> Tensor:
        x, skips = self.encoder(image)
        x = self.bottleneck(x).detach()
        for level in self.decoder:
            x = level(x, skips.pop())
        return self.output(x)
    network.forward = MethodType(forward, network)  # type: ignore[method-assign]


def dice_of(network: nn.Module, images: Float[Tensor, "n 3 h w"], masks: Float[Tensor, "n 1 h w"]) -> float:
    """Dice of all pixels of these slices together, in [0, 1]; the mode of the network is left as it is."""
    with torch.no_grad():
        found = (network(images) >= 0).float()
    return float(2 * (found * masks).sum() / (found.sum() + masks.sum()))
