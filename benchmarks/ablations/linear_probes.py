"""How well does each stage alone find the tumour, before training and after?

    python benchmarks/ablations/linear_probes.py --data data/lgg [--steps 0 1600] [--seed 0] [--threads 1]
    python benchmarks/ablations/linear_probes.py --calibrated --untrained 1 2 …

For each step of a series of weights (by default the first and the last) and each block, a linear probe
(`unet_lib.inspection.linear_probe`) is fitted to the block's maps of training patients and scored on those of
validation patients, by the split in the networks' cards; the test patients are left alone. "image" is a probe of the
three grey levels themselves: what can be had without any network. Four slices with tumour and two without are drawn
from each patient. The networks are taken as trained, or with calibrated batch norms; `--untrained` adds networks of the
same architecture with other initial weights, calibrated on the slices that the probes are fitted to.

Beside it stand two controls, probes fitted to wrong masks and scored with the right ones (masks of other patients,
scattered masks): they say how much even wrong labels find where the maps show the tumour plainly, and so are low only
in blocks that do not. Then the single channel that separates tumour best, chosen on the training patients, with its
ROC AUC on the others; and the fraction of high-frequency energy in the block's maps. Rows, one a step and block, go to
data/results/linear_probes.json; what is there is not measured again.
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
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.inspection.channel_metrics import high_frequency_fraction, roc_auc
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.inspection.linear_probe import ProbeScore, masks_of_others, probe, scattered_masks
from unet_lib.models.registry import Network, build, described

WITH_TUMOUR, WITHOUT = 4, 2
"""Slices a patient, with tumour and without."""
KEY = ("series", "step", "batch_norm", "initialisation", "stage", "seed", "data")


@dataclass(frozen=True)
class Slices:
    """Slices of several patients as the networks see them; `patients` are the patients' indices in the cache."""

    images: Tensor
    masks: Tensor
    patients: np.ndarray


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    series, cache = load_series(args.series, args.calibrated), open_cache(args.data)
    stages = [stage.name for stage in series.config.plan(series.size) if stage.kind == "DoubleConv"]
    steps = args.steps or [series.steps[0], series.steps[-1]]
    about = {"seed": args.seed, "data": cache.content, "batch_norm": "calibrated" if args.calibrated else "as trained"}
    keys = [{"series": args.series.name, "step": step, "stage": stage, **about}
            for step in steps for stage in ("image", *stages)]
    keys += [{"series": "untrained", "initialisation": number, "step": 0, "stage": stage, **about}
             for number in args.untrained for stage in stages]
    missing = [key for key in keys if not find(args.out, key)]
    if missing:
        train, test = subsets(args, series, cache)
        for key in missing:
            measure(args, key, network_of(key, series, train), train, test)
    print_table([row for key in keys if (row := find(args.out, key)) and "initialisation" not in key],
                steps[0], steps[-1])


def network_of(key: Mapping[str, Any], series: Series, train: Slices) -> Network:
    """The one of the series, or an untrained one like it."""
    if "initialisation" in key:
        return calibrate(build(described(series.networks[0]), key["initialisation"]), train.images)
    return series.at(key["step"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--series", type=Path, default=Path("data/models/lgg-steps"))
    parser.add_argument("--steps", type=int, nargs="+", help="by default the first and the last that were kept")
    parser.add_argument("--calibrated", action="store_true", help="with calibrated batch norms")
    parser.add_argument("--untrained", type=int, nargs="+", default=[], metavar="SEED",
                        help="also networks with initial weights of these seeds; with --calibrated")
    parser.add_argument("--patients", type=int, default=26, help="training patients, at most")
    parser.add_argument("--every", type=int, default=4, help="step between the pixels that compare channels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("data/results/linear_probes.json"))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    if args.untrained and not args.calibrated:
        parser.error("--untrained needs --calibrated: batch norms that never saw data make no fair control")
    return argparse.Namespace(**vars(args) | ({"patients": 3, "every": 1} if args.quick else {}))


def find(path: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    return next((row for row in read_rows(path) if key.items() <= row.items()), None)


def subsets(args: argparse.Namespace, series: Series, cache: SliceCache) -> Iterator[Slices]:
    """Slices to fit on, and slices to score on. Data that the networks never saw are split anew."""
    rng = np.random.default_rng(args.seed)
    for subset in ("train", "validation"):
        names, seen = choose_patients(series.cards[-1], cache, subset)
        names = names if seen else split_patients(cache.names).subset(subset)
        if subset == "train" and len(names) > args.patients:
            names = tuple(sorted(rng.choice(names, args.patients, replace=False).tolist()))
        indices = np.concatenate([some_slices(cache, name, rng) for name in names])
        batch, = Batches(cache, indices, batch=len(indices), size=series.size, shuffle=False).epoch()
        yield Slices(batch.images, batch.masks, cache.patient_of[indices])


def some_slices(cache: SliceCache, patient: str, rng: np.random.Generator) -> np.ndarray:
    """A few with tumour and a few without, or as many as there are, in order."""
    indices = cache.slices_of([patient])
    tumour = cache.tumour_pixels[indices] > 0
    kinds = ((indices[tumour], WITH_TUMOUR), (indices[~tumour], WITHOUT))
    return np.sort(np.concatenate([rng.choice(some, min(most, len(some)), replace=False) for some, most in kinds]))


def measure(args: argparse.Namespace, key: Mapping[str, Any], network: Network, train: Slices, test: Slices) -> None:
    """Add a row for one stage of a network."""
    start = time.perf_counter()
    train_maps, test_maps = (maps_of(network, key["stage"], slices) for slices in (train, test))
    fitted = {name: as_row(probe(train_maps, masks, test_maps, test.masks, seed=args.seed)) for name, masks in {
        "reference": train.masks, "masks of others": masks_of_others(train.masks, train.patients, args.seed),
        "scattered masks": scattered_masks(train.masks, args.seed)}.items()}
    row = {**key, "channels": test_maps.shape[1], "side": test_maps.shape[-1], **fitted.pop("reference"),
           "controls": fitted, "best_channel": best_channel(args, train_maps, train, test_maps, test),
           "high_frequency_fraction": round(float(np.nanmean(high_frequency_fraction(test_maps))), 4),
           "training_slices": len(train_maps), "training_patients": len(set(train.patients)),
           "test_slices": len(test_maps), "test_patients": len(set(test.patients)),
           "tumour_fraction": round(float(test.masks.mean()), 4),
           "seconds": round(time.perf_counter() - start, 1), **provenance(torch.device("cpu"))}
    name = f"untrained, seed {key['initialisation']}" if "initialisation" in key else f"step {key['step']}"
    print(f"{name}, {key['stage']}: Dice {row['dice']}, AUC {row['auc']}", flush=True)
    add_row(args.out, {"command": f"python benchmarks/ablations/linear_probes.py --seed {args.seed}",
                       "split": "the cards': fitted on training patients, scored on validation patients"}, row, KEY)


def maps_of(network: Network, stage: str, slices: Slices) -> Tensor:
    """The block's maps, or the image itself."""
    return slices.images if stage == "image" else feature_maps(network, slices.images, [stage])[stage]


def as_row(score: ProbeScore) -> dict[str, float]:
    return {"dice": round(score.counts.dice(), 4), "average_precision": round(score.average_precision, 4),
            "auc": round(score.auc, 4)}


def best_channel(args: argparse.Namespace, train_maps: Tensor, train: Slices, test_maps: Tensor,
                 test: Slices) -> dict[str, Any]:
    """The channel that is most clearly brighter or darker in the training tumours, and its ROC AUC on the others."""
    train_auc, test_auc = (np.nan_to_num(roc_auc(maps, slices.masks, args.every), nan=0.5)
                           for maps, slices in ((train_maps, train), (test_maps, test)))
    channel = int(np.abs(train_auc - 0.5).argmax())
    brighter = bool(train_auc[channel] >= 0.5)
    return {"channel": channel, "brighter": brighter,
            "auc": round(float(test_auc[channel] if brighter else 1 - test_auc[channel]), 4)}


def print_table(rows: list[dict[str, Any]], before: int, after: int) -> None:
    """Each stage, before → after."""
    by = {(row["step"], row["stage"]): row for row in rows}
    print(f"\n{'':12}" + "".join(f"{title:>17}" for title in (
        "Dice", "AUC", "Dice, others'", "Dice, scattered", "best channel", "high frequency")))
    for stage in dict.fromkeys(row["stage"] for row in rows):
        pairs = zip(*(numbers(by[step, stage]) for step in (before, after)), strict=True)
        print(f"{stage:12}" + "".join(f"{f'{old:.3f} → {new:.3f}':>17}" for old, new in pairs))
    print(f"Before (step {before}) → after (step {after}) training. Wrong masks, for control: other patients', or "
          "scattered.\nBest channel: its ROC AUC. High frequency: the fraction of energy in waves shorter than four of "
          "its pixels.")


def numbers(row: Mapping[str, Any]) -> tuple[float, ...]:
    return (row["dice"], row["auc"], *(control["dice"] for control in row["controls"].values()),
            row["best_channel"]["auc"], row["high_frequency_fraction"])


if __name__ == "__main__":
    main()
