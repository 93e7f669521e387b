"""Small data sets, packed as Kaggle packs the real one: what the tests of fetching unpack.

conftest.py plugs it in. Fixtures:

    archive     a zip of `data`, with all of it twice
    expected    what `fetch` is told to expect of it
    out         where to lay it out: a folder that is not there yet, with a name that is no plain ASCII
"""

import hashlib
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest
import tifffile

from unet_lib.data.download import Expected, Fingerprint

PATIENT = "TCGA_DU_A003_19990101"
MADE_UP = {"TCGA_CS_0001_19990101": 11, "TCGA_CS_0002_19990101": 3, PATIENT: 3, "TCGA_DU_0004_19990101": 3,
           "TCGA_HT_0005_19990101": 3}  # the patients of `data` and their slices; all but the first hold tumour


def pixel_hash(folder: Path, slices: int) -> str:
    """The hash as it is documented, from what tifffile reads."""
    digest = hashlib.sha256()
    for number in range(1, slices + 1):
        digest.update(tifffile.imread(folder / f"{folder.name}_{number}.tif").tobytes())
        digest.update((tifffile.imread(folder / f"{folder.name}_{number}_mask.tif") > 0).astype(np.uint8).tobytes())
    return digest.hexdigest()


@pytest.fixture
def expected(data):
    known = tuple(Fingerprint(name, n, n - 1, pixel_hash(data / name, n)) for name, n in MADE_UP.items())
    return Expected(patients=5, slices=23, tumour=18, known=known)


def zipped(data: Path, path: Path, packing: int = ZIP_STORED) -> Path:
    """The patients in `data` as Kaggle packs them: with tables beside them, and all of it twice."""
    with ZipFile(path, "w", packing) as archive:
        for top in ("kaggle_3m", "lgg-mri-segmentation/kaggle_3m"):
            archive.writestr(f"{top}/data.csv", "Patient,death01\n")
            archive.writestr(f"{top}/README.md", "LGG")
            for file in sorted(data.glob("TCGA*/*.tif")):
                archive.write(file, f"{top}/{file.parent.name}/{file.name}")
    return path


@pytest.fixture
def archive(data, tmp_path):
    return zipped(data, tmp_path / "archive.zip")


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "Mäuse und Köpfe" / "lgg set"
    folder.parent.mkdir()
    return folder


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def nothing_is_left(out: Path) -> bool:
    return not list(out.parent.iterdir())
