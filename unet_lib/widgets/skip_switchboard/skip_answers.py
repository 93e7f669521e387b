"""What the skip switchboard asks a network, and what it tells of networks that were trained without a skip."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import Counts
from unet_lib.data.cache import SliceCache
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.activations import capture, known_network
from unet_lib.inspection.attribution import SkipChange, ablate_skips

HOW = ("all skips", "zeroed", "mean", "retrained without")
"""What `benchmarks/ablations/skip_ablation.py` measures: the second and third with the weights of the first."""


@dataclass(frozen=True)
class SkipAnswer:
    """What a network says about one slice; `counts` judge its mask by the expert's."""

    probability: Float[np.ndarray, "h w"]
    mask: Bool[np.ndarray, "h w"]
    counts: Counts


def probability_of(predictor: Predictor, cache: SliceCache, index: int,
                   changes: Mapping[int, SkipChange]) -> Float[np.ndarray, "256 256"]:
    """Slice `index` of the cache as the network sees it while some skips are changed (see `ablate_skips`)."""
    indices, own = _with_context(predictor, cache, index)
    with ablate_skips(predictor.model, changes):
        return predictor.probabilities(cache.images[indices], cache.statistics[cache.patient_of[index]])[own]


def passed_on(predictor: Predictor, cache: SliceCache, index: int) -> dict[int, Float[Tensor, "1 _ _ _"]]:
    """What the encoder hands through the skip of each level for slice `index`, to be swapped in elsewhere."""
    levels = range(1, known_network(predictor.model).config.depth + 1)
    indices, own = _with_context(predictor, cache, index)
    with capture(predictor.model, [f"encoder.{level}" for level in levels]) as maps:
        predictor.probabilities(cache.images[indices], cache.statistics[cache.patient_of[index]])
    return {level: maps[f"encoder.{level}"][own:own + 1] for level in levels}


def _with_context(predictor: Predictor, cache: SliceCache, index: int) -> tuple[np.ndarray, int]:
    """The indices of the slices that the network wants to see for this one, and which of them it is."""
    near = np.arange(max(0, index - predictor.context_slices), min(len(cache), index + predictor.context_slices + 1))
    indices = near[cache.patient_of[near] == cache.patient_of[index]]
    return indices, int(np.flatnonzero(indices == index)[0])


def figures_of(rows: Iterable[Mapping[str, Any]], depth: int) -> dict[str, Any]:
    """Rows of `benchmarks/ablations/skip_ablation.py` as the switchboard shows them, for networks of this depth.

    `rows` has for everything measured of the same levels the mean Dice of each seed, `about` says in words what kind
    of networks these were. Both are empty where nothing fits. Raises SettingsError for other rows.
    """
    found: dict[tuple[str, tuple[int, ...]], dict[int, float]] = {}
    kinds: set[str] = set()
    for row in rows:
        try:
            how, levels, seed = row["how"], tuple(row["levels"]), row["seed"]
            kind = (f"networks of base {row['base']}, trained for {row['epochs']} epochs on images of "
                    f"{row['size']}×{row['size']}, asked about {row['patients']} patients they never saw")
            if row["depth"] == depth:
                found.setdefault((how, levels), {})[seed] = row["mean_dice"]
                kinds.add(kind)
        except KeyError as error:
            raise SettingsError(f"expected rows as benchmarks/ablations/skip_ablation.py writes them; one has no "
                                f"{error}. Hand over json.loads(path.read_text())['rows'].") from error
    if unknown := {how for how, _ in found} - set(HOW):
        raise SettingsError(f"expected rows that say how: {', '.join(HOW)}; got {min(unknown)!r}.")
    return {"about": "; ".join(sorted(kinds)), "rows": [
        {"how": how, "levels": list(levels), "dice": [dice for _, dice in sorted(seeds.items())]}
        for (how, levels), seeds in found.items()]}
