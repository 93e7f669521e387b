"""Where results go, and what is done about trouble on the way: nothing is lost, nothing ends a whole job."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_up import write_patient
from repository import REPOSITORY

from unet_lib.data.cache import open_sound
from unet_lib.data.slice_files import is_data_folder
from unet_lib.training.experiment import history

MODEL = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"
NAMES = ("TCGA_CS_0001_19990101", "TCGA_DU_A003_19990101", "TCGA_HT_0005_19990101")
TINY = ("--epochs", 1, "--base", 2, "--depth", 2, "--size", 32, "--precision", "float32")


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Three small patients in a folder with a space and an umlaut."""
    for name in NAMES:
        write_patient(tmp_path / "Köpfe eins", name)
    return tmp_path / "Köpfe eins"


@pytest.fixture
def mask_file(patients: Path) -> Path:
    return patients / NAMES[0] / f"{NAMES[0]}_2_mask.tif"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and ".unet_cache" not in path.parts}


def head(shape: tuple[int, ...] = (64, 64, 8)) -> np.ndarray:
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape[:3]), indexing="ij")
    values = np.where(x**2 + y**2 + z**2 / 4 < 0.64, 300, 0)
    values[(x - 0.3) ** 2 + (y - 0.1) ** 2 + z**2 < 0.06] = 900
    return values.astype(np.int16)


def save_volume(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([3, 3, 5, 1.0])), path)
    return path


def test_output_into_the_data_folder_is_refused_and_the_masks_survive(run_cli, patients):
    before = contents(patients)
    for out in (patients, patients / NAMES[0] / "deeper", patients / "new"):
        for command in (("predict", patients / NAMES[0], "--model", MODEL),
                        ("train", "--data", patients, *TINY),
                        ("evaluate", "--data", patients, "--model", MODEL, "--split", "all"),
                        ("pages", REPOSITORY / "notebooks" / "00_start_here.ipynb")):
            done = run_cli(*command, "--out", out)
            assert done.returncode == 2 and "data folder" in done.stderr, (command, done.stderr)
            assert "Traceback" not in done.stderr
    assert contents(patients) == before


def test_output_of_two_volumes_of_one_name_stays_apart(run_cli, tmp_path):
    for folder, depth in (("one", 8), ("two", 5)):
        flair = save_volume(tmp_path / folder / "flair.nii.gz", head((64, 64, depth)))
        done = run_cli("predict", "--flair", flair, "--model", MODEL, "--out", tmp_path / "out", "--device", "cpu")
        assert done.returncode == 0, done.stderr
    found = {folder: nibabel.load(tmp_path / "out" / f"{folder}_flair" / f"{folder}_flair_mask.nii.gz").shape
             for folder in ("one", "two")}
    assert found == {"one": (64, 64, 8), "two": (64, 64, 5)}


def test_output_beside_an_experts_mask_leaves_it(run_cli, tmp_path):
    flair = save_volume(tmp_path / "mine" / "flair.nii.gz", head())
    outlined = save_volume(tmp_path / "mine" / "flair_mask.nii.gz", head())
    before = outlined.read_bytes()
    done = run_cli("predict", "--flair", flair, "--model", MODEL, "--out", flair.parent, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert outlined.read_bytes() == before


def test_output_of_a_former_run_is_replaced_whole_and_anything_else_never(run_cli, patients, tmp_path):
    def predict(model: Path = MODEL, source: Path = patients):
        return run_cli("predict", source / NAMES[0], "--model", model, "--out", out, "--device", "cpu")

    out, folder = tmp_path / "out", tmp_path / "out" / NAMES[0]
    assert predict().returncode == 0
    first = contents(folder)
    assert predict().returncode == 0 and contents(folder) == first
    assert [path.name for path in out.iterdir()] == [NAMES[0]]

    other = shutil.copytree(patients, tmp_path / "other data")
    done = predict(source=other)
    assert done.returncode == 2 and "another input" in done.stderr and contents(folder) == first

    (folder / "notes.txt").write_text("by hand")
    done = predict()
    assert done.returncode == 2 and "notes.txt" in done.stderr and (folder / "notes.txt").read_text() == "by hand"


def test_output_of_pages_and_translations_takes_no_foreign_files_place(run_cli, tmp_path):
    lesson = shutil.copy(REPOSITORY / "notebooks" / "00_start_here.ipynb", tmp_path / "00_start_here.ipynb")
    before = Path(lesson).read_bytes()
    done = run_cli("translate", lesson, "--out", tmp_path)
    assert done.returncode == 2 and "wrote it" in done.stderr and Path(lesson).read_bytes() == before
    (tmp_path / "00_start_here.html").write_text("mine")
    assert run_cli("pages", lesson, "--out", tmp_path).returncode == 2
    assert (tmp_path / "00_start_here.html").read_text() == "mine"


def test_output_of_predictions_is_no_data_folder(patients, tmp_path):
    (tmp_path / "p" / NAMES[0]).mkdir(parents=True)
    shutil.copy(patients / NAMES[0] / f"{NAMES[0]}_2_mask.tif", tmp_path / "p" / NAMES[0])
    assert is_data_folder(patients) and is_data_folder(patients / NAMES[0])
    assert not is_data_folder(tmp_path / "p") and not is_data_folder(tmp_path / "nowhere")


def test_fix_for_too_long_a_name_is_a_shorter_one(run_cli, patients, tmp_path):
    done = run_cli("predict", patients / NAMES[0], "--model", MODEL, "--out", tmp_path / ("x" * 300))
    assert done.returncode == 2 and "shorter name" in done.stderr and "Free some space" not in done.stderr


def test_one_bad_file_leaves_the_other_patients(run_cli, patients, tmp_path):
    last = patients / NAMES[2] / f"{NAMES[2]}_3.tif"
    last.write_bytes(last.read_bytes()[:2000])
    assert open_sound(patients, progress=False)[0].names == NAMES[:2]
    done = run_cli("evaluate", "--data", patients, "--model", MODEL, "--out", tmp_path / "scores")
    assert done.returncode == 3 and str(last) in done.stderr
    assert (tmp_path / "scores" / "patients.csv").read_text().count("TCGA") == 2
    done = run_cli("predict", patients, "--model", MODEL, "--out", tmp_path / "p")
    assert done.returncode == 3 and str(last) in done.stderr
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == list(NAMES[:2])


def test_one_bad_expert_mask_does_not_stop_a_prediction(run_cli, patients, mask_file, tmp_path):
    mask_file.write_bytes(b"damaged")
    done = run_cli("predict", patients / NAMES[0], "--model", MODEL, "--out", tmp_path / "p")
    assert done.returncode == 3 and str(mask_file) in done.stderr
    assert len(list((tmp_path / "p" / NAMES[0]).glob("*_mask.tif"))) == 3


def test_printed_resume_command_can_be_run_as_it_is(patients, tmp_path):
    here = tmp_path / "zwei Köpfe"
    here.mkdir()
    shim = tmp_path / "bin" / "unet_lib"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m unet_lib "$@"\n')
    shim.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PATH": f"{shim.parent}:{os.environ['PATH']}"}
    run = here / "läuft jetzt"
    arguments = ["train", "--data", patients, "--out", run, "--epochs", "400", *map(str, TINY[2:])]
    process = subprocess.Popen([shim, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, env=environment, cwd=here)
    while not (run / "history.csv").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 130, said
    command = said.splitlines()[-1].strip().replace("400", "401")
    done = subprocess.run(command.replace("--epochs 401", f"--epochs {len(history(run)) + 1}"), shell=True, text=True,
                          capture_output=True, env=environment, cwd=here)
    assert done.returncode == 0, done.stderr


def test_dollar_signs_in_a_name_are_drawn_as_they_are(run_cli, tmp_path):
    flair = save_volume(tmp_path / "in" / "cost$5_$a$^$.nii.gz", head())
    done = run_cli("predict", "--flair", flair, "--model", MODEL, "--out", tmp_path / "p", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p" / "in_cost$5_$a$^$").is_dir()
