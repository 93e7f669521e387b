import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import tifffile
import torch
from processes import run_python
from repository import REPOSITORY

from unet_lib.core.devices import PRECISIONS
from unet_lib.data.splits import SUBSETS
from unet_lib.evaluation.card import SPLITS
from unet_lib.evaluation.school_models import SCALES
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.training.config import SCHEDULES
from unet_lib.training.losses import LOSSES
from unet_lib.training.recipes import RECIPES

TINY = ("--base", 2, "--depth", 2, "--size", 32, "--batch", 4, "--precision", "float32")


def test_help_is_light_and_lists_the_commands():
    code = """if True:
        import sys
        from unet_lib.cli.app import app
        app(["--help"], standalone_mode=False)
        print("heavy:", {"torch", "numpy", "matplotlib", "ipywidgets"} & set(sys.modules))"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("doctor", "data", "phantom", "train", "evaluate", "predict", "card", "experiments"):
        assert command in done.stdout
    assert "heavy: set()" in done.stdout


CHOICES = {("train", "--loss"): LOSSES, ("train", "--recipe"): RECIPES, ("train", "--schedule"): SCHEDULES,
           ("train", "--precision"): PRECISIONS, ("evaluate", "--split"): SUBSETS,
           ("card", "--split"): SPLITS,
           ("experiments school", "--scale"): SCALES, ("experiments cross-validate", "--recipe"): RECIPES}


@pytest.mark.parametrize("command", sorted({command for command, _ in CHOICES}))
def test_help_names_every_choice(command):
    done = run_python("-m", "unet_lib", *command.split(), "--help", COLUMNS="250", PYTHONPATH=str(REPOSITORY))
    assert done.returncode == 0, done.stderr
    assert "{unet_lib" not in done.stdout
    for (owner, option), registry in CHOICES.items():
        if owner == command:
            assert ", ".join(registry) in re.search(rf"{option} .*", done.stdout)[0]


def test_train_accepts_every_choice(tmp_path):
    """In a process of its own, because the tests' checks of types do not know typer's context."""
    code = """if True:
        import sys
        from unet_lib.cli import app, train
        from unet_lib.training.recipes import RECIPES
        taken = []
        train._train = lambda recipe, *_: taken.append(recipe)
        for option, name in zip(sys.argv[2::2], sys.argv[3::2]):
            app.app(["train", option, name, "--device", "cpu", "--out", sys.argv[1]], standalone_mode=False)
            if option == "--recipe":
                assert taken.pop() is RECIPES[name]
            else:
                assert getattr(taken.pop().stages[0].training, option[2:]) == name
        print("all taken")"""
    pairs = [word for (command, option), registry in CHOICES.items() if command == "train"
             for name in registry for word in (option, name)]
    done = run_python("-c", code, tmp_path, *pairs, PYTHONPATH=str(REPOSITORY))
    assert done.stdout == "all taken\n", done.stderr


def test_data_check_counts(run_cli, data):
    done = run_cli("data", "check", data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 patients, 23 slices, 18 with tumour")
    assert "site CS: 2 patients, 14 slices" in done.stdout
    assert "pre-contrast missing (a copy of FLAIR): 1 patient\n" in done.stdout


def test_data_check_lists_every_problem_without_a_traceback(run_cli, data):
    folder = data / "TCGA_DU_A003_19990101"
    (folder / "TCGA_DU_A003_19990101_1.tif").write_bytes(b"")
    (folder / "TCGA_DU_A003_19990101_2_mask.tif").unlink()
    done = run_cli("data", "check", data)
    assert done.returncode == 2
    assert "2 problems" in done.stderr
    assert "the file is empty" in done.stderr and "is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_train_evaluate_predict(run_cli, data, tmp_path):
    run = tmp_path / "runs" / "x"
    done = run_cli("train", "--data", data, "--out", run, "--epochs", 2, *TINY, "--schedule", "one_cycle",
                   "--clip", 1, "--ema", 0.9, "--patience", 5, "--deterministic")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("F1 held-out") == 2
    assert "images/s" in done.stdout and "Patients kept for the test" in done.stdout
    assert [row["epoch"] for row in csv.DictReader((run / "history.csv").open())] == ["1", "2"]
    card = load_model(run / "best.safetensors")[1]
    test, = card["split"]["test"]
    assert card["training"] == {
        "epochs": 2, "learning_rate": 0.001, "loss": "bce_dice", "precision": "float32", "schedule": "one_cycle",
        "clip": 1.0, "ema": 0.9, "patience": 5, "deterministic": True, "compile": False}
    assert card["precision"] == "float32" and card["torch"] == torch.__version__

    done = run_cli("evaluate", "--model", run / "best.safetensors", "--data", data)
    assert done.returncode == 0, done.stderr
    assert test in done.stdout and "1 patient: mean Dice" in done.stdout
    assert not list((tmp_path).glob("**/*.png"))

    done = run_cli("evaluate", "--model", run / "best.safetensors", "--data", data, "--split", "all",
                   "--out", tmp_path / "scores")
    assert done.returncode == 0, done.stderr
    assert "by site\n  CS " in done.stdout and "HD95" in done.stdout
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == [
        "boxes.png", "made_by.json", "patients.csv", "ranked.png", "scores.json", "worst.png"]
    found = json.loads((tmp_path / "scores" / "scores.json").read_text("utf-8"))
    assert found["split"] == "all" and found["card"]["split"]["test"] == [test] and "commit" in found["scored_with"]

    done = run_cli("predict", data / test, "--model", run / "best.safetensors", "--out", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert "Do not diagnose" in done.stdout
    written = sorted(path.name for path in (tmp_path / "p" / test).iterdir())
    slices = len(list((data / test).glob("*_mask.tif")))
    assert len(written) == 2 * slices + 2   # and scores.csv, made_by.json
    assert tifffile.imread(tmp_path / "p" / test / f"{test}_1_mask.tif").shape == (256, 256)
    assert (tmp_path / "p" / test / f"{test}_1_overlay.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(csv.DictReader((tmp_path / "p" / test / "scores.csv").open()))) == slices


def test_two_and_two_epochs_are_four(run_cli, data, tmp_path):
    straight, halves = tmp_path / "straight", tmp_path / "halves"
    for out, epochs, extra in ((straight, 4, ()), (halves, 2, ()), (halves, 4, ("--resume",))):
        done = run_cli("train", "--data", data, "--out", out, "--epochs", epochs, *TINY, *extra)
        assert done.returncode == 0, done.stderr
    one, two = (load_tensors(out / "last.safetensors")[0] for out in (straight, halves))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    rows = [[{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")}
             for row in csv.DictReader((out / "history.csv").open())] for out in (straight, halves)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4


def test_a_run_is_not_overwritten_by_accident(run_cli, data, tmp_path):
    run_cli("train", "--data", data, "--out", tmp_path / "x", "--epochs", 1, *TINY)
    before = (tmp_path / "x" / "last.safetensors").read_bytes()
    done = run_cli("train", "--data", data, "--out", tmp_path / "x", "--epochs", 1, *TINY)
    assert done.returncode == 2
    assert "already holds a run" in done.stderr
    assert (tmp_path / "x" / "last.safetensors").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_ctrl_c_saves_and_says_how_to_resume(run_cli, data, tmp_path):
    run = tmp_path / "x"
    arguments = ["train", "--data", data, "--out", run, "--epochs", 5000, *TINY]
    process = subprocess.Popen([sys.executable, "-m", "unet_lib", *map(str, arguments)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    deadline = time.monotonic() + 120
    while not (run / "history.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "all progress is saved" in output and "--resume" in output
    epoch = load_tensors(run / "last.safetensors")[1]["progress"]["epoch"]
    done = run_cli("train", "--data", data, "--out", run, "--epochs", epoch + 1, *TINY, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"epoch {epoch + 1:3d}/{epoch + 1}" in done.stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (("--size", 100), "needs height and width divisible by"),
    (("--loss", "hinge"), "expected a loss out of"),
    (("--precision", "float8"), "expected a precision out of"),
    (("--schedule", "linear"), "expected a schedule out of"),
    (("--batch", 0), "expected batch ≥ 1")])
def test_bad_settings_are_explained(run_cli, data, tmp_path, arguments, message):
    done = run_cli("train", "--data", data, "--out", tmp_path / "x", "--epochs", 1, "--base", 2, *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(run_cli, data, tmp_path):
    done = run_cli("train", "--data", data, "--out", tmp_path / "x", "--device", "cuda")
    assert done.returncode == 2
    assert "--device cuda was asked for, but this machine has only cpu" in done.stderr


def test_the_table_of_six_is_measured_row_by_row_and_shown(run_cli, data, tmp_path):
    out = tmp_path / "six.json"
    command = ("experiments", "school", "--scale", "smoke", "--out", out)
    done = run_cli(*command, "--data", data, "--rows", "Model_0", "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    measured = [(row["name"], row["split"]) for row in json.loads(out.read_text())["rows"]]
    assert measured == [("Model_0", "patients"), ("Model_0", "slices")]
    assert "Model_0, split by slices: F1 " in done.stdout and "| Model_1 | 100 | 4 | 0.79, 0.997 | not" in done.stdout
    table = done.stdout[done.stdout.index("| model |"):]
    written = out.stat().st_mtime_ns
    assert run_cli(*command, "--show").stdout == table
    again = run_cli(*command, "--data", data, "--rows", "Model_0", cwd=tmp_path)
    assert again.stdout == table and out.stat().st_mtime_ns == written


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_ctrl_c_in_the_table_says_that_the_same_command_goes_on(data, tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "unet_lib", "experiments", "school", "--data", str(data), "--out",
                                str(tmp_path / "six.json")], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    history = tmp_path / "runs" / "six_models" / "Model_0-patients-cpu" / "history.csv"
    deadline = time.monotonic() + 120
    while not history.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Run the same command to continue" in output and "Traceback" not in errors


def test_weights_that_are_none(run_cli, data, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04 a pickle")
    done = run_cli("evaluate", "--data", data, "--model", tmp_path / "w.safetensors")
    assert done.returncode == 2
    assert "a pickle" in done.stderr and "Traceback" not in done.stderr


def test_doctor_says_ok_line_by_line(run_cli, data):
    done = run_cli("doctor", "--data", data)
    assert "[OK] Python" in done.stdout and "[OK] data: 5 patients" in done.stdout


def test_a_training_that_gets_no_better_says_so(run_cli, data, tmp_path):
    done = run_cli("train", "--data", data, "--out", tmp_path / "run", "--base", 2, "--depth", 2, "--size", 32,
                   "--epochs", 9, "--lr", 1e-12, "--patience", 2, "--no-batch-norm")
    assert done.returncode == 0, done.stderr
    assert "Stopped early: no better F1 in 2 epochs." in done.stdout
    assert "epoch   3/9" in done.stdout and "epoch   9/9" not in done.stdout
