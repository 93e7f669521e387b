"""The U-Net's stages as plain data: one plan that model, figures, widgets and animations all draw from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from unet_lib.core.errors import ShapeError


def check_multiple(network: str, height: int, width: int, multiple: int, otherwise: str = "") -> None:
    """Raise ShapeError unless both sides are divisible by `multiple`; `otherwise` is what else would mend it."""
    if height < multiple or width < multiple or height % multiple or width % multiple:
        nearest = tuple(max(multiple, -(-side // multiple) * multiple) for side in (height, width))
        raise ShapeError(f"{network} needs height and width divisible by {multiple}; got {height}×{width}. "
                         f"Resize or pad to {nearest[0]}×{nearest[1]}{otherwise}.")


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
        check_multiple(f"UNet(depth={self.depth})", height, width, self.multiple, ", or choose a smaller depth")


@dataclass(frozen=True, slots=True)
class Stage:
    """One named block of the network; `name` is also its path in the model (`encoder.1`, `up.3`, …).

    Sizes are in pixels, `parameters` counts learnt numbers, `receptive_field` is the side in input
    pixels of the square that one output value can see (the largest, over all paths). `multiply_adds`
    counts, for one image, the products summed up by convolutions, straight and transposed; batch norm,
    ReLU, pooling and biases are left out, as is usual.

    The three `kept_…` counts say what a training step in PyTorch holds back for the backward pass when it
    reaches this stage, and no stage before it has held back already; learnt parameters and running
    averages, which are there anyway, do not count.

    - `kept_values`, floats an image. A double convolution keeps its input (the gradient of the first
      weights needs it; for `encoder.1` it is the image), the output of both ReLUs (the second
      convolution's input is one of them), and with batch norm also the input of both norms.
    - `kept_indices`, 64-bit whole numbers an image. Pooling keeps where each maximum came from; its
      input is a ReLU's output, kept already.
    - `kept_statistics`, floats a batch. Each batch norm keeps a mean and a deviation for every channel.

    Transposed convolution and output read a ReLU's output, kept already; concatenation needs nothing.
    """

    name: str
    kind: str
    in_channels: int
    out_channels: int
    height: int
    width: int
    parameters: int
    receptive_field: int
    multiply_adds: int = 0
    kept_values: int = 0
    kept_indices: int = 0
    kept_statistics: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of what the stage hands on."""
        return self.out_channels, self.height, self.width

    def output_bytes(self, batch: int = 1, bytes_per_value: int = 4) -> int:
        """Memory of what the stage hands on in the forward pass; 4 bytes a value is float32."""
        return batch * bytes_per_value * self.out_channels * self.height * self.width

    def kept_bytes(self, batch: int = 1, bytes_per_value: int = 4) -> int:
        """Memory that the stage adds to what is kept for the backward pass, by the definition above."""
        values = batch * self.kept_values + self.kept_statistics
        return bytes_per_value * values + 8 * batch * self.kept_indices


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole plan in five numbers; `multiply_adds` for one image, bytes for the batch that was asked for.

    `output_bytes` is what all stages hand on, taken together: more than prediction holds at any one time,
    as an output that no later stage reads is let go. `kept_bytes` does stay until the backward pass.
    """

    parameters: int
    multiply_adds: int
    output_bytes: int
    kept_bytes: int
    receptive_field: int


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

    def add(name: str, kind: str, out: int) -> None:
        nonlocal channels
        h, w = height // scale, width // scale
        field = receptive_field([*(stage.kind for stage in stages), kind])
        costs = _costs(kind, channels, out, h * w, batch_norm)
        stages.append(Stage(name, kind, channels, out, h, w, receptive_field=field, **costs))
        channels = out

    for level in range(1, depth + 1):
        add(f"encoder.{level}", "DoubleConv", widths[level - 1])
        scale *= 2
        add(f"pool.{level}", "MaxPool2d", channels)
    add("bottleneck", "DoubleConv", widths[depth])
    for level in range(depth, 0, -1):
        out = widths[level - 1]
        scale //= 2
        add(f"up.{level}", "Up", out)
        add(f"concat.{level}", "Concat", 2 * out)
        add(f"decoder.{level}", "DoubleConv", out)
    add("output", "Conv2d", out_channels)
    return tuple(stages)


def plan_for(config: object, size: int | tuple[int, int] = 256) -> tuple[Stage, ...]:
    """The plan of a network with this configuration. Raises ShapeError for other networks than UNet."""
    if not isinstance(config, UNetConfig):
        raise ShapeError(f"expected a UNet's configuration, whose stages are known; got {config}. Load a network whose "
                         f"card names `base` and `depth`.")
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


def totals(stages: Iterable[Stage], batch: int = 1, bytes_per_value: int = 4) -> Totals:
    """Sums over the stages, and the receptive field of the last."""
    stages = tuple(stages)
    return Totals(sum(s.parameters for s in stages), sum(s.multiply_adds for s in stages),
                  sum(s.output_bytes(batch, bytes_per_value) for s in stages),
                  sum(s.kept_bytes(batch, bytes_per_value) for s in stages), stages[-1].receptive_field)


def _costs(kind: str, channels: int, out: int, pixels: int, batch_norm: bool) -> dict[str, int]:
    """What a stage with `pixels` output pixels learns, computes and keeps; see Stage."""
    if kind == "DoubleConv":
        weights = 9 * channels * out + 9 * out * out
        kept = channels + 2 * out + (2 * out if batch_norm else 0)
        # With batch norm the bias is its β, so each output channel has γ and β instead.
        return {"parameters": weights + (4 * out if batch_norm else 2 * out), "multiply_adds": weights * pixels,
                "kept_values": kept * pixels, "kept_statistics": 4 * out if batch_norm else 0}
    if kind == "MaxPool2d":
        return {"parameters": 0, "kept_indices": out * pixels}
    if kind == "Up":  # each output pixel meets one of the four weights, so a quarter of them is used a pixel
        return {"parameters": 4 * channels * out + out, "multiply_adds": channels * out * pixels}
    if kind == "Conv2d":
        return {"parameters": channels * out + out, "multiply_adds": channels * out * pixels}
    return {"parameters": 0}
