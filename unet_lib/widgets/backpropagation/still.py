"""The tiny U-Net's graph as a still picture: what is seen of the widget where none can run."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unet_lib.widgets.backpropagation.tiny_unet import DEFAULTS, Rows
from unet_lib.widgets.conv_microscope.conv_microscope import diverging

BOX, HIGH, PITCH = 50, 34, 40
TITLES = {"x": "image x", "c": "conv c", "a": "ReLU a", "m": "pool m", "d": "conv d", "r": "ReLU r", "s": "skip s",
          "u": "up u", "z": "1×1 z", "p": "sigmoid p", "t": "mask t", "l": "BCE l", "L": "loss L",
          "w": "conv w, bias", "v": "bottleneck v, bias", "k": "up k, bias", "q": "1×1 q, bias"}
LEFT = {"x": 0, "c": 88, "a": 152, "m": 246, "d": 334, "r": 398, "s": 492, "u": 492, "z": 580, "p": 644, "t": 698, "l": 762,
        "w": 0, "v": 0, "k": 580, "q": 580, "L": 762}
UNSCALED = {"p", "t", "l", "L"}
"""Their gradients are large, and leave no colour for the others."""


def draw_graph(values: Rows, gradients: Rows) -> Image.Image:
    """Every number in a box, its gradient below it on blue (negative) or red (positive)."""
    sheet = Image.new("RGB", (832, 380), "white")
    pen = ImageDraw.Draw(sheet)
    most = max(np.abs(row).max() for name, row in gradients.items() if name not in UNSCALED) or 1.0
    for row in values:
        _draw_row(pen, row, values[row], gradients[row], most)
    return sheet.quantize(64)  # a third of the size, and nobody sees it


def _draw_row(pen: ImageDraw.ImageDraw, row: str, values: np.ndarray, gradients: np.ndarray, most: float) -> None:
    for at, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
        x, y = _corner(row, at)
        if at == 0 and row in TITLES:
            pen.text((x, y - 16), TITLES[row], "black", ImageFont.load_default(11))
        red, green, blue = map(int, diverging(np.array([np.clip(gradient / most, -1, 1), 1.0]))[0])
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 130 else "white"
        pen.rectangle((x, y + HIGH // 2, x + BOX, y + HIGH), (red, green, blue))
        pen.rectangle((x, y, x + BOX, y + HIGH), None, "#808080")
        pen.text((x + BOX / 2, y + HIGH / 4), f"{value:.3g}", "black", ImageFont.load_default(12), anchor="mm")
        pen.text((x + BOX / 2, y + 3 * HIGH / 4), f"{gradient:.3f}", ink, ImageFont.load_default(10), anchor="mm")


def _corner(row: str, at: int) -> tuple[int, int]:
    """Left and top of a box, as `graph_layout.js` has them in a stage of this width."""
    if row in "wvkq" or row in ("wb", "vb", "kb", "qb"):
        place = at if row in "wvkq" else len(DEFAULTS[row[0]])
        return 8 + LEFT[row[0]] + place * (BOX + 2), 216 if row[0] in "wk" else 296
    top = {"m": 250, "d": 250, "r": 250, "u": 210, "L": 296}.get(row, 22)
    return 8 + LEFT[row], top + at * PITCH
