"""nbval over the lessons, with networking cut where the machine allows it, and proof that both bite."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbval_command import WITHOUT_PLUGINS, nbval_command
from offline import can_be_cut, offline
from repository import REPOSITORY

from unet_lib.core.paths import data_folder

LESSONS = sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def nbval(path):
    """Run a notebook offline, compare its outputs with those stored in it, and let its claims be checked."""
    return subprocess.run(offline(nbval_command(path)), cwd=path.parent, capture_output=True, text=True,
                          env={**os.environ, **WITHOUT_PLUGINS, "UNET_CHECK": "1"})


def test_the_numbered_lessons_are_what_the_readme_links():
    linked = re.findall(r"\(notebooks/(\d\d_\w+)\.ipynb\)", (REPOSITORY / "README.md").read_text())
    assert linked == [path.stem for path in LESSONS]
    assert [name[:2] for name in linked] == [f"{number:02}" for number in range(10)]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_gives_what_is_stored_in_it(path):
    if not data_folder().is_dir():
        pytest.skip("no phantom data; make it with: unet_lib phantom")
    done = nbval(path)
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-6000:]


def test_changing_one_stored_number_makes_it_fail(tmp_path):
    """Lesson 00 passes above as it is; here it has one cell, and one digit of its stored output is another."""
    lesson = nbformat.read(REPOSITORY / "notebooks" / "00_start_here.ipynb", 4)
    cell = lesson.cells[2]
    lesson.cells, path = [cell], tmp_path / "lesson.ipynb"
    told = cell.outputs[0].data["text/plain"]
    cell.outputs[0].data["text/plain"] = told.replace("marks 2520 pixels", "marks 2521 pixels")
    assert cell.outputs[0].data["text/plain"] != told
    path.write_text(nbformat.writes(lesson))
    done = nbval(path)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "2520 pixels" in done.stdout and "2521 pixels" in done.stdout


def test_the_lessons_run_with_networking_cut():
    if not can_be_cut():
        pytest.skip("this machine lets nobody cut a command off from the network (unshare --net)")
    asked = ("import socket; print([name for _, name in socket.if_nameindex()])\n"
             "try: socket.create_connection(('192.0.2.1', 80), timeout=5)\n"  # an address kept for documentation
             "except OSError as error: print(error.strerror)")
    done = subprocess.run(offline([sys.executable, "-c", asked]), capture_output=True, text=True)
    assert done.stdout == "['lo']\nNetwork is unreachable\n", done.stdout + done.stderr
