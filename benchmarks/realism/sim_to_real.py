"""How far does a network get that has only ever seen phantoms?

    python benchmarks/realism/sim_to_real.py --real data/lgg [--phantoms 120] [--threads 2]

One compact U-Net, one recipe, and these questions, answered by mean per-patient Dice at full size:

- trained on phantoms only: all 88 real patients, none of which it has seen;
- trained on real patients only: 24 phantoms (the converse);
- N = 4, 8, 16, 32 real patients, from random weights and from the phantom weights: the real patients of a
  fixed held-out part. Fine-tuning and training from nothing take the same number of steps.

The curve is drawn to data/results/sim_to_real.svg; `--plot` draws it again from the rows and measures nothing.

The weights at the end of each run are scored; nothing is chosen by looking at real patients. Rows go to
data/results/sim_to_real.json as they are measured; a run that is interrupted goes on where it stopped.
"""

import argparse
import platform
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from unet_lib import plotting
from unet_lib.core import devices
from unet_lib.core.metrics import mean_dice, pooled
from unet_lib.data.augmentation import Augmented
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.phantom import VERSION, write_phantoms
from unet_lib.data.splits import split_patients
from unet_lib.evaluation.patients import score_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.models import checkpoint
from unet_lib.models.registry import build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import fit

RESULTS = Path("data/results/sim_to_real.json")
NETWORK = {"base": 16, "depth": 4}
SIZE, BATCH, LEARNING_RATE, SEED = 128, 16, 0.002, 0
KEY = ("question", "training_patients")
REAL_COUNTS = (4, 8, 16, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, default=Path("data/lgg"))
    parser.add_argument("--phantoms", type=int, default=120, help="how many to train on")
    parser.add_argument("--work", type=Path, default=Path("runs/sim_to_real"), help="phantoms and weights")
    parser.add_argument("--steps", type=int, default=1500, help="on phantoms only and on real patients only")
    parser.add_argument("--fine", type=int, default=600, help="for each point of the curve")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--plot", action="store_true", help="only draw the rows there are")
    args = parser.parse_args()
    if args.plot:
        return plot()
    torch.set_num_threads(args.threads)
    real = open_cache(args.real)
    phantoms = open_cache(write_phantoms(args.work / "train", args.phantoms, seed=1))
    unseen = open_cache(write_phantoms(args.work / "test", 24, seed=2))
    split = split_patients(real.names, seed=SEED)
    held_out = split.validation + split.test

    phantom_weights = trained(args, "phantom", phantoms, phantoms.names, args.steps)
    record(args, "phantom → real", phantom_weights, real, real.names, training_patients=args.phantoms)
    record(args, "phantom → held-out real", phantom_weights, real, held_out, training_patients=args.phantoms)
    record(args, "phantom → phantom", phantom_weights, unseen, unseen.names, training_patients=args.phantoms)
    for count in REAL_COUNTS:
        few = few_patients(split.train, count)
        alone = trained(args, f"real-{count}", real, few, args.fine)
        record(args, "real → held-out real", alone, real, held_out, training_patients=count)
        tuned = trained(args, f"tuned-{count}", real, few, args.fine, start=phantom_weights)
        record(args, "phantom, then real → held-out real", tuned, real, held_out, training_patients=count)
    real_weights = trained(args, "real", real, split.train, args.steps)
    record(args, "real → held-out real", real_weights, real, held_out, training_patients=len(split.train))
    record(args, "real → phantom", real_weights, unseen, unseen.names, training_patients=len(split.train))
    plot()


def plot() -> None:
    """Mean Dice of the held-out real patients against the number of real training patients."""
    rows = read_rows(RESULTS)
    figure, axes = plotting.new_figure(width=6.4, height=4)
    pretrained, random, phantoms_only = plotting.CHANNEL_COLOURS
    lines = {"real → held-out real": ("from random weights", random),
             "phantom, then real → held-out real": ("from the phantoms' weights", pretrained)}
    for question, (label, colour) in lines.items():
        points = sorted((r["training_patients"], r["mean_dice"]) for r in rows
                        if r["question"] == question and r["training_patients"] in REAL_COUNTS)
        axes[0, 0].plot(*zip(*points, strict=True), "o-", color=colour, label=label)
    alone, = (r for r in rows if r["question"] == "phantom → held-out real")
    every, = (r for r in rows if r["question"] == "real → held-out real" and r["training_patients"] not in REAL_COUNTS)
    axes[0, 0].plot(every["training_patients"], every["mean_dice"], "o", color=random, fillstyle="none",
                    label="random weights, more steps")
    axes[0, 0].axhline(alone["mean_dice"], color=phantoms_only, linestyle="--", label="phantoms only")
    axes[0, 0].set(xscale="log", ylim=(0, 1), xlabel="real training patients",
                   ylabel=f"mean Dice of {alone['tested_patients']} other real patients")
    counts = sorted({r["training_patients"] for r in rows if r["question"] == "real → held-out real"})
    axes[0, 0].set_xticks(counts, [str(count) for count in counts], minor=False)
    axes[0, 0].minorticks_off()
    axes[0, 0].legend(frameon=False, loc="lower right")
    print(plotting.save_figure(figure, RESULTS.with_suffix(".svg")))


def few_patients(names: Iterable[str], count: int) -> list[str]:
    """The first `count` of one shuffled order, so that the smaller sets lie inside the larger ones."""
    names = sorted(names)
    return [names[i] for i in np.random.default_rng(SEED).permutation(len(names))[:count]]


def trained(args: argparse.Namespace, name: str, cache: SliceCache, patients: Iterable[str], steps: int,
            start: Path | None = None) -> Path:
    """Weights after about `steps` steps on these patients; from the file if an earlier call made them."""
    path = args.work / f"{name}.safetensors"
    if path.exists():
        return path
    network = checkpoint.load_model(start)[0] if start else build(NETWORK, SEED)
    batches = Augmented(Batches(cache, cache.slices_of(patients), batch=BATCH, size=SIZE, seed=SEED), seed=SEED)
    config = TrainingConfig(max(1, round(steps / len(batches))), LEARNING_RATE / 2 if start else LEARNING_RATE,
                            schedule="cosine")
    begun = time.perf_counter()
    for epoch in fit(network, batches, config):
        print(f"{name}: epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3f} F1 {epoch.train.dice():.3f} "
              f"{epoch.images_per_second:.0f} images/s", flush=True)
    card = {"data": {"size": SIZE}, "epochs": config.epochs, "seconds": round(time.perf_counter() - begun)}
    checkpoint.save_model(path, network, card)
    return path


def record(args: argparse.Namespace, question: str, weights: Path, cache: SliceCache, patients: Iterable[str],
           training_patients: int) -> None:
    """Score weights patient by patient and write the row, unless it is there already."""
    if any((row["question"], row["training_patients"]) == (question, training_patients) for row in read_rows(RESULTS)):
        return
    network, card = checkpoint.load_model(weights)
    network.to(memory_format=torch.channels_last)
    scores = {s.patient: s.counts for s in score_patients(Predictor(network, card, SIZE), cache, patients)}
    dice = [counts.dice() for counts in scores.values()]
    row = {"question": question, "training_patients": training_patients, "tested_patients": len(dice),
           "mean_dice": round(mean_dice(scores), 4), "median_dice": round(float(np.median(dice)), 4),
           "pooled_f1": round(sum(scores.values(), start=pooled(np.zeros((0, 4)))).dice(), 4),
           "epochs": card["epochs"], "training_seconds": card["seconds"]}
    print(row, flush=True)
    settings = f"--phantoms {args.phantoms} --steps {args.steps} --fine {args.fine}"
    about = {"command": f"python benchmarks/realism/sim_to_real.py {settings}", "seed": SEED, "network": NETWORK,
             "size": SIZE, "batch": BATCH, "learning_rate": LEARNING_RATE, "phantom_version": VERSION,
             "machine": devices.describe(torch.device("cpu")), "torch": torch.__version__,
             "python": platform.python_version()}
    add_row(RESULTS, about, row, KEY)


if __name__ == "__main__":
    main()
