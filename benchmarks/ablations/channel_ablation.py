"""What do patients lose when a channel is zeroed, or a skip connection changed?

    python benchmarks/ablations/channel_ablation.py [--data data/lgg] [--phantoms 16] [--only "skips" …] [--threads 1]

The network is the last of a series; nothing is trained. Real patients are the validation patients in its card, phantoms
are new ones (seed 7, after the first seven, which are chosen to show one thing each). All slices of a patient count
together, at the size the network was trained with.

- `decoder.1`: each of its channels zeroed, and each pair of them;
- `skips`: each skip connection alone, and all together, replaced by zeros, by each channel's mean, or by the maps of
  another patient (the next one, at the same relative height in the head);
- `bottleneck`: each of its channels zeroed, on every third slice.

Of each, the Dice that patients lose on average, with the 95 % interval over patients. `auc` is the channel's ROC AUC on
the same slices. Rows go to data/results/channel_ablation.json; what is there is not measured again.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.phantom import write_phantoms
from unet_lib.data.phantom.parameters import TEACHERS
from unet_lib.evaluation.patients import choose_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.attribution import Effect, ablate_skips, channel_ablation, patient_counts, skip_maps
from unet_lib.inspection.channel_metrics import roc_auc
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.models.registry import Network

SEED, DRAWS = 7, 10_000
EVERY = 3
"""Of the bottleneck's 128 channels each costs a pass, so every third slice has to do."""
KEY = ("series", "step", "patients", "what", "part", "content")


@dataclass(frozen=True)
class Slices:
    """All slices of some patients as the network sees them; `patients` are the patients' names, slice by slice."""

    images: Tensor
    masks: Tensor
    patients: np.ndarray
    content: str

    def of(self, chosen: np.ndarray) -> "Slices":
        """Some of the slices."""
        return Slices(self.images[chosen], self.masks[chosen], self.patients[chosen], self.content)


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    series = load_series(args.series)
    for name, cache in caches(args):
        slices = prepared(cache, series, args)
        for what in args.only:
            key = {"series": args.series.name, "step": series.steps[-1], "patients": name, "what": what,
                   "content": slices.content}
            if not any(key.items() <= row.items() for row in read_rows(args.out)):
                for effect in list(MEASURES[what](series.networks[-1], slices)):  # all rows or none
                    write(args, key, effect, slices)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--series", type=Path, default=Path("data/models/lgg-steps"))
    parser.add_argument("--phantoms", type=int, default=16, help="new ones; 0: none")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("data/results/channel_ablation.json"))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs: no phantoms")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"phantoms": 0} if args.quick else {}))


def caches(args: argparse.Namespace) -> Iterator[tuple[str, SliceCache]]:
    yield "real", open_cache(args.data)
    if args.phantoms:
        with tempfile.TemporaryDirectory() as folder:
            write_phantoms(folder, len(TEACHERS) + args.phantoms, SEED, jobs=1)
            yield "phantoms", open_cache(Path(folder))


def prepared(cache: SliceCache, series: Series, args: argparse.Namespace) -> Slices:
    """The validation patients in the network's card; of data it does not know, all but the teachers."""
    names, seen = choose_patients(series.cards[-1], cache, "validation")
    names = names if seen or len(names) <= len(TEACHERS) else names_of_others(cache)
    indices = np.concatenate([cache.slices_of([name]) for name in names])
    batch, = Batches(cache, indices, batch=len(indices), size=series.size, shuffle=False).epoch()
    return Slices(batch.images, batch.masks, np.array(cache.names)[cache.patient_of[indices]], cache.content)


def names_of_others(cache: SliceCache) -> tuple[str, ...]:
    """Phantoms whose number, three digits after the site's letter, says that they are no teachers."""
    return tuple(name for name in cache.names if int(name.split("_")[2][1:]) >= len(TEACHERS))


def channels(network: Network, slices: Slices, name: str) -> Iterator[tuple[Effect, dict[str, Any]]]:
    auc = roc_auc(feature_maps(network, slices.images, [name])[name], slices.masks)
    for effect in channel_ablation(network, name, slices.images, slices.masks, slices.patients):
        yield effect, {"auc": round(float(auc[effect.part[0]]), 4)}


def last_decoder(network: Network, slices: Slices) -> Iterator[tuple[Effect, dict[str, Any]]]:
    yield from channels(network, slices, "decoder.1")
    pairs = combinations(range(network.config.base), 2)
    for effect in channel_ablation(network, "decoder.1", slices.images, slices.masks, slices.patients, pairs):
        yield effect, {}


def bottleneck(network: Network, slices: Slices) -> Iterator[tuple[Effect, dict[str, Any]]]:
    yield from channels(network, slices.of(np.arange(0, len(slices.images), EVERY)), "bottleneck")


def skips(network: Network, slices: Slices) -> Iterator[tuple[Effect, dict[str, Any]]]:
    """Patient by patient in one pass each, as swapped maps belong to certain slices."""
    names = np.unique(slices.patients)
    groups = [np.flatnonzero(slices.patients == name) for name in names]
    whole = patient_counts(network, slices.images, slices.masks, slices.patients)
    every = tuple(range(1, network.config.depth + 1))
    for levels in (*((level,) for level in every), every):
        for how in ("zeroed", "mean", "swapped"):
            without = {}
            for own, others in zip(groups, groups[1:] + groups[:1], strict=True):
                part = slices.of(own)
                maps = skip_maps(network, slices.images[at_same_height(own, others)]) if how == "swapped" else {}
                with ablate_skips(network, {level: maps.get(level, how) for level in levels}):
                    without |= patient_counts(network, part.images, part.masks, part.patients, batch=len(own))
            yield Effect.between([how, *levels], whole, without), {}


def at_same_height(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each of a patient's slices the other's that lies as far up in the head."""
    return others[np.linspace(0, len(others) - 1, len(own)).round().astype(int)]


def write(args: argparse.Namespace, key: dict[str, Any], measured: tuple[Effect, dict[str, Any]],
          slices: Slices) -> None:
    effect, more = measured
    low, high = effect.interval(DRAWS)
    row = {**key, "part": list(effect.part), "lost": round(effect.mean, 4), "interval": [round(low, 4), round(high, 4)],
           **more, "mean_dice": round(float(effect.dice.mean()), 4), "count": len(effect.lost),
           "lost_by_patient": effect.lost.round(3).tolist() if key["what"] != "bottleneck" else None,
           **provenance(torch.device("cpu"))}
    print(f"{key['patients']}, {key['what']} {row['part']}: Dice lost {row['lost']} {row['interval']}", flush=True)
    add_row(args.out, {"command": "python benchmarks/ablations/channel_ablation.py", "seed_of_phantoms": SEED,
                       "split": "the card's: validation patients; new phantoms after the first seven"}, row, KEY)


MEASURES = {"decoder.1": last_decoder, "skips": skips, "bottleneck": bottleneck}


if __name__ == "__main__":
    main()
