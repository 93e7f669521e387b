"""The U-Net's stages as plain data: one plan that model, figures, widgets and animations all draw from."""

from dataclasses import asdict, dataclass

from unet_lib.errors import ShapeError


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """Everything that fixes a U-Net's weights' shapes. Travels with the weights.

    `base` is the width of the first encoder stage; each level below doubles it, `depth` times.
    `batch_norm=False` is the school project's plain version.
    """

    in_channels: int = 3
    out_channels: int = 1
    base: int = 64
    depth: int = 4
    batch_norm: bool = True

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels", "base", "depth"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ShapeError(f"UNet needs {name} to be a whole number of at least 1; got {value!r}.")

    @property
    def multiple(self) -> int:
        """Heights and widths must be divisible by this: each of the `depth` poolings halves them."""
        return 2**self.depth

    def check_size(self, height: int, width: int) -> None:
        """Raise ShapeError unless `height`×`width` can be halved `depth` times."""
        m = self.multiple
        if height < m or width < m or height % m or width % m:
            nearest = tuple(max(m, -(-side // m) * m) for side in (height, width))
            raise ShapeError(f"UNet(depth={self.depth}) needs height and width divisible by {m}; "
                             f"got {height}×{width}. Resize or pad to {nearest[0]}×{nearest[1]}, "
                             f"or choose a smaller depth.")


@dataclass(frozen=True, slots=True)
class Stage:
    """One named block of the network; `name` is also its path in the model (`encoder.1`, `up.3`, …).

    Sizes are in pixels, `parameters` counts learnt numbers, `receptive_field` is the side in input
    pixels of the square that one output value can see (the largest, over all paths).
    """

    name: str
    kind: str
    in_channels: int
    out_channels: int
    height: int
    width: int
    parameters: int
    receptive_field: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of what the stage hands on."""
        return self.out_channels, self.height, self.width


def plan(in_channels: int = 3, base: int = 64, depth: int = 4, size: int | tuple[int, int] = 256, *,
         out_channels: int = 1, batch_norm: bool = True) -> tuple[Stage, ...]:
    """The stages of `UNet(...)` in the order the data passes them, from `encoder.1` to `output`.

    Raises ShapeError if `size` cannot be halved `depth` times.
    Source: Ronneberger, Fischer, Brox 2015, fig. 1, with padded instead of valid convolutions.
    """
    config = UNetConfig(in_channels, out_channels, base, depth, batch_norm)
    height, width = (size, size) if isinstance(size, int) else size
    config.check_size(height, width)
    widths = [base * 2**level for level in range(depth + 1)]
    stages: list[Stage] = []
    scale, channels = 1, in_channels

    def add(name: str, kind: str, out: int, parameters: int) -> None:
        field = receptive_field([*(stage.kind for stage in stages), kind])
        stages.append(Stage(name, kind, channels, out, height // scale, width // scale, parameters, field))

    for level in range(1, depth + 1):
        out = widths[level - 1]
        add(f"encoder.{level}", "DoubleConv", out, _double_conv(channels, out, batch_norm))
        channels = out
        scale *= 2
        add(f"pool.{level}", "MaxPool2d", channels, 0)
    out = widths[depth]
    add("bottleneck", "DoubleConv", out, _double_conv(channels, out, batch_norm))
    channels = out
    for level in range(depth, 0, -1):
        out = widths[level - 1]
        scale //= 2
        add(f"up.{level}", "Up", out, channels * out * 4 + out)
        channels = out
        add(f"concat.{level}", "Concat", 2 * out, 0)
        channels = 2 * out
        add(f"decoder.{level}", "DoubleConv", out, _double_conv(channels, out, batch_norm))
        channels = out
    add("output", "Conv2d", out_channels, channels * out_channels + out_channels)
    return tuple(stages)


def plan_for(config: UNetConfig, size: int | tuple[int, int] = 256) -> tuple[Stage, ...]:
    """The plan of a network with this configuration."""
    return plan(size=size, **asdict(config))


def receptive_field(kinds: list[str]) -> int:
    """Side in input pixels of the square that one value can see after these stages, from the input on.

    Walks back from one value: two 3×3 convolutions add 2 pixels on each side, 2×2 pooling doubles, and a
    span of w pixels after 2×2 upsampling came from at most ⌊w/2⌋ + 1 pixels before it. The way through
    the bottleneck is the widest; the skips only add shorter ones.
    """
    span = 1
    for kind in reversed(kinds):
        if kind == "DoubleConv":
            span += 4
        elif kind == "MaxPool2d":
            span *= 2
        elif kind == "Up":
            span = span // 2 + 1
    return span


def _double_conv(channels: int, out: int, batch_norm: bool) -> int:
    """Two 3×3 convolutions; with batch norm the bias is its β, so each output channel has γ and β instead."""
    per_channel = 2 if batch_norm else 1
    return 9 * channels * out + 9 * out * out + 2 * per_channel * out
