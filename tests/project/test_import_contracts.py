"""The import contracts of pyproject.toml bite: a copy of the package that breaks one of them is refused."""

import shutil
import subprocess
import sys

import pytest
from repository import REPOSITORY

LINT_IMPORTS = REPOSITORY.joinpath(sys.prefix, "bin", "lint-imports")


def lint(folder):
    """lint-imports over the package in `folder`; it must not look at the one that is installed."""
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package's Python files, and the contracts."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    shutil.copytree(REPOSITORY / "unet_lib", folder / "unet_lib", ignore=lambda path, names: [
        name for name in names if "." in name and not name.endswith(".py")])
    return folder


def test_the_copy_keeps_the_contracts(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("module", "line", "contract"), [
    ("core/metrics.py", "import unet_lib.evaluation.patients", "A room imports from rows below its own"),
    ("inference/nifti.py", "import unet_lib.training.losses", "A room imports from rows below its own"),
    ("plotting/base.py", "import unet_lib.models.unet", "A room imports from rows below its own"),
    ("training/loop.py", "import unet_lib.data.cache", "The training loop knows batches, not data sets"),
    ("byhand/adam.py", "import unet_lib.core.devices", "The network by hand knows nothing but errors")])
def test_breaking_a_contract_is_noticed(copy, module, line, contract):
    path = copy / "unet_lib" / module
    text = path.read_text()
    try:
        path.write_text(f"{text}\n{line}\n")
        done = lint(copy)
    finally:
        path.write_text(text)
    broken = [row for row in done.stdout.splitlines() if " BROKEN" in row]
    assert done.returncode == 1 and any(row.startswith(contract) for row in broken), done.stdout


def test_a_new_room_must_find_its_row(copy):
    room = copy / "unet_lib" / "attic"
    room.mkdir()
    try:
        (room / "__init__.py").write_text('"""A room that no contract knows."""\n')
        done = lint(copy)
    finally:
        shutil.rmtree(room)
    assert done.returncode != 0 and "attic" in done.stdout + done.stderr


def test_the_house_has_few_doors():
    here = [path for path in (REPOSITORY / "unet_lib").iterdir() if path.name != "__pycache__"]
    assert len(here) <= 14, sorted(path.name for path in here)
