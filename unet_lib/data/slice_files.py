"""A folder in LGG layout → validated `SliceRecord`s. No pixels are read here.

    root/TCGA_DU_A5TP_19970614/TCGA_DU_A5TP_19970614_7.tif        one axial slice, three sequences
    root/TCGA_DU_A5TP_19970614/TCGA_DU_A5TP_19970614_7_mask.tif   the expert's outline of the tumour

The published archive nests a second full copy of itself; `patients_root` takes exactly one of the two. Endings may be
.tif or .tiff, in capitals too. Names that begin with a dot are an operating system's companions, and passed over.
"""

import os
import re
import shlex
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from unet_lib.core.errors import DatasetError

PATIENT_NAME = re.compile(r"TCGA_[A-Z]{2}_[A-Z0-9]{4}_\d{8}")
SLICE_NAME = re.compile(r"(?P<patient>TCGA_[A-Z]{2}_[A-Z0-9]{4}_\d{8})_(?P<number>[1-9]\d*)(?P<mask>_mask)?"
                        r"(?i:\.tiff?)")
LIKE_A_PATIENT = re.compile(r"(TCGA_[A-Z]{2}_[A-Z0-9]{4}_\d{8})\W*(\(?\d*\)?|copy|Kopie)\W*", re.IGNORECASE)
TIFF_ENDINGS = (".tif", ".tiff")
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
    """What a look at the file names found: sound records, what is wrong, and what else lies there.

    `faults` holds, by patient, a sentence for each thing that is wrong; under "" are those of no patient. `ignored`
    are the other files in the patients' folders and beside them, which nothing reads; companions are not among them.
    """

    root: Path
    records: tuple[SliceRecord, ...]
    faults: Mapping[str, tuple[str, ...]]
    ignored: tuple[Path, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """All faults, one after the other."""
        return tuple(problem for of_one in self.faults.values() for problem in of_one)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient names, sorted."""
        return tuple(sorted({record.patient for record in self.records}))

    def without(self, patients: Mapping[str, object]) -> "Survey":
        """The same without these patients and without faults."""
        return replace(self, records=tuple(r for r in self.records if r.patient not in patients), faults={})


def site_of(patient: str) -> str:
    """The site letters of a patient's name."""
    _, site, case, _ = patient.split("_")
    return f"PH-{case[0]}" if site == "PH" else site


def patients_root(root: Path) -> Path:
    """The folder that directly holds the patient folders: `root` itself or where the archive puts them.

    Only the first that fits is taken, so the archive's second copy is never counted.
    """
    for folder in (root, *(root / inner for inner in ARCHIVE_FOLDERS)):
        if folder.is_dir() and any(LIKE_A_PATIENT.fullmatch(path.name) for path in _visible(folder) if path.is_dir()):
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
    records: list[SliceRecord] = []
    faults: dict[str, list[str]] = defaultdict(list)
    ignored: list[Path] = []
    try:
        if PATIENT_NAME.fullmatch(root.resolve().name):
            folders = [root.resolve()]
        else:
            folders = _sort_folders(patients_root(root), faults[""], ignored)
        for folder in folders:
            records += _survey_patient(folder, masks_required, faults[folder.name], ignored)
    except PermissionError as error:
        raise DatasetError(f"{error.filename} cannot be read (permission denied); expected a readable folder. "
                           f"Fix it with: {shlex.join(['chmod', '-R', 'u+rX', str(root)])}") from error
    return Survey(root, tuple(sorted(records)), {who: tuple(found) for who, found in faults.items() if found},
                  tuple(ignored))


def find_slices(root: Path | str, masks_required: bool = True) -> tuple[SliceRecord, ...]:
    """Every slice below `root`, sorted by patient and slice number.

    Raises DatasetError naming the files at fault when a mask or an image is missing.
    """
    found = survey(root, masks_required)
    if found.problems:
        raise DatasetError(describe_problems(found.root, found.problems), found.problems, found.faults)
    return found.records


def describe_problems(root: Path | str, problems: tuple[str, ...], at_most: int = 5, fix: str = "") -> str:
    """The first few problems as one readable text, and how to `fix` them, or see the others."""
    more = f"\n  … and {len(problems) - at_most} more" if len(problems) > at_most else ""
    listed = "\n  ".join(problems[:at_most])
    return (f"{len(problems)} problem{'s' * (len(problems) > 1)} in {root}:\n  {listed}{more}\n"
            + (fix or f"See all of them with: {shlex.join(['unet_lib', 'data', 'check', str(root)])}"))


def is_data_folder(folder: Path) -> bool:
    """Whether patients' images lie in `folder` or in folders of it; false for masks alone, as predictions are."""
    def holds_image(inner: Path) -> bool:
        return any((match := SLICE_NAME.fullmatch(path.name)) and not match["mask"] for path in _visible(inner))

    try:
        inside = [path for path in _visible(folder) if LIKE_A_PATIENT.fullmatch(path.name) and path.is_dir()]
        return holds_image(folder) or any(map(holds_image, inside))
    except OSError:      # not there yet, no folder, or none that one may look into
        return False


def _visible(folder: Path) -> list[Path]:
    """What lies in a folder, sorted; without companions, whose names begin with a dot."""
    with os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries if not entry.name.startswith("."))


def _sort_folders(root: Path, faults: list[str], ignored: list[Path]) -> list[Path]:
    """The patients' folders; names that nearly fit, and slices that lie elsewhere, become faults."""
    folders = []
    for path in _visible(root):
        if not path.is_dir():
            if path.suffix.lower() in TIFF_ENDINGS:
                faults.append(f"{path}: a TIFF outside any patient's folder; expected {root}/TCGA_…/{path.name}. Move "
                              f"it into the folder of its patient, or away.")
            else:
                ignored.append(path)
        elif PATIENT_NAME.fullmatch(path.name):
            folders.append(path)
        elif (near := LIKE_A_PATIENT.fullmatch(path.name)) or _holds_tiffs(path):
            faults.append(f"{path}: {_rename(path, near[1].upper() if near else None)}")
        else:
            ignored.append(path)
    return folders


def _holds_tiffs(folder: Path) -> bool:
    return any(path.suffix.lower() in TIFF_ENDINGS for path in _visible(folder))


def _rename(folder: Path, name: str | None) -> str:
    wanted = folder.with_name(name) if name else None
    expected = f"expected a patient's folder named {name or 'TCGA_<site>_<case>_<date>'}. "
    if wanted is None or wanted.exists():
        return f"{expected}Rename it" + (f", or move it away: {name} is there too." if wanted else " or move it away.")
    return f"{expected}Rename it: {shlex.join(['mv', str(folder), str(wanted)])}"


def _survey_patient(folder: Path, masks_required: bool, faults: list[str], ignored: list[Path]) -> list[SliceRecord]:
    images: dict[int, Path] = {}
    masks: dict[int, Path] = {}
    name = folder.name
    for path in _visible(folder):
        match = SLICE_NAME.fullmatch(path.name)
        if match and match["patient"] == name:
            files, number = (masks if match["mask"] else images), int(match["number"])
            if number in files:
                faults.append(f"{path}: expected one file for this slice, found also {files[number].name}. Move one "
                              f"of them away.")
            files[number] = path
        elif path.suffix.lower() in TIFF_ENDINGS:
            faults.append(f"{path}: expected the name {name}_<n>.tif or {name}_<n>_mask.tif. Rename it or move it "
                          f"away.")
        else:
            ignored.append(path)
    if not images and not masks and not faults:
        faults.append(f"{folder}: no slices in it; expected {name}_<n>.tif. Unpack it again or remove it.")
    without_mask = sorted(images.keys() - masks.keys()) if masks_required else []
    faults += [f"{images[n]}: its mask {name}_{n}_mask.tif is missing. Unpack this patient again, "
               f"or remove the image." for n in without_mask]
    faults += [f"{masks[n]}: a mask without its image {name}_{n}.tif. Unpack this patient again, "
               f"or remove the mask." for n in sorted(masks.keys() - images.keys())]
    sound = images.keys() & masks.keys() if masks_required else images.keys()
    return [SliceRecord(name, n, images[n], masks.get(n, folder / f"{name}_{n}_mask.tif")) for n in sound]


def _some_names(root: Path, at_most: int = 4) -> str:
    names = [path.name for path in _visible(root)]
    return ", ".join(names[:at_most]) + (", …" if len(names) > at_most else "")
