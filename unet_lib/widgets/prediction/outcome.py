"""What came out, beside what was predicted: in words, with a symbol besides the colour."""

import math
from dataclasses import dataclass
from typing import Literal

from unet_lib.widgets.shared.base import inline_html

CLOSE = 0.1
"""A number counts as close if it is off by at most this fraction of the true one."""
State = Literal["open", "right", "wrong"]
# JupyterLab's own variables follow its theme; the fallbacks are readable on white.
_COLOURS = {
    "open": "var(--jp-info-color1, #1976d2)",
    "right": "var(--jp-success-color1, #2e7d32)",
    "wrong": "var(--jp-error-color1, #c62828)",
}
_SYMBOLS = {"open": "…", "right": "✓", "wrong": "✗"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction and what came of it: "✗ Not this time. You predicted “2”. It is “3”. Because …"."""

    state: State
    word: str
    predicted: str
    truth: str
    why: str = ""

    @property
    def headline(self) -> str:
        """Symbol and word."""
        return f"{_SYMBOLS[self.state]} {self.word}"

    @property
    def text(self) -> str:
        """All that follows the headline."""
        return " ".join(filter(None, (self.predicted, self.truth, self.why)))

    def __repr__(self) -> str:
        return f"{self.headline} {self.text}"

    def _repr_html_(self) -> str:
        style = f"border-left: 4px solid {_COLOURS[self.state]}; padding: 0.3em 0.8em; max-width: 46em"
        return f'<div role="status" style="{style}"><strong>{self.headline}</strong> {inline_html(self.text)}</div>'


def choice_outcome(predicted: str | None, truth: str, why: str = "") -> Outcome:
    """What was chosen, or None, beside the choice that is true."""
    if predicted is None:
        return _nothing_predicted(f"It is “{truth}”.", why)
    if predicted == truth:
        return Outcome("right", "Right.", f"You predicted “{predicted}”, and so it is.", "", why)
    return Outcome("wrong", "Not this time.", f"You predicted “{predicted}”.", f"It is “{truth}”.", why)


def number_outcome(predicted: float | None, truth: float, unit: str = "", why: str = "") -> Outcome:
    """A number, or None, beside the true one; how far it is off is said in per cent or as a factor."""
    came = f"It is {shown(truth, unit)}"
    if predicted is None:
        return _nothing_predicted(f"{came}.", why)
    guess = f"You predicted {shown(predicted, unit)}"
    if not math.isfinite(truth):  # so it can be with data or settings of the reader's own
        return Outcome("open", "Nothing to compare with.", f"{guess}.", f"{came} this time.", why)
    if shown(predicted) == shown(truth):
        return Outcome("right", "Right.", f"{guess}, and so it is.", "", why)
    came += f": your number is {distance(predicted, truth)}."
    if abs(predicted - truth) <= CLOSE * abs(truth) * (1 + 1e-9):  # 1.1 is close to 1 in floating point, too
        return Outcome("right", "Close.", f"{guess}.", came, why)
    return Outcome("wrong", "Not this time.", f"{guess}.", came, why)


def distance(number: float, truth: float) -> str:
    """How far a number is off: in per cent of the true one, from double or half on as a factor."""
    if truth == 0 or number == 0 or (number < 0) != (truth < 0):
        return f"{shown(abs(number - truth))} too {'high' if number > truth else 'low'}"
    ratio = float(number) / float(truth)
    factor = max(ratio, 1 / ratio) if ratio else math.inf
    if factor < 2:
        percent = 100 * abs(ratio - 1)
        return f"{f'{percent:.0f}' if percent >= 1 else 'less than 1'} % too {'high' if number > truth else 'low'}"
    times = f"{float(f'{factor:.2g}'):,.1f}".removesuffix(".0")
    return f"too {'large' if ratio > 1 else 'small'} by a factor of {times if factor < 1e6 else 'over a million'}"


def shown(number: float, unit: str = "") -> str:
    """Whole numbers in full with commas, others to four digits, then the unit."""
    if math.isfinite(number) and abs(number) < 1e15 and (number == int(number) or abs(number) >= 1000):
        text = f"{number:,.0f}"
    else:
        text = f"{number:.4g}"
    return f"{text} {unit}".rstrip()


def _nothing_predicted(truth: str, why: str) -> Outcome:
    return Outcome("open", "No prediction locked in this time.", "", truth, why)
