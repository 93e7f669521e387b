"""Two processes train as one. This file is also the program that both run: see `work`."""

import copy
import itertools
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from squares import SMALL, Squares
from torchrun import torchrun

from unet_lib.core.errors import DeviceError
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.models.registry import build
from unet_lib.training import distributed
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import BEST, LAST, fit, forward
from unet_lib.training.losses import LOSSES

NO_BATCH_NORM = {**SMALL, "batch_norm": False}
HERE = Path(__file__).resolve()
# Seven slices in batches of three: shards of 2 and 1, and at the end of 1 and 0.
UNEVEN = {"count": 7, "batch": 3}
OPTIONS = {"clip": 0.5, "ema": 0.5}


def settings(epochs=2, **more):
    return TrainingConfig(epochs=epochs, learning_rate=0.01, precision="float32", **more)


def work(folder: Path) -> None:
    """What each of the two processes does; every one writes down what it has seen."""
    with distributed.process_group(torch.device("cpu")):
        found = {"main": distributed.is_main()}
        found["gradients"] = {(loss, count): gradients(loss, count) for loss in LOSSES for count in (3, 1)}
        found["trained"] = trained(folder / "straight", build(NO_BATCH_NORM, 0), **OPTIONS)
        found["interrupted"] = interrupted(folder / "stopped")
        found["resumed"] = trained(folder / "stopped", build(NO_BATCH_NORM, 9), resume=True, **OPTIONS)
        found["normed"] = trained(None, build(SMALL, 0), Squares(count=3, batch=3), epochs=1)
        found["both normed"] = trained(None, build(SMALL, 0), ema=0.5)
        torch.save(found, folder / f"{torch.distributed.get_rank()}.pt")


def gradients(loss, count):
    """Those that a step on `count` slices would take; with one slice, the second process has none."""
    model, batch = build(NO_BATCH_NORM, 0), next(Squares(count, batch=count).epoch())
    network = distributed.data_parallel(model)
    LOSSES[loss](forward(network, batch.images, "float32"), batch.masks).backward()
    return [parameter.grad for parameter in model.parameters()]


def trained(folder, model, data=None, resume=False, **more):
    epochs = list(fit(model, data or Squares(**UNEVEN), settings(**more), validation=Squares(count=5, seed=1),
                      folder=folder, resume=resume))
    rows = [(e.loss, e.validation_loss, e.train.tp, e.validation.tp, e.train.total) for e in epochs]
    return rows, dict(model.state_dict())


def interrupted(folder):
    """The second process alone hears Ctrl-C, in the second epoch's second batch."""
    class Interrupting(Squares):
        def epoch(self, number=0, start=0):
            for place, batch in enumerate(super().epoch(number, start), start):
                if (number, place) == (1, 1) and not distributed.is_main():
                    signal.raise_signal(signal.SIGINT)
                yield batch

    try:
        trained(folder, build(NO_BATCH_NORM, 0), Interrupting(**UNEVEN), **OPTIONS)
    except KeyboardInterrupt:
        return load_tensors(folder / LAST)[1]["progress"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What the two processes wrote down, and the folder of their runs."""
    folder = tmp_path_factory.mktemp("two")
    process = torchrun(HERE, folder)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)], folder


@pytest.mark.parametrize("count", [3, 1])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_whole_batch(both, loss, count):
    expected = gradients(loss, count)
    assert any(one.abs().max() > 1e-3 for one in expected)
    for found in both[0]:
        for here, there in zip(expected, found["gradients"][loss, count], strict=True):
            assert torch.allclose(there, here, rtol=1e-4, atol=1e-6)


def test_losses_counts_and_weights_are_those_of_one_process(both):
    rows, weights = trained(None, build(NO_BATCH_NORM, 0), **OPTIONS)
    for found in both[0]:
        there, two = found["trained"]
        assert [row[-1] for row in there] == [7 * 32 * 32] * 2
        assert torch.allclose(torch.tensor(there), torch.tensor(rows), rtol=1e-5)
        for name in weights:
            assert torch.allclose(two[name], weights[name], atol=1e-5), name


def test_both_processes_hold_the_same_bits(both):
    for run in ("trained", "resumed", "normed", "both normed"):
        (rows, weights), (others, twins) = (found[run] for found in both[0])
        assert rows == others
        assert all(torch.equal(weights[name], twins[name]) for name in weights)


def test_ctrl_c_in_one_process_stops_both_and_costs_nothing(both):
    for found in both[0]:
        assert (found["interrupted"]["epoch"], found["interrupted"]["batch"]) == (1, 2)
        straight, resumed = found["trained"], found["resumed"]
        assert resumed[0] == straight[0][1:]
        assert all(torch.equal(resumed[1][name], straight[1][name]) for name in straight[1])


def test_only_the_first_process_writes(both):
    found, folder = both
    assert [one["main"] for one in found] == [True, False]
    assert sorted(path.name for path in (folder / "straight").iterdir()) == sorted([BEST, LAST])


def test_running_statistics_are_averaged_weighted_by_shard(both):
    """Shards of two slices and one: the mean is that of all three, the variance is the mean one of the shards."""
    conv = build(SMALL, 0).encoder["1"].conv1
    images = next(Squares(count=3, batch=3).epoch()).images
    with torch.no_grad():
        shards = [conv(images[:2]), conv(images[2:])]
    mean = 0.1 * torch.cat(shards).mean((0, 2, 3))
    variance = 0.9 + 0.1 * (2 / 3 * shards[0].var((0, 2, 3)) + 1 / 3 * shards[1].var((0, 2, 3)))
    for found in both[0]:
        weights = found["normed"][1]
        assert torch.allclose(weights["encoder.1.norm1.running_mean"], mean, atol=1e-6)
        assert torch.allclose(weights["encoder.1.norm1.running_var"], variance, atol=1e-6)


@pytest.mark.parametrize(("count", "size"), [(7, 2), (1, 3), (0, 2), (8, 4), (5, 4)])
def test_shards_cover_every_slice_once(count, size, monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: size)
    parts = []
    for rank in range(size):
        monkeypatch.setattr(distributed, "_rank", lambda rank=rank: rank)
        parts.append(list(range(count))[distributed.shard(count)])
    assert list(itertools.chain(*parts)) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts[0]) == max(map(len, parts))


def test_a_single_process_needs_no_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    model, images = build(SMALL, 0).eval(), torch.zeros(2, 3, 32, 32)
    before = copy.deepcopy(model.state_dict())
    with distributed.process_group(torch.device("cpu")), distributed.main_process_first():
        assert (distributed.world_size(), distributed.is_main()) == (1, True)
        assert distributed.own_device(torch.device("meta")).type == "meta"
        assert distributed.data_parallel(model) is model
        assert torch.equal(distributed.sharded_forward(model, images), model(images))
        distributed.average_running_statistics(model, 2)
        assert [distributed.any_process(False), distributed.any_process(True)] == [False, True]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_devices_that_cannot_be_shared(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    for device, message in (("mps", "can train on cpu or cuda; got --device mps"),
                            ("cuda", "expected a GPU for each process; process 1 found")):
        if device == "mps" or torch.cuda.device_count() < 2:
            with pytest.raises(DeviceError, match=message):
                distributed.own_device(torch.device(device))


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_the_command_line_under_torchrun(data, tmp_path):
    tiny = ("--base", 2, "--depth", 2, "--size", 32, "--precision", "float32", "--data", data, "--out", tmp_path / "x")
    process = torchrun("-m", "unet_lib", "train", *tiny, "--epochs", 5000)
    deadline = time.monotonic() + 120
    while not (tmp_path / "x" / "history.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert output.count("patients to train") == 1 and output.count("epoch   1/5000") == 1, errors
    assert output.count("all progress is saved") == 1
    assert "torchrun --nproc-per-node 2 -m unet_lib train --base 2" in output and output.strip().endswith("--resume")
    assert load_model(tmp_path / "x" / "best.safetensors")[1]["processes"] == 2
    assert load_tensors(tmp_path / "x" / "last.safetensors")[1]["progress"]["epoch"] >= 1


if __name__ == "__main__":
    work(Path(sys.argv[1]))
