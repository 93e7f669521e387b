"""How long until the school project's best score, F1 0.81, on patients not trained on?

    python benchmarks/speed/time_to_f1.py --data data/lgg [--device cuda] [--seeds 0 1 2]
    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/speed/time_to_f1.py   # as without AVX-512

Trained on the training patients of split_patients(seed=0), scored after every epoch on its validation patients at
256×256: pooled F1 (all their pixels together) and mean Dice of a patient. The clock starts with this script's work,
after Python's imports and with the data's cache in place: opening and loading the data, building the network, training.
`seconds` also counts the scoring, as nobody knows the score without it; `training_seconds` does not.

- a recipe of unet_lib.training.recipes, by default `efflite0-quick`: its encoder comes pretrained on photographs;
- tutorial: the loop that tutorials write (tutorial_loop.py): our U-Net from random weights, float32, Adam at 0.001,
  slices read from TIFFs and augmented one by one on the CPU.

The two differ in the network, its pretraining, precision, batch size, learning rate, choice of slices and batch-norm
adaptation as well as in the loop; train_throughput.py compares loops alone. A recipe stops when both goals are reached.
The tutorial's loop goes on for `--times` times as long as the recipe needed for F1 with the same seed, or for `--cap`
seconds. The quick recipe was chosen on these same validation patients; the test patients are left alone. Rows, one a
competitor, device, kind of instructions and seed, go to data/results/time_to_f1.json with their whole curves.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks.peers import tutorial_loop
from unet_lib.core.devices import choose_device
from unet_lib.core.metrics import Counts, count_slices, pooled
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.slice_files import find_slices
from unet_lib.data.splits import Split, split_patients
from unet_lib.evaluation.result_rows import Row, add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.models.registry import build
from unet_lib.training.loop import fit
from unet_lib.training.recipes import QUICK, RECIPES, Recipe, stages

KEY = ("competitor", "device", "instructions", "data", "seed")


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    device, data = choose_device(args.device), open_cache(args.data).content
    for seed in args.seeds:
        cap = args.cap
        for name in args.only:
            row = {"competitor": name, "data": data, "seed": seed, "threads": args.threads, "cap": round(cap, 1),
                   "instructions": torch.backends.cpu.get_cpu_capability(),
                   **measure(args, name, seed, cap),
                   **provenance(device, "float32" if name == "tutorial" else "auto")}
            report(row)
            add_row(args.out, {"command": "python benchmarks/speed/time_to_f1.py", "split": "split_patients(seed=0)",
                               "scored": "validation patients at 256×256"}, row, KEY)
            if name != "tutorial" and row["seconds_to"]["f1"]:
                cap = min(args.cap, args.times * row["seconds_to"]["f1"])
    for line in compared(read_rows(args.out)):
        print(line)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--out", type=Path, default=Path("data/results/time_to_f1.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of weights, order and augmentation")
    parser.add_argument("--f1", type=float, default=0.81, help="the goal for pooled F1")
    parser.add_argument("--dice", type=float, default=0.80, help="the goal for mean Dice")
    parser.add_argument("--cap", type=float, default=3600.0, help="seconds, scoring included")
    parser.add_argument("--times", type=float, default=3.0, help="how many times as long the tutorial's loop may take")
    parser.add_argument("--base", type=int, default=16, help="of the tutorial's network")
    parser.add_argument("--size", type=int, default=128, help="of the tutorial's images")
    parser.add_argument("--batch", type=int, default=16, help="of the tutorial's loop")
    parser.add_argument("--workers", type=int, default=2, help="processes of the tutorial's DataLoader")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=COMPETITORS, default=[QUICK, "tutorial"])
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    for name, value in ({"base": 4, "size": 32, "cap": 20.0, "workers": 0} if args.quick else {}).items():
        setattr(args, name, value)
    return args


# ------------------------------------------------------------------ the clock

def measure(args: argparse.Namespace, name: str, seed: int, cap: float) -> Row:
    """Train and score, until a recipe has reached both goals, or the cap or the end comes: the curve, and its marks."""
    start, scoring, curve = time.perf_counter(), 0.0, []
    cache = open_cache(args.data)
    split = split_patients(cache.names, seed=0)
    for predictor in COMPETITORS[name](args, cache, replace(split, validation=(), test=()), seed, start + cap):
        trained = time.perf_counter()
        f1, dice = score(predictor, cache, split.validation)
        now = time.perf_counter()
        scoring += now - trained
        curve.append({"seconds": round(now - start, 1), "training_seconds": round(now - start - scoring, 1),
                      "f1": round(f1, 4), "mean_dice": round(dice, 4)})
        print(f"{name}, seed {seed}: epoch {len(curve)}, {curve[-1]}", flush=True)
        if now - start > cap or (f1 >= args.f1 and dice >= args.dice and name != "tutorial"):
            break
    goals = {"f1": args.f1, "mean_dice": args.dice}
    reached = {f"{kind}_to": {measure: first(curve, measure, goal, kind) for measure, goal in goals.items()}
               for kind in ("seconds", "training_seconds")}
    best = {measure: max(point[measure] for point in curve) for measure in goals}
    return {"goals": goals, **reached, "best": best, "curve": curve}


def first(curve: list[Row], measure: str, goal: float, kind: str) -> float | None:
    """The seconds when the goal was reached; None if it was not."""
    return next((point[kind] for point in curve if point[measure] >= goal), None)


def score(predictor: Predictor, cache: SliceCache, patients: Iterable[str]) -> tuple[float, float]:
    """Pooled F1 of all pixels of these patients, and the mean of their own Dice."""
    found = [predictor.patient(cache, name) for name in patients]
    counts = [pooled(count_slices(one.masks, one.references)) for one in found]
    return sum(counts, Counts()).dice(), statistics.mean(one.dice() for one in counts)


# ------------------------------------------------------------------ the competitors

def by_recipe(args: argparse.Namespace, cache: SliceCache, split: Split, seed: int, end: float, *,
              name: str) -> Iterator[Predictor]:
    """The network after each epoch of each stage."""
    recipe = in_small(RECIPES[name]) if args.quick else RECIPES[name]
    for run, _ in stages(recipe, cache, split, seed, Path(), choose_device(args.device)):
        for _ in fit(run.network, run.source, run.settings.training):
            yield Predictor(run.network, {}, run.settings.size, flip_tta=recipe.flip_tta,
                            batch_norm_adaptation=recipe.batch_norm_adaptation)


def in_small(recipe: Recipe) -> Recipe:
    """Its last stage alone, one epoch at 32×32."""
    last = recipe.stages[-1]
    return replace(recipe, stages=(replace(last, size=32, training=replace(last.training, epochs=1)),))


def tutorial(args: argparse.Namespace, cache: SliceCache, split: Split, seed: int, end: float) -> Iterator[Predictor]:
    """The network after each epoch of the tutorials' loop, without end; each epoch is cut off at `end`."""
    device = choose_device(args.device)
    torch.manual_seed(seed)
    network = build({"base": args.base}, seed).to(device)
    records = [record for record in find_slices(cache.root) if record.patient in split.train]
    batches = tutorial_loop.loader(records, args.size, args.batch, args.workers, device)
    optimiser = torch.optim.Adam(network.parameters(), lr=tutorial_loop.RATE)
    while True:
        for _ in tutorial_loop.train_epoch(network, optimiser, batches, device):
            if time.perf_counter() > end:
                break
        yield tutorial_loop.ScaledPredictor(network, {}, args.size)


COMPETITORS: dict[str, Callable[..., Iterator[Predictor]]] = {
    **{name: partial(by_recipe, name=name) for name in RECIPES}, "tutorial": tutorial}


# ------------------------------------------------------------------ what it says

def report(row: Row) -> None:
    for measure, goal in row["goals"].items():
        seconds, training = row["seconds_to"][measure], row["training_seconds_to"][measure]
        print(f"{row['competitor']}, seed {row['seed']}, on {row['device']} ({row['instructions']}): {measure} "
              + (f"{goal} after {seconds} s, {training} s without scoring" if seconds else
                 f"{goal} not reached within {row['curve'][-1]['seconds']} s; best {row['best'][measure]}"))


def compared(rows: list[Row]) -> Iterator[str]:
    """For each machine and seed: how far the tutorial's loop came in the time it had, beside the recipe's time."""
    for loop in (row for row in rows if row["competitor"] == "tutorial"):
        same = ("device", "instructions", "data", "seed")
        for ours in rows:
            seconds = ours["seconds_to"]["f1"]
            if ours["competitor"] == "tutorial" or not seconds or any(ours[key] != loop[key] for key in same):
                continue
            theirs = first(loop["curve"], "f1", ours["goals"]["f1"], "seconds")
            yield (f"{loop['device']} ({loop['instructions']}), seed {loop['seed']}: F1 {ours['goals']['f1']} by "
                   f"{ours['competitor']} after {seconds} s; the tutorial's loop took "
                   + (f"{theirs / seconds:.1f} times as long" if theirs else
                      f"more than {loop['curve'][-1]['seconds'] / seconds:.1f} times as long, and its best is "
                      f"{loop['best']['f1']}"))


if __name__ == "__main__":
    main()
