"""Predictions: what is compared with what came out, in which words, and what is never given away or never fails."""

import json
import re

import numpy as np
import pytest
import torch

from unet_lib.core.errors import SettingsError
from unet_lib.widgets.prediction import predict
from unet_lib.widgets.prediction.outcome import choice_outcome, distance, number_outcome, shown

CHOICES = ("It grows", "It shrinks", "Nothing")
WHY = "A higher threshold keeps fewer pixels."


@pytest.fixture
def mask():
    return predict("What happens to the mask?", CHOICES)


@pytest.fixture
def parameters():
    return predict("How many parameters?", unit="parameters")


# ---- choices ------------------------------------------------------------------------------------------------------


def test_a_wrong_choice_is_compared_with_the_right_one(mask):
    mask.locked = 0
    outcome = mask.compare("It shrinks", WHY)
    assert mask.prediction == "It grows"
    assert outcome.text == f"You predicted “It grows”. It is “It shrinks”. {WHY}"
    assert repr(outcome) == f"✗ Not this time. {outcome.text}"
    assert mask.verdict == {"state": "wrong", "headline": "✗ Not this time.", "truth": "It is “It shrinks”.",
                            "right": 1}


def test_a_right_choice_is_confirmed(mask):
    mask.locked = 1
    assert repr(mask.compare("It shrinks", WHY)) == f"✓ Right. You predicted “It shrinks”, and so it is. {WHY}"
    assert mask.verdict["right"] == 1


def test_without_a_prediction_the_widget_does_not_learn_the_answer(mask):
    before = json.dumps(mask.get_state(), default=str)
    assert repr(mask.compare("It shrinks", WHY)) == f"… No prediction locked in this time. It is “It shrinks”. {WHY}"
    assert json.dumps(mask.get_state(), default=str) == before


def test_the_answer_is_not_in_the_state_before_it_is_compared(mask, parameters):
    for guess, locked in ((mask, 0), (parameters, 7e6)):
        guess.locked = locked
        assert guess.verdict == {}


@pytest.mark.parametrize("locked", [None, -1, 3, 0.5, True, "It grows", [1], {}, np.arange(3), 10**400, float("nan")])
def test_whatever_is_locked_nothing_fails(mask, parameters, locked):
    mask.set_trait("locked", locked)
    assert "No prediction" in repr(mask.compare("Nothing"))
    parameters.set_trait("locked", locked)
    assert parameters.compare(7_763_041).truth.startswith("It is 7,763,041 parameters")


@pytest.mark.parametrize("answer", ["it grows", "", None, 1, np.array(["It grows"])])
def test_an_answer_that_is_no_choice_is_the_authors_mistake(mask, answer):
    with pytest.raises(SettingsError, match="expected one of the choices, 'It grows', 'It shrinks', 'Nothing'; got"):
        mask.compare(answer)


@pytest.mark.parametrize(("choices", "unit"), [
    (("One",), ""), (("Same", "Same"), ""), (("One", " "), ""), ("Yes or no", ""), (("a", "b"), "%")])
def test_choices_that_make_no_question(choices, unit):
    with pytest.raises(SettingsError, match="expected two or more different choices"):
        predict("What?", choices, unit=unit)


# ---- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("guess", "state", "text"), [
    (7_763_041, "right", "✓ Right. You predicted 7,763,041 parameters, and so it is."),
    (7_000_000, "right", "✓ Close. You predicted 7,000,000 parameters. It is 7,763,041 parameters: your number is 10 % "
                         "too low."),
    (6_000_000, "wrong", "✗ Not this time. You predicted 6,000,000 parameters. It is 7,763,041 parameters: your number "
                         "is 23 % too low."),
    (31_000, "wrong", "✗ Not this time. You predicted 31,000 parameters. It is 7,763,041 parameters: your number is "
                      "too small by a factor of 250."),
    (None, "open", "… No prediction locked in this time. It is 7,763,041 parameters.")])
def test_a_number_beside_the_true_one(parameters, guess, state, text):
    parameters.locked = guess
    outcome = parameters.compare(7_763_041, "Most lie at the bottom.")
    assert (outcome.state, repr(outcome)) == (state, f"{text} Most lie at the bottom.")
    assert parameters.verdict.get("state") == (None if guess is None else state)


@pytest.mark.parametrize(("guess", "truth", "words"), [
    (1.1, 1, "10 % too high"), (9.96, 10, "less than 1 % too low"), (0.55, 1, "45 % too low"),
    (2, 1, "too large by a factor of 2"), (-10, -5, "too large by a factor of 2"), (1, 3, "too small by a factor of 3"),
    (1, 2.5, "too small by a factor of 2.5"), (1e9, 1e-3, "too large by a factor of over a million"),
    (1e-299, 1e299, "too small by a factor of over a million"), (3, 0, "3 too high"), (0, 0.25, "0.25 too low"),
    (-1, 1, "2 too low")])
def test_how_far_off_in_words(guess, truth, words):
    assert distance(guess, truth) == words


@pytest.mark.parametrize(("guess", "close"), [(0.9, True), (1.1, True), (0.89, False), (1.12, False)])
def test_a_tenth_off_is_close(guess, close):
    assert (number_outcome(guess, 1.0).word == "Close.") == close


@pytest.mark.parametrize(("number", "text"), [
    (7763041, "7,763,041"), (7763041.0, "7,763,041"), (1234.5, "1,234"), (0.81236, "0.8124"), (1e300, "1e+300"),
    (-2, "-2"), (float("inf"), "inf")])
def test_numbers_are_written_to_be_read(number, text):
    assert shown(number) == text
    assert shown(number, "mm") == f"{text} mm"


@pytest.mark.parametrize("answer", [3, 3.0, np.float32(3), np.array(3), np.array([3]), torch.tensor(3.0)])
def test_the_true_number_may_come_from_any_library(parameters, answer):
    parameters.locked = 3
    assert parameters.compare(answer).word == "Right."


@pytest.mark.parametrize("answer", ["3", None, True, np.arange(3), torch.zeros(2), 1j])
def test_an_answer_that_is_no_number_is_the_authors_mistake(parameters, answer):
    with pytest.raises(SettingsError, match="expected the number that came out; got"):
        parameters.compare(answer)


def test_a_result_that_is_not_finite_is_said(parameters):
    parameters.locked = 3
    assert repr(parameters.compare(float("nan"))) == (
        "… Nothing to compare with. You predicted 3 parameters. It is nan parameters this time.")


# ---- what is shown without a kernel ---------------------------------------------------------------------------------


def test_without_widgets_a_viewer_sees_the_choices(mask, parameters):
    data, _ = mask._repr_mimebundle_()
    assert data["text/plain"] == "Prediction: What happens to the mask? Open in JupyterLab to lock yours in."
    assert data["text/html"] == ("<div><p><strong>Predict: What happens to the mask?</strong></p>"
                                 "<ul><li>It grows</li><li>It shrinks</li><li>Nothing</li></ul></div>")
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Your number, in parameters: …" in parameters._repr_mimebundle_()[0]["text/html"]


def test_pages_escape_what_they_are_given():
    page = predict("Is `a < b`?", ("<b>", "no"))._repr_mimebundle_()[0]["text/html"]
    page += choice_outcome("<b>", "`a < b`", "<script>")._repr_html_()
    assert not re.search("<b>|<script>", page)
    assert page.count("<code>a &lt; b</code>") == 2


def test_everything_is_in_the_widget(mask):
    state = mask.get_state()
    sources = (state["_esm"] + state["_css"]).replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert "render" in sources and ".gb-prediction" in sources
    assert not re.search(r"https?:|url\(|@import", sources)
