import csv

import numpy as np
import pytest
import tifffile
import torch
from torch.nn import functional as F

from unet_lib.checkpoint import save_model
from unet_lib.dataset import open_cache, read_image, read_mask
from unet_lib.errors import CheckpointError, DatasetError, DeviceError
from unet_lib.metrics import count, count_slices
from unet_lib.model import build
from unet_lib.predict import (
    Predictor,
    evaluate,
    find_inputs,
    load_predictor,
    predict_patient,
    write_mask,
    write_scores,
)

PATIENT = "TCGA_CS_0001_19990101"


class Brightness(torch.nn.Module):
    """Stands in for a network: the logit is FLAIR's normalised brightness minus 2."""

    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor(-2.0))

    def forward(self, image):
        return image[:, 1:2] + self.shift


def normalised_flair(image, images):
    head = images[..., 1][images[..., 1] > images[..., 1].mean()]
    return (image[..., 1] - head.mean()) / head.std()


def test_probabilities_are_the_sigmoid_of_the_networks_logits(data):
    records = find_inputs(data / PATIENT)
    images = np.stack([read_image(r.image) for r in records])
    found = list(predict_patient(Predictor(Brightness(), {}), records))
    assert [p.record.number for p in found] == list(range(1, 12))
    for prediction in found:
        logit = normalised_flair(prediction.image.astype(float), images.astype(float)) - 2
        assert np.allclose(prediction.probability, 1 / (1 + np.exp(-logit)), atol=1e-4)
        assert np.array_equal(prediction.mask, prediction.probability >= 0.5)
        assert prediction.counts == count(prediction.mask, prediction.expert)


def test_one_slice_is_judged_by_the_brightness_of_its_whole_patient(data):
    whole = {p.record.number: p for p in predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT))}
    alone, = predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT / f"{PATIENT}_7.tif"))
    assert np.array_equal(alone.probability, whole[7].probability)


def test_a_network_trained_small_answers_at_full_size(data):
    record, = find_inputs(data / PATIENT / f"{PATIENT}_7.tif")
    found, = predict_patient(Predictor(Brightness(), {}, size=128), (record,))
    images = np.stack([read_image(r.image) for r in find_inputs(data / PATIENT)]).astype(float)
    small = read_image(record.image).reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)).round()
    logits = torch.as_tensor(normalised_flair(small, images) - 2)[None, None]
    twin = torch.sigmoid(F.interpolate(logits, (256, 256), mode="bilinear"))[0, 0]
    assert np.allclose(found.probability, twin.numpy(), atol=0.02)


def test_predicting_leaves_the_models_mode_alone(data):
    model = build({"base": 2}, 0).train()
    list(predict_patient(Predictor(model, {}), find_inputs(data / PATIENT / f"{PATIENT}_1.tif")))
    assert model.training


def test_slices_without_an_expert_are_predicted_too(data):
    (data / PATIENT / f"{PATIENT}_7_mask.tif").unlink()
    found = list(predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT)))
    assert found[6].expert is None and found[6].counts is None
    assert found[5].counts is not None


def test_masks_are_written_in_the_data_sets_own_layout(data, tmp_path):
    prediction = next(predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT / f"{PATIENT}_7.tif")))
    path = write_mask(prediction, tmp_path / "out")
    assert path == tmp_path / "out" / PATIENT / f"{PATIENT}_7_mask.tif"
    assert np.array_equal(read_mask(path), prediction.mask)
    assert tifffile.imread(path).dtype == np.uint8


def test_scores_are_a_line_a_slice(data, tmp_path):
    (data / PATIENT / f"{PATIENT}_2_mask.tif").unlink()
    predictions = list(predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT)))
    write_scores(predictions, tmp_path / "scores.csv")
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert [row["slice"] for row in rows] == [str(n) for n in range(1, 12)]
    assert rows[1]["expert_pixels"] == rows[1]["dice"] == ""
    assert int(rows[4]["expert_pixels"]) == 720
    assert float(rows[4]["dice"]) == pytest.approx(predictions[4].counts.dice(), abs=1e-4)


def test_evaluate_scores_each_patient_at_full_size(data):
    cache = open_cache(data, progress=False)
    model = Predictor(Brightness(), {})
    (name, rows), = evaluate(model, cache, (PATIENT,))
    predictions = list(predict_patient(model, find_inputs(data / PATIENT)))
    twin = count_slices(np.stack([p.mask for p in predictions]), np.stack([p.expert for p in predictions]))
    assert name == PATIENT
    assert np.array_equal(rows, twin)


def test_load_predictor_knows_the_size_it_was_trained_at(tmp_path):
    save_model(tmp_path / "w.safetensors", build({"base": 2}, 0), {"data": {"size": 64}})
    predictor = load_predictor(tmp_path / "w.safetensors", "cpu")
    assert predictor.size == 64
    with pytest.raises(CheckpointError):
        load_predictor(tmp_path / "none.safetensors")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there(tmp_path):
    save_model(tmp_path / "w.safetensors", build({"base": 2}, 0), {})
    with pytest.raises(DeviceError, match="cuda was asked for, but this machine has only"):
        load_predictor(tmp_path / "w.safetensors", "cuda")


@pytest.mark.parametrize("name", ["slice.tif", f"{PATIENT}_1_mask.tif"])
def test_files_that_are_no_slice(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(DatasetError, match="expected a slice named TCGA_"):
        find_inputs(tmp_path / name)
