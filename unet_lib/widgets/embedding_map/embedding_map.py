"""The embedding map of lesson 06: squares of many slices as points, over the steps of a training.

The browser moves and names the points by itself, so that it also works in a saved notebook without a kernel.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from unet_lib.core.errors import ShapeError
from unet_lib.inspection.embedding import NAMES, TUMOUR, Embedding, Squares
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet
from unet_lib.widgets.shared.masks import packed

COLOURS = ("#888888", "#888888", "#0072b2", "#cc79a7", "#009e73", "#d55e00")
"""Of the kinds in `embedding.NAMES`; tumour is also drawn larger, as a diamond."""
THUMBNAIL = 64
"""px: the side of a slice's small picture."""
STILL = 420
FINEST = 1000
"""Points travel as whole numbers, so many to a unit."""


class EmbeddingMap(GlassBoxWidget):
    """Points that stand for squares of slices; a slider of training steps moves them, and the pointer asks what one is.

        EmbeddingMap(embed(vectors), squares, cache.images[indices, ..., FLAIR], titles, series.steps, aucs)

    `slices` are the grey pictures in which `squares` lie, `titles` what to call each slice, `steps` one number for each
    plane of the embedding; `aucs`, if given, say for each step how well tumour lies apart (`neighbour_auc`). Phantoms
    only: the slices are stored with the notebook.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    steps = traitlets.List(traitlets.Any(), help="steps of training, one for each plane").tag(sync=True)
    points = traitlets.Bytes(help="int16 [steps, k, 2], x and y, FINEST to a unit; zlib-packed").tag(sync=True)
    explained = traitlets.List(traitlets.Any(), help="fraction of the variance that each plane shows").tag(sync=True)
    aucs = traitlets.List(traitlets.Any(), help="how well tumour lies apart at each step; or none").tag(sync=True)
    squares = traitlets.Bytes(help="uint16 [k, 4]: slice, row, column, kind; zlib-packed").tag(sync=True)
    side = traitlets.Int(help="squares along a side of a slice").tag(sync=True)
    pictures = traitlets.Bytes(help="uint8 [slices, size, size]; zlib-packed").tag(sync=True)
    size = traitlets.Int(THUMBNAIL, help="side of each picture in pixels").tag(sync=True)
    titles = traitlets.List(traitlets.Any(), help="what to call each slice").tag(sync=True)
    kinds = traitlets.List(traitlets.Any(), help="[name, colour] of each kind of square").tag(sync=True)

    at = traitlets.Int(0, help="which of the steps is on show, from 0").tag(sync=True)
    shown = traitlets.Int(-1, help="the kind of square on show; −1: all").tag(sync=True)
    chosen = traitlets.Int(0, help="the point that is marked").tag(sync=True)

    def __init__(self, embedding: Embedding, squares: Squares, slices: UInt8[np.ndarray, "n h w"],
                 titles: Sequence[str], steps: Sequence[int], aucs: Sequence[float] = (), **traits: Any):
        _check(embedding, squares, slices, titles, steps, aucs)
        self._points, self._kinds = embedding.points, squares.tissue
        table = np.stack([squares.slice_of, squares.row, squares.column, squares.tissue], axis=1).astype("<u2")
        tumour = np.flatnonzero(squares.tissue == TUMOUR)
        pictures = _thumbnails(slices)
        super().__init__(
            steps=list(steps), points=packed(np.rint(FINEST * embedding.points).clip(-32768, 32767).astype("<i2")),
            explained=embedding.explained.tolist(), aucs=list(aucs), squares=packed(table), side=squares.side,
            pictures=packed(pictures), size=pictures.shape[-1], titles=list(titles),
            kinds=[list(kind) for kind in zip(NAMES, COLOURS, strict=True)],
            **{"at": len(steps) - 1, "chosen": int(tumour[0]) if len(tumour) else 0} | traits)

    def describe(self) -> str:
        """How many squares, at which step, and how well tumour lies apart."""
        apart = f"; tumour lies apart with an AUC of {self.aucs[self.at]:.2f}" if self.aucs else ""
        return (f"Embedding map: {len(self._kinds):,} squares of {len(self.titles)} slices after "
                f"{self.steps[self.at]} steps of training{apart}")

    def picture(self) -> Image.Image:
        """The points at the step on show, tumour above the rest, and what the colours mean."""
        sheet = Image.new("RGB", (STILL + 150, STILL), "white")
        pen, (least, most) = ImageDraw.Draw(sheet), np.quantile(self._points, [0, 1], axis=(0, 1))
        present = np.unique(self._kinds).tolist()
        inside = (self._points[self.at] - (least + most) / 2) * [1, -1] / ((most - least).max() or 1)
        spots = STILL / 2 + (STILL - 24) * inside
        for kind in present:
            for x, y in spots[self._kinds == kind]:
                _dot(pen, x, y, kind)
        for line, kind in enumerate(present):
            _dot(pen, STILL + 12, 20 + 22 * line, kind)
            pen.text((STILL + 24, 12 + 22 * line), NAMES[kind], "black", ImageFont.load_default(13))
        pen.text((8, 6), f"step {self.steps[self.at]}", "black", ImageFont.load_default(13))
        return sheet

    @traitlets.validate("at", "shown", "chosen")
    def _there(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        least, most = {"at": (0, len(self.steps) - 1), "shown": (-1, len(NAMES) - 1),
                       "chosen": (0, len(self._kinds) - 1)}[name]
        if not least <= value <= most:
            raise traitlets.TraitError(f"{name} should be from {least} to {most}; got {value}.")
        return value


def _check(embedding: Embedding, squares: Squares, slices: np.ndarray, titles: Sequence[str], steps: Sequence[int],
           aucs: Sequence[float]) -> None:
    """Raise ShapeError where the parts do not belong together."""
    planes, count = embedding.points.shape[:2]
    if (planes, count) != (len(steps), len(squares.tissue)) or len(aucs) not in (0, planes):
        raise ShapeError(f"EmbeddingMap expected a plane for each of the {len(steps)} steps, a point for each of the "
                         f"{len(squares.tissue)} squares, and no AUC or one a step; got {planes} planes of {count} "
                         f"points and {len(aucs)} AUCs. Embed the vectors of these squares, one network a step.")
    if slices.ndim != 3 or slices.dtype != np.uint8 or len(slices) != len(titles):
        raise ShapeError(f"EmbeddingMap expected grey slices [n, h, w] as uint8 and a title for each; got "
                         f"{list(slices.shape)} as {slices.dtype} and {len(titles)} titles.")


def _thumbnails(slices: UInt8[np.ndarray, "n h w"]) -> UInt8[np.ndarray, "n s s"]:
    return np.stack([np.asarray(Image.fromarray(one).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
                     for one in slices])


def _dot(pen: ImageDraw.ImageDraw, x: float, y: float, kind: int) -> None:
    if kind == TUMOUR:
        pen.polygon([(x, y - 4), (x + 4, y), (x, y + 4), (x - 4, y)], COLOURS[kind])
    else:
        pen.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), COLOURS[kind])
