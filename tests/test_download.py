"""Fetching without the network: small archives, and a server on this machine in Kaggle's place."""

import base64
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import pytest
import tifffile
from kaggle_stand_in import StandIn
from kagglesdk import kaggle_env
from typer.testing import CliRunner

from unet_lib import cli, download
from unet_lib.download import Expected, Fingerprint, differences, fetch, fingerprints, published, verify
from unet_lib.errors import DatasetError
from unet_lib.records import find_slices

PATIENT = "TCGA_DU_A003_19990101"
MADE_UP = {"TCGA_CS_0001_19990101": 11, "TCGA_CS_0002_19990101": 3, PATIENT: 3, "TCGA_DU_0004_19990101": 3,
           "TCGA_HT_0005_19990101": 3}  # the patients of `data` and their slices; all but the first hold tumour


def pixel_hash(folder: Path, slices: int) -> str:
    """The hash as it is documented, from what tifffile reads."""
    digest = hashlib.sha256()
    for number in range(1, slices + 1):
        digest.update(tifffile.imread(folder / f"{folder.name}_{number}.tif").tobytes())
        digest.update((tifffile.imread(folder / f"{folder.name}_{number}_mask.tif") > 0).astype(np.uint8).tobytes())
    return digest.hexdigest()


@pytest.fixture
def expected(data):
    known = tuple(Fingerprint(name, n, n - 1, pixel_hash(data / name, n)) for name, n in MADE_UP.items())
    return Expected(patients=5, slices=23, tumour=18, known=known)


def zipped(data: Path, path: Path, packing: int = ZIP_STORED) -> Path:
    """The patients in `data` as Kaggle packs them: with tables beside them, and all of it twice."""
    with ZipFile(path, "w", packing) as archive:
        for top in ("kaggle_3m", "lgg-mri-segmentation/kaggle_3m"):
            archive.writestr(f"{top}/data.csv", "Patient,death01\n")
            archive.writestr(f"{top}/README.md", "LGG")
            for file in sorted(data.glob("TCGA*/*.tif")):
                archive.write(file, f"{top}/{file.parent.name}/{file.name}")
    return path


@pytest.fixture
def archive(data, tmp_path):
    return zipped(data, tmp_path / "archive.zip")


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "Mäuse und Köpfe" / "lgg set"
    folder.parent.mkdir()
    return folder


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def nothing_is_left(out: Path) -> bool:
    return not list(out.parent.iterdir())


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
    one, two, aside = (data / PATIENT / f"{PATIENT}_{name}.tif" for name in (1, 2, "aside"))
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
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


# --- what is refused ---

def with_member(archive: Path, name: str, content: bytes = b"x", kind: int = 0, encrypted: bool = False) -> None:
    with ZipFile(archive, "a", ZIP_DEFLATED) as packed:
        member = ZipInfo(name)
        member.compress_type = ZIP_DEFLATED
        member.external_attr = kind << 16
        packed.writestr(member, content)
        packed.getinfo(name).flag_bits |= encrypted


@pytest.mark.parametrize(("name", "options", "fault"), [
    ("/etc/cron.d/x", {}, "is an absolute path"),
    ("kaggle_3m/../../x.tif", {}, "leads out of its folder"),
    ("..", {}, "leads out of its folder"),
    ("C:/x.tif", {}, "is an absolute path"),
    ("C:x.tif", {}, "is an absolute path"),
    ("kaggle_3m\\..\\x.tif", {}, "leads out of its folder"),
    ("kaggle_3m\\x.tif", {}, "has a backslash"),
    ("\\\\server\\x.tif", {}, "is an absolute path"),
    (f"kaggle_3m/{PATIENT}", {"kind": stat.S_IFLNK | 0o777, "content": b"/etc"}, "is a link or a device"),
    (f"kaggle_3m/{PATIENT}/{PATIENT}_4.tif", {"kind": stat.S_IFLNK, "content": b"/etc/passwd"}, "is a link"),
    ("kaggle_3m/pipe", {"kind": stat.S_IFIFO}, "is a link or a device"),
    ("kaggle_3m/secret", {"encrypted": True}, "is encrypted"),
    ("kaggle_3m/zeros", {"content": bytes(30_000_000)}, "it would unpack to 42 MB, more than 24 MB")])
def test_dangerous_archives_are_refused_before_anything_is_written(archive, expected, out, monkeypatch, name, options,
                                                                   fault):
    with_member(archive, name, **options)
    monkeypatch.setattr(download, "_lay_out", None)
    with pytest.raises(DatasetError) as caught:
        fetch(out, archive, expected, progress=False)
    assert fault in str(caught.value) and "refused" in str(caught.value)
    assert nothing_is_left(out)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_given_twice_is_refused(archive, expected, out):
    name = f"kaggle_3m/{PATIENT}/{PATIENT}_1.tif"
    with_member(archive, name)
    with pytest.raises(DatasetError, match=f"'{name}' is in it 2 times; refused"):
        fetch(out, archive, expected, progress=False)


def test_strangers_in_a_patients_folder_are_passed_over(archive, data, expected, out):
    for name in (f"kaggle_3m/{PATIENT}/.DS_Store", f"kaggle_3m/{PATIENT}/TCGA_HT_0005_19990101_9.tif",
                 f"__MACOSX/kaggle_3m/{PATIENT}/._{PATIENT}_1.tif"):
        with_member(archive, name)
    assert fetch(out, archive, expected, progress=False)
    assert files(out) == files(data)


def cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-5000])


def replaced(archive: Path) -> None:
    archive.write_text("<html>Please sign in</html>")


def one_byte_flipped(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[1_000_000] ^= 1
    archive.write_bytes(content)


def emptied(archive: Path) -> None:
    with ZipFile(archive, "w") as packed:
        packed.writestr("kaggle_3m/data.csv", "")


@pytest.mark.parametrize(("damage", "message"), [
    (cut, "damaged, or not a zip"), (replaced, "damaged, or not a zip"), (one_byte_flipped, "Bad CRC-32"),
    (emptied, "holds no slices"), (Path.unlink, "does not exist; expected the archive")])
def test_archives_that_are_none_or_damaged(archive, expected, out, damage, message):
    damage(archive)
    with pytest.raises(DatasetError, match=rf"(?s){message}.*Download the archive again.*press Download"):
        fetch(out, archive, expected, progress=False)
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
            "from unet_lib.cli import main; main()")
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
    with pytest.raises(DatasetError, match=r"cannot be read or written \(Permission denied\).*mend the permissions"):
        fetch(out, archive, expected, progress=False)


# --- from Kaggle, or what stands in for it ---


@pytest.fixture
def kaggle(archive, tmp_path, monkeypatch):
    """A server that kagglehub takes for Kaggle; no credentials, and no cache but ours."""
    for name in [name for name in os.environ if name.startswith("KAGGLE")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "KAGGLE_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = StandIn(archive.read_bytes())
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD,
                        f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_from_kaggle(kaggle, data, expected, out, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "the user's"))
    assert fetch(out, None, expected, progress=False)
    assert files(out) == files(data)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert os.environ["KAGGLEHUB_CACHE"] == str(tmp_path / "the user's")
    assert not (tmp_path / "the user's").exists() and not (tmp_path / "home").exists()


def test_a_broken_download_goes_on_where_it_stopped(kaggle, data, expected, out):
    half = len(kaggle.content) // 2
    kaggle.breaks_after = half
    with pytest.raises(DatasetError, match=r"(?s)the connection broke .*same command again\. What was downloaded is "
                                           r"kept in .*press Download"):
        fetch(out, None, expected, progress=False)
    assert not out.exists() and "KAGGLEHUB_CACHE" not in os.environ
    partial, = out.parent.rglob("*.archive")
    there = partial.stat().st_size
    assert 0 < there <= half and partial.read_bytes() == kaggle.content[:there]
    kaggle.breaks_after = None
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None, None, f"bytes={there}-"]
    assert files(out) == files(data) and len(list(out.parent.iterdir())) == 1


def test_ctrl_c_while_downloading_keeps_what_has_come(kaggle, data, expected, out, monkeypatch):
    from kagglehub import clients

    class StopsAtTheSecond(clients.tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n > clients.CHUNK_SIZE:
                raise KeyboardInterrupt

    monkeypatch.setattr(download, "published", lambda: expected)
    with monkeypatch.context() as patch:
        patch.setattr(clients, "tqdm", StopsAtTheSecond)
        stopped = CliRunner().invoke(cli.app, ["data", "fetch", "--out", str(out)])
    assert stopped.exit_code == 130 and "The same command goes on" in stopped.output
    assert not out.exists()
    done = CliRunner().invoke(cli.app, ["data", "fetch", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "laid out and verified. 5 patients, 23 slices, 18 with tumour." in done.output
    assert kaggle.ranges[-1] == f"bytes={2 * clients.CHUNK_SIZE}-" and files(out) == files(data)
    again = CliRunner().invoke(cli.app, ["data", "fetch", "--out", str(out)])
    assert again.exit_code == 0 and "already there; verified and left as it is" in again.output


def stop(*_):
    raise KeyboardInterrupt


def test_stopped_while_laying_out_it_asks_for_no_download_again(kaggle, expected, out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(download, "_lay_out", stop)
        with pytest.raises(KeyboardInterrupt):
            fetch(out, None, expected, progress=False)
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None]


def test_stopped_while_kagglehub_unpacks_the_archive_is_there_still(kaggle, data, expected, out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", stop)  # which zipfile unpacks with
        with pytest.raises(KeyboardInterrupt):
            fetch(out, None, expected, progress=False)
    assert next(out.parent.rglob("*.archive")).read_bytes() == kaggle.content
    assert fetch(out, None, expected, progress=False)
    assert files(out) == files(data)


@pytest.mark.parametrize(("status", "message"), [
    (401, r"refuses to send .* \(HTTP 401\).*Make a token.*KAGGLE_API_TOKEN"),
    (403, r"refuses to send .* \(HTTP 403\).*Make a token.*KAGGLE_API_TOKEN"),
    (404, r"an error \(HTTP 404\)"), (429, r"an error \(HTTP 429\)"), (503, r"an error \(HTTP 503\)")])
def test_kaggle_refuses(kaggle, expected, out, status, message):
    kaggle.refusal = status
    with pytest.raises(DatasetError, match=rf"(?s){message}.*press Download.*unet_lib data fetch --archive") as caught:
        fetch(out, None, expected, progress=False)
    assert "is kept in" not in str(caught.value) and nothing_is_left(out)


def test_kaggle_cannot_be_reached(kaggle, expected, out, monkeypatch):
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(DatasetError, match=r"(?s)cannot be reached.*\(ConnectionError\).*Check the network.*--archive"):
        fetch(out, None, expected, progress=False)
    assert nothing_is_left(out)


def test_a_networks_sign_in_page_in_kaggles_place(kaggle, expected, out):
    kaggle.page = "<html>Welcome to the school's network</html>"
    with pytest.raises(DatasetError, match="cannot be reached, or the connection broke"):
        fetch(out, None, expected, progress=False)


@pytest.mark.parametrize("noticed_by", ["MD5", "unpacking", "verifying"])
def test_a_damaged_download_is_removed_and_the_next_one_begins_anew(kaggle, data, expected, out, tmp_path, noticed_by):
    good, md5 = kaggle.content, kaggle.md5
    if noticed_by == "verifying":
        shutil.copytree(data, tmp_path / "other")
        shutil.rmtree(tmp_path / "other" / PATIENT)
        kaggle.content = zipped(tmp_path / "other", tmp_path / "other.zip").read_bytes()
    else:
        kaggle.content = bytes(reversed(good))
    if noticed_by != "MD5":
        kaggle.md5 = base64.b64encode(hashlib.md5(kaggle.content).digest()).decode()
    with pytest.raises(DatasetError, match=r"(?s)removed\. Run the same command again.*press Download"):
        fetch(out, None, expected, progress=False)
    assert nothing_is_left(out)
    kaggle.content, kaggle.md5 = good, md5
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None, None]


def test_a_disk_that_is_full_while_downloading_keeps_what_has_come(kaggle, data, expected, out, monkeypatch):
    import kagglehub

    def half_a_download(_):
        archive = Path(os.environ["KAGGLEHUB_CACHE"], "datasets", "mateuszbuda", "lgg-mri-segmentation", "3.archive")
        archive.parent.mkdir(parents=True)
        archive.write_bytes(kaggle.content[:3_000_000])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(kagglehub, "dataset_download", half_a_download)
        with pytest.raises(DatasetError, match=r"(?s)No space left.*Free some space.*is kept in .*unfinished"):
            fetch(out, None, expected, progress=False)
    assert not out.exists()
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None, "bytes=3000000-"] and files(out) == files(data)


def test_without_a_network_the_command_says_what_to_do(run_cli, out, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    done = run_cli("data", "fetch", "--out", out)
    assert done.returncode == 2
    assert done.stderr.startswith("error: Kaggle cannot be reached") and "--archive archive.zip" in done.stderr
    assert "mateuszbuda/lgg-mri-segmentation" in done.stderr and "Traceback" not in done.stderr
    assert nothing_is_left(out)


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
