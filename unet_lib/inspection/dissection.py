"""Which tissue does a channel show? Network dissection (Bau et al. 2017), on phantoms, whose tissues are known.

    found = dissect(maps, labels, choose, others, tissues)   # maps of many slices, the tissue of each of their pixels
    found.tissue, found.iou, found.chance, found.shows       # one of each a channel

A channel with a threshold is a mask: bright pixels, or dark ones. Its intersection over union (IoU) with the mask of
each tissue says which tissue it shows best. Bau et al. take the brightest 0.5 % of all pixels. Our tissues fill from
0.1 to 9 % of a slice, so that here each channel and tissue have a threshold of their own, and a side of it: those with
the best IoU on some patients. The IoU that counts is measured on the others.

Heads are alike, so that a channel which only knows where in a head it is has an IoU far above 0 with every large
tissue. That is the level of chance: the same channel with the labels of other patients, for which thresholds are chosen
anew. A channel is named after the tissue with which it is furthest above chance, and shows it if the difference is at
least 0.04, the IoU that Bau et al. ask for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.inspection.channel_metrics import enlarge

BINS = 1024
LEAST = 0.04
"""So far above chance must an IoU be."""


@dataclass(frozen=True)
class Dissection:
    """IoU of each of c channels with each of t tissues, and by chance, with other patients' labels.

    `chosen` are those on the slices that chose the thresholds, `scored` those on the others. `by_brightness`: the
    channel shows the tissue with its high values, else with its low ones. Tissue 0 is background, after which no
    channel is named. nan stands where a tissue is missing.
    """

    chosen: Float[np.ndarray, "c t"]
    chosen_by_chance: Float[np.ndarray, "c t"]
    scored: Float[np.ndarray, "c t"]
    scored_by_chance: Float[np.ndarray, "c t"]
    by_brightness: Bool[np.ndarray, "c t"]

    @property
    def tissue(self) -> Int[np.ndarray, "c"]:
        """The tissue with which each channel is furthest above chance, on the slices that chose the thresholds."""
        above = np.nan_to_num(self.chosen - self.chosen_by_chance, nan=-1)
        return 1 + above[:, 1:].argmax(axis=1)

    @property
    def iou(self) -> Float[np.ndarray, "c"]:
        """IoU of each channel with its tissue, on the other slices."""
        return self._of_tissue(self.scored)

    @property
    def chance(self) -> Float[np.ndarray, "c"]:
        """The same with other patients' labels."""
        return self._of_tissue(self.scored_by_chance)

    @property
    def shows(self) -> Bool[np.ndarray, "c"]:
        """Is each channel's IoU above chance by LEAST?"""
        return self.iou - self.chance >= LEAST

    @property
    def brighter(self) -> Bool[np.ndarray, "c"]:
        """Does each channel show its tissue with high values?"""
        return self._of_tissue(self.by_brightness)

    def _of_tissue(self, table: Shaped[np.ndarray, "c t"]) -> Shaped[np.ndarray, "c"]:
        return table[np.arange(len(table)), self.tissue]


def dissect(maps: Float[Tensor, "_ c _h _w"], labels: UInt8[np.ndarray, "n h w"], choose: Bool[np.ndarray, "n"],
            others: UInt8[np.ndarray, "_ _ _"], tissues: int) -> Dissection:
    """Thresholds on the slices in `choose`, scores on the rest; put the slices of a patient on one side.

    `labels` are from 0 (background) to `tissues` − 1; `others` are labels of other patients (`labels_of_others`).
    Coarse maps are enlarged to the labels' size, so that they pay for their coarseness. Raises ShapeError where maps
    and labels do not fit, SettingsError where one side has no slices.
    """
    if labels.shape != others.shape or len(maps) != len(labels):
        raise ShapeError(f"expected labels, and others, for {len(maps)} slices; got {labels.shape}, {others.shape}.")
    if choose.all() or not choose.any():
        raise SettingsError("expected slices to choose thresholds on, and others to score on; got one kind only. "
                            "Take at least two patients.")
    rows = [_dissect_channel(enlarge(maps[:, [channel]], labels.shape[1:])[:, 0].cpu().numpy(), labels, choose, others,
                             tissues) for channel in range(maps.shape[1])]
    return Dissection(*map(np.stack, zip(*rows, strict=True)))


def labels_of_others(labels: Sequence[UInt8[np.ndarray, "_ h w"]]) -> list[UInt8[np.ndarray, "_ h w"]]:
    """For each patient's slices the labels of the next patient, at the same height between the first and the last.

    Raises SettingsError for fewer than two patients.
    """
    if len(labels) < 2:
        raise SettingsError(f"expected labels of at least two patients; got {len(labels)}.")
    return [following[np.linspace(0, len(following) - 1, len(own)).round().astype(int)]
            for own, following in zip(labels, [*labels[1:], labels[0]], strict=True)]


def _dissect_channel(values: Float[np.ndarray, "n h w"], labels: UInt8[np.ndarray, "n h w"],
                     choose: Bool[np.ndarray, "n"], others: UInt8[np.ndarray, "n h w"],
                     tissues: int) -> tuple[np.ndarray, ...]:
    low, high = np.quantile(values[choose].ravel()[::7], [0.0005, 0.9995])  # a few far pixels would widen all bins
    bins = np.clip((values - low) * (BINS / max(high - low, 1e-12)), 0, BINS - 1).astype(np.int64)

    def curves(side: Bool[np.ndarray, "n"], kinds: UInt8[np.ndarray, "n h w"]) -> Float[np.ndarray, "t k"]:
        return iou_curves(histogram(bins[side], kinds[side], tissues)).reshape(tissues, -1)

    every, found = np.arange(tissues), []
    for kinds in (labels, others):
        chosen = curves(choose, kinds)
        best = chosen.argmax(axis=1)
        found.append((chosen[every, best], curves(~choose, kinds)[every, best], best < BINS))
    (chosen, scored, by_brightness), (chosen_by_chance, scored_by_chance, _) = found
    return chosen, chosen_by_chance, scored, scored_by_chance, by_brightness


def histogram(bins: Int[np.ndarray, "n h w"], labels: UInt8[np.ndarray, "n h w"], tissues: int,
              count: int = BINS) -> Int[np.ndarray, "tissues count"]:
    """How many pixels of each tissue have a value in each of `count` bins."""
    pairs = labels.ravel().astype(np.int64) * count + bins.ravel()
    return np.bincount(pairs, minlength=tissues * count).reshape(tissues, count)


def iou_curves(pixels: Int[np.ndarray, "t b"]) -> Float[np.ndarray, "t 2 b"]:
    """IoU of every tissue with the pixels from each bin on (bright), and with those below it (dark).

    From the counts alone: the pixels from bin k on are a sum of counts, so that one pass over the pixels gives all
    thresholds. nan for a tissue without pixels.
    """
    size, total = pixels.sum(axis=1, keepdims=True), pixels.sum()
    inside = pixels[:, ::-1].cumsum(axis=1)[:, ::-1]
    called = inside.sum(axis=0)
    common = np.stack([inside, size - inside], axis=1)
    union = np.stack([called + size - inside, total - called + inside], axis=1)
    return np.divide(common, union, out=np.full(common.shape, np.nan), where=size[:, None] > 0)
