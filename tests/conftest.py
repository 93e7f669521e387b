"""Shared fixtures: small made-up data sets, and the real one where it is there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jaxtyping import install_import_hook

# Every shape written in a signature is checked at run time during the tests.
install_import_hook("unet_lib", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

import numpy as np
import pytest
import tifffile
from processes import run_python

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_LGG = REPOSITORY.parent / "shared" / "lgg"
pytest_plugins = ["browser", "packed_set"]


def write_patient(root: Path, name: str, slices: int = 3, seed: int = 0, missing: tuple[str, ...] = ()) -> Path:
    """A patient in LGG layout: a noisy disc for a head, a bright square for a tumour in all slices but the first."""
    draw = np.random.default_rng([seed, *name.encode()])
    rows, columns = np.mgrid[:256, :256]
    head = (rows - 128) ** 2 + (columns - 128) ** 2 < 90**2
    folder = root / name
    folder.mkdir(parents=True)
    for number in range(1, slices + 1):
        image = (head[..., None] * draw.integers(40, 90, (256, 256, 3))).astype(np.uint8)
        mask = np.zeros((256, 256), np.uint8)
        if number > 1:
            top, left = draw.integers(80, 140, 2)
            mask[top:top + 30, left:left + 24] = 255
            image[mask > 0, 1] += 100
        for channel, sequence in ((0, "pre-contrast"), (2, "post-contrast")):
            if sequence in missing:
                image[..., channel] = image[..., 1]
        tifffile.imwrite(folder / f"{name}_{number}.tif", image)
        tifffile.imwrite(folder / f"{name}_{number}_mask.tif", mask)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five patients of three or eleven slices; the second lacks a sequence."""
    root = tmp_path / "data set"
    write_patient(root, "TCGA_CS_0001_19990101", slices=11)
    write_patient(root, "TCGA_CS_0002_19990101", missing=("pre-contrast",))
    for name in ("TCGA_DU_A003_19990101", "TCGA_DU_0004_19990101", "TCGA_HT_0005_19990101"):
        write_patient(root, name)
    return root


@pytest.fixture(scope="session")
def lgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 88 real patients, unpacked; skips where they are not."""
    here = REPOSITORY / "data" / "lgg"
    if here.is_dir():
        return here
    if not (SHARED_LGG / "unpack.py").is_file():
        pytest.skip("the real LGG slices are not here: neither data/lgg nor ../shared/lgg")
    target = tmp_path_factory.mktemp("lgg")
    subprocess.run([sys.executable, SHARED_LGG / "unpack.py", target], check=True)
    return target


@pytest.fixture
def run_cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `unet_lib …` as a process of its own, as a user would."""

    def run(*arguments: object, cwd: Path | str = ".") -> subprocess.CompletedProcess[str]:
        return run_python("-m", "unet_lib", *arguments, cwd=cwd, PYTHONPATH=str(REPOSITORY))

    return run
