"""Benchmarks of lesson 06 on made-up data: answers that are known, and rows that are written once."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up import write_series

from benchmarks.ablations import bottleneck_separation, channel_ablation, cyst_intervention, saliency_sanity
from unet_lib.data.intensity import channel_histograms, intensity_statistics
from unet_lib.data.phantom import Phantom, draw_patient
from unet_lib.evaluation.result_rows import read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.inspection.recolouring import CYST, FLUID, SOLID_TUMOUR, WHITE
from unet_lib.models.registry import build


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Call a benchmark's main; returns what it printed and its rows."""
    def call(benchmark, *arguments):
        path = tmp_path / f"{benchmark.__name__}.json"
        monkeypatch.setattr(benchmark, "DRAWS", 50, raising=False)  # of bootstraps
        monkeypatch.setattr(sys, "argv", [benchmark.__name__, "--quick", "--out", str(path), "--threads",
                                          str(torch.get_num_threads()), *map(str, arguments)])
        benchmark.main()
        return capsys.readouterr().out, read_rows(path)
    return call


def test_tumours_that_are_bright_lie_apart_in_the_image(run, data, tmp_path):
    series = write_series(tmp_path / "steps", steps=(0, 40))
    _, rows = run(bottleneck_separation, "--data", data, "--phantoms", data, "--series", series)
    assert [(row["network"]) for row in rows] == 2 * ["image", "untrained, seed 0", "step 0", "step 40"]
    assert rows[0]["auc"] > 0.95 > rows[0]["shuffled"][1] and rows[0]["patients"] == 5
    assert 0 < rows[0]["with_tumour"] < rows[0]["squares"]


def test_channels_pairs_and_skips_are_ablated_each_once(run, data, tmp_path):
    series = write_series(tmp_path / "steps", steps=(0, 40))
    printed, rows = run(channel_ablation, "--data", data, "--series", series)
    assert [row["what"] for row in rows] == 3 * ["decoder.1"] + 9 * ["skips"] + 8 * ["bottleneck"]
    assert sorted(row["part"] for row in rows[:3]) == [[0], [0, 1], [1]]
    assert [row["part"] for row in rows[3:12:3]] == [["zeroed", 1], ["zeroed", 2], ["zeroed", 1, 2]]
    for row in rows:
        assert row["interval"][0] <= row["lost"] <= row["interval"][1] and row["count"] == 5
    assert printed.count("Dice lost") == len(rows)
    assert run(channel_ablation, "--data", data, "--series", series) == ("", rows)


class Bright:
    """A predictor that calls bright FLAIR tumour."""

    batch_norm_adaptation = 0.0

    def probabilities(self, images, statistics):
        return images[..., 1] / 255

    def masks(self, probabilities):
        return probabilities > 0.5


def drawn(cyst: bool) -> Phantom:
    """Three slices of bright tumour in grey white matter beside dark fluid; with a dark cyst, if there is one."""
    labels = np.full((3, 256, 256), WHITE, np.uint8)
    labels[:, :40], labels[1:, 100:130, 100:130] = FLUID, SOLID_TUMOUR
    masks = (labels == SOLID_TUMOUR).astype(np.uint8)
    if cyst:
        labels[1, 108:122, 108:122] = CYST
    levels = {WHITE: 100, FLUID: 20, SOLID_TUMOUR: 200, CYST: 20}
    images = np.stack([np.select([labels == tissue for tissue in levels], list(levels.values()))] * 3, axis=-1)
    return Phantom("a", images.astype(np.uint8), masks, labels, (), (0, 0, 0), 1.0, draw_patient(0, 0))


def test_brightened_cysts_are_found_by_who_looks_at_brightness_alone(run, monkeypatch):
    monkeypatch.setattr(cyst_intervention, "with_dark_cyst", lambda: iter([drawn(True)]))
    monkeypatch.setattr(cyst_intervention, "without_cyst", lambda: iter([drawn(False)]))
    monkeypatch.setattr(cyst_intervention, "load_predictor", lambda path, device: Bright())
    printed, rows = run(cyst_intervention)
    missed = 2 * (1800 - 196) / (2 * 1800 - 196)
    expected = {"cyst bright, FLAIR": (0, 1, missed, 1), "cyst bright, all sequences": (0, 1, missed, 1),
                "white matter bright, FLAIR": (0, 1, missed, 2 * 1604 / (1800 + 1800)),
                "cyst dark, FLAIR": (1, 0, 1, 2 * 1080 / (1080 + 1800)),
                "cyst dark, all sequences": (1, 0, 1, 2 * 1080 / (1080 + 1800))}
    assert {row["change"]: tuple(row["by_patient"][0]) for row in rows} == {
        change: pytest.approx(numbers, abs=6e-4) for change, numbers in expected.items()}
    assert rows[0]["found_change"] == [1, 1, 1] and printed.count("found [") == 5
    assert run(cyst_intervention)[0] == ""


def test_adapting_once_gives_the_answers_of_a_predictor_that_adapts():
    network = calibrate(build({"base": 2, "depth": 2}, 0), torch.randn(4, 3, 32, 32))
    adapting = Predictor(network, {}, size=32, batch_norm_adaptation=0.6)
    images = drawn(True).images
    statistics = intensity_statistics(channel_histograms(images))
    once = cyst_intervention.adapted_once(adapting, images, statistics)
    expected = adapting.probabilities(images, statistics)
    np.testing.assert_allclose(once.probabilities(images, statistics), expected, atol=1e-5)
    without = replace(adapting, batch_norm_adaptation=0.0).probabilities(images, statistics)
    assert np.abs(without - expected).max() > 1e-3
    assert cyst_intervention.adapted_once(once, images, statistics) is once


def test_a_map_is_compared_with_itself_and_with_noise():
    one = torch.rand(3, 8, 8)
    np.testing.assert_allclose(saliency_sanity.correlations(one, 5 * one**3), 1)
    np.testing.assert_allclose(saliency_sanity.correlations(one, -one), -1)
    assert saliency_sanity.correlations(one, torch.zeros(3, 8, 8)).tolist() == [0, 0, 0]


def test_maps_are_compared_for_each_depth_of_randomisation(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(saliency_sanity, "LEAST", 0)
    _, rows = run(saliency_sanity, "--data", data, "--series", write_series(tmp_path / "steps", steps=(0,)))
    depths = ["flair", "output", "decoder.1", "bottleneck", "encoder.1"]
    assert [row["from"] for row in rows[::4]] == depths and len(rows) == 4 * len(depths)
    assert rows[0]["slices"] == 2 and all(-1 <= row["rank_correlation"] <= 1 for row in rows)
