"""Editions as folders: which there are, and how a lesson is written into one."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

from unet_lib.core.atomic_io import write_text
from unet_lib.core.paths import repository
from unet_lib.lessons.editions.linked_files import carry_files
from unet_lib.lessons.editions.variants import nbgraders, pupils, teachers
from unet_lib.lessons.translation import read_lesson

CONFIG = '''\
# nbgrader's settings for the lessons, written by `unet_lib edition nbgrader`.
import os

try:
    from unet_lib.core.paths import data_folder
except ImportError:
    raise SystemExit("nbgrader: expected a Python with unet_lib; here it is missing, and nobody would get a point. "
                     "Activate the environment of the lessons, then run nbgrader again.")
if not data_folder().is_dir():
    raise SystemExit(f"nbgrader: expected the lessons' data in {data_folder()}; there is no such folder. "
                     "Run `make phantom` in the project, then nbgrader again.")

c = get_config()
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "glass_box_unet"

# A pupil's cell keeps the lesson's own three dots, so nothing is put where the solution was.
c.ClearSolutions.code_stub = {"python": ""}

# Seconds for one cell: some train a network. A cell that takes longer is stopped, and the next one runs.
c.Execute.timeout = 300

# To grade, the lessons run in small. No checker looks at the profile, so the points are the same.
os.environ.setdefault("UNET_PROFILE", "smoke")

# What pupils solved is not noted as the progress of whoever grades.
os.environ["UNET_PROGRESS"] = "off"
'''
NOTE = "<details><summary>Teacher's note</summary>\n\n{0}\n\n</details>"


@dataclass(frozen=True, slots=True)
class Edition:
    """How a lesson changes, where its notebook lies in the folder, and how lessons link each other ("{0}": the name).

    `config` is the text of the folder's nbgrader_config.py; `notes`: does each lesson show the teacher's note on it?
    """

    change: Callable[[NotebookNode], NotebookNode]
    place: str = "{0}.ipynb"
    link: str = "{0}.ipynb"
    config: str = ""
    notes: bool = False


EDITIONS = {
    "teacher": Edition(teachers, notes=True),
    "pupils": Edition(pupils),
    "nbgrader": Edition(nbgraders, "source/{0}/{0}.ipynb", "../{0}/{0}.ipynb", CONFIG),
}


def write(lessons: Sequence[Path], edition: Edition, out: Path) -> None:
    """Write these lessons into a new folder, with copies of what they link to.

    Raises SettingsError for a file that is no lesson, and for an exercise without a solution.
    """
    for lesson in lessons:
        target = out / edition.place.format(lesson.stem)
        notebook, files = edited(lesson, edition)
        write_text(target, nbformat.writes(notebook) + "\n")
        for name, file in files.items():
            (target.parent / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target.parent / name)
    if edition.config:
        write_text(out / "nbgrader_config.py", edition.config)


def edited(lesson: Path, edition: Edition) -> tuple[NotebookNode, dict[str, Path]]:
    """The lesson in this edition, and the files to lie beside it: name → where each is now."""
    notebook = edition.change(read_lesson(lesson))
    prose = [(cell, lesson.parent) for cell in notebook.cells if cell.cell_type == "markdown"]
    for note in find_note(lesson.stem) if edition.notes else ():
        cell = v4.new_markdown_cell(NOTE.format(note.read_text("utf-8").strip()), id="teachers-note")
        notebook.cells.insert(1, cell)
        prose.append((cell, note.parent))
    files: dict[str, Path] = {}
    for cell, folder in prose:
        cell.source, needed = carry_files(cell.source, folder, edition.link.format)
        files |= needed
    return notebook, files


def find_note(lesson: str) -> list[Path]:
    """The teacher's note on a lesson, `teaching/notes/NN_….md`; none if nobody has written it."""
    return sorted((repository() / "teaching" / "notes").glob(f"{lesson[:2]}_*.md"))[:1]
