"""A lesson's quiz: questions with one right option each, and feedback on every option.

The questions come from `unet_lib/lessons/texts/quizzes/NAME.json` and travel in the widget's traits, so that a saved
notebook can be answered without a kernel; the grading happens in the browser.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import traitlets

from unet_lib.core.errors import GlassBoxError
from unet_lib.core.paths import TEXTS
from unet_lib.widgets.shared.base import GlassBoxWidget, inline_html, script, stylesheet

QUESTIONS, OPTIONS = 5, (3, 4)
FOLDER = TEXTS / "quizzes"


class QuizError(GlassBoxError):
    """A quiz file is missing or not what the lessons need."""


class Quiz(GlassBoxWidget):
    """Radio buttons, a Check button a question, and a score; made by `quiz("01_the_scan")`."""

    _esm = script(__file__)
    _css = stylesheet(__file__)

    title = traitlets.Unicode(help="shown above the questions").tag(sync=True)
    about = traitlets.Unicode(help="ends the sentence '6 questions on …'").tag(sync=True)
    questions: traitlets.List = traitlets.List(help="question and options: text, right, feedback").tag(sync=True)
    answers = traitlets.Dict(help="question number, from 0 → options checked so far, in order").tag(sync=True)

    def describe(self) -> str:
        """One sentence for viewers without widgets; nbval compares it."""
        return f"Quiz: {len(self.questions)} questions on {self.about}. Open in JupyterLab to answer."

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_()
        data["text/html"] = fallback(self.title, self.questions)
        return data, metadata


def quiz(name: str, folder: str | Path = FOLDER) -> Quiz:
    """The quiz of a lesson, e.g. `quiz("01_the_scan")`; one of your own lies in a `folder` of yours."""
    return Quiz(**read_quiz(find_quiz(name, folder)))


def find_quiz(name: str, folder: str | Path = FOLDER) -> Path:
    """The quiz file's path; QuizError says where it was looked for and which quizzes there are."""
    path = Path(folder) / f"{name}.json"
    if path.is_file():
        return path
    known = sorted(path.stem for path in Path(folder).glob("*.json"))
    raise QuizError(
        f"No quiz {name!r}: expected {path}. "
        + (f"There are: {', '.join(known)}." if known else "Pass the folder it lies in: quiz(name, folder=…).")
    )


def read_quiz(path: Path) -> dict[str, Any]:
    """title, about and questions of a quiz file, validated."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # ValueError: neither JSON nor UTF-8
        raise QuizError(f"{path}: cannot be read as JSON ({error}). Correct the file at that point.") from error
    faults = list(quiz_faults(content))
    if faults:
        raise QuizError(f"{path}: " + " ".join(faults))
    return {key: content[key] for key in ("title", "about", "questions")}


def quiz_faults(content: Any) -> Iterator[str]:
    """What is wrong with the parsed content of a quiz file, and how to put it right."""
    if not isinstance(content, dict) or set(content) != {"title", "about", "questions"}:
        yield 'Expected an object with exactly "title", "about" and "questions".'
        return
    for key in ("title", "about"):
        if not _is_text(content[key]):
            yield f'"{key}" should be a non-empty text.'
    questions = content["questions"]
    if not isinstance(questions, list) or len(questions) < QUESTIONS:
        yield f'"questions" should be a list of at least {QUESTIONS}.'
        return
    for number, question in enumerate(questions, 1):
        yield from (f"Question {number}: {fault}" for fault in _question_faults(question))
    asked = [question.get("question") for question in questions if isinstance(question, dict)]
    if len({*map(str, asked)}) < len(asked):
        yield "Two questions are the same; change one."


def _question_faults(question: Any) -> Iterator[str]:
    if not isinstance(question, dict) or set(question) != {"question", "options"} or not _is_text(question["question"]):
        yield 'expected a text "question" and a list "options".'
        return
    options = question["options"]
    if not isinstance(options, list) or not OPTIONS[0] <= len(options) <= OPTIONS[1]:
        yield f"expected {OPTIONS[0]} or {OPTIONS[1]} options."
    elif not all(map(_is_option, options)):
        yield 'each option needs exactly "text", "right" (true or false) and "feedback".'
    else:
        if sum(option["right"] for option in options) != 1:
            yield "exactly one option should be right."
        for key in ("text", "feedback"):
            if len({option[key] for option in options}) < len(options):
                yield f'two options have the same "{key}".'


def _is_option(option: Any) -> bool:
    keys = isinstance(option, dict) and set(option) == {"text", "right", "feedback"}
    return keys and isinstance(option["right"], bool) and _is_text(option["text"]) and _is_text(option["feedback"])


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def fallback(title: str, questions: list[dict]) -> str:
    """The quiz as a plain page, answers folded away, for viewers that run no widgets."""
    items = "".join(
        f"<li><p>{inline_html(question['question'])}</p>"
        f"<ul>{''.join('<li>' + inline_html(option['text']) + '</li>' for option in question['options'])}</ul>"
        f"<details><summary>Answer</summary><ul>{''.join(map(_explained, question['options']))}</ul></details></li>"
        for question in questions
    )
    return f"<div><p><strong>{inline_html(title)}</strong></p><ol>{items}</ol></div>"


def _explained(option: dict) -> str:
    mark = "✓ Right" if option["right"] else "✗ Not this one"
    return f"<li>{mark}: {inline_html(option['text'])} — {inline_html(option['feedback'])}</li>"
