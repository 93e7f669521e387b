import shutil

import pytest
from made_up import write_patient

from unet_lib.core.errors import DatasetError
from unet_lib.data.slice_files import PATIENT_NAME, find_slices, site_of, survey


def test_slices_are_sorted_as_numbers(data):
    first = [r.number for r in find_slices(data) if r.patient == "TCGA_CS_0001_19990101"]
    assert first == list(range(1, 12))


def test_patients_and_sites(data):
    found = survey(data)
    assert len(found.patients) == 5
    assert len(found.records) == 11 + 4 * 3
    assert {r.site for r in found.records} == {"CS", "DU", "HT"}


@pytest.mark.parametrize(("name", "fits"), [
    ("TCGA_DU_A5TP_19970614", True), ("TCGA_CS_4941_19960909", True), ("TCGA_PH_D001_20000101", True),
    ("TCGA_DU_A5T_19970614", False), ("tcga_du_a5tp_19970614", False), ("TCGA_DU_A5TP_19970614_old", False)])
def test_patient_names(name, fits):
    assert bool(PATIENT_NAME.fullmatch(name)) is fits


def test_site_of_a_phantom_keeps_its_letter():
    assert site_of("TCGA_PH_D001_20000101") == "PH-D"
    assert site_of("TCGA_DU_A5TP_19970614") == "DU"


def test_the_archives_second_copy_is_not_counted(data):
    alone = [(r.patient, r.number) for r in find_slices(data)]
    shutil.copytree(data, data.parent / "copy")
    shutil.move(data.parent / "copy", data / "lgg-mri-segmentation" / "kaggle_3m")
    assert [(r.patient, r.number) for r in find_slices(data)] == alone


@pytest.mark.parametrize("inner", ["kaggle_3m", "lgg-mri-segmentation/kaggle_3m"])
def test_the_archives_own_folders_are_looked_into(data, inner):
    outer = data.parent / "archive"
    shutil.move(data, outer / inner)
    assert len(find_slices(outer)) == 23


def test_one_patients_folder_is_a_data_set_too(data):
    records = find_slices(data / "TCGA_DU_A003_19990101")
    assert {r.patient for r in records} == {"TCGA_DU_A003_19990101"}


def test_a_missing_mask_names_the_file_and_the_fix(data):
    (data / "TCGA_DU_A003_19990101" / "TCGA_DU_A003_19990101_2_mask.tif").unlink()
    with pytest.raises(DatasetError, match=r"A003_19990101_2\.tif: its mask .*_2_mask\.tif is missing.*Unpack"):
        find_slices(data)
    assert len(find_slices(data, masks_required=False)) == 23


def test_a_mask_without_its_image_names_the_file_and_the_fix(data):
    (data / "TCGA_DU_A003_19990101" / "TCGA_DU_A003_19990101_2.tif").unlink()
    with pytest.raises(DatasetError, match=r"_2_mask\.tif: a mask without its image.*remove the mask"):
        find_slices(data)


def test_all_problems_are_collected(data):
    for number in (1, 3):
        (data / "TCGA_DU_A003_19990101" / f"TCGA_DU_A003_19990101_{number}_mask.tif").unlink()
    assert len(survey(data).problems) == 2


def test_a_foreign_file_among_the_slices_is_named(data):
    folder = data / "TCGA_DU_A003_19990101"
    (folder / "TCGA_DU_A003_19990101_2.tif").rename(folder / "TCGA_DU_A003_19990101_02.tif")
    assert any("_02.tif: expected the name" in problem for problem in survey(data).problems)


def test_a_patient_without_slices_is_named(data):
    (data / "TCGA_FG_0009_19990101").mkdir()
    assert any("no slices in it" in problem for problem in survey(data).problems)


def test_empty_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"is empty; expected patient folders.*unet_lib phantom"):
        find_slices(tmp_path)


def test_a_folder_that_is_no_data_set(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(DatasetError, match=r"not a data set in LGG layout.*found holiday\.jpg"):
        find_slices(tmp_path)


def test_a_folder_that_does_not_exist_and_a_file(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        find_slices(tmp_path / "nowhere")
    (tmp_path / "file.tif").touch()
    with pytest.raises(DatasetError, match="is a file; expected a folder"):
        find_slices(tmp_path / "file.tif")


def test_a_folder_that_may_not_be_read(data, monkeypatch):
    import os

    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError, match=r"cannot be read \(permission denied\).*Fix it with: chmod"):
        find_slices(data)


def test_order_does_not_depend_on_the_disk(tmp_path):
    write_patient(tmp_path, "TCGA_HT_0002_19990101")
    write_patient(tmp_path, "TCGA_CS_0001_19990101")
    assert [r.patient for r in find_slices(tmp_path)][0] == "TCGA_CS_0001_19990101"
