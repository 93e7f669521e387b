"""Single layers as plain data: what each makes of its input's shape, and what it learns, computes and keeps.

The plan of a network is a walk through its layers, one after the other; see `architecture.Planner`.
"""

from dataclasses import astuple, dataclass
from typing import Literal

from unet_lib.models.receptive_field import LayerGeometry

CONV_1, CONV_3 = LayerGeometry(1), LayerGeometry(3, padding=1)
HALVE = LayerGeometry(2, stride=2)
DOUBLE = LayerGeometry(2, stride=2, transposed=True)
BILINEAR = LayerGeometry(4, stride=2, padding=1, transposed=True)
"""Enlargement ×2; `DOUBLE` is a 2×2 transposed convolution, or the repetition of each pixel."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What layers learn, compute and keep for the backward pass; see `architecture.Stage`."""

    parameters: int = 0
    multiply_adds: int = 0
    kept_values: int = 0
    kept_indices: int = 0
    kept_statistics: int = 0

    def __add__(self, other: "Costs") -> "Costs":
        """Both together."""
        return Costs(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Maps:
    """Feature maps between two layers; `kept` if PyTorch holds them for the backward pass already."""

    channels: int
    height: int
    width: int
    kept: bool = False

    def after(self, geometry: LayerGeometry, channels: int, kept: bool = False) -> "Maps":
        """Of the size that a layer of this geometry makes of them."""
        return Maps(channels, geometry.size_after(self.height), geometry.size_after(self.width), kept)


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution, with the batch norm and the activation that follow it.

    It keeps its input, batch norm its own; ReLU keeps its output, ReLU6 its input. `padded_apart` pads before it
    convolves, so that it is the padded copy which is kept.
    """

    out: int
    geometry: LayerGeometry = CONV_1
    groups: int = 1
    bias: bool = False
    norm: bool = False
    activation: Literal["", "ReLU", "ReLU6"] = ""
    padded_apart: bool = False

    def apply(self, maps: Maps) -> tuple[Maps, Costs]:
        """What comes out, and what it costs."""
        kernel, stride = self.geometry.kernel, self.geometry.stride
        found = maps.after(self.geometry, self.out, kept=self.activation == "ReLU")
        pixels = found.height * found.width
        weights = kernel**2 * maps.channels // self.groups * self.out
        # Of a transposed convolution's weights each output pixel meets one in stride × stride.
        used = weights // stride**2 if self.geometry.transposed else weights
        border = kernel - stride if self.padded_apart else 0
        own = 0 if maps.kept and not border else maps.channels * (maps.height + border) * (maps.width + border)
        # A bias before batch norm would be subtracted again, so a norm has γ and β in its place.
        return found, Costs(weights + self.out * (self.bias + 2 * self.norm), used * pixels,
                            own + self.out * pixels * (self.norm + bool(self.activation)),
                            kept_statistics=2 * self.out * self.norm)


@dataclass(frozen=True, slots=True)
class Resize:
    """Pooling or enlargement without weights; max pooling keeps where each maximum came from (`indices`)."""

    geometry: LayerGeometry
    indices: bool = False

    def apply(self, maps: Maps) -> tuple[Maps, Costs]:
        """What comes out, and what it costs."""
        found = maps.after(self.geometry, maps.channels)
        return found, Costs(kept_indices=found.channels * found.height * found.width if self.indices else 0)


@dataclass(frozen=True, slots=True)
class Join:
    """A skip connection's end: so many channels from the encoder come before those from below."""

    channels: int
    geometry = CONV_1

    def apply(self, maps: Maps) -> tuple[Maps, Costs]:
        """What comes out, and what it costs."""
        return Maps(maps.channels + self.channels, maps.height, maps.width), Costs()


Layer = Conv | Resize | Join
