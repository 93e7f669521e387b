"""Two processes train as one. This file is also the program that both run: see `work`."""

import copy
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from repository import HELPERS, REPOSITORY
from squares import SMALL, Squares

from unet_lib.core.errors import DeviceError
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.models.registry import build
from unet_lib.training.distributed import Crew, join_crew
from unet_lib.training.loop import BEST, LAST, TrainingConfig, fit
from unet_lib.training.losses import LOSSES

PLAIN = {**SMALL, "batch_norm": False}
HERE = Path(__file__).resolve()
# Seven slices in batches of three: shares of 2 and 1, and at the end of 1 and 0.
UNEVEN = {"count": 7, "batch": 3}


def settings(epochs=2, **more):
    return TrainingConfig(epochs=epochs, learning_rate=0.01, precision="float32", **more)


def work(folder: Path) -> None:
    """What each of the two processes does; every one writes down what it has seen."""
    with join_crew(torch.device("cpu")) as crew:
        found = {"rank": crew.rank, "leads": crew.leads, "gradients": {}}
        for name, loss in LOSSES.items():
            model, batch = build(PLAIN, 0), next(Squares(**UNEVEN).epoch())
            loss(crew.forward(model, batch.images), batch.masks).backward()
            crew.pool(model, 3)
            found["gradients"][name] = [p.grad for p in model.parameters()]
        found["trained"] = trained(crew, folder / "straight", model=build(PLAIN, 0), clip=0.5, ema=0.5)
        found["interrupted"] = interrupted(crew, folder / "stopped")
        found["resumed"] = trained(crew, folder / "stopped", resume=True, model=build(PLAIN, 9), clip=0.5, ema=0.5)
        found["normed"] = trained(crew, None, model=build(SMALL, 0), data=Squares(count=3, batch=3), epochs=1)
        torch.save(found, folder / f"{crew.rank}.pt")


def trained(crew, folder, model, data=None, resume=False, **more):
    epoch_results = list(fit(model, data or Squares(**UNEVEN), settings(**more), validation=Squares(count=5, seed=1),
                         folder=folder, resume=resume, crew=crew))
    rows = [(s.loss, s.validation_loss, s.train.tp, s.validation.tp, s.train.total) for s in epoch_results]
    return rows, dict(model.state_dict())


def interrupted(crew, folder):
    """Process 1 alone hears Ctrl-C, in the second epoch's second batch."""
    class Interrupting(Squares):
        def epoch(self, number=0, start=0):
            for place, batch in enumerate(super().epoch(number, start), start):
                if (number, place, crew.rank) == (1, 1, 1):
                    signal.raise_signal(signal.SIGINT)
                yield batch

    try:
        trained(crew, folder, model=build(PLAIN, 0), data=Interrupting(**UNEVEN), clip=0.5, ema=0.5)
    except KeyboardInterrupt:
        return load_tensors(folder / LAST)[1]["progress"]


def torchrun(*arguments, **options):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = os.pathsep.join([str(REPOSITORY), str(HELPERS)])
    return subprocess.Popen([*command, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
                            **options)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What the two processes wrote down, and the folder of their runs."""
    folder = tmp_path_factory.mktemp("two")
    process = torchrun(HERE, folder)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)], folder


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_whole_batch(both, loss):
    model, batch = build(PLAIN, 0), next(Squares(**UNEVEN).epoch())
    LOSSES[loss](model(batch.images), batch.masks).backward()
    for found in both[0]:
        for (name, parameter), grad in zip(model.named_parameters(), found["gradients"][loss], strict=True):
            assert torch.allclose(grad, parameter.grad, rtol=1e-4, atol=1e-6), name


def test_losses_counts_and_weights_are_those_of_one_process(both):
    rows, weights = trained(Crew(), None, model=build(PLAIN, 0), clip=0.5, ema=0.5)
    for found in both[0]:
        there, two = found["trained"]
        assert [row[-1] for row in there] == [7 * 32 * 32] * 2
        assert torch.allclose(torch.tensor(there), torch.tensor(rows), rtol=1e-5)
        for name in weights:
            assert torch.allclose(two[name], weights[name], atol=1e-5), name


def test_both_processes_hold_the_same_bits(both):
    for run in ("trained", "resumed", "normed"):
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
    assert [one["leads"] for one in found] == [True, False]
    assert sorted(path.name for path in (folder / "straight").iterdir()) == sorted([BEST, LAST])


def test_running_statistics_are_averaged_by_fraction(both):
    """Shares of two slices and one: the mean is that of all three, the variance is the mean one of the shares."""
    conv = build(SMALL, 0).encoder["1"].conv1
    images = next(Squares(count=3, batch=3).epoch()).images
    with torch.no_grad():
        fractions = [conv(images[:2]), conv(images[2:])]
    mean = 0.1 * torch.cat(fractions).mean((0, 2, 3))
    variance = 0.9 + 0.1 * (2 / 3 * fractions[0].var((0, 2, 3)) + 1 / 3 * fractions[1].var((0, 2, 3)))
    for found in both[0]:
        weights = found["normed"][1]
        assert torch.allclose(weights["encoder.1.norm1.running_mean"], mean, atol=1e-6)
        assert torch.allclose(weights["encoder.1.norm1.running_var"], variance, atol=1e-6)


@pytest.mark.parametrize(("count", "size"), [(7, 2), (1, 3), (0, 2), (8, 4), (5, 4)])
def test_shares_cover_every_slice_once(count, size):
    parts = [list(range(count))[Crew(rank, size).fraction(count)] for rank in range(size)]
    assert list(itertools.chain(*parts)) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts[0]) == max(map(len, parts))


def test_alone_nothing_is_exchanged():
    crew, model = Crew(), build(PLAIN, 0)
    before = copy.deepcopy(model.state_dict())
    images = torch.zeros(1, 3, 32, 32)
    assert torch.equal(crew.forward(model, images), model(images))
    crew.pool(model, 1)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert [crew.any(False), crew.any(True), crew.leader_first(lambda: 3)] == [False, True, 3]


def test_devices_that_cannot_be_shared(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    for device, message in (("mps", "can train on cpu or cuda; got --device mps"),
                            ("cuda", "expected a GPU for each process; process 1 found")):
        if device == "mps" or torch.cuda.device_count() < 2:
            with pytest.raises(DeviceError, match=message), join_crew(torch.device(device)):
                pass


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
