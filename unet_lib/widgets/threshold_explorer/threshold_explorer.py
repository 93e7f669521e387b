"""The threshold explorer of lesson 05: from probabilities to a mask, and what each threshold costs and gains.

Python counts once, at every hundredth from 0 to 1. The browser has all of it, so that moving the threshold asks
nobody and works in a saved notebook without a kernel.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import traitlets
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from PIL import Image, ImageDraw, ImageFont

from unet_lib.core.errors import ShapeError
from unet_lib.core.metrics import Counts, pooled
from unet_lib.data.slice_files import FLAIR
from unet_lib.widgets.shared.base import GlassBoxWidget, border, script, stylesheet
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, blend, enlarged, packed, zero_one

STEPS = 100
"""Steps of the slider from 0 to 1; `threshold_explorer.js` says the same."""
AGREED = (0, 158, 115)
"""Green, for what expert and network both call tumour; as the other two, of Okabe & Ito's palette."""


class Slices(NamedTuple):
    """What was given, checked: n slices each; `grey` is None without images."""

    probability: Float[np.ndarray, "n h w"]
    reference: Bool[np.ndarray, "n h w"]
    grey: UInt8[np.ndarray, "n h w"] | None


class ThresholdExplorer(GlassBoxWidget):
    """Move the threshold and see found, missed and falsely called pixels, the counts, and every score made of them.

        explorer = ThresholdExplorer(predictor.probabilities(images, statistics), cache.masks[indices], images)
        explorer.threshold = 0.35
        explorer.counts.dice(), explorer.all_counts.dice()     # the slice on show, and all slices together
        explorer.best_threshold                                # the lowest with the best F1 over all slices

    `probability` is [n, h, w] in [0, 1], `reference` [n, h, w] of 0 and 1, `image` [n, h, w, 3] as uint8 in the files'
    channel order, of which FLAIR is drawn (without it, the probabilities are); one slice may leave out n. `names`
    say which slices these are. `threshold` moves in hundredths: a pixel is called tumour where its probability is at
    least that. `slice` counts from 0 and begins at the largest tumour. Raises ShapeError for what does not fit.
    A saved notebook grows by roughly 45 kB a slice.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    size = traitlets.Tuple((0, 1, 1), help="number, height and width of the slices").tag(sync=True)
    levels = traitlets.Bytes(help="the last hundredth each probability reaches, packed").tag(sync=True)
    reference = traitlets.Bytes(help="the expert's masks as 0 and 1, packed").tag(sync=True)
    grey = traitlets.Bytes(help="FLAIR's grey levels, packed; empty without images").tag(sync=True)
    tallies = traitlets.Bytes(help="TP, FP, FN, TN: int32 [n, 101, 4], packed").tag(sync=True)
    names: traitlets.List[str] = traitlets.List(help="what each slice is called").tag(sync=True)

    threshold = traitlets.Float(0.5, help="0.00 to 1.00 in hundredths").tag(sync=True)
    slice = traitlets.Int(0, help="the slice on show, counted from 0").tag(sync=True)
    close_up = traitlets.Bool(False, help="show only the tumour's surroundings").tag(sync=True)

    def __init__(self, probability: Shaped[np.ndarray, "..."], reference: Shaped[np.ndarray, "..."],
                 image: Shaped[np.ndarray, "..."] | None = None, *, names: Sequence[str] = (), **traits: Any):
        slices = checked(probability, reference, image)
        count = len(slices.reference)
        names = list(names) or [f"slice {number} of {count}" for number in range(1, count + 1)]
        if len(names) != count:
            raise ShapeError(f"ThresholdExplorer needs a name for each of the {count} slices; got {len(names)}. "
                             f"Leave names out, or give {count}.")
        self._levels, self._slices = threshold_levels(slices.probability), slices
        self._tallies = tally(self._levels, slices.reference)
        traits = {"slice": int(slices.reference.sum(axis=(1, 2)).argmax())} | traits
        super().__init__(size=slices.reference.shape, levels=packed(self._levels), names=names,
                         reference=packed(slices.reference), grey=b"" if slices.grey is None else packed(slices.grey),
                         tallies=packed(self._tallies.astype("<i4")), **traits)

    @property
    def counts(self) -> Counts:
        """TP, FP, FN, TN of the slice on show, at the threshold on show."""
        return Counts(*self._tallies[self.slice, self._step].tolist())

    @property
    def all_counts(self) -> Counts:
        """The same of all slices together."""
        return pooled(self._tallies[:, self._step])

    @property
    def best_threshold(self) -> float:
        """Where F1 over all slices is best; the lowest if there are several."""
        return int(np.argmax(f1_curve(self._tallies.sum(axis=0)))) / STEPS

    def describe(self) -> str:
        """Threshold and scores, to two decimals: the third may differ from machine to machine."""
        count = len(self.names)
        both = self.all_counts
        head = (f"Threshold explorer: {count} slice{'s' * (count > 1)} at threshold {self.threshold:.2f}, "
                f"F1 {both.dice():.2f}, precision {both.precision():.2f}, recall {both.recall():.2f}")
        return head + (f"; on {self.names[self.slice]} F1 {self.counts.dice():.2f}" if count > 1 else "")

    def picture(self) -> Image.Image:
        """The slice with its kinds of pixels, and beside it F1 at every threshold."""
        levels, reference = self._levels[self.slice], self._slices.reference[self.slice]
        grey = self._slices.grey
        under = np.rint(levels * 2.55).astype(np.uint8) if grey is None else grey[self.slice]
        slice_ = enlarged(coloured(under, levels >= self._step, reference))
        chart = f1_chart(f1_curve(self._tallies.sum(axis=0)), self._step, slice_.height)
        sheet = Image.new("RGB", (slice_.width + chart.width, slice_.height), "white")
        sheet.paste(slice_, (0, 0))
        sheet.paste(chart, (slice_.width, 0))
        return sheet

    @property
    def _step(self) -> int:
        return round(self.threshold * STEPS)

    @traitlets.validate("threshold")
    def _in_hundredths(self, proposal: dict) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise traitlets.TraitError(f"threshold should be between 0 and 1, as probabilities are; got "
                                       f"{proposal['value']}.")
        return round(proposal["value"] * STEPS) / STEPS

    @traitlets.validate("slice")
    def _there_is(self, proposal: dict) -> int:
        count = len(self._tallies)
        if not 0 <= proposal["value"] < count:
            raise traitlets.TraitError(f"slice counts from 0 to {count - 1} here; got {proposal['value']}.")
        return proposal["value"]


def checked(probability: Shaped[np.ndarray, "..."], reference: Shaped[np.ndarray, "..."],
            image: Shaped[np.ndarray, "..."] | None) -> Slices:
    """All three as stacks of slices. ShapeError says what does not fit and how to put it right."""
    probability, reference = np.asarray(probability), np.asarray(reference)
    if probability.ndim == 2:
        probability, reference = probability[None], reference[None]
        image = None if image is None else np.asarray(image)[None]
    if probability.ndim != 3 or not probability.size:
        raise ShapeError(f"ThresholdExplorer needs probabilities of [n, h, w], or [h, w] for one slice; got "
                         f"{list(probability.shape)}. A batch of network outputs has a channel to drop: logits[:, 0].")
    if probability.dtype.kind != "f" or not ((probability >= 0) & (probability <= 1)).all():
        raise ShapeError(f"ThresholdExplorer needs probabilities from 0 to 1; got {probability.dtype} from "
                         f"{probability.min():.3g} to {probability.max():.3g}. Logits become probabilities by "
                         f"torch.sigmoid(logits), grey levels by division by 255.")
    mask = zero_one("ThresholdExplorer", "reference", reference, probability.shape)
    return Slices(probability, mask, None if image is None else _flair(np.asarray(image), probability.shape))


def _flair(image: Shaped[np.ndarray, "..."], shape: tuple[int, ...]) -> UInt8[np.ndarray, "n h w"]:
    if image.shape != (*shape, 3) or image.dtype != np.uint8:
        raise ShapeError(f"ThresholdExplorer needs images of {[*shape, 3]} as uint8, as the files have them; got "
                         f"{list(image.shape)} as {image.dtype}. Take them from the cache: cache.images[indices].")
    return image[..., FLAIR]


def threshold_levels(probability: Float[np.ndarray, "n h w"]) -> UInt8[np.ndarray, "n h w"]:
    """The last hundredth that each probability reaches, 0 to 100: `levels >= k` is `probability >= k / 100`, exactly.

    So the browser, which gets bytes, and `Predictor.masks`, which compares floats, can never disagree. As there,
    the threshold takes the probability's own precision before it is compared.
    """
    ladder = (np.arange(STEPS + 1) / STEPS).astype(probability.dtype)
    return (np.searchsorted(ladder, probability, side="right") - 1).astype(np.uint8)


def tally(levels: UInt8[np.ndarray, "n h w"], reference: Bool[np.ndarray, "n h w"]) -> Int[np.ndarray, "n 101 4"]:
    """TP, FP, FN, TN of every slice at every hundredth: from one histogram each of tumour and background."""
    tp, fp = (np.stack([_reached(one[where]) for one, where in zip(levels, mask, strict=True)])
              for mask in (reference, ~reference))
    return np.stack([tp, fp, tp[:, :1] - tp, fp[:, :1] - fp], axis=2)


def f1_curve(counts: Int[np.ndarray, "101 4"]) -> Float[np.ndarray, "101"]:
    """F1 at every hundredth; 1 where expert and network both see nothing, as `Counts.dice` has it."""
    tp, fp, fn, _ = counts.T
    whole = 2 * tp + fp + fn
    return np.where(whole > 0, 2 * tp / np.maximum(whole, 1), 1.0)


def coloured(grey: UInt8[np.ndarray, "h w"], called: Bool[np.ndarray, "h w"],
             reference: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Found pixels evenly green, false alarms in blue stripes, missed ones in orange stripes the other way."""
    rgb = np.repeat(grey[..., None], 3, axis=2)
    row, column = np.indices(grey.shape)
    blend(rgb, called & reference, AGREED, 0.45)
    for where, colour, across in ((called & ~reference, NETWORK, row + column),
                                  (~called & reference, REFERENCE, row - column)):
        stripe = across % 4 < 2
        blend(rgb, where & stripe, colour, 0.9)
        blend(rgb, where & ~stripe, colour, 0.35)
    blend(rgb, border(reference), REFERENCE, 0.9)
    return rgb


def f1_chart(curve: Float[np.ndarray, "101"], step: int, height: int) -> Image.Image:
    """F1 against the threshold, a line where the threshold stands and a ring around the best."""
    left, top, side = 40, 26, height - 62
    chart = Image.new("RGB", (side + 60, height), "white")
    pen, font = ImageDraw.Draw(chart), ImageFont.load_default(12)
    points = [(left + side * k / STEPS, top + side * (1 - value)) for k, value in enumerate(curve.tolist())]
    best_x, best_y = points[int(np.argmax(curve))]
    pen.rectangle((left, top, left + side, top + side), None, "#bdbdbd")
    pen.line([(points[step][0], top), (points[step][0], top + side)], "#444444", 1)
    pen.line(points, "#202020", 2)
    pen.ellipse((best_x - 5, best_y - 5, best_x + 5, best_y + 5), None, "#9c4a80", 2)
    for text, place, anchor in (("F1, all slices together", (left, top - 6), "ls"), ("1", (left - 6, top), "rm"),
                                ("0", (left - 6, top + side), "rm"), ("0", (left, top + side + 4), "ma"),
                                ("threshold", (left + side / 2, top + side + 4), "ma"),
                                ("1", (left + side, top + side + 4), "ma")):
        pen.text(place, text, "#444444", font, anchor=anchor)
    return chart


def _reached(levels: UInt8[np.ndarray, "pixels"]) -> Int[np.ndarray, "101"]:
    """How many of these pixels reach each hundredth."""
    return np.bincount(levels, minlength=STEPS + 1)[::-1].cumsum()[::-1]
