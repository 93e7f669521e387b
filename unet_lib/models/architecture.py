"""A network's stages as plain data: one plan that model, figures, widgets and animations all draw from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from unet_lib.core.errors import ShapeError
from unet_lib.models.layers import CONV_3, DOUBLE, HALVE, Conv, Costs, Join, Layer, Maps, Resize
from unet_lib.models.receptive_field import LayerGeometry, receptive_field

Size = int | tuple[int, int]
"""Height and width, or the side of a square."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One named block of the network; `name` is also its path in the model (`encoder.1`, `up.3`, …).

    Sizes are in pixels, `parameters` counts learnt numbers, `receptive_field` is the side in input
    pixels of the square that one output value can see (the largest, over all paths). `multiply_adds`
    counts, for one image, the products summed up by convolutions, straight and transposed; batch norm,
    activations, pooling, interpolation and biases are left out, as is usual.

    The three `kept_…` counts say what a training step in PyTorch, in float32, holds back for the backward pass
    when it reaches this stage, and no stage before it has held back already; learnt parameters and running
    averages, which are there anyway, do not count.

    - `kept_values`, floats an image. A convolution keeps its input (the gradient of its weights needs it), batch
      norm its own, and so does ReLU6; ReLU keeps its output, which is the input of whatever comes next.
    - `kept_indices`, 64-bit whole numbers an image. Max pooling keeps where each maximum came from.
    - `kept_statistics`, floats a batch. Each batch norm keeps a mean and a standard deviation for every channel.

    Concatenation, enlargement without weights and the sum in a residual block keep nothing.

    `layers` is the geometry of the layers on the longest way through the stage. The way through the bottleneck sees
    most; the skips only add shorter ones.
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
    layers: tuple[LayerGeometry, ...] = ()

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


def totals(stages: Iterable[Stage], batch: int = 1, bytes_per_value: int = 4) -> Totals:
    """Sums over the stages, and the receptive field of the last."""
    stages = tuple(stages)
    return Totals(sum(s.parameters for s in stages), sum(s.multiply_adds for s in stages),
                  sum(s.output_bytes(batch, bytes_per_value) for s in stages),
                  sum(s.kept_bytes(batch, bytes_per_value) for s in stages), stages[-1].receptive_field)


class Planner:
    """Collects `stages` in the order the data passes them: what one hands on, the next one takes."""

    def __init__(self, in_channels: int, size: Size) -> None:
        height, width = (size, size) if isinstance(size, int) else size
        self.maps = Maps(in_channels, height, width)
        self.stages: tuple[Stage, ...] = ()
        self._way: tuple[LayerGeometry, ...] = ()

    def add(self, name: str, kind: str, *layers: Layer) -> None:
        """A stage that is made of these layers, one after the other."""
        taken, costs, geometry = self.maps.channels, Costs(), tuple(layer.geometry for layer in layers)
        for layer in layers:
            self.maps, more = layer.apply(self.maps)
            costs += more
        self._way += geometry
        found = self.maps
        self.stages += (Stage(name, kind, taken, found.channels, found.height, found.width, **asdict(costs),
                              receptive_field=receptive_field(self._way), layers=geometry),)


def double_conv(out: int, batch_norm: bool = True) -> tuple[Conv, Conv]:
    """The layers of a DoubleConv to `out` channels."""
    layer = Conv(out, CONV_3, bias=not batch_norm, norm=batch_norm, activation="ReLU")
    return layer, layer


# The most that a UNet may have of each: far beyond what is of use, and few enough to be reckoned with.
LIMITS = {"in_channels": 1024, "out_channels": 1024, "base": 4096, "depth": 16}


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
        for name, most in LIMITS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= most:
                raise ShapeError(f"UNet needs {name} to be a whole number of at least 1 and at most {most}; "
                                 f"got {value!r}.")

    @property
    def multiple(self) -> int:
        """Heights and widths must be divisible by this: each of the `depth` poolings halves them."""
        return 2**self.depth

    def check_size(self, height: int, width: int) -> None:
        """Raise ShapeError unless `height`×`width` can be halved `depth` times."""
        check_multiple(f"UNet(depth={self.depth})", height, width, self.multiple, ", or choose a smaller depth")

    def plan(self, size: Size = 256) -> tuple[Stage, ...]:
        """The stages in the order the data passes them, from `encoder.1` to `output`.

        Raises ShapeError if `size` cannot be halved `depth` times.
        Source: Ronneberger, Fischer, Brox 2015, fig. 1, with padded instead of valid convolutions.
        """
        planner = Planner(self.in_channels, size)
        self.check_size(planner.maps.height, planner.maps.width)
        widths = [self.base * 2**level for level in range(self.depth + 1)]
        for level, width in enumerate(widths[:-1], 1):
            planner.add(f"encoder.{level}", "DoubleConv", *double_conv(width, self.batch_norm))
            planner.add(f"pool.{level}", "MaxPool2d", Resize(HALVE, indices=True))
        planner.add("bottleneck", "DoubleConv", *double_conv(widths[-1], self.batch_norm))
        for level in range(self.depth, 0, -1):
            width = widths[level - 1]
            planner.add(f"up.{level}", "Up", Conv(width, DOUBLE, bias=True))
            planner.add(f"concat.{level}", "Concat", Join(width))
            planner.add(f"decoder.{level}", "DoubleConv", *double_conv(width, self.batch_norm))
        planner.add("output", "Conv2d", Conv(self.out_channels, bias=True))
        return planner.stages


def plan(in_channels: int = 3, base: int = 64, depth: int = 4, size: Size = 256, *, out_channels: int = 1,
         batch_norm: bool = True) -> tuple[Stage, ...]:
    """The stages of `UNet(...)` for images of this size: see `UNetConfig.plan`."""
    return UNetConfig(in_channels, out_channels, base, depth, batch_norm).plan(size)


def check_multiple(network: str, height: int, width: int, multiple: int, fallback_hint: str = "") -> None:
    """Raise ShapeError unless both sides are divisible by `multiple`; `fallback_hint` is what else would help."""
    if height < multiple or width < multiple or height % multiple or width % multiple:
        nearest = tuple(max(multiple, -(-side // multiple) * multiple) for side in (height, width))
        raise ShapeError(f"{network} needs height and width divisible by {multiple}; got {height}×{width}. "
                         f"Resize or pad to {nearest[0]}×{nearest[1]}{fallback_hint}.")
