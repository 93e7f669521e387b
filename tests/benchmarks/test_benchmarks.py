"""What the benchmarks rest on: that the peers are given the same work, and that rows are kept."""

import json
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import tifffile
import torch
from made_up import write_patient, write_series
from processes import run_python
from repository import REPOSITORY
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.ablations import inference_ablation, oracle_bounds, training_ablation
from benchmarks.peers import tutorial_loop
from benchmarks.speed import time_to_f1
from unet_lib.core.atomic_io import write_text
from unet_lib.core.metrics import count
from unet_lib.data.cache import open_cache
from unet_lib.data.phantom.card import CARD
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.data.phantom.labels import write_labels
from unet_lib.data.phantom.write import VERSION
from unet_lib.data.slice_files import find_slices
from unet_lib.data.splits import k_folds
from unet_lib.evaluation import cross_validation
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.checkpoint_series import load_series, save_calibration
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.checkpoint import save_model
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet
from unet_lib.training import recipes
from unet_lib.training.recipes import COARSE


def run(script, *arguments):
    done = run_python(REPOSITORY / "benchmarks" / script, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tutorials_slices_are_the_caches(data):
    cache, records = open_cache(data, progress=False), find_slices(data)
    slices = tutorial_loop.TiffSlices(records, 256, augment=False)
    for index in (0, 1, len(records) - 1):
        image, mask = slices[index]
        assert np.array_equal((255 * image).round().numpy(), np.moveaxis(cache.images[index], -1, 0))
        assert np.array_equal(mask[0].numpy(), cache.masks[index])
    assert [tuple(part.shape) for part in tutorial_loop.TiffSlices(records, 64)[1]] == [(3, 64, 64), (1, 64, 64)]


def test_image_and_mask_are_augmented_alike():
    torch.manual_seed(0)
    mask = torch.zeros(1, 64, 64)
    mask[:, 20:40, 10:30] = 1
    corners = set()
    for _ in range(5):
        image, varied = tutorial_loop.vary(mask.expand(3, -1, -1), mask)
        assert torch.equal(image, varied.expand(3, -1, -1)) and 200 < varied.sum() < 800
        corners.add(tuple((varied >= 0.5).nonzero()[0].tolist()))
    assert len(corners) > 1


def test_monais_network_has_our_widths():
    from benchmarks.peers import monai_loop  # MONAI takes ten seconds to import

    def operations(network):
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, 64, 64))
        return counter.get_total_flops()

    ratio = operations(monai_loop.network(8)) / operations(UNet(base=8, depth=4))
    assert ratio == pytest.approx(1.06, abs=0.005), "monai_loop.network says 6 % more"


def test_a_row_takes_the_place_of_the_same_row(tmp_path):
    path = tmp_path / "rows.json"
    for name, value in (("a", 1), ("b", 2), ("a", 3)):
        add_row(path, {"command": "x"}, {"name": name, "value": value}, ("name",))
    assert read_rows(path) == [{"name": "b", "value": 2}, {"name": "a", "value": 3}]
    assert json.loads(path.read_text())["command"] == "x"


def test_time_to_f1_says_what_was_reached(data, tmp_path):
    command = ("speed/time_to_f1.py", "--quick", "--data", data, "--out", tmp_path / "f1.json", "--device", "cpu",
               "--seeds", 1)
    output = run(*command, "--f1", 0, "--dice", 1.1, "--times", 0.001)
    quick, tutorial = read_rows(tmp_path / "f1.json")
    assert [row["competitor"] for row in (quick, tutorial)] == ["efflite0-quick", "tutorial"] and quick["seed"] == 1
    assert quick["seconds_to"] == {"f1": quick["curve"][0]["seconds"], "mean_dice": None}
    assert quick["curve"][0]["seconds"] >= quick["curve"][0]["training_seconds"]
    assert tutorial["cap"] == round(0.001 * quick["seconds_to"]["f1"], 1) and len(tutorial["curve"]) == 1
    assert tutorial["precision"] == "float32" and tutorial["best"]["f1"] == tutorial["curve"][0]["f1"]
    assert "efflite0-quick, seed 1" in output and "mean_dice 1.1 not reached within" in output
    assert "by efflite0-quick after" in output and "the tutorial's loop took" in output


def test_a_mark_is_the_first_point_of_the_curve_that_reaches_it():
    curve = [{"f1": 0.5, "seconds": 10}, {"f1": 0.82, "seconds": 20}, {"f1": 0.80, "seconds": 30}]
    assert time_to_f1.first(curve, "f1", 0.81, "seconds") == 20
    assert time_to_f1.first(curve, "f1", 0.9, "seconds") is None
    row = {"competitor": "efflite0-quick", "device": "a", "instructions": "AVX2", "data": "d", "seed": 0,
           "curve": curve, "goals": {"f1": 0.81}, "seconds_to": {"f1": 20}}
    loop = {**row, "competitor": "tutorial", "best": {"f1": 0.75}, "curve": [{"f1": 0.75, "seconds": 60}]}
    line, = time_to_f1.compared([row, loop, {**row, "seed": 1}, {**row, "instructions": "AVX512"}])
    assert line.endswith("took more than 3.0 times as long, and its best is 0.75")
    later = {**loop, "curve": [{"f1": 0.85, "seconds": 50}]}
    assert next(time_to_f1.compared([row, later])).endswith("took 2.5 times as long")


def test_throughput_gives_ratios_from_one_run(data, tmp_path):
    output = run("speed/train_throughput.py", "--quick", "--data", data, "--out", tmp_path / "t.json",
                 "--device", "cpu", "--only", "ours", "bare", "--repeats", 2)
    row, = read_rows(tmp_path / "t.json")
    ours, bare = row["median"]["ours"], row["median"]["bare"]
    assert row["ratios"] == {"ours / bare": pytest.approx(ours / bare, abs=0.01)} and "overhead" in output
    assert row["peak_bytes"]["ours"]["peak"] > row["peak_bytes"]["ours"]["before"] > 10**8
    limits = row["limits"]
    assert 0 < limits["arithmetic_fraction"] < 1.5 and limits["convolution_fraction"] > 0
    assert limits["megapixels_per_second"] == pytest.approx(bare * 32 * 32 / 1e6, rel=0.05, abs=0.001)


@pytest.mark.parametrize("change", training_ablation.TRAININGS)
def test_every_change_of_the_ablation_can_be_trained(change):
    before, after = COARSE, training_ablation.TRAININGS[change](COARSE)
    elsewhere = change in (training_ablation.BASELINE, "no intensity normalisation", "initial weights from phantoms")
    assert (after == before) is elsewhere and after.training.epochs >= 1


def test_the_ablation_adds_a_row_for_each_change_and_measures_none_twice(data, tmp_path):
    command = ("ablations/training_ablation.py", "--quick", "--data", data, "--out", tmp_path / "a.json",
               "--device", "cpu", "--seeds", 1)
    assert "baseline, seed 0: mean Dice" in run(*command, "--only", "baseline", "no intensity normalisation")
    rows = read_rows(tmp_path / "a.json")
    changes = [row["change"] for row in rows]
    assert changes[0] == "baseline" and changes[-1] == "no intensity normalisation" and "threshold 0.3" in changes
    assert all(0 <= row["mean_dice"] <= 1 for row in rows)
    assert "mean Dice" not in run(*command, "--only", "baseline")


def test_lesson_04s_choices_are_measured_each_once(data, tmp_path):
    command = ("ablations/training_choices.py", "--quick", "--data", data, "--out", tmp_path / "c.json",
               "--device", "cpu")
    assert "fault masks slipped, seed 0: best F1" in run(*command)
    rows = read_rows(tmp_path / "c.json")
    assert [row["value"] for row in rows if row["choice"] == "batch"] == [2, 8, 32] and len(rows) == 14
    rows = [row for row in rows if "," not in row["choice"]]
    usual = [row["loss"] for row in rows if row["value"] in ("BCE + Dice loss", 0.01, 8, "none")]
    assert usual == [usual[0]] * 4, "the same training"
    assert run(*command) == "" and len(read_rows(tmp_path / "c.json")) == 14


def test_overfitting_is_measured_alike_on_both_groups_and_nothing_twice(data, tmp_path):
    command = ("ablations/overfitting.py", "--quick", "--data", data, "--out", tmp_path / "o.json", "--device", "cpu")
    assert "few patients, seed 0: best validation F1" in run(*command, "--only", "few patients")
    assert run(*command).count("best validation F1") == 2 and run(*command) == ""
    rows = read_rows(tmp_path / "o.json")
    assert [row["condition"] for row in rows] == ["few patients", "few patients, augmented", "all patients, augmented"]
    for row in rows:
        curves = [row[f"{group}_{score}"] for group in ("train", "validation") for score in ("loss", "f1")]
        assert [len(curve) for curve in curves] == [2] * 4 and min(min(curve) for curve in curves) >= 0


def test_the_skip_ablation_measures_what_is_missing_and_nothing_twice(data, tmp_path):
    command = ("ablations/skip_ablation.py", "--quick", "--data", data, "--out", tmp_path / "s.json",
               "--device", "cpu", "--seeds", 1)
    assert "without 2, seed 0: mean Dice" in run(*command, "--only", "all skips", "without 2")
    rows = read_rows(tmp_path / "s.json")
    zeroed = [row["levels"] for row in rows if row["how"] == "zeroed"]
    assert len(zeroed) == 15 == len(set(map(tuple, zeroed))) and [1, 2, 3, 4] in zeroed
    assert [row["levels"] for row in rows if row["how"] == "mean"] == [[1], [2], [3], [4], [1, 2, 3, 4]]
    assert [row["levels"] for row in rows if row["how"] in ("all skips", "retrained without")] == [[], [2]]
    lost = rows.pop(7)
    (tmp_path / "s.json").write_text(json.dumps({"rows": rows}))
    again = run(*command, "--only", "all skips", "without 2")
    assert again.count("mean Dice") == 1
    assert read_rows(tmp_path / "s.json")[-1]["levels"] == lost["levels"]


def test_linear_probes_find_a_visible_tumour_and_measure_nothing_twice(data, tmp_path):
    series = write_series(tmp_path / "steps")
    command = ("ablations/linear_probes.py", "--quick", "--data", data, "--series", series,
               "--out", tmp_path / "p.json")
    output = run(*command)
    rows = read_rows(tmp_path / "p.json")
    stages = ["image", "encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1"]
    assert [(row["step"], row["stage"]) for row in rows] == [(step, stage) for step in (0, 40) for stage in stages]
    assert (rows[0]["training_patients"], rows[0]["test_patients"]) == (3, 1)
    image = rows[0]  # the made-up tumours are bright in FLAIR, and nowhere else
    assert image["best_channel"]["channel"] == 1 and image["best_channel"]["brighter"]
    assert image["auc"] > 0.95 and image["dice"] > image["controls"]["scattered masks"]["dice"]
    assert "bottleneck" in output and "Before (step 0) → after (step 40)" in output
    (tmp_path / "p.json").write_text(json.dumps({"rows": rows[:-1]}))
    assert run(*command).count("Dice ") == 1 + 1  # the row that was lost, and the table's explanation
    assert len(read_rows(tmp_path / "p.json")) == len(rows)


def made_up_phantoms(root):
    """Six patients in the phantoms' layout whose labels are true: the bright square is tumour, the rest of the head
    white matter."""
    write_text(root / CARD, json.dumps({"seed": 0, "version": VERSION}))
    rows, columns = np.mgrid[:256, :256]
    head = (rows - 128)**2 + (columns - 128)**2 < 90**2
    for number in range(6):
        folder = write_patient(root, f"TCGA_PH_C00{number}_20000101", slices=4, seed=number)
        masks = [tifffile.imread(folder / f"{folder.name}_{slice}_mask.tif") for slice in range(1, 5)]
        labels = np.where(np.stack(masks) > 0, TISSUES.index("tumour"), head * TISSUES.index("white"))
        write_labels(root, folder.name, labels.astype(np.uint8))
    return root


def test_dissection_names_the_channel_that_shows_the_tumour_and_measures_nothing_twice(tmp_path):
    phantoms, series = made_up_phantoms(tmp_path / "phantoms"), write_series(tmp_path / "steps", steps=(0, 40))
    networks = load_series(series)
    save_calibration(series, dict(zip(networks.steps, networks.networks, strict=True)), {
        "batch_norm": "as it was", "validation_scores": {"0": {}, "40": {}}})
    command = ("ablations/dissection.py", "--quick", "--data", phantoms, "--series", series,
               "--out", tmp_path / "d.json", "--only", "image", "lgg-steps")
    assert run(*command).count("false alarms 0") >= 1
    image, *rows = read_rows(tmp_path / "d.json")
    perfect, rows = rows[:5], rows[5:]
    names = json.loads((tmp_path / "d.json").read_text())["tissues"]
    assert image["tissue"][1] == names.index("tumour") and image["iou"][1] > 0.9 > 0.5 > image["chance"][1]
    ceilings = [row["best_iou"]["tumour"][0] for row in perfect]
    assert ceilings == sorted(ceilings) and ceilings[0] < 0.9 and ceilings[-1] == 1
    assert image["shown"]["tumour"] == 1 and image["brighter"][1] == 1 and image["dead"] == 0
    measured = [(row["network"], row["step"], row["seed"], row["batch_norm"]) for row in rows[::5]]
    assert measured == [*(("lgg-steps", step, None, how) for how in ("calibrated", "as trained") for step in (0, 40)),
                        *(("lgg-steps untrained", None, 0, how) for how in ("calibrated", "initial"))]
    assert [row["stage"] for row in rows[:5]] == ["encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1"]
    assert all((len(row["iou"]) == row["channels"]) if row["batch_norm"] == "calibrated" else "iou" not in row
               for row in rows)
    assert rows[0]["std"] == rows[10]["std"], "calibrated with the statistics that it had"
    assert run(*command) == "" and len(read_rows(tmp_path / "d.json")) == 6 + len(rows)


def test_predict_speed_times_the_network_within_the_whole(tmp_path, data):
    out = tmp_path / "p.json"
    run("speed/predict_speed.py", "--data", data, "--repeats", 1, "--out", out, "--threads", 1,
        "--models", REPOSITORY / "data" / "models" / "phantom-baseline.safetensors")
    row, = read_rows(out)
    assert row["network"] == "phantom-baseline" and 0 < row["network_fraction"] < 1.5
    assert row["of_the_limit"] == pytest.approx(row["seconds"] / 2, abs=0.01)


def test_each_oracle_corrects_one_kind_of_error():
    reference = np.zeros((3, 256, 256), bool)
    reference[1, 5:15, 5:15] = True  # 100 voxels
    probabilities = np.where(reference, 0.9, 0.05).astype(np.float32)
    probabilities[1, 5:15, 15:20] = 0.6  # an outline too wide by 50: a higher threshold corrects it
    probabilities[1, 30:34, 30:35] = 0.95  # a component of 20 elsewhere on the slice
    probabilities[2, 30:32, 30:35] = 0.95  # and 10 more of it on a slice without tumour
    predictor = Predictor(nn.Identity(), {}, min_component_size=5)
    found = {name: count(mask, reference).dice() for name, mask in
             oracle_bounds.masks(predictor, probabilities, reference)}
    assert found == pytest.approx({"as predicted": 200 / 280, "oracle threshold": 200 / 230,
                                   "oracle components": 200 / 250, "oracle slices": 200 / 270})


def test_oracle_bounds_are_measured_for_each_part_of_the_split(data, tmp_path, monkeypatch):
    cache = open_cache(data, progress=False)
    split = asdict(next(k_folds(cache.names, 2, validation=1)))
    card = {"split": split, "data": {"size": 32}}
    save_model(tmp_path / "any.safetensors", build(UNetConfig(base=2, depth=2), 0), card)
    monkeypatch.setattr(oracle_bounds, "RESULTS", tmp_path / "oracle_bounds.json")
    monkeypatch.setattr(sys, "argv", ["ablations/oracle_bounds.py", "--data", str(data), "--recipe", "tiny", "--model",
                                      str(tmp_path / "any.safetensors")])
    oracle_bounds.main()
    rows = read_rows(tmp_path / "oracle_bounds.json")
    assert [(row["recipe"], row["split"]) for row in rows] == [("tiny", name) for name in oracle_bounds.SUBSETS]
    for row in rows:
        predicted = row["dice"]["as predicted"]
        assert sorted(predicted) == sorted(split[row["split"]])
        assert all(row["dice"][oracle][name] >= predicted[name] for oracle in ("oracle components", "oracle slices")
                   for name in predicted)


def test_inference_settings_are_measured_on_the_networks_that_the_folds_left(data, tmp_path, monkeypatch):
    small = recipes.Recipe((replace(COARSE, size=32, network=replace(COARSE.network, base=2, depth=2),
                                    training=replace(COARSE.training, epochs=1)),), temperatures=(2.0,),
                           batch_norm_adaptation=0.4)
    monkeypatch.setitem(recipes.RECIPES, "efflite0-256", small)
    monkeypatch.setattr(cross_validation, "k_folds", lambda names, k: k_folds(names, k, validation=1))
    monkeypatch.setattr(inference_ablation, "RESULTS", tmp_path / "inference_ablation.json")
    monkeypatch.setattr(inference_ablation, "WORK", tmp_path / "runs")
    cache = open_cache(data, progress=False)
    measured, = cross_validation.run_folds("efflite0-256", cache, tmp_path / "folds.json", folds=[2],
                                           work=tmp_path / "runs", device="cpu")
    monkeypatch.setattr(sys, "argv", ["ablations/inference_ablation.py", "--data", str(data), "--fold", "2"])
    inference_ablation.main()
    row, = read_rows(tmp_path / "inference_ablation.json")
    adapted = [row["chosen"][name] for name in ("batch-norm adaptation", "both")]
    assert adapted == [{"batch_norm_adaptation": 0.4, **tried} for tried in measured["tried"]]
    assert all(row["chosen"][name]["batch_norm_adaptation"] == 0 for name in ("no adaptation", "per-patient threshold"))
    name = "both" if "temperature" in measured["inference"] else "batch-norm adaptation"
    assert row["dice"][name] == {patient["patient"]: patient["dice"] for patient in measured["patients"]}
    assert all(set(dice) == set(row["dice"][name]) for dice in row["dice"].values())


def test_evaluate_speed_times_the_network_within_the_whole_command(tmp_path, data):
    out = tmp_path / "e.json"
    assert "2 patients of" in run("speed/evaluate_speed.py", "--data", data, "--patients", 2, "--repeats", 1, "--out",
                                  out, "--threads", 1, "--model",
                                  REPOSITORY / "data" / "models" / "phantom-baseline.safetensors")
    row, = read_rows(out)
    assert row["rest_fraction"] == pytest.approx(1 - row["network_seconds"] / row["seconds"], abs=0.05)
    assert row["network_seconds"] > 0 and 0 < row["torch_seconds"] < row["seconds"]
    assert row["patients"] == 2 < row["slices"]
