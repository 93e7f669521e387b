import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from unet_lib.core.errors import CheckpointError
from unet_lib.models import checkpoint
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_model(path, build({"base": 2, "depth": 2}, seed=3), {"data": {"size": 64}, "note": "ä"})
    return path


def test_what_is_saved_comes_back(weights):
    model, card = checkpoint.load_model(weights)
    original = build({"base": 2, "depth": 2}, seed=3)
    assert model.config == original.config
    assert card == {"data": {"size": 64}, "note": "ä"}
    assert not model.training
    for name, tensor in original.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_channels_last_weights_come_back_equal(tmp_path):
    model = build({"base": 2}, seed=0).to(memory_format=torch.channels_last)
    checkpoint.save_model(tmp_path / "w.safetensors", model, {})
    again, _ = checkpoint.load_model(tmp_path / "w.safetensors")
    assert torch.equal(again.bottleneck.conv1.weight, model.bottleneck.conv1.weight)


def test_another_architecture_is_refused_and_changes_nothing(weights):
    model = UNet(base=3, depth=2)
    before = model.output.weight.clone()
    tensors, _ = checkpoint.load_tensors(weights)
    with pytest.raises(CheckpointError, match=r"another architecture.*expected \(.*got \(.*load_model"):
        checkpoint.fill(model, tensors, weights)
    assert torch.equal(model.output.weight, before)


@pytest.mark.parametrize("keep", [0, 5, 8, 100, 3000, -1])
def test_truncated(weights, keep):
    content = weights.read_bytes()
    weights.write_bytes(content[:keep])
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: (damaged or )?truncated.*Train again"):
        checkpoint.load_model(weights)


def test_flipped_header_bytes_are_an_error_or_a_valid_read(weights):
    content = weights.read_bytes()
    for position in range(0, 400, 7):
        weights.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1:])
        try:
            checkpoint.load_model(weights)
        except CheckpointError as error:
            assert "weights.safetensors" in str(error)


class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {os.environ['BOMB']}",)


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_a_pickle_with_code_in_it_is_refused_and_never_run(tmp_path, monkeypatch, how):
    fuse = tmp_path / "exploded"
    monkeypatch.setenv("BOMB", str(fuse))
    path = tmp_path / "model.pt"
    if how == "torch":
        torch.save({"model": Bomb()}, path)
    else:
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match=r"a pickle.*was not opened.*safetensors"):
        checkpoint.load_model(path)
    assert not fuse.exists()
    pickle.loads(pickle.dumps(Bomb()))  # the bomb is real: unpickled, it goes off
    assert fuse.exists()


def test_somebody_elses_safetensors(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="not one of this library"):
        checkpoint.load_model(tmp_path / "other.safetensors")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot be read \(No such file"):
        checkpoint.load_model(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load_model(tmp_path)


@pytest.mark.parametrize("header", [{"format": 99}, {"format": 1, "kind": "resume"},
                                    {"format": 1, "kind": "model", "architecture": {"width": 3}},
                                    {"format": 1, "kind": "model", "architecture": {"base": 0}}, [1]])
def test_headers_that_describe_no_network(tmp_path, header):
    save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors", {checkpoint.HEADER: json.dumps(header)})
    with pytest.raises(CheckpointError):
        checkpoint.load_model(tmp_path / "w.safetensors")


def test_disk_full_keeps_the_previous_file(weights, monkeypatch):
    before = weights.read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"No space left on device.*previous file is untouched"):
        checkpoint.save_model(weights, build({"base": 4}, 0), {})
    assert weights.read_bytes() == before
    assert list(weights.parent.iterdir()) == [weights]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of another kind there")
def test_a_file_that_grows_over_its_limit_keeps_the_previous_one(weights):
    """The kernel itself stops the writing half way, as a full disk does."""
    before = weights.read_bytes()
    code = ("import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
            "from unet_lib.models.checkpoint import *; from unet_lib.models.registry import build;"
            "save_model(sys.argv[1], build({'base': 8}, 0), {})")
    done = subprocess.run([sys.executable, "-c", code, weights], capture_output=True, text=True)
    assert "CheckpointError" in done.stderr
    assert weights.read_bytes() == before
    assert list(weights.parent.iterdir()) == [weights]


def test_kill_9_while_saving_keeps_a_whole_file(weights):
    """A process saves without pause and is killed at six random moments; what is there always loads."""
    code = ("import sys; from unet_lib.models.checkpoint import *; from unet_lib.models.registry import build\n"
            "model = build({'base': 8}, 1); print('ready', flush=True)\n"
            "while True: save_model(sys.argv[1], model, {})")
    for pause in (0.0, 0.003, 0.011, 0.023, 0.041, 0.07):
        process = subprocess.Popen([sys.executable, "-c", code, weights], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        model, _ = checkpoint.load_model(weights)
        assert model.config.base in (2, 8)


def test_saved_files_can_be_read_by_others(weights):
    assert Path(weights).stat().st_mode & 0o044 == 0o044


def test_adams_memory_comes_back():
    def step(model, optimiser):
        torch.manual_seed(0)
        model(torch.randn(1, 3, 8, 8)).square().mean().backward()
        optimiser.step()

    one = build({"base": 2, "depth": 1}, 0)
    first = torch.optim.Adam(one.parameters())
    step(one, first)
    two = build({"base": 2, "depth": 1}, 1)
    two.load_state_dict(one.state_dict())
    second = torch.optim.Adam(two.parameters())
    checkpoint.restore_optimiser(second, checkpoint.optimiser_tensors(first))
    one.zero_grad()
    step(one, first)
    step(two, second)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
