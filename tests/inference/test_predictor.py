import csv
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from predictors import Brightness
from repository import REPOSITORY
from scipy import ndimage
from torch.nn import functional as F

from unet_lib.core.errors import CheckpointError, DatasetError, DeviceError
from unet_lib.core.metrics import count
from unet_lib.data.cache import open_cache
from unet_lib.data.tiff import read_image, read_mask
from unet_lib.inference.postprocessing import remove_small_components
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.inference.slice_predictions import find_inputs, predict_patient, write_mask, write_scores
from unet_lib.models.checkpoint import save_model
from unet_lib.models.registry import build

PATIENT = "TCGA_CS_0001_19990101"


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
        assert prediction.counts == count(prediction.mask, prediction.reference)


def test_a_single_slice_is_normalised_with_its_whole_patient(data):
    whole = {p.record.number: p for p in predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT))}
    alone, = predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT / f"{PATIENT}_7.tif"))
    assert np.array_equal(alone.probability, whole[7].probability)


def test_a_network_trained_small_predicts_at_full_size(data):
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


def test_slices_without_a_reference_are_predicted_too(data):
    (data / PATIENT / f"{PATIENT}_7_mask.tif").unlink()
    found = list(predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT)))
    assert found[6].reference is None and found[6].counts is None
    assert found[5].counts is not None


class Above(torch.nn.Module):
    """Stands in for a network that sees context slices: the logit is the FLAIR of the slice above."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image):
        assert image.shape[1] == 9
        return image[:, 7:8]


def test_context_slices_are_in_the_order_of_their_numbers(data):
    records = find_inputs(data / PATIENT)
    images = np.stack([read_image(record.image) for record in records]).astype(float)
    ninth, = predict_patient(Predictor(Above(), {}, context_slices=1), (records[8],))  # as text, 10 comes before 9
    assert np.allclose(ninth.probability, 1 / (1 + np.exp(-normalised_flair(images[9], images))), atol=1e-4)
    last, = predict_patient(Predictor(Above(), {}, context_slices=1), (records[10],))
    assert np.allclose(last.probability, 1 / (1 + np.exp(-normalised_flair(images[10], images))), atol=1e-4)


def test_flip_tta_makes_predictions_symmetric(data):
    cache = open_cache(data, progress=False)
    model = build({"base": 2}, 0)
    images, statistics = cache.images[:2], cache.statistics[0]
    plain, flip_tta = Predictor(model, {}, size=32), Predictor(model, {}, size=32, flip_tta=True)
    flipped = images[:, :, ::-1]
    assert np.allclose(flip_tta.probabilities(images, statistics),
                       flip_tta.probabilities(flipped, statistics)[:, :, ::-1], atol=1e-5)
    assert not np.allclose(plain.probabilities(images, statistics),
                           plain.probabilities(flipped, statistics)[:, :, ::-1], atol=1e-3)


def test_the_first_prediction_waits_for_no_computer_algebra():
    """A process of its own: torch imports sympy for some of its calls, which takes longer than loading the weights."""
    program = (f"import sys, numpy as np; from unet_lib.inference.predictor import load_predictor\n"
               f"predictor = load_predictor({str(REPOSITORY / 'data' / 'models' / 'lgg-best.safetensors')!r}, 'cpu')\n"
               f"predictor.probabilities(np.zeros((2, 256, 256, 3), np.uint8), np.ones((2, 3), np.float32))\n"
               f"sys.exit('sympy' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_small_components_are_small_in_three_dimensions():
    mask = np.zeros((4, 16, 16), bool)
    mask[0:3, 2:5, 2:5] = True            # 27 voxels, connected over three slices
    mask[3, 10, 10] = mask[2, 11, 11] = True  # 2 voxels that touch at a corner
    mask[0, 14, 1] = True
    assert np.array_equal(remove_small_components(mask, 0), mask)
    assert remove_small_components(mask, 2).sum() == 29
    assert remove_small_components(mask, 3).sum() == 27
    assert remove_small_components(mask, 1000).sum() == 27  # the largest is never taken away
    assert not remove_small_components(np.zeros_like(mask), 3).any()


@pytest.mark.parametrize("shape", [(64, 64), (9, 32, 32)])
def test_components_are_those_of_the_whole_volume(shape):
    mask = np.random.default_rng(0).random(shape) < 0.12
    mask[..., :8] = False  # so that the components lie in a part of it
    parts, count = ndimage.label(mask, np.ones((3,) * len(shape)))
    large = [part for part in range(1, count + 1) if (parts == part).sum() >= 4]
    assert 0 < len(large) < count
    assert np.array_equal(remove_small_components(mask, 4), np.isin(parts, large))


def test_the_card_holds_the_inference_settings(tmp_path):
    card = {"data": {"size": 64, "context_slices": 1},
            "inference": {"threshold": 0.4, "flip_tta": True, "min_component_size": 9, "temperature": 2.0,
                          "batch_norm_adaptation": 0.4}}
    save_model(tmp_path / "x.safetensors", build({"base": 2, "in_channels": 9}, 0), card)
    found = load_predictor(tmp_path / "x.safetensors", "cpu")
    assert (found.size, found.context_slices) == (64, 1)
    assert {name: getattr(found, name) for name in card["inference"]} == card["inference"]


def test_masks_are_written_in_the_data_sets_own_layout(data, tmp_path):
    prediction, = predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT / f"{PATIENT}_7.tif"))
    path = write_mask(prediction, tmp_path / "out")
    assert path == tmp_path / "out" / f"{PATIENT}_7_mask.tif"
    assert np.array_equal(read_mask(path), prediction.mask)
    assert tifffile.imread(path).dtype == np.uint8


def test_scores_are_a_line_a_slice(data, tmp_path):
    (data / PATIENT / f"{PATIENT}_2_mask.tif").unlink()
    predictions = list(predict_patient(Predictor(Brightness(), {}), find_inputs(data / PATIENT)))
    write_scores(predictions, tmp_path / "scores.csv")
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert [row["slice"] for row in rows] == [str(n) for n in range(1, 12)]
    assert rows[1]["reference_pixels"] == rows[1]["dice"] == ""
    assert int(rows[4]["reference_pixels"]) == 720
    assert float(rows[4]["dice"]) == pytest.approx(predictions[4].counts.dice(), abs=1e-4)


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
