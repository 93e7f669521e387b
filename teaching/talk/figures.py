"""The figures that the talk quotes, `{{name}}` in its text, from the files in data/results."""

import json
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from unet_lib.core.errors import SettingsError
from unet_lib.core.paths import repository

RESULTS = repository() / "data" / "results"
FAILURE, SMALL = 0.7, 8000
"""A failure is a Dice below FAILURE; a small tumour has fewer pixels than SMALL, over all slices of a patient."""
PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Show = Callable[[float], str]


def fill(text: str, language: str, file: str) -> str:
    """The text with every placeholder replaced by its figure; `file` is its name, for the error.

    Raises SettingsError, with the line, for a figure that does not exist.
    """
    known = figures(language)
    for number, line in enumerate(text.splitlines(), 1):
        unknown = [name for name in PLACEHOLDER.findall(line) if name not in known]
        if unknown:
            raise SettingsError(f"{file}, line {number}: expected one of the figures {', '.join(known)}; got "
                                f"{unknown[0]!r}. Correct its name, or add it to teaching/talk/figures.py.")
    return PLACEHOLDER.sub(lambda found: known[found[1]], text)


def figures(language: str) -> dict[str, str]:
    """Every figure as it is written in this language, by name."""
    shown = {name: show(value) for name, (value, show) in {**sealed(), **tested(), **skips()}.items()}
    return shown if language == "en" else {name: text.replace(".", ",") for name, text in shown.items()}


def sealed() -> dict[str, tuple[float, Show]]:
    """What the 22 patients say whom no choice had seen: of our best network, and of one that marks nothing."""
    found = read("sealed_test")
    best, low_high = found["networks"]["lgg-best"], found["networks"]["lgg-best"]["mean_dice_interval"]
    right = sum(patient["fp"] + patient["tn"] for patient in found["patients_lgg_best"])
    pixels = sum(patient[count] for patient in found["patients_lgg_best"] for count in ("tp", "fp", "fn", "tn"))
    return {"sealed_patients": (best["patients"], whole), "best_dice": (best["mean_dice"], score),
            "best_dice_low": (low_high[0], score), "best_dice_high": (low_high[1], score),
            "best_accuracy": (best["pooled_accuracy"], percent), "nothing_accuracy": (right / pixels, percent)}


def tested() -> dict[str, tuple[float, Show]]:
    """The 88 patients of the cross-validation with the best recipe: how many fail. And with the sealed ones: all."""
    rows = [row for row in read("cross_validation")["rows"] if row["recipe"] == "efflite0-balanced-long"]
    patients = [patient for row in rows for patient in row["patients"]]
    failed = [patient for patient in patients if patient["dice"] < FAILURE]
    together = [patient["dice"] for patient in patients + read("sealed_test")["patients_lgg_best"]]
    return {"tested_patients": (len(patients), whole), "failed_patients": (len(failed), whole),
            "failed_small": (sum(patient["tumour_pixels"] < SMALL for patient in failed), whole),
            "small": (SMALL, thousands), "failure": (FAILURE, tenth), "all_patients": (len(together), whole),
            "all_dice": (sum(together) / len(together), score)}


def skips() -> dict[str, tuple[float, Show]]:
    """The mean Dice of small U-Nets trained with all skip connections and with none, over the seeds."""
    rows = read("skip_ablation")["rows"]
    with_all = [row["mean_dice"] for row in rows if row["how"] == "all skips"]
    without = [row["mean_dice"] for row in rows if row["how"] == "retrained without" and len(row["levels"]) == 4]
    return {"skips_dice": (sum(with_all) / len(with_all), score), "no_skips_dice": (sum(without) / len(without), score),
            "skips_seeds": (len(with_all), whole)}


def read(name: str) -> Any:
    """A file of data/results."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def score(value: float) -> str:
    """0.9066 → 0.91; halves are rounded up."""
    return str(Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def tenth(value: float) -> str:
    """0.7 → 0.7."""
    return f"{value:.1f}"


def percent(value: float) -> str:
    """0.9984 → 99.8 %, with a space that does not break."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def whole(value: float) -> str:
    """22 → 22."""
    return str(int(value))


def thousands(value: float) -> str:
    """8000 → 8 000, with a narrow space that does not break, which every language reads."""
    return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
