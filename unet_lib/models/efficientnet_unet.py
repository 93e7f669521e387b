"""A U-Net whose encoder was pretrained on photographs: EfficientNet-Lite0, and a small decoder of our own.

    network = EfficientNetUNet()              # as any network: random weights
    load_pretrained_encoder(network)          # the encoder's from 1.3 million photographs, the decoder's still random

The encoder was built to tell a thousand kinds of things apart in photographs (ImageNet). Edges, textures and shapes
that it found there are of use in a scan, too. Names are UNet's (`encoder.1` … `output`), with four differences:
`stem` halves the image before the first level; `pool.k` is a block that learns how to halve; `up.k` only repeats
pixels; `output` enlarges the logits to the image's size.

Sources: Tan & Le 2019 (EfficientNet); Liu 2020 (Lite: ReLU6, no squeeze and excitation); Sandler et al. 2018 (its
blocks); weights: Google, Apache licence 2.0, see data/models/encoder/imagenet-lite0.json.
"""

from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.core.errors import ShapeError
from unet_lib.models.architecture import Planner, Size, Stage, check_multiple, double_conv
from unet_lib.models.blocks import Concat, DoubleConv
from unet_lib.models.layers import BILINEAR, DOUBLE, Conv, Join, Resize
from unet_lib.models.receptive_field import LayerGeometry
from unet_lib.models.unet import forward_pass

EPSILON = 1e-3  # of the batch norms that come with the encoder: TensorFlow's
STEM = 32
# Blocks of each level: channels out and side of the kernel; then the one that halves. The last are the bottleneck's.
Blocks = tuple[tuple[int, int], ...]
LEVELS: tuple[Blocks, ...] = (((16, 3),), ((24, 3),), ((40, 5),), ((80, 3), (80, 3), (112, 5), (112, 5), (112, 5)))
HALVING = ((24, 3), (40, 5), (80, 3), (192, 5))
BOTTLENECK: Blocks = ((192, 5), (192, 5), (192, 5), (320, 3))
DECODER = (32, 48, 64, 128)  # channels of decoder.1 to decoder.4
EXPAND_RATIO = 6  # how many times as many channels a block has inside; those of the first level have no more


@dataclass(frozen=True, slots=True)
class EfficientNetUNetConfig:
    """Everything that fixes an EfficientNetUNet's weights' shapes. Travels with the weights."""

    encoder: str = "lite0"
    in_channels: int = 3
    out_channels: int = 1

    def __post_init__(self) -> None:
        if self.encoder != "lite0" or self.in_channels < 1 or self.out_channels < 1:
            raise ShapeError(f"expected the encoder 'lite0' and at least one channel in and out; got {self}.")

    @property
    def depth(self) -> int:
        """How often the image is halved after the stem."""
        return len(HALVING)

    @property
    def multiple(self) -> int:
        """Heights and widths must be divisible by this."""
        return 2 ** (self.depth + 1)

    def check_size(self, height: int, width: int) -> None:
        """Raise ShapeError unless `height`×`width` can be halved by the stem and at every level."""
        check_multiple("EfficientNetUNet", height, width, self.multiple)

    def plan(self, size: Size = 256) -> tuple[Stage, ...]:
        """The stages in the order the data passes them, from `stem` to `output`.

        Raises ShapeError if `size` is not divisible by 32.
        """
        planner = Planner(self.in_channels, size)
        self.check_size(planner.maps.height, planner.maps.width)
        planner.add("stem", "Stem", _conv_layer(STEM, 3, stride=2))
        channels, skips = STEM, []
        for level, (blocks, (halved, kernel)) in enumerate(zip(LEVELS, HALVING, strict=True), 1):
            layers, channels = _block_layers(channels, blocks, 1 if level == 1 else EXPAND_RATIO)
            planner.add(f"encoder.{level}", "InvertedResidual", *layers)
            planner.add(f"pool.{level}", "Downsample", *_inverted_residual(channels, halved, kernel, stride=2))
            skips.append(channels)
            channels = halved
        planner.add("bottleneck", "InvertedResidual", *_block_layers(channels, BOTTLENECK)[0])
        for level in range(self.depth, 0, -1):
            planner.add(f"up.{level}", "Upsample", Resize(DOUBLE))
            planner.add(f"concat.{level}", "Concat", Join(skips[level - 1]))
            planner.add(f"decoder.{level}", "DoubleConv", *double_conv(DECODER[level - 1]))
        planner.add("output", "SegmentationHead", Conv(self.out_channels, bias=True), Resize(BILINEAR))
        return planner.stages


class Conv2dSame(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow does: where it halves, one more pixel right and below."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        before, odd = divmod(kernel - stride, 2)
        super().__init__(in_channels, out_channels, kernel, stride, 0 if odd else before, groups=groups, bias=False)
        self.margin = (before, before + 1) * 2 if odd else ()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d i j"]:
        """Height and width stay, or are halved."""
        kernel, padding = self.weight, self.padding
        if self.margin and x.device.type == "cpu" and not torch.is_grad_enabled():
            # A copy of the maps with a margin takes longer than the convolution itself. So here the kernel gets one,
            # of zeros above and at the left; then the same padding on all sides does, and costs no copy.
            kernel, padding = F.pad(kernel, (1, 0, 1, 0)), self.margin[-1:] * 2
        elif self.margin:
            x = F.pad(x, self.margin)
        if self.groups == 1 or x.device.type != "cpu":
            return F.conv2d(x, kernel, self.bias, self.stride, padding, groups=self.groups)
        # One kernel a channel: on CPUs the backward pass of these is three times as slow in bfloat16.
        with torch.autocast("cpu", enabled=False):
            x = x.float() if x.dtype is torch.bfloat16 else x
            return F.conv2d(x, kernel, self.bias, self.stride, padding, groups=self.groups)


class InvertedResidual(nn.Module):
    """Expand the channels (1×1), convolve each with a kernel of its own (depthwise), project them onto fewer (1×1).

    Added to the input where shapes agree; inside there are `expand_ratio` times as many channels.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1,
                 expand_ratio: int = EXPAND_RATIO) -> None:
        super().__init__()
        inside = in_channels * expand_ratio
        self.body = nn.Sequential()
        if expand_ratio > 1:
            self.body.add_module("expand", _conv(Conv2dSame(in_channels, inside, 1)))
        self.body.add_module("depthwise", _conv(Conv2dSame(inside, inside, kernel, stride, groups=inside)))
        self.body.add_module("project", _conv(Conv2dSame(inside, out_channels, 1), activation=False))
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d i j"]:
        """Height and width stay, or are halved."""
        return x + self.body(x) if self.adds else self.body(x)


class SegmentationHead(nn.Conv2d):
    """A 1×1 convolution to logits, which are enlarged to twice their height and width, bilinearly and in float32."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k i j"]:
        """Maps at half the image's size to logits of all of it."""
        return F.interpolate(super().forward(x).float(), scale_factor=2, mode="bilinear", align_corners=False)


class EfficientNetUNet(nn.Module):
    """EfficientNet-Lite0 as encoder, double convolutions as decoder; returns logits, one per pixel.

    Input as for UNet; height and width divisible by 32, else ShapeError. 3.8 million parameters.
    """

    def __init__(self, config: EfficientNetUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or EfficientNetUNetConfig()
        self.stem = _conv(Conv2dSame(self.config.in_channels, STEM, 3, stride=2))
        self.encoder, self.pool = nn.ModuleDict(), nn.ModuleDict()
        channels, skips = STEM, []
        for level, (blocks, (halved, kernel)) in enumerate(zip(LEVELS, HALVING, strict=True), 1):
            self.encoder[str(level)], channels = _blocks(channels, blocks, 1 if level == 1 else EXPAND_RATIO)
            self.pool[str(level)] = InvertedResidual(channels, halved, kernel, stride=2)
            skips.append(channels)
            channels = halved
        self.bottleneck, channels = _blocks(channels, BOTTLENECK)
        levels = [str(level) for level in range(1, len(LEVELS) + 1)]
        below = (*DECODER[1:], channels)
        self.up = nn.ModuleDict({level: nn.Upsample(scale_factor=2) for level in levels})
        self.concat = nn.ModuleDict({level: Concat() for level in levels})
        self.decoder = nn.ModuleDict({level: DoubleConv(skip + deeper, width) for level, skip, deeper, width
                                      in zip(levels, skips, below, DECODER, strict=True)})
        self.output = SegmentationHead(DECODER[0], self.config.out_channels)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Image to logits of the same height and width, computed at half of it."""
        self.config.check_size(*image.shape[-2:])
        return forward_pass(self, self.stem(image))

    def plan(self, size: Size = 256) -> tuple[Stage, ...]:
        """The stages, for images of this size: see `EfficientNetUNetConfig.plan`."""
        return self.config.plan(size)

    def settings(self) -> dict[str, int | str]:
        """The configuration as plain data, for a checkpoint's card."""
        return asdict(self.config)


def _conv(convolution: Conv2dSame, activation: bool = True) -> nn.Sequential:
    layers = nn.Sequential()
    layers.add_module("conv", convolution)
    layers.add_module("norm", nn.BatchNorm2d(convolution.out_channels, EPSILON))
    if activation:
        layers.add_module("relu6", nn.ReLU6())
    return layers


def _blocks(channels: int, blocks: Blocks, expand_ratio: int = EXPAND_RATIO) -> tuple[nn.Sequential, int]:
    """Blocks one after the other, and the channels that the last one hands on."""
    made = nn.Sequential()
    for out, kernel in blocks:
        made.append(InvertedResidual(channels, out, kernel, expand_ratio=expand_ratio))
        channels = out
    return made, channels


# ---- the same as plain data, for the plan ---------------------------------------------------------------------


def _conv_layer(out: int, kernel: int, stride: int = 1, groups: int = 1, activation: bool = True) -> Conv:
    """A Conv2dSame with its batch norm and activation."""
    before, odd = divmod(kernel - stride, 2)
    return Conv(out, LayerGeometry(kernel, stride, padding=before), groups, norm=True,
                activation="ReLU6" if activation else "", padded_apart=bool(odd))


def _inverted_residual(channels: int, out: int, kernel: int, stride: int = 1,
                       expand_ratio: int = EXPAND_RATIO) -> list[Conv]:
    inside = channels * expand_ratio
    expand = [_conv_layer(inside, 1)] if expand_ratio > 1 else []
    return [*expand, _conv_layer(inside, kernel, stride, groups=inside), _conv_layer(out, 1, activation=False)]


def _block_layers(channels: int, blocks: Blocks, expand_ratio: int = EXPAND_RATIO) -> tuple[list[Conv], int]:
    """The layers of `_blocks`, and the channels that the last one hands on."""
    layers: list[Conv] = []
    for out, kernel in blocks:
        layers += _inverted_residual(channels, out, kernel, expand_ratio=expand_ratio)
        channels = out
    return layers, channels
