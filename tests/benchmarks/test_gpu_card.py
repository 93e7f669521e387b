"""The GPU's card, without a GPU: every part in small, what travels, and that a failure costs no other figure."""

import sys

import numpy as np
import pytest
from processes import run_python
from repository import REPOSITORY

from benchmarks.speed import gpu_card
from benchmarks.speed.packed_patients import pack, unpack
from unet_lib.data.cache import open_cache
from unet_lib.data.preprocessing import scale_images
from unet_lib.evaluation.result_rows import read_rows


@pytest.fixture
def cache(data):
    return open_cache(data, progress=False)


def test_all_patients_travel_in_zips_of_limited_size_and_come_back_pixel_by_pixel(cache, tmp_path):
    limit = 2**20
    written = pack(cache, tmp_path, limit)
    assert [path.name for path in written] == ["128.zip", "256-1.zip", "256-2.zip"]
    assert all(path.stat().st_size <= limit for path in written)
    assert unpack(tmp_path, tmp_path / "data") == {"256": 5}
    again = open_cache(tmp_path / "data", progress=False)
    assert again.content == cache.content and again.names == cache.names


def test_at_half_resolution_training_at_128_sees_the_same_pixels(cache, tmp_path):
    for path in pack(cache, tmp_path, 10**7)[1:]:
        path.unlink()
    assert unpack(tmp_path, tmp_path / "data") == {"128": 5}
    again, every = open_cache(tmp_path / "data", progress=False), np.arange(len(cache))
    assert scale_images(again.images, every, 128).equal(scale_images(cache.images, every, 128))
    assert np.array_equal(again.masks, cache.masks)
    with pytest.raises(FileNotFoundError, match="expected 128.zip or 256-1.zip; found neither"):
        unpack(tmp_path / "data", tmp_path)


def test_every_part_runs_on_a_cpu_in_small_and_invents_no_gpu(cache, tmp_path):
    pack(cache, tmp_path, 10**7)
    done = run_python(REPOSITORY / "benchmarks" / "speed" / "gpu_card.py", "--device", "cpu", "--smoke", "--packed",
                      tmp_path, "--data", tmp_path / "not here")
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "smoke.json", gpu_card.KEY)
    assert {row["part"] for row in rows if row["name"] == "whole part" and row["seconds"] > 0} == set(gpu_card.PARTS)
    missing = [row["name"] for row in rows if "not_measured" in row]
    assert len(missing) == 2 and missing[0].startswith("CUDA graph") and missing[1].startswith("compiled")
    assert all(row["smoke"] and row["data"] == cache.content and "gpu_peak_bytes" not in row for row in rows)
    assert [row["epochs"] for row in rows if row["name"].startswith("Model_")] == [1] * 6
    assert "| graphs | CUDA graph, base 4, 32×32, batch 4 | not measured: needs a CUDA GPU |" in done.stdout


def test_what_fails_says_why_and_costs_no_other_figure(data, tmp_path, monkeypatch, capsys):
    def failing(card):
        yield {"name": "first", "seconds": 1.5}
        raise RuntimeError("the bus fell off")

    def dying(card):
        yield {"name": "half", "seconds": 2.5}
        raise KeyboardInterrupt

    out = tmp_path / "card.json"
    monkeypatch.setattr(gpu_card, "PARTS", {**gpu_card.PARTS, "graphs": failing, "school": dying})
    monkeypatch.setattr(sys, "argv", ["gpu_card.py", "--smoke", "--device", "cpu", "--data", str(data), "--out",
                                      str(out), "--only", "graphs", "school", "long"])
    with pytest.raises(KeyboardInterrupt):
        gpu_card.main()
    first, told, half = read_rows(out)
    assert (first["name"], told["not_measured"], half["name"]) == ("first", "RuntimeError: the bus fell off", "half")
    shown = gpu_card.table(read_rows(out), smoke=True)
    assert "| graphs | whole part | not measured: RuntimeError: the bus fell off |" in shown
    assert "| long | whole part | not measured: no row yet |" in shown and "| school | half | 2.5 |" in shown
