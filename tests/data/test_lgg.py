"""The real data set, where it is there: facts counted from the files, and a training that gets somewhere."""

import re
import shutil
import time

import numpy as np
import pytest
import torch

from unet_lib.data.cache import open_cache
from unet_lib.data.slice_files import find_slices


def test_data_check_counts_the_88_patients(run_cli, lgg):
    done = run_cli("data", "check", lgg)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("88 patients, 3109 slices, 1071 with tumour")


def test_copies_of_flair_are_found(lgg):
    patients = open_cache(lgg, progress=False).patients
    missing = [sum(sequence in p.missing for p in patients) for sequence in ("pre-contrast", "post-contrast")]
    assert missing == [5, 9]


def test_the_cache_opens_at_once(lgg):
    open_cache(lgg, progress=False)
    start = time.perf_counter()
    cache = open_cache(lgg, progress=False)
    print(f"opened 3109 slices in {time.perf_counter() - start:.3f} s")
    assert cache.images.shape == (3109, 256, 256, 3)


def test_one_percent_of_the_pixels_is_tumour(lgg):
    cache = open_cache(lgg, progress=False)
    assert cache.tumour_pixels.sum() / cache.masks.size == pytest.approx(0.0103, abs=0.0008)
    assert {len(cache.slices_of([name])) for name in cache.names} <= set(range(20, 89))


def test_train_on_real_patients_and_predict_one_of_the_test_split(run_cli, lgg, tmp_path):
    """Twelve patients are enough to see the path work; the real figures are in data/results."""
    few = tmp_path / "few"
    for name in sorted({r.patient for r in find_slices(lgg)})[:12]:
        shutil.copytree(lgg / name, few / name)
    done = run_cli("train", "--data", few, "--out", tmp_path / "x", "--epochs", 1, "--base", 8, "--size", 128)
    assert done.returncode == 0, done.stderr
    held_out, = re.findall(r"F1 held-out (\S+)", done.stdout)
    assert 0 <= float(held_out) <= 1
    test = re.search(r"kept for the test: (\S+?)(,|$)", done.stdout, re.MULTILINE)[1]
    done = run_cli("predict", few / test, "--model", tmp_path / "x" / "best.safetensors", "--out", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "p" / test).glob("*_mask.tif"))) == len(list((few / test).glob("*_mask.tif")))


def test_normalised_channels_are_centred_whatever_the_site(lgg):
    from unet_lib.data.loader import Batches

    cache = open_cache(lgg, progress=False)
    for name in cache.names[::20]:
        batch = next(Batches(cache, cache.slices_of([name]), batch=100, size=256, shuffle=False).epoch())
        for channel in range(3):
            pixels = np.asarray(cache.images[cache.slices_of([name])])[..., channel]
            head = torch.as_tensor(pixels > pixels.mean())
            values = batch.images[:, channel][head]
            assert values.mean() == pytest.approx(0, abs=0.01)
            assert values.std() == pytest.approx(1, abs=0.01)
