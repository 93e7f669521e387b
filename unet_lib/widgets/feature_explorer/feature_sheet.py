"""The feature explorer's still picture: the U with a map in every box, and a channel before and after training."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib
import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageColor, ImageDraw, ImageFont

from unet_lib.plotting.unet_layout import Arrow, Layout
from unet_lib.widgets.shared.base import border
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, blend

WIDTH, SIDE, MARGIN, HEAD = 780, 148, 14, 20
"""px: of the sheet; of the large pictures; around them; and of the words above them."""
INK, PAPER = "#444444", "white"
ARROWS = {"conv": INK, "pool": "#a84a00", "up": "#00704f", "skip": "#1f6e9c"}


def feature_sheet(place: Layout, pictures: Mapping[str, Float[np.ndarray, "_ _"]],
                  shown: Sequence[tuple[str, Float[np.ndarray, "_ _"]]], grey: UInt8[np.ndarray, "s s"],
                  chance: Float[np.ndarray, "s s"], reference: Bool[np.ndarray, "s s"], answer: str) -> Image.Image:
    """Slice, maps with their titles, and probability in a row; the U with its stages' pictures below.

    Every map is drawn from its own lowest value (dark blue) to its own highest (yellow), the probability from 0 to 1.
    """
    unit = (WIDTH - 2 * MARGIN) / place.width
    top = HEAD + SIDE
    sheet = Image.new("RGB", (WIDTH, round(top + unit * place.height) + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    large = [("input: FLAIR", _outlined(grey[..., None].repeat(3, 2), reference, chance)),
             *((title, coloured(values)) for title, values in shown),
             (f"tumour? {answer}", _outlined(coloured(chance, 0, 1), reference, chance))]
    gap = (WIDTH - 2 * MARGIN - len(large) * SIDE) / (len(large) - 1)
    for at, (title, rgb) in enumerate(large):
        left = round(MARGIN + at * (SIDE + gap))
        pen.text((left + SIDE / 2, HEAD - 5), title, INK, ImageFont.load_default(12), anchor="ms")
        sheet.paste(_square(rgb, SIDE), (left, HEAD))
    _draw_arrows(pen, _with_ends(place), unit, top)
    for box in place.boxes:
        left, side = round(MARGIN + unit * box.x), round(unit * box.width)
        sheet.paste(_square(coloured(pictures[box.name]), side), (left, round(top + unit * box.y)))
    for box in place.boxes:
        if not box.name.startswith(("pool.", "up.", "concat.")):
            left = box.name == "decoder.1"  # of the arrow that comes in from above, or goes out
            where = (MARGIN + unit * box.middle[0] + (-6 if left else 6), top + unit * box.y - 5)
            pen.text(where, box.name, INK, ImageFont.load_default(11), anchor="rs" if left else "ls")
    return _indexed(sheet)


def coloured(values: Float[np.ndarray, "h w"], low: float | None = None,
             high: float | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """In viridis' colours, from `low` to `high` or else from the lowest to the highest value."""
    low, high = float(values.min()) if low is None else low, float(values.max()) if high is None else high
    fraction = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.asarray(matplotlib.colormaps["viridis"](np.rint(255 * fraction).astype(int), bytes=True))[..., :3]


def _indexed(sheet: Image.Image) -> Image.Image:
    """With one byte a pixel: the nearest of the colours that matter here (Pillow's own search takes near ones)."""
    maps = matplotlib.colormaps["viridis"](np.linspace(0, 1, 160), bytes=True)[:, :3]
    greys = np.linspace(0, 255, 88).round().astype(np.uint8)[:, None].repeat(3, 1)
    lines = np.array([REFERENCE, NETWORK, *map(ImageColor.getrgb, ARROWS.values())], np.uint8)
    palette = np.concatenate([maps, greys, lines])
    there, indices = np.unique(np.asarray(sheet).astype(np.int64) @ (1 << 16, 1 << 8, 1), return_inverse=True)
    colours = there[:, None] >> np.array([16, 8, 0]) & 255
    nearest = ((colours[:, None] - palette.astype(np.int64)) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    indexed = Image.fromarray(nearest[indices.reshape(sheet.height, sheet.width)], "P")
    indexed.putpalette(palette.tobytes())
    return indexed


def _outlined(rgb: UInt8[np.ndarray, "s s 3"], reference: Bool[np.ndarray, "s s"],
              chance: Float[np.ndarray, "s s"]) -> UInt8[np.ndarray, "s s 3"]:
    drawn = rgb.copy()
    blend(drawn, border(chance >= 0.5), NETWORK, 1)
    blend(drawn, border(reference), REFERENCE, 1)
    return drawn


def _square(rgb: UInt8[np.ndarray, "h w 3"], side: int) -> Image.Image:
    """Enlarged in squares, or made smaller by averaging."""
    way = Image.Resampling.NEAREST if side >= len(rgb) else Image.Resampling.BOX
    return Image.fromarray(rgb).resize((side, side), way)


def _with_ends(place: Layout) -> Iterable[Arrow]:
    """Also the arrows from the slice down to the first stage and from the last up to the probability."""
    first, last = place.boxes[0], next(box for box in place.boxes if box.name == "decoder.1")
    yield from place.arrows
    yield Arrow("conv", (first.middle[0], 2), (first.middle[0], first.y - 2))
    yield Arrow("conv", (last.middle[0], last.y - 2), (last.middle[0], 2))


def _draw_arrows(pen: ImageDraw.ImageDraw, arrows: Iterable[Arrow], unit: float, top: float) -> None:
    for arrow in arrows:
        start, end = (np.array([MARGIN + unit * x, top + unit * y]) for x, y in (arrow.start, arrow.end))
        along = (end - start) / np.hypot(*(end - start))
        across = np.array([-along[1], along[0]])
        pen.line([*start, *(end - 4 * along)], ARROWS[arrow.kind], 1 if arrow.kind == "conv" else 2)
        pen.polygon([*end, *(end - 6 * along + 3 * across), *(end - 6 * along - 3 * across)], ARROWS[arrow.kind])
