"""The receptive field explorer of lesson 02: stack layers, and see how much of a slice one value can see.

The browser draws and counts by itself, so that it also works in a saved notebook without a kernel.
"""

import zlib
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
import traitlets
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from unet_lib.core.errors import ShapeError
from unet_lib.models.receptive_field import LayerGeometry, receptive_field, rows_seen
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet

MOST_LAYERS = 24
SQUARE = (240, 228, 66)
"""The square's yellow, as in the clip; receptive_field.js says the same."""


KINDS = {
    "3×3 conv": LayerGeometry(3, padding=1),
    "5×5 conv": LayerGeometry(5, padding=2),
    "3×3 conv, dilation 2": LayerGeometry(3, dilation=2, padding=2),
    "3×3 conv, stride 2": LayerGeometry(3, stride=2, padding=1),
    "2×2 max pool": LayerGeometry(2, stride=2),
}
"""The layers there are; a convolution's padding keeps the size at stride 1."""
DOUBLE = ["3×3 conv", "3×3 conv"]
PRESETS = {"double convolution": DOUBLE} | {
    f"U-Net encoder, depth {depth}": [*DOUBLE, "2×2 max pool"] * depth + DOUBLE for depth in (1, 2, 3, 4)}
"""An encoder ends with the bottleneck's double convolution."""
ENCODER = "U-Net encoder, depth 4"


class ReceptiveFieldExplorer(GlassBoxWidget):
    """Stack convolutions and poolings; a square on the slice shows what one value after them can see.

        explorer = ReceptiveFieldExplorer(cache.images[40, ..., 1], ["3×3 conv", "3×3 conv", "2×2 max pool"])
        explorer.layers = "U-Net encoder, depth 4"
        explorer.fields                 # (jump, field) after each layer

    `image` is one channel of a slice. `layers` are names from `KINDS` ("3x3 conv" will do) or the name of a
    preset; `pixel` is the (row, column) around which to look. The stack grows before the reader's eyes, unless
    `growing` is False or their system asks for no motion.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    pixels = traitlets.Bytes(help="the slice, row by row, zlib-packed").tag(sync=True)
    size = traitlets.Tuple((1, 1), help="height and width of the slice").tag(sync=True)
    kinds = traitlets.Dict(help="name → kernel, stride, dilation, padding").tag(sync=True)
    presets = traitlets.Dict(help="name → names of layers").tag(sync=True)
    most = traitlets.Int(MOST_LAYERS, help="as many layers are shown at most").tag(sync=True)

    growing = traitlets.Bool(True, help="a stack appears layer by layer when first seen, or chosen").tag(sync=True)
    layers = traitlets.Any(help="names of the layers, from the input on").tag(sync=True)
    pixel = traitlets.Tuple((0, 0), help="(row, column) of the chosen pixel").tag(sync=True)

    def __init__(self, image: UInt8[np.ndarray, "h w"], layers: str | Iterable[str] = ENCODER, **traits: Any):
        if image.ndim != 2 or image.dtype != np.uint8:
            raise ShapeError(f"ReceptiveFieldExplorer needs one channel of a slice, [h, w] as uint8; got "
                             f"{list(image.shape)} as {image.dtype}. Take one: image[..., 1].")
        traits = {"pixel": (image.shape[0] // 2, image.shape[1] // 2)} | traits
        super().__init__(pixels=zlib.compress(image.tobytes()), size=image.shape, presets=PRESETS,
                         kinds={name: layer[:4] for name, layer in KINDS.items()},
                         layers=known_layers(layers), **traits)

    @property
    def fields(self) -> list[tuple[int, int]]:
        """(jump, field) after each layer."""
        return receptive_fields(self.layers)

    @property
    def image(self) -> UInt8[np.ndarray, "h w"]:
        """The slice on show."""
        return np.frombuffer(zlib.decompress(self.pixels), np.uint8).reshape(self.size)

    def describe(self) -> str:
        """The number of layers and what one value after them sees."""
        count = len(self.layers)
        if not count:
            return "Receptive field explorer: no layers yet, one value sees one pixel"
        jump, field = self.fields[-1]
        return (f"Receptive field explorer: after {count} layer{'s' * (count > 1)} one value sees {field}×{field} "
                f"pixels, its neighbour {jump} pixel{'s' * (jump > 1)} further on")

    def picture(self) -> Image.Image:
        """The slice, and the squares after each layer around the chosen pixel; the large ones say their side."""
        scale, labelled = max(1, round(384 / self.size[1])), 100
        sheet = Image.fromarray(self.image.repeat(scale, 0).repeat(scale, 1)).convert("RGB")
        pen = ImageDraw.Draw(sheet)
        for count in range(1, len(self.layers) + 1):
            top, left, side = (scale * number for number in field_square(self.layers[:count], self.pixel))
            box = (left, top, left + side - 1, top + side - 1)
            pen.rectangle(box, None, SQUARE, 3 if count == len(self.layers) else 1)
            if side - labelled > 36:          # room for a line of text above the square within
                pen.text((max(left, 0) + 4, max(top, 0) + 2), f"{side // scale}", SQUARE, ImageFont.load_default(13))
                labelled = side
        return sheet

    @traitlets.validate("layers")
    def _known(self, proposal: dict) -> list[str]:
        return known_layers(proposal["value"])

    @traitlets.validate("pixel")
    def _inside(self, proposal: dict) -> tuple[int, int]:
        pixel, (height, width) = tuple(proposal["value"]), self.size
        if len(pixel) != 2 or not (0 <= pixel[0] < height and 0 <= pixel[1] < width):
            raise traitlets.TraitError(f"pixel should be (row, column) with rows 0 to {height - 1} and columns 0 to "
                                       f"{width - 1}; got {pixel}.")
        return pixel


def known_layers(layers: str | Iterable[str]) -> list[str]:
    """The names as they stand in `KINDS`; a preset's name gives its layers. ShapeError says what there is."""
    if isinstance(layers, str):
        if layers not in PRESETS:
            raise ShapeError(f"No preset {layers!r}. There are: {', '.join(PRESETS)}. For layers of your own pass a "
                             f"list of names, such as [{next(iter(KINDS))!r}].")
        return list(PRESETS[layers])
    names = [str(name).replace("x", "×", 1) if str(name)[1:2] == "x" else str(name) for name in layers]
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise ShapeError(f"No layer {unknown[0]!r}. There are: {'; '.join(KINDS)}.")
    if len(names) > MOST_LAYERS:
        raise ShapeError(f"ReceptiveFieldExplorer shows up to {MOST_LAYERS} layers; got {len(names)}. Leave some out.")
    return names


def receptive_fields(layers: Iterable[str | LayerGeometry]) -> list[tuple[int, int]]:
    """(jump, field) after each layer, in input pixels: how far two neighbouring values look apart, and the side of
    the square that one of them sees.

    With kernel k, stride s and dilation d:  j_l = j_{l−1}·s  and  r_l = r_{l−1} + (k − 1)·d·j_{l−1};  j_0 = r_0 = 1.
    Source: Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks".
    """
    known = [_layer(layer) for layer in layers]
    return [(_jump(known[:count]), receptive_field(known[:count])) for count in range(1, len(known) + 1)]


def field_square(layers: Iterable[str | LayerGeometry], pixel: tuple[int, int]) -> tuple[int, int, int]:
    """Top, left and side of what the value lying over this pixel sees; it may reach beyond the slice, into padding."""
    known = [_layer(layer) for layer in layers]
    (top, bottom), (left, _) = (rows_seen(known, index // _jump(known)) for index in pixel)
    return top, left, bottom - top + 1


def _jump(layers: Iterable[LayerGeometry]) -> int:
    return prod(layer.stride for layer in layers)


def _layer(layer: str | LayerGeometry) -> LayerGeometry:
    return KINDS[known_layers([layer])[0]] if isinstance(layer, str) else layer
