"""A lesson as a teacher's, a pupil's or nbgrader's: each takes a notebook as committed and returns a changed copy.

All raise SettingsError for an exercise that has no solution.
"""

from copy import deepcopy

from nbformat import NotebookNode, v4

from unet_lib.core.errors import SettingsError
from unet_lib.lessons.editions.exercise_cells import STAGE, Exercise, find_exercises

KEPT = ("jupyter", "tags")   # of a cell's metadata; the rest tells when and how it was run
BANNER = """\
**Teacher's edition.** The exercises are solved, in cells that begin with `# Solution`. {exercises} The outputs were \
saved with open exercises, so the lesson goes on with our answers in them. Run all cells, and it goes on with these. \
Please do not hand this notebook on."""
GRADED = """\
# {worth}, if the checker says that the answer above is right. Please leave this cell as it is.
from unet_lib.lessons import exercises as check

feedback = {call}
assert feedback.right, feedback.text"""


def teachers(notebook: NotebookNode) -> NotebookNode:
    """Every exercise solved, and a first cell that says so; outputs stay, but for those of the exercises."""
    copy = deepcopy(notebook)
    found = _solved_exercises(copy)
    for number, exercise in found:
        code, call = exercise.solved()
        cell = copy.cells[number]
        cell.source, cell.outputs, cell.execution_count = f"# Solution\n{code.rstrip()}\n\n{call}", [], None
    copy.cells.insert(0, v4.new_markdown_cell(BANNER.format(exercises=_in_words(found)), id="teachers-edition"))
    return copy


def pupils(notebook: NotebookNode) -> NotebookNode:
    """Without the last stage of any help, outputs, and what metadata keep of a run."""
    copy = deepcopy(notebook)
    for number, _ in _solved_exercises(copy):
        cell = copy.cells[number + 1]
        cell.source = STAGE.sub(lambda stage: "" if stage[1] == "Solution" else stage[0], cell.source).strip()
    copy.metadata = {key: value for key, value in copy.metadata.items() if key in ("kernelspec", "language_info")}
    for cell in copy.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return copy


def nbgraders(notebook: NotebookNode) -> NotebookNode:
    """The pupils' edition as nbgrader's source: every exercise solved between its marks, and a cell with points below.

    `nbgrader generate_assignment` takes the solutions away.
    """
    copy, found = pupils(notebook), dict(_solved_exercises(notebook))
    cells: list[NotebookNode] = []
    for number, cell in enumerate(copy.cells):
        cells.append(cell)
        if number in found:
            cells.append(_graded(cell, found[number]))
    copy.cells = cells
    return copy


def _graded(cell: NotebookNode, exercise: Exercise) -> NotebookNode:
    """Mark an exercise's cell as nbgrader's to solve; the cell returned gives the points."""
    cell.source = (f"{exercise.stub}\n### BEGIN SOLUTION\n{exercise.solution.rstrip()}\n### END SOLUTION\n"
                   f"{exercise.call}")
    common = {"schema_version": 3, "task": False}
    cell.metadata["nbgrader"] = {**common, "grade": False, "solution": True, "locked": False, "grade_id": cell.id}
    worth = "1 point" if exercise.points == 1 else f"{exercise.points} points"
    points = v4.new_code_cell(GRADED.format(worth=worth, call=exercise.call), id=f"{cell.id}-points")
    # The tag lets JupyterLab go on with "Run All" below an exercise that is still open.
    points.metadata = {"tags": ["raises-exception"],
                       "nbgrader": {**common, "grade": True, "solution": False, "locked": True,
                                    "grade_id": points.id, "points": exercise.points}}
    return points


def _solved_exercises(notebook: NotebookNode) -> list[tuple[int, Exercise]]:
    """All exercises. Raises SettingsError for one that nobody has solved."""
    found = list(find_exercises(notebook))
    for number, exercise in found:
        if not exercise.solution:
            raise SettingsError(f"cell {number + 1}, check.{exercise.checker}: expected a solution in the help below; "
                                "there is none. Write it as the last <details>: the summary is Solution, then comes "
                                "fenced Python.")
    return found


def _in_words(found: list[tuple[int, Exercise]]) -> str:
    """How many exercises there are, and what they are worth in nbgrader."""
    if not found:
        return "This lesson has none to check."
    return f"Exercises: {len(found)}; points in nbgrader: {sum(exercise.points for _, exercise in found)}."
