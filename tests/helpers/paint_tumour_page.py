"""The painting widget on a page, as a test reads it and acts on it; its scores by SciPy and MONAI."""

import re

import numpy as np
import pytest
import torch
from browser import (
    Notebook,
    pixels_of,
)
from monai.metrics import compute_hausdorff_distance
from scipy import ndimage

from unet_lib.core.metrics import Counts, count

HIGH, WIDE = 96, 128  # 4 screen dots a pixel
MAKE = """
import numpy as np
row, column = np.mgrid[:96, :128]
IMAGE = np.random.default_rng(7).integers(0, 256, (96, 128, 3), np.uint8)
REFERENCE = ((row - 40) ** 2 / 2 + (column - 70) ** 2 < 300).astype(np.uint8)
GUESS = (row - 45) ** 2 + (column - 66) ** 2 < 350
"""
made: dict = {}
exec(MAKE, made)
IMAGE, REFERENCE, GUESS = made["IMAGE"], made["REFERENCE"], made["GUESS"]
TELL = "print(np.packbits(paint.mask).tobytes().hex())"


def hausdorff95(one: np.ndarray, other: np.ndarray) -> float | None:
    """By SciPy and NumPy; MONAI must agree. None where a mask is empty."""
    one, other = one > 0, other > 0
    if not (one.any() and other.any()):
        return None
    edges = [mask ^ ndimage.binary_erosion(mask) for mask in (one, other)]
    reach = [np.percentile(ndimage.distance_transform_edt(~there)[here], 95) for here, there in (edges, edges[::-1])]
    batch = [torch.from_numpy(mask[None, None]) for mask in (one, other)]
    assert compute_hausdorff_distance(*batch, include_background=True, percentile=95).item() == pytest.approx(
        max(reach), rel=1e-5)
    return max(reach)


def dab(mask: np.ndarray, row: int, column: int, brush: int, value: bool = True) -> None:
    """The round brush on one pixel: whatever lies within half its diameter."""
    rows, columns = np.indices(mask.shape)
    mask[(rows - row) ** 2 + (columns - column) ** 2 <= brush**2 / 4] = value


def line(mask: np.ndarray, start: tuple, end: tuple, brush: int, value: bool = True) -> None:
    """The brush on every pixel on a straight line."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        row, column = (int(np.floor(a + (b - a) * step / steps + 0.5)) for a, b in zip(start, end, strict=True))
        dab(mask, row, column, brush, value)


class Painter:
    """What a test reads and does, on the painting widget at `index` of the page."""

    def __init__(self, book: Notebook, index: int = 0):
        self.book, self.page = book, book.page
        self.root = book.page.locator(".gb-paint").nth(index)
        self.screen = self.root.locator(".gb-paint-screen")

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, group: str, value: str) -> None:
        self.root.get_by_role("group", name=group, exact=True).get_by_label(value, exact=True).check()

    def size(self, brush: int) -> None:
        self.root.get_by_label("Brush size").fill(str(brush))

    def at(self, row: int, column: int) -> tuple[float, float]:
        """The middle of a pixel, on the page."""
        box = self.screen.bounding_box()
        return box["x"] + (column + 0.5) * box["width"] / WIDE, box["y"] + (row + 0.5) * box["height"] / HIGH

    def stroke(self, *pixels: tuple[int, int], up: bool = True) -> None:
        self.page.mouse.move(*self.at(*pixels[0]))
        self.page.mouse.down()
        for pixel in pixels[1:]:
            self.page.mouse.move(*self.at(*pixel))
        if up:
            self.page.mouse.up()

    def canvas(self, index: int) -> np.ndarray:
        return pixels_of(self.root.locator("canvas").nth(index))

    def seen(self) -> np.ndarray:
        """The mask as it is drawn; its border must be the strong part."""
        alpha = self.canvas(1)[..., 3]
        mask = alpha > 0
        assert np.array_equal(alpha > 200, mask ^ ndimage.binary_erosion(mask))
        return mask

    def scores(self, other: str) -> dict[str, tuple[str, str]]:
        """Each row's value and how it came about."""
        rows = self.root.locator(f"[data-with={other}] tr").all()
        return {row.get_attribute("data-score"): tuple(row.locator("td").all_inner_texts()) for row in rows}

    def shows(self, mask: np.ndarray) -> None:
        """Drawn is this mask, and the scores are what metrics, SciPy and MONAI make of it."""
        self.root.and_(self.page.locator(f'[data-pixels="{mask.sum()}"]')).wait_for()
        assert np.array_equal(self.seen(), mask)
        for name, other in (("reference", REFERENCE), ("model", GUESS)):
            check_scores(self.scores(name), mask, other)

    def reaches_python(self, mask: np.ndarray) -> None:
        self.shows(mask)
        expected = np.packbits(mask).tobytes().hex()
        for _ in range(20):  # a change waits until Python has answered the one before
            if (told := self.book.ask(TELL)) == expected:
                break
        assert told == expected


def check_scores(scores: dict, mask: np.ndarray, other: np.ndarray) -> None:
    counts = count(mask, other)
    written = {"F1": f"= 2·{counts.tp} / ({2 * counts.tp} + {counts.fp} + {counts.fn})",
               "IoU": f"= {counts.tp} / ({counts.tp} + {counts.fp} + {counts.fn})"}
    for name, score in (("F1", Counts.dice), ("IoU", Counts.iou)):
        value, fraction = scores[name]
        assert fraction == written[name]
        assert float(value) == pytest.approx(score(counts), abs=0.000501)
    far, (value, how) = hausdorff95(mask, other), scores["far"]
    if far is None:
        assert (value, how) == ("—", "one of the masks is empty")
    else:
        assert float(value.removesuffix(" px")) == pytest.approx(far, abs=0.005001)
        assert max(map(float, re.findall(r"[\d.]+", how))) == float(value.removesuffix(" px"))


def empty() -> np.ndarray:
    return np.zeros((HIGH, WIDE), bool)
