"""`unet_lib features`: from a folder of weights and a patient to slides and a film."""

import numpy as np
import pytest
import torch
from made_up import write_patient, write_series
from PIL import Image
from repository import LGG_BEST

from unet_lib.cli.features import look_at, read_scan, strongest
from unet_lib.data.intensity import channel_histograms, intensity_statistics
from unet_lib.data.preprocessing import scale_images
from unet_lib.data.slice_files import find_slices
from unet_lib.data.tiff import read_image, read_mask
from unet_lib.inference.predictor import Predictor
from unet_lib.inference.slice_predictions import predict_patient
from unet_lib.inspection.activations import capture
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.checkpoint import save_model
from unet_lib.models.registry import build

NAME = "TCGA_CS_0001_19990101"


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "steps", steps=(0, 10, 40))


@pytest.fixture
def patient(tmp_path):
    return write_patient(tmp_path / "data", NAME, slices=11)


def test_sheets_and_a_film_are_written(run_cli, series, patient, tmp_path):
    done = run_cli("features", patient / f"{NAME}_10.tif", "--model", series, "--out", tmp_path / "out",
                   "--stage", "encoder.1", "--stage", "bottleneck", "--channels", 2)
    assert done.returncode == 0, done.stderr
    assert f"{NAME}, slice 10: 2 sheets (.png, .pdf) and a film (gif)" in done.stdout
    folder = tmp_path / "out" / f"{NAME}_10"
    names = {f"{NAME}_10_{stage}.{ending}" for stage in ("encoder.1", "bottleneck") for ending in ("png", "pdf")}
    assert {path.name for path in folder.iterdir()} == names | {f"{NAME}_10_training.gif", "made_by.json"}
    with Image.open(folder / f"{NAME}_10_encoder.1.png") as sheet:
        assert sheet.size == (1920, 1080)
    assert (folder / f"{NAME}_10_bottleneck.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(folder / f"{NAME}_10_training.gif") as film:
        assert film.n_frames == 3 and film.size == (960, 540)


@pytest.mark.parametrize(("arguments", "message"), [
    (("--stage", "encoder.9"), "got 'encoder.9'. Did you mean encoder.2"),
    (("--film", "avi"), "gif or mp4; got 'avi'"),
    (("--model", "nowhere"), "expected the networks of a training")])
def test_mistakes_are_answered_in_a_sentence(run_cli, series, patient, tmp_path, arguments, message):
    done = run_cli("features", patient, "--model", series, "--out", tmp_path / "out", *arguments)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_several_patients_are_refused(run_cli, series, patient, tmp_path):
    write_patient(patient.parent, "TCGA_DU_0004_19990101")
    done = run_cli("features", patient.parent, "--model", series, "--out", tmp_path)
    assert done.returncode == 2 and "one patient's folder or a slice; got 2 patients" in done.stderr


def test_the_best_network_is_drawn_without_a_film(run_cli, patient, tmp_path):
    done = run_cli("features", patient / f"{NAME}_10.tif", "--model", LGG_BEST, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"{NAME}, slice 10: 5 sheets (.png, .pdf) in " in done.stdout
    stages = ("encoder.1", "encoder.3", "bottleneck", "decoder.2", "decoder.1")
    assert {path.name for path in (tmp_path / "out" / f"{NAME}_10").iterdir()} == {
        f"{NAME}_10_{stage}.{ending}" for stage in stages for ending in ("png", "pdf")} | {"made_by.json"}


def test_a_series_of_networks_with_a_stem_gets_a_film(run_cli, patient, tmp_path):
    series = write_series(tmp_path / "steps", steps=(0, 10), network="efficientnet-unet")
    done = run_cli("features", patient / f"{NAME}_10.tif", "--model", series, "--out", tmp_path / "out",
                   "--stage", "stem", "--stage", "pool.2")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out" / f"{NAME}_10" / f"{NAME}_10_training.gif") as film:
        assert film.n_frames == 2
    assert (tmp_path / "out" / f"{NAME}_10" / f"{NAME}_10_stem.png").exists()


def test_networks_that_want_context_slices_are_refused(run_cli, patient, tmp_path):
    for step in ("step-0000", "step-0010"):
        save_model(tmp_path / "wide" / f"{step}.safetensors", build({"in_channels": 9, "base": 2, "depth": 2}, 0),
                   {"data": {"size": 32, "context_slices": 1}})
    done = run_cli("features", patient, "--model", tmp_path / "wide", "--out", tmp_path)
    assert done.returncode == 2 and "one slice of 3 channels; these take 9" in done.stderr


def test_the_slice_with_most_tumour_by_the_expert_is_taken(series, patient):
    areas = {record.number: int(read_mask(record.mask).sum()) for record in find_slices(patient)}
    most = max(areas.values())
    scan = read_scan(patient, load_series(series))
    assert scan.patient == NAME and areas[scan.number] == most == scan.reference.sum()
    assert np.array_equal(scan.images[scan.position], read_image(patient / f"{NAME}_{scan.number}.tif"))


def test_without_masks_the_network_decides_and_there_is_no_dice(series, patient):
    for path in patient.glob("*_mask.tif"):
        path.unlink()
    found = load_series(series)
    records = find_slices(patient, masks_required=False)
    answers = list(predict_patient(Predictor(found.networks[-1], {}, size=32), records))
    areas = {answer.record.number: int(answer.mask.sum()) for answer in answers}
    scan = read_scan(patient, found)
    assert scan.reference is None and areas[scan.number] == max(areas.values()) > 0
    assert [look.dice for look in look_at(scan, found, ["encoder.1"])] == [None] * 3


def test_looks_are_the_networks_maps_and_the_answers_of_predict(series, patient):
    found = load_series(series)
    path = patient / f"{NAME}_10.tif"
    scan = read_scan(path, found)
    looks = list(look_at(scan, found, ["encoder.2", "bottleneck"]))
    record, = (record for record in find_slices(patient) if record.number == 10)
    statistics = intensity_statistics(channel_histograms(scan.images))
    shown = (scale_images(read_image(path)[None], np.array([0]), 32).numpy()[0] - statistics[0, :, None, None])
    shown = shown / statistics[1, :, None, None]
    for look, step, network in zip(looks, (0, 10, 40), found.networks, strict=True):
        with capture(network, ["bottleneck"]) as maps:
            network(torch.as_tensor(shown[None]))
        assert look.step == step and list(look.maps) == ["encoder.2", "bottleneck"]
        assert np.allclose(look.maps["bottleneck"], maps["bottleneck"][0].numpy(), atol=1e-5)
        answer, = predict_patient(Predictor(network, {}, size=32), (record,))
        assert np.array_equal(look.mask, answer.mask) and look.dice == answer.counts.dice()


def test_the_strongest_channels_come_in_the_networks_order():
    maps = np.ones((4, 2, 2), np.float32) * np.array([1, -3, 0, 2], np.float32)[:, None, None]
    assert strongest(maps, 2) == [1, 3] and strongest(maps, 9) == [0, 1, 2, 3]
