"""The U-Net as lesson 03 builds it, piece by piece: the reader's classes are compared with these, or replaced by them.

The same network as `models.unet.UNet`, with fewer settings: three channels in, one out, batch norm everywhere.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DoubleConv(nn.Module):
    """(3×3 convolution → batch norm → ReLU) twice; height and width stay as they are."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """Channels become `outputs`."""
        x = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(x)))


class Encoder(nn.Module):
    """`depth` levels, each a double convolution, then a pooling that halves height and width."""

    def __init__(self, base: int, depth: int) -> None:
        super().__init__()
        widths = [3] + [base * 2**level for level in range(depth)]
        self.levels = nn.ModuleList([DoubleConv(widths[i], widths[i + 1]) for i in range(depth)])
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, list[Tensor]]:
        """What goes on to the bottleneck, and each level's maps before pooling, the finest first."""
        skips = []
        for level in self.levels:
            x = level(x)
            skips.append(x)
            x = self.pool(x)
        return x, skips


def stamp(x: Float[Tensor, "h w"], kernel: Float[Tensor, "k k"], stride: int) -> Float[Tensor, "a b"]:
    """A transposed convolution of one channel: every number stamps the kernel; where stamps overlap, they add up."""
    height, width = x.shape
    k = len(kernel)
    out = torch.zeros((height - 1) * stride + k, (width - 1) * stride + k, dtype=x.dtype)
    for row in range(height):
        for column in range(width):
            top, left = row * stride, column * stride
            out[top:top + k, left:left + k] += x[row, column] * kernel
    return out


class DecoderLevel(nn.Module):
    """A 2×2 transposed convolution, the concatenation with the skip, and a double convolution."""

    def __init__(self, below: int, here: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(below, here, kernel_size=2, stride=2)
        self.conv = DoubleConv(2 * here, here)

    def forward(self, x: Float[Tensor, "n b h w"], skip: Float[Tensor, "n c H W"]) -> Float[Tensor, "n c H W"]:
        """`x` comes from below, `skip` from the encoder's level, twice as high and wide."""
        x = self.up(x)
        x = torch.cat([skip, x], dim=1)
        return self.conv(x)


class UNet(nn.Module):
    """Encoder, bottleneck, decoder with skip connections; logits, one a pixel."""

    def __init__(self, base: int, depth: int) -> None:
        super().__init__()
        widths = [base * 2**level for level in range(depth + 1)]
        self.encoder = Encoder(base, depth)
        self.bottleneck = DoubleConv(widths[-2], widths[-1])
        self.decoder = nn.ModuleList([DecoderLevel(widths[i + 1], widths[i]) for i in reversed(range(depth))])
        self.output = nn.Conv2d(base, 1, kernel_size=1)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Height and width must be divisible by 2**depth."""
        x, skips = self.encoder(image)
        x = self.bottleneck(x)
        for level in self.decoder:
            x = level(x, skips.pop())
        return self.output(x)


def outline(network: nn.Module, image: Float[Tensor, "3 h w"]) -> Tensor:
    """True where the network gives tumour a probability of at least 0.5."""
    network.eval()
    with torch.no_grad():
        logits = network(image[None])
    return torch.sigmoid(logits)[0, 0] >= 0.5


def activation_stds(network: nn.Module, images: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
    """The standard deviation of what every convolution gives, by its name, in the order in which they are called."""
    stds, handles = {}, []
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            def note(layer: nn.Module, inputs: tuple, out: Tensor, name: str = name) -> None:
                stds[name] = out.std().item()
            handles.append(layer.register_forward_hook(note))
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return stds


def gradient_norms(network: nn.Module, images: Float[Tensor, "n 3 h w"], masks: Float[Tensor, "n 1 h w"]
                   ) -> dict[str, float]:
    """The length of the loss's gradient with respect to every weight, by its name; 0 where no gradient arrives."""
    network.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(network(images), masks)
    loss.backward()
    return {name: 0.0 if weight.grad is None else weight.grad.norm().item()
            for name, weight in network.named_parameters()}
