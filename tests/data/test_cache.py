import os
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

from unet_lib.core.errors import DatasetError
from unet_lib.data.cache import open_cache
from unet_lib.data.slice_files import CHANNELS
from unet_lib.data.tiff import read_image, read_mask

PATIENT = "TCGA_DU_A003_19990101"


@pytest.fixture
def image(data):
    return data / PATIENT / f"{PATIENT}_2.tif"


@pytest.fixture
def mask(data):
    return data / PATIENT / f"{PATIENT}_2_mask.tif"


def test_pixels_come_through_unchanged(image, mask):
    assert np.array_equal(read_image(image), tifffile.imread(image))
    assert np.array_equal(read_mask(mask) * 255, tifffile.imread(mask))


def test_zero_bytes(image):
    image.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"_2\.tif: the file is empty \(0 bytes\).*256×256×3.*Unpack"):
        read_image(image)


@pytest.mark.parametrize("keep", [4, 100, 5000, 150_000])
def test_truncated(image, keep):
    image.write_bytes(image.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=r"_2\.tif: damaged or truncated.*Unpack"):
        read_image(image)


def test_not_a_tiff(image):
    image.write_bytes(b"\xff\xd8\xff\xe0 a JPEG, say" * 50)
    with pytest.raises(DatasetError, match=r"not a TIFF"):
        read_image(image)


@pytest.mark.parametrize(("pixels", "found"), [
    (np.zeros((128, 128, 3), np.uint8), "128×128×3 uint8"),
    (np.zeros((256, 256, 3), np.uint16), "256×256×3 uint16"),
    (np.zeros((256, 256), np.uint8), "256×256 uint8"),
    (np.zeros((256, 256, 4), np.uint8), "256×256×4 uint8")])
def test_wrong_shape_type_or_channels(image, pixels, found):
    tifffile.imwrite(image, pixels)
    with pytest.raises(DatasetError, match=rf"expected 256×256×3 uint8.*found {found}.*Convert"):
        read_image(image)


def test_mask_of_another_size(mask):
    tifffile.imwrite(mask, np.zeros((512, 512), np.uint8))
    with pytest.raises(DatasetError, match="expected 256×256 uint8.*found 512×512"):
        read_mask(mask)


def test_mask_with_other_values(mask):
    tifffile.imwrite(mask, np.full((256, 256), 254, np.uint8))
    with pytest.raises(DatasetError, match=r"only the values 0 and 255, found also 254.*mask == 254"):
        read_mask(mask)


def test_unreadable_file(image):
    image.unlink()
    image.mkdir()  # reading a folder fails for root too, as a permission would for others
    with pytest.raises(DatasetError, match=r"_2\.tif: cannot be read"):
        read_image(image)


def test_a_forged_header_asks_for_no_memory(image):
    tifffile.imwrite(image, np.zeros((16, 16), np.uint8))
    content = bytearray(image.read_bytes())
    with tifffile.TiffFile(image) as tiff:
        for tag in ("ImageWidth", "ImageLength"):
            offset = tiff.pages[0].tags[tag].valueoffset
            content[offset:offset + 2] = (65_000).to_bytes(2, "little")
    image.write_bytes(content)
    with pytest.raises(DatasetError, match="found 65000×65000"):
        read_image(image)


def test_cache_holds_what_the_files_hold(data):
    cache = open_cache(data, progress=False)
    assert len(cache) == 23
    assert cache.images.dtype == cache.masks.dtype == np.uint8
    assert set(np.unique(cache.masks)) == {0, 1}
    index = cache.slices_of([PATIENT])[1]
    assert cache.numbers[index] == 2
    assert np.array_equal(cache.images[index], tifffile.imread(data / PATIENT / f"{PATIENT}_2.tif"))
    assert (cache.tumour_pixels > 0).sum() == 23 - 5
    assert cache.tumour_pixels.max() == 30 * 24


def test_slices_of_one_patient_are_in_numeric_order(data):
    cache = open_cache(data, progress=False)
    assert cache.numbers[cache.slices_of(["TCGA_CS_0001_19990101"])].tolist() == list(range(1, 12))


def test_missing_sequences_are_found(data):
    missing = {p.name: p.missing for p in open_cache(data, progress=False).patients}
    assert missing.pop("TCGA_CS_0002_19990101") == ("pre-contrast",)
    assert set(missing.values()) == {()}


def test_unknown_patient(data):
    with pytest.raises(DatasetError, match="no patient 'TCGA_XX_0000_19990101' in .*; it holds TCGA_"):
        open_cache(data, progress=False).slices_of(["TCGA_XX_0000_19990101"])


def test_second_opening_reads_no_tiff_and_is_fast(data, monkeypatch):
    first = open_cache(data, progress=False)
    monkeypatch.setattr(tifffile, "TiffFile", None)
    again = open_cache(data, progress=False)
    assert again.content == first.content
    assert isinstance(again.images, np.memmap)


def test_a_changed_file_rebuilds_the_cache(data, image):
    before = open_cache(data, progress=False)
    pixels = read_image(image).copy()
    pixels[0, 0] = 7
    tifffile.imwrite(image, pixels)
    os.utime(image, ns=(1, time.time_ns()))
    after = open_cache(data, progress=False)
    assert after.content != before.content
    assert len(list((data / ".unet_cache").iterdir())) == 1


def test_all_bad_files_are_reported_together_and_nothing_is_left(data, image, mask):
    image.write_bytes(b"")
    tifffile.imwrite(mask.with_name(f"{PATIENT}_1_mask.tif"), np.full((256, 256), 3, np.uint8))
    mask.with_name(f"{PATIENT}_3_mask.tif").unlink()
    with pytest.raises(DatasetError, match="3 problems") as caught:
        open_cache(data, progress=False)
    assert len(caught.value.problems) == 3
    assert not list((data / ".unet_cache").iterdir())


def test_read_only_folder_uses_the_users_cache(data, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert len(open_cache(data, progress=False)) == 23
    assert not (data / ".unet_cache").exists()
    assert list((tmp_path / "cache").rglob("images.npy"))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of another kind there")
def test_disk_full_while_building(data, run_cli):
    code = ("import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000));"
            "import sys; sys.argv = ['unet_lib', 'data', 'check', sys.argv[1]];"
            "from unet_lib.cli.app import main; main()")
    done = subprocess.run([sys.executable, "-c", code, data], capture_output=True, text=True)
    assert done.returncode == 2
    assert "the cache cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((data / ".unet_cache").iterdir())


def test_channel_order_is_the_data_sets():
    assert CHANNELS == ("pre-contrast", "FLAIR", "post-contrast")
