"""Places where programs usually fail: a full disk, a folder one may not write to, odd names, two at once."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import tifffile
from made_up import write_patient
from repository import REPOSITORY

from unet_lib.data.cache import open_cache

UNET_LIB = [sys.executable, "-m", "unet_lib"]
MODEL = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"
PATIENT = "TCGA_CS_0001_19990101"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
# What may be left is complete: a file that is none of these, a temporary one for instance, is an error.
WHOLE: dict[str, Callable[[Path], object]] = {
    ".tif": lambda path: tifffile.imread(path).size,
    ".png": lambda path: plt.imread(path).size,
    ".json": lambda path: json.loads(path.read_text()),
    ".csv": lambda path: path.read_text().endswith("\n"),
}


def own_mounts() -> list[str]:
    """`unshare …`, in which one may mount a small disk of one's own; skips where that is not allowed."""
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if not shutil.which("unshare") or subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"],
                                                     capture_output=True).returncode:
        pytest.skip("this machine does not let one mount a small disk (unshare --mount)")
    return command


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Three small patients, their cache built, in a folder whose name has spaces, umlauts and a quote."""
    root = tmp_path / "Müllers Gehirn’s (β) 🧠"
    for name in (PATIENT, "TCGA_DU_A003_19990101", "TCGA_HT_0005_19990101"):
        write_patient(root, name)
    open_cache(root, progress=False)
    return root


@pytest.mark.parametrize(("free", "arguments"), [
    (0, ["phantom", "--patients", "1", "--out", "DISK/phantom"]),
    (64, ["phantom", "--patients", "1", "--out", "DISK/phantom"]),
    (0, ["train", "--data", "DATA", "--out", "DISK/run", "--epochs", "1", "--base", "4", "--size", "32"]),
    (0, ["predict", f"DATA/{PATIENT}", "--model", MODEL, "--out", "DISK/masks"]),
    (64, ["evaluate", "--data", "DATA", "--model", MODEL, "--split", "all", "--out", "DISK/scores"]),
    (0, ["pages", REPOSITORY / "notebooks" / "00_start_here.ipynb", "--out", "DISK/pages"]),
    (64, ["features", f"DATA/{PATIENT}", "--out", "DISK/features"]),
], ids=lambda value: f"{value} kB free" if isinstance(value, int) else value[0])
def test_a_full_disk_is_said_in_one_sentence_and_leaves_no_half_file(patients, tmp_path, free, arguments):
    disk, left = tmp_path / "disk", tmp_path / "left"
    disk.mkdir()
    call = shlex.join(str(part).replace("DATA", str(patients)).replace("DISK", str(disk)) for part in arguments)
    at = shlex.quote(str(disk))
    # Filled up but for `free` kB: what the command wants to write does not fit.
    script = (f"mount -t tmpfs -o size=1024k none {at} && head -c {1024 - free}k /dev/zero > {at}/ballast; "
              f"{shlex.join(UNET_LIB)} {call}; code=$?; cp -r {at} {shlex.quote(str(left))}; exit $code")
    done = subprocess.run([*own_mounts(), "sh", "-c", script], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    error, = re.findall(r"^error: .*", done.stderr, re.MULTILINE)
    assert "Free some space" in error
    for path in (path for path in left.rglob("*") if path.is_file() and path.name not in ("ballast", ".lock")):
        assert WHOLE[path.suffix](path), path.name


def test_a_disk_that_fills_up_while_the_cache_is_built(tmp_path):
    write_patient(tmp_path / "data", PATIENT, slices=8)  # a cache of 2 MB
    disk, left = tmp_path / "disk", tmp_path / "left"
    disk.mkdir()
    at, data = shlex.quote(str(disk)), shlex.quote(str(tmp_path / "data"))
    script = (f"mount -t tmpfs -o size=4096k none {at} && cp -r {data} {at}/data && "
              f"{{ head -c 9999k /dev/zero > {at}/ballast; truncate -s -1M {at}/ballast; }} 2> /dev/null; "
              f"{shlex.join(UNET_LIB)} data check {at}/data; code=$?; "
              f"ls -A {at}/data/.unet_cache > {shlex.quote(str(left))}; exit $code")
    done = subprocess.run([*own_mounts(), "sh", "-c", script], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 2, done
    assert "the cache cannot be written (No space left on device); it needs 2 MB" in done.stderr
    assert left.read_text() == ""


def test_two_processes_build_the_same_cache_at_once(tmp_path):
    for number in range(4):
        write_patient(tmp_path / "both", f"TCGA_CS_000{number}_19990101", slices=8)
    code = ("import sys; from unet_lib.data.cache import open_cache; cache = open_cache(sys.argv[1], progress=False);"
            "print(len(cache), cache.content, int(cache.images.sum()))")
    running = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "both"], stdout=subprocess.PIPE, text=True,
                                env=ENVIRONMENT) for _ in range(3)]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert said[0].startswith("32 ") and len(set(said)) == 1
    left, = (tmp_path / "both" / ".unet_cache").iterdir()
    assert (left / "index.json").is_file()


def test_a_data_folder_that_is_mounted_read_only(tmp_path):
    root = tmp_path / "data"
    write_patient(root, PATIENT)
    at, cache = shlex.quote(str(root)), tmp_path / "cache"
    script = (f"mount --bind {at} {at} && mount -o remount,ro,bind {at} && ! touch {at}/x 2> /dev/null && "
              f"{shlex.join(UNET_LIB)} data check {at} && "
              f"{shlex.join(UNET_LIB)} predict {at}/{PATIENT} --model {shlex.quote(str(MODEL))} "
              f"--out {shlex.quote(str(tmp_path / 'masks'))}")
    done = subprocess.run([*own_mounts(), "sh", "-c", script], capture_output=True, text=True,
                          env={**ENVIRONMENT, "XDG_CACHE_HOME": str(cache)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 patients, 3 slices" in done.stdout
    assert len(list(cache.rglob("images.npy"))) == 1
    assert len(list((tmp_path / "masks").rglob("*_mask.tif"))) == 3


def test_spaces_and_umlauts_from_data_to_masks(patients, tmp_path, run_cli):
    run, masks = tmp_path / "Läufe und so" / "erster", tmp_path / "Masken „neu“"
    trained = run_cli("train", "--data", patients, "--out", run, "--epochs", 1, "--base", 4, "--size", 32)
    assert trained.returncode == 0, trained.stderr
    done = run_cli("predict", patients / PATIENT, "--model", run / "last.safetensors", "--out", masks)
    assert done.returncode == 2 and "best.safetensors" in done.stderr  # weights, not what a training resumes from
    done = run_cli("predict", patients / PATIENT, "--model", run / "best.safetensors", "--out", masks)
    assert done.returncode == 0, done.stderr
    assert len(list(masks.rglob("*_mask.tif"))) == 3
    scored = run_cli("evaluate", "--data", patients, "--model", run / "best.safetensors", "--split", "all", "--out",
                     tmp_path / "Prüfung")
    assert scored.returncode == 0, scored.stderr
