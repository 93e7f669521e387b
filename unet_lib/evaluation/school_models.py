"""The school project's six trainings, run again row by row: on a CPU in small, on a GPU in full.

    for row in run_table(Path("data/results/school_models.json"), cache, "cpu"): print(row)

Each of the six is trained twice: with patients kept apart, and with slices shuffled without regard to patients,
as the school project most probably did. Only the first tells how well new patients would fare.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from unet_lib.core.claim import turn
from unet_lib.core.devices import choose_device
from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import Counts, count_slices, pooled
from unet_lib.data.cache import SliceCache
from unet_lib.data.splits import leaky_split, split_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.models.architecture import UNetConfig
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import ExperimentConfig, prepare_slices

SPLITS = ("patients", "slices")
TEST_FRACTION = 0.15  # of the slices, for the split that ignores patients
KEY = ("name", "split", "seed", "scale")  # what tells a row from the others of a file
COLUMNS = (*KEY, "data", "f1", "accuracy")  # what every row has, and the table needs
ABOUT = {"command": "unet_lib experiments school"}
WORK = Path("runs/six_models")


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

NAMES = tuple(run.name for run in SCHOOL)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the runs are: the network's base width, the image's size, and the fraction of the epochs."""

    base: int
    size: int
    epoch_fraction: float


SCALES = {"smoke": Scale(4, 32, 0.02), "cpu": Scale(8, 64, 0.2), "gpu": Scale(64, 256, 1.0)}


def run_table(path: Path, cache: SliceCache, scale: str, work: Path = WORK, device: str = "auto",
              names: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Train and score what `path` lacks, one row at a time, and add it there; yield the new rows.

    An interrupted training goes on where it stopped. `names` chooses rows of SCHOOL, all by default. Raises
    SettingsError for an unknown scale or name, and if `path` holds rows of other data.
    """
    check_choice(scale, names)
    with turn(path):  # what cannot be written is said before the training
        rows = read_rows(path, COLUMNS)
    if any(row["data"] != cache.content for row in rows):
        raise SettingsError(f"{path} holds rows measured on other data than {cache.root}. Choose another --out.")
    done = {tuple(row[key] for key in KEY) for row in rows}
    for split in SPLITS:
        for seed, run in enumerate(SCHOOL):
            if run.name in (names or NAMES) and (run.name, split, seed, scale) not in done:
                row = train_row(cache, run, split, seed, scale, work, choose_device(device))
                add_row(path, ABOUT, row, KEY)
                yield row


def check_choice(scale: str, names: Collection[str]) -> None:
    """Raise SettingsError for an unknown scale or row."""
    if scale not in SCALES or not set(names) <= set(NAMES):
        raise SettingsError(f"expected a scale out of {', '.join(SCALES)} and rows out of {', '.join(NAMES)}; "
                            f"got {scale!r} and {', '.join(names) or 'all'}.")


def train_row(cache: SliceCache, school: SchoolRun, split: str, seed: int, scale: str, work: Path,
              device: torch.device) -> dict[str, Any]:
    """One training, plain U-Net without batch norm or augmentation; scored at full size with its last weights.

    Two rows of the table have the same settings as two others; each row has a seed of its own, so that the
    difference between them shows what chance does. `seconds` is the training's time, all its sessions together.
    """
    size = SCALES[scale]
    config = TrainingConfig(max(1, round(school.epochs * size.epoch_fraction)), 1e-3, "bce")
    settings = ExperimentConfig(UNetConfig(base=size.base, batch_norm=False), config, size.size, school.batch,
                                augment=False, seed=seed)
    training, test = divide(cache, split, seed)
    run = prepare_slices(settings, cache, training, test[:0], {"kind": split, "seed": seed}, device)
    seconds = run.train_to_end(work / f"{school.name}-{split}-{scale}")
    counts = score(Predictor(run.network, {}, size.size), cache, test)
    made_by = {key: value for key, value in run.card.items() if key not in ("data", "split", "training", "processes")}
    return {"name": school.name, "split": split, "seed": seed, "scale": scale, **asdict(size), "epochs": config.epochs,
            "batch": school.batch, "f1": round(counts.dice(), 4), "accuracy": round(counts.accuracy(), 4),
            "test_slices": len(test), "seconds": seconds, "data": cache.content, **made_by}


def divide(cache: SliceCache, split: str, seed: int) -> tuple[Int[np.ndarray, "a"], Int[np.ndarray, "b"]]:
    """Slices to train on and to test on. By patients, what is not for the test is for the training."""
    if split == "slices":
        return leaky_split(len(cache), TEST_FRACTION, seed)
    parts = split_patients(cache.names, seed=seed)
    return cache.slices_of(parts.train + parts.validation), cache.slices_of(parts.test)


def score(predictor: Predictor, cache: SliceCache, indices: Int[np.ndarray, "k"]) -> Counts:
    """All pixels of these slices together, at full size."""
    rows = []
    for patient in np.unique(cache.patient_of[indices]):
        own = indices[cache.patient_of[indices] == patient]
        masks = predictor.masks(predictor.probabilities(cache.images[own], cache.statistics[patient]))
        rows.append(count_slices(masks, np.asarray(cache.masks[own])))
    return pooled(np.concatenate(rows))


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
