"""`unet_lib card`: its figures against masks on the disk, what it replaces and what it leaves alone."""

import json
import re
import shutil

import numpy as np
import pytest
import tifffile
from made_up import write_patient
from processes import run_python
from repository import REPOSITORY

from unet_lib.models.checkpoint import load_model

TINY = ("--base", 4, "--depth", 2, "--size", 64, "--batch", 4, "--precision", "float32", "--epochs", 30, "--lr", 0.01)
NAMES = [f"TCGA_{site}_000{number}_19990101" for number, site in enumerate(("CS", "DU", "HT", "DU", "CS", "FG", "HT"))]


def unet_lib(*arguments):
    return run_python("-m", "unet_lib", *arguments, PYTHONPATH=str(REPOSITORY))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Seven patients, and three runs on them: two that differ in the loss, and one on another split."""
    folder = tmp_path_factory.mktemp("card place")
    for name in NAMES:
        write_patient(folder / "data", name)
    for run, extra in {"one": (), "two": ("--loss", "dice"), "other": ("--seed", 3)}.items():
        done = unet_lib("train", "--data", folder / "data", "--out", folder / run, *TINY, *extra)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runs(place, tmp_path):
    """A copy to write into."""
    return shutil.copytree(place, tmp_path / "here")


def card(runs, name="one", *more):
    return unet_lib("card", runs / name, "--data", runs / "data", *more)


def dice_on_disk(runs, name, patient):
    """From the masks that `unet_lib predict` writes, with nothing of ours."""
    out = runs / f"masks-{name}"
    done = unet_lib("predict", runs / "data" / patient, "--model", runs / name / "best.safetensors", "--out", out)
    assert done.returncode == 0, done.stderr
    tp = found = true = 0
    for path in (runs / "data" / patient).glob("*_mask.tif"):
        a, b = tifffile.imread(path) > 0, tifffile.imread(out / patient / path.name) > 0
        tp, found, true = tp + (a & b).sum(), found + b.sum(), true + a.sum()
    return 2 * tp / (found + true) if found + true else 1.0


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_figures_are_those_of_the_masks(runs, split):
    patients = load_model(runs / "one" / "best.safetensors")[1]["split"][split]
    done = card(runs, "one", "--baseline", runs / "two", "--split", split, "--question", "Is BCE worth it?")
    assert done.returncode == 0, done.stderr
    text = (runs / "one" / f"card-{split}" / "card.md").read_text("utf-8")
    one, two = (np.mean([dice_on_disk(runs, name, patient) for patient in patients]) for name in ("one", "two"))
    assert float(re.search(r"mean Dice of a patient ([\d.]+)", text)[1]) == pytest.approx(one, abs=6e-4)
    assert 0 < one < 1 and one != two
    gain = float(re.search(r"mean gain in Dice ([+−][\d.]+)", text)[1].replace("−", "-"))
    assert gain == pytest.approx(one - two, abs=6e-4)
    assert text.startswith("# Is BCE worth it?\n") and "loss dice → bce_dice" in text
    assert f"{len(patients)} {split} patients" in text and "Do not diagnose" in done.stdout
    assert f"card.md and card.png are in {runs / 'one' / f'card-{split}'}\n" in done.stdout
    assert sorted(path.name for path in (runs / "one" / f"card-{split}").iterdir()) == [
        "card.md", "card.png", "made_by.json", "masks.png"]


def test_the_test_patients_are_not_opened_without_being_asked_for(runs):
    test = load_model(runs / "one" / "best.safetensors")[1]["split"]["test"]
    done = card(runs)
    assert done.returncode == 0, done.stderr
    said = done.stdout + (runs / "one" / "card-validation" / "card.md").read_text("utf-8")
    assert not [name for name in test if name in said or name[5:12].replace("_", " ") in said]
    assert not (runs / "one" / "card-test").exists()


def test_a_card_takes_the_place_of_its_former_self_and_of_nothing_else(runs):
    out = runs / "my card"
    assert card(runs, "one", "--out", out).returncode == 0
    done = card(runs, "one", "--out", out, "--question", "Worded anew?", "--answer", "Yes.")
    assert done.returncode == 0, done.stderr
    new = (out / "card.md").read_text("utf-8")
    assert new.startswith("# Worded anew?\n\n## Answer\n\n- Yes.")

    for other in (("one", "--split", "test"), ("two",), ("one", "--baseline", runs / "two")):
        done = card(runs, *other, "--out", out)
        assert done.returncode == 2 and "another input, model or setting" in done.stderr, other
        assert "Traceback" not in done.stderr and (out / "card.md").read_text("utf-8") == new

    (out / "card.md").write_text("edited by hand")
    done = card(runs, "one", "--out", out)
    assert done.returncode == 2 and "card.md" in done.stderr and (out / "card.md").read_text() == "edited by hand"

    (runs / "theirs").mkdir()
    (runs / "theirs" / "card.md").write_text("somebody's")
    done = card(runs, "one", "--out", runs / "theirs")
    assert done.returncode == 2 and "no former run of this command wrote it" in done.stderr
    assert [path.read_text() for path in (runs / "theirs").iterdir()] == ["somebody's"]


@pytest.mark.parametrize(("arguments", "message"), [
    (("nowhere",), "expected a run's folder with best.safetensors and history.csv"),
    (("one", "--baseline", "BASE/data"), "expected a run's folder"),
    (("one", "--split", "train"), "expected a split out of validation, test; got 'train'"),
    (("one", "--question", "why? " * 40), "at most 160 letters; got 199"),
    (("one", "--baseline", "BASE/other"), "Train both with the same --data and --seed"),
    (("one", "--out", "BASE/data/new"), "lies in the data folder"),
    (("one", "--device", "abacus"), "this machine has only")])
def test_bad_input_is_explained_and_writes_nothing(runs, arguments, message):
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file() and ".unet_cache" not in path.parts}
    done = card(runs, *(str(word).replace("BASE", str(runs)) for word in arguments))
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert {path: path.read_bytes() for path in runs.rglob("*")
            if path.is_file() and ".unet_cache" not in path.parts} == before


def test_one_bad_patient_is_named_and_the_others_make_a_card(runs):
    gone, kept = sorted(NAMES), load_model(runs / "one" / "best.safetensors")[1]["split"]["validation"]
    bad = runs / "data" / next(name for name in gone if name not in kept)
    (bad / f"{bad.name}_2.tif").write_bytes(b"damaged")
    done = card(runs)
    assert done.returncode == 3 and bad.name in done.stderr
    made_by = json.loads((runs / "one" / "card-validation" / "made_by.json").read_text())
    assert sorted(made_by["files"]) == ["card.md", "card.png", "masks.png"]
