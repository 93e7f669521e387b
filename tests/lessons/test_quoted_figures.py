"""Every figure in a lesson's prose is shown by one of its cells, which nbval holds against the code and the files."""

import json
import re

import nbformat
import numpy as np
import pytest
from lesson_reader import Lesson
from nbformat import v4
from repository import REPOSITORY

from unet_lib.core.metrics import bootstrap
from unet_lib.evaluation import cross_validation, school_models
from unet_lib.evaluation.patients import summary
from unet_lib.evaluation.result_rows import read_rows
from unet_lib.plotting.scores import EXPERTS_AGREE

NOTEBOOKS = REPOSITORY / "notebooks"
# Lesson 07 reckons by hand in its prose and then lets the computer do the same; it quotes no measurement.
LESSONS = [path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")) if path.stem != "07_the_full_mathematics"]
DECIMAL = re.compile(r"(?<![\w.,:−-])\d+\.\d+(?![\w.]*\w)")
PRINTED = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?")
# Not ours, and not measured here: the school project's table, two experts, what the data set's files hold, and its
# authors' mean and median Dice.
PUBLISHED = {*(run.f1 for run in school_models.SCHOOL), *(run.accuracy for run in school_models.SCHOOL if run.accuracy),
             EXPERTS_AGREE, 1.03, 0.836, 0.873}
# Numbers of examples that the prose makes up.
MADE_UP = {"03_building_the_unet": {0.5}, "02_convolution": {0.00000012}, "05_how_good_is_it": {0.51, 0.37, 0.82}}


def unsupported(lesson, known=frozenset()):
    """The decimals of the prose that no cell shows, not even with more digits."""
    shown = {float(number.replace(",", "")) for cell in lesson.code for text in (cell.source, *said(cell))
             for number in PRINTED.findall(text)} | known
    percent = {100 * number for number in shown if number <= 1}
    for cell in lesson.markdown:
        if cell.section == "References":
            continue
        for quoted in DECIMAL.findall(re.sub(r"<details>.*?</details>", " ", cell.prose, flags=re.DOTALL)):
            digits = len(quoted.partition(".")[2])
            if not any(abs(float(quoted) - number) <= 0.5001 * 10**-digits for number in shown | percent):
                yield f"cell {cell.number}: {quoted}"


def said(cell):
    """What a cell's outputs say in words: no pictures, which are letters and digits too."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield from (text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_prose_quotes_what_the_lesson_shows(path):
    lesson = Lesson(nbformat.read(path, as_version=4), {})
    found = list(unsupported(lesson, PUBLISHED | MADE_UP.get(path.stem, set())))
    assert not found, f"no cell shows these: {', '.join(found)}. Print them, or quote what is printed."


def lesson_with(prose, output):
    cell = v4.new_code_cell("print(score)", outputs=[v4.new_output("stream", text=output)])
    return Lesson(v4.new_notebook(cells=[v4.new_markdown_cell(f"# A\n\n## B\n\n{prose}"), cell]), {})


@pytest.mark.parametrize("prose", ["Dice rose to 0.83.", "It is 82.7 % now.", "0.827 exactly, in 2.0 minutes"])
def test_a_figure_may_be_rounded(prose):
    assert not list(unsupported(lesson_with(prose, "mean Dice 0.8271 after 2 minutes")))


@pytest.mark.parametrize("prose", ["Dice rose to 0.84.", "Dice 0.8272", "83.1 %", "| 0.81 |"])
def test_a_figure_that_nothing_shows_is_found(prose):
    assert len(list(unsupported(lesson_with(prose, "mean Dice 0.8271")))) == 1


def test_the_readmes_results_are_those_of_the_files():
    root = NOTEBOOKS.parent
    section = (root / "README.md").read_text("utf-8").partition("## How good the networks are")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    table = {line.split("|")[1].strip(): line for line in lines}
    rows = read_rows(root / "data" / "results" / "cross_validation.json")
    for recipe in ("school", "efflite0-balanced-long"):
        found = summary(cross_validation.scores_of(rows, recipe))
        low, high = found["mean_dice_interval"]
        line, = (line for name, line in table.items() if f"`{recipe}`" in name)
        assert f"| {found['patients']} real patients" in line
        assert f"| {found['mean_dice']:.3f} [{low:.3f}, {high:.3f}] | {found['pooled_f1']:.3f} |" in line
    sealed = json.loads((root / "data" / "results" / "sealed_test.json").read_text("utf-8"))
    found = sealed["networks"]["lgg-best"]
    line, = (line for name, line in table.items() if "`lgg-best`" in name)
    low, high = found["mean_dice_interval"]
    assert f"| {found['mean_dice']:.3f} [{low:.3f}, {high:.3f}] | {found['pooled_f1']:.3f} |" in line
    dice = [s.dice for s in cross_validation.scores_of(rows, recipe)] + [p["dice"] for p in sealed["patients_lgg_best"]]
    low, high = bootstrap(np.array(dice), np.mean)
    line, = (line for name, line in table.items() if "together" in name)
    assert f"| {len(dice)} real patients | {np.mean(dice):.3f} [{low:.3f}, {high:.3f}] |" in line
