"""The slices that the page trains on: packed as they were, split by patient, and still what the generator makes."""

import base64
import json
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from book.training_set import EACH_VALIDATION, FILE, SIDE, spread, training_set
from unet_lib.data.cache import open_cache
from unet_lib.data.intensity import channel_histograms, intensity_statistics, normalise
from unet_lib.data.phantom import VERSION, draw_patient, make_patient
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.data.splits import split_patients

UNPACK = Path(__file__).parent / "js" / "unpack_training_set.mjs"
COMMITTED = json.loads(FILE.read_text("utf-8"))


def test_the_page_gets_what_python_would_train_on(node, data, tmp_path):
    cache = open_cache(data, progress=False)
    (tmp_path / "set.json").write_text(json.dumps(training_set(cache)))
    done = subprocess.run([node, UNPACK, tmp_path / "set.json"], capture_output=True, text=True, check=True)
    slices, split = json.loads(done.stdout), split_patients(cache.names)
    assert {s["name"] for s in slices if s["forTraining"]} == set(split.train)
    assert {s["name"] for s in slices if not s["forTraining"]} == set(split.validation)
    for found in slices[::4]:
        patient = cache.names.index(found["name"])
        index = np.flatnonzero((cache.patient_of == patient) & (cache.numbers == found["number"]))
        image, mask = (scale(of, index, SIDE)[0] for scale, of in ((scale_images, cache.images),
                                                                  (scale_masks, cache.masks)))
        wanted = normalise(image[None], torch.as_tensor(cache.statistics[[patient]]))
        assert np.allclose(found["image"]["values"], wanted.flatten(), atol=1e-3)
        assert found["flair"] == image[1].flatten().tolist()
        assert found["reference"] == found["mask"]["values"] == mask.flatten().tolist()


def test_slices_are_evenly_spread():
    assert spread(np.arange(10), 5).tolist() == [1, 3, 5, 7, 9]
    assert spread(np.array([4, 8]), 5).tolist() == [4, 8]
    assert spread(np.array([], int), 5).tolist() == []


def test_the_committed_slices_are_split_by_patient_and_small():
    names = [patient["name"] for patient in COMMITTED["patients"]]
    of_slice = [names[patient] for patient in COMMITTED["patient_of"]]
    split = split_patients([draw_patient(0, index).name for index in range(24)])
    assert set(of_slice[:COMMITTED["training"]]) == set(split.train)
    assert sorted(of_slice[COMMITTED["training"]:]) == sorted(EACH_VALIDATION * split.validation)
    assert len(COMMITTED["pixels"]) <= 1.3e6


def test_the_committed_slices_are_what_the_generator_makes():
    assert COMMITTED["content"] == f"24 phantoms, seed 0, generator version {VERSION}", "python -m book.training_set"
    made = make_patient(0, 8)
    patient = [patient["name"] for patient in COMMITTED["patients"]].index(made.name)
    chosen = np.flatnonzero(np.array(COMMITTED["patient_of"]) == patient)
    numbers = np.array(COMMITTED["numbers"])[chosen] - 1
    pixels = np.frombuffer(zlib.decompress(base64.b64decode(COMMITTED["pixels"])), np.uint8).astype(int)
    images, masks = np.split(pixels, [3 * SIDE * SIDE * len(COMMITTED["numbers"])])
    wanted = scale_images(made.images, numbers, SIDE).numpy().astype(int)
    # Another compiler may round a pixel by one grey level.
    assert np.abs(images.reshape(-1, 3, SIDE, SIDE)[chosen] - wanted).max() <= 1
    assert (masks.reshape(-1, SIDE, SIDE)[chosen] == scale_masks(made.masks, numbers, SIDE)[:, 0].numpy()).all()
    statistics = intensity_statistics(channel_histograms(made.images))
    assert COMMITTED["patients"][patient]["statistics"] == [pytest.approx(row, abs=0.01) for row in statistics]
