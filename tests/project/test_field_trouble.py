"""Kinds of trouble that people had with their own files: nothing is lost, nothing misleads. One test or more a kind."""

import os
import re
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
import tifffile
from made_up import write_patient
from repository import REPOSITORY
from squares import SMALL, Squares

from unet_lib.core.claim import claim
from unet_lib.core.errors import CheckpointError, DatasetError, SettingsError, TrainingError
from unet_lib.data.cache import open_cache, open_sound
from unet_lib.data.slice_files import find_slices, is_data_folder, survey
from unet_lib.data.tiff import MOSTLY_TUMOUR, ZERO_ONE, read_image, read_mask, read_mask_with_remarks
from unet_lib.inference.nifti import read_trio
from unet_lib.models.checkpoint import load_model, save_tensors
from unet_lib.models.registry import build, described
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import history, write_history
from unet_lib.training.loop import BEST, LAST, fit

MODEL = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"
NAMES = ("TCGA_CS_0001_19990101", "TCGA_DU_A003_19990101", "TCGA_HT_0005_19990101")
TINY = ("--epochs", 1, "--base", 2, "--depth", 2, "--size", 32, "--precision", "float32")
FLOAT = {"precision": "float32"}


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


# Output destroys input.

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


# A fix that destroys labels, or does not fit: every fix that is printed as code is carried out here.

def test_fix_is_not_needed_for_masks_of_0_and_1(run_cli, patients, mask_file):
    wanted = read_mask(mask_file)
    for path in patients.rglob("*_mask.tif"):
        tifffile.imwrite(path, tifffile.imread(path) // 255)
    mask, remarks = read_mask_with_remarks(mask_file)
    assert np.array_equal(mask, wanted) and remarks == (ZERO_ONE,)
    done = run_cli("data", "check", patients)
    assert done.returncode == 0 and "6 of 9 masks hold 0 and 1" in done.stderr


@pytest.mark.parametrize("spoil", [
    lambda m: m // 255 * np.uint8(2),
    lambda m: m // 255 * np.uint8(128),
    lambda m: m // 255 * np.uint8(4) + np.roll(m // 255, 9) * np.uint8(1),
    lambda m: np.clip(m.astype(int) + np.arange(256) % 7 - 3, 0, 255).astype(np.uint8),
    lambda m: m // 255 * np.uint8(100) + np.uint8(np.arange(256) % 3),
    lambda m: m.astype(np.uint16),
    lambda m: m.astype(np.float32) / 255,
    lambda m: np.dstack([m, m, m]),
    lambda m: np.dstack([m, 0 * m, 0 * m]),
], ids=["0 and 2", "0 and 128", "labels", "as JPEG", "dim JPEG", "uint16", "float", "RGB", "red"])
def test_fix_printed_for_a_mask_keeps_every_label(mask_file, spoil):
    wanted = read_mask(mask_file)
    spoilt = spoil(wanted * np.uint8(255))
    tifffile.imwrite(mask_file, spoilt)
    with pytest.raises(DatasetError) as error:
        read_mask(mask_file)
    code = re.search(r"mask = .*?(?=\.$|\. )", str(error.value))
    assert code, error.value
    names = {"mask": spoilt, "np": np}
    exec(code[0], names)
    tifffile.imwrite(mask_file, names["mask"])
    assert (read_mask(mask_file) >= wanted).all() and read_mask(mask_file).mean() < 0.05


def test_fix_printed_for_names_renames(run_cli, patients):
    (patients / NAMES[0]).rename(patients / NAMES[0].lower())
    (patients / NAMES[1]).rename(patients / f"{NAMES[1]} (1)")
    done = run_cli("data", "check", patients)
    assert done.returncode == 2
    fixes = re.findall(r"Rename it: (mv .*)", done.stderr)
    assert len(fixes) == 2
    for fix in fixes:
        subprocess.run(fix, shell=True, check=True)
    assert run_cli("data", "check", patients).returncode == 0


def test_fix_printed_for_several_pages_keeps_the_first(mask_file):
    wanted = read_mask(mask_file)
    tifffile.imwrite(mask_file, np.stack([wanted * 255, 255 - wanted * 255]), photometric="minisblack")
    with pytest.raises(DatasetError, match="found 2") as error:
        read_mask(mask_file)
    exec(re.search(r"tifffile\.imwrite\(.*\)", str(error.value))[0], {"tifffile": tifffile, "path": mask_file})
    assert np.array_equal(read_mask(mask_file), wanted)


def test_fix_for_too_long_a_name_is_a_shorter_one(run_cli, patients, tmp_path):
    done = run_cli("predict", patients / NAMES[0], "--model", MODEL, "--out", tmp_path / ("x" * 300))
    assert done.returncode == 2 and "shorter name" in done.stderr and "Free some space" not in done.stderr


@pytest.mark.parametrize(("values", "message"), [
    (head()[..., 0], "no stack of slices"),
    (np.zeros((8, 8, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "in colours"),
    (np.zeros((8, 8, 4, 3), np.int16), "several frames")], ids=["2-D", "RGB", "4-D"])
def test_fix_of_a_volume_fits_its_cause(tmp_path, values, message):
    path = save_volume(tmp_path / "odd.nii", values)
    with pytest.raises(DatasetError, match=message):
        read_trio(path)


def test_fix_for_data_that_changed_names_the_data(tmp_path):
    list(fit(build(SMALL, 0), Squares(), TrainingConfig(1, **FLOAT), folder=tmp_path, card={"data": {"content": "a"}}))
    with pytest.raises(CheckpointError, match="patients' files are not those that this run began with"):
        next(fit(build(SMALL, 0), Squares(), TrainingConfig(2, **FLOAT), folder=tmp_path, resume=True,
                 card={"data": {"content": "b"}}))


# The pixels' meaning ignored.

def test_meaning_white_is_zero_and_palettes_are_honoured(mask_file):
    wanted = read_mask(mask_file)
    palette = np.zeros((3, 256), np.uint16)
    palette[:, 0] = 65535
    for pixels, how in ((255 - wanted * 255, {"photometric": "miniswhite"}),
                        (1 - wanted, {"photometric": "miniswhite"}),
                        (wanted == 0, {"photometric": "miniswhite"}),
                        (1 - wanted, {"photometric": "palette", "colormap": palette})):
        tifffile.imwrite(mask_file, pixels, **how)
        assert np.array_equal(read_mask(mask_file), wanted)


def test_meaning_colours_are_refused(mask_file):
    palette = np.zeros((3, 256), np.uint16)
    palette[0, 1] = 65535
    tifffile.imwrite(mask_file, read_mask(mask_file), photometric="palette", colormap=palette)
    with pytest.raises(DatasetError, match="palette of colours"):
        read_mask(mask_file)
    image = mask_file.with_name(mask_file.name.replace("_mask", ""))
    tifffile.imwrite(image, read_image(image), photometric="cielab")
    with pytest.raises(DatasetError, match="CIELAB"):
        read_image(image)


@pytest.mark.parametrize(("orientation", "stored"), [
    (2, lambda p: p[:, ::-1]), (3, lambda p: p[::-1, ::-1]), (4, lambda p: p[::-1]), (5, lambda p: p.swapaxes(0, 1)),
    (6, lambda p: np.rot90(p)), (7, lambda p: p[::-1, ::-1].swapaxes(0, 1)), (8, lambda p: np.rot90(p, -1))])
def test_meaning_of_the_orientation_tag(mask_file, orientation, stored):
    """Stored so that a viewer that honours the tag shows the picture upright (TIFF 6.0)."""
    image = mask_file.with_name(mask_file.name.replace("_mask", ""))
    for path, read in ((image, read_image), (mask_file, read_mask)):
        wanted, pixels = read(path), tifffile.imread(path)
        tifffile.imwrite(path, np.ascontiguousarray(stored(pixels)), extratags=[(274, "H", 1, orientation, True)],
                         photometric="rgb" if pixels.ndim == 3 else "minisblack")
        assert np.array_equal(read(path), wanted)


def test_meaning_more_than_half_tumour_is_said(run_cli, patients, mask_file):
    tifffile.imwrite(mask_file, 255 - tifffile.imread(mask_file))
    assert read_mask_with_remarks(mask_file)[1] == (MOSTLY_TUMOUR,)
    done = run_cli("data", "check", patients)
    assert done.returncode == 0 and "1 of 9 masks are more than half tumour" in done.stderr


def test_meaning_of_a_header_that_contradicts_itself(tmp_path):
    image = nibabel.Nifti1Image(head(), np.diag([3, 3, 5, 1.0]))
    image.set_sform(np.diag([-3, 3, 5, 1.0]), 1)
    image.set_qform(np.diag([3, 3, 5, 1.0]), 1)
    nibabel.save(image, tmp_path / "odd.nii")
    with pytest.raises(DatasetError, match="contradicts itself") as error:
        read_trio(tmp_path / "odd.nii")
    for number, fix in enumerate(re.findall(r"image\.set_\wform\(image\.get_\wform\(\), 1\)", str(error.value))):
        repaired = nibabel.load(tmp_path / "odd.nii")
        exec(fix, {"image": repaired})
        nibabel.save(repaired, tmp_path / f"repaired_{number}.nii")
        assert len(read_trio(tmp_path / f"repaired_{number}.nii").images) == 8
    assert number == 1


# Silent loss of data, and companions.

def test_loss_of_other_endings(patients):
    for at, image in enumerate(sorted(p for p in patients.rglob("*.tif") if "mask" not in p.name)):
        ending = (".tif", ".TIF", ".tiff")[at % 3]
        for path in (image, image.with_name(f"{image.stem}_mask.tif")):
            path.rename(path.with_suffix(ending))
    assert len(find_slices(patients)) == 9 and len(open_cache(patients, progress=False)) == 9


def test_loss_of_slices_outside_their_patient_is_named(run_cli, patients):
    shutil.copytree(patients / NAMES[0], patients / "Patient 7")
    shutil.copy(patients / NAMES[0] / f"{NAMES[0]}_1.tif", patients)
    (patients / "notes.txt").write_text("x")
    found = survey(patients)
    assert len(found.problems) == 2 and "Patient 7" in " ".join(found.problems)
    shutil.rmtree(patients / "Patient 7")
    (patients / f"{NAMES[0]}_1.tif").unlink()
    assert "1 other file or folders there are not read: notes.txt" in run_cli("data", "check", patients).stdout


def test_companions_are_passed_over_everywhere(run_cli, patients, tmp_path):
    for path in list(patients.rglob("*.tif")):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7" + bytes(100))
    (patients / ".DS_Store").write_bytes(b"x")
    (patients / f"._{NAMES[0]}").write_bytes(b"x")
    assert survey(patients).problems == () and len(find_slices(patients)) == 9
    done = run_cli("predict", patients / NAMES[0] / f"{NAMES[0]}_2.tif", "--model", MODEL, "--out", tmp_path / "p")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("packing", ["lzw", "packbits", "zlib", "zstd"])
def test_packings_are_read(mask_file, packing):
    image = mask_file.with_name(mask_file.name.replace("_mask", ""))
    for path, read, colours in ((image, read_image, "rgb"), (mask_file, read_mask, "minisblack")):
        wanted = read(path)
        tifffile.imwrite(path, tifffile.imread(path), compression=packing, photometric=colours)
        assert np.array_equal(read(path), wanted)


# Two runs, one folder.

def test_two_runs_in_one_folder(patients, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    hold = "import sys, time; from pathlib import Path; from unet_lib.core.claim import claim\n" \
           "with claim(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True,
                              env=environment)
    try:
        assert holder.stdout.readline() == "held\n"
        done = subprocess.run([sys.executable, "-m", "unet_lib", "train", "--data", str(patients), *map(str, TINY),
                               "--out", str(tmp_path / "run")], capture_output=True, text=True, env=environment)
        assert done.returncode == 2 and f"process {holder.pid}" in done.stderr and "Traceback" not in done.stderr
    finally:
        holder.kill()
        holder.wait()
    with claim(tmp_path / "run"), claim(tmp_path / "run"):   # a killed holder holds nothing
        pass


# A training that becomes NaN.

def test_nan_stops_a_training_and_the_last_good_weights_stay(tmp_path):
    class Spoilt(Squares):
        def epoch(self, number=0, start=0):
            for batch in super().epoch(number, start):
                if number == 1:
                    batch.images[:] = float("nan")
                yield batch

    run = fit(build(SMALL, 0), Spoilt(), TrainingConfig(3, **FLOAT), folder=tmp_path)
    next(run)
    before = contents(tmp_path)
    with pytest.raises(TrainingError, match=r"epoch 2, batch 1.*weights of epoch 1 are kept.*smaller learning rate"):
        next(run)
    assert contents(tmp_path) == before


def test_nan_training_from_the_command_line(run_cli, patients, tmp_path):
    done = run_cli("train", "--data", patients, "--out", tmp_path / "run", *TINY, "--lr", "1e30")
    assert done.returncode == 2 and "expected a finite number" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run" / BEST).exists()


def test_nan_settings_and_weights_are_refused(tmp_path):
    for setting in ({"learning_rate": float("inf")}, {"learning_rate": float("nan")}, {"clip": float("inf")},
                    {"clip": float("nan")}, {"ema": float("nan")}):
        with pytest.raises(SettingsError):
            TrainingConfig(**setting)
    model = build(SMALL, 0)
    weights = {**model.state_dict()}
    name = next(name for name in weights if name.endswith("running_var"))
    weights[name] = weights[name] * float("nan")
    save_tensors(tmp_path / "x.safetensors", weights, {"kind": "model", "architecture": described(model), "card": {}})
    with pytest.raises(CheckpointError, match=f"NaN or infinity in {re.escape(name)}"):
        load_model(tmp_path / "x.safetensors")


# A stale cache.

def test_stale_cache_after_files_are_exchanged(patients):
    first, second = (patients / NAMES[0] / f"{NAMES[0]}_{n}.tif" for n in (2, 3))
    for path in (first, second):
        os.utime(path, ns=(10**18, 10**18))
    assert first.stat().st_size == second.stat().st_size
    before = open_cache(patients, progress=False)
    first.rename(first.with_suffix(".x"))
    second.rename(first)
    first.with_suffix(".x").rename(second)
    after = open_cache(patients, progress=False)
    assert after.content != before.content and np.array_equal(after.images[1], before.images[2])


def test_stale_cache_is_no_excuse_for_data_check(patients, run_cli):
    """A file changed behind the file system's back: here the cache's own name is put in place of the new one."""
    open_cache(patients, progress=False)
    path = patients / NAMES[0] / f"{NAMES[0]}_1.tif"
    store, = (patients / ".unet_cache").iterdir()
    path.write_bytes(path.read_bytes()[:2000])
    from unet_lib.data.cache import _store
    store.rename(_store(survey(patients)))
    done = run_cli("data", "check", patients)
    assert done.returncode == 2 and "truncated" in done.stderr


# Side files end a run.

def test_side_files_never_stop_a_run_and_no_row_is_lost(tmp_path):
    def train(epochs: int, **more: bool) -> None:
        for _ in fit(build(SMALL, 0), Squares(), TrainingConfig(epochs, **FLOAT), folder=tmp_path, **more):
            write_history(tmp_path)

    train(2)
    table = tmp_path / "history.csv"
    table.write_text("﻿" + table.read_text().replace(",", ";"), encoding="utf-8")
    train(3, resume=True)
    assert [row.split(",")[0] for row in table.read_text().splitlines()] == ["epoch", "1", "2", "3"]
    table.unlink()
    table.mkdir()
    with pytest.warns(UserWarning, match="its rows are safe in last.safetensors"):
        train(4, resume=True)
    assert [row["epoch"] for row in history(tmp_path)] == [1, 2, 3, 4]
    assert (tmp_path / LAST).exists()


# One bad file ends a whole job.

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


# Printed commands.

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


def test_printed_check_command_can_be_run_as_it_is(patients, mask_file):
    mask_file.unlink()
    with pytest.raises(DatasetError) as error:
        find_slices(patients)
    command = re.search(r"See all of them with: (.*)", str(error.value))[1]
    assert shlex.split(command) == ["unet_lib", "data", "check", str(patients)]


def test_dollar_signs_in_a_name_are_drawn_as_they_are(run_cli, tmp_path):
    flair = save_volume(tmp_path / "in" / "cost$5_$a$^$.nii.gz", head())
    done = run_cli("predict", "--flair", flair, "--model", MODEL, "--out", tmp_path / "p", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p" / "in_cost$5_$a$^$").is_dir()
