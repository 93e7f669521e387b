"""The minutes of a lesson, counted by hand for a lesson of a few words."""

import re

import nbformat
import pytest
from nbformat import v4
from repository import REPOSITORY

from unet_lib.lessons.minutes import by_section, estimate, main

LESSONS = sorted((REPOSITORY / "notebooks").glob("0*.ipynb"))
VIEW = {"application/vnd.jupyter.widget-view+json": {}}
SOLVED = "<details><summary>Solution</summary>\n\n```python\ndef f(x):\n\n    return x\n```\n\n</details>"


def lesson(*texts, outputs=()):
    cells = [v4.new_markdown_cell(text) for text in texts]
    cells += [v4.new_code_cell("f()", outputs=[v4.new_output("display_data", data=data)]) for data in outputs]
    return v4.new_notebook(cells=cells)


@pytest.mark.parametrize(("part", "minutes", "made"), [
    ("reading", 3 / 150, lesson("## One two", "[three](four.ipynb)")),
    ("reading", 1 / 150 + 1, lesson("One $a + b$ <b title='no word'></b>\n\n$$c = d$$")),
    ("reading", 1 / 150, lesson("One\n\n```python\nno word\n```\n\n<details><summary>no</summary>word</details>")),
    ("reading", 1 / 150, lesson("One", "## References\n\n- no words")),
    ("reading", 1 / 3, lesson(outputs=[{"image/png": "", "text/plain": "a figure"}])),
    ("exercises", 3 + 2 * 3 / 4, lesson(SOLVED)),
    ("exercises", 0, lesson("Nothing to solve")),
    ("playing", 2, lesson(outputs=[VIEW | {"image/png": "", "text/plain": "A widget"}])),
    ("playing", 1 / 2, lesson(outputs=[VIEW | {"text/plain": "Prediction: what?"}])),
    ("playing", 1 / 2, lesson("<video></video>\n\n<details><summary>Clip: A. What it shows</summary>a</details>")),
    ("playing", 0, lesson("| <video></video> | a preview |")),
    ("quiz", 7 / 3, lesson(outputs=[VIEW | {"text/plain": "Quiz: 7 questions on sizes. Open in JupyterLab."}]))])
def test_each_part(part, minutes, made):
    found = estimate(made)
    assert getattr(found, part) == pytest.approx(minutes)
    assert found.total == pytest.approx(sum(vars(found).values()))


def test_computing_is_what_jupyter_noted():
    made = lesson(outputs=[{"text/plain": "1"}, {"text/plain": "2"}])
    made.cells[0].metadata["execution"] = {"iopub.execute_input": "2026-11-30T15:06:40.5Z",
                                           "shell.execute_reply": "2026-11-30T15:07:10.5Z"}
    assert estimate(made).computing == pytest.approx(0.5)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_states_its_minutes_as_the_readme_does(path):
    counted = estimate(nbformat.read(path, 4)).total
    needs = next(cell.source for cell in nbformat.read(path, 4).cells if "## Needs" in cell.source)
    stated = int(re.search(r"bout (\d+) minutes \(estimated\)", needs)[1])
    own = 30 if "your own idea" in needs else 0  # which nobody can count
    assert abs(stated - own - counted) <= 5
    assert re.search(rf"\| \[{path.stem[:2]} .*\| {stated} \|", (REPOSITORY / "README.md").read_text("utf-8"))


def test_sections_add_up_to_their_lesson():
    texts = ("# Title\n\nOne", "Two\n\n## First\n\nthree", f"four\n\n## Second\n\n{SOLVED}")
    made = lesson(*texts, "## References\n\n- no words", outputs=[VIEW | {"image/png": "", "text/plain": "A widget"}])
    made.cells.insert(3, made.cells.pop())
    found = by_section(made)
    assert list(found) == ["Opening", "First", "Second"]
    assert found["Opening"].total == pytest.approx(3 / 150) and found["First"].total == pytest.approx(3 / 150)
    assert found["Second"].total == pytest.approx(1 / 150 + 3 + 2 * 3 / 4 + 2)
    assert sum(each.total for each in found.values()) == pytest.approx(estimate(made).total)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_sections_of_the_lessons_add_up(path):
    notebook = nbformat.read(path, 4)
    assert sum(each.total for each in by_section(notebook).values()) == pytest.approx(estimate(notebook).total)


def test_a_line_for_each_section(capsys):
    main(["--sections", str(REPOSITORY / "notebooks" / "00_start_here.ipynb")])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:44].strip() for line in lines[:4]] == ["lesson", "00_start_here", "Opening", "Objectives"]


def test_a_line_for_each_lesson(capsys):
    main([str(REPOSITORY / "notebooks" / "00_start_here.ipynb")])
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["lesson", "reading", "exercises", "playing", "quiz", "computing", "total"]
    assert line.startswith("00_start_here") and len(line.split()) == 7
