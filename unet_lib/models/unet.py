"""The U-Net of Ronneberger, Fischer and Brox (2015), with named blocks that can be hooked.

Differences from the paper, on purpose: convolutions are padded (input and mask have one size), batch norm
may follow each of them (Ioffe & Szegedy 2015), and one output channel gives logits for tumour / no tumour.
"""

from dataclasses import asdict
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from unet_lib.models.architecture import Size, Stage, UNetConfig
from unet_lib.models.blocks import Concat, DoubleConv, Up


class UNet(nn.Module):
    """Encoder, bottleneck, decoder with skip connections; returns logits, one per pixel.

    Input: float32 of any range (training uses the normalised one of `data.intensity`), height and width divisible by
    2**depth, else ShapeError. Blocks are named as in the plan: `encoder.1` … `output`.
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

    def plan(self, size: Size = 256) -> tuple[Stage, ...]:
        """The stages, for images of this size: see `UNetConfig.plan`."""
        return self.config.plan(size)

    def settings(self) -> dict[str, int | bool]:
        """The configuration as plain data, for a checkpoint's card."""
        return asdict(self.config)


def forward_pass(network: Any, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k _ _"]:
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
