"""The table of six: its data, its splits, its rows, and that they go on where they stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up import made_up_cache

from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import count
from unet_lib.data.cache import open_cache
from unet_lib.evaluation import school_models
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.training.experiment import Experiment
from unet_lib.training.loop import BEST, LAST


@pytest.fixture
def cache(data):
    return open_cache(data, progress=False)


def test_the_six_are_the_school_projects():
    table = [(run.epochs, run.batch, run.f1, run.accuracy) for run in school_models.SCHOOL]
    assert table == [(50, 4, 0.77, None), (100, 4, 0.79, 0.997), (100, 8, 0.58, 0.993), (100, 8, 0.63, 0.993),
                     (100, 4, 0.81, 0.997), (100, 2, 0.67, 0.994)]
    assert school_models.SCALES["gpu"] == school_models.Scale(base=64, size=256, epoch_fraction=1.0)


def test_only_the_split_by_slices_shares_patients(cache):
    for split, fractions in (("patients", False), ("slices", True)):
        training, test = school_models.divide(cache, split, seed=0)
        assert sorted([*training, *test]) == list(range(len(cache))), "a slice is lost or used twice"
        assert bool(set(cache.patient_of[training]) & set(cache.patient_of[test])) is fractions


def test_scores_are_those_of_all_pixels_together(cache):
    class Half(Predictor):
        """Calls the left half tumour."""

        def probabilities(self, images, statistics):
            return np.broadcast_to(np.arange(256) < 128, (len(images), 256, 256)).astype(float)

    left = np.broadcast_to(np.arange(256) < 128, (256, 256))
    indices = np.array([2, 5, 12])
    by_hand = sum((count(left, cache.masks[p]) for p in indices), start=count(left[:0], left[:0]))
    assert school_models.score(Half(torch.nn.Identity(), {}), cache, indices) == by_hand


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A table with one row, where it is kept, and the row; its cache, too."""
    place = tmp_path_factory.mktemp("six")
    cache = made_up_cache()
    rows = list(school_models.run_table(place / "six.json", cache, "smoke", place / "work", "cpu", names=("Model_0",)))
    return place, cache, rows


def test_a_row_is_trained_scored_and_says_what_made_it(measured):
    place, cache, (row, other) = measured
    assert [(r["name"], r["split"], r["seed"], r["epochs"], r["batch"]) for r in (row, other)] == [
        ("Model_0", "patients", 0, 1, 4), ("Model_0", "slices", 0, 1, 4)]
    assert 0 <= row["f1"] <= 1 and 0.5 < row["accuracy"] <= 1
    assert row["data"] == cache.content and row["hardware"]["threads"] >= 1 and row["torch"] == torch.__version__
    assert {"device", "precision", "commit", "time", "seconds", "test_slices"} <= row.keys()
    assert read_rows(place / "six.json") == [row, other]
    card = load_model(place / "work" / "Model_0-slices-smoke" / BEST)[1]
    assert card["split"] == {"kind": "slices", "seed": 0} and not card["data"]["augment"]
    assert card["training"]["loss"] == "bce" and card["training"]["learning_rate"] == 0.001


def test_measured_rows_are_not_trained_again_and_lost_ones_only_scored(measured):
    place, cache, (row, _) = measured
    files = sorted((place / "work").rglob("*.safetensors"))
    before = [file.stat().st_mtime_ns for file in files]
    how = (cache, "smoke", place / "work", "cpu", ("Model_0",))
    assert not list(school_models.run_table(place / "six.json", *how))
    again = next(school_models.run_table(place / "new.json", *how))
    assert {key: again[key] for key in again if key != "time"} == {key: row[key] for key in row if key != "time"}
    assert [file.stat().st_mtime_ns for file in files] == before, "a finished training was run again"


def test_an_interrupted_training_goes_on_to_the_same_row(measured, tmp_path, monkeypatch):
    _, cache, _ = measured
    monkeypatch.setitem(school_models.SCALES, "smoke", school_models.Scale(4, 32, 0.06))  # three epochs
    paths = [tmp_path / name for name in ("straight", "halves")]
    straight = next(school_models.run_table(paths[0] / "six.json", cache, "smoke", paths[0], "cpu", names=("Model_0",)))
    train = Experiment.train

    def interrupted(run, folder, **settings):
        for epoch in train(run, folder, **settings):
            yield epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(Experiment, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(school_models.run_table(paths[1] / "six.json", cache, "smoke", paths[1], "cpu", names=("Model_0",)))
    assert read_rows(paths[1] / "six.json") == []
    monkeypatch.setattr(Experiment, "train", train)
    resumed = next(school_models.run_table(paths[1] / "six.json", cache, "smoke", paths[1], "cpu", names=("Model_0",)))
    one, two = (load_tensors(path / "Model_0-patients-smoke" / LAST)[0] for path in paths)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (resumed["epochs"], resumed["f1"], resumed["accuracy"]) == (3, straight["f1"], straight["accuracy"])


def test_rows_of_other_data_are_not_mixed(measured):
    place, cache, _ = measured
    other = replace(cache, content="another")
    with pytest.raises(SettingsError, match=r"six.json holds rows measured on other data than made-up"):
        next(school_models.run_table(place / "six.json", other, "smoke", place / "work", "cpu"))


@pytest.mark.parametrize(("scale", "names"), [("huge", ()), ("cpu", ("Model_9",))])
def test_unknown_scales_and_rows_are_refused(cache, tmp_path, scale, names):
    with pytest.raises(SettingsError, match="expected a scale out of smoke, cpu, gpu and rows out of Model_0"):
        next(school_models.run_table(tmp_path / "six.json", cache, scale, tmp_path, names=names))


def test_a_row_measured_again_takes_the_old_ones_place(tmp_path):
    path = tmp_path / "six.json"
    row = {"name": "Model_0", "split": "slices", "seed": 0, "scale": "cpu", "f1": 0.5, "accuracy": 0.99}
    add_row(path, school_models.ABOUT, row, school_models.KEY)
    add_row(path, school_models.ABOUT, {**row, "split": "patients", "f1": 0.4}, school_models.KEY)
    add_row(path, school_models.ABOUT, {**row, "f1": 0.6}, school_models.KEY)
    assert [(r["split"], r["f1"]) for r in read_rows(path)] == [("patients", 0.4), ("slices", 0.6)]
    assert json.loads(path.read_text())["command"] == "unet_lib experiments school"


def test_the_table_says_what_was_measured_and_what_was_not():
    rows = [{"name": "Model_4", "split": "slices", "scale": "cpu", "f1": 0.512, "accuracy": 0.9961},
            {"name": "Model_4", "split": "slices", "scale": "gpu", "f1": 0.9, "accuracy": 0.999}]
    lines = school_models.as_table(rows, "cpu").splitlines()
    assert lines[2 + 4] == "| Model_4 | 100 | 4 | 0.81, 0.997 | 0.51, 0.996 | not measured |"
    assert lines[2] == "| Model_0 | 50 | 4 | 0.77, – | not measured | not measured |"
    assert len(lines) == 8
