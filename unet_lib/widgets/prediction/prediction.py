"""Predict, then see: the reader locks in a choice or a number, and a later cell compares it with what came out.

What comes out is not in the widget before `compare` is called, and then only if a prediction was locked in: a lesson
that is saved executed does not give its answers away.
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import traitlets

from unet_lib.core.errors import SettingsError
from unet_lib.widgets.prediction.outcome import Outcome, choice_outcome, number_outcome
from unet_lib.widgets.shared.base import GlassBoxWidget, inline_html, script, stylesheet

LARGEST = 1e300  # beyond it quotients are no longer finite


class Prediction(GlassBoxWidget):
    """Radio buttons or a field for a number, and a button that locks them; made by `predict("What …?")`."""

    _esm = script(__file__)
    _css = stylesheet(__file__)

    question = traitlets.Unicode(help="what is to be predicted").tag(sync=True)
    choices: traitlets.List = traitlets.List(help="texts, one of which will be true; none for a number").tag(sync=True)
    unit = traitlets.Unicode(help="stands behind the number").tag(sync=True)
    locked = traitlets.Any(None, allow_none=True, help="a choice's number, from 0, or the number typed").tag(sync=True)
    verdict = traitlets.Dict(help="state, headline, truth; for choices right, the true one's number").tag(sync=True)

    def describe(self) -> str:
        """One sentence for viewers without widgets; nbval compares it."""
        return f"Prediction: {self.question} Open in JupyterLab to lock yours in."

    @property
    def prediction(self) -> str | float | None:
        """What the reader locked in: a choice's text or a number; None as long as nothing is."""
        if type(self.locked) not in (int, float):  # the reader can set it in Python, too
            return None
        if self.choices:
            return self.choices[int(self.locked)] if self.locked in range(len(self.choices)) else None
        return self.locked if abs(self.locked) < LARGEST else None

    def compare(self, answer: Any, why: str = "") -> Outcome:
        """What was predicted beside what came out, and why; for a cell below the result.

        Whatever the reader did or left undone is fine. Raises SettingsError for an answer that is none of the choices,
        or no number.
        """
        outcome = self._outcome(answer, why)
        if self.prediction is not None:
            right = {"right": self.choices.index(answer)} if self.choices else {}
            self.verdict = {"state": outcome.state, "headline": outcome.headline, "truth": outcome.truth, **right}
        return outcome

    def _outcome(self, answer: Any, why: str) -> Outcome:
        predicted: Any = self.prediction
        if not self.choices:
            return number_outcome(predicted, _number(answer), self.unit, why)
        if not isinstance(answer, str) or answer not in self.choices:
            raise SettingsError(f"expected one of the choices, {', '.join(map(repr, self.choices))}; got {answer!r}. "
                                f"Write it as in predict(…).")
        return choice_outcome(predicted, answer, why)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_()
        data["text/html"] = fallback(self.question, self.choices, self.unit)
        return data, metadata


def predict(question: str, choices: Sequence[str] = (), *, unit: str = "") -> Prediction:
    """Ask for a prediction: one of the choices or, without any, a number of this unit."""
    texts = [choices] if isinstance(choices, str) else list(choices)
    usable = all(isinstance(text, str) and text.strip() for text in texts) and len(set(texts)) == len(texts) != 1
    if not usable or (texts and unit):
        raise SettingsError(f"expected two or more different choices, or none and perhaps a unit; got {choices!r}"
                            f"{f' and the unit {unit!r}' if unit else ''}. For a number say predict(question, unit=…).")
    return Prediction(question=question, choices=texts, unit=unit)


def fallback(question: str, choices: Sequence[str], unit: str) -> str:
    """The question and its choices as a plain page, for viewers that run no widgets."""
    listed = "".join(f"<li>{inline_html(choice)}</li>" for choice in choices)
    asked = f"<ul>{listed}</ul>" if choices else f"<p>Your number{f', in {inline_html(unit)}' if unit else ''}: …</p>"
    return f"<div><p><strong>Predict: {inline_html(question)}</strong></p>{asked}</div>"


def _number(answer: Any) -> float:
    """A number as Python's own, from NumPy and torch too. Raises SettingsError for what is none."""
    try:
        single = answer.item() if hasattr(answer, "item") else answer
    except (ValueError, RuntimeError):  # an array of several numbers
        single = None
    if isinstance(single, Real) and not isinstance(single, bool):
        return single if isinstance(single, int) else float(single)
    raise SettingsError(f"expected the number that came out; got {answer!r}. Hand over one number, such as 12 or 0.5.")
