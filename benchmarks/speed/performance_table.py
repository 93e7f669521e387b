"""The table of speeds in README.md, made from the rows in data/results; nothing is measured here.

    python benchmarks/speed/performance_table.py        # prints it, to be pasted

The CPU is the one whose throughput was measured last; its columns are with the instructions it has, and as without
AVX-512. The GPU's column is gpu_card.py's. A test compares the README with what is printed here.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unet_lib.core.paths import repository
from unet_lib.evaluation.result_rows import Row, read_rows
from unet_lib.training.recipes import QUICK

INSTRUCTIONS = ("AVX512", "AVX2")
RESULTS = repository() / "data" / "results"
NONE = "not measured"


def table(results: Path = RESULTS) -> list[str]:
    """Its lines, as Markdown."""
    measured = [row for row in read_rows(results / "train_throughput.json") if "instructions" in row]
    cpu = max(measured, key=lambda row: row["time"])["device"]
    lines = [f"| | {cpu}, with AVX-512 | the same, as without it | one GPU |", "|---|---|---|---|"]
    gpu = {row["name"]: row for row in read_rows(results / "gpu_card.json") if not row["smoke"]}
    for what, (file, cell, on_gpu) in LINES.items():
        rows = [row for row in read_rows(results / f"{file}.json") if row["device"] == cpu]
        cells = [filled(cell, [row for row in rows if row.get("instructions") == kind]) for kind in INSTRUCTIONS]
        lines.append(f"| {what} | {' | '.join(cells)} | {filled(on_gpu, gpu) if on_gpu else '–'} |")
    return lines


def filled(cell: Callable[[Any], str], rows: Any) -> str:
    """What the cell makes of the rows, if what it needs is there."""
    try:
        return cell(rows)
    except (KeyError, ValueError, IndexError):
        return NONE


def throughput(rows: list[Row]) -> Row:
    """The row of a U-Net with base 16, at 128×128, in batches of 16."""
    row, = (row for row in rows if row["question"] == "throughput"
            and (row["base"], row["size"], row["batch"]) == (16, 128, 16))
    return row


def images_a_second(row: Row) -> str:
    median = row["median"]
    return f"**{median['ours']:.0f}**, {median['tutorial']:.0f}, {median['monai']:.0f}"


def overhead(row: Row) -> str:
    return f"{1 / row['ratios']['ours / bare'] - 1:.0%}"


def of_a_convolution(row: Row) -> str:
    return f"{row['limits']['convolution_fraction']:.0%}"


def seconds_to(measure: str) -> Callable[[list[Row]], str]:
    """The range over the seeds, if each of them got there."""
    def cell(rows: list[Row]) -> str:
        seconds = [row["seconds_to"][measure] for row in rows if row["competitor"] == QUICK]
        return "not reached" if None in seconds else f"{math.ceil(min(seconds))} to {math.ceil(max(seconds))} s"
    return cell


def on_the_gpu(gpu: dict[str, Row]) -> str:
    seconds = gpu[QUICK]["seconds_to"]["0.81"]
    return seconds if isinstance(seconds, str) else f"{math.ceil(seconds)} s"


def best_of_the_tutorial(rows: list[Row]) -> str:
    best = [row["best"]["f1"] for row in rows if row["competitor"] == "tutorial"]
    return f"{min(best):.2f} to {max(best):.2f}"


def a_patient(rows: list[Row]) -> str:
    row, = (row for row in rows if row["network"] == "lgg-best" and row["threads"] == 2)
    return f"{row['seconds']:.1f} s"


def run_all(rows: list[Row]) -> str:
    seconds = {row["what"]: row["seconds"] for row in rows}
    return ", ".join(f"{seconds[f'lesson {number}']:.0f} s" for number in ("01", "05", "06"))


def of_shape(cell: Callable[[Row], str]) -> tuple[Callable[[list[Row]], str], Callable[[dict[str, Row]], str]]:
    """The cell of the CPU's and of the GPU's row for the same network, size and batch."""
    return lambda rows: cell(throughput(rows)), lambda gpu: cell(gpu["base 16, 128×128, batch 16"])


# What, the file of the CPU's rows, what becomes of them, and of the GPU's rows by name (None: not the GPU's work).
LINES: dict[str, tuple[str, Callable[[list[Row]], str], Callable[[dict[str, Row]], str] | None]] = {
    "images a second in training: ours, the tutorials' loop, MONAI's": ("train_throughput", *of_shape(images_a_second)),
    "what our training takes beyond the bare step": ("train_throughput", *of_shape(overhead)),
    "the bare step's arithmetic, beside one large convolution's": ("train_throughput", *of_shape(of_a_convolution)),
    f"`{QUICK}`: from a fresh start to F1 0.81, three seeds": (
        "time_to_f1", seconds_to("f1"), on_the_gpu),
    f"`{QUICK}`: to a mean Dice of 0.80": ("time_to_f1", seconds_to("mean_dice"), None),
    "the tutorials' loop: its best F1 within three times the time to F1 0.81": (
        "time_to_f1", best_of_the_tutorial, None),
    "a patient of 38 slices with `lgg-best`": ("predict_speed", a_patient, None),
    "Run All of lessons 01, 05 and 06": ("everyday_times", run_all, None),
}


if __name__ == "__main__":
    print("\n".join(table()))
