"""A series of weights: what was kept comes back, and what cannot be one training is refused."""

import csv

import pytest
import torch
from made_up import write_series

from unet_lib.core.errors import CheckpointError, SettingsError
from unet_lib.inspection.checkpoint_series import Moment, load_series
from unet_lib.models.checkpoint import save_model
from unet_lib.models.registry import build


@pytest.fixture
def folder(tmp_path):
    return write_series(tmp_path / "steps", steps=(0, 20, 1000))


def test_networks_come_in_the_order_of_their_steps(folder):
    series = load_series(folder)
    assert series.steps == (0, 20, 1000) and series.size == 32
    assert series.config == series.networks[2].config and [card["step"] for card in series.cards] == [0, 20, 1000]
    for seed, (step, network) in enumerate(zip(series.steps, series.networks, strict=True)):
        assert series.at(step) is network and not network.training
        written = build({"base": 2, "depth": 2}, seed).half().output.weight
        assert network.output.weight.dtype == torch.float32
        assert torch.equal(network.output.weight, written.float())


def test_a_step_of_five_digits_sorts_as_a_number(folder):
    save_model(folder / "step-12000.safetensors", build({"base": 2, "depth": 2}, 3), {"data": {"size": 32}})
    assert load_series(str(folder)).steps == (0, 20, 1000, 12000)


def test_history_is_what_the_table_says(folder):
    with open(folder / "history.csv") as file:
        rows = [(int(row["step"]), float(row["loss"]), float(row["train_f1"])) for row in csv.DictReader(file)]
    assert load_series(folder).history == tuple(Moment(*row) for row in rows) and len(rows) > 3
    (folder / "history.csv").unlink()
    assert load_series(folder).history == ()


@pytest.mark.parametrize("table", ["step,loss\n10,0.5\n", "step,loss,train_f1\n10,half,0.5\n",
                                   "step,loss,train_f1\n10,0.5\n"])
def test_a_history_that_makes_no_sense(folder, table):
    (folder / "history.csv").write_text(table)
    with pytest.raises(CheckpointError, match=r"history\.csv: expected the columns step, loss and train_f1"):
        load_series(folder)


def test_an_empty_folder_and_none(tmp_path):
    (tmp_path / "other.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"expected the networks of a training.*found none"):
        load_series(tmp_path)
    with pytest.raises(CheckpointError, match="no such folder"):
        load_series(tmp_path / "nowhere")


@pytest.mark.parametrize(("settings", "size"), [({"base": 3, "depth": 2}, 32), ({"base": 2, "depth": 2}, 48)])
def test_networks_of_two_trainings_are_refused(folder, settings, size):
    save_model(folder / "step-0030.safetensors", build(settings, 0), {"data": {"size": size}})
    with pytest.raises(CheckpointError, match=r"step-0030\.safetensors: expected a network like that of step-0000"):
        load_series(folder)


def test_a_damaged_network_is_named(folder):
    path = folder / "step-0020.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="step-0020"):
        load_series(folder)


def test_a_step_that_was_not_kept(folder):
    with pytest.raises(SettingsError, match="step 30; there are 0, 20, 1000"):
        load_series(folder).at(30)
