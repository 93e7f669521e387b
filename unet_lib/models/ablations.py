"""U-Nets with one part changed, to see what that part is good for.

    network = build_variant("no skips", base=8, depth=4, seed=0)
    network = build_without_skips([1], base=8, depth=4, seed=0)      # only the uppermost one is gone

Each is the library's UNet with some blocks exchanged; names and forward pass stay, so everything that hooks,
trains or scores a UNet works on them too. They cannot be loaded from a checkpoint: its card describes a UNet.
Nor can they be drawn: the plan of their configuration is a UNet's.
"""

from collections.abc import Callable, Iterable

from jaxtyping import Float
from torch import Tensor, nn

from unet_lib.core.errors import SettingsError
from unet_lib.models.architecture import Size, Stage
from unet_lib.models.blocks import DoubleConv
from unet_lib.models.common import seeded_init
from unet_lib.models.unet import UNet


class ChangedUNet(UNet):
    """A UNet some of whose blocks were exchanged. Has no plan: asked for it, it raises SettingsError."""

    def plan(self, size: Size = 256) -> tuple[Stage, ...]:
        """Of the unchanged network it would be wrong."""
        raise SettingsError("expected an unchanged UNet, whose plan is known; some blocks of this one were exchanged. "
                            "Take the plan of the network it was made from: network.config.plan(size).")


class NoSkip(nn.Module):
    """In place of `Concat`: what the encoder saw is thrown away, as in a plain autoencoder."""

    def forward(self, skip: Float[Tensor, "n c h w"], x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The decoder's own channels alone."""
        return x


class AddSkip(nn.Module):
    """In place of `Concat`: the two are added, channel by channel, as in a residual network."""

    def forward(self, skip: Float[Tensor, "n c h w"], x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Their sum."""
        return skip + x


def build_variant(name: str, base: int, depth: int, seed: int) -> UNet:
    """A fresh network of the kind `name`, one of VARIANTS; `plain` is the unchanged UNet.

    Initial weights depend on `seed` alone. Raises SettingsError for an unknown name.
    """
    if name not in VARIANTS:
        raise SettingsError(f"expected a variant out of {', '.join(VARIANTS)}; got {name!r}.")
    return _built(VARIANTS[name], base, depth, seed)


def build_without_skips(levels: Iterable[int], base: int, depth: int, seed: int) -> UNet:
    """A fresh network without the skip connections of these levels, 1 (uppermost, finest) to depth.

    Of all of them it is the variant "no skips", of none the plain UNet. Initial weights depend on `seed` alone, and
    are the plain UNet's except in the decoders that lost half of their input. Raises SettingsError for an unknown
    level.
    """
    levels = sorted(set(levels))
    if unknown := [level for level in levels if not 1 <= level <= depth]:
        raise SettingsError(f"expected levels of skips from 1 to {depth}; got {unknown[0]!r}.")
    change = (lambda network: _join(network, NoSkip, map(str, levels))) if levels else None
    return _built(change, base, depth, seed)


def _built(change: Callable[[UNet], None] | None, base: int, depth: int, seed: int) -> UNet:
    with seeded_init(seed):
        if change is None:
            return UNet(base=base, depth=depth)
        network = ChangedUNet(base=base, depth=depth)
        change(network)
    return network


def _without_skips(network: UNet) -> None:
    _join(network, NoSkip, network.concat)


def _adding(network: UNet) -> None:
    _join(network, AddSkip, network.concat)


def _join(network: UNet, block: type[nn.Module], levels: Iterable[str]) -> None:
    """Exchange the Concat of these levels; their decoders then get half as many channels."""
    for level in levels:
        channels = network.decoder[level].conv1.out_channels  # type: ignore[union-attr]
        network.concat[level] = block()
        network.decoder[level] = DoubleConv(channels, channels)  # type: ignore[arg-type]


def _without_pooling(network: UNet) -> None:
    """All stages at full size: pooling passes on what it gets, `up` halves the channels only."""
    for level, up in network.up.items():
        network.pool[level] = nn.Identity()
        network.up[level] = nn.Conv2d(up.in_channels, up.out_channels, kernel_size=1)  # type: ignore[arg-type]


def _single(network: UNet) -> None:
    """Keep the first convolution of every double one, with its norm and ReLU."""
    for block in (*network.encoder.values(), network.bottleneck, *network.decoder.values()):
        for name in ("conv2", "norm2", "relu2"):
            delattr(block, name)


def _upsampling(network: UNet) -> None:
    """Enlarge by bilinear interpolation, then a 1×1 convolution for the channels, instead of `Up`."""
    for level, up in network.up.items():
        resize = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        convolve = nn.Conv2d(up.in_channels, up.out_channels, kernel_size=1)  # type: ignore[arg-type]
        network.up[level] = nn.Sequential(resize, convolve)


VARIANTS: dict[str, Callable[[UNet], None] | None] = {
    "plain": None,
    "no skips": _without_skips,
    "skips added": _adding,
    "no pooling": _without_pooling,
    "one convolution": _single,
    "upsampling": _upsampling,
}
