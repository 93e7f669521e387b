"""The painting widget of lesson 05: outline a tumour yourself, then see what the expert and the network drew.

The browser paints and scores by itself, so that it also works in a saved notebook without a kernel; after each stroke
the mask arrives in Python.
"""

from typing import Any

import numpy as np
import traitlets
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image

from unet_lib.core.errors import ShapeError
from unet_lib.core.metrics import Counts, count
from unet_lib.data.slice_files import CHANNELS
from unet_lib.widgets.shared.base import GlassBoxWidget, border, script, stylesheet
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, blend, enlarged, from_bits, packed, to_bits, zero_one

READER = (204, 121, 167)
"""Purple, for what the reader paints; `colours.js` says the same."""
LARGEST_BRUSH = 41
TOOLS = ("brush", "eraser", "rectangle")


class PaintTumour(GlassBoxWidget):
    """Paint a mask on a slice, then see how well it agrees with the expert's, and with the network's.

        paint = PaintTumour(cache.images[40], cache.masks[40], model=predictor.masks(probability))
        paint.mask                      # what was painted so far, [h, w] of bool, a copy
        paint.counts.dice()             # against the expert, as the widget shows it
        paint.mask = another_mask       # a step that the reader can undo

    `image` is [h, w, 3] as uint8 in the files' channel order; `reference` and `model` are masks [h, w] of 0 and
    1. Scores and outlines stay hidden until the reader presses Compare (`compared`), so that nobody paints by the
    score; then each outline can be shown (`show_reference`, `show_model`). The scores are Dice, IoU, and the 95 %
    Hausdorff distance in pixels. Raises ShapeError for what does not fit.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    size = traitlets.Tuple((1, 1), help="height and width of the slice").tag(sync=True)
    planes = traitlets.Bytes(help="the channels one after the other, packed").tag(sync=True)
    channels = traitlets.List(list(CHANNELS)).tag(sync=True)
    reference_bits = traitlets.Bytes(help="the expert's mask, eight pixels a byte").tag(sync=True)
    model_bits = traitlets.Bytes(help="the network's mask, likewise; empty without one").tag(sync=True)
    # No echo: the answer to one stroke would come back into the middle of the next. The browser sends a memoryview.
    painted = traitlets.Bytes(help="the reader's mask, eight pixels a byte").tag(
        sync=True, echo_update=False, from_json=lambda value, _: bytes(value))

    channel = traitlets.Enum(CHANNELS, "FLAIR", help="what is drawn under the mask").tag(sync=True)
    tool = traitlets.Enum(TOOLS, "brush").tag(sync=True)
    brush = traitlets.Int(9, min=1, max=LARGEST_BRUSH, help="diameter in pixels, odd").tag(sync=True)
    compared = traitlets.Bool(False, help="show the scores").tag(sync=True)
    show_reference = traitlets.Bool(False, help="draw the expert's outline").tag(sync=True)
    show_model = traitlets.Bool(False, help="draw the network's outline").tag(sync=True)

    def __init__(self, image: Shaped[np.ndarray, "..."], reference: Shaped[np.ndarray, "..."],
                 model: Shaped[np.ndarray, "..."] | None = None, **traits: Any):
        planes = to_planes(image)
        size = planes.shape[1:]
        self._planes, self._reference = planes, zero_one("PaintTumour", "reference", reference, size)
        self._model = None if model is None else zero_one("PaintTumour", "model", model, size)
        super().__init__(size=size, planes=packed(planes), painted=to_bits(np.zeros(size, bool)),
                         reference_bits=to_bits(self._reference),
                         model_bits=b"" if self._model is None else to_bits(self._model), **traits)

    @property
    def mask(self) -> Bool[np.ndarray, "h w"]:
        """What the reader has painted, as a copy; set it to paint from Python. ShapeError if it does not fit."""
        return from_bits(self.painted, self.size)

    @mask.setter
    def mask(self, mask: Shaped[np.ndarray, "..."]) -> None:
        self.painted = to_bits(zero_one("PaintTumour", "mask", mask, self.size))

    @property
    def counts(self) -> Counts:
        """TP, FP, FN, TN of the reader's mask, judged by the expert's."""
        return count(self.mask, self._reference)

    def describe(self) -> str:
        """Slice, painted pixels and, once compared, Dice (to two decimals, as far as it is stable), in one sentence."""
        height, width = self.size
        head = f"Paint the tumour: {self.channel} of a {height}×{width} slice, "
        painted = int(self.mask.sum())
        if not painted:
            return head + "nothing painted yet"
        head += f"{painted} pixel{'s' * (painted > 1)} painted"
        return head + (f", Dice {self.counts.dice():.2f} against the expert's mask" if self.compared else "")

    def picture(self) -> Image.Image:
        """The channel on show with the reader's mask, and the outlines that are shown."""
        rgb = np.repeat(self._planes[CHANNELS.index(self.channel)][..., None], 3, axis=2)
        mask = self.mask
        blend(rgb, mask, READER, 0.35)
        blend(rgb, border(mask), READER, 0.95)
        if self.show_reference:
            blend(rgb, border(self._reference), REFERENCE, 1)
        if self.show_model and self._model is not None:
            row, column = np.indices(mask.shape)
            blend(rgb, border(self._model) & ((row + column) % 4 < 2), NETWORK, 1)
        return enlarged(rgb)

    @traitlets.validate("painted")
    def _fits(self, proposal: dict) -> bytes:
        needed = -(-self.size[0] * self.size[1] // 8)
        if len(proposal["value"]) != needed:
            raise traitlets.TraitError(f"painted should hold a bit for each pixel, {needed} bytes; got "
                                       f"{len(proposal['value'])}. From Python set mask, an array.")
        return proposal["value"]

    @traitlets.validate("brush")
    def _with_a_middle(self, proposal: dict) -> int:
        if proposal["value"] % 2 == 0:
            raise traitlets.TraitError(f"brush should be odd, so that a pixel is its middle; got {proposal['value']}.")
        return proposal["value"]


def to_planes(image: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "3 h w"]:
    """The slice channel by channel; ShapeError unless it is [h, w, 3] as uint8."""
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[-1] != 3 or array.dtype != np.uint8 or not array.size:
        fix = "np.moveaxis(image, 0, -1)" if array.ndim == 3 and array.shape[0] == 3 else "cache.images[index]"
        raise ShapeError(f"PaintTumour needs one slice of [h, w, 3] as uint8, as the files have it; got "
                         f"{list(array.shape)} as {array.dtype}. Try {fix}.")
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))
