"""The phantom: layout, determinism, whole patients or none, and figures close to the real set's."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from unet_lib.core.errors import DatasetError
from unet_lib.data import slice_files
from unet_lib.data.cache import open_cache
from unet_lib.data.phantom import VERSION, draw_patient, make_patient, stages, write_phantoms
from unet_lib.data.phantom.card import CARD
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.data.phantom.fields import below, bump, coverage, smooth_noise, stretch
from unet_lib.data.phantom.parameters import LOBES, MOST_PATIENTS, TEACHERS
from unet_lib.data.phantom.scanner import acquire, block, field_of_view
from unet_lib.data.phantom.write import UNFINISHED

COUNT = 12
# patient 1 of seed 0, slice 16, FLAIR: every 32nd pixel from (16, 16)
KEPT_FLAIR = np.array([
    [  0,   1,   0,   1,   2,   1,   0,   0],
    [  2,   0,   2,  28,  33,   1,   4,   4],
    [  2,   1,  16,  68,  81,  25,   4,   3],
    [  3,   1,  80,  47,  57,  92,  52,   0],
    [  4, 117,  75,  50,  49,  80, 116,   4],
    [  2, 115,  70,  53,  60,  79, 139,   3],
    [  2,   0,   9,  45,  21,  19,   1,   0],
    [  4,   3,   1,   1,   3,   0,   0,   0],
])
KEPT_NAME, KEPT_TUMOUR_PIXELS = "TCGA_PH_C001_19830518", 17608
MANY = """
from unet_lib.data.phantom import write_phantoms
if __name__ == "__main__":
    write_phantoms({root!r}, 200, progress=False, jobs=2)
"""
DIE_HALFWAY = """
import os, tifffile
from unet_lib.data.phantom import write_phantoms
real, calls = tifffile.imwrite, []
def imwrite(*args, **kwargs):
    calls.append(args)
    if len(calls) == {last}: os._exit(9)
    real(*args, **kwargs)
tifffile.imwrite = imwrite
write_phantoms({root!r}, 2, progress=False, jobs=1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_phantoms(tmp_path_factory.mktemp("phantoms") / "made", COUNT, seed=0, jobs=2, progress=False)


@pytest.fixture(scope="module")
def masks(folder) -> list[np.ndarray]:
    return [np.stack([tifffile.imread(f) for f in sorted(p.glob("*_mask.tif"))]) for p in patients(folder)]


def patients(root: Path) -> list[Path]:
    return sorted(root.glob("TCGA_*"))


def is_whole(patient: Path) -> bool:
    """As many images and masks as the draw says, numbered from 1."""
    index = int(patient.name[9:12])
    wanted = {f"{patient.name}_{n}{m}.tif" for n in range(1, draw_patient(0, index).slices + 1) for m in ("", "_mask")}
    return {f.name for f in patient.iterdir()} == wanted


# ------------------------------------------------------------------ layout

def test_the_folder_reads_as_a_data_set_without_a_complaint(folder):
    found = slice_files.survey(folder)
    assert not found.problems
    assert len(found.patients) == COUNT == json.loads((folder / CARD).read_text())["patients"]
    assert all(is_whole(p) for p in patients(folder))
    assert not list(folder.glob(f"{UNFINISHED}*"))


def test_files_have_the_real_sets_shapes_types_and_values(folder):
    for patient in patients(folder)[:3]:
        image = tifffile.imread(patient / f"{patient.name}_9.tif")
        mask = tifffile.imread(patient / f"{patient.name}_9_mask.tif")
        assert (image.shape, image.dtype) == ((256, 256, 3), np.uint8)
        assert (mask.shape, mask.dtype) == ((256, 256), np.uint8)
        assert set(np.unique(mask)) <= {0, 255}


@pytest.mark.parametrize("index", [0, 7, 999, 1000, MOST_PATIENTS - 1])
def test_names_fit_the_layout_and_are_recognisable(index):
    drawn = draw_patient(3, index)
    assert slice_files.PATIENT_NAME.fullmatch(drawn.name)
    assert re.fullmatch(rf"TCGA_PH_{drawn.site}.+", drawn.name)
    assert slice_files.site_of(drawn.name) == f"PH-{drawn.site}"
    time.strptime(drawn.name[-8:], "%Y%m%d")


def test_names_never_repeat():
    assert len({draw_patient(0, i).name[9:12] for i in range(0, MOST_PATIENTS, 7)}) == len(range(0, MOST_PATIENTS, 7))


@pytest.mark.parametrize("index", [-1, MOST_PATIENTS])
def test_an_index_that_no_name_can_hold_is_refused(index):
    with pytest.raises(ValueError, match="0 … 3599"):
        draw_patient(0, index)


def test_a_data_set_of_phantoms_is_known_by_how_it_was_made_not_by_its_pixels(folder):
    assert open_cache(folder, progress=False).content == f"{COUNT} phantoms, seed 0, generator version {VERSION}"


# ------------------------------------------------------------------ same seed, same files

def test_another_process_writes_the_same_pixels(folder):
    """The folder came from two workers; this is made here, alone, and after another patient."""
    make_patient(0, 5)
    patient = make_patient(0, 1)
    for number in (1, len(patient.images) // 2, len(patient.images)):
        stem = folder / patient.name / f"{patient.name}_{number}"
        assert np.array_equal(tifffile.imread(f"{stem}.tif"), patient.images[number - 1])
        assert np.array_equal(tifffile.imread(f"{stem}_mask.tif"), patient.masks[number - 1] * 255)


def test_another_machine_made_the_same_patient_within_one_grey_level():
    """Numbers kept from when the generator was written: every 32nd pixel of a slice, and the outline's size.

    Another instruction set makes the very same pixels (tests/project/test_other_cpu.py); another kind of machine may
    not.
    """
    patient = make_patient(0, 1)
    seen = patient.images[15, 16::32, 16::32, 1].astype(int)
    assert np.abs(seen - KEPT_FLAIR).max() <= 1
    assert patient.name == KEPT_NAME
    assert abs(int(patient.masks.sum()) - KEPT_TUMOUR_PIXELS) <= 5


def test_other_seeds_and_other_patients_differ():
    names = {draw_patient(seed, index).name for seed in (0, 1) for index in (0, 1)}
    centres = {draw_patient(seed, index).tumour.centre_mm for seed in (0, 1) for index in (0, 1)}
    assert len(names) == len(centres) == 4


# ------------------------------------------------------------------ whole patients or none

def test_a_run_that_dies_leaves_no_half_patient_and_the_next_one_goes_on(tmp_path):
    root = tmp_path / "made"
    last = 2 * draw_patient(0, 0).slices + 21      # within the second patient's files
    died = subprocess.run([sys.executable, "-c", DIE_HALFWAY.format(root=str(root), last=last)], check=False)
    assert died.returncode == 9
    assert len(patients(root)) == 1 and is_whole(patients(root)[0])
    assert len(list(root.glob(f"{UNFINISHED}*"))) == 1
    written = patients(root)[0].stat().st_mtime_ns
    write_phantoms(root, 2, progress=False, jobs=1)
    assert all(is_whole(p) for p in patients(root)) and len(patients(root)) == 2
    assert not list(root.glob(f"{UNFINISHED}*"))
    first = root / draw_patient(0, 0).name
    assert first.stat().st_mtime_ns == written, "a finished patient was made again"


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known to Windows")
def test_workers_end_when_the_run_is_killed(tmp_path):
    root = tmp_path / "made"
    script = tmp_path / "run.py"
    script.write_text(MANY.format(root=str(root)))
    run = subprocess.Popen([sys.executable, str(script)])
    deadline = time.monotonic() + 60
    while not patients(root) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    time.sleep(1)
    there = patients(root)
    time.sleep(5)                                  # at least one patient's work
    assert there and patients(root) == there
    assert all(is_whole(p) for p in there)


def test_more_patients_can_be_added_and_fewer_remove_none(folder):
    before = patients(folder)
    write_phantoms(folder, 3, seed=0, jobs=1, progress=False)
    assert patients(folder) == before


# ------------------------------------------------------------------ refusals

def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DatasetError, match=r"expected an empty folder.*holds other files.*Name another folder"):
        write_phantoms(tmp_path, 1, progress=False)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("card", "words"), [
    ({"seed": 4, "version": VERSION}, "expected phantoms of seed 0.*holds seed 4"),
    ({"seed": 0, "version": VERSION + 1}, f"holds seed 0, version {VERSION + 1}"),
    ({"seed": 0}, "damaged"), ([], "damaged")])
def test_phantoms_of_another_seed_or_version_are_refused(tmp_path, card, words):
    (tmp_path / CARD).write_text(json.dumps(card))
    with pytest.raises(DatasetError, match=words):
        write_phantoms(tmp_path, 1, progress=False)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(DatasetError, match="is a file"):
        write_phantoms(tmp_path / "f", 1, progress=False)


@pytest.mark.parametrize("number", [0, MOST_PATIENTS + 1])
def test_a_senseless_number_of_patients_is_refused(tmp_path, number):
    with pytest.raises(DatasetError, match=f"expected 1 to {MOST_PATIENTS}.*got {number}"):
        write_phantoms(tmp_path / "p", number, progress=False)
    assert not (tmp_path / "p").exists()


# ------------------------------------------------------------------ like the real set

def test_fractions_of_tumour_slices_and_pixels_are_the_real_sets(masks):
    """Real: 35 % of slices, 1.03 % of pixels, every patient with tumour."""
    joined = np.concatenate(masks) > 0
    assert 0.25 < joined.any((1, 2)).mean() < 0.45
    assert 0.005 < joined.mean() < 0.02
    assert all((m > 0).any() for m in masks)


def test_tumour_sizes_range_from_tiny_to_huge():
    """Real: least 0.08 %, middle 0.84 %, most 3.5 % of a patient's pixels."""
    fractions = [draw_patient(0, i).tumour.pixel_fraction for i in range(300)]
    assert min(fractions) < 0.0015 and max(fractions) > 0.025
    assert 0.007 < np.median(fractions) < 0.012


def test_missing_sequences_come_at_the_real_rates():
    """Real: pre-contrast 6 of 110, post-contrast 10 of 110. Bounds: three standard errors of 1,000 draws."""
    gone = [draw_patient(0, i).missing for i in range(1000)]
    assert np.mean(["pre-contrast" in g for g in gone]) == pytest.approx(6 / 110, abs=0.022)
    assert np.mean(["post-contrast" in g for g in gone]) == pytest.approx(10 / 110, abs=0.028)


def test_a_missing_sequence_is_an_exact_copy_of_flair_and_no_other_is():
    index = next(i for i in range(200) if draw_patient(0, i).missing == ("post-contrast",))
    patient = make_patient(0, index)
    assert np.array_equal(patient.images[..., 2], patient.images[..., 1])
    assert not np.array_equal(patient.images[..., 0], patient.images[..., 1])


def test_sites_come_in_the_real_proportions():
    sites = [draw_patient(0, i).site for i in range(550)]
    for site, real in {"C": 16, "D": 45, "E": 1, "F": 14, "H": 34}.items():
        assert sites.count(site) / 5 == pytest.approx(real, abs=7)


def test_the_site_decides_the_usual_brightness():
    """Real: patients of site HT are about a third brighter in both T1 sequences than those of DU, alike in FLAIR."""
    drawn = [draw_patient(0, i) for i in range(600)]
    white = {site: np.mean([d.white for d in drawn if d.site == site], axis=0) for site in "DH"}
    assert white["H"] / white["D"] == pytest.approx([1.37, 1.06, 1.36], abs=0.1)


@pytest.mark.parametrize("index", [2, 6, 9])
def test_tumour_is_brighter_than_white_matter_in_flair(index):
    made = stages(0, index)
    mask, white = made["mask"] > 0, made["white matter"] > 0.9
    flair = made["finished slice"][..., 1]
    assert np.median(flair[mask]) > 1.05 * np.median(flair[white & ~mask])


def test_tumours_lie_inside_the_brain_and_where_they_were_drawn():
    patient = make_patient(0, 2)
    assert patient.parameters.tumour.lobe in {name for name, *_ in LOBES}
    side = np.sign(patient.parameters.tumour.centre_mm[0])
    assert np.sign(patient.tumour_centre[2] - 127.5) == side      # right of the atlas is right in the image
    flair = patient.images[..., 1]
    assert (flair[patient.masks > 0] > 5).mean() > 0.97           # not in the air


def test_the_facts_told_are_those_of_the_mask():
    patient = make_patient(0, 3)
    rows = np.nonzero(patient.masks)[1]
    assert patient.tumour_centre[1] == pytest.approx(rows.mean(), abs=0.06)
    p = patient.parameters
    millilitres = patient.masks.sum() * p.pixel_mm ** 2 * (p.top_mm - p.bottom_mm) / (p.slices - 1) / 1000
    assert patient.tumour_ml == pytest.approx(millilitres, abs=0.06)
    assert patient.tumour_slices == sum(m.any() for m in patient.masks)


def test_labels_tell_the_tissue_of_every_pixel_and_agree_with_the_mask():
    patient = make_patient(0, 4)                                  # one with a cyst
    names = np.array(TISSUES)[patient.labels]
    assert {"air", "fat", "bone", "csf", "grey", "white", "nuclei", "tumour", "cyst"} <= set(np.unique(names))
    ill = np.isin(names, ["tumour", "cyst"])
    assert ill[patient.masks > 0].mean() > 0.85 and (patient.masks[ill] > 0).mean() > 0.85
    grey, white = (np.median(patient.images[..., 0][names == tissue]) for tissue in ("grey", "white"))
    assert grey < white                                           # T1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_first_patients_show_one_thing_each(seed):
    assert all(teaches(draw_patient(seed, index)) for index, teaches in enumerate(TEACHERS))


def test_stages_end_in_the_patients_own_slice():
    made, patient = stages(0, 1), make_patient(0, 1)
    s = int(patient.masks.sum((1, 2)).argmax())
    assert np.array_equal(made["finished slice"], patient.images[s])
    assert np.array_equal(made["mask"], patient.masks[s])
    assert all(image.shape[:2] == (256, 256) for image in made.values()) and len(made) >= 8
    changed = made["tumour, FLAIR"] != made["bright but no tumour, FLAIR"]
    assert changed[patient.masks[s] > 0].mean() > 0.95 and changed.mean() < 0.3


# ------------------------------------------------------------------ pencils

def test_stretch_keeps_corners_and_goes_straight_between():
    line = stretch(np.array([0.0, 1.0, 4.0], np.float32).reshape(3, 1, 1), (5, 1, 1)).ravel()
    assert line == pytest.approx([0, 0.5, 1, 2.5, 4])


def test_smooth_noise_is_smooth_with_a_standard_deviation_of_about_one():
    field = smooth_noise(np.random.default_rng(0), (20, 128, 128), (6, 12, 12))
    assert abs(field.mean()) < 0.2 and 0.8 < field.std() < 1.2
    assert np.abs(np.diff(field, axis=2)).max() < 0.6 * field.std()


def test_below_is_half_on_the_edge_and_complete_beyond_its_width():
    assert below(np.array([0.0, 1.5, 2.0, 2.5, 4.0], np.float32), 2, 0.5) == pytest.approx([1, 1, 0.5, 0, 0])


def test_a_bump_falls_like_a_gaussian_and_ends():
    squared = np.array([0, 1, 4, 10, 12], np.float32)
    assert bump(squared) == pytest.approx([1, np.exp(-0.5), np.exp(-2), 0, 0], abs=0.06)


def test_a_sheet_covers_its_fraction_of_a_pixel():
    away = np.array([0.0, 0.5, 2.0], np.float32)
    assert coverage(away, 0.25, 1.0) == pytest.approx([0.5, 0.25, 0])
    assert coverage(away, 3.0, 1.0) == pytest.approx([1, 1, 1])


def test_a_whole_k_space_keeps_an_image_and_a_part_of_it_rings_beside_an_edge():
    image = np.zeros((1, 32, 32), np.float32)
    image[:, :, 12:20] = 100
    assert np.abs(acquire(image, np.zeros_like(image), (1.0, 0.7)) - 100)[0, :, 15].max() < 12
    flat = np.full((1, 32, 32), 50, np.float32)
    assert acquire(flat, np.zeros_like(flat), (0.6, 0.6)) == pytest.approx(flat)
    assert acquire(image, np.zeros_like(image), (1.0, 0.6))[0, 16, :8].max() > 1


def test_a_field_of_view_cuts_off_what_lies_outside_and_turns():
    straight = field_of_view((9, 9), (0.0, 100.0, 2.0))
    assert straight[:, 2:7].all() and not straight[:, :2].any() and not straight[:, 7:].any()
    turned = field_of_view((101, 101), (0.1, 100.0, 20.0))
    assert turned.sum() == pytest.approx(41 * 101, rel=0.03)
    assert turned[0].argmax() != turned[-1].argmax()


def test_every_fourth_patient_or_so_wears_markers():
    worn = [draw_patient(0, index).markers for index in range(7, 107)]
    assert 15 <= sum(map(bool, worn)) <= 35
    assert {len(markers) for markers in worn} <= {0, *range(5, 10)}
    assert np.allclose([np.linalg.norm(way) for markers in worn for way in markers], 1)


def test_a_block_without_cuts_covers_everything_and_a_cut_takes_the_lowest_slice():
    assert block((5, 8, 8), (0.0, 0.0)).all()
    cut = block((5, 8, 8), (1.0, 0.0))
    assert not cut[0].any() and cut[2:4].all()
