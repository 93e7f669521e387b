"""What `unet_lib evaluate` prints and writes."""

import csv
import json

import numpy as np
import pytest
from made_up import made_up_cache
from PIL import Image
from predictors import Shifted, patient

from unet_lib.evaluation import report
from unet_lib.evaluation.patients import score_patients, summary


@pytest.fixture(scope="module")
def cache():
    return made_up_cache()


@pytest.fixture(scope="module")
def scores(cache):
    return list(score_patients(Shifted(cache, 3), cache, cache.names))


def test_a_line_stands_below_its_headings():
    line = report.score_line(patient(hit=500, tumour=1000, hd95=12.34))
    assert line.split() == ["TCGA_CS_0001_19990101", "0.667", "1.000", "0.500", "12.3"]
    assert len(line) == len(report.HEADINGS)
    assert report.score_line(patient(hd95=np.nan)).endswith("    –")


def test_the_report_gives_the_summarys_numbers(scores):
    text, found = report.report(scores, summary(scores)), summary(scores)
    low, high = found["mean_dice_interval"]
    assert text.startswith(f"3 patients: mean Dice {found['mean_dice']:.3f} [{low:.3f}, {high:.3f}], median ")
    assert "1 patient without tumour in either mask: counted as Dice 1." in text
    assert f"mean HD95 {found['mean_hd95']:.1f} pixels" in text and "0 slices on which only" in text
    assert [line for line in text.splitlines() if line.startswith("by ")] == [
        "by site", "by size of the tumour (pixels)", "by missing sequence"]
    assert max(map(len, text.splitlines())) <= 120


def test_a_report_without_any_outline_has_dashes():
    scores = [patient(hit=0, hd95=np.nan)]
    text = report.report(scores, summary(scores))
    assert "1 patient: mean Dice 0.000 [0.000, 0.000]" in text and "mean HD95 – pixels" in text
    assert "without tumour" not in text


def test_tables_hold_what_was_scored_and_what_made_it(scores, tmp_path):
    report.write_scores(scores, summary(scores), tmp_path / "new", {"card": {"name": "a model"}})
    rows = list(csv.DictReader((tmp_path / "new" / "patients.csv").open()))
    assert [row["patient"] for row in rows] == [score.patient for score in scores]
    assert [int(row["tp"]) for row in rows] == [score.counts.tp for score in scores]
    assert rows[2]["hd95"] == "" and float(rows[0]["hd95"]) == pytest.approx(scores[0].hd95, abs=1e-4)
    found = json.loads((tmp_path / "new" / "scores.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert found["summary"] == summary(scores) and found["card"] == {"name": "a model"}
    assert [row["name"] for row in found["groups"]["site"]] == ["CS", "DU"]


def test_three_pictures(cache, scores, tmp_path):
    report.write_pictures(scores, cache, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.png", "ranked.png", "worst.png"]
    for path in tmp_path.iterdir():
        assert len(np.unique(np.asarray(Image.open(path).convert("L")))) > 20, path.name
