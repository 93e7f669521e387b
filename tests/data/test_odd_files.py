"""Files as people have them: other names, endings, packings, tags and values. Read as meant, or refused with a way out.

Every way out that is printed as code is taken here, and loses no label.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from made_up import write_patient
from repository import REPOSITORY

from unet_lib.core.errors import DatasetError
from unet_lib.data.cache import _store, open_cache
from unet_lib.data.slice_files import find_slices, survey
from unet_lib.data.tiff import MOSTLY_TUMOUR, ZERO_ONE, read_image, read_mask, read_mask_with_remarks

MODEL = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"
NAMES = ("TCGA_CS_0001_19990101", "TCGA_DU_A003_19990101", "TCGA_HT_0005_19990101")


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Three small patients in a folder with a space and an umlaut."""
    for name in NAMES:
        write_patient(tmp_path / "Köpfe eins", name)
    return tmp_path / "Köpfe eins"


@pytest.fixture
def mask_file(patients: Path) -> Path:
    return patients / NAMES[0] / f"{NAMES[0]}_2_mask.tif"


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
    store.rename(_store(survey(patients)))
    done = run_cli("data", "check", patients)
    assert done.returncode == 2 and "truncated" in done.stderr


def test_printed_check_command_can_be_run_as_it_is(patients, mask_file):
    mask_file.unlink()
    with pytest.raises(DatasetError) as error:
        find_slices(patients)
    command = re.search(r"See all of them with: (.*)", str(error.value))[1]
    assert shlex.split(command) == ["unet_lib", "data", "check", str(patients)]
