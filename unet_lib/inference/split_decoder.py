"""Decoders that convolve small maps instead of enlarged ones: the same result, but for rounding, in less time.

Where a network enlarges maps by repeating each pixel, a 3×3 kernel then meets at most four different values, in nine
places. Adding up the weights of equal values beforehand leaves four multiplications of nine. Written out, enlarging
and convolving in one is a transposed convolution with a 4×4 kernel and stride 2.
"""

import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Pair(nn.Module):
    """In the place of a concatenation: both inputs side by side, not copied together."""

    def forward(self, skip: Float[Tensor, "n c h w"], below: Float[Tensor, "n d i j"]) -> tuple[Tensor, Tensor]:
        """Both, as they are."""
        return skip, below


class SplitConv(nn.Module):
    """A 3×3 convolution of the skip's maps and, enlarged, the maps from below: computed apart, and added."""

    def __init__(self, conv: nn.Conv2d, below: int) -> None:
        """`conv` is the convolution of both together; the last `below` of its input channels are the enlarged ones."""
        super().__init__()
        skip = conv.in_channels - below
        self.skip = nn.Conv2d(skip, conv.out_channels, 3, padding=1, bias=conv.bias is not None)
        self.below = nn.ConvTranspose2d(below, conv.out_channels, 4, stride=2, padding=1, bias=False)
        kernel = conv.weight.detach()
        repeated = [(right, 1 - right, down, 1 - down) for right in (0, 1) for down in (0, 1)]
        with torch.no_grad():
            self.skip.weight.copy_(kernel[:, :skip])
            flipped = kernel[:, skip:].flip(-2, -1)  # a transposed convolution walks through its kernel backwards
            self.below.weight.copy_(torch.stack([F.pad(flipped, margin) for margin in repeated]).sum(0).transpose(0, 1))
            if self.skip.bias is not None and conv.bias is not None:
                self.skip.bias.copy_(conv.bias)

    def forward(self, both: tuple[Tensor, Tensor]) -> Float[Tensor, "n o h w"]:
        """What `conv` makes of the skip's maps beside the enlarged ones."""
        skip, below = both
        return self.skip(skip).add_(self.below(below))


def split_decoders(network: nn.Module) -> nn.Module:
    """A copy of the network that enlarges no maps before it convolves them; `network` stays as it is.

    Networks that enlarge by a transposed convolution of their own (UNet) have nothing to split.
    """
    split: Any = copy.deepcopy(network)
    for level, up in getattr(split, "up", nn.ModuleDict()).items():
        if isinstance(up, nn.Upsample) and up.mode == "nearest":
            below = next(stage.out_channels for stage in split.plan() if stage.name == f"up.{level}")
            conv = split.decoder[level].conv1
            split.up[level], split.concat[level] = nn.Identity(), Pair()
            split.decoder[level].conv1 = SplitConv(conv, below).to(conv.weight.device).train(split.training)
    return split.to(memory_format=torch.channels_last)
