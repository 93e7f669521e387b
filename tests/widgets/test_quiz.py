"""The quizzes: every file is sound, a damaged one is explained, and the widget shows itself without a kernel."""

import copy
import json
import re

import pytest

from unet_lib.core.errors import GlassBoxError
from unet_lib.widgets.quiz.quiz import FOLDER, QuizError, fallback, quiz, quiz_faults, read_quiz

FILES = sorted(FOLDER.glob("*.json"))
BACKTICKED_OR_PLAIN = re.compile(r"([^`]|`[^`]+`)+")
AMERICAN = re.compile(r"\b(colors?|gray|center|tumors?|labeled|normaliz\w*|optimiz\w*|behavior)\b", re.IGNORECASE)


def option(text, right=False):
    return {"text": text, "right": right, "feedback": f"About {text}."}


def content():
    questions = [{"question": f"Question {n}?", "options": [option("a", right=True), option("b"), option("c")]}
                 for n in range(5)]
    return {"title": "Sizes", "about": "sizes", "questions": questions}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "09_sizes.json").write_text(json.dumps(content()))
    return tmp_path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_quiz_of_ours_is_sound(path):
    assert re.fullmatch(r"\d\d_[a-z_]+", path.stem)
    for question in read_quiz(path)["questions"]:
        assert question["question"].endswith("?")
        texts = [question["question"], *(option[key] for option in question["options"] for key in ("text", "feedback"))]
        assert all(BACKTICKED_OR_PLAIN.fullmatch(text) for text in texts)
        assert not AMERICAN.search(" ".join(texts))
        assert all(re.search(r"[.?!]'?$", option["feedback"]) for option in question["options"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_guessing_does_not_pay(path):
    """The right answer is neither always in one place nor always the longest."""
    questions = read_quiz(path)["questions"]
    indices = [[option["right"] for option in question["options"]].index(True) for question in questions]
    assert max(map(indices.count, indices)) <= len(questions) / 2
    longest = [max(question["options"], key=lambda option: len(option["text"]))["right"] for question in questions]
    assert sum(longest) <= len(questions) / 2


def test_the_questions_of_all_quizzes_differ():
    asked = [question["question"] for path in FILES for question in read_quiz(path)["questions"]]
    assert len(FILES) >= 3
    assert len(set(asked)) == len(asked)


def test_a_quiz_carries_everything_in_its_traits(folder):
    widget = quiz("09_sizes", folder)
    state = widget.get_state()
    assert state["questions"] == content()["questions"]
    assert state["answers"] == {}
    assert "render" in state["_esm"]
    assert ".gb-quiz" in state["_css"]
    sources = (state["_esm"] + state["_css"]).replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.search(r"https?:|url\(|@import", sources)


def test_without_widgets_a_viewer_sees_the_questions(folder):
    data, _ = quiz("09_sizes", folder)._repr_mimebundle_()
    assert data["text/plain"] == "Quiz: 5 questions on sizes. Open in JupyterLab to answer."
    assert data["text/html"] == quiz("09_sizes", folder)._repr_mimebundle_()[0]["text/html"]
    assert data["text/html"].count("<details>") == 5
    assert data["text/html"].count("✓ Right: a — About a.") == 5
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_page_escapes_what_it_is_given():
    page = fallback("<b>", [{"question": "Is `a < b`?", "options": [option("<script>")]}])
    assert "<b>" not in page
    assert "<script>" not in page
    assert "<code>a &lt; b</code>" in page


def test_a_lessons_quiz_is_found_wherever_the_notebook_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert quiz("01_the_scan").questions == read_quiz(FOLDER / "01_the_scan.json")["questions"]


def test_a_quiz_that_is_not_there_is_explained(folder):
    with pytest.raises(QuizError, match=r"No quiz '08_x': expected .*08_x\.json\. There are: 09_sizes\."):
        quiz("08_x", folder)
    with pytest.raises(GlassBoxError, match="Pass the folder"):
        quiz("08_x", folder / "nowhere")


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[1, 2"], ids=repr)
def test_a_damaged_file_is_explained(folder, damage):
    (folder / "09_sizes.json").write_bytes(damage)
    with pytest.raises(QuizError, match=r"09_sizes\.json: cannot be read as JSON .*Correct"):
        quiz("09_sizes", folder)


def change(**parts):
    return {**content(), **parts}


def change_question(**parts):
    broken = content()
    broken["questions"][2] |= parts
    return broken


def change_option(number, **parts):
    broken = copy.deepcopy(content())
    broken["questions"][2]["options"][number] |= parts
    return broken


@pytest.mark.parametrize(("broken", "fault"), [
    ([], "an object with exactly"),
    (change(author="x"), "an object with exactly"),
    (change(title=" "), '"title" should be a non-empty text'),
    (change(about=3), '"about" should be a non-empty text'),
    (change(questions={}), "a list of at least 5"),
    (change(questions=content()["questions"][:4]), "a list of at least 5"),
    (change(questions=[*content()["questions"][:4], content()["questions"][0]]), "Two questions are the same"),
    (change(questions=[1, *content()["questions"]]), 'Question 1: expected a text "question"'),
    (change_question(question=""), 'Question 3: expected a text "question"'),
    (change_question(options="abc"), "Question 3: expected 3 or 4 options"),
    (change_question(options=[option(x) for x in "ab"]), "Question 3: expected 3 or 4 options"),
    (change_question(options=[option(x) for x in "abcde"]), "Question 3: expected 3 or 4 options"),
    (change_question(options=[option(x) for x in "abc"]), "Question 3: exactly one option should be right"),
    (change_option(1, right=True), "Question 3: exactly one option should be right"),
    (change_option(1, right="no"), "Question 3: each option needs exactly"),
    (change_option(1, feedback=""), "Question 3: each option needs exactly"),
    (change_option(1, hint="x"), "Question 3: each option needs exactly"),
    (change_option(1, text="a"), 'Question 3: two options have the same "text"'),
    (change_option(1, feedback="About a."), 'Question 3: two options have the same "feedback"'),
])
def test_each_fault_is_named(broken, fault, folder):
    assert fault in " ".join(quiz_faults(broken))
    (folder / "09_sizes.json").write_text(json.dumps(broken))
    with pytest.raises(QuizError, match=re.escape(fault)):
        quiz("09_sizes", folder)
