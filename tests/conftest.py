"""Shared fixtures: small made-up data sets, and the real one where it is there."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# The libraries and 4,700 tests are millions of objects that live to the end: to look for garbage among them as often as
# Python does took a tenth of the time.
gc.set_threshold(50_000, 20, 100)

from jaxtyping import install_import_hook
from repository import REPOSITORY, SHARED_LGG

# Every shape written in a signature is checked at run time during the tests.
install_import_hook("unet_lib", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

import pytest
from processes import run_python

os.environ["UNET_PROGRESS"] = "off"  # what a reader has solved is theirs

pytest_plugins = ["browser", "forked_kernels", "node", "packed_set"]


def pytest_collection_finish() -> None:
    """What is there before the first test is not garbage, nor is it looked at again."""
    gc.freeze()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five patients of three or eleven slices; the second lacks a sequence."""
    from made_up import write_patient  # loads torch, which not all tests need

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
