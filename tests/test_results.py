"""The table of six: its data, its splits, its rows, and that they go on where they stopped."""

import json

import numpy as np
import pytest
import torch

from unet_lib import results
from unet_lib.dataset import open_cache
from unet_lib.errors import SettingsError
from unet_lib.metrics import count
from unet_lib.predict import Predictor
from unet_lib.train import LAST


@pytest.fixture
def cache(data):
    return open_cache(data, progress=False)


def test_the_six_are_the_school_projects():
    table = [(run.epochs, run.batch, run.f1, run.accuracy) for run in results.SCHOOL]
    assert table == [(50, 4, 0.77, None), (100, 4, 0.79, 0.997), (100, 8, 0.58, 0.993), (100, 8, 0.63, 0.993),
                     (100, 4, 0.81, 0.997), (100, 2, 0.67, 0.994)]
    assert results.SCALES["gpu"] == results.Scale(base=64, size=256, epoch_share=1.0)


def test_only_the_split_by_slices_shares_patients(cache):
    for split, shares in (("patients", False), ("slices", True)):
        training, test = results.divide(cache, split, seed=0)
        assert sorted([*training, *test]) == list(range(len(cache))), "a slice is lost or used twice"
        assert bool(set(cache.patient_of[training]) & set(cache.patient_of[test])) is shares


def test_scores_are_those_of_all_pixels_together(cache):
    class Half(Predictor):
        """Calls the left half tumour."""

        def probabilities(self, images, statistics):
            return np.broadcast_to(np.arange(256) < 128, (len(images), 256, 256)).astype(float)

    left = np.broadcast_to(np.arange(256) < 128, (256, 256))
    places = np.array([2, 5, 12])
    by_hand = sum((count(left, cache.masks[p]) for p in places), start=count(left[:0], left[:0]))
    assert results.score(Half(torch.nn.Identity(), {}), cache, places) == by_hand


def test_rows_are_trained_and_scored_and_go_on_where_they_stopped(cache, tmp_path):
    row = next(results.run_table(cache, "smoke", tmp_path, "cpu", names=("Model_0",)))
    assert (row["name"], row["split"], row["epochs"], row["batch"]) == ("Model_0", "patients", 1, 4)
    assert 0 <= row["f1"] <= 1 and 0.5 < row["accuracy"] <= 1
    folder = tmp_path / "Model_0-patients-smoke"
    written = (folder / LAST).stat().st_mtime_ns
    again = next(results.run_table(cache, "smoke", tmp_path, "cpu", names=("Model_0",)))
    assert (again["f1"], again["accuracy"]) == (row["f1"], row["accuracy"])
    assert (folder / LAST).stat().st_mtime_ns == written, "a finished training was run again"


@pytest.mark.parametrize(("scale", "names"), [("huge", ()), ("cpu", ("Model_9",))])
def test_unknown_scales_and_rows_are_refused(cache, tmp_path, scale, names):
    with pytest.raises(SettingsError, match="expected a scale out of smoke, cpu, gpu and rows out of Model_0"):
        next(results.run_table(cache, scale, tmp_path, names=names))


def test_a_row_measured_again_takes_the_old_ones_place(tmp_path):
    path = tmp_path / "six.json"
    row = {"name": "Model_0", "split": "slices", "seed": 0, "scale": "cpu", "f1": 0.5, "accuracy": 0.99}
    results.add_row(path, row)
    results.add_row(path, {**row, "split": "patients", "f1": 0.4})
    results.add_row(path, {**row, "f1": 0.6})
    assert [(r["split"], r["f1"]) for r in results.read_rows(path)] == [("patients", 0.4), ("slices", 0.6)]
    assert json.loads(path.read_text())["command"] == "unet_lib results table"


def test_the_table_says_what_was_measured_and_what_was_not():
    rows = [{"name": "Model_4", "split": "slices", "scale": "cpu", "f1": 0.512, "accuracy": 0.9961},
            {"name": "Model_4", "split": "slices", "scale": "gpu", "f1": 0.9, "accuracy": 0.999}]
    lines = results.as_table(rows, "cpu").splitlines()
    assert lines[2 + 4] == "| Model_4 | 100 | 4 | 0.81, 0.997 | 0.51, 0.996 | not measured |"
    assert lines[2] == "| Model_0 | 50 | 4 | 0.77, – | not measured | not measured |"
    assert len(lines) == 8
