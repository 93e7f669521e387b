"""Two machines train as one: two torchruns meet, each with one process and a disk of its own.

This file is also the program that both run: see `work`. The machines are two network namespaces that see each other
through one virtual cable only; where the system allows none, two addresses of this machine.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import torch
from processes import free_port
from torchrun import finished, one_of_two, torchrun
from two_machines import two_machines

from unet_lib.cli.app import app
from unet_lib.core.errors import GlassBoxError
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.checkpoint import load_tensors, read_header
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import ExperimentConfig
from unet_lib.training.loop import LAST
from unet_lib.training.recipes import RECIPES, Recipe

HERE = Path(__file__).resolve()
TINY = ("--base", "2", "--depth", "2", "--size", "32", "--precision", "float32", "--lr", "0.01", "--no-batch-norm")
STAGE = ExperimentConfig(UNetConfig(base=2, depth=2), TrainingConfig(epochs=1, precision="float32"), size=32)
NOTES = "notes.json"


def work(machine: Path) -> None:
    """What each machine does in its folder; it notes down what its user reads. In the end, the second one dies."""
    RECIPES["two stages"] = Recipe((STAGE, STAGE))
    first, read = os.environ["RANK"] == "0", {}
    read["fresh"] = train(machine, "run", *TINY, "--epochs", "1")
    read["resumed"] = train(machine, "run", *TINY, "--epochs", "2", "--resume")
    read["overwriting"] = train(machine, "run", *TINY)
    read["one resumes"] = train(machine, "run", *TINY, *["--resume"] * first)
    read["other seed"] = train(machine, "none", *TINY, "--seed", "0" if first else "1")
    read["stages"] = train(machine, "staged", "--recipe", "two stages")
    read["stages resumed"] = train(machine, "staged", "--recipe", "two stages", "--resume")
    if not first:
        (machine / "data" / "TCGA_HT_0005_19990101").rename(machine / "a patient less")
    read["other data"] = train(machine, "none", *TINY)
    if not first:
        (machine / "data").rename(machine / "elsewhere")
    read["no data"] = train(machine, "none", *TINY)
    if not first:
        (machine / "elsewhere").rename(machine / "data")
        (machine / "a patient less").rename(machine / "data" / "TCGA_HT_0005_19990101")
        (machine / NOTES).write_text(json.dumps(read))
        sys.modules["unet_lib.cli.train"]._move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    read["alone"] = train(machine, "lost", *TINY, "--epochs", "100000")
    (machine / NOTES).write_text(json.dumps(read))
    sys.exit(3)  # as one whose training has failed


def train(machine: Path, out: str, *arguments: str) -> str:
    """`unet_lib train` in this process; returns what it complains of."""
    try:
        app(["train", "--data", str(machine / "data"), "--out", str(machine / out), *arguments], standalone_mode=False)
    except GlassBoxError as error:
        return str(error)
    return ""


@pytest.fixture
def machines(data, tmp_path):
    """The folders of two machines and of a third that trains alone, each with its own copy of the data."""
    folders = [tmp_path / name for name in ("first", "second", "third")]
    for folder in folders:
        shutil.copytree(data, folder / "data")
    return folders


def assert_as_alone(machines, run_cli):
    """Two epochs of the third machine by itself leave the weights, and Adam's memory, that the first two have."""
    first, _, third = machines
    done = run_cli("train", "--data", third / "data", "--out", third / "run", *TINY, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    here, there = (load_tensors(folder / "run" / LAST)[0] for folder in (first, third))
    assert here.keys() == there.keys() and any(name.startswith("model.") for name in here)
    for name in here:
        assert torch.allclose(here[name], there[name], atol=1e-5), name


def test_two_machines_train_as_one_process_and_say_what_differs(machines, run_cli):
    port = free_port()
    with two_machines() as (one, other):
        both = [torchrun(HERE, folder, machine=one_of_two(port, one.address, here.address), inside=here.inside,
                         environment=here.environment) for folder, here in zip(machines, (one, other), strict=False)]
        said = finished(both, 90)
    assert all((folder / NOTES).exists() for folder in machines[:2]), said
    here, there = (json.loads((folder / NOTES).read_text()) for folder in machines[:2])
    for scene in ("fresh", "resumed", "stages", "stages resumed"):
        assert here[scene] == there[scene] == ""
    assert_as_alone(machines, run_cli)
    assert sorted(path.name for path in machines[1].iterdir()) == ["data", NOTES]
    for stage in ("staged/stage-1", "staged"):
        assert read_header(machines[0] / stage / LAST)["progress"]["epoch"] == 1
    assert "already holds a run. Add --resume" in here["overwriting"]
    assert there["overwriting"].startswith("process 0 on ") and here["overwriting"] in there["overwriting"]
    for scene, what in (("one resumes", "--resume is True in process 0"), ("other seed", "--seed is 0 in process 0"),
                        ("other data", "data is 5 patients with 23 slices")):
        assert what in here[scene] and here[scene] == there[scene]
    assert "data does not exist" in there["no data"] and there["no data"] in here["no data"]
    assert here["alone"].startswith("expected an answer from all 2 processes; got: "), here["alone"]


if __name__ == "__main__":
    work(Path(sys.argv[1]))
