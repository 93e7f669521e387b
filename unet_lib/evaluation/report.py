"""Scores as text, tables and figures: what `unet_lib evaluate` prints and writes."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unet_lib.core.atomic_io import write_text
from unet_lib.data.cache import SliceCache
from unet_lib.evaluation.patients import GROUPINGS, PatientScore, groups, members, worst_cases

HEADINGS = f"{'patient':24}  {'Dice':>5}  {'precision':>9}  {'recall':>6}  {'HD95':>5}"


def score_line(score: PatientScore) -> str:
    """One line of print for a patient, below HEADINGS."""
    c = score.counts
    return (f"{score.patient:24}  {score.dice:5.3f}  {c.precision():9.3f}  {c.recall():6.3f}  "
            f"{_number(score.hd95, '.1f'):>5}")


def report(scores: Sequence[PatientScore], found: Mapping[str, Any]) -> str:
    """The scores' `summary` and their groups as text."""

    def interval(name: str) -> str:
        low, high = found[f"{name}_interval"]
        return f"{found[name]:.3f} [{low:.3f}, {high:.3f}]"

    lines = [f"{_count(found['patients'], 'patient')}: mean Dice {interval('mean_dice')}, median "
             f"{interval('median_dice')}, pooled F1 {interval('pooled_f1')}",
             "  In brackets: 95 % intervals, from resampling the patients (bootstrap).",
             f"  Accuracy {found['pooled_accuracy']:.4f}. Outlines: mean HD95 {_number(found['mean_hd95'], '.1f')} "
             f"pixels, surface Dice {_number(found['mean_surface_dice'], '.3f')}, of "
             f"{_count(found['hd95_patients'], 'patient')};",
             f"  left out: {_count(found['unmatched_slices'], 'slice')} on which only one of the two masks has an "
             f"outline."]
    if found["without_tumour"]:
        lines += [f"  {_count(found['without_tumour'], 'patient')} without tumour in either mask: counted as Dice 1."]
    lines += [f"\n{'':28}  {'patients':>8}  {'mean Dice':>9}  {'median':>6}  {'pooled F1':>9}"]
    for by, title in GROUPINGS.items():
        lines += [f"by {title}", *(f"  {row['name']:26}  {row['patients']:8}  {row['mean_dice']:9.3f}  "
                                   f"{row['median_dice']:6.3f}  {row['pooled_f1']:9.3f}" for row in groups(scores, by))]
    return "\n".join(lines)


def write_scores(scores: Sequence[PatientScore], found: Mapping[str, Any], folder: Path,
                 made_by: Mapping[str, Any]) -> None:
    """patients.csv, a line a patient; and scores.json with their `summary`, the groups, and `made_by`.

    `made_by` is plain data: the card of the weights, the patients' part and data, the machine.
    """
    table, rows = io.StringIO(), [score.as_row() for score in scores]
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    whole = {"summary": found, "groups": {by: groups(scores, by) for by in GROUPINGS}, **made_by}
    write_text(folder / "patients.csv", table.getvalue())
    write_text(folder / "scores.json", json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def write_pictures(scores: Sequence[PatientScore], cache: SliceCache, folder: Path) -> None:
    """boxes.png, ranked.png and worst.png. The last shows slices: real ones do not belong into the repository."""
    from unet_lib import plotting  # here, because scoring alone should not load matplotlib
    from unet_lib.plotting.base import save_figure

    panels = {title: {name: [s.dice for s in group] for name, group in members(scores, by).items()}
              for by, title in GROUPINGS.items()}
    ranked = plotting.scores.ranked_bars([_short(s.patient) for s in scores], np.array([s.dice for s in scores]),
                                         [s.site for s in scores])
    save_figure(plotting.scores.box_sheet(panels), folder / "boxes.png")
    save_figure(ranked, folder / "ranked.png")
    worst = [(f"{_short(s.patient)}, slice {s.worst_slice}\nDice of the patient {s.dice:.2f}", flair, predicted,
              reference) for s, flair, predicted, reference in worst_cases(scores, cache)]
    save_figure(plotting.scores.worst_sheet(worst), folder / "worst.png")


def _short(patient: str) -> str:
    """`DU A5TP` for TCGA_DU_A5TP_19970614."""
    return " ".join(patient.split("_")[1:3])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _number(value: float | None, spec: str) -> str:
    return "–" if value is None or math.isnan(value) else format(value, spec)
