"""What is each skip connection worth: to a network trained with it, and to one trained without it?

    python benchmarks/ablations/skip_ablation.py --data data/lgg [--seeds 3] [--threads 1] [--device cuda]
                                                 [--only "all skips" …]

For each seed six networks are trained alike: with all skips, without each single one, without any. In the first,
skips are also ablated after training: replaced by zeros, in every combination of levels, or by each channel's mean,
for single levels and for all. A network trained without a skip can learn to do without it; one trained with it never
did. Level 1 is the uppermost skip, the finest.

The first stage of the recipe `unet-progressive` (64×64), with half its width, for `--epochs` epochs on the training
patients of split_patients(seed=0); scored on its validation patients, at full size, with the weights at the end. The
test patients are left alone. Rows go to data/results/skip_ablation.json as they are measured; an interrupted run goes
on where it stopped.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import fmean

import torch

from unet_lib.core.devices import choose_device
from unet_lib.core.metrics import Counts
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import Augmented
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.splits import Split, split_patients
from unet_lib.evaluation.patients import score_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.attribution import ablate_skips
from unet_lib.models.ablations import build_without_skips
from unet_lib.models.unet import UNet
from unet_lib.training.experiment import ExperimentConfig, prepare
from unet_lib.training.loop import fit
from unet_lib.training.recipes import COARSE

DEPTH = COARSE.network.depth
LEVELS = tuple(range(1, DEPTH + 1))
TRAININGS = {"all skips": (), **{f"without {level}": (level,) for level in LEVELS}, "without any": LEVELS}
ABLATIONS = [("zeroed", levels) for count in LEVELS for levels in combinations(LEVELS, count)]
ABLATIONS += [("mean", levels) for levels in (*((level,) for level in LEVELS), LEVELS)]
KEY = ("how", "levels", "seed", "data", "epochs")


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    cache, device = open_cache(args.data), choose_device(args.device)
    for seed in range(args.seeds):
        for name in args.only:
            wanted = [(how, levels) for how, levels in conditions(TRAININGS[name])
                      if not measured(args, how, levels, seed)]
            if wanted:
                measure(args, cache, device, seed, TRAININGS[name], wanted)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--out", type=Path, default=Path("data/results/skip_ablation.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=list(TRAININGS), default=list(TRAININGS))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"epochs": 2} if args.quick else {}))


def conditions(without: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is measured of a network trained without these levels."""
    if without:
        yield "retrained without", without
    else:
        yield "all skips", ()
        yield from ABLATIONS


def measured(args: argparse.Namespace, how: str, levels: tuple[int, ...], seed: int) -> bool:
    key = {"how": how, "levels": list(levels), "seed": seed, "epochs": args.epochs}
    return any(key.items() <= row.items() for row in read_rows(args.out))


def measure(args: argparse.Namespace, cache: SliceCache, device: torch.device, seed: int, without: tuple[int, ...],
            wanted: list[tuple[str, tuple[int, ...]]]) -> None:
    """Train a network without these levels, and add a row for everything that is wanted of it."""
    settings, split = base_settings(args, seed), split_patients(cache.names, seed=0)
    start = time.perf_counter()
    network = train(settings, cache, split, device, without)
    seconds = round(time.perf_counter() - start)
    for how, levels in wanted:
        ablations = dict.fromkeys(levels, how) if how in ("zeroed", "mean") else {}
        with ablate_skips(network, ablations):
            scores = list(score_patients(Predictor(network, {}, settings.size), cache, split.validation))
        together = sum((score.counts for score in scores), start=Counts())
        row = {"how": how, "levels": list(levels), "seed": seed, "depth": DEPTH, "base": settings.network.base,
               "size": settings.size, "data": cache.content, "epochs": args.epochs, "seconds": seconds,
               "patients": len(scores), "mean_dice": round(fmean(score.dice for score in scores), 4),
               "pooled_f1": round(together.dice(), 4), **provenance(device)}
        print(f"{how} {'+'.join(map(str, levels))}, seed {seed}: mean Dice {row['mean_dice']}, "
              f"pooled F1 {row['pooled_f1']}", flush=True)
        add_row(args.out, {"command": f"python benchmarks/ablations/skip_ablation.py --seeds {args.seeds}",
                           "split": "split_patients(seed=0), scored on its validation patients at 256×256"}, row, KEY)


def base_settings(args: argparse.Namespace, seed: int) -> ExperimentConfig:
    base, size = (2, 32) if args.quick else (8, COARSE.size)
    return replace(COARSE, seed=seed, size=size, network=replace(COARSE.network, base=base),
                   training=replace(COARSE.training, epochs=args.epochs))


def train(settings: ExperimentConfig, cache: SliceCache, split: Split, device: torch.device,
          without: tuple[int, ...]) -> UNet:
    run = prepare(settings, cache, replace(split, validation=()), device)
    network = build_without_skips(without, settings.network.base, settings.network.depth, settings.seed).to(device)
    for epoch in fit(network, Augmented(run.training, settings.augmentation, settings.seed), settings.training):
        print(f"  epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3f} {epoch.images_per_second:.0f} images/s",
              flush=True)
    return network


if __name__ == "__main__":
    main()
