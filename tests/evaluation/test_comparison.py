"""An idea beside its baseline: what differs, what the same patients gain, and trainings that are not repeated."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up import made_up_cache
from predictors import Shifted, patient
from scipy import stats

from unet_lib.core.errors import SettingsError
from unet_lib.data.splits import Split
from unet_lib.evaluation.comparison import changed, compare, dice_table, flat, train_seeds
from unet_lib.evaluation.patients import score_patients
from unet_lib.models.architecture import UNetConfig
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import ExperimentConfig

NAMES = tuple(f"TCGA_CS_{number:04}_19990101" for number in range(12))
TINY = ExperimentConfig(UNetConfig(base=2, depth=2), TrainingConfig(epochs=2, precision="float32"), size=32)


def scores(hits, names=NAMES):
    return [patient(name, hit=int(hit)) for name, hit in zip(names, hits, strict=True)]


def dice(hit, tumour=1000):
    return 2 * hit / (hit + tumour)


def test_gains_are_those_of_each_patient_and_the_interval_that_of_scipy():
    draw = np.random.default_rng(3)
    before, after = draw.integers(300, 900, 12), draw.integers(300, 900, 12)
    found = compare(scores(before), scores(after)[::-1])  # in whatever order they come
    expected = np.array([dice(new) - dice(old) for old, new in zip(before, after, strict=True)])
    assert [*found.gains] == [*NAMES]
    np.testing.assert_allclose([*found.gains.values()], expected, atol=1e-12)
    assert math.isclose(found.mean, expected.mean())
    theirs = stats.bootstrap((expected,), np.mean, method="percentile", n_resamples=10_000, rng=1).confidence_interval
    np.testing.assert_allclose(found.interval, theirs, atol=0.01)
    assert f"of 12 patients {sum(after > before)} gained and {sum(after < before)} lost" in found.words


@pytest.mark.parametrize(("more", "verdict", "sign"), [(100, "above 0", "+0."), (-100, "below 0", "−0."),
                                                       (0, "holds 0", "+0.000 [+0.000, +0.000]")])
def test_the_verdict_says_where_the_interval_lies(more, verdict, sign):
    before = np.arange(300, 900, 50)
    found = compare(scores(before), scores(before + more))
    assert verdict in found.verdict and f"mean gain in Dice {sign}" in found.words and "-" not in found.words


def test_other_patients_are_refused():
    with pytest.raises(SettingsError, match=r"got one only of TCGA_CS_0000\w+, TCGA_CS_0011\w+\. Score both"):
        compare(scores(range(11), NAMES[1:]), scores(range(11), NAMES[:-1]))


def test_nested_settings_become_one_level():
    assert flat({"a": 1, "b": {"c": [2], "d": {"e": None}}}) == {"a": 1, "b.c": [2], "b.d.e": None}


def test_what_differs_is_named_with_both_values():
    before = asdict(TINY)
    after = asdict(replace(TINY, augment=False, training=replace(TINY.training, loss="dice")))
    assert changed(before, after) == {"augment": (True, False), "training.loss": ("bce_dice", "dice")}
    assert changed(before, before) == {}
    assert changed({"a": 1}, {"b": 2}) == {"a": (1, None), "b": (None, 2)}


@pytest.fixture(scope="module")
def cache():
    return made_up_cache()


def test_seeds_are_trained_once_and_go_on_where_they_stopped(cache, tmp_path):
    split = Split(cache.names[:1], cache.names[1:2], cache.names[2:])
    first = list(train_seeds(TINY, cache, split, (0, 1), tmp_path, "cpu"))
    assert [path.name[8:] for path in first] == ["-seed0", "-seed1"]
    weights = {path: (path / "best.safetensors").stat().st_mtime_ns for path in first}
    zero, one = ((path / "best.safetensors").read_bytes() for path in first)
    assert zero != one

    assert list(train_seeds(TINY, cache, split, (0, 1), tmp_path, "cpu")) == first
    assert {path: (path / "best.safetensors").stat().st_mtime_ns for path in first} == weights

    others = [replace(TINY, size=48), replace(TINY, network=UNetConfig(base=3, depth=2))]
    names = {next(train_seeds(other, cache, split, (0,), tmp_path, "cpu")).name for other in others}
    turned = Split(split.train, split.test, split.validation)
    names.add(next(train_seeds(TINY, cache, turned, (0,), tmp_path, "cpu")).name)
    assert len({*names, first[0].name}) == 4


def test_a_table_has_a_row_a_run_and_a_column_a_patient(cache, tmp_path, monkeypatch):
    shifts = {"near": 1, "far": 9}
    monkeypatch.setattr("unet_lib.evaluation.comparison.load_predictor",
                        lambda path, device: Shifted(cache, shifts[path.parent.name]))
    found = dice_table([tmp_path / "near", tmp_path / "far"], cache, cache.names)
    for row, shift in zip(found, shifts.values(), strict=True):
        for value, name in zip(row, cache.names, strict=True):
            mask = cache.masks[cache.slices_of([name])] > 0
            moved = np.roll(mask, shift, 2)
            expected = 2 * (mask & moved).sum() / (mask.sum() + moved.sum()) if mask.any() else 1.0
            assert math.isclose(value, expected)
    assert [s.dice for s in score_patients(Shifted(cache, 9), cache, cache.names)] == found[1].tolist()
