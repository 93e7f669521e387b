"""How well does each stage alone find the tumour, before training and after?

    python benchmarks/ablations/linear_probes.py --data data/lgg [--steps 0 1600] [--seed 0] [--threads 1]

For each step of a series of weights (by default the first and the last) and each block, a linear probe
(`unet_lib.inspection.linear_probe`) is fitted to the block's maps of training patients and scored on those of validation patients, by
the split that the networks' cards name; the test patients are left alone. "image" is a probe of the three grey levels
themselves: what can be had without any network. Of each patient four slices with tumour and two without are drawn.

Beside it stand two controls, probes taught with wrong masks and scored with the right ones (masks of other patients,
scattered masks), which say how much even a wrong lesson finds where the maps show the tumour plainly, and so are low
only in blocks that do not; the one channel that tells tumour best, chosen on the training patients, with its area
under the ROC curve on the others; and the share of fine pattern in the block's maps. Rows, one a step and block, go
to data/results/linear_probes.json; what is there is not measured again.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.splits import split_patients
from unet_lib.evaluation.patients import choose_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.channel_metrics import enlarge, high_frequency_fraction, roc_auc
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.inspection.linear_probe import ProbeScore, masks_of_others, probe, scattered_masks
from unet_lib.models.architecture import plan_for

TUMOUR, HEALTHY = 4, 2
"""Slices a patient: with tumour, and without."""
KEY = ("series", "step", "stage", "seed", "data")


@dataclass(frozen=True)
class Slices:
    """Slices of several patients as the networks see them; `owners` are the patients' places in the cache."""

    images: Tensor
    masks: Tensor
    owners: np.ndarray


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    series, cache = load_series(args.series), open_cache(args.data)
    stages = ["image", *(stage.name for stage in plan_for(series.config, series.size) if stage.kind == "DoubleConv")]
    steps = args.steps or [series.steps[0], series.steps[-1]]
    keys = [{"series": args.series.name, "step": step, "stage": stage, "seed": args.seed, "data": cache.content}
            for step in steps for stage in stages]
    missing = [key for key in keys if not find(args.out, key)]
    if missing:
        learn, test = parts(args, series, cache)
        for step in steps:
            measure(args, series, learn, test, [key for key in missing if key["step"] == step])
    print_table([row for key in keys if (row := find(args.out, key))], steps[0], steps[-1])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--series", type=Path, default=Path("data/models/lgg-steps"))
    parser.add_argument("--steps", type=int, nargs="+", help="by default the first and the last that were kept")
    parser.add_argument("--patients", type=int, default=26, help="to learn from, at most")
    parser.add_argument("--every", type=int, default=4, help="from one pixel to the next that judges channels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("data/results/linear_probes.json"))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"patients": 3, "every": 1} if args.quick else {}))


def find(path: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    return next((row for row in read_rows(path) if key.items() <= row.items()), None)


def parts(args: argparse.Namespace, series: Series, cache: SliceCache) -> Iterator[Slices]:
    """What to learn from, and what to score on. Data that the networks never saw are split anew."""
    draw = np.random.default_rng(args.seed)
    for part in ("train", "validation"):
        names, seen = choose_patients(series.cards[-1], cache, part)
        names = names if seen else split_patients(cache.names).part(part)
        if part == "train" and len(names) > args.patients:
            names = tuple(sorted(draw.choice(names, args.patients, replace=False).tolist()))
        indices = np.concatenate([some_slices(cache, name, draw) for name in names])
        batch, = Batches(cache, indices, batch=len(indices), size=series.size, shuffle=False).epoch()
        yield Slices(batch.images, batch.masks, cache.patient_of[indices])


def some_slices(cache: SliceCache, patient: str, draw: np.random.Generator) -> np.ndarray:
    """A few with tumour and a few without, or as many as there are, in order."""
    indices = cache.slices_of([patient])
    tumour = cache.tumour_pixels[indices] > 0
    kinds = ((indices[tumour], TUMOUR), (indices[~tumour], HEALTHY))
    return np.sort(np.concatenate([draw.choice(some, min(most, len(some)), replace=False) for some, most in kinds]))


def measure(args: argparse.Namespace, series: Series, learn: Slices, test: Slices, keys: list[dict[str, Any]]) -> None:
    """Add a row for each of these stages of one step."""
    for key in keys:
        start = time.perf_counter()
        known, new = (maps_of(series, key, slices) for slices in (learn, test))
        taught = {name: as_row(probe(known, masks, new, test.masks, seed=args.seed)) for name, masks in {
            "the expert's masks": learn.masks, "masks of others": masks_of_others(learn.masks, learn.owners, args.seed),
            "scattered masks": scattered_masks(learn.masks, args.seed)}.items()}
        row = {**key, "channels": new.shape[1], "side": new.shape[-1], **taught.pop("the expert's masks"),
               "controls": taught, "best_channel": best_channel(args, known, learn, new, test),
               "high_frequency_fraction": round(float(np.nanmean(high_frequency_fraction(new))), 4),
               "training_slices": len(known), "training_patients": len(set(learn.owners)),
               "test_slices": len(new), "test_patients": len(set(test.owners)),
               "tumour_fraction": round(float(test.masks.mean()), 4),
               "seconds": round(time.perf_counter() - start, 1), **provenance(torch.device("cpu"))}
        print(f"step {key['step']}, {key['stage']}: Dice {row['dice']}, AUC {row['auc']}", flush=True)
        add_row(args.out, {"command": f"python benchmarks/ablations/linear_probes.py --seed {args.seed}", "split":
                              "the cards': learnt from training patients, scored on validation patients"}, row, KEY)


def maps_of(series: Series, key: Mapping[str, Any], slices: Slices) -> Tensor:
    """The block's maps, or the image itself."""
    if key["stage"] == "image":
        return slices.images
    return feature_maps(series.at(key["step"]), slices.images, [key["stage"]])[key["stage"]]


def as_row(score: ProbeScore) -> dict[str, float]:
    return {"dice": round(score.counts.dice(), 4), "average_precision": round(score.average_precision, 4),
            "auc": round(score.auc, 4)}


def best_channel(args: argparse.Namespace, known: Tensor, learn: Slices, new: Tensor, test: Slices) -> dict[str, Any]:
    """The channel that is most clearly brighter or darker in the tumours learnt from, and its AUC on the others."""
    learnt, found = (np.nan_to_num(on_grid(maps, slices.masks, args.every), nan=0.5)
                     for maps, slices in ((known, learn), (new, test)))
    place = int(np.abs(learnt - 0.5).argmax())
    brighter = bool(learnt[place] >= 0.5)
    return {"channel": place, "brighter": brighter,
            "auc": round(float(found[place] if brighter else 1 - found[place]), 4)}


def on_grid(maps: Tensor, masks: Tensor, every: int) -> np.ndarray:
    """`agreement`, judged by some of the pixels: a deep stage's maps, all enlarged, would fill the memory."""
    some = slice(every // 2, None, every)
    size, grid = (masks.shape[-2], masks.shape[-1]), (..., some, some)
    return roc_auc(torch.cat([enlarge(one[None], size)[grid] for one in maps]), masks[grid])


def print_table(rows: list[dict[str, Any]], before: int, after: int) -> None:
    """Each stage, before → after."""
    by = {(row["step"], row["stage"]): row for row in rows}
    print(f"\n{'':12}" + "".join(f"{title:>17}" for title in (
        "Dice", "AUC", "Dice, others'", "Dice, scattered", "best channel", "fine pattern")))
    for stage in dict.fromkeys(row["stage"] for row in rows):
        pairs = zip(*(numbers(by[step, stage]) for step in (before, after)), strict=True)
        print(f"{stage:12}" + "".join(f"{f'{old:.3f} → {new:.3f}':>17}" for old, new in pairs))
    print(f"Before (step {before}) → after (step {after}) training. Wrong masks, for control: other patients', or "
          "scattered.\nBest channel: its AUC. Fine pattern: share of energy in waves shorter than four of its pixels.")


def numbers(row: Mapping[str, Any]) -> tuple[float, ...]:
    return (row["dice"], row["auc"], *(control["dice"] for control in row["controls"].values()),
            row["best_channel"]["auc"], row["high_frequency_fraction"])


if __name__ == "__main__":
    main()
