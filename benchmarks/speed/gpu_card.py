"""What one GPU makes of our training: one command, eight minutes, every figure written as soon as it is there.

    python benchmarks/speed/gpu_card.py --pack                    # where data/lgg is: runs/gpu_card/*.zip, to travel
    python benchmarks/speed/gpu_card.py [--out FILE]              # where the GPU is, with runs/gpu_card or data/lgg
    python benchmarks/speed/gpu_card.py --device cpu --smoke      # every part in small, to see that it runs

In order of value, so that a run that is cut off has measured what matters most; rows go to data/results/gpu_card.json:

- throughput: slices a second of ours, the tutorials' loop, MONAI's where it is installed, and the bare step, and how
  near that comes to the machine's limits (train_throughput.py);
- graphs: the bare step as it is, replayed as a CUDA graph, and compiled by torch.compile (bare_step.py);
- f1: seconds from a fresh start to F1 0.81 and 0.88 on validation patients: the quick and the best recipe, whose
  encoder is pretrained; the recipe `unet-progressive`; the tutorials' loop (time_to_f1.py);
- school: the school project's six models at full size, for as many epochs as fit;
- long: fold 0 of the best recipe's last stage at 256×256, on a schedule of as many epochs as fit, at most 300.

All scores are of validation patients; test patients are left alone. Each row has the GPU's peak memory. What cannot be
measured has a row that says why, and is "not measured" in the table.

128.zip holds all patients at half resolution, as training at 128×128 sees them; 256-1.zip and so on hold them at full
resolution (packed_patients.py). Each takes at most `--mebibytes`. The run takes every patient from the finest file that
is there; `patients_at` in a row says how many came at which resolution.
"""

import argparse
import gc
import importlib.util
import time
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.competitors import Setting
from benchmarks.speed import time_to_f1, train_throughput
from benchmarks.speed.bare_step import KINDS, bare_step
from benchmarks.speed.packed_patients import pack, unpack
from unet_lib.core.devices import choose_device
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.slice_files import SIDE
from unet_lib.data.splits import k_folds, split_patients
from unet_lib.evaluation.cross_validation import FOLDS
from unet_lib.evaluation.patients import score_patients, summary
from unet_lib.evaluation.result_rows import Row, add_row, read_rows
from unet_lib.evaluation.school_models import SCHOOL, score
from unet_lib.inference.predictor import Predictor
from unet_lib.models.architecture import UNetConfig
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import ExperimentConfig, prepare
from unet_lib.training.loop import fit
from unet_lib.training.recipes import BEST, QUICK, RECIPES

KEY = ("part", "name", "device", "data", "smoke")
FIGURES = ("median", "images_per_second", "seconds_to", "seconds_of_epochs", "seconds")  # a row's one for the table
GOALS = (0.81, 0.88)
SHAPES = {"full": [(16, 128, 16), (64, SIDE, 16)], "smoke": [(4, 32, 4)]}  # base, size, batch
NAMED = "base {0}, {1}×{1}, batch {2}"
SECONDS = {"throughput": 60, "graphs": 60, "f1": 150, "school": 90, "long": 90}  # together with unpacking: 8 minutes


@dataclass
class Card:
    """What all parts have in common, and when the part in hand should end."""

    args: Namespace
    device: torch.device
    data: Path
    patients_at: dict[str, Any]
    end: float = 0.0

    @cached_property
    def cache(self) -> SliceCache:
        return open_cache(self.data, progress=False)

    def left(self) -> float:
        return self.end - time.perf_counter()

    def write(self, part: str, row: Row) -> None:
        """Into the file, and on the screen."""
        gc.collect()
        if self.device.type == "cuda":
            row["gpu_peak_bytes"] = torch.cuda.max_memory_allocated()
            torch.cuda.reset_peak_memory_stats()
        made_by = {**provenance(self.device), "data": self.cache.content, "patients_at": self.patients_at}
        add_row(self.args.out, {"command": "python benchmarks/speed/gpu_card.py"},
                {"part": part, "smoke": self.args.smoke, **row, **made_by}, KEY)
        print(part, {name: value for name, value in row.items() if name != "curve"}, flush=True)


def main() -> None:
    args = arguments()
    if args.pack:
        for path in pack(open_cache(args.data), args.packed, args.mebibytes * 2**20):
            print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
        return
    start = time.perf_counter()
    device, data, patients_at = choose_device(args.device), args.data, {"256": "all"}
    if not data.is_dir():
        data, patients_at = args.packed / "data", unpack(args.packed, args.packed / "data")
    card = Card(args, device, data, patients_at)
    print(f"{len(card.cache.names)} patients ready after {time.perf_counter() - start:.0f} s", flush=True)
    for part in args.only:
        measure(card, part)
    print(table(read_rows(args.out), args.smoke))


def measure(card: Card, part: str) -> None:
    """A part's rows, and one for the whole of it: how long it took, or why it ended early."""
    start = time.perf_counter()
    card.end = start + (4 if card.args.smoke else SECONDS[part])
    try:
        for row in PARTS[part](card):
            card.write(part, row)
    except Exception as error:  # the parts after this one are worth their minutes all the same
        traceback.print_exc()
        card.write(part, {"name": "whole part", "not_measured": f"{type(error).__name__}: {error}"[:300]})
    else:
        card.write(part, {"name": "whole part", "seconds": round(time.perf_counter() - start, 1)})


def arguments() -> Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"), help="taken where it is there")
    parser.add_argument("--packed", type=Path, default=Path("runs/gpu_card"), help="else unpacked from here")
    parser.add_argument("--pack", action="store_true", help="pack --data into --packed, and end")
    parser.add_argument("--mebibytes", type=float, default=60, help="the most that one packed file may take")
    parser.add_argument("--out", type=Path, help="default: data/results/gpu_card.json, or with --smoke in --packed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", nargs="+", choices=SECONDS, default=list(SECONDS))
    parser.add_argument("--workers", type=int, default=8, help="processes of the peers' DataLoaders")
    parser.add_argument("--smoke", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    args.out = args.out or (args.packed / "smoke.json" if args.smoke else Path("data/results/gpu_card.json"))
    return args


def throughput(card: Card) -> Iterator[Row]:
    smoke, workers = card.args.smoke, 0 if card.args.smoke else card.args.workers
    monai = not smoke and importlib.util.find_spec("monai") is not None
    how = {"steps": 2, "repeats": 1, "slices": 12} if smoke else {"steps": 40, "repeats": 3, "slices": 640}
    for base, size, batch in SHAPES["smoke" if card.args.smoke else "full"]:
        args = Namespace(data=card.data, base=base, size=size, batch=batch, batch_norm=True, quick=smoke, **how,
                         workers=workers, only=["ours", "tutorial", *(["monai"] if monai else []), "bare"])
        found = train_throughput.throughput(Setting(args, card.device))
        yield {"name": NAMED.format(base, size, batch), **found, **how, **({} if monai else {"monai": "not measured"})}


def graphs(card: Card) -> Iterator[Row]:
    steps = 2 if card.args.smoke else 50
    for shape in SHAPES["smoke" if card.args.smoke else "full"]:
        for kind in KINDS:
            row: Row = {"name": f"{kind}, {NAMED.format(*shape)}"}
            if card.device.type != "cuda" and kind != KINDS[0]:
                yield {**row, "not_measured": "needs a CUDA GPU"}
                continue
            step = bare_step(card.device, *shape, kind)
            _, seconds = train_throughput.timed(card.device, lambda step=step: [step() for _ in range(steps)])
            yield {**row, "images_per_second": round(steps * shape[-1] / seconds, 1), "steps": steps}


def f1(card: Card) -> Iterator[Row]:
    small = card.args.smoke
    fractions = {QUICK: (0.2, GOALS[0]), BEST: (0.6, GOALS[1]), "unet-progressive": (0.6, GOALS[0]),
                 "tutorial": (1.0, GOALS[0])}
    for name, (fraction, goal) in fractions.items():
        args = Namespace(data=card.data, device=str(card.device), base=4 if small else 16, size=32 if small else 128,
                         batch=16, workers=0 if small else card.args.workers, quick=small, f1=goal, dice=0.0)
        cap = max(1, fraction * card.left())
        found = time_to_f1.measure(args, name, seed=0, cap=cap)
        yield {"name": name, "cap": round(cap), **found, "seconds_to": {
            str(goal): time_to_f1.first(found["curve"], "f1", goal, "seconds") or "not reached" for goal in GOALS}}


def school(card: Card) -> Iterator[Row]:
    split = split_patients(card.cache.names, seed=0)
    for number, model in enumerate(SCHOOL):
        end = time.perf_counter() + card.left() / (len(SCHOOL) - number)
        base, size = (4, 32) if card.args.smoke else (64, SIDE)
        settings = ExperimentConfig(UNetConfig(base=base, batch_norm=False), TrainingConfig(model.epochs, loss="bce"),
                                    size, model.batch, augment=False, seed=number)
        run = prepare(settings, card.cache, replace(split, validation=(), test=()), card.device)
        epochs = []
        for epoch in fit(run.network, run.source, settings.training):
            epochs.append(round(epoch.seconds, 2))
            if card.args.smoke or time.perf_counter() + epochs[-1] > end:
                break
        counts = score(Predictor(run.network, {}, size), card.cache, card.cache.slices_of(split.validation))
        yield {"name": model.name, "base": base, "size": size, "batch": model.batch, "epochs": len(epochs),
               "of": model.epochs, "seconds_of_epochs": epochs, "validation_f1": round(counts.dice(), 4)}


def long(card: Card) -> Iterator[Row]:
    last = (time_to_f1.in_small(RECIPES[BEST]) if card.args.smoke else RECIPES[BEST]).stages[-1]
    fold = next(k_folds(card.cache.names, FOLDS, validation=1 if card.args.smoke else 8))
    split = replace(fold, validation=(), test=())

    def trained(epochs: int) -> tuple[Predictor, float]:
        settings = replace(last, training=replace(last.training, epochs=epochs))
        run = prepare(settings, card.cache, split, card.device)
        seconds = sum(epoch.seconds for epoch in fit(run.network, run.source, settings.training))
        return Predictor(run.network, {}, settings.size), seconds

    _, seconds = trained(1)
    epochs = 1 if card.args.smoke else max(1, min(300, int(0.8 * card.left() / seconds)))
    predictor, seconds = trained(epochs)
    found = summary(list(score_patients(predictor, card.cache, fold.validation)))
    yield {"name": "fold 0", "size": last.size, "batch": last.batch, "epochs": epochs, "of": 300,
           "seconds": round(seconds, 1), "validation": found}


PARTS: dict[str, Callable[[Card], Iterator[Row]]] = {
    "throughput": throughput, "graphs": graphs, "f1": f1, "school": school, "long": long}


def table(rows: list[Row], smoke: bool) -> str:
    """Every part's rows, as Markdown; "not measured" where there is none."""
    lines = ["| part | what | figures |", "|---|---|---|"]
    for part in PARTS:
        mine = [row for row in rows if row["part"] == part and row["smoke"] == smoke]
        for row in mine or [{"name": "whole part", "not_measured": "no row yet"}]:
            shown = f"not measured: {row['not_measured']}" if "not_measured" in row else next(
                (row[key] for key in FIGURES if key in row), "")
            lines.append(f"| {part} | {row['name']} | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
