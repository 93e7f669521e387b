"""The feature explorer on a page, as a test reads it and acts on it."""

import json
import re

import matplotlib
import numpy as np
from browser import (
    Notebook,
    pixels_of,
)
from made_up import PATIENTS, made_up_cache

from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.inspection.checkpoint_series import Series
from unet_lib.widgets.feature_explorer.feature_maps import look, probability, quantise, representative
from unet_lib.widgets.shared.patients import find_slice

CACHE = made_up_cache()
FIRST, SECOND, THIRD = (patient.name for patient in PATIENTS)
SIZE = 32
STEPS = (0, 10, 40)
PALETTE = matplotlib.colormaps["viridis"](np.arange(256), bytes=True)[:, :3].astype(int)
FIELD = (204, 121, 167)
IN_THE_FOLD = ("Colours span", "Boxes show")
START = {"patient": FIRST, "slice": 3, "step": 40, "stage": "encoder.2", "channel": 0, "compare": "off",
         "boxes": "mean", "order": "index"}


class Explorer:
    """What a test reads and does, on the explorer at `index` of the page; `shown` is what should be on show."""

    def __init__(self, book: Notebook, series: Series, index: int = 0, **shown: object):
        self.book, self.page, self.series, self.index, self.shown = book, book.page, series, index, START | shown
        self.root = book.page.locator(".gb-feat").nth(index)
        self.plan = {stage.name: stage for stage in series.config.plan(series.size)}
        self.planes: np.ndarray | None = None  # what was painted
        self.input = self.root.locator(".gb-feat-paint")
        self.readout = self.root.locator(".gb-feat-readout")
        self.u = self.root.get_by_role("group", name=re.compile("The stages of the network"))
        self.settled()

    # ---- what torch says ----

    @property
    def place(self) -> int:
        return find_slice(CACHE, self.shown["patient"], self.shown["slice"])

    @property
    def image(self) -> np.ndarray:
        if self.planes is not None:
            return self.planes
        return scale_images(CACHE.images, np.array([self.place]), self.series.size)[0].contiguous().numpy()

    @property
    def mask(self) -> np.ndarray:
        return scale_masks(CACHE.masks, np.array([self.place]), self.series.size)[0, 0].numpy()

    def maps(self, step: int | None = None) -> dict[str, np.ndarray]:
        statistics = CACHE.statistics[CACHE.patient_of[self.place]]
        return look(self.series.at(self.shown["step"] if step is None else step), self.image, statistics)

    # ---- what the page says ----

    def settled(self, **changes: object) -> None:
        """Wait until this is on show, and drawn."""
        self.shown |= changes
        self.page.wait_for_function("""([index, wanted]) => {
            const drawn = document.querySelectorAll(".gb-feat")[index]?.dataset.drawn;
            return drawn && JSON.stringify(JSON.parse(drawn).slice(0, 8)) === wanted;
        }""", arg=[self.index, json.dumps(list(self.shown.values()), separators=(",", ":"))])

    def choose(self, group: str, value: str) -> None:
        if group in IN_THE_FOLD and not self.root.locator("details[open]").count():
            self.root.locator("summary").click()
        self.root.get_by_role("group", name=group, exact=True).get_by_label(value, exact=True).check()

    def slide(self, name: str, value: object) -> None:
        self.root.get_by_label(name, exact=True).fill(str(value))

    def open(self, stage: str) -> None:
        self.root.locator(f".gb-feat-open[data-stage='{stage}']").or_(self.u.locator(f"[data-stage='{stage}']")).click()
        self.settled(stage=stage, channel=0)

    def box(self, stage: str, u: object = None) -> np.ndarray:
        return pixels_of((u or self.u).locator(f"[data-stage='{stage}'] canvas"))

    def output(self, part: int = 0) -> np.ndarray:
        return pixels_of(self.root.locator(f".gb-feat-output [data-part='{part}'] canvas").first)

    def large(self, part: int = 0) -> np.ndarray:
        return pixels_of(self.root.locator(f".gb-feat-large [data-part='{part}'] canvas").nth(1))

    def tiles(self) -> list[tuple[str, np.ndarray]]:
        """Name and picture of each channel of the chosen step, in the order shown."""
        return [(tile.locator("> span").last.inner_text(), pixels_of(tile.locator("canvas").last))
                for tile in self.root.locator(".gb-feat-tile").all()]

    def point(self, screen: object, row: int, column: int, side: int) -> None:
        """Move the pointer to the middle of a value."""
        screen.scroll_into_view_if_needed()
        box = screen.bounding_box()
        self.page.mouse.move(box["x"] + (column + 0.5) * box["width"] / side,
                             box["y"] + (row + 0.5) * box["height"] / side)

    def framed(self, screen: object) -> tuple[list[int], list[int]]:
        """First and last row, and column, inside the rectangle of the receptive field, in pixels of the slice."""
        lines = pixels_of(screen.locator("canvas").last).astype(int)
        ink = (np.abs(lines[..., :3] - FIELD).max(axis=-1) < 25) & (lines[..., 3] > 200)
        unit = len(lines) / SIZE
        edges = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
        return tuple([round(indices.min() / unit), round(indices.max() / unit) - 1] for indices in edges)


def like(seen: np.ndarray, values: np.ndarray, low: float | None = None, high: float | None = None) -> None:
    """The picture has the palette's colours of these values: from the lowest to the highest, or between two others."""
    levels, least, most = quantise(values[None])
    if low is not None:
        values = least[0] + levels[0] * (most[0] - least[0]) / 255
        levels = np.rint(255 * (values - low) / (high - low))[None].astype(int)
    assert seen.shape[:2] == values.shape and (seen[..., 3] == 255).all()
    # Another process may round otherwise: one step of the palette is at most 4 levels.
    assert np.abs(seen[..., :3].astype(int) - PALETTE[levels[0]]).max() <= 4


class Brush:
    """The soft brush in NumPy."""

    def __init__(self, planes: np.ndarray, radius: int, strength: int = 120):
        self.original, self.planes, self.radius, self.strength = planes, planes.copy(), radius, strength

    def stroke(self, *indices: tuple[int, int], erase: bool = False, channels: tuple[int, ...] = (1,)) -> None:
        row, column = np.indices(self.planes.shape[1:])
        base, most = self.planes.astype(float), np.zeros(row.shape)
        for place in indices:
            far = np.hypot(row - place[0], column - place[1])
            weight = np.where(far <= self.radius, np.cos(np.pi * far / (2 * self.radius)) ** 2, 0)
            ring = (far >= self.radius) & (far <= 2 * self.radius)
            for channel in channels:
                level, plane = base[channel], self.original[channel]
                tissue = plane[ring & (plane > plane.mean())]
                aim = tissue.mean() if erase else level + self.strength
                changed = np.clip(np.floor(level + weight * (aim - level) + 0.5), 0, 255).astype(np.uint8)
                self.planes[channel] = np.where(weight > most, changed, self.planes[channel])
            most = np.maximum(most, weight)


def answers(explorer: Explorer, planes: np.ndarray) -> None:
    """The input shows these planes, and every map is the network's answer to them."""
    explorer.planes = planes
    seen = pixels_of(explorer.input.locator("canvas").first)[..., :3]
    assert np.array_equal(seen, planes[1][..., None].repeat(3, 2))
    maps = explorer.maps()
    for attempt in range(40):  # the answer to the newest stroke
        try:
            like(explorer.output(), probability(maps), 0, 1)
            like(explorer.box("encoder.1"), representative(maps["encoder.1"], "mean"))
            break
        except AssertionError:
            if attempt == 39:
                raise
            explorer.page.wait_for_timeout(100)
    like(explorer.large(), maps["encoder.2"][0])


def drag(explorer: Explorer, *indices: tuple[int, int]) -> None:
    for at, place in enumerate(indices):
        explorer.point(explorer.input, *place, SIZE)
        if not at:
            explorer.page.mouse.down()
    explorer.page.mouse.up()
