"""Every checker: the right answer, `...`, mistakes with a hint each, and answers that fight back."""

import re
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_answers import FUNCTIONS, TABLE
from reader_answers_01 import pair_files
from reader_answers_03 import UNet, Unfinished

from unet_lib.lessons import exercises
from unet_lib.lessons.exercises import lesson_02
from unet_lib.lessons.exercises.exercise import FunctionExercise, Misconception, NumberExercise, same, shorten


def test_every_checker_stands_in_the_table():
    assert set(exercises.EXERCISES) == set(TABLE)
    assert set(exercises.__all__) == {*TABLE, "Exercise", "Feedback", "progress"}


@pytest.mark.parametrize("name", TABLE)
def test_three_dots_are_not_attempted(name):
    exercise = exercises.EXERCISES[name]
    attempts = [exercise(...), exercise(lambda *args: ...)] if name in FUNCTIONS else [exercise(...), exercise()]
    for feedback in attempts:
        assert not feedback.right
        assert repr(feedback) == (
            "… Not attempted yet. Put your answer where the three dots are and run the cell again."
        )


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, row in TABLE.items() for answer in row[0]])
def test_a_right_answer_is_confirmed_with_insight(name, answer):
    feedback = exercises.EXERCISES[name](answer)
    assert feedback.right, feedback
    assert repr(feedback) == f"✓ Right. {exercises.EXERCISES[name].insight}"


@pytest.mark.parametrize("name", TABLE)
def test_each_mistake_gets_its_own_hint(name):
    said = []
    for answer, hint in TABLE[name][1].items():
        feedback = exercises.EXERCISES[name](answer)
        assert feedback.state == "wrong"
        assert hint in feedback.text, feedback
        said.append(feedback.text)
    assert len(set(said)) == len(said) >= 3


@pytest.mark.parametrize(("name", "exercise"), exercises.EXERCISES.items())
def test_no_mistake_hides_another(name, exercise):
    assert len(exercise.misconceptions) >= 3
    assert len({misconception.hint for misconception in exercise.misconceptions}) == len(exercise.misconceptions)
    for misconception in exercise.misconceptions:
        if isinstance(exercise, FunctionExercise) or not callable(misconception.wrong):
            assert exercise(misconception.wrong).text == misconception.hint


@pytest.mark.parametrize("row", range(1, 5))
@pytest.mark.parametrize("column", range(1, 5))
def test_any_window_may_be_chosen(row, column):
    window = lesson_02.IMAGE[row - 1:row + 2, column - 1:column + 2]
    total = int(window[:, 2] @ [1, 2, 1] - window[:, 0] @ [1, 2, 1])
    assert exercises.own_window((row, column, total)).right
    assert exercises.own_window((row, column, total + 1)).state == "wrong"


def test_a_class_with_three_dots_is_not_attempted():
    assert exercises.double_conv(Unfinished).state == "open"


def test_judging_a_network_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    assert exercises.own_unet(UNet).right
    assert torch.equal(torch.get_rng_state(), before)


class Hostile:
    """Answers no question without an exception."""

    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __repr__(self):
        raise RuntimeError("no")

    __float__ = __array__ = __eq__ = __bool__ = __len__ = __call__ = __repr__
    __hash__ = None


HOSTILE = [
    None, "", "0.5", b"1", True, np.nan, -np.inf, 10**400, 1j, np.zeros((2, 3)), np.array(["a"]), [], [[1], [1, 2]],
    {}, {1}, object(), Hostile(), type, Exception, np, float("1e308"), np.float16("nan"), np.array([0.5]),
]


@pytest.mark.parametrize("name", TABLE)
def test_bad_input_is_explained_and_never_raises(name):
    for answer in HOSTILE:
        feedback = exercises.EXERCISES[name](answer)
        assert feedback.state == "wrong"
        assert len(feedback.text) < 600
        assert "\n" not in repr(feedback) + feedback._repr_html_()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(value=values)
def test_no_value_raises(value):
    for exercise in exercises.EXERCISES.values():
        assert exercise(value).state in ("right", "wrong")


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(FUNCTIONS)), value=values)
def test_no_value_that_a_function_returns_raises(name, value):
    assert exercises.EXERCISES[name](lambda *args: value).state in ("right", "wrong")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_breaks_in_the_readers_function_is_explained(name):
    def fail(*args):
        raise ValueError("too\nbad")

    exercise = exercises.EXERCISES[name]
    assert "raised ValueError (too bad). Expected" in exercise(fail).text
    assert "raised TypeError" in exercise(lambda: 1).text
    assert "raised SystemExit" in exercise(lambda *args: exit(3)).text
    assert "gives back None" in exercise(lambda *args: None).text
    assert f"check.{name}({name})" in exercise(12).text
    assert exercise(lambda *args: Hostile()).state == "wrong"


def test_a_function_that_changes_its_arguments_harms_nobody():
    def emptied(names):
        pairs = pair_files(names)
        names.clear()
        return pairs

    assert exercises.pair_files(emptied).right
    assert exercises.pair_files(pair_files).right


def test_an_interrupt_reaches_the_reader():
    def endless(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercises.leaking_patients(endless)


def test_a_rounded_mistake_is_the_same_mistake():
    exercise = NumberExercise(question="q", right=1, insight="i", fallback_hint="o", misconceptions=(
        Misconception(1 / 3, "a third"), Misconception(lambda x: x > 10, "too large")))
    answers = [exercise(answer).text for answer in (0.333, 11, 5)]
    assert answers == ["a third", "too large", "o"]


def test_feedback_in_a_notebook_carries_symbol_word_and_escaped_text():
    page = exercises.leaking_patients(lambda a, b: "<script>")._repr_html_()
    assert page.startswith('<div role="status"')
    assert "<strong>✗ Not yet.</strong>" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<code>leaking_patients(" in page


def test_same_forgives_the_container_only():
    assert same((1, 2), [1, 2])
    assert same({2, 1}, [1, 2])
    assert same(True, 1)
    assert not same([1, 2], [2, 1])
    assert not same([1], 1)
    assert not same("1", 1)


def test_shorten_cuts_and_stays_on_one_line():
    assert shorten("a\nb" * 100, 20).count("\n") == 0
    assert len(shorten(list(range(1000)), 20)) == 20
    assert shorten(Hostile()) == "a Hostile"


def test_texts_are_whole_sentences():
    for exercise in exercises.EXERCISES.values():
        hints = (misconception.hint for misconception in exercise.misconceptions)
        for text in chain([exercise.insight, exercise.fallback_hint], hints):
            assert re.search(r"[.?!`]'?$", text), text
        assert repr(exercise).startswith(next(k for k, v in exercises.EXERCISES.items() if v is exercise) + "(")
