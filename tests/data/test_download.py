"""The data set laid out from an archive: verified to the pixel, and nothing overwritten."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
import tifffile
from packed_set import PATIENT, files, nothing_is_left, pixel_hash, zipped

from unet_lib.core.errors import DatasetError
from unet_lib.data import download
from unet_lib.data.download import Expected, Fingerprint, differences, fetch, fingerprints, published, verify
from unet_lib.data.slice_files import find_slices

# --- laying out ---

@pytest.mark.parametrize("packing", [ZIP_STORED, ZIP_DEFLATED])
def test_a_zip_becomes_patient_folders_and_nothing_else(data, expected, out, tmp_path, packing):
    assert fetch(out, zipped(data, tmp_path / "drüben.zip", packing), expected, progress=False)
    assert files(out) == files(data)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_of_two_copies_the_one_nested_least_is_taken(data, expected, out, tmp_path):
    with ZipFile(tmp_path / "archive.zip", "w") as packed:
        for top, content in (("a/b", b"other"), ("kaggle_3m", None), ("lgg/kaggle_3m", b"other")):
            for file in data.glob("TCGA*/*.tif"):
                packed.writestr(f"{top}/{file.parent.name}/{file.name}", content or file.read_bytes())
    assert fetch(out, tmp_path / "archive.zip", expected, progress=False)
    assert files(out) == files(data)


def test_an_unpacked_archive_is_copied_and_stays(archive, data, expected, out, tmp_path):
    with ZipFile(archive) as packed:
        packed.extractall(tmp_path / "unpacked")
    before = files(tmp_path / "unpacked")
    assert fetch(out, tmp_path / "unpacked", expected, progress=False)
    assert files(out) == files(data) and files(tmp_path / "unpacked") == before


def test_called_again_it_leaves_the_good_folder_alone(archive, expected, out):
    fetch(out, archive, expected, progress=False)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    archive.unlink()
    assert not fetch(out, archive, expected, progress=False)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_folder_unpacked_by_hand_with_both_copies_counts_as_there(archive, expected, out):
    with ZipFile(archive) as packed:
        packed.extractall(out)
    assert not fetch(out, None, expected, progress=False)


def test_an_empty_folder_and_a_link_to_one_are_filled(archive, data, expected, out, tmp_path):
    elsewhere = tmp_path / "large disk" / "lgg"
    elsewhere.mkdir(parents=True)
    out.symlink_to(elsewhere)
    assert fetch(out, archive, expected, progress=False)
    assert out.is_symlink() and files(elsewhere) == files(data)


def test_bars_while_laying_out_and_verifying(archive, expected, out, capsys):
    fetch(out, archive, expected)
    bars = capsys.readouterr().err
    assert "Laying out: 100%" in bars and "46/46" in bars
    assert "Verifying: 100%" in bars and "23/23" in bars


# --- verifying ---

def test_hashes_are_of_pixels_not_of_files(data, expected):
    before = files(data)
    for path in data.rglob("*.tif"):
        tifffile.imwrite(path, tifffile.imread(path), compression="zlib")
    assert all(content != before[name] for name, content in files(data).items())
    verify(data, expected, progress=False)


@pytest.mark.parametrize("file", [f"{PATIENT}_2.tif", f"{PATIENT}_2_mask.tif"])
def test_one_changed_pixel_names_the_patient_and_nothing_is_laid_out(data, expected, out, tmp_path, file):
    pixels = tifffile.imread(data / PATIENT / file)
    pixels[200, 100] = 255 - pixels[200, 100]
    tifffile.imwrite(data / PATIENT / file, pixels)
    with pytest.raises(DatasetError, match=r"(?s)1 problem in .*archive\.zip.*other pixels.*Download the archive again"
                       ) as caught:
        fetch(out, zipped(data, tmp_path / "archive.zip"), expected, progress=False)
    problem, = caught.value.problems
    assert problem.startswith(f"{PATIENT}: other pixels") and pixel_hash(data / PATIENT, 3)[:12] in problem
    assert nothing_is_left(out)


def test_slices_that_changed_places_are_noticed(data, expected):
    one, two, spare = (data / PATIENT / f"{PATIENT}_{name}.tif" for name in (1, 2, "spare"))
    one.rename(spare)
    two.rename(one)
    spare.rename(two)
    with pytest.raises(DatasetError, match=f"{PATIENT}: other pixels"):
        verify(data, expected, progress=False)


def test_a_missing_patient_and_a_missing_slice_are_named(data, expected, out, tmp_path):
    shutil.rmtree(data / "TCGA_HT_0005_19990101")
    for file in (data / PATIENT).glob("*_3*.tif"):
        file.unlink()
    with pytest.raises(DatasetError) as caught:
        fetch(out, zipped(data, tmp_path / "archive.zip"), expected, progress=False)
    assert caught.value.problems == (
        "expected 5 patients, found 4.", "expected 23 slices, found 19.", "expected 18 slices with tumour, found 15.",
        f"{PATIENT}: expected 3 slices, 2 with tumour; found 2, 1 with tumour.",
        "TCGA_HT_0005_19990101: missing; expected 3 slices, 2 with tumour.")
    assert nothing_is_left(out)


def test_patients_we_do_not_hold_are_counted_but_not_compared():
    found = (Fingerprint("known", 20, 4, "aa"), Fingerprint("new", 30, 5, "bb"))
    assert differences(found, Expected(2, 50, 9, known=found[:1])) == ()
    assert differences(found, Expected(2, 50, 9, known=(Fingerprint("known", 20, 4, "cc"),))) == (
        "known: other pixels than those published (SHA-256: expected cc…, found aa…).",)


def test_a_damaged_slice_is_named_without_the_hidden_folder(data, expected, out, tmp_path):
    (data / PATIENT / f"{PATIENT}_2.tif").write_bytes(b"")
    with pytest.raises(DatasetError, match=rf"  {PATIENT}.{PATIENT}_2\.tif: the file is empty"):
        fetch(out, zipped(data, tmp_path / "archive.zip"), expected, progress=False)
    assert nothing_is_left(out)


# --- what is never overwritten ---

def test_another_folder_is_left_as_it_is(archive, expected, out):
    out.mkdir()
    (out / "holiday.jpg").write_bytes(b"sun")
    with pytest.raises(DatasetError, match=r"(?s)found holiday\.jpg.*left as it is\. Move it away.*--out"):
        fetch(out, archive, expected, progress=False)
    assert files(out) == {"holiday.jpg": b"sun"} and len(list(out.parent.iterdir())) == 1


def test_a_set_that_differs_is_left_as_it_is_and_described(archive, data, expected):
    shutil.rmtree(data / PATIENT)
    before = files(data)
    with pytest.raises(DatasetError, match=rf"(?s)expected 5 patients, found 4\..*{PATIENT}: missing.*left as it is"):
        fetch(data, archive, expected, progress=False)
    assert files(data) == before


def test_a_file_in_the_way(archive, expected, out):
    out.write_text("mine")
    with pytest.raises(DatasetError, match="is a file; expected a folder"):
        fetch(out, archive, expected, progress=False)
    assert out.read_text() == "mine"


def test_a_folder_that_appears_meanwhile_is_not_overwritten(archive, expected, out, monkeypatch):
    def verify_slowly(*_, **__):
        out.mkdir()
        (out / "mine.txt").write_text("mine")

    monkeypatch.setattr(download, "verify", verify_slowly)
    with pytest.raises(DatasetError, match="cannot be read or written"):
        fetch(out, archive, expected, progress=False)
    assert files(out) == {"mine.txt": b"mine"} and len(list(out.parent.iterdir())) == 1


# --- interruptions, and a full disk ---

@pytest.mark.parametrize(("where", "what"), [(shutil, "copyfileobj"), (download, "read_mask")])
def test_stopped_in_the_middle_and_called_again(archive, data, expected, out, monkeypatch, where, what):
    calls, work = [], getattr(where, what)

    def stop_at_the_tenth(*arguments):
        calls.append(arguments)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return work(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(where, what, stop_at_the_tenth)
        with pytest.raises(KeyboardInterrupt):
            fetch(out, archive, expected, progress=False)
    assert nothing_is_left(out)
    assert fetch(out, archive, expected, progress=False)
    assert files(out) == files(data)


def test_what_a_killed_process_left_does_not_come_along(archive, data, expected, out):
    left = out.parent / f".{out.name}.unfinished" / "patients" / "TCGA_ZZ_0001_19990101"
    left.mkdir(parents=True)
    (left / "TCGA_ZZ_0001_19990101_1.tif").touch()
    assert fetch(out, archive, expected, progress=False)
    assert files(out) == files(data) and len(list(out.parent.iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of another kind there")
def test_a_full_disk_is_said_and_leaves_nothing(archive, out):
    code = ("import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"  # a slice has 197,000
            "from unet_lib.cli.app import main; main()")
    done = subprocess.run([sys.executable, "-c", code, "data", "fetch", "--archive", archive, "--out", out],
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert "cannot be read or written" in done.stderr and "needs about 1.0 GB beside" in done.stderr
    assert "Free some space" in done.stderr and "Traceback" not in done.stderr
    assert nothing_is_left(out)


def test_a_folder_one_may_not_write_to(archive, expected, out, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DatasetError, match=r"cannot be read or written \(Permission denied\).*fix the permissions"):
        fetch(out, archive, expected, progress=False)


# --- the published set ---

def test_the_command_holds_an_archive_against_the_published_set(run_cli, archive, out):
    done = run_cli("data", "fetch", "--archive", archive, "--out", out)
    assert done.returncode == 2
    assert "expected 110 patients, found 5." in done.stderr and "and 86 more" in done.stderr  # 3 totals and 88 patients
    assert "expected 3929 slices, found 23." in done.stderr and "Traceback" not in done.stderr
    assert nothing_is_left(out)


def test_the_list_of_hashes_can_be_made_again(run_cli, data, expected, tmp_path):
    done = run_cli("data", "hashes", data, "--out", tmp_path / "hashes.json")
    assert done.returncode == 0, done.stderr
    assert sorted(published(tmp_path / "hashes.json").known, key=str) == sorted(expected.known, key=str)


def test_the_88_patients_we_hold_are_the_ones_in_the_list(lgg):
    found, wanted = fingerprints(lgg, progress=False), published()
    assert len(wanted.known) == 88 and found == wanted.known
    assert found[0].sha256 == pixel_hash(lgg / found[0].name, found[0].slices)
    assert sum(patient.slices for patient in found) == len(find_slices(lgg)) == 3109
    assert differences(found, wanted) == ("expected 110 patients, found 88.", "expected 3929 slices, found 3109.",
                                          "expected 1373 slices with tumour, found 1071.")
