import csv
from dataclasses import asdict

import numpy as np
import pytest
import torch
from made_up import made_up_cache

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.data.augmentation import AugmentationConfig
from unet_lib.data.splits import Split
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.checkpoint import load_model
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import HISTORY, ExperimentConfig, prepare, prepare_slices
from unet_lib.training.loop import BEST

CPU = torch.device("cpu")
SETTINGS = ExperimentConfig(UNetConfig(base=2, depth=2), TrainingConfig(epochs=2, precision="float32"), size=32,
                            batch=4)


def test_a_run_by_patient_with_its_files_and_its_card(tmp_path):
    cache = made_up_cache()
    split = Split(*((name,) for name in cache.names))
    ticks = []
    run = prepare(SETTINGS, cache, split, CPU)
    epochs = list(run.train(tmp_path, tick=ticks.append))
    assert run.slices == 12
    assert ticks == [0, 4, 6, 6, 10, 12]  # six slices in batches of four, twice
    assert [row["epoch"] for row in csv.DictReader((tmp_path / HISTORY).open())] == ["1", "2"]
    assert epochs[0].validation.total == 4 * 32 * 32
    card = load_model(tmp_path / BEST)[1]
    assert card["data"] == {"content": "made-up", "size": 32, "batch": 4, "augment": True, "seed": 0,
                            "context_slices": 0, "negative_fraction": 1.0, "patient_balance": 0.0,
                            "augmentation": asdict(AugmentationConfig()), "pretrained": False}
    assert card["split"]["test"] == [cache.names[2]]
    assert (card["training"]["epochs"], card["processes"], card["precision"]) == (2, 1, "float32")
    assert card["torch"] == torch.__version__
    with pytest.raises(SettingsError, match="already holds a run"):
        next(run.train(tmp_path))


def test_a_resumed_run_ticks_from_where_it_stopped_and_repeats_no_row(tmp_path):
    cache = made_up_cache()
    split = Split(*((name,) for name in cache.names))
    first = next(prepare(SETTINGS, cache, split, CPU).train(tmp_path))
    ticks = []
    rest = list(prepare(SETTINGS, cache, split, CPU).train(tmp_path, resume=True, tick=ticks.append))
    assert ticks == [6, 10, 12]
    assert (first.epoch, [s.epoch for s in rest]) == (1, [2])
    assert [row["epoch"] for row in csv.DictReader((tmp_path / HISTORY).open())] == ["1", "2"]


def test_a_run_on_slices_chosen_one_by_one(tmp_path):
    run = prepare_slices(SETTINGS, made_up_cache(), np.array([0, 7, 12]), np.array([1]), {"kind": "by slice"}, CPU)
    assert run.training.indices.tolist() == [0, 7, 12]
    assert next(run.train(tmp_path)).train.total == 3 * 32 * 32
    assert load_model(tmp_path / BEST)[1]["split"] == {"kind": "by slice"}


def test_a_run_without_slices_to_validate_on(tmp_path):
    run = prepare_slices(SETTINGS, made_up_cache(), np.array([0, 7]), np.array([], int), {"kind": "by slice"}, CPU)
    assert run.validation is None and next(run.train(tmp_path)).validation is None


def test_a_network_that_cannot_take_the_size():
    with pytest.raises(ShapeError, match="divisible by 16; got 100×100"):
        ExperimentConfig(size=100)
