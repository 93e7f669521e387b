"""nbval over the lessons, and proof that it bites."""

import re
import subprocess
import sys

import nbformat
import pytest
from conftest import REPOSITORY

from unet_lib.profiles import data_folder

LESSONS = sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def nbval(path):
    """Run a notebook and compare its outputs with those stored in it."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-cell-timeout=300", "-q", "-p", "no:cacheprovider",
               "--rootdir", path.parent, path]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True)


def test_the_numbered_lessons_are_what_the_readme_links():
    linked = re.findall(r"\(notebooks/(\d\d_\w+)\.ipynb\)", (REPOSITORY / "README.md").read_text())
    assert linked == [path.stem for path in LESSONS]
    assert {"00_start_here", "01_the_scan", "04_training"} <= set(linked)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_gives_what_is_stored_in_it(path):
    if not data_folder().is_dir():
        pytest.skip("no phantom data; make it with: unet_lib phantom")
    done = nbval(path)
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-6000:]


def test_changing_one_stored_number_makes_it_fail(tmp_path):
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    cell = nbformat.v4.new_code_cell("print(6 * 7)")
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    notebook.cells = [cell]
    path = tmp_path / "lesson.ipynb"
    nbformat.write(notebook, path)
    assert nbval(path).returncode == 0
    cell.outputs[0].text = "43\n"
    nbformat.write(notebook, path)
    done = nbval(path)
    assert done.returncode == 1
    assert "43" in done.stdout and "42" in done.stdout
