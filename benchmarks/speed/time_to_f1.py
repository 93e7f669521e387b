"""How long until the school project's best score, F1 0.81, on patients never seen?

    python benchmarks/speed/time_to_f1.py --data data/lgg [--device cuda --batch 32] [--only ours tutorial]

Trained on the training patients of split_patients(seed=0), scored on its validation patients: all their pixels
together, at 256×256. The clock starts with this script's work, after Python's imports and with
the data's cache in place: opening and loading the data, building the network, training. `seconds` also counts the
scoring, as nobody knows the score without it; `training_seconds` does not.

- ours: the recipe `unet-progressive` from random weights: first at 64×64, then a few epochs at `--size`; scored after
  the first stage and then after every epoch;
- tutorial: the loop that tutorials write (tutorial_loop.py): same network, size, batch and loss, float32, Adam at
  0.001, slices read from TIFFs and augmented one by one on the CPU; scored after every epoch.

The recipe of ours was chosen on these same validation patients; the test patients are left alone. Each stops at
F1 0.81, or at `--cap` seconds or the end of its epochs, which the row then says. One row a competitor,
device and setting goes to data/results/time_to_f1.json, with the whole curve; rows that are there are not measured
again.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import tutorial_loop
from unet_lib.core.devices import choose_device
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import Augmented
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.slice_files import find_slices
from unet_lib.data.splits import Split, split_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.evaluation.school_models import score
from unet_lib.inference.predictor import Predictor
from unet_lib.models import registry
from unet_lib.models.unet import UNet
from unet_lib.training.loop import fit
from unet_lib.training.recipes import COARSE, FINE, Recipe, stages

SETTINGS = ("base", "size", "batch", "coarse", "epochs", "goal", "workers", "threads", "seed")
KEY = ("competitor", "device", "data", *SETTINGS)
QUICK = {"base": 4, "size": 32, "coarse": 1, "epochs": 2, "cap": 20.0, "workers": 0}


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    device, data = choose_device(args.device), open_cache(args.data).content
    for name in args.only:
        made_by = provenance(device, "float32" if name == "tutorial" else "auto")
        row = {"competitor": name, "data": data, **{key: getattr(args, key) for key in SETTINGS}, **made_by}
        if any(all(old[key] == row[key] for key in KEY) for old in read_rows(args.out)):
            print(f"{name}: measured already, in {args.out}")
            continue
        row |= {"cap": args.cap, **measure(args, name)}
        report(row)
        add_row(args.out, {"command": "python benchmarks/speed/time_to_f1.py", "split": "split_patients(seed=0)",
                           "scored": "pooled F1 of the validation patients at 256×256"}, row, KEY)
    compare(read_rows(args.out))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--out", type=Path, default=Path("data/results/time_to_f1.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--base", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--coarse", type=int, default=30, help="epochs of ours at 64×64")
    parser.add_argument("--epochs", type=int, default=12, help="of ours at --size; the tutorial goes on until the cap")
    parser.add_argument("--goal", type=float, default=0.81)
    parser.add_argument("--cap", type=float, default=3600.0, help="seconds, scoring included")
    parser.add_argument("--workers", type=int, default=2, help="processes of the tutorial's DataLoader")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation; the split stays")
    parser.add_argument("--only", nargs="+", choices=COMPETITORS, default=list(COMPETITORS))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    for name, value in (QUICK if args.quick else {}).items():
        setattr(args, name, value)
    return args


def measure(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """Train and score until the goal, the cap or the end; the curve, and when the goal was reached, if it was."""
    start, scoring, curve = time.perf_counter(), 0.0, []
    cache = open_cache(args.data)
    split = split_patients(cache.names, seed=0)
    held_out = cache.slices_of(split.validation)
    for predictor in COMPETITORS[name](args, cache, split):
        trained = time.perf_counter()
        f1 = score(predictor, cache, held_out).dice()
        now = time.perf_counter()
        scoring += now - trained
        curve.append({"seconds": round(now - start, 1), "training_seconds": round(now - start - scoring, 1),
                      "f1": round(f1, 4)})
        print(f"{name}: epoch {len(curve)}, {curve[-1]['seconds']} s, F1 {f1:.4f}", flush=True)
        if f1 >= args.goal or now - start > args.cap:
            break
    reached = curve[-1]["f1"] >= args.goal
    return {"reached": reached, "seconds": curve[-1]["seconds"], "training_seconds": curve[-1]["training_seconds"],
            "best_f1": max(point["f1"] for point in curve), "curve": curve}


def ours(args: argparse.Namespace, cache: SliceCache, split: Split) -> Iterator[Predictor]:
    """The network after the first stage, and after each epoch of the second."""
    device, trained_only = choose_device(args.device), replace(split, validation=(), test=())
    first, second = (replace(stage, network=replace(stage.network, base=args.base), size=size, batch=args.batch,
                             training=replace(stage.training, epochs=epochs))
                     for stage, size, epochs in ((COARSE, min(64, args.size), args.coarse),
                                                 (FINE, args.size, args.epochs)))
    last = Path("second")
    for run, folder in stages(Recipe((first, second)), cache, trained_only, args.seed, last, device):
        source = Augmented(run.training, run.settings.augmentation, args.seed)
        for epoch in fit(run.network, source, run.settings.training):
            if folder == last or epoch.epoch == epoch.epochs:
                yield Predictor(run.network, {}, run.settings.size, flip_tta=True)


def tutorial(args: argparse.Namespace, cache: SliceCache, split: Split) -> Iterator[Predictor]:
    """The network after each epoch of the tutorials' loop, without end; each epoch is cut off at the cap."""
    start, device = time.perf_counter(), choose_device(args.device)
    torch.manual_seed(args.seed)
    network = build(args, device)
    records = [record for record in find_slices(cache.root) if record.patient in split.train]
    batches = tutorial_loop.loader(records, args.size, args.batch, args.workers, device)
    optimiser = torch.optim.Adam(network.parameters(), lr=tutorial_loop.RATE)
    while True:
        for _ in tutorial_loop.train_epoch(network, optimiser, batches, device):
            if time.perf_counter() - start > args.cap:
                break
        yield tutorial_loop.ScaledPredictor(network, {}, args.size)


COMPETITORS: dict[str, Callable[[argparse.Namespace, SliceCache, Split], Iterator[Predictor]]] = {
    "ours": ours, "tutorial": tutorial}


def build(args: argparse.Namespace, device: torch.device) -> UNet:
    return registry.build({"base": args.base}, args.seed).to(device)


def report(row: dict[str, Any]) -> None:
    outcome = (f"F1 {row['goal']} after {row['seconds']} s, {row['training_seconds']} s without scoring"
               if row["reached"] else f"not reached within {row['seconds']} s; best F1 {row['best_f1']}")
    print(f"{row['competitor']} on {row['device']}: {outcome}")


def compare(rows: list[dict[str, Any]]) -> None:
    """How many times as long the tutorial took as the fastest of ours, device by device."""
    for device in dict.fromkeys(row["device"] for row in rows):
        times = {name: [row for row in rows if (row["competitor"], row["device"]) == (name, device)]
                 for name in COMPETITORS}
        mine = min((row["seconds"] for row in times["ours"] if row["reached"]), default=None)
        for row in times["tutorial"] if mine else ():
            more = "" if row["reached"] else "more than "
            print(f"{device}: the tutorial took {more}{row['seconds'] / mine:.1f} times as long as ours")


if __name__ == "__main__":
    main()
