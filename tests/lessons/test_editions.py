"""The lessons for a class: solved for teachers, without a trace of the solutions for pupils, and nobody's file lost."""

import ast
import json
import re

import nbformat
import pytest
from nbformat import v4
from repository import REPOSITORY
from typer.testing import CliRunner

from unet_lib.cli.app import app
from unet_lib.cli.editions import edition
from unet_lib.core.errors import SettingsError
from unet_lib.lessons.editions import EDITIONS, find_exercises, folder, linked_files, write
from unet_lib.lessons.editions.folder import edited

LESSONS = sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTION = "answer = 6 * 7"
HELP = """<details><summary>Nudge</summary>Count.</details>
<details><summary>Idea</summary>Six rows of seven.</details>
<details><summary>Skeleton</summary>

```python
answer = 6 * ...
```

</details>
<details><summary>Solution</summary>

```python
answer = 6 * 7
```

</details>

<br>

On with ![a clip](../animations/clips/unet.jpg), [the next](02_convolution.ipynb), `rows[0](7)` and [a site](https://x.y)."""


def made_up(path, *cells):
    """A notebook that keeps its solution wherever a notebook can."""
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {"1": {"state": {"value": SOLUTION}}}}}
    notebook = v4.new_notebook(cells=list(cells), metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "widgets": widgets})
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def lesson(tmp_path):
    """One exercise, whose cell was run with the right answer."""
    said = v4.new_output("stream", text=SOLUTION)
    stub = v4.new_code_cell("rows = 6  # kept\nanswer = ...  # a number\ncheck.patients_needed(answer)", id="exercise",
                            outputs=[said], execution_count=3, metadata={"note": SOLUTION, "tags": ["kept"]})
    return made_up(tmp_path / "01_a_lesson.ipynb", v4.new_markdown_cell("# 01 · A lesson", id="title"), stub,
                   v4.new_markdown_cell(HELP, id="help"),
                   v4.new_code_cell("rows", id="after", outputs=[v4.new_output("stream", text="6")], execution_count=4))


def cells_of(path):
    return {cell.id: cell for cell in nbformat.read(path, 4).cells}


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_teachers_lesson_is_solved_and_is_else_the_lesson(path):
    notebook, _ = edited(path, EDITIONS["teacher"])
    committed = nbformat.read(path, 4)
    exercises = {committed.cells[at].id: found for at, found in find_exercises(committed)}
    after = {cell.id: cell for cell in notebook.cells}
    for cell in (cell for cell in committed.cells if cell.cell_type == "code"):
        if cell.id in exercises:
            ast.parse(after[cell.id].source)
            assert "return ..." not in after[cell.id].source and "= ..." not in after[cell.id].source
            assert exercises[cell.id].solution.strip() in after[cell.id].source
            assert after[cell.id].source.startswith("# Solution\n") and after[cell.id].outputs == []
            assert after[cell.id].source.splitlines()[-1] == cell.source.splitlines()[-1]
        else:
            assert after[cell.id] == cell
    assert notebook.cells[0].source.startswith("**Teacher's edition.**")
    assert f"Exercises: {len(exercises)}; " in notebook.cells[0].source
    nbformat.validate(notebook)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_pupils_lesson_holds_no_solution(path):
    notebook, _ = edited(path, EDITIONS["pupils"])
    text, committed = nbformat.writes(notebook), nbformat.read(path, 4)
    prose_and_code, whole = ("\n".join(cell.source for cell in one.cells) for one in (notebook, committed))
    for _, exercise in find_exercises(committed):
        assert exercise.solution.strip() not in prose_and_code
        once = [line for line in exercise.solution.splitlines() if len(line) > 12 and whole.count(line) == 1]
        assert not [line for line in once if json.dumps(line, ensure_ascii=False)[1:-1] in text]
    assert "<summary>Solution" not in text and "Teacher" not in text
    assert text.count("<summary>Skeleton") == len(list(find_exercises(committed)))
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in committed.cells]
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    nbformat.validate(notebook)


def test_no_corner_of_a_notebook_keeps_a_solution_for_pupils(lesson, tmp_path):
    assert lesson.read_text().count(SOLUTION) == 4   # help, output, metadata, a widget's state
    write([lesson], EDITIONS["pupils"], tmp_path / "out")
    text = (tmp_path / "out" / lesson.name).read_text()
    assert SOLUTION not in text
    cells = cells_of(tmp_path / "out" / lesson.name)
    assert cells["exercise"].source.endswith("answer = ...  # a number\ncheck.patients_needed(answer)")
    assert cells["exercise"].metadata == {"tags": ["kept"]}
    assert "answer = 6 * ...\n" in cells["help"].source and "On with" in cells["help"].source


def test_a_solution_takes_the_dots_place_and_the_rest_of_the_cell_stays(lesson, tmp_path):
    write([lesson], EDITIONS["teacher"], tmp_path / "out")
    cells = cells_of(tmp_path / "out" / lesson.name)
    assert cells["exercise"].source == "# Solution\nrows = 6  # kept\nanswer = 6 * 7\n\ncheck.patients_needed(answer)"
    assert cells["after"].outputs[0].text == "6"


@pytest.mark.parametrize("kind", EDITIONS)
def test_what_a_lesson_links_to_lies_beside_it(kind, tmp_path):
    write(LESSONS, EDITIONS[kind], tmp_path)
    notebooks = sorted(tmp_path.rglob("*.ipynb"))
    assert len(notebooks) == len(LESSONS)
    for path in notebooks:
        prose = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
        links = re.findall(r'(?:\]\(|src=")([^)"\s#]+\.(?:mp4|jpg|vtt|md|ipynb))', prose)
        assert links and not [link for link in links if not (path.parent / link).is_file()]
        assert not [link for link in links if not (path.parent / link).resolve().is_relative_to(tmp_path)]


def test_other_links_stay_as_they_are(monkeypatch, tmp_path):
    for name in ("notebooks/01_a_lesson.ipynb", "notebooks/02_convolution.ipynb", "animations/clips/unet.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(linked_files, "repository", lambda: tmp_path)
    text, files = linked_files.carry_files(HELP, tmp_path / "notebooks", "../{0}/{0}.ipynb".format)
    assert text.endswith("On with ![a clip](files/animations/clips/unet.jpg), "
                         "[the next](../02_convolution/02_convolution.ipynb), `rows[0](7)` and [a site](https://x.y).")
    assert files == {"files/animations/clips/unet.jpg": tmp_path / "animations/clips/unet.jpg"}
    outside, _ = linked_files.carry_files("[up](../../secret.txt)", tmp_path / "notebooks", str)
    assert outside == "[up](../../secret.txt)"


def test_the_teachers_note_of_a_lesson_stands_at_the_top_where_there_is_one(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "repository", lambda: tmp_path)
    monkeypatch.setattr(linked_files, "repository", lambda: tmp_path)
    assert "teachers-note" not in {cell.id for cell in edited(lesson, EDITIONS["teacher"])[0].cells}
    notes = tmp_path / "teaching" / "notes"
    notes.mkdir(parents=True)
    (notes.parent / "schedule.md").write_text("45 minutes")
    (notes / "01_a_lesson.md").write_text("# The point\n\nSee [the schedule](../schedule.md).\n")
    (notes / "02_another.md").write_text("not this one")
    write([lesson], EDITIONS["teacher"], tmp_path / "out")
    banner, note = nbformat.read(tmp_path / "out" / lesson.name, 4).cells[:2]
    assert banner.id == "teachers-edition" and note.cell_type == "markdown"
    assert note.source.startswith("<details><summary>Teacher's note</summary>\n\n# The point\n\n")
    assert "[the schedule](files/teaching/schedule.md)" in note.source and "not this one" not in note.source
    assert (tmp_path / "out" / "files" / "teaching" / "schedule.md").read_text() == "45 minutes"
    for kind in ("pupils", "nbgrader"):
        assert "The point" not in nbformat.writes(edited(lesson, EDITIONS[kind])[0])


@pytest.mark.parametrize("kind", EDITIONS)
def test_an_exercise_that_nobody_solved_is_named(kind, lesson, tmp_path):
    lesson.write_text(lesson.read_text().replace("<summary>Solution", "<summary>Answer"))
    with pytest.raises(SettingsError, match=r"cell 2, check\.patients_needed: expected a solution .* is Solution"):
        write([lesson], EDITIONS[kind], tmp_path / "out")


def test_teachers_are_told_the_points_that_there_are():
    """Points by hand: 1 for up to four lines of a solution that are not empty, else 2."""
    told = (REPOSITORY / "teaching" / "editions.md").read_text("utf-8")
    table = {row.split("|")[1].strip(): [int(number) for number in re.findall(r"\d+", row)]
             for row in told.splitlines() if re.match(r"\| (lesson|exercises|points) \| \d", row)}
    lines = [[len(re.findall(r"^.*\S", exercise.solution, re.MULTILINE)) for _, exercise in
              find_exercises(nbformat.read(path, 4))] for path in LESSONS]
    assert table == {"lesson": list(range(10)), "exercises": [len(lesson) for lesson in lines],
                     "points": [sum(1 if count < 5 else 2 for count in lesson) for lesson in lines]}


def test_the_command_replaces_what_it_wrote_and_never_what_a_teacher_changed(lesson, tmp_path, capsys):
    out = tmp_path / "out"
    edition("teacher", [lesson], out)
    assert capsys.readouterr().out == f"01_a_lesson: exercises 1, points 1\nwritten: {out}\n"
    written = (out / lesson.name).read_text()
    lesson.write_text(lesson.read_text().replace("A lesson", "A better lesson"))
    edition("teacher", [lesson], out)
    assert "A better lesson" in (out / lesson.name).read_text()
    (out / lesson.name).write_text(written + " ")
    with pytest.raises(SettingsError, match=r"was changed since .* \(01_a_lesson.ipynb\).* Choose another --out"):
        edition("teacher", [lesson], out)
    assert (out / lesson.name).read_text() == written + " "
    with pytest.raises(SettingsError, match="holds the results of another input"):
        edition("pupils", [lesson], out)


def test_the_command_says_so_where_there_are_no_lessons(tmp_path, monkeypatch):
    monkeypatch.setattr("unet_lib.cli.editions.repository", lambda: tmp_path)
    with pytest.raises(SettingsError, match=r"expected lessons in .*notebooks; there are none\. Name the notebooks"):
        edition("pupils", None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_knows_its_editions(tmp_path):
    with pytest.raises(SettingsError, match="expected an edition out of teacher, pupils, nbgrader; got 'parents'"):
        edition("parents", [], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    shown = CliRunner().invoke(app, ["edition", "--help"], env={"COLUMNS": "200"}).output
    assert "Which: teacher, pupils, nbgrader." in shown and "editions/KIND" in shown
