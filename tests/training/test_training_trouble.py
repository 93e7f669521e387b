"""Trouble that trainings met in the field: two runs in a folder, numbers that diverge, side files, odd settings.

What a message offers as a way out is taken here, and works.
"""

import csv
import os
import re
import shlex
import signal
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import made_up_cache
from repository import REPOSITORY
from squares import SMALL, Squares

from unet_lib.core import devices
from unet_lib.core.devices import choose_device
from unet_lib.core.errors import (
    CheckpointError,
    DeviceError,
    DeviceMemoryError,
    SettingsError,
    ShapeError,
    TrainingError,
)
from unet_lib.data.splits import Split
from unet_lib.evaluation.result_rows import add_row
from unet_lib.models import checkpoint
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.models.registry import build, described
from unet_lib.training import experiment, loop
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import HISTORY, ExperimentConfig, history, prepare, prepare_slices, write_history
from unet_lib.training.loop import BEST, LAST, fit

CPU = torch.device("cpu")
FLOAT = {"precision": "float32"}
SETTINGS = ExperimentConfig(UNetConfig(base=2, depth=2), TrainingConfig(epochs=3, **FLOAT), size=32, batch=4)
TINY = ("--base", 2, "--depth", 2, "--size", 32, "--precision", "float32")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests" / "helpers")])}


def run_of(settings=SETTINGS, cache=None):
    cache = cache or made_up_cache()
    return prepare(settings, cache, Split(*((name,) for name in cache.names)), CPU)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def epochs_in(table: Path) -> list[str]:
    return [row["epoch"] for row in csv.DictReader(table.open(encoding="utf-8"))]


# Rows of results.

def test_rows_of_another_kind_stay_as_they_are(run_cli, data, tmp_path):
    for text in ("notes", "[1]", '{"rows": [1]}', '{"rows": [{"name": "x"}]}'):
        (tmp_path / "mine.json").write_text(text)
        for command in (("school", "--scale", "smoke"), ("cross-validate", "--fold", 0)):
            done = run_cli("experiments", *command, "--data", data, "--out", tmp_path / "mine.json")
            assert done.returncode == 2 and "a file of another kind" in done.stderr, done.stderr
        assert (tmp_path / "mine.json").read_text() == text
    (tmp_path / "mine.json").write_text("[]")
    with pytest.raises(SettingsError, match="file of another kind"):
        add_row(tmp_path / "mine.json", {}, {"a": 1}, ("a",))


# Output destroys what is there.

@pytest.mark.parametrize("name", [LAST, BEST, HISTORY])
def test_files_of_others_are_never_overwritten(run_cli, data, tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_bytes(b"mine")
    with pytest.raises(SettingsError, match="already holds"):
        next(run_of().train(tmp_path / "run"))
    done = run_cli("train", "--data", data, "--out", tmp_path / "run", "--epochs", 1, *TINY)
    assert done.returncode == 2 and "already holds" in done.stderr
    assert contents(tmp_path / "run") == {name: b"mine"}


def test_files_of_an_unfinished_recipe_are_not_overwritten_by_another_training(run_cli, data, tmp_path):
    (tmp_path / "stage-1").mkdir()
    done = run_cli("train", "--data", data, "--out", tmp_path, "--epochs", 1, *TINY)
    assert done.returncode == 2 and "already holds a run. Add --resume" in done.stderr


@pytest.mark.parametrize("there", [None, BEST, HISTORY])
def test_nothing_to_resume_is_said_before_any_work(run_cli, tmp_path, there):
    (tmp_path / "run").mkdir()
    if there:
        (tmp_path / "run" / there).write_bytes(b"mine")
    done = run_cli("train", "--data", tmp_path / "no data", "--out", tmp_path / "run", "--resume")
    assert done.returncode == 2 and "nothing to resume: expected" in done.stderr
    assert contents(tmp_path / "run") == ({there: b"mine"} if there else {})


# A training that becomes NaN.

def test_nan_stops_a_training_and_the_last_good_weights_stay(tmp_path):
    class Spoilt(Squares):
        def epoch(self, number=0, start=0):
            for batch in super().epoch(number, start):
                if number == 1:
                    batch.images[:] = float("nan")
                yield batch

    run = fit(build(SMALL, 0), Spoilt(), TrainingConfig(3, **FLOAT), folder=tmp_path)
    next(run)
    before = contents(tmp_path)
    with pytest.raises(TrainingError, match=r"epoch 2, batch 1.*weights of epoch 1 are kept.*smaller learning rate"):
        next(run)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("interrupted", [False, True])
def test_nan_is_told_of_the_batch_it_came_in_however_late_it_is_read(tmp_path, monkeypatch, interrupted):
    """Losses are read after two steps, and when Ctrl-C is pressed; the third of six is no number."""
    class Spoilt(Squares):
        def epoch(self, number=0, start=0):
            for place, batch in enumerate(super().epoch(number, start), start):
                if interrupted and (number, place) == (1, 3):
                    signal.raise_signal(signal.SIGINT)
                yield replace(batch, images=batch.images * (torch.nan if (number, place) == (1, 2) else 1))

    monkeypatch.setattr(loop, "READ_EVERY", 3 if interrupted else 2)
    run = fit(build(SMALL, 0), Spoilt(batch=2), TrainingConfig(3, **FLOAT), folder=tmp_path)
    next(run)
    before = contents(tmp_path)
    with pytest.raises(TrainingError, match=r"epoch 2, batch 3: .* got loss nan. The weights of epoch 1 are kept"):
        next(run)
    assert contents(tmp_path) == before


def test_nan_settings_and_weights_are_refused(tmp_path):
    for setting in ({"learning_rate": float("inf")}, {"learning_rate": float("nan")}, {"clip": float("inf")},
                    {"clip": float("nan")}, {"ema": float("nan")}):
        with pytest.raises(SettingsError):
            TrainingConfig(**setting)
    model = build(SMALL, 0)
    weights = {**model.state_dict()}
    name = next(name for name in weights if name.endswith("running_var"))
    weights[name] = weights[name] * float("nan")
    header = {"kind": "model", "architecture": described(model), "card": {}}
    checkpoint.save_tensors(tmp_path / "x.safetensors", weights, header)
    with pytest.raises(CheckpointError, match=f"NaN or infinity in {re.escape(name)}"):
        checkpoint.load_model(tmp_path / "x.safetensors")


def test_nan_in_validation_keeps_the_epoch_before(tmp_path):
    class Spoilt(Squares):
        calls = 0

        def epoch(self, number=0, start=0):
            self.calls += 1
            for batch in super().epoch(number, start):
                yield batch if self.calls < 3 else replace(batch, images=batch.images * torch.inf)

    kept, config = [], TrainingConfig(5, **FLOAT)
    with pytest.raises(TrainingError, match="epoch 3, batch 3: .* got validation loss nan. The weights of epoch 2 are"):
        for _ in fit(build(SMALL, 0), Squares(), config, validation=Spoilt(seed=1), folder=tmp_path):
            kept.append(contents(tmp_path))
    assert len(kept) == 2 and contents(tmp_path) == kept[-1]


@pytest.mark.parametrize("interrupted", [False, True])
def test_nan_gradients_of_the_last_step_are_never_saved(tmp_path, interrupted):
    """The loss is finite still, the weights no longer; then the epoch ends, or Ctrl-C is pressed."""
    class Last(Squares):
        def epoch(self, number=0, start=0):
            for place, batch in enumerate(super().epoch(number, start), start):
                if (number, place) == (1, 1 if interrupted else 2):
                    model.output.weight.register_hook(lambda gradient: gradient * torch.nan)
                    if interrupted:
                        signal.raise_signal(signal.SIGINT)
                yield batch

    model = build(SMALL, 0)
    run = fit(model, Last(), TrainingConfig(5, **FLOAT), folder=tmp_path)
    next(run)
    before = contents(tmp_path)
    with pytest.raises(TrainingError, match=r"got model\.output\.weight nan. The weights of epoch 1 are kept"):
        next(run)
    assert contents(tmp_path) == before


def test_nan_message_offers_what_works(run_cli, data, tmp_path):
    command = ("train", "--data", data, "--epochs", 2, *TINY[:-1], "bfloat16", "--out")
    done = run_cli(*command, tmp_path / "x", "--lr", "1e30")
    assert done.returncode == 2 and "no good weights yet. Train again with a smaller" in done.stderr
    assert not (tmp_path / "x").exists(), "what it left would be in the way of the next training"
    assert "or --clip 1 or --precision float32" in done.stderr
    smaller = float(re.search(r"--lr (\S+);", done.stderr)[1])
    assert smaller == 1e29
    assert run_cli(*command, tmp_path / "x", "--lr", "0.01", "--clip", 1).returncode == 0


@pytest.mark.parametrize("part", ["model.encoder.1.norm1.running_var", "model.output.weight", "ema.module.output.bias"])
def test_nan_weights_are_not_resumed_from(tmp_path, part):
    config = TrainingConfig(1, ema=0.5, **FLOAT)
    list(fit(build(SMALL, 0), Squares(), config, folder=tmp_path))
    tensors, header = checkpoint.load_tensors(tmp_path / LAST)
    checkpoint.save_tensors(tmp_path / LAST, {**tensors, part: tensors[part] * torch.inf}, header)
    with pytest.raises(CheckpointError, match=f"NaN or infinity in {re.escape(part)}. Train again, or take an intact"):
        next(fit(build(SMALL, 0), Squares(), replace(config, epochs=2), folder=tmp_path, resume=True))


# Side files end a run.

def test_side_files_never_stop_a_run_and_no_row_is_lost(tmp_path):
    def train(epochs: int, **more: bool) -> None:
        for _ in fit(build(SMALL, 0), Squares(), TrainingConfig(epochs, **FLOAT), folder=tmp_path, **more):
            write_history(tmp_path, warnings.warn)

    train(2)
    table = tmp_path / "history.csv"
    table.write_text("﻿" + table.read_text().replace(",", ";"), encoding="utf-8")
    train(3, resume=True)
    assert [row.split(",")[0] for row in table.read_text().splitlines()] == ["epoch", "1", "2", "3"]
    table.unlink()
    table.mkdir()
    with pytest.warns(UserWarning, match="its rows are safe in last.safetensors"):
        train(4, resume=True)
    assert [row["epoch"] for row in history(tmp_path)] == [1, 2, 3, 4]
    assert (tmp_path / LAST).exists()


def test_side_table_is_whole_again_after_a_kill_between_saving_and_copying(tmp_path, monkeypatch):
    def killed(folder, warn):
        raise SystemExit

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(experiment, "write_history", killed)
        next(run_of().train(tmp_path))
    assert (tmp_path / LAST).exists() and not (tmp_path / HISTORY).exists()
    run = run_of().train(tmp_path, resume=True)
    assert next(run).epoch == 2 and epochs_in(tmp_path / HISTORY) == ["1", "2"]


def test_side_table_in_the_way_is_told_of_once_and_the_training_ends_well(run_cli, data, tmp_path):
    run = tmp_path / "run"
    command = ("train", "--data", data, "--out", run, *TINY, "--epochs")
    assert run_cli(*command, 1).returncode == 0
    (run / HISTORY).unlink()
    (run / HISTORY).mkdir()
    done = run_cli(*command, 4, "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("history.csv cannot be written") == 1 and "warning: " in done.stderr
    (run / HISTORY).rmdir()
    assert run_cli(*command, 4, "--resume").returncode == 0
    assert epochs_in(run / HISTORY) == ["1", "2", "3", "4"]


def test_side_table_of_a_run_whose_resume_file_knows_no_rows_is_kept(tmp_path):
    settings = replace(SETTINGS, training=replace(SETTINGS.training, epochs=2))
    list(run_of(settings).train(tmp_path))
    tensors, header = checkpoint.load_tensors(tmp_path / LAST)
    checkpoint.save_tensors(tmp_path / LAST, tensors, {key: header[key] for key in header if key != "history"})
    before = (tmp_path / HISTORY).read_text()
    seconds = run_of(settings).train_to_end(tmp_path)
    assert seconds == round(sum(float(row["seconds"]) for row in csv.DictReader(before.splitlines())))
    list(run_of().train(tmp_path, resume=True))
    assert (tmp_path / HISTORY).read_text().startswith(before) and epochs_in(tmp_path / HISTORY) == ["1", "2", "3"]
    assert [str(row["epoch"]) for row in history(tmp_path)] == ["1", "2", "3"]


@pytest.mark.parametrize("rows", [3, [1], [{"epoch": "1"}], {"epoch": 1}])
def test_side_rows_that_are_none_are_damage(tmp_path, rows):
    list(run_of().train(tmp_path))
    tensors, header = checkpoint.load_tensors(tmp_path / LAST)
    checkpoint.save_tensors(tmp_path / LAST, tensors, {**header, "history": rows})
    with pytest.raises(CheckpointError, match="damaged; expected a row for each epoch"):
        next(run_of().train(tmp_path, resume=True))


# Foreign exceptions reach the user.

@pytest.mark.parametrize(("network", "size", "batch", "slices"), [
    (UNetConfig(base=2, depth=5), 32, 4, 9), (UNetConfig(base=2, depth=4), 16, 1, 5),
    (UNetConfig(base=2, depth=5), 32, 4, 1), (EfficientNetUNetConfig(), 32, 3, 7)])
def test_foreign_batch_norm_error_of_a_single_value_is_foreseen(network, size, batch, slices):
    settings = ExperimentConfig(network, TrainingConfig(1, **FLOAT), size=size, batch=batch, augment=False)

    def train(**changes):
        run = prepare_slices(replace(settings, **changes), made_up_cache(), np.arange(slices), np.arange(0), {}, CPU)
        return next(fit(run.network, run.source, run.settings.training))

    with pytest.raises(SettingsError, match=f"1×1 pixels at size {size} .* got {slices} slices in batches of") as told:
        train()
    offered = dict(re.findall(r"--(\w+) (\d+)", str(told.value)))
    assert offered.keys() >= {"size"} and ("batch" in offered) == (slices > 1)
    for option, value in offered.items():
        changes = {option: int(value)} if option != "depth" else {"network": replace(network, depth=int(value))}
        assert np.isfinite(train(**changes).loss), (option, value)


def test_foreign_batch_norm_error_cannot_come_without_batch_norm():
    network = UNetConfig(base=2, depth=5, batch_norm=False)
    settings = ExperimentConfig(network, TrainingConfig(1, **FLOAT), size=32, batch=1)
    run = prepare_slices(settings, made_up_cache(), np.arange(3), np.arange(0), {}, CPU)
    assert np.isfinite(next(fit(run.network, run.source, run.settings.training)).loss)


def test_foreign_memory_error_of_a_huge_network_is_foreseen(run_cli, tmp_path, monkeypatch):
    done = run_cli("train", "--data", tmp_path / "no data", "--out", tmp_path / "x", "--base", 4096)
    assert done.returncode == 2 and "127,071,563,777 parameters, which takes 2,033 GB" in done.stderr
    assert not (tmp_path / "x").exists()
    parameters = sum(p.numel() for p in build({"base": 2, "depth": 2}, 0).parameters())
    for spare, fits in ((0, True), (-1, False)):
        monkeypatch.setattr(devices, "machine_memory", lambda spare=spare: 16 * parameters + spare)
        if fits:
            experiment.check_memory(SETTINGS.network, CPU)
        else:
            with pytest.raises(DeviceMemoryError, match=f"got one of {parameters:,} parameters"):
                experiment.check_memory(SETTINGS.network, CPU)


@pytest.mark.parametrize(("setting", "error"), [
    ({"seed": -1}, SettingsError), ({"seed": 2**32}, SettingsError), ({"batch": 0}, ShapeError),
    ({"size": 8}, ShapeError), ({"negative_fraction": np.nan}, ShapeError), ({"patient_balance": 2.0}, ShapeError),
    ({"context_slices": -1}, ShapeError), ({"context_slices": 10**9}, ShapeError)])
def test_foreign_errors_of_settings_are_ours(setting, error):
    with pytest.raises(error, match="expected .*; got"):
        replace(SETTINGS, **setting)


@pytest.mark.parametrize("setting", [{"base": 10**12}, {"depth": 10**12}, {"in_channels": 10**12}])
def test_foreign_errors_of_huge_networks_are_ours(setting):
    with pytest.raises(ShapeError, match="and at most"):
        UNetConfig(**setting)


@pytest.mark.parametrize("name", ["", "cpu:foo", "cpu:1", "cpu:", "CPU", "meta", "cuda:-1", "cuda:99", "cuda:٣", "x:0"])
def test_foreign_errors_of_devices_are_ours(name):
    with pytest.raises(DeviceError, match=f"--device {re.escape(shlex.quote(name))} was asked for, but this machine"):
        choose_device(name)


@pytest.mark.parametrize(("command", "message"), [
    (("school", "--scale", "huge"), "expected a scale out of"), (("school", "--rows", "Mo"), "got 'cpu' and Mo"),
    (("school", "--device", "cpu:1"), "--device cpu:1"), (("cross-validate", "--fold", -1), "0 to 4; got -1"),
    (("cross-validate", "--recipe", "good"), "expected a recipe out of"),
    (("cross-validate", "--device", "meta"), "--device meta")])
def test_foreign_options_of_experiments_are_seen_before_the_data(run_cli, tmp_path, command, message):
    out = tmp_path / "new" / "rows.json"
    for more in ((), ("--show",)):
        done = run_cli("experiments", *command, "--data", tmp_path / "no data", "--out", out, *more)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_validation_without_tumour_is_no_trouble(tmp_path):
    cache = made_up_cache()
    split = Split((cache.names[0],), (cache.names[2],), (cache.names[1],))
    assert not cache.tumour_pixels[cache.slices_of(split.validation)].any()
    epochs = list(prepare(SETTINGS, cache, split, CPU).train(tmp_path))
    assert len(epochs) == 3 and (tmp_path / BEST).exists()


def test_data_that_changed_is_named_and_other_settings_are_listed(tmp_path):
    cache = made_up_cache()
    next(run_of().train(tmp_path))
    with pytest.raises(CheckpointError, match="patients' files are not those .* Put back the data it began with"):
        next(run_of(cache=replace(cache, content="another")).train(tmp_path, resume=True))
    with pytest.raises(CheckpointError, match=r"other settings \(batch: was 4, now 3\)"):
        next(run_of(replace(SETTINGS, batch=3)).train(tmp_path, resume=True))
    assert [epoch.epoch for epoch in run_of().train(tmp_path, resume=True)] == [2, 3]
