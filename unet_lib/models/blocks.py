"""The U-Net's blocks, each a named module, so that it can be hooked."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DoubleConv(nn.Sequential):
    """(3×3 convolution → batch norm? → ReLU) twice; height and width stay as they are."""

    def __init__(self, in_channels: int, out_channels: int, batch_norm: bool = True) -> None:
        super().__init__()
        for step, channels in ((1, in_channels), (2, out_channels)):
            # A bias before batch norm would be subtracted again with the mean, so it is left out.
            self.add_module(f"conv{step}", nn.Conv2d(channels, out_channels, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                self.add_module(f"norm{step}", nn.BatchNorm2d(out_channels))
            # Not in place: a hook on the convolution must still see the values before the ReLU.
            self.add_module(f"relu{step}", nn.ReLU())


class Up(nn.ConvTranspose2d):
    """2×2 transposed convolution with stride 2: doubles height and width, halves the channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=2, stride=2)


class Concat(nn.Module):
    """The skip connection's end: encoder channels first, then the decoder's."""

    def forward(self, skip: Float[Tensor, "n c h w"], x: Float[Tensor, "n d h w"]) -> Float[Tensor, "n e h w"]:
        """Stack along the channels."""
        return torch.cat([skip, x], dim=1)
