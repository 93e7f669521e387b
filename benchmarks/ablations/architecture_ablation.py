"""What if the U-Net were built differently? Each part's worth, measured on real patients.

    python benchmarks/ablations/architecture_ablation.py --real data/lgg [--steps 500] [--seeds 2] [--threads 2]

One recipe (the settings below), one split by patient, and networks that differ in one thing: no skips, skips
added instead of concatenated, no pooling, one convolution instead of two, upsampling instead of transposed
convolution, and depths 1 to 5. Scored on the split's validation patients, at full size, with the weights at
the end of training; the test patients are left alone. Rows go to data/results/architecture_ablation.json one by
one, and an interrupted run goes on where it stopped.

Beside the Dice stands the border error: the median distance in pixels (at full size) from each pixel of the predicted
outline to the nearest of the reference's, over slices where both masks have one. It is large for networks that find
a tumour, but not where it ends.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unet_lib.core import devices
from unet_lib.core.metrics import count_slices, mean_dice, pooled
from unet_lib.data.augmentation import Augmented
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.splits import Split, split_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.evaluation.surface_distance import outline_distances
from unet_lib.inference.predictor import Predictor
from unet_lib.models.ablations import VARIANTS, build_variant
from unet_lib.models.architecture import plan
from unet_lib.models.common import count_parameters
from unet_lib.models.unet import UNet
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import fit

RESULTS = Path("data/results/architecture_ablation.json")
BASE, DEPTH, SIZE, BATCH, LEARNING_RATE = 8, 4, 96, 16, 0.004
KEY = ("variant", "depth", "seed")
# Without pooling all 128 channels of depth 4 would have full size, at 60 times the cost: depth 2 against depth 2.
RUNS = [(variant, 2 if variant == "no pooling" else DEPTH) for variant in VARIANTS]
RUNS += [("plain", depth) for depth in (1, 2, 3, 5)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, default=Path("data/lgg"))
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache = open_cache(args.real)
    split = split_patients(cache.names, seed=0)
    measured = {tuple(row[name] for name in KEY) for row in read_rows(RESULTS)}
    for seed in range(args.seeds):
        for variant, depth in RUNS:
            if (variant, depth, seed) not in measured:
                row = measure(cache, split, variant, depth, seed, args.steps)
                print(row, flush=True)
                add_row(RESULTS, about(args), row, KEY)


def measure(cache: SliceCache, split: Split, variant: str, depth: int, seed: int, steps: int) -> dict[str, Any]:
    network = build_variant(variant, BASE, depth, seed)
    start = time.perf_counter()
    train(network, cache, split.train, steps, seed)
    return {"variant": variant, "depth": depth, "seed": seed, "parameters": count_parameters(network),
            "field": receptive_field(variant, depth), **score(network, cache, split.validation),
            "training_seconds": round(time.perf_counter() - start)}


def train(network: UNet, cache: SliceCache, patients: tuple[str, ...], steps: int, seed: int) -> None:
    batches = Augmented(Batches(cache, cache.slices_of(patients), batch=BATCH, size=SIZE, seed=seed), seed=seed)
    config = TrainingConfig(max(1, round(steps / len(batches))), LEARNING_RATE, schedule="cosine")
    for epoch in fit(network, batches, config):
        print(f"  epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3f} {epoch.images_per_second:.0f} images/s",
              flush=True)


def score(network: UNet, cache: SliceCache, patients: tuple[str, ...]) -> dict[str, float]:
    """Mean Dice by patient, pooled F1 and border error, at full size."""
    predictor, counts, borders = Predictor(network, {}, SIZE), {}, []
    for name in patients:
        patient = predictor.patient(cache, name)
        counts[name] = pooled(count_slices(patient.masks, patient.references))
        borders.append(outline_distances(patient.masks, patient.references).predicted)
    together = sum(counts.values(), start=pooled(np.zeros((0, 4))))
    return {"mean_dice": round(mean_dice(counts), 4), "pooled_f1": round(together.dice(), 4),
            "border_pixels": round(float(np.median(np.concatenate(borders))), 2)}


def receptive_field(variant: str, depth: int) -> int | None:
    """In pixels of the network's input; None where the plan does not describe the network."""
    return plan(base=BASE, depth=depth, size=SIZE)[-1].receptive_field if variant == "plain" else None


def about(args: argparse.Namespace) -> dict[str, Any]:
    command = f"python benchmarks/ablations/architecture_ablation.py --steps {args.steps} --seeds {args.seeds}"
    return {"command": command, "base": BASE, "size": SIZE, "batch": BATCH, "learning_rate": LEARNING_RATE,
            "schedule": "cosine",
            "split": "split_patients(seed=0): trained on its training patients, scored on its validation patients",
            "machine": devices.describe(torch.device("cpu")), "torch": torch.__version__}


if __name__ == "__main__":
    main()
