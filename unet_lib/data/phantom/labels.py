"""The tissue of every pixel of the phantoms in a folder: known, because we painted them.

    labels = read_labels("data/phantom")["TCGA_PH_C000_20000511"]    # (n, 256, 256), indices into TISSUES
    groups = group_tissues(labels)                                   # the same as indices into GROUP_NAMES

They lie in a hidden folder beside the patients, so that a phantom's own folder looks like a real patient's.
"""

import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.errors import DatasetError
from unet_lib.data.phantom.card import made_with
from unet_lib.data.phantom.contrast import TISSUES

FOLDER = ".labels"
GROUPS = {"air": ("air",), "scalp and fat": ("skin", "fat"), "muscle": ("muscle",), "skull": ("bone", "marrow"),
          "vessels and membranes": ("vessel", "dura", "plexus", "mucosa"), "fluid": ("csf", "eye"),
          "grey matter": ("grey",), "deep grey matter": ("nuclei", "pallidum"), "white matter": ("white",),
          "tumour": ("tumour",), "cyst": ("cyst",)}
"""Tissues that images hardly tell apart, together. What is bright after contrast (vessels, the dura, the choroid
plexus, mucous membranes) is one group, eyeballs count as fluid. The tumour is one tissue: oedema, core and enhancing
border pass into each other, and no pixel's label says which it is; only the cyst within has a label of its own."""
GROUP_NAMES = tuple(GROUPS)
GROUP_OF_TISSUE = np.array([next(code for code, group in enumerate(GROUPS.values()) if tissue in group)
                            for tissue in TISSUES], np.uint8)


def group_tissues(labels: UInt8[ndarray, "*shape"]) -> UInt8[ndarray, "*shape"]:
    """Indices into TISSUES → indices into GROUP_NAMES."""
    return GROUP_OF_TISSUE[labels]


def read_labels(root: Path | str) -> dict[str, UInt8[ndarray, "n 256 256"]]:
    """The tissue of every pixel as its index in TISSUES, by patient; slices in order.

    Raises DatasetError for real patients, and for phantoms that were made without labels or lost them.
    """
    root = Path(root)
    if not (made := made_with(root)):
        raise DatasetError(f"expected a folder of phantoms; {root} is none. Of real slices nobody knows the tissue of "
                           f"every pixel. Name phantoms: data/phantom, or what `unet_lib phantom --out` wrote.")
    names = sorted(folder.name for folder in root.glob("TCGA_PH_*") if folder.is_dir())
    if without := [name for name in names if not has_labels(root, name)]:
        raise DatasetError(f"expected the tissues of {len(names)} phantoms in {root}; those of {len(without)} are not "
                           f"there, first {without[0]}. This adds them, and changes no image: unet_lib phantom "
                           f"--patients {len(names)} --seed {made[0]} --out {root}")
    return {name: _read(_path(root, name)) for name in names}


def has_labels(root: Path, name: str) -> bool:
    """Do the labels of this patient lie in the folder?"""
    return _path(root, name).exists()


def write_labels(root: Path, name: str, labels: UInt8[ndarray, "n 256 256"]) -> None:
    """Keep the labels of a patient; all or nothing."""
    with atomic_file(_path(root, name)) as file:
        np.savez_compressed(file, labels=labels)


def _path(root: Path, name: str) -> Path:
    return root / FOLDER / f"{name}.npz"


def _read(path: Path) -> UInt8[ndarray, "n 256 256"]:
    try:
        return np.load(path)["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: damaged ({error}). Delete this file and run the command that made the phantoms "
                           f"again; it adds what is missing.") from error
