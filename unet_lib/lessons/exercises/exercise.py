"""What an exercise checker is made of: the right answer, the misconceptions it expects, and a hint for each.

A checker is a value, not code: `NumberExercise(question=…, right=…, misconceptions=(Misconception(wrong, hint), …))`.
Called with an answer it returns `Feedback` and never raises, whatever it is given.
"""

import copy
import html
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from unet_lib.lessons.exercises.progress import Progress

_MARKS = {"open": ("…", "Not attempted yet."), "right": ("✓", "Right."), "wrong": ("✗", "Not yet.")}
# JupyterLab's own variables follow its theme; the fallbacks are readable on white.
_COLOURS = {
    "open": "var(--jp-info-color1, #1976d2)",
    "right": "var(--jp-success-color1, #2e7d32)",
    "wrong": "var(--jp-error-color1, #c62828)",
}


# A right answer lights up once, softly, unless the reader's system asks for no motion.
_GLOW = ("<style>@keyframes gb-right { from { background: color-mix(in srgb, var(--jp-success-color1, #2e7d32) 30%, "
         "transparent) } } @media (prefers-reduced-motion: no-preference) "
         "{ .gb-right { animation: gb-right 2s ease-out } }</style>")


@dataclass(frozen=True)
class Feedback:
    """What the reader is told: a state, shown as symbol and word besides its colour, and a sentence or two.

    `progress`, after a right answer: how many of the lesson's exercises are solved.
    """

    state: Literal["open", "right", "wrong"]
    text: str
    progress: Progress | None = None

    @property
    def right(self) -> bool:
        """Was the answer right?"""
        return self.state == "right"

    def __repr__(self) -> str:
        return " ".join((*_MARKS[self.state], self.text)) + (f" ({self.progress})" if self.progress else "")

    def _repr_html_(self) -> str:
        symbol, word = _MARKS[self.state]
        text = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(self.text, quote=False))
        style = f"border-left: 4px solid {_COLOURS[self.state]}; padding: 0.3em 0.8em; max-width: 46em"
        said = f'<strong>{symbol} {word}</strong> {text}{self.progress._repr_html_() if self.progress else ""}'
        return f'<div role="status" class="gb-{self.state}" style="{style}">{said}</div>{_GLOW if self.right else ""}'


OPEN = Feedback("open", "Put your answer where the three dots are and run the cell again.")


@dataclass(frozen=True)
class Misconception:
    """An expected wrong answer and the hint it earns.

    `wrong` is a value; or a test of the value; or, for a function exercise, a function that makes the same
    mistake: whoever gets its results on every case has made it too.
    """

    wrong: Any
    hint: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Exercise(ABC):
    """What every kind of exercise has in common.

    `ours` gives our answer, where a lesson goes on with the reader's (`mine`). `noted` is told of every right answer,
    and says how far the lesson is.
    """

    question: str
    insight: str
    misconceptions: tuple[Misconception, ...]
    fallback_hint: str
    ours: Callable[[], Any] | None = None
    noted: Callable[[], Progress | None] = lambda: None

    def __call__(self, answer: Any = ...) -> Feedback:
        """Say what is right or wrong about an answer; `...` counts as not attempted."""
        feedback = self._feedback(answer)
        return replace(feedback, progress=self.noted()) if feedback.right else feedback

    def mine(self, answer: Any = ...) -> Any:
        """The reader's answer if it is right, else ours; a line of print says which."""
        if self.ours is None:
            raise TypeError(f"{self.question.partition('(')[0]} has no answer of ours to go on with.")
        ours, name = self.ours(), self.question.partition("(")[2].partition(")")[0]
        own = answer is not ours and self._feedback(answer).right
        print(f"{name}: {'yours' if own else 'ours, until yours passes its check'}")
        return answer if own else ours

    def _feedback(self, answer: Any) -> Feedback:
        if answer is ...:
            return OPEN
        try:
            return self.judge(answer)
        except Exception:  # A lesson runs through whatever the reader hands in, even objects that fight back.
            return Feedback("wrong", f"This answer cannot be read: it is {describe(answer)}. {self.fallback_hint}")

    def __repr__(self) -> str:
        return self.question

    @abstractmethod
    def judge(self, answer: Any) -> Feedback:
        """Compare an attempted answer; each kind of exercise has its own way."""

    def confirm(self) -> Feedback:
        """The answer is right."""
        return Feedback("right", self.insight)


@dataclass(frozen=True, kw_only=True, repr=False)
class NumberExercise(Exercise):
    """One number is asked for; right within `tolerance`."""

    right: int | float
    tolerance: int | float = 0

    def judge(self, answer: Any) -> Feedback:
        """Right, a known misconception, or the general hint."""
        value = to_number(answer)
        if value is None:
            return Feedback("wrong", f"Expected a number such as 12 or 0.5; got {describe(answer)}.")
        # The relative part forgives the rounding of floating-point sums.
        if math.isclose(value, self.right, rel_tol=1e-9, abs_tol=self.tolerance):
            return self.confirm()
        known = (misconception.hint for misconception in self.misconceptions if self.made(misconception, value))
        return Feedback("wrong", next(known, self.fallback_hint))

    def made(self, misconception: Misconception, value: float) -> bool:
        """Is this the misconception's number, or one that its test recognises?"""
        # Half a per cent: a reader who rounds has still made the same mistake.
        if callable(misconception.wrong):
            return bool(misconception.wrong(value))
        return math.isclose(value, misconception.wrong, rel_tol=5e-3)


@dataclass(frozen=True, kw_only=True, repr=False)
class PropertyExercise(Exercise):
    """Many answers may be right: `read` turns an answer into a value (None: unreadable), `right` judges it.

    The misconceptions' `wrong` are tests of the value; the first that holds gives the hint.
    """

    expected: str
    read: Callable[[Any], Any]
    right: Callable[[Any], bool]

    def judge(self, answer: Any) -> Feedback:
        """Right, a known misconception, or the general hint."""
        value = self.read(answer)
        if value is None:
            return Feedback("wrong", f"Expected {self.expected}; got {describe(answer)}.")
        if self.right(value):
            return self.confirm()
        hints = (misconception.hint for misconception in self.misconceptions if misconception.wrong(value))
        return Feedback("wrong", next(hints, self.fallback_hint))


@dataclass(frozen=True)
class Case:
    """One call of the reader's function; `shown` is how the call is written where its arguments are long."""

    arguments: tuple[Any, ...]
    expected: Any
    shown: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class FunctionExercise(Exercise):
    """A function is asked for; it is called on every case, each time with fresh copies of the arguments.

    `cases` may be a function that makes them, where that would slow down the import. `observe`, if given, turns the
    arguments, as the function left them, and what it returned into the value to compare: for functions that train.
    `also` is asked of a function that is right in every case, and says what is wrong nevertheless, or None.
    """

    signature: str
    cases: tuple[Case, ...] | Callable[[], tuple[Case, ...]]
    observe: Callable[[tuple[Any, ...], Any], Any] | None = None
    also: Callable[[Callable[..., Any]], str | None] | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.signature.partition("(")[0])

    @property
    def calls(self) -> tuple[Case, ...]:
        """The cases, made if need be."""
        return self.cases() if callable(self.cases) else self.cases

    def judge(self, answer: Any) -> Feedback:
        """Right on every case, a known misconception, or the first case that fails."""
        if not callable(answer):
            call = f"check.{self.name}({self.name})"
            got = describe(answer)
            return Feedback("wrong", f"Expected the function itself, as in `{call}`; got {got}.")
        results = [outcome(answer, case, self.observe) for case in self.calls]
        if any(result is ... or _met_dots(result) for result in results):
            return OPEN
        if all(same(result, case.expected) for result, case in zip(results, self.calls, strict=True)):
            fault = self.also(answer) if self.also else None
            return Feedback("wrong", fault) if fault else self.confirm()
        if all(result is None for result in results):
            return Feedback("wrong", f"{self.name} gives back None. Does it end with `return` and a value?")
        hints = (misconception.hint for misconception in self.misconceptions if self.made(misconception, results))
        return Feedback("wrong", next(hints, None) or self.first_failure(results))

    def made(self, misconception: Misconception, results: Sequence[Any]) -> bool:
        """Does the mistaken function give the same results, case by case?"""
        wrong = [outcome(misconception.wrong, case, self.observe) for case in self.calls]
        return all(same(ours, theirs) for ours, theirs in zip(results, wrong, strict=True))

    def first_failure(self, results: Sequence[Any]) -> str:
        """Input, expected, got, and the general hint."""
        pairs = zip(results, self.calls, strict=True)
        result, case = next(pair for pair in pairs if not same(pair[0], pair[1].expected))
        call = f"`{case.shown or self.name + '(' + ', '.join(map(repr, case.arguments)) + ')'}`"
        if isinstance(result, Raised):
            other = "TypeError" in result.text and "argument" in result.text and f"{self.name}()" in result.text
            hint = f"Begin with `def {self.signature}:`." if other else self.fallback_hint
            return f"{call} raised {result.text}. Expected {shorten(case.expected)}. {hint}"
        return f"{call} should be {compared(case.expected, result)}. {self.fallback_hint}"


@dataclass(frozen=True)
class Raised:
    """The reader's function ended in an exception."""

    text: str


def _met_dots(result: Any) -> bool:
    """Did the function fail because three dots are still in it?"""
    return isinstance(result, Raised) and "ellipsis" in result.text.lower()


def outcome(function: Callable[..., Any], case: Case,
            observe: Callable[[tuple[Any, ...], Any], Any] | None = None) -> Any:
    """What the function returns, or what `observe` makes of it, or Raised."""
    arguments = copy.deepcopy(case.arguments)
    try:
        returned = function(*arguments)
        return returned if observe is None or returned is ... else observe(arguments, returned)
    except (Exception, SystemExit) as error:  # An `exit()` in an answer must not end the kernel either.
        return Raised(f"{type(error).__name__} ({shorten(error, 200, as_text=True)})")


def same(got: Any, expected: Any) -> bool:
    """Equal values; lists, tuples and arrays are interchangeable, a set counts as its sorted list.

    Dictionaries must have the same keys, and equal values. Numbers may differ by rounding.
    """
    try:
        if isinstance(expected, dict):
            return (isinstance(got, dict) and set(got) == set(expected)
                    and all(same(got[key], value) for key, value in expected.items()))
        got, expected = (x.detach() if hasattr(x, "detach") else x for x in (got, expected))
        got, expected = (np.asarray(sorted(x) if isinstance(x, set | frozenset) else x) for x in (got, expected))
        if got.shape != expected.shape:
            return False
        if got.dtype.kind in "biuf" and expected.dtype.kind in "biuf":
            return bool(np.allclose(got, expected, rtol=1e-9, atol=1e-9, equal_nan=True))
        return bool((got == expected).all())
    except Exception:
        return False


def compared(expected: Any, got: Any) -> str:
    """What should be, and what is: of large arrays the shapes, or the first place where they differ; of
    dictionaries the first entry that does."""
    if isinstance(expected, dict) and isinstance(got, dict):
        key = next((key for key in expected if key not in got or not same(got[key], expected[key])), None)
        if key is None:
            extra = next(key for key in got if key not in expected)
            return f"without an entry for {shorten(extra)}; yours has one"
        return f"{expected[key]!r} for {key!r}; yours " + (f"gives {got[key]!r}" if key in got else "has no such entry")
    ours, theirs = (np.asarray(x.detach() if hasattr(x, "detach") else x) if hasattr(x, "shape") else None
                    for x in (expected, got))
    if ours is None or theirs is None or ours.size <= 4:
        return f"{shorten(expected)}; yours gives {shorten(got)}"
    if ours.shape != theirs.shape:
        return f"of shape {ours.shape}; yours is of shape {theirs.shape}"
    place = tuple(int(n) for n in np.argwhere(~np.isclose(theirs.astype(float), ours.astype(float)))[0])
    return f"{ours[place]} at {list(place)}; yours gives {theirs[place]}"


def to_number(answer: Any) -> float | None:
    """A finite float, or None for what is no single number; True and False are not numbers here."""
    if isinstance(answer, bool | np.bool_ | str | bytes | complex):
        return None
    try:
        value = float(answer)
    except Exception:
        return None
    return value if math.isfinite(value) and np.ndim(answer) == 0 else None


def to_array(answer: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Finite float64 numbers of this shape, or None."""
    try:
        array = np.asarray(answer)
    except Exception:
        return None
    numbers = array.shape == shape and array.dtype.kind in "iuf" and bool(np.isfinite(array).all())
    return array.astype(np.float64) if numbers else None


def describe(answer: Any) -> str:
    """What came, in words; never raises."""
    try:
        if answer is None or isinstance(answer, bool | np.bool_ | float):
            return str(answer)
        if isinstance(answer, str):
            return f"text, {shorten(answer)} (a number has no quotation marks)"
        if isinstance(answer, np.ndarray):
            return f"an array of shape {answer.shape}"
        if callable(answer):
            return "a function (call it, or hand over its result)"
        return f"{type(answer).__name__} {shorten(answer)}"
    except Exception:
        return "an object that cannot be shown"


def shorten(value: Any, limit: int = 70, as_text: bool = False) -> str:
    """One line of repr (or text), cut at the limit."""
    try:
        if hasattr(value, "shape") and np.prod(value.shape) > 4:
            return f"{'a tensor' if hasattr(value, 'detach') else 'an array'} of shape {tuple(value.shape)}"
        line = " ".join((str(value) if as_text else repr(value)).split())
    except Exception:
        return f"a {type(value).__name__}"
    return line if len(line) <= limit else line[: limit - 1] + "…"
