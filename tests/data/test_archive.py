"""Archives that are dangerous, damaged or none at all are refused, and leave nothing behind."""

import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from packed_set import PATIENT, files, nothing_is_left

from unet_lib.core.errors import DatasetError
from unet_lib.data import download
from unet_lib.data.download import fetch


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


def test_foreign_files_in_a_patients_folder_are_passed_over(archive, data, expected, out):
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
