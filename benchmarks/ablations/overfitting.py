"""What does overfitting look like, and do augmentation and early stopping keep it away?

    python benchmarks/ablations/overfitting.py [--data data/phantom] [--epochs 80] [--seeds 3] [--threads 1] [--only …]

A small U-Net (base 8, depth 4, 64×64) learns from four patients, with BCE and Adam at 0.002, as long as `--epochs`
says: once from the slices as they are, once from slices varied at random, once so and from all training patients.
After each epoch loss and F1 are measured in the same way, in evaluation mode and without augmentation, on the patients
trained on and on the validation patients of split_patients(seed=0). The test patients are left alone. Early stopping
needs no run of its own: it keeps the epoch with the highest validation F1 of a whole run, if `patience` epochs after it
are no better.

Rows (one a run, with a value an epoch) go to data/results/overfitting.json as they are measured; an interrupted
measurement goes on where it stopped.
"""

import argparse
from pathlib import Path

import torch

from unet_lib.core.devices import choose_device
from unet_lib.core.metrics import pooled
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import AugmentationConfig, Augmented
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.splits import split_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.models.unet import UNet
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import count_batches, fit

FEW = 4
CONDITIONS = {"few patients": (FEW, False), "few patients, augmented": (FEW, True),
              "all patients, augmented": (None, True)}
KEY = ("condition", "seed", "data", "epochs")


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    cache, device = open_cache(args.data), choose_device(args.device)
    done = {tuple(row[key] for key in KEY) for row in read_rows(args.out)}
    for seed in range(args.seeds):
        for condition, (patients, augment) in ((name, CONDITIONS[name]) for name in args.only):
            row = {"condition": condition, "seed": seed, "data": cache.content, "epochs": args.epochs}
            if tuple(row.values()) not in done:
                row |= measure(cache, device, patients, augment, seed, args.epochs, args.size)
                add_row(args.out, {"command": command(args)}, row | provenance(device, "float32"), KEY)
                print(f"{condition}, seed {seed}: best validation F1 {max(row['validation_f1']):.3f}, "
                      f"last {row['validation_f1'][-1]:.3f}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/phantom"))
    parser.add_argument("--out", type=Path, default=Path("data/results/overfitting.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=list(CONDITIONS), default=list(CONDITIONS))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    quick = {"epochs": 2, "size": 32, "seeds": 1} if args.quick else {}
    return argparse.Namespace(**vars(args) | quick)


def command(args: argparse.Namespace) -> str:
    return f"python benchmarks/ablations/overfitting.py --epochs {args.epochs} --seeds {args.seeds}"


def measure(cache: SliceCache, device: torch.device, patients: int | None, augment: bool, seed: int, epochs: int,
            size: int) -> dict[str, list[float]]:
    """Train, and give loss and F1 after each epoch, on the patients trained on and on the validation patients."""
    split = split_patients(cache.names, seed=0)
    settings = {"size": size, "device": device, "seed": seed}
    learnt = cache.slices_of(split.train[:patients])
    training = Batches(cache, learnt, batch=8, **settings)
    sets = {"train": Batches(cache, learnt, batch=32, shuffle=False, **settings),
            "validation": Batches(cache, cache.slices_of(split.validation), batch=32, shuffle=False, **settings)}
    torch.manual_seed(seed)
    network = UNet(base=8, depth=4).to(device)
    config = TrainingConfig(epochs, learning_rate=0.002, loss="bce", precision="float32")
    curves: dict[str, list[float]] = {f"{name}_{score}": [] for name in sets for score in ("loss", "f1")}
    for _ in fit(network, Augmented(training, AugmentationConfig(), seed) if augment else training, config):
        for name, batches in sets.items():
            counts, loss = count_batches(network, batches.epoch(), config)
            curves[f"{name}_loss"].append(round(loss, 5))
            curves[f"{name}_f1"].append(round(pooled(counts).dice(), 4))
    return curves


if __name__ == "__main__":
    main()
