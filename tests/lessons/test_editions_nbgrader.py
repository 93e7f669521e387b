"""The lessons as a course of nbgrader's: nbgrader itself hands out, grades and answers, as on a teacher's machine."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.nbgraderformat import MetadataValidator
from repository import REPOSITORY
from traitlets.config import PyFileConfigLoader

from unet_lib.core.paths import data_folder
from unet_lib.lessons.editions import EDITIONS, find_exercises, write

pytestmark = [pytest.mark.skipif(not data_folder().is_dir(), reason="no phantom data; make it: unet_lib phantom"),
              pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")]  # nbgrader's own
LESSONS = sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))
GRADED = "02_convolution"
# Counted by hand in the lesson: 2 points where the solution has five lines or more.
POINTS = {"own_window": 1, "correlate": 2, "edge_kernel": 1, "gradient_magnitude": 1, "blur_in_two_passes": 1,
          "output_size": 1, "conv2d": 2, "conv2d_fast": 2, "max_pool2d": 1, "receptive_field": 2}
HALF = ("own_window", "correlate", "edge_kernel", "conv2d", "output_size")   # 7 of 14 points


class Course:
    """A folder as `unet_lib edition nbgrader` writes it, with nbgrader's own programs behind it."""

    def __init__(self, folder, lessons):
        write(lessons, EDITIONS["nbgrader"], folder)
        self.folder = folder
        config = PyFileConfigLoader(str(folder / "nbgrader_config.py")).load_config()
        self.nbgrader = NbGraderAPI(config=config)

    def run(self, step, *names):
        done = getattr(self.nbgrader, step)(*names)
        assert done["success"], done["error"] + done["log"]

    def read(self, *place):
        return nbformat.read(Path(self.folder, *place), 4)

    def hand_in(self, pupil, lesson, solved):
        """What was handed out, with some exercises solved."""
        folder = self.folder / "submitted" / pupil / lesson.stem
        shutil.copytree(self.folder / "release" / lesson.stem, folder)
        notebook, committed = nbformat.read(folder / lesson.name, 4), nbformat.read(lesson, 4)
        cells = {cell.id: cell for cell in notebook.cells}
        for at, exercise in find_exercises(committed):
            if exercise.checker in solved:
                cells[committed.cells[at].id].source = "\n".join(exercise.solved())
        nbformat.write(notebook, folder / lesson.name)

    def score(self, pupil, lesson):
        with Gradebook(self.nbgrader.coursedir.db_url, self.nbgrader.coursedir.course_id) as book:
            submission = book.find_submission(lesson, pupil)
            return submission.score, submission.max_score, submission.needs_manual_grade


@pytest.fixture(scope="module", autouse=True)
def environment(jupyter_path):
    """As in a shell in which the project's environment is active; the course's settings change it."""
    with mock.patch.dict(os.environ, JUPYTER_PATH=str(jupyter_path)):
        for name in ("UNET_PROFILE", "UNET_PROGRESS", "UNET_CHECK"):
            os.environ.pop(name, None)
        os.environ["PATH"] = sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]  # nbgrader calls alembic
        yield


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """All lessons, handed out."""
    course = Course(tmp_path_factory.mktemp("course"), LESSONS)
    for lesson in LESSONS:
        course.run("generate_assignment", lesson.stem)
    return course


@pytest.fixture(scope="module")
def graded(course):
    """One lesson from three pupils: all solved, half, and nothing."""
    lesson, = (path for path in LESSONS if path.stem == GRADED)
    for pupil, solved in {"all": POINTS, "half": HALF, "nothing": ()}.items():
        course.hand_in(pupil, lesson, solved)
        course.run("autograde", GRADED, pupil)
    return course


def squeezed(source):
    return [line for line in source.splitlines() if line.strip()]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_nbgrader_accepts_every_lesson(course, lesson):
    """Its own validation of the metadata; a cell with points for each exercise, directly below it."""
    source, committed = course.read("source", lesson.stem, lesson.name), nbformat.read(lesson, 4)
    MetadataValidator().validate_nb(source)
    exercises = [committed.cells[at].id for at, _ in find_exercises(committed)]
    ids = [cell.id for cell in source.cells]
    marked = {cell.id: cell.metadata.nbgrader for cell in source.cells if "nbgrader" in cell.metadata}
    points = {name: about for name, about in marked.items() if about.grade}
    assert exercises and [ids[ids.index(name) + 1] for name in exercises] == list(points)
    assert all(about.locked and not about.solution and about.points in (1, 2) for about in points.values())


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_pupil_gets_the_cells_of_the_lesson_without_the_solutions(course, lesson):
    given = {cell.id: cell for cell in course.read("release", lesson.stem, lesson.name).cells}
    for cell in (cell for cell in nbformat.read(lesson, 4).cells if cell.cell_type == "code"):
        assert squeezed(given[cell.id].source) == squeezed(cell.source)
        assert not given[cell.id].outputs
    text = (course.folder / "release" / lesson.stem / lesson.name).read_text()
    assert "SOLUTION" not in text and "<summary>Solution" not in text and "<summary>Skeleton" in text


@pytest.mark.parametrize(("pupil", "points"), [("all", 14), ("half", 7), ("nothing", 0)])
def test_nbgrader_gives_the_points_that_were_earned(graded, pupil, points):
    assert sum(POINTS[name] for name in POINTS) == 14 and sum(POINTS[name] for name in HALF) == 7
    assert graded.score(pupil, GRADED) == (points, 14, False)


def test_each_exercise_has_its_points(graded):
    with Gradebook(graded.nbgrader.coursedir.db_url, graded.nbgrader.coursedir.course_id) as book:
        grades = {grade.cell.name: (grade.score, grade.max_score)
                  for grade in book.find_submission_notebook(GRADED, GRADED, "half").grades}
    committed = nbformat.read(REPOSITORY / "notebooks" / f"{GRADED}.ipynb", 4)
    for at, exercise in find_exercises(committed):
        most = POINTS[exercise.checker]
        got = most if exercise.checker in HALF else 0
        assert grades.pop(f"{committed.cells[at].id}-points") == (got, most), exercise.checker
    assert not grades


def test_the_lesson_ran_where_it_was_graded_and_in_small(graded):
    """It finds its package and its data from nbgrader's folders, and nothing but open exercises failed."""
    cells = {cell.id: cell for cell in graded.read("autograded", "half", GRADED, f"{GRADED}.ipynb").cells}
    outputs = [(name, output) for name, cell in cells.items() for output in cell.get("outputs", ())]
    failed = [name for name, output in outputs if output.output_type == "error"]
    assert len(failed) == len(POINTS) - len(HALF) and all(name.endswith("-points") for name in failed)
    assert os.environ["UNET_PROFILE"] == "smoke" and os.environ["UNET_PROGRESS"] == "off"


def test_a_pupils_feedback_says_what_the_checker_says(graded):
    graded.run("generate_feedback", GRADED, "half")
    page = (graded.folder / "feedback" / "half" / GRADED / f"{GRADED}.html").read_text()
    assert "AssertionError" in page and "Put your answer where the three dots are" in page


def test_a_lesson_without_exercises_is_handed_out_and_worth_nothing(tmp_path):
    page = nbformat.read(LESSONS[0], 4)
    page.cells = [nbformat.v4.new_markdown_cell("# 01 · Reading")]
    nbformat.write(page, tmp_path / "01_reading.ipynb")
    course = Course(tmp_path / "course", [tmp_path / "01_reading.ipynb"])
    course.run("generate_assignment", "01_reading")
    course.hand_in("anna", tmp_path / "01_reading.ipynb", ())
    course.run("autograde", "01_reading", "anna")
    assert course.score("anna", "01_reading") == (0, 0, False)


@pytest.mark.parametrize("missing", ["package", "data"])
def test_a_machine_that_would_grade_everybody_with_nothing_is_told_first(missing, course, monkeypatch, tmp_path):
    if missing == "package":
        monkeypatch.setitem(sys.modules, "unet_lib.core.paths", None)
    else:
        monkeypatch.setenv("UNET_DATA", str(tmp_path / "nowhere"))
    remedy = {"package": "Activate the environment", "data": "Run `make phantom`"}[missing]
    with pytest.raises(SystemExit, match=remedy):
        PyFileConfigLoader(str(course.folder / "nbgrader_config.py")).load_config()
