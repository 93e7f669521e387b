"""Two processes at one folder, or at one file of rows: both whole, or the second is told who was first."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository import REPOSITORY

from unet_lib.core.claim import claim, turn
from unet_lib.evaluation.result_rows import read_rows
from unet_lib.training.experiment import HISTORY, history

TINY = ("--base", 2, "--depth", 2, "--size", 32, "--precision", "float32")
ENVIRONMENT = {**os.environ, "PYTHONFAULTHANDLER": "1",
               "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests" / "helpers")])}


def epochs_in(table: Path) -> list[str]:
    return [row["epoch"] for row in csv.DictReader(table.open(encoding="utf-8"))]


def start(*arguments, cwd: Path | None = None) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "unet_lib", *map(str, arguments)], text=True, cwd=cwd,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists(), process.communicate()


def interrupt(process: subprocess.Popen) -> tuple[str, str]:
    """Press Ctrl-C; what the process wrote. One that does not end is made to say, as an error, where it stands."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        raise AssertionError(f"60 s after Ctrl-C:\n{process.communicate(timeout=60)}") from None


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_two_trainings_in_one_folder_and_one_that_was_killed(run_cli, data, tmp_path):
    run = tmp_path / "run"
    command = ("train", "--data", data, "--out", run, *TINY)
    first = start(*command, "--epochs", 5000)
    wait_for(run / HISTORY, first)
    second = run_cli(*command, "--epochs", 1)
    assert second.returncode == 2 and "Traceback" not in second.stderr
    assert f"process {first.pid}" in second.stderr and "Wait until it ends" in second.stderr
    said, errors = interrupt(first)
    assert first.returncode == 130 and "all progress is saved" in said, errors
    assert not (run / ".lock").exists() and not (run / ".holder.json").exists()
    assert epochs_in(run / HISTORY) == [str(n + 1) for n in range(len(history(run)))]

    third = start(*command, "--epochs", 5000, "--resume")
    wait_for(run / ".holder.json", third)
    third.kill()
    third.communicate()
    done = run_cli(*command, "--epochs", len(history(run)) + 1, "--resume")
    assert done.returncode == 0, done.stderr


def test_two_runs_of_one_library_call_share_their_claim_and_leave_nothing(tmp_path):
    with claim(tmp_path / "new"), claim(tmp_path / "new"):
        assert json.loads((tmp_path / "new" / ".holder.json").read_text())["process"] == os.getpid()
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    with pytest.raises(ZeroDivisionError), claim(tmp_path / "old"):
        raise ZeroDivisionError
    assert list((tmp_path / "old").iterdir()) == []


def test_two_measurements_add_their_rows_to_one_file(tmp_path):
    path = tmp_path / "rows.json"
    code = ("import sys; from pathlib import Path; from unet_lib.evaluation.result_rows import add_row\n"
            "for n in range(40): add_row(Path(sys.argv[1]), {}, {'who': sys.argv[2], 'n': n}, ('who', 'n'))")
    both = [subprocess.Popen([sys.executable, "-c", code, path, who], env=ENVIRONMENT) for who in "ab"]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert {(row["who"], row["n"]) for row in read_rows(path)} == {(who, n) for who in "ab" for n in range(40)}
    assert [file.name for file in tmp_path.iterdir()] == ["rows.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="has no /proc")
def test_a_folder_that_cannot_be_written_is_said_and_not_waited_for():
    with pytest.raises(OSError, match="/proc"), claim(Path("/proc")):
        pass
    with pytest.raises(OSError, match="/proc"), turn(Path("/proc/rows.json")):
        pass
