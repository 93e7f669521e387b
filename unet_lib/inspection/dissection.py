"""Which tissue does a channel show? Network dissection (Bau et al. 2017), on phantoms, whose tissues are known.

    found = dissect(maps, labels, choose, others, tissues)   # maps of many slices, the tissue of each of their pixels
    found.tissue, found.iou, found.chance, found.shows       # one of each a channel

A channel with a threshold is a mask: bright pixels, or dark ones. Its intersection over union (IoU) with the mask of
each tissue says which tissue it shows best. Bau et al. take the brightest 0.5 % of all pixels. Our tissues fill from
0.1 to 9 % of a slice, so that here each channel and tissue have a threshold of their own, and a side of it: those with
the best IoU on some patients. The IoU that counts is measured on the others.

Heads are alike, so that a channel which only knows where in a head it is has an IoU far above 0 with every large
tissue. That is the level of chance: the same channel with the labels of other patients, for which thresholds are chosen
anew; several times, as heads differ in size, and the highest IoU counts. A channel is named after the tissue with which
it is furthest above chance, and shows it if the difference is at least 0.04, the IoU that Bau et al. ask for.
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
    """IoU of each of c channels with each of t tissues: with the true labels first, then with those of others.

    `chosen` are those on the slices that chose the thresholds, `scored` those on the rest. `by_brightness`: the
    channel shows the tissue with its high values, else with its low ones. Tissue 0 is background, after which no
    channel is named. nan stands where a tissue is missing.
    """

    chosen: Float[np.ndarray, "k c t"]
    scored: Float[np.ndarray, "k c t"]
    by_brightness: Bool[np.ndarray, "k c t"]

    @property
    def tissue(self) -> Int[np.ndarray, "c"]:
        """The tissue with which each channel is furthest above chance, on the slices that chose the thresholds."""
        above = np.nan_to_num(self.chosen[0] - self.chosen[1:].max(axis=0), nan=-1)
        return 1 + above[:, 1:].argmax(axis=1)

    @property
    def iou(self) -> Float[np.ndarray, "c"]:
        """IoU of each channel with its tissue, on the rest of the slices."""
        return self._of_tissue(self.scored[0])

    @property
    def chance(self) -> Float[np.ndarray, "c"]:
        """The same with other patients' labels: the highest of several."""
        return self._of_tissue(self.scored[1:].max(axis=0))

    @property
    def shows(self) -> Bool[np.ndarray, "c"]:
        """Is each channel's IoU above chance by LEAST?"""
        return self.iou - self.chance >= LEAST

    @property
    def brighter(self) -> Bool[np.ndarray, "c"]:
        """Does each channel show its tissue with high values?"""
        return self._of_tissue(self.by_brightness[0])

    @property
    def false_alarms(self) -> float:
        """How many channels would show a tissue if labels of other patients were the true ones, on average over them.

        The others alone are then the level of chance, and these are one fewer, so that this is rather too many.
        """
        every = range(1, len(self.chosen))
        orders = [[one, *(other for other in every if other != one)] for one in every]
        return float(np.mean([Dissection(self.chosen[order], self.scored[order], self.by_brightness[order]).shows.sum()
                              for order in orders]))

    def _of_tissue(self, table: Shaped[np.ndarray, "c t"]) -> Shaped[np.ndarray, "c"]:
        return table[np.arange(len(table)), self.tissue]


def dissect(maps: Float[Tensor, "_ c _h _w"], labels: UInt8[np.ndarray, "n h w"], choose: Bool[np.ndarray, "n"],
            others: UInt8[np.ndarray, "l _ _ _"], tissues: int) -> Dissection:
    """Thresholds on the slices in `choose`, scores on the rest; put the slices of a patient on one side.

    `labels` are from 0 (background) to `tissues` − 1; `others` are labels of other patients (`labels_of_others`), at
    least two for each slice. Coarse maps are enlarged to the labels' size, so that they pay for their coarseness.
    Raises ShapeError where maps and labels do not fit, SettingsError where one side has no slices.
    """
    if len(others) < 2 or labels.shape != others.shape[1:] or len(maps) != len(labels):
        raise ShapeError(f"expected labels, and at least two others, for {len(maps)} slices; got {labels.shape}, "
                         f"{others.shape}.")
    if choose.all() or not choose.any():
        raise SettingsError("expected slices to choose thresholds on, and others to score on; got one kind only. "
                            "Take at least two patients.")
    kinds = [labels, *others]
    sides = [[_Painted.of(some[side], tissues) for some in kinds] for side in (choose, ~choose)]
    rows = []
    for channel in range(maps.shape[1]):
        values = enlarge(maps[:, [channel]], labels.shape[1:])[:, 0].cpu().numpy()
        low, high = np.quantile(values[choose].ravel()[::7], [0.0005, 0.9995])  # a far pixel would widen all bins
        bins = np.clip((values - low) * (BINS / max(high - low, 1e-12)), 0, BINS - 1).astype(np.int64)
        rows.append(_score(bins[choose].ravel(), bins[~choose].ravel(), *sides))
    return Dissection(*(np.stack(parts, axis=1) for parts in zip(*rows, strict=True)))


def labels_of_others(labels: Sequence[UInt8[np.ndarray, "_ h w"]]) -> list[UInt8[np.ndarray, "_ h w"]]:
    """For each patient's slices the labels of the next patient, at the same height between the first and the last.

    Raises SettingsError for fewer than two patients.
    """
    if len(labels) < 2:
        raise SettingsError(f"expected labels of at least two patients; got {len(labels)}.")
    return [following[np.linspace(0, len(following) - 1, len(own)).round().astype(int)]
            for own, following in zip(labels, [*labels[1:], labels[0]], strict=True)]


@dataclass(frozen=True)
class _Painted:
    """Labels of m pixels, of which only k are no background: their indices, and their tissues times the bins."""

    tissues: int
    pixels: Int[np.ndarray, "k"]
    offsets: Int[np.ndarray, "k"]

    @classmethod
    def of(cls, labels: UInt8[np.ndarray, "n h w"], tissues: int) -> "_Painted":
        pixels = np.flatnonzero(labels)
        return cls(tissues, pixels, labels.ravel()[pixels].astype(np.int64) * BINS)

    def histogram(self, bins: Int[np.ndarray, "m"], every: Int[np.ndarray, "b"]) -> Int[np.ndarray, "t b"]:
        """How many pixels of each tissue have a value in each bin; `every` counts all pixels."""
        pairs = self.offsets + bins[self.pixels]
        counts = np.bincount(pairs, minlength=self.tissues * BINS).reshape(self.tissues, BINS)
        counts[0] = every - counts.sum(axis=0)
        return counts


def _score(choose: Int[np.ndarray, "m"], rest: Int[np.ndarray, "k"], painted: list[_Painted],
           painted_rest: list[_Painted]) -> tuple[np.ndarray, ...]:
    """One channel's bins → `chosen`, `scored` and `by_brightness` for each kind of labels and tissue."""
    of_choose, of_rest = (np.bincount(bins, minlength=BINS) for bins in (choose, rest))
    found = []
    for some, some_rest in zip(painted, painted_rest, strict=True):
        curves, curves_rest = (iou_curves(one.histogram(bins, every)).reshape(one.tissues, -1) for one, bins, every in (
            (some, choose, of_choose), (some_rest, rest, of_rest)))
        best, tissues = curves.argmax(axis=1), np.arange(some.tissues)
        found.append((curves[tissues, best], curves_rest[tissues, best], best < BINS))
    return tuple(np.stack(parts) for parts in zip(*found, strict=True))


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
