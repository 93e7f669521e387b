"""The school project's six trainings, run again row by row: on a CPU in small, on a GPU in full.

    for row in run_table(cache, "cpu", work): print(row)

Each of the six is trained twice: with patients kept apart, and with slices shuffled without regard to patients,
as the school project most probably did. Only the first tells how well new patients would fare.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from unet_lib import devices, model
from unet_lib.batches import Batches
from unet_lib.checkpoint import write_text
from unet_lib.dataset import SliceCache
from unet_lib.errors import SettingsError
from unet_lib.metrics import Counts, count_slices, pooled
from unet_lib.predict import Predictor
from unet_lib.splits import leaky_split, split_patients
from unet_lib.train import LAST, TrainConfig, fit

SPLITS = ("patients", "slices")
TEST_SHARE = 0.15      # of the slices, for the split that ignores patients


@dataclass(frozen=True, slots=True)
class SchoolRun:
    """One row of the school project's table: loss BCE, Adam at 0.001, and what it reached (accuracy if noted)."""

    name: str
    epochs: int
    batch: int
    f1: float
    accuracy: float | None


SCHOOL = (
    SchoolRun("Model_0", 50, 4, 0.77, None),
    SchoolRun("Model_1", 100, 4, 0.79, 0.997),
    SchoolRun("Model_2", 100, 8, 0.58, 0.993),
    SchoolRun("Model_3", 100, 8, 0.63, 0.993),
    SchoolRun("Model_4", 100, 4, 0.81, 0.997),
    SchoolRun("Model_5", 100, 2, 0.67, 0.994),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the runs are: the network's width, the image's side, and the share of the epochs."""

    base: int
    size: int
    epoch_share: float


SCALES = {"smoke": Scale(4, 32, 0.02), "cpu": Scale(8, 64, 0.2), "gpu": Scale(64, 256, 1.0)}


def run_table(cache: SliceCache, scale: str, work: Path, device: str = "auto",
              names: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Train and score what is missing, one row at a time; an interrupted training goes on where it stopped.

    `names` chooses rows of SCHOOL, all by default. Raises SettingsError for an unknown scale or name.
    """
    known = tuple(run.name for run in SCHOOL)
    if scale not in SCALES or not set(names) <= set(known):
        raise SettingsError(f"expected a scale out of {', '.join(SCALES)} and rows out of {', '.join(known)}; "
                            f"got {scale!r} and {', '.join(names) or 'all'}.")
    for split in SPLITS:
        for seed, run in enumerate(SCHOOL):
            if not names or run.name in names:
                yield train_row(cache, run, split, seed, scale, work, devices.choose_device(device))


def train_row(cache: SliceCache, run: SchoolRun, split: str, seed: int, scale: str, work: Path,
              device: torch.device) -> dict[str, Any]:
    """One training, plain U-Net without batch norm or augmentation; scored at full size with its last weights.

    Two rows of the table have the same settings as two others; each row has a seed of its own, so that the
    difference between them shows what chance does.
    """
    how = SCALES[scale]
    training, test = divide(cache, split, seed)
    network = model.build({"base": how.base, "depth": 4, "batch_norm": False}, seed).to(device)
    config = TrainConfig(max(1, round(run.epochs * how.epoch_share)), 1e-3, "bce")
    batches = Batches(cache, training, batch=run.batch, size=how.size, device=device, seed=seed)
    folder = work / f"{run.name}-{split}-{scale}"
    start, epoch = time.perf_counter(), None
    for epoch in fit(network, batches, config, folder=folder, resume=(folder / LAST).exists()):
        print(f"{run.name}, split by {split}: epoch {epoch.epoch}/{epoch.epochs}, loss {epoch.loss:.4f}, "
              f"{epoch.images_per_second:.0f} images/s", flush=True)
    counts = score(Predictor(network, {}, how.size), cache, test)
    return {"name": run.name, "split": split, "seed": seed, "scale": scale, **asdict(how), "epochs": config.epochs,
            "batch": run.batch, "f1": round(counts.dice(), 4), "accuracy": round(counts.accuracy(), 4),
            "test_slices": len(test), "seconds": round(time.perf_counter() - start),
            "machine": devices.describe(device), "torch": torch.__version__}


def divide(cache: SliceCache, split: str, seed: int) -> tuple[Int[np.ndarray, "a"], Int[np.ndarray, "b"]]:
    """Slices to train on and to test on. By patients, what is not for the test is for the training."""
    if split == "slices":
        return leaky_split(len(cache), TEST_SHARE, seed)
    parts = split_patients(cache.names, seed=seed)
    return cache.slices_of(parts.train + parts.validation), cache.slices_of(parts.test)


def score(predictor: Predictor, cache: SliceCache, places: Int[np.ndarray, "k"]) -> Counts:
    """All pixels of these slices together, at full size."""
    rows = []
    for patient in np.unique(cache.patient_of[places]):
        mine = places[cache.patient_of[places] == patient]
        masks = predictor.masks(predictor.probabilities(cache.images[mine], cache.statistics[patient]))
        rows.append(count_slices(masks, np.asarray(cache.masks[mine])))
    return pooled(np.concatenate(rows))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows measured so far; none if there is no file yet."""
    return json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []


def add_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row, or put it in the place of the same row measured before."""
    key = ("name", "split", "seed", "scale")
    others = [old for old in read_rows(path) if any(old[k] != row[k] for k in key)]
    write_text(path, json.dumps({"command": "unet_lib results table", "rows": [*others, row]}, indent=1) + "\n")


def as_table(rows: list[dict[str, Any]], scale: str) -> str:
    """The six beside what was measured at this scale, as Markdown; "not measured" where there is nothing."""
    lines = ["| model | epochs | batch | school project F1, accuracy | split by slices | split by patients |",
             "|---|---|---|---|---|---|"]
    for run in SCHOOL:
        theirs = f"{run.f1:.2f}, {'–' if run.accuracy is None else f'{run.accuracy:.3f}'}"
        ours = " | ".join(_cell(rows, run.name, split, scale) for split in reversed(SPLITS))
        lines.append(f"| {run.name} | {run.epochs} | {run.batch} | {theirs} | {ours} |")
    return "\n".join(lines)


def _cell(rows: list[dict[str, Any]], name: str, split: str, scale: str) -> str:
    found = [row for row in rows if (row["name"], row["split"], row["scale"]) == (name, split, scale)]
    return ", ".join(f"{row['f1']:.2f}, {row['accuracy']:.3f}" for row in found) or "not measured"
