"""Lesson 05, in which the reader writes the evaluation: as much as promised, and used afterwards."""

import ast

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lesson_reader import Lesson, checks
from repository import REPOSITORY

from unet_lib.lessons.reference_evaluation import dice_range

LEAST = 40  # lines that a reader writes


@pytest.fixture(scope="module")
def lesson():
    return Lesson(nbformat.read(REPOSITORY / "notebooks" / "05_how_good_is_it.ipynb", 4), {})


def test_the_reader_writes_as_much_as_promised(lesson):
    written = [exercise.solution for exercise in lesson.exercises if "def " in exercise.solution]
    assert len(written) == 6 and sum(bool(line.strip()) for text in written for line in text.splitlines()) >= LEAST


def test_what_the_reader_writes_is_used(lesson):
    code = "\n".join(cell.source for cell in lesson.code)
    names = [checks(exercise.cell.tree.body[-1])[0] for exercise in lesson.exercises if "def " in exercise.solution]
    for name in names:
        later = code.partition(f"{name} = check.{name}.mine({name})")[2]
        assert f"{name}(" in later, name


def test_solutions_are_functions_of_their_exercises(lesson):
    for exercise in lesson.exercises:
        names = [part.name for part in ast.parse(exercise.solution).body if isinstance(part, ast.FunctionDef)]
        assert names in ([], checks(exercise.cell.tree.body[-1]))


@settings(max_examples=200, deadline=None)
@given(ious=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_every_mean_dice_lies_in_the_range(ious):
    least, most = dice_range(float(np.mean(ious)), len(ious))
    assert least - 1e-9 <= np.mean([2 * iou / (1 + iou) for iou in ious]) <= most + 1e-9


@pytest.mark.parametrize(("ious", "end"), [([0.7] * 5, 1), ([1, 1, 0.4, 0, 0], 0), ([1, 0], 0), ([0.3], 0), ([0.3], 1)])
def test_both_ends_of_the_range_are_reached(ious, end):
    assert dice_range(float(np.mean(ious)), len(ious))[end] == pytest.approx(np.mean([2 * j / (1 + j) for j in ious]))
