"""What the benchmark of everyday times counts: in a trial that is over in seconds. No time is tested."""

import sys

import pytest
from processes import run_python
from repository import REPOSITORY

from benchmarks.speed import everyday_times
from unet_lib.core.errors import SettingsError
from unet_lib.evaluation.result_rows import read_rows

SCRIPT = REPOSITORY / "benchmarks" / "speed" / "everyday_times.py"


def test_each_thing_gets_a_row_with_its_ratio_to_limit_and_machine(tmp_path):
    log = tmp_path / "pytest.log"
    log.write_text("== 1 failed in 3.00s ==\n== 2000 passed, 3 skipped in 600.00s (0:10:00) ==\n")
    done = run_python(SCRIPT, "--quick", "--repeats", 1, "--lessons", "00", "--only", "command line", "lessons",
                      "suite", "--log", log, "--out", tmp_path / "rows.json")
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: row for row in read_rows(tmp_path / "rows.json", everyday_times.KEY)}
    assert list(rows) == ["import unet_lib.cli.app", "unet_lib --help", "lesson 00", "test suite"]
    assert (rows["test suite"]["seconds"], rows["test suite"]["of_the_limit"]) == (600, 0.5), "20 minutes"
    assert "test suite: 600.00 s, 50% of the limit of 1200 s" in done.stdout
    assert rows["lesson 00"]["limit_seconds"] is None and "no limit set" in done.stdout
    start = rows["unet_lib --help"]
    assert start["of_the_limit"] == pytest.approx(start["seconds"] / 0.3, abs=0.01)
    assert start["times_torch_import"] == pytest.approx(start["seconds"] / start["import_torch_seconds"], abs=0.01)
    assert min(row["convolution_rate"] for row in rows.values()) > 10**8


def test_processor_time_counts_processes_of_processes(tmp_path):
    work = "import time\nwhile time.process_time() < 0.3: pass"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    seconds, processor = everyday_times.in_new_folder([sys.executable, "-c", outer])
    assert processor >= 0.3 and seconds >= 0.3
    with pytest.raises(SystemExit, match="no such word"):
        everyday_times.timed([sys.executable, "-c", "raise SystemExit('no such word')"])


def test_a_lesson_runs_in_a_copy_without_earlier_runs(tmp_path):
    folder = everyday_times.copy_project(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["animations", "data", "notebooks", "unet_lib"]
    asked = "import unet_lib.core.paths as paths; print(paths.repository())"
    done = everyday_times.subprocess.run([sys.executable, "-c", asked], cwd=folder / "notebooks", text=True,
                                         env={"PYTHONPATH": str(folder)}, capture_output=True, check=True)
    assert done.stdout.strip() == str(folder.resolve())


def test_what_cannot_be_measured_is_said(tmp_path):
    with pytest.raises(SettingsError, match="00 to 09; got '42'"):
        everyday_times.run_all("42", quick=True)
    (tmp_path / "empty.log").write_text("no tests ran\n")
    with pytest.raises(SettingsError, match="make test > empty.log"):
        everyday_times.suite(tmp_path / "empty.log")
