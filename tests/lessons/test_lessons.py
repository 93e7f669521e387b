"""Every lesson keeps the anatomy, every solution convinces its checker, and every rule can fail."""

import copy
import re

import nbformat
import numpy as np
import pytest
import torch
from lesson_reader import Lesson
from lesson_rules import FILE_BYTES, RULES, problems
from nbformat import v4
from repository import REPOSITORY

from unet_lib.lessons import exercises
from unet_lib.widgets.quiz.quiz import FOLDER as QUIZ_FOLDER
from unet_lib.widgets.quiz.quiz import read_quiz

NOTEBOOKS = REPOSITORY / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
QUIZZES = {path.stem: len(read_quiz(path)["questions"]) for path in sorted(QUIZ_FOLDER.glob("*.json"))}


def read(path):
    return Lesson(nbformat.read(path, as_version=4), QUIZZES)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_keeps_the_rules(path):
    found = problems(nbformat.read(path, as_version=4), QUIZZES)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_uses_its_own_quiz(path):
    assert f'quiz("{path.stem}")' in "\n".join(cell.source for cell in read(path).code)


def feedback_on(exercise, code=None, names=None):
    """With what is imported in every lesson, and what the lesson's earlier exercises have defined in `names`."""
    solved, call = exercise.solved()
    names = {} if names is None else names
    names |= {"np": np, "torch": torch, "nn": torch.nn, "check": exercises}
    exec(compile(solved if code is None else code, "solution", "exec"), names)
    return eval(call, names)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_solutions_convince_their_checkers(path):
    names = {}
    for exercise in read(path).exercises:
        feedback = feedback_on(exercise, names=names)
        assert feedback.right, f"cell {exercise.cell.number}: {feedback}"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_exercises_are_open_in_a_fresh_lesson(path):
    for exercise in read(path).exercises:
        shown = "".join(exercise.cell.texts())
        assert "… Not attempted yet." in shown, f"cell {exercise.cell.number} was committed with an answer"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_links_to_other_lessons_lead_somewhere(path):
    for cell in read(path).markdown:
        for target in re.findall(r"\]\((?!https?:|#|attachment:|mailto:)([^)#\s]+)", cell.prose):
            there = (NOTEBOOKS / target).exists()
            # Lessons are written one after the other; a planned one is linked before it is there.
            planned = re.fullmatch(r"\d\d_\w+\.ipynb", target)
            assert there or planned, f"cell {cell.number}: {target} does not exist"


# --- the rules themselves, each on a lesson that breaks just this one -------------------------------------

HELP = """<details><summary>Nudge</summary>Think of a box.</details>
<details><summary>Idea</summary>height × width × channels</details>
<details><summary>Skeleton</summary>

```python
answer = 6 * ...
```

</details>
<details><summary>Solution</summary>

```python
answer = 6 * 9
```

</details>"""
EXERCISE = "answer = ...\ncheck.patients_needed(answer)"
PARAMETERS = "# UNET_PROFILE and UNET_DATA change what runs here.\nfrom unet_lib.lessons.profiles import profile"


def code(source, *outputs, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def shown(**data):
    return v4.new_output("display_data", data={key.replace("_", "/"): value for key, value in data.items()})


def lesson():
    """A small lesson without a fault; cells are found again by what they hold."""
    text = v4.new_markdown_cell
    cells = [
        text("# 01 · The scan\n\nYou will know what is in a slice, to 0.1 %."),
        text("## Objectives\n\n- Count the slices\n- **Find** the copies\n- Explain the leak"),
        text("## Needs\n\n[Lesson 00](00_start_here.ipynb), and 35 minutes."),
        code(PARAMETERS, tags=["parameters"]),
        text("## A slice\n\n**Predict**: how many numbers?\n\n" + "word " * 1500),
        code("print(3)", v4.new_output("stream", name="stdout", text="3\n")),
        text("## Numbers\n\n### By hand\n\n![A slice with its outline](slice.png) and `color` in code."),
        *(cell for _ in range(4) for cell in (code(EXERCISE), text(HELP))),
        code("show()", shown(image_png="iVBO", text_plain="A slice with its mask outlined.")),
        *(code(f"print({n})") for n in range(4)),
        text("## Recap\n\nDone, see <https://example.org>."), text("## Quiz"), code('quiz("01_the_scan")'),
        text("## What next\n\nLesson 02."), text("## References\n\nA paper on tumor segmentation."),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return numbered(v4.new_notebook(cells=cells, metadata=kernel))


def numbered(notebook):
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    return notebook


def edit(old, new, times=1):
    def apply(notebook):
        cells = [cell for cell in notebook.cells if old in cell.source][:times]
        assert cells, old
        for cell in cells:
            cell.source = cell.source.replace(old, new, 1)
    return apply


def output(*outputs):
    def apply(notebook):
        next(cell for cell in notebook.cells if cell.source == "show()").outputs = list(outputs)
    return apply


def add(cell, after="show()"):
    def apply(notebook):
        index = next(i for i, cell in enumerate(notebook.cells) if cell.source == after)
        notebook.cells.insert(index + 1, copy.deepcopy(cell))
        numbered(notebook)
    return apply


def metadata(**values):
    return lambda notebook: notebook.metadata.update(values)


def swap(notebook):
    indices = {cell.source[:8]: i for i, cell in enumerate(notebook.cells)}
    first, second = indices["## Recap"], indices["## What "]
    notebook.cells[first], notebook.cells[second] = notebook.cells[second], notebook.cells[first]


def drop(source):
    def apply(notebook):
        notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith(source)]
        numbered(notebook)
    return apply


def ran_twice(notebook):
    next(cell for cell in notebook.cells if cell.cell_type == "code").execution_count = 30


def widget_state(text):
    return metadata(widgets={"application/vnd.jupyter.widget-state+json": {"state": {"a": {"state": {"_esm": text}}}}})


ERROR = v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
WIDGET = v4.new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "b"}})
BREAKS = [
    (edit("# 01 · The scan\n\n", "The scan. "), "no title"),
    (edit("You will know what is in a slice, to 0.1 %.", ""), "not followed by a promise"),
    (edit("to 0.1 %.", "to 0.1 %. And more."), "not followed by a promise"),
    (edit("### By hand", "# By hand"), "second H1"),
    (edit("### By hand", "#### By hand"), "jumps from level 2 to 4"),
    (drop("## Recap"), "'## Recap' stands 0 times"),
    (edit("## A slice", "## Quiz"), "'## Quiz' stands 2 times"),
    (swap, "sections out of order"),
    (edit("## Numbers", "### Numbers"), "fewer than two sections"),
    (edit("- Count the slices\n", ""), "Objectives: 2 bullets"),
    (edit("- Count", "- Understanding"), "'Understanding' is not a known verb"),
    (edit("[Lesson 00](00_start_here.ipynb)", "A pencil"), "names no earlier lesson"),
    (edit("35 minutes", "some time"), "says no time"),
    (edit("word " * 300, ""), "words of prose"),
    (edit("word " * 100, "word " * 2700), "words of prose"),
    (lambda nb: [add(v4.new_markdown_cell("More."))(nb) for _ in range(50)], "cells. Keep to 66"),
    (edit("print(2)", "\n".join(["print(2)"] * 16)), "16 visible lines"),
    (edit("**Predict**", "Guess"), "no prediction asked"),
    (edit(EXERCISE, "print(5)"), "3 exercises"),
    (edit("\ncheck.patients_needed(answer)", "\ncheck.patients_needed(answer)\ncheck.verdict([])"), "not one check"),
    (edit("check.patients_needed(answer)", "check.patients_needed(answer)\nprint()"), "not one check"),
    (edit("<details><summary>Idea</summary>height × width × channels</details>", ""), "Nudge, Skeleton"),
    (edit("```python\nanswer = 6 * 9\n```", "Multiply."), "the solution holds no code"),
    (edit('quiz("01_the_scan")', "print()"), "0 quiz cells"),
    (edit('quiz("01_the_scan")', 'quiz("77_nothing")'), "quizzes/77_nothing.json has 0 questions"),
    (edit("print(3)", 'quiz("01_the_scan")'), "2 quiz cells"),
    (edit("UNET_DATA", "the data folder"), "no parameter cell"),
    (lambda nb: nb.cells[3].metadata.clear(), "no parameter cell"),
    (edit("print(1)", "os.environ['UNET_PROFILE'], os.environ['UNET_DATA']"), "reads the profile again"),
    (ran_twice, "ran as 30, expected 1"),
    (output(ERROR), "raised ValueError"),
    (edit("print(1)", "# NBVAL_IGNORE_OUTPUT\nassert 1"), None),
    (edit("print(1)", "# NBVAL_IGNORE_OUTPUT\nclaim(1)"), None),
    (lambda nb: [edit(f"print({n})", "# NBVAL_IGNORE_OUTPUT\nassert 1")(nb) for n in (1, 2)], "ignored by nbval. Keep"),
    (edit("print(1)", "# NBVAL_IGNORE_OUTPUT\nprint(1)"), "claims nothing"),
    (edit("print(1)", "# NBVAL_SKIP\nprint(1)"), "skipped or to raise"),
    (add(code("1", tags=["raises-exception"])), "skipped or to raise"),
    (output(v4.new_output("stream", name="stderr", text="Warning")), "prints to stderr"),
    (output(shown(text_plain="<Thing at 0x7f00aa11bb22>")), "memory address"),
    (edit("![A slice with its outline]", "![]"), "image without alternative text"),
    (edit("## Numbers", "## Numbers\n\n<img src='a.png' alt=''>"), "image without alternative text"),
    (edit("## Numbers", "## Numbers\n\n<img src='a.png' alt='A slice'>"), None),
    (output(shown(image_png="iVBO", text_plain="<Figure size 640x480 with 1 Axes>")), "figure without alternative"),
    (output(shown(image_png="iVBO", text_plain="A slice")), "figure without alternative"),
    (output(shown(text_html="<img src='data:image/png;base64,iVBO'>")), "<img> without alternative"),
    (edit("(slice.png)", "(https://example.org/slice.png)"), "from the network"),
    (output(shown(text_html='<script src="https://example.org/a.js"></script>')), "from the network"),
    (output(shown(text_html='<link rel="stylesheet" href="//example.org/a.css">')), "from the network"),
    (output(shown(text_html='<a href="https://example.org">a link</a>')), None),
    (output(shown(text_plain="saved /home/someone/a.png")), "absolute path"),
    (output(shown(text_plain=r"saved C:\Users\a.png")), "absolute path"),
    (output(shown(text_plain="saved data/home/a.png, 3/tmp/4")), None),
    (widget_state('import x from "https://example.org/x.js"'), "saved widget state"),
    (widget_state("draw()"), None),
    (output(WIDGET), "the widget's state is not saved"),
    (edit("word ", "Normalized "), "'Normalized' is not British"),
    (edit("word ", "tumors "), "'tumors' is not British"),
    (lambda nb: nb.cells[0].metadata.update(a="x" * FILE_BYTES), "MiB. Keep to 2"),
    (metadata(kernelspec={"name": "venv", "display_name": "venv"}), "kernel 'venv'"),
    (edit("print(1)", "print(1"), "does not parse"),
    (edit("print(1)", "%matplotlib inline"), None),
]


def test_a_sound_lesson_has_no_problems():
    assert problems(lesson(), QUIZZES) == []


@pytest.mark.parametrize(("spoil", "problem"), BREAKS, ids=[f"{n}: {text}" for n, (_, text) in enumerate(BREAKS)])
def test_each_rule_finds_its_fault_and_no_other(spoil, problem):
    notebook = lesson()
    spoil(notebook)
    found = problems(notebook, QUIZZES)
    if problem is None:
        assert found == []
    else:
        assert len(found) == 1, found
        assert problem in found[0]
        assert re.search(r"\. [A-Z][^.]+", found[0]), "names no fix"


def test_an_empty_notebook_is_reported_not_crashed_on():
    assert len(problems(v4.new_notebook(), {})) > 8
    assert len(RULES) == len({rule.__name__ for rule in RULES})


def test_a_hidden_cell_may_be_long():
    notebook = lesson()
    add(code("\n".join(["pass"] * 40), jupyter={"source_hidden": True}))(notebook)
    assert problems(notebook, QUIZZES) == []


def test_a_solution_replaces_the_dots_and_is_really_checked():
    exercise = Lesson(lesson(), QUIZZES).exercises[0]
    assert exercise.solved() == ("answer = 6 * 9\n", "check.patients_needed(answer)")
    assert feedback_on(exercise).right
    assert not feedback_on(exercise, "answer = 6 * 6").right


def test_a_solution_may_be_a_function_below_kept_lines():
    notebook = lesson()
    head, call = "def leaking_patients(train, test):\n    ", "\n\ncheck.leaking_patients(leaking_patients)"
    frame = f"train = ['A']\n\n{head}return ...{call}"
    edit(EXERCISE, frame)(notebook)
    edit("answer = 6 * 9", f"{head}return sorted(set(train) & set(test))")(notebook)
    exercise = Lesson(notebook, QUIZZES).exercises[0]
    assert exercise.solved()[0].startswith("train = ['A']\ndef leaking_patients")
    assert feedback_on(exercise).right
