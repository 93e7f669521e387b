"""The still picture of `FoolTheNetwork`: one slice twice, each with the reference and the network's outline."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

from unet_lib.widgets.shared.base import border
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, blend

SIDE, GAP, HEAD, FOOT = 384, 16, 28, 26
"""px: of each picture at least, between the two, of the title above and of the legend below."""
WORDS = 14
"""px: the letters."""


def two_answers(looks: Sequence[tuple[str, UInt8[np.ndarray, "s s"], Bool[np.ndarray, "s s"]]],
                reference: Bool[np.ndarray, "s s"], white: int) -> Image.Image:
    """Each look has a title, grey levels and the network's mask; `white` is the level that is shown white."""
    scale = max(1, -(-SIDE // len(reference)))
    side = scale * len(reference)
    sheet = Image.new("RGB", (2 * side + GAP, HEAD + side + FOOT), "black")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(WORDS)
    for at, (title, levels, mask) in enumerate(looks):
        left = at * (side + GAP)
        pen.text((left + side / 2, HEAD / 2), title, "white", font, anchor="mm")
        sheet.paste(Image.fromarray(_outlined(levels, mask, reference, white, scale)), (left, HEAD))
    foot = HEAD + side + FOOT / 2
    pen.text((side - GAP, foot), "orange: the reference mask", REFERENCE, font, anchor="rm")
    pen.text((side + 2 * GAP, foot), "blue: what the network marks", NETWORK, font, anchor="lm")
    return sheet.quantize(palette=_palette(), dither=Image.Dither.NONE)


def _palette() -> Image.Image:
    """The outlines' two colours and 254 greys: one byte a pixel."""
    palette = Image.new("P", (1, 1))
    palette.putpalette([*REFERENCE, *NETWORK, 0, 0, 0, *(level for grey in range(3, 256) for level in (grey,) * 3)])
    return palette


def _outlined(levels: UInt8[np.ndarray, "s s"], mask: Bool[np.ndarray, "s s"], reference: Bool[np.ndarray, "s s"],
              white: int, scale: int) -> UInt8[np.ndarray, "l l 3"]:
    """Enlarged in squares, with outlines two dots wide inside the masks."""
    shown = np.minimum(np.rint(255.0 * levels / white), 255).astype(np.uint8)
    large = shown.repeat(scale, 0).repeat(scale, 1)
    rgb = np.repeat(large[..., None], 3, axis=2)
    for area, colour in ((reference, REFERENCE), (mask, NETWORK)):
        inside = area.repeat(scale, 0).repeat(scale, 1)
        line = border(inside)
        blend(rgb, line | border(inside & ~line), colour, 1)
    return rgb


def soft_dab(levels: UInt8[np.ndarray, "h w"], middle: Sequence[int], radius: int,
             strength: int) -> UInt8[np.ndarray, "h w"]:
    """One touch of the soft brush: `strength` grey levels more in the middle, none at `radius`, cos² in between.

    `soft_brush.js` does the same.
    """
    row, column = np.indices(levels.shape)
    distance = np.hypot(row - middle[0], column - middle[1])
    weight = np.where(distance <= radius, np.cos(np.pi * distance / (2 * radius)) ** 2, 0)
    return np.clip(np.floor(levels + weight * strength + 0.5), 0, 255).astype(np.uint8)
