"""The convolution microscope of lesson 02: every window, every product and every sum, under the reader's fingers.

The browser does the arithmetic, so that it also works in a saved notebook without a kernel; `output` gives the
same numbers in Python. As in torch, the kernel is not flipped: it is a cross-correlation.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets
from jaxtyping import Real, Shaped, UInt8
from PIL import Image, ImageDraw, ImageFont

from unet_lib import byhand
from unet_lib.core.errors import ShapeError
from unet_lib.data.slice_files import CHANNELS
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet

LARGEST_PATCH, LARGEST_KERNEL, LARGEST_PADDING = 20, 5, 8
NUMPY_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}
"""torch's names of the padding modes and NumPy's."""
NEGATIVE, ZERO, POSITIVE = np.array([(33, 102, 172), (247, 247, 247), (178, 24, 43)])
"""Colours of numbers with a sign; `number_grid.js` says the same."""
CLASSIC = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1 / 9] * 3] * 3,
    "blur 5×5": [[1 / 25] * 5] * 5,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "Sobel x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "Laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}


class ConvMicroscope(GlassBoxWidget):
    """Slide a kernel over a small patch and see each output number come about.

        microscope = ConvMicroscope(cache.images[40, 100:112, 90:102, 1], "Sobel x")
        microscope.stride = 2
        microscope.output               # the numbers on show, as an array

    `image` is [h, w], or [h, w, 3] as in the files: rows, columns, channels; at most 20 × 20. `kernel` is [k, k]
    or, as one output channel of a torch weight, [channels, k, k], with k from 1 to 5; or the name of a preset.
    A [k, k] kernel serves every channel. `learnt` adds presets: name → kernel. `levels` are the numbers drawn
    black and white; without it 0 and 255 for grey levels, else the smallest and the largest number. `overview` is one
    channel of the whole slice, shown small, with a frame where the patch lies: its upper left pixel is `corner`.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    planes: traitlets.List = traitlets.List(help="the image, channel by channel, row by row").tag(sync=True)
    channels: traitlets.List[str] = traitlets.List(help="the channels' names").tag(sync=True)
    levels = traitlets.Tuple(help="numbers drawn black and white").tag(sync=True)
    presets = traitlets.Dict(help="group → name → kernel, channel by channel").tag(sync=True)

    overview = traitlets.Bytes(help="the whole slice, row by row, zlib-packed; empty for none").tag(sync=True)
    overview_size = traitlets.Tuple((0, 0), help="its height and width").tag(sync=True)
    corner = traitlets.Tuple((0, 0), help="row and column of the patch's upper left pixel").tag(sync=True)

    kernel = traitlets.Any(help="rows of numbers, or one such list for each channel").tag(sync=True)
    stride = traitlets.Int(1, min=1, max=4, help="pixels from one window to the next").tag(sync=True)
    padding = traitlets.Int(0, min=0, max=LARGEST_PADDING, help="pixels added on each side").tag(sync=True)
    padding_mode = traitlets.Enum(tuple(NUMPY_MODES), "zeros", help="what is added").tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=3, help="pixels from one tap of the window to the next").tag(sync=True)
    bias = traitlets.Float(0.0, help="added to every sum").tag(sync=True)
    relu = traitlets.Bool(False, help="replace negative sums by 0").tag(sync=True)
    position = traitlets.Tuple((0, 0), help="(row, column) of the chosen output pixel").tag(sync=True)
    filled = traitlets.Bool(False, help="show the whole output, not only what was stepped through").tag(sync=True)

    def __init__(self, image: Real[np.ndarray, "h w"] | Real[np.ndarray, "h w c"],
                 kernel: object = "identity", *, learnt: Mapping[str, object] | None = None,
                 levels: tuple[float, float] | None = None, channels: Sequence[str] = CHANNELS,
                 overview: UInt8[np.ndarray, "rows columns"] | None = None, **traits: Any):
        planes = to_planes(image)
        names = list(channels) if len(planes) == len(channels) else ["input"]
        presets = {"classic": {name: kernel_slices(rows, len(planes)) for name, rows in CLASSIC.items()},
                   "learnt": {name: kernel_slices(array, len(planes)) for name, array in (learnt or {}).items()}}
        if overview is not None:
            traits |= {"overview": zlib.compress(overview.tobytes()), "overview_size": overview.shape}
        super().__init__(planes=plain(planes), channels=names, presets=presets, levels=levels or grey_levels(planes),
                         kernel=kernel_slices(_of_preset(kernel, presets), len(planes)), **traits)

    @property
    def output(self) -> Real[np.ndarray, "rows columns"]:
        """What the widget computes; whole numbers where image, kernel and bias are. ShapeError if nothing fits."""
        if self.problem:
            raise ShapeError(self.problem)
        planes, kernel = self._padded[None].astype(np.float64), self._slices[None].astype(np.float64)
        total = byhand.conv2d(planes, kernel, np.array([self.bias]), self.stride, dilation=self.dilation)[0, 0]
        if all(np.mod(part, 1).max() == 0 for part in (planes, kernel, self.bias)):
            total = total.astype(np.int64)
        return np.maximum(total, 0) if self.relu else total

    @property
    def problem(self) -> str:
        """Why these settings leave no output, in words; empty where they do."""
        return problem(np.shape(self.planes)[1:], self._slices.shape[-1], self.padding, self.padding_mode,
                       self.dilation)

    def describe(self) -> str:
        """Kernel, patch, settings and result in one sentence."""
        height, width = np.shape(self.planes)[1:]
        depth = f", {len(self.planes)} channels" if len(self.planes) > 1 else ""
        size = self._slices.shape[-1]
        head = (f"Convolution microscope: {size}×{size} kernel{self._preset_name()} on a {height}×{width} patch"
                f"{depth}, stride {self.stride}, padding {self.padding}, dilation {self.dilation}")
        if self.problem:
            return f"{head}: no output"
        rows, columns = self.output.shape
        return f"{head}: the output is {rows}×{columns}"

    def picture(self) -> Image.Image:
        """The padded input over the kernel, channel by channel, then the whole output; each with its numbers."""
        columns = [[(name, plane, greys(plane, *self.levels)), ("kernel", weights, diverging(weights))]
                   for name, plane, weights in zip(self.channels, self._drawable, self._slices, strict=True)]
        if not self.problem:
            output = self.output
            columns.append([("output", output, greys(output, 0, max(output.max(), 1)) if output.min() >= 0
                             else diverging(output))])
        return contact_sheet(columns).quantize(160)  # a third of the size, and nobody sees it

    @property
    def _slices(self) -> Real[np.ndarray, "c k k"]:
        kernel = np.asarray(self.kernel)
        return kernel if kernel.ndim == 3 else kernel[None]

    @property
    def _padded(self) -> Real[np.ndarray, "c rows columns"]:
        return pad(np.asarray(self.planes), self.padding, self.padding_mode)

    @property
    def _drawable(self) -> Real[np.ndarray, "c rows columns"]:
        return np.asarray(self.planes) if self.problem else self._padded

    def _preset_name(self) -> str:
        known = {name: kernel for group in self.presets.values() for name, kernel in group.items()}
        return next((f" ({name})" for name, kernel in known.items() if np.array_equal(kernel, self._slices)), "")

    @traitlets.validate("kernel")
    def _valid_kernel(self, proposal: dict) -> list:
        slices = kernel_slices(_of_preset(proposal["value"], self.presets), len(self.planes))
        return slices if len(self.planes) > 1 else slices[0]

    @traitlets.validate("bias")
    def _finite_bias(self, proposal: dict) -> float:
        if not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"The bias should be a finite number; got {proposal['value']}.")
        return proposal["value"]

    @traitlets.validate("position")
    def _inside(self, proposal: dict) -> tuple[int, int]:
        place = tuple(proposal["value"])
        if len(place) != 2 or not all(isinstance(index, int) and index >= 0 for index in place):
            raise traitlets.TraitError(f"position should be (row, column), counted from 0; got {place}.")
        if not self.problem and any(at >= size for at, size in zip(place, self.output.shape, strict=True)):
            rows, columns = self.output.shape
            raise traitlets.TraitError(f"position {place} lies outside the output of {rows}×{columns}: rows 0 to "
                                       f"{rows - 1}, columns 0 to {columns - 1}.")
        return place


def to_planes(image: Real[np.ndarray, "h w"] | Real[np.ndarray, "h w c"]) -> Real[np.ndarray, "c h w"]:
    """The image channel by channel; ShapeError unless it is small enough to show every number."""
    shape = "×".join(map(str, image.shape))
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    if len(planes) not in (1, 3):
        fix = "np.moveaxis(image, 0, -1)" if image.shape[0] in (1, 3) else "image[..., :3]"
        raise ShapeError(f"ConvMicroscope needs an image of [h, w] or [h, w, 3]; got {shape}. Try {fix}.")
    if max(planes.shape[1:]) > LARGEST_PATCH or min(planes.shape[1:]) < 1:
        raise ShapeError(f"ConvMicroscope shows every number, so it needs a patch of at most {LARGEST_PATCH}×"
                         f"{LARGEST_PATCH}; got {shape}. Crop first: image[100:112, 90:102].")
    if not np.isfinite(planes).all():
        raise ShapeError("ConvMicroscope needs finite numbers; the image holds NaN or infinity. Try np.nan_to_num.")
    return planes


def kernel_slices(kernel: object, channels: int) -> list:
    """The kernel as [channels][k][k] plain numbers; a [k, k] kernel is repeated. ShapeError says what is wrong."""
    detach = getattr(kernel, "detach", None)
    array = np.asarray(detach() if detach else kernel)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ShapeError(f"A kernel needs rows of equal length, of finite numbers; got {kernel!r}.")
    slices = np.stack([array] * channels) if array.ndim == 2 else array
    expected = f"[k, k] or [{channels}, k, k]" if channels > 1 else "[k, k]"
    if slices.ndim != 3 or len(slices) != channels or len({*slices.shape[1:]}) > 1 or not 1 <= slices.shape[1] <= 5:
        raise ShapeError(f"For {channels} channel{'s' * (channels > 1)} the kernel should be {expected} with k from 1 "
                         f"to {LARGEST_KERNEL}; got {list(array.shape)}. Of a torch weight, take one output channel: "
                         f"weight[0].")
    return plain(slices)


def plain(array: Shaped[np.ndarray, "..."]) -> list:
    """Nested lists of ints and floats, whole numbers as ints: exact in JSON, and pleasant to read."""
    def whole(part: Any) -> Any:
        if isinstance(part, list):
            return [whole(one) for one in part]
        return int(part) if part == int(part) else part

    return whole(array.tolist())


def grey_levels(planes: Real[np.ndarray, "c h w"]) -> tuple[float, float]:
    """What to draw black and white: 0 and 255 for grey levels, else the smallest and largest number."""
    low, high = planes.min().item(), planes.max().item()
    if planes.dtype.kind in "iu" and low >= 0 and high <= 255:
        return 0, 255
    return low, high if high > low else low + 1


def problem(patch: tuple[int, ...], size: int, padding: int, mode: str, dilation: int) -> str:
    """Why a kernel of `size` gives no output on this patch; empty if it does. `conv_arithmetic.js` says the same."""
    height, width = patch
    if mode == "reflect" and padding >= min(patch):
        return (f"Reflect padding of {padding} mirrors the {padding} pixels next to the edge, so the patch needs at "
                f"least {padding + 1} rows and columns; it is {height}×{width}. Choose less padding or another mode.")
    span = dilation * (size - 1) + 1
    if span > min(patch) + 2 * padding:
        return (f"The window spans {dilation}·({size} − 1) + 1 = {span} pixels, more than the padded patch of "
                f"{height + 2 * padding}×{width + 2 * padding}. Choose a smaller kernel, less dilation or more "
                f"padding.")
    return ""


def pad(planes: Real[np.ndarray, "c h w"], amount: int, mode: str) -> Real[np.ndarray, "c rows columns"]:
    """`amount` pixels more on each side of every channel; modes as in torch."""
    return np.pad(planes, ((0, 0), (amount, amount), (amount, amount)), NUMPY_MODES[mode])  # type: ignore[call-overload]


def greys(values: Real[np.ndarray, "h w"], black: float, white: float) -> UInt8[np.ndarray, "h w 3"]:
    """Each number as a grey between black and white."""
    level = np.clip((values - black) / (white - black), 0, 1)
    return np.repeat(np.rint(255 * level).astype(np.uint8)[..., None], 3, axis=2)


def diverging(values: Real[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Blue below zero, red above, almost white at zero: told apart with the common colour blindnesses."""
    fraction = (values / max(np.abs(values).max(), 1e-12))[..., None]
    end = np.where(fraction < 0, NEGATIVE, POSITIVE)
    return np.rint(ZERO + np.abs(fraction) * (end - ZERO)).astype(np.uint8)


def contact_sheet(columns: list[list[tuple]], cell: int = 30, gap: int = 16, head: int = 18) -> Image.Image:
    """Columns of number grids, each a (title, values, colours), on white."""
    width = sum(max(values.shape[1] for _, values, _ in column) * cell + gap for column in columns) + gap
    height = max(sum(values.shape[0] * cell + head + gap for _, values, _ in column) for column in columns)
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    left = gap
    for column in columns:
        top = 0
        for title, values, colours in column:
            pen.text((left, top + 3), title, "black", ImageFont.load_default(12))
            _draw_numbers(pen, left, top + head, cell, values, colours)
            top += values.shape[0] * cell + head + gap
        left += max(values.shape[1] for _, values, _ in column) * cell + gap
    return sheet


def decimals_of(values: np.ndarray) -> int:
    """As many as all of them need, two at most, and one where some are large. `number_grid.js` does the same."""
    most = 1 if np.abs(values).max() >= 10 else 2
    return next((count for count in range(most) if np.allclose(values, np.round(values, count), 0, 1e-9)), most)


def _draw_numbers(pen: ImageDraw.ImageDraw, left: int, top: int, cell: int, values: np.ndarray,
                  colours: np.ndarray) -> None:
    font = ImageFont.load_default(11)
    decimals = decimals_of(values)
    for (row, column), value in np.ndenumerate(values):
        x, y, colour = left + column * cell, top + row * cell, colours[row, column]
        pen.rectangle((x, y, x + cell - 1, y + cell - 1), tuple(map(int, colour)), "#808080")
        text = f"{value:.{decimals}f}"  # Pillow's font has no minus sign, only the hyphen
        ink = "black" if colour @ (0.299, 0.587, 0.114) > 130 else "white"
        pen.text((x + cell / 2, y + cell / 2), text, ink, font, anchor="mm")


def _of_preset(kernel: Any, presets: Mapping[str, Mapping[str, list]]) -> object:
    """The kernel itself, or the preset of this name."""
    if not isinstance(kernel, str):
        return kernel
    known = {name: slices for group in presets.values() for name, slices in group.items()}
    if kernel not in known:
        raise ShapeError(f"No preset kernel {kernel!r}. There are: {', '.join(known)}.")
    return known[kernel]
