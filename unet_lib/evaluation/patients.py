"""How good is a network? Scores patient by patient, and what they say together.

    scores = list(score_patients(load_predictor(path), cache, names))
    print(summary(scores)["mean_dice"], groups(scores, "site"))

Patients are what is averaged, never slices: all pixels of a patient are counted together, and so are the distances
between outlines. Most slices hold no tumour; scored 1 each where nothing is found, they would flatter any network.
A patient for whom both masks are empty counts Dice 1, and the summary says how many these are.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from unet_lib.core.errors import DatasetError, SettingsError
from unet_lib.core.metrics import Counts, bootstrap, count_slices, pooled
from unet_lib.data.cache import SliceCache
from unet_lib.data.slice_files import FLAIR
from unet_lib.data.splits import Split
from unet_lib.evaluation.surface_distance import outline_distances
from unet_lib.inference.predictor import Predictor

GROUPINGS = {"site": "site", "size": "size of the tumour (pixels)", "missing": "missing sequence"}
MISSING = ("nothing", "pre-contrast", "post-contrast", "both")


@dataclass(frozen=True, slots=True)
class PatientScore:
    """All slices of a patient together.

    `tumour_slices` hold tumour in the reference mask. `hd95` (pixels, in the plane) and `surface_dice` are nan where
    no slice has both outlines, and leave out the `unmatched` slices, which have only one (see `surface_distance`).
    `worst_slice` is the number of the slice with the most pixels on which reference and prediction differ, and
    `worst_mask` the predicted mask of this slice; None in a score that was read from a table.
    """

    patient: str
    site: str
    missing: tuple[str, ...]
    slices: int
    tumour_slices: int
    counts: Counts
    hd95: float
    surface_dice: float
    unmatched: int
    worst_slice: int
    worst_mask: Bool[np.ndarray, "256 256"] | None = field(default=None, compare=False, repr=False)

    @property
    def dice(self) -> float:
        """2·TP / (2·TP + FP + FN) of all the patient's pixels; 1 where both masks are empty."""
        return self.counts.dice(empty=1.0)

    @property
    def tumour_pixels(self) -> int:
        """The tumour's volume in the reference mask."""
        return self.counts.tp + self.counts.fn

    def as_row(self) -> dict[str, Any]:
        """Plain data for a table: counts as they are, scores to four digits, None where there is none."""
        c = self.counts
        scores = {"dice": self.dice, "iou": c.iou(), "precision": c.precision(), "recall": c.recall(),
                  "specificity": c.specificity(), "accuracy": c.accuracy(), "volume_error": c.volume_error(),
                  "hd95": self.hd95, "surface_dice": self.surface_dice}
        return {"patient": self.patient, "site": self.site, "missing": " and ".join(self.missing),
                "slices": self.slices, "tumour_slices": self.tumour_slices, "tumour_pixels": self.tumour_pixels,
                "predicted_pixels": c.tp + c.fp, **{name: _rounded(score) for name, score in scores.items()},
                "unmatched_slices": self.unmatched, "worst_slice": self.worst_slice,
                "tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "PatientScore":
        """The score that `as_row` gave, its distances to four digits."""
        hd95, surface_dice = (math.nan if row[name] is None else row[name] for name in ("hd95", "surface_dice"))
        return cls(row["patient"], row["site"], tuple(filter(None, row["missing"].split(" and "))), row["slices"],
                   row["tumour_slices"], Counts(row["tp"], row["fp"], row["fn"], row["tn"]), hd95, surface_dice,
                   row["unmatched_slices"], row["worst_slice"])


def choose_patients(card: Mapping[str, Any], cache: SliceCache, split: str) -> tuple[tuple[str, ...], bool]:
    """The patients of `cache` that the card of the weights names as "test", "validation" or "train"; or "all".

    Also whether the weights know this data: if not, all patients are new to them, and `split` makes no difference.
    Raises DatasetError if there is no patient of this subset.
    """
    named = card.get("split", {})
    known = Split(*(tuple(named.get(name, ())) for name in ("train", "validation", "test")))
    here = set(known.subset("all")) & set(cache.names)
    seen = bool(here) or card.get("data", {}).get("content") == cache.content
    if split == "all" or not seen:
        return cache.names, seen
    if names := tuple(name for name in known.subset(split) if name in here):
        return names, seen
    raise DatasetError(f"{cache.root}: the card of these weights names none of its patients as {split!r}. "
                       f"Name another --split, or the folder with all the data they were trained on.")


def score_patients(predictor: Predictor, cache: SliceCache, names: Iterable[str]) -> Iterator[PatientScore]:
    """Score patient by patient, at full size. Raises DatasetError for an unknown name."""
    for name in names:
        found = predictor.patient(cache, name)
        rows, distances = count_slices(found.masks, found.references), outline_distances(found.masks, found.references)
        info, worst = cache.patients[cache.patient_of[found.indices[0]]], (rows[:, 1] + rows[:, 2]).argmax()
        yield PatientScore(name, info.site, info.missing, len(found.indices), int(found.references.any((1, 2)).sum()),
                           pooled(rows), distances.hausdorff(), distances.dice(), distances.unmatched,
                           int(cache.numbers[found.indices[worst]]), found.masks[worst].copy())


def summary(scores: Sequence[PatientScore], seed: int = 0) -> dict[str, Any]:
    """What all patients say together, as plain data; `…_interval` is the 95 % interval over patients (`bootstrap`).

    `without_tumour` counts those for whom both masks are empty, whose Dice is taken as 1; `mean_hd95`
    and `mean_surface_dice` are those of the `hd95_patients` that have one. Raises ValueError without any patient.
    """
    dice, counts = np.array([s.dice for s in scores]), np.array([astuple(s.counts) for s in scores])
    measures: dict[str, tuple[np.ndarray, Callable[[np.ndarray], Any]]] = {
        "mean_dice": (dice, np.mean), "median_dice": (dice, np.median),
        "pooled_f1": (counts, lambda drawn: pooled(drawn).dice())}
    found: dict[str, Any] = {
        "patients": len(scores), "without_tumour": sum(s.counts.tn == s.counts.total for s in scores)}
    for name, (patients, statistic) in measures.items():
        interval = bootstrap(patients, statistic, seed=seed)
        found |= {name: _rounded(statistic(patients)), f"{name}_interval": [_rounded(end) for end in interval]}
    outlined = [s for s in scores if not math.isnan(s.hd95)]
    return {**found, "pooled_accuracy": _rounded(pooled(counts).accuracy()),
            "hd95_patients": len(outlined), "mean_hd95": _mean([s.hd95 for s in outlined]),
            "mean_surface_dice": _mean([s.surface_dice for s in outlined]),
            "unmatched_slices": sum(s.unmatched for s in scores)}


def groups(scores: Sequence[PatientScore], by: str) -> list[dict[str, Any]]:
    """A row a group (see `members`): name, patients, mean and median Dice, pooled F1."""
    return [{"name": name, "patients": len(group), "mean_dice": _mean([s.dice for s in group]),
             "median_dice": _rounded(np.median([s.dice for s in group])),
             "pooled_f1": _rounded(sum((s.counts for s in group), start=Counts()).dice())}
            for name, group in members(scores, by).items()]


def members(scores: Sequence[PatientScore], by: str) -> dict[str, list[PatientScore]]:
    """Patients by "site", by "size" of the tumour (thirds of these patients), or by what is "missing".

    Groups without patients are left out. Raises SettingsError for another word.
    """
    if by not in GROUPINGS:
        raise SettingsError(f"expected groups by {', '.join(GROUPINGS)}; got {by!r}.")
    if by == "size":
        return _thirds(scores)
    names = sorted({s.site for s in scores}) if by == "site" else MISSING
    found = {name: [s for s in scores if name == (s.site if by == "site" else _missing(s))] for name in names}
    return {name: group for name, group in found.items() if group}


def worst_cases(scores: Sequence[PatientScore], cache: SliceCache,
                count: int = 5) -> Iterator[tuple[PatientScore, UInt8[np.ndarray, "256 256"],
                                                  Bool[np.ndarray, "256 256"], Bool[np.ndarray, "256 256"]]]:
    """The worst patients, and of each the worst slice's FLAIR, predicted mask and reference mask.

    Raises SettingsError for scores that were read from a table: they hold no mask.
    """
    for score in sorted(scores, key=lambda score: score.dice)[:count]:
        if score.worst_mask is None:
            raise SettingsError(f"{score.patient}: expected a score with a mask; got one that was read from a table. "
                                f"Score the patient again: score_patients.")
        indices = cache.slices_of([score.patient])
        worst = indices[cache.numbers[indices] == score.worst_slice][0]
        yield score, cache.images[worst][..., FLAIR], score.worst_mask, cache.masks[worst] > 0


def _thirds(scores: Sequence[PatientScore]) -> dict[str, list[PatientScore]]:
    limits = np.quantile([s.tumour_pixels for s in scores], [1 / 3, 2 / 3])
    thirds: list[list[PatientScore]] = [[], [], []]
    for score in scores:
        thirds[np.searchsorted(limits, score.tumour_pixels)].append(score)
    found = {}
    for name, group in zip(("small", "middle", "large"), thirds, strict=True):
        if group:
            pixels = [s.tumour_pixels for s in group]
            found[f"{name} ({min(pixels):,}–{max(pixels):,})"] = group
    return found


def _missing(score: PatientScore) -> str:
    return "both" if len(score.missing) > 1 else "".join(score.missing) or "nothing"


def _mean(values: Sequence[float]) -> float | None:
    return _rounded(np.mean(values)) if values else None


def _rounded(value: Any) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
