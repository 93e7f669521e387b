"""Tissues of phantoms, kept beside their images: the painter's own, added where they lack, refused for real heads."""

import numpy as np
import pytest
from made_up import write_patient

from unet_lib.core.errors import DatasetError
from unet_lib.data.phantom import GROUP_NAMES, draw_patient, group_tissues, make_patient, read_labels, write_phantoms
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.data.phantom.labels import FOLDER, GROUPS
from unet_lib.data.phantom.parameters import patient_number
from unet_lib.data.slice_files import survey

NAME = draw_patient(0, 4).name


@pytest.fixture(scope="module")
def patient():
    return make_patient(0, 4)


@pytest.fixture
def folder(tmp_path, patient, monkeypatch):
    """One phantom, written; painting it again gives the same without the wait."""
    monkeypatch.setattr("unet_lib.data.phantom.make.make_patient", lambda seed, index: patient)
    monkeypatch.setattr("unet_lib.data.phantom.write.patient_number", lambda index: patient_number(4))
    return write_phantoms(tmp_path / "made", 1, seed=0, jobs=1, progress=False)


def test_labels_come_back_and_no_file_of_theirs_is_in_the_way(folder, patient):
    labels = read_labels(folder)
    assert list(labels) == [NAME] and np.array_equal(labels[NAME], patient.labels)
    found = survey(folder)
    assert not found.problems and [path.name for path in found.ignored] == ["phantom.json"]


def test_the_same_command_adds_labels_that_lack_and_writes_no_image_again(folder, patient):
    path = folder / FOLDER / f"{NAME}.npz"
    path.unlink()
    with pytest.raises(DatasetError, match=rf"first {NAME}.*unet_lib phantom --patients 1 --seed 0 --out"):
        read_labels(folder)
    images = {file: file.stat().st_mtime_ns for file in (folder / NAME).iterdir()}
    write_phantoms(folder, 1, seed=0, jobs=1, progress=False)
    assert np.array_equal(read_labels(folder)[NAME], patient.labels)
    assert images == {file: file.stat().st_mtime_ns for file in (folder / NAME).iterdir()}


def test_damaged_labels_are_named(folder):
    path = folder / FOLDER / f"{NAME}.npz"
    for damaged in (path.read_bytes()[:1000], b"", b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match=rf"{NAME}\.npz: damaged.*Delete this file"):
            read_labels(folder)


def test_nobody_knows_the_tissues_of_a_real_head(tmp_path):
    write_patient(tmp_path, "TCGA_CS_0001_19990101")
    with pytest.raises(DatasetError, match="expected a folder of phantoms.*Of real slices nobody knows"):
        read_labels(tmp_path)


def test_every_tissue_is_in_one_group_and_the_tumour_is_alone():
    assert sorted(tissue for group in GROUPS.values() for tissue in group) == sorted(TISSUES)
    labels = np.array([[TISSUES.index(tissue) for tissue in ("air", "skin", "fat", "pallidum", "tumour", "cyst")]],
                      np.uint8)
    named = [GROUP_NAMES[group] for group in group_tissues(labels)[0]]
    assert named == ["air", "scalp and fat", "scalp and fat", "deep grey matter", "tumour", "cyst"]
