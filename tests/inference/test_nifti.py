import gzip
import re

import nibabel
import numpy as np
import pytest
import torch
from affines import affine_of
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from predictors import Brightness
from repository import REPOSITORY

from unet_lib.core.errors import DatasetError
from unet_lib.core.metrics import count
from unet_lib.data.slice_files import CHANNELS
from unet_lib.data.tiff import read_image
from unet_lib.inference.nifti import predict_volume, read_trio, write_overlays, write_volumes
from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, Predictor, load_predictor
from unet_lib.inference.slice_predictions import find_inputs, predict_patient
from unet_lib.models.checkpoint import save_model
from unet_lib.models.registry import build

PHANTOM = REPOSITORY / "data" / "phantom" / "TCGA_PH_C000_20000511"
WEIGHTS = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"
phantom = pytest.mark.skipif(not PHANTOM.is_dir(), reason="data/phantom is not here; `unet_lib phantom` makes it")


def save(path, values, affine):
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def head_with_a_blob(shape, affine):
    """A ball of a head, 90 mm around the origin, and in it a bright ball of 25 mm, to the right, front and up."""
    indices = affine[:3, :3] @ np.indices(shape).reshape(3, -1) + affine[:3, 3:]
    away = [np.linalg.norm(indices - np.array(centre)[:, None], axis=0).reshape(shape)
            for centre in ((0, 0, 0), (30, 25, 10))]
    grain = np.random.default_rng(0).uniform(0.8, 1.2, shape)
    blob = away[1] < 25
    return ((away[0] < 90) * 400 * grain + blob * 900).astype(np.int16), blob


@pytest.mark.parametrize(("codes", "shape", "sizes"), [
    ("RAS", (256, 256, 30), (1, 1, 6)),
    ("LPS", (256, 256, 30), (0.9375, 0.9375, 6)),
    ("LAS", (240, 240, 155), (1, 1, 1)),
    ("SPL", (30, 256, 200), (6, 1, 1)),                 # axes permuted
    ("PIR", (192, 130, 160), (1.2, 1.5, 1.25)),         # a sagittal scan
    ("RAI", (512, 400, 24), (0.47, 0.5, 7.5)),          # not square, neither matrix nor voxels
    ("ASR", (150, 40, 120), (1.5, 5, 1.8))])
def test_the_mask_comes_back_in_the_voxels_of_the_blob(tmp_path, codes, shape, sizes):
    affine = affine_of(codes, sizes, shape)
    values, blob = head_with_a_blob(shape, affine)
    volume = read_trio(save(tmp_path / "flair.nii.gz", values, affine))
    assert volume.images.shape[0] == volume.grid.laid[0][0] and volume.copied == ("pre-contrast", "post-contrast")
    found = predict_volume(Predictor(Brightness(), {}), volume)
    mask_path, probability_path = write_volumes(found, tmp_path / "out")

    mask, probability = nibabel.load(mask_path), nibabel.load(probability_path)
    assert mask.shape == probability.shape == shape
    assert np.allclose(mask.affine, affine) and np.allclose(probability.affine, affine)
    assert mask.get_data_dtype() == np.uint8 and probability.get_data_dtype() == np.float32
    drawn = np.asarray(mask.dataobj)
    assert set(np.unique(drawn)) == {0, 1}
    assert count(drawn, blob.astype(np.uint8)).dice() > 0.95
    centre = np.linalg.inv(affine) @ (30, 25, 10, 1)
    assert drawn[tuple(np.rint(centre[:3]).astype(int))] == 1
    likely = np.asarray(probability.dataobj)
    assert likely.min() >= 0 and likely.max() <= 1
    assert likely[blob].mean() > 0.5 > likely[~blob].mean()
    assert found.millilitres == pytest.approx(blob.sum() * np.prod(sizes) / 1000, rel=0.1)


def test_where_nothing_is_resampled_the_mask_covers_the_blob_exactly(tmp_path):
    affine = affine_of("RAS", (1, 1, 6), (256, 256, 30))
    values, blob = head_with_a_blob((256, 256, 30), affine)
    found = predict_volume(Predictor(Brightness(), {}), read_trio(save(tmp_path / "flair.nii", values, affine)))
    assert np.array_equal(found.mask_volume, blob)
    assert found.millilitres == pytest.approx(blob.sum() * 6 / 1000)
    assert found.tumour_slices == blob.any((0, 1)).sum()


def test_each_sequence_goes_to_its_channel(tmp_path):
    affine = affine_of("LPS", (1, 1, 5), (256, 256, 3))
    values = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)
    pre, flair, post = (save(tmp_path / f"{i}.nii", channel, affine) for i, channel in enumerate(values))
    whole, part = read_trio(flair, pre, post), read_trio(flair, post=post)
    assert np.array_equal(whole.images, values.transpose(3, 2, 1, 0)) and whole.copied == ()
    assert np.array_equal(part.images, values[[1, 1, 2]].transpose(3, 2, 1, 0)) and part.copied == (CHANNELS[0],)
    assert whole.name == f"{tmp_path.name}_1"


@pytest.mark.parametrize("gain", [0.003, 1.0, 40.0])
def test_grey_levels_lie_where_lggs_do(tmp_path, gain):
    affine = affine_of("LPS", (1, 1, 5), (256, 256, 4))
    values = np.random.default_rng(0).gamma(2, 50, (256, 256, 4))
    values[:2] = 0
    values[200, 200, 2] = 1e6  # a hot voxel changes nothing else
    images = read_trio(save(tmp_path / "flair.nii", values * gain, affine)).images[..., 1]
    assert np.percentile(images, 99.5) == 150 and images.max() == 255
    twin = np.clip(np.rint(values * 150 / np.percentile(values, 99.5)), 0, 255).transpose(2, 1, 0)
    assert np.abs(images - twin).max() <= 1 and not images[:, :, :2].any()


def test_one_frame_of_four_axes_is_a_volume(tmp_path):
    affine = affine_of("LPS", (1, 1, 5), (256, 256, 3))
    values = np.random.default_rng(0).integers(0, 256, (256, 256, 3, 1), np.uint8)
    found = predict_volume(Predictor(Brightness(), {}), read_trio(save(tmp_path / "f.nii", values, affine)))
    assert nibabel.load(write_volumes(found, tmp_path)[0]).shape == (256, 256, 3)


def test_the_masks_header_holds_the_scans_place_and_nothing_else(tmp_path):
    affine = affine_of("LPS", (1, 1, 5), (256, 256, 3))
    scan = nibabel.Nifti1Image(np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8), affine)
    turned = affine.copy()
    turned[2, 3] += 7
    scan.set_sform(affine, 1)
    scan.set_qform(turned, 3)
    scan.header["descrip"] = b"Jane Doe"
    scan.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Jane Doe"))
    nibabel.save(scan, tmp_path / "f.nii")
    for path in write_volumes(predict_volume(Predictor(Brightness(), {}), read_trio(tmp_path / "f.nii")), tmp_path):
        header = nibabel.load(path).header
        assert header.get_sform(coded=True)[1] == 1 and np.allclose(header.get_sform(), affine)
        assert header.get_qform(coded=True)[1] == 3 and np.allclose(header.get_qform(), turned)
        assert b"Jane" not in gzip.decompress(path.read_bytes())
        assert b"do not diagnose" in bytes(header["descrip"])


def test_pages_are_drawn_for_slices_with_tumour(tmp_path):
    affine = affine_of("RAS", (1, 1, 6), (256, 256, 30))
    values, _ = head_with_a_blob((256, 256, 30), affine)
    found = predict_volume(Predictor(Brightness(), {}), read_trio(save(tmp_path / "flair.nii", values, affine)))
    write_overlays(found, tmp_path)
    numbers = [index + 1 for index in np.flatnonzero(found.mask.any((1, 2)))]
    assert {path.name for path in tmp_path.glob("*.png")} == {f"{found.volume.name}_{n}_overlay.png" for n in numbers}
    assert (tmp_path / f"{found.volume.name}_{numbers[0]}_overlay.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def from_tiffs():
    """The predictions for a phantom's TIFF folder."""
    return list(predict_patient(load_predictor(WEIGHTS, "cpu"), find_inputs(PHANTOM)))


@phantom
@pytest.mark.parametrize(("codes", "gains"), [("LPS", None), ("SRA", None), ("RAS", (7.3, 3.1, 11.9))])
def test_a_phantom_as_nifti_gets_the_mask_of_its_tiffs(tmp_path, from_tiffs, codes, gains):
    """As bytes, to the last bit; as a scanner counts, but for rounding."""
    images, expected = (np.stack([getattr(p, part) for p in from_tiffs]) for part in ("image", "mask"))
    stored = (images * gains).astype(np.int16) if gains else images
    paths = []
    for channel, name in enumerate(("pre", "flair", "post")):
        scan = nibabel.Nifti1Image(stored[..., channel], affine_of("SPL", (5.5, 1, 1), images.shape[:3]))
        turn = ornt_transform(io_orientation(scan.affine), axcodes2ornt(codes))
        nibabel.save(scan.as_reoriented(turn), tmp_path / f"{name}.nii.gz")
        paths.append(tmp_path / f"{name}.nii.gz")
    pre, flair, post = paths
    found = predict_volume(load_predictor(WEIGHTS, "cpu"), read_trio(flair, pre, post))
    assert expected.sum() > 1000
    if not gains:
        assert np.array_equal(found.mask, expected)
        assert np.array_equal(found.probability, np.stack([p.probability for p in from_tiffs]))
    assert count(found.mask, expected.astype(np.uint8)).dice() > 0.99
    assert found.millilitres == pytest.approx(found.mask.sum() * 5.5 / 1000)


SHAPE = (64, 64, 3)
FLAT = affine_of("LPS", (2, 2, 5), SHAPE)
GREY = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.float32)


def spoiled(value):
    values = GREY.copy()
    values[3, 4, 1] = value
    return values


@pytest.mark.parametrize(("values", "affine", "message"), [
    (spoiled(np.nan), FLAT, "expected finite grey values, found 1 voxels that are NaN"),
    (spoiled(np.inf), FLAT, "NaN or infinite"),
    (GREY - 450, FLAT, "expected grey values from 0 .air. up"),
    (GREY * 0, FLAT, "not standardised, not empty"),
    (np.stack([GREY, GREY], -1), FLAT, "expected one volume.*64×64×3×2.*several frames"),
    (GREY[..., 0], FLAT, "expected one volume.*found 64×64 values, no stack of slices"),
    (np.zeros((8, 8, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), FLAT, "in colours"),
    (GREY.astype(np.complex64), FLAT, "type complex64"),
    (GREY, affine_of("LPS", (0.002, 0.002, 0.005), SHAPE), "found .0.002, 0.002, 0.005. mm.*in millimetres"),
    (GREY, affine_of("SPL", (1, 1, 6), SHAPE), "Is it an axial scan"),
    (GREY, None, "found neither sform nor qform")])
def test_volumes_that_cannot_be_read(tmp_path, values, affine, message):
    path = save(tmp_path / "odd.nii.gz", values, affine)
    with pytest.raises(DatasetError, match=f"odd.nii.gz: .*{message}"):
        read_trio(path)


def test_damaged_and_foreign_files(tmp_path):
    whole = save(tmp_path / "whole.nii.gz", GREY, FLAT).read_bytes()
    (tmp_path / "half.nii.gz").write_bytes(whole[:len(whole) // 2])
    (tmp_path / "text.nii").write_text("not a scan")
    (tmp_path / "empty.nii.gz").touch()
    nibabel.save(nibabel.MGHImage(GREY, FLAT), tmp_path / "other.mgz")
    (tmp_path / "folder.nii").mkdir()
    for name in ("half.nii.gz", "text.nii", "empty.nii.gz", "none.nii", "other.mgz", "folder.nii"):
        with pytest.raises(DatasetError, match=f"{name}: cannot be read .*expected a NIfTI volume"):
            read_trio(tmp_path / name)


@pytest.mark.parametrize(("shape", "shift", "fits"), [(SHAPE, 0, True), (SHAPE, 0.05, True), (SHAPE, 3, False),
                                                      ((64, 64, 4), 0, False)])
def test_volumes_must_share_their_voxels(tmp_path, shape, shift, fits):
    other = FLAT.copy()
    other[0, 3] += shift
    flair = save(tmp_path / "flair.nii", GREY, FLAT)
    post = save(tmp_path / "post.nii", np.resize(GREY, shape), other)
    if fits:
        assert read_trio(flair, post=post).copied == ("pre-contrast",)
    else:
        with pytest.raises(DatasetError, match=r"post.nii: expected the voxels of .*flair.nii .*Register it"):
            read_trio(flair, post=post)


@phantom
def test_meaning_of_a_header_that_contradicts_itself(tmp_path):
    image = nibabel.Nifti1Image(GREY, np.diag([3, 3, 5, 1.0]))
    image.set_sform(np.diag([-3, 3, 5, 1.0]), 1)
    image.set_qform(np.diag([3, 3, 5, 1.0]), 1)
    nibabel.save(image, tmp_path / "odd.nii")
    with pytest.raises(DatasetError, match="contradicts itself") as error:
        read_trio(tmp_path / "odd.nii")
    for number, fix in enumerate(re.findall(r"image\.set_\wform\(image\.get_\wform\(\), 1\)", str(error.value))):
        repaired = nibabel.load(tmp_path / "odd.nii")
        exec(fix, {"image": repaired})
        nibabel.save(repaired, tmp_path / f"repaired_{number}.nii")
        assert len(read_trio(tmp_path / f"repaired_{number}.nii").images) == GREY.shape[2]
    assert number == 1


def test_predict_a_trio_from_the_command_line(run_cli, tmp_path):
    images = np.stack([read_image(record.image) for record in find_inputs(PHANTOM)[8:16]])
    flair, post = (save(tmp_path / name, images[..., channel].transpose(2, 1, 0),
                        affine_of("LPS", (1, 1, 5), images.shape[2:0:-1] + images.shape[:1]))
                   for channel, name in ((1, "flair.nii.gz"), (2, "t1gd.nii.gz")))
    out = tmp_path / "predictions"
    done = run_cli("predict", "--flair", flair, "--post", post, "--model", WEIGHTS, "--out", out, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    name = f"{tmp_path.name}_flair"
    out = out / name
    mask = np.asarray(nibabel.load(out / f"{name}_mask.nii.gz").dataobj)
    assert nibabel.load(out / f"{name}_probability.nii.gz").shape == mask.shape == (256, 256, len(images))
    slices = int(mask.any((0, 1)).sum())
    assert len(list(out.glob("*.png"))) == slices > 0
    assert len(list(out.iterdir())) == slices + 3
    assert "No pre-contrast volume: FLAIR stands in for it" in done.stdout and "No post" not in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"{name}: {mask.sum() * 5 / 1000:.1f} ml of tumour in {slices} of {len(images)} slices. "
        f"phantom-baseline.safetensors: {NOT_FOR_DIAGNOSIS}")


def test_context_slices_of_a_volume_are_in_order(tmp_path):
    """Slices from the feet up: what the network sees above a slice is what lies above it in the head."""
    class Above(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, image):
            return image[:, 7:8] * 10

    affine = affine_of("RAI", (1, 1, 5), (256, 256, 4))  # stored from the top down
    values = np.zeros((256, 256, 4), np.uint8)
    values[100:150, 100:150] = np.array([40, 80, 120, 200], np.uint8)
    values[120:130, 120:130, 1] = 250
    volume = read_trio(save(tmp_path / "f.nii", values, affine))
    found = predict_volume(Predictor(Above(), {}, context_slices=1), volume)
    assert found.probability_volume[125, 125, 2] > 0.99 > found.probability_volume[110, 110, 2]


@pytest.mark.parametrize(("arguments", "got"), [
    ((), "neither"), (("folder", "--pre", "p.nii"), "PATIENT_OR_SLICE and --pre"), (("--post", "p.nii"), "--post")])
def test_either_a_folder_or_a_trio(run_cli, tmp_path, arguments, got):
    save_model(tmp_path / "w.safetensors", build({"base": 2}, 0), {})
    done = run_cli("predict", *arguments, "--model", tmp_path / "w.safetensors", cwd=tmp_path)
    assert done.returncode == 2
    assert "expected either a patient's folder or a slice, or --flair" in done.stderr and f"got {got}." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scan_that_is_none_is_explained_without_a_traceback(run_cli, tmp_path):
    save_model(tmp_path / "w.safetensors", build({"base": 2}, 0), {})
    done = run_cli("predict", "--flair", tmp_path / "none.nii", "--model", tmp_path / "w.safetensors")
    assert done.returncode == 2
    assert "none.nii: cannot be read" in done.stderr and "Traceback" not in done.stderr
