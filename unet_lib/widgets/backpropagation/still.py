"""The tiny U-Net's graph as a still picture: what is seen of the widget where none can run."""

from itertools import product

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unet_lib.widgets.backpropagation.tiny_unet import DEFAULTS, WEIGHTS, Rows
from unet_lib.widgets.conv_microscope.conv_microscope import diverging

BOX, HIGH, PITCH = 50, 34, 40
TITLES = {"x": "image x", "c": "conv c", "a": "ReLU a", "m": "max pool m", "d": "conv d", "r": "ReLU r", "s": "skip s",
          "u": "up u", "z": "1x1 z", "p": "sigmoid p", "t": "mask t", "l": "BCE", "L": "loss L",
          "w": "convolution: w, bias", "v": "bottleneck: v, bias", "k": "up: k, bias", "q": "1x1 output: q, bias"}
COLUMNS = {"x": 0, "c": 88, "a": 152, "m": 246, "d": 334, "r": 398, "s": 492, "u": 492, "z": 580, "p": 644, "t": 702,
           "l": 766, "w": 0, "v": 0, "k": 580, "q": 580, "L": 766}
TOPS = {"m": 250, "d": 250, "r": 250, "u": 210, "L": 296, "w": 216, "k": 216, "v": 296, "q": 296}
JOINED = {("x", "c"): lambda i, j: abs(i - j) <= 1, ("a", "m"): lambda i, j: i // 2 == j, ("m", "d"): lambda i, j: True,
          ("r", "u"): lambda i, j: i == j // 2}
"""Which number of the one row is used by which of the other; between all other rows, those at the same place."""
ELEMENTWISE = (("c", "a"), ("d", "r"), ("a", "s"), ("s", "z"), ("u", "z"), ("z", "p"), ("p", "l"))
UNSCALED = {"p", "t", "l", "L"}
"""Their gradients are large, and leave no colour for the others."""


def draw_graph(values: Rows, gradients: Rows) -> Image.Image:
    """Every number in a box, its gradient below it on blue (negative) or red (positive)."""
    sheet = Image.new("RGB", (834, 380), "white")
    pen = ImageDraw.Draw(sheet)
    most = max(np.abs(row).max() for name, row in gradients.items() if name not in UNSCALED) or 1.0
    _draw_lines(pen, values)
    for row, title in TITLES.items():
        x, y = _corner(row, 0)
        pen.text((x, y - 15), title, "black", ImageFont.load_default(11))
    for row in values:
        for at, (value, gradient) in enumerate(zip(values[row], gradients[row], strict=True)):
            _draw_box(pen, _corner(row, at), value, gradient, most)
    return sheet.quantize(64)  # a third of the size, and nobody sees it


def _draw_lines(pen: ImageDraw.ImageDraw, values: Rows) -> None:
    pairs = JOINED | {pair: int.__eq__ for pair in ELEMENTWISE}
    for (one, other), joined in pairs.items():
        for i, j in product(range(len(values[one])), range(len(values[other]))):
            if joined(i, j):
                (x, y), (right, down) = _corner(one, i), _corner(other, j)
                pen.line((x + BOX, y + HIGH / 2, right, down + HIGH / 2), "#c0c0c0")


def _draw_box(pen: ImageDraw.ImageDraw, corner: tuple[int, int], value: float, gradient: float, most: float) -> None:
    x, y = corner
    strength = gradient / most
    colour = diverging(np.array([[np.clip(strength, -1, 1), 1.0]]))[0, 0]
    ink = "black" if colour @ (0.299, 0.587, 0.114) > 130 else "white"
    pen.rectangle((x, y, x + BOX, y + HIGH), "white")
    pen.rectangle((x, y + HIGH // 2, x + BOX, y + HIGH), tuple(map(int, colour)))
    pen.rectangle((x, y, x + BOX, y + HIGH), None, "#808080")
    pen.text((x + BOX / 2, y + HIGH / 4), f"{value:.3g}", "black", ImageFont.load_default(12), anchor="mm")
    pen.text((x + BOX / 2, y + 3 * HIGH / 4), f"{gradient:.3f}", ink, ImageFont.load_default(10), anchor="mm")


def _corner(row: str, at: int) -> tuple[int, int]:
    """Left and top of a box; numbers stand below one another, weights side by side, and their bias after them."""
    letter = row[0]
    if row not in WEIGHTS:
        return 8 + COLUMNS[row], TOPS.get(row, 22) + at * PITCH
    return 8 + COLUMNS[letter] + (at if row == letter else len(DEFAULTS[letter])) * (BOX + 2), TOPS[letter]
