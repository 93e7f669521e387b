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
from torch.nn.utils.fusion import fuse_conv_bn_eval


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
        skip, out = conv.in_channels - below, conv.out_channels
        # On "meta" no weights are drawn at random: that would take time, and change what is drawn afterwards.
        self.skip = nn.Conv2d(skip, out, 3, padding=1, bias=conv.bias is not None, device="meta")
        self.below = nn.ConvTranspose2d(below, out, 4, stride=2, padding=1, bias=False, device="meta")
        kernel = conv.weight.detach()
        flipped = kernel[:, skip:].flip(-2, -1)  # a transposed convolution walks through its kernel backwards
        repeated = [F.pad(flipped, (right, 1 - right, down, 1 - down)) for right in (0, 1) for down in (0, 1)]
        self.skip.weight = nn.Parameter(kernel[:, :skip].clone())
        self.below.weight = nn.Parameter(torch.stack(repeated).sum(0).transpose(0, 1))
        if conv.bias is not None:
            self.skip.bias = nn.Parameter(conv.bias.detach().clone())

    def forward(self, both: tuple[Tensor, Tensor]) -> Float[Tensor, "n o h w"]:
        """What `conv` makes of the skip's maps beside the enlarged ones."""
        skip, below = both
        return self.skip(skip).add_(self.below(below))

    def fused(self, norm: nn.BatchNorm2d) -> "SplitConv":
        """A copy that does what this one and then `norm`, in evaluation mode, would do."""
        fused: Any = sharing_copy(self)
        fused.skip = fuse_conv_bn_eval(self.skip, norm)
        fused.below = fuse_conv_bn_eval(self.below, norm, transpose=True)
        fused.below.bias = None  # the norm's shift has gone into the other one's
        return fused


def split_decoders(network: nn.Module) -> nn.Module:
    """A copy of the network that enlarges no maps before it convolves them. It shares its weights with `network`.

    Networks that enlarge by a transposed convolution of their own (UNet) have nothing to split.
    """
    split: Any = sharing_copy(network)
    enlarging = [level for level, up in getattr(split, "up", nn.ModuleDict()).items()
                 if isinstance(up, nn.Upsample) and up.mode == "nearest"]
    channels = {stage.name: stage.out_channels for stage in split.plan()} if enlarging else {}
    for level in enlarging:
        conv = SplitConv(split.decoder[level].conv1, channels[f"up.{level}"])
        split.up[level], split.concat[level] = nn.Identity(), Pair()
        split.decoder[level].conv1 = conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return split


def sharing_copy(network: nn.Module) -> nn.Module:
    """A copy whose modules can be exchanged, while weights and statistics are those of `network` itself."""
    return copy.deepcopy(network, {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())})
