"""The U-Net of Ronneberger, Fischer and Brox (2015), with named blocks that can be hooked.

Differences from the paper, on purpose: convolutions are padded (input and mask have one size), batch norm
may follow each of them (Ioffe & Szegedy 2015), and one output channel gives logits for tumour / no tumour.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unet_lib.shapes import UNetConfig


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


class UNet(nn.Module):
    """Encoder, bottleneck, decoder with skip connections; returns logits, one per pixel.

    Input: float32 of any range (training uses the normalised one of `dataset`), height and width divisible by
    2**depth, else ShapeError. Blocks are named as in `shapes.plan`: `encoder.1` … `output`.
    """

    def __init__(self, config: UNetConfig | None = None, **settings: int | bool) -> None:
        """`UNet(base=16, depth=4)` or `UNet(UNetConfig(base=16))`."""
        super().__init__()
        self.config = config or UNetConfig(**settings)  # type: ignore[arg-type]
        c = self.config
        widths = [c.base * 2**level for level in range(c.depth + 1)]
        inputs = [c.in_channels, *widths]
        levels = range(1, c.depth + 1)
        self.encoder = nn.ModuleDict({
            str(i): DoubleConv(inputs[i - 1], widths[i - 1], c.batch_norm) for i in levels})
        self.pool = nn.ModuleDict({str(i): nn.MaxPool2d(2) for i in levels})
        self.bottleneck = DoubleConv(widths[-2], widths[-1], c.batch_norm)
        self.up = nn.ModuleDict({str(i): Up(widths[i], widths[i - 1]) for i in levels})
        self.concat = nn.ModuleDict({str(i): Concat() for i in levels})
        self.decoder = nn.ModuleDict({
            str(i): DoubleConv(2 * widths[i - 1], widths[i - 1], c.batch_norm) for i in levels})
        self.output = nn.Conv2d(widths[0], c.out_channels, kernel_size=1)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Image to logits of the same height and width; sigmoid(logit) is the tumour's probability."""
        self.config.check_size(*image.shape[-2:])
        return forward_pass(self, image)

    def settings(self) -> dict[str, int | bool]:
        """The configuration as plain data, for a checkpoint's card."""
        return asdict(self.config)


def forward_pass(network: Any, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
    """The way through the U, for any network whose blocks are named as UNet's are."""
    x, skips = image, []
    for level in network.encoder:
        x = network.encoder[level](x)
        skips.append(x)
        x = network.pool[level](x)
    x = network.bottleneck(x)
    for level in reversed(list(network.up)):
        x = network.up[level](x)
        x = network.concat[level](skips.pop(), x)
        x = network.decoder[level](x)
    return network.output(x)


def to_mask(logits: Float[Tensor, "..."], threshold: float = 0.5) -> Float[Tensor, "..."]:
    """Logits to a {0, 1} mask: 1 where the probability is at least `threshold`."""
    return (torch.sigmoid(logits.float()) >= threshold).float()


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def build(settings: dict[str, int | bool], seed: int) -> UNet:
    """A fresh network whose first weights depend on `seed` alone."""
    with first_weights(seed):
        return UNet(UNetConfig(**settings))  # type: ignore[arg-type]


@contextmanager
def first_weights(seed: int) -> Iterator[None]:
    """Inside the `with`, what is drawn depends on `seed` alone; afterwards torch's own random state is back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode inside the `with`; afterwards every module has its own flag back."""
    flags = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield model
    finally:
        for module, training in flags.items():
            module.training = training
