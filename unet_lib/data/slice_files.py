"""A folder in LGG layout → validated `SliceRecord`s. No pixels are read here.

    root/TCGA_DU_A5TP_19970614/TCGA_DU_A5TP_19970614_7.tif        one axial slice, three sequences
    root/TCGA_DU_A5TP_19970614/TCGA_DU_A5TP_19970614_7_mask.tif   the expert's outline of the tumour

The published archive nests a second full copy of itself; `patients_root` takes exactly one of the two.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from unet_lib.core.errors import DatasetError

PATIENT_NAME = re.compile(r"TCGA_[A-Z]{2}_[A-Z0-9]{4}_\d{8}")
SLICE_NAME = re.compile(r"(?P<patient>TCGA_[A-Z]{2}_[A-Z0-9]{4}_\d{8})_(?P<number>[1-9]\d*)(?P<mask>_mask)?\.tif")
CHANNELS = ("pre-contrast", "FLAIR", "post-contrast")
FLAIR = CHANNELS.index("FLAIR")
SIDE = 256
ARCHIVE_FOLDERS = ("kaggle_3m", "lgg-mri-segmentation/kaggle_3m", "lgg-mri-segmentation")
HOW_TO_GET_DATA = ("Make synthetic patients with `unet_lib phantom --out data/phantom`, or fetch the real LGG set "
                   "with `unet_lib data fetch`, and name the folder that holds the patient folders TCGA_…")


@dataclass(frozen=True, slots=True, order=True)
class SliceRecord:
    """One slice: who, which, and where its two files lie. Sorts by patient, then by number."""

    patient: str
    number: int
    image: Path
    mask: Path

    @property
    def site(self) -> str:
        """The hospital: `DU` for TCGA_DU_…; `PH-D` for the phantom site D of TCGA_PH_D001_…"""
        return site_of(self.patient)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at the file names found: sound records, and a sentence for each thing that is wrong."""

    root: Path
    records: tuple[SliceRecord, ...]
    problems: tuple[str, ...]

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient names, sorted."""
        return tuple(sorted({record.patient for record in self.records}))


def site_of(patient: str) -> str:
    """The site letters of a patient's name."""
    _, site, case, _ = patient.split("_")
    return f"PH-{case[0]}" if site == "PH" else site


def patients_root(root: Path) -> Path:
    """The folder that directly holds the patient folders: `root` itself or where the archive puts them.

    Only the first that fits is taken, so the archive's second copy is never counted.
    """
    for folder in (root, *(root / inner for inner in ARCHIVE_FOLDERS)):
        if folder.is_dir() and any(_patient_folders(folder)):
            return folder
    if not any(root.iterdir()):
        raise DatasetError(f"{root} is empty; expected patient folders TCGA_<site>_<case>_<date>. {HOW_TO_GET_DATA}")
    raise DatasetError(f"{root} is not a data set in LGG layout: expected patient folders "
                       f"TCGA_<site>_<case>_<date>, found {_some_names(root)}. {HOW_TO_GET_DATA}")


def survey(root: Path | str, masks_required: bool = True) -> Survey:
    """Look at every name below `root`; collect what is sound and describe what is not.

    `root` is a data set or a single patient's folder. Raises DatasetError if it is neither. With
    `masks_required=False` an image without a mask is sound too; its record says where the mask would be.
    """
    root = Path(root)
    if not root.exists():
        raise DatasetError(f"{root} does not exist; expected a folder in LGG layout. {HOW_TO_GET_DATA}")
    if not root.is_dir():
        raise DatasetError(f"{root} is a file; expected a folder in LGG layout. {HOW_TO_GET_DATA}")
    try:
        folders = [root.resolve()] if _is_patient(root.resolve()) else list(_patient_folders(patients_root(root)))
        found = [_survey_patient(folder, masks_required) for folder in sorted(folders)]
    except PermissionError as error:
        raise DatasetError(f"{error.filename} cannot be read (permission denied); expected a readable folder. "
                           f"Fix it with: chmod -R u+rX {root}") from error
    return Survey(root, tuple(sorted(r for records, _ in found for r in records)),
                  tuple(problem for _, problems in found for problem in problems))


def find_slices(root: Path | str, masks_required: bool = True) -> tuple[SliceRecord, ...]:
    """Every slice below `root`, sorted by patient and slice number.

    Raises DatasetError naming the files at fault when a mask or an image is missing.
    """
    found = survey(root, masks_required)
    if found.problems:
        raise DatasetError(describe_problems(found.root, found.problems), found.problems)
    return found.records


def describe_problems(root: Path | str, problems: tuple[str, ...], at_most: int = 5, fix: str = "") -> str:
    """The first few problems as one readable text, and how to `fix` them, or see the others."""
    more = f"\n  … and {len(problems) - at_most} more" if len(problems) > at_most else ""
    listed = "\n  ".join(problems[:at_most])
    return (f"{len(problems)} problem{'s' * (len(problems) > 1)} in {root}:\n  {listed}{more}\n"
            + (fix or f"See all of them with: unet_lib data check {root}"))


def _is_patient(folder: Path) -> bool:
    return PATIENT_NAME.fullmatch(folder.name) is not None


def _patient_folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(e.path) for e in entries if PATIENT_NAME.fullmatch(e.name) and e.is_dir()]


def _survey_patient(folder: Path, masks_required: bool) -> tuple[list[SliceRecord], list[str]]:
    images: dict[int, Path] = {}
    masks: dict[int, Path] = {}
    problems = []
    with os.scandir(folder) as entries:
        for entry in entries:
            match = SLICE_NAME.fullmatch(entry.name)
            if match and match["patient"] == folder.name:
                (masks if match["mask"] else images)[int(match["number"])] = folder / entry.name
            elif entry.name.endswith(".tif"):
                problems.append(f"{folder / entry.name}: expected the name {folder.name}_<n>.tif or "
                                f"{folder.name}_<n>_mask.tif. Rename it or move it away.")
    if not images and not masks and not problems:
        problems.append(f"{folder}: no slices in it; expected {folder.name}_<n>.tif. Unpack it again or remove it.")
    without_mask = sorted(images.keys() - masks.keys()) if masks_required else []
    problems += [f"{images[n]}: its mask {folder.name}_{n}_mask.tif is missing. Unpack this patient again, "
                 f"or remove the image." for n in without_mask]
    problems += [f"{masks[n]}: a mask without its image {folder.name}_{n}.tif. Unpack this patient again, "
                 f"or remove the mask." for n in sorted(masks.keys() - images.keys())]
    sound = images.keys() & masks.keys() if masks_required else images.keys()
    return [SliceRecord(folder.name, n, images[n], folder / f"{folder.name}_{n}_mask.tif") for n in sound], problems


def _some_names(root: Path, at_most: int = 4) -> str:
    names = sorted(path.name for path in root.iterdir())
    return ", ".join(names[:at_most]) + (", …" if len(names) > at_most else "")
