"""Checker of lesson 00, start here: a brush for the table of grey levels that fools the network."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception

# Levels near 0 and 255, so that both limits count; rows and columns differ, so that exchanging them shows.
_FLAIR = np.array([[12, 40, 77, 90, 64, 31, 8],
                   [25, 88, 150, 201, 140, 60, 19],
                   [30, 97, 210, 250, 190, 72, 22],
                   [28, 81, 160, 230, 120, 55, 14],
                   [17, 45, 92, 110, 70, 33, 9]])
_CALLS = ((2, 4, 1, 30), (1, 3, 2, 90), (3, 1, 3, -60), (2, 2, 2, 5))


def _disc(flair: Int[np.ndarray, "h w"], row: int, column: int, radius: int) -> Bool[np.ndarray, "h w"]:
    rows, columns = np.indices(flair.shape)
    return np.less_equal((rows - row) ** 2 + (columns - column) ** 2, radius**2)


def _paint(flair: Int[np.ndarray, "h w"], row: int, column: int, radius: int,
           strength: int) -> Int[np.ndarray, "h w"]:
    return np.clip(flair + strength * _disc(flair, row, column, radius), 0, 255)


def _with(inside: Callable[..., Bool[np.ndarray, "h w"]]) -> Callable[..., Int[np.ndarray, "h w"]]:
    """The brush with another shape: `inside` is given the distances in rows and in columns, and the radius."""
    def brush(flair, row, column, radius, strength):
        rows, columns = np.indices(flair.shape)
        return np.clip(flair + strength * inside(rows - row, columns - column, radius), 0, 255)
    return brush


def _unclipped(flair, row, column, radius, strength):
    return flair + strength * _disc(flair, row, column, radius)


def _paints_over_what_it_is_given(function: Callable[..., object]) -> str | None:
    flair = _FLAIR.copy()
    function(flair, *_CALLS[0])
    return None if np.array_equal(flair, _FLAIR) else (
        "The numbers are right, but your function paints on the table that it is given, so the next spot would come on "
        "top of this one. Work on a copy: `painted = flair.copy()`.")


paint = FunctionExercise(
    question="paint(paint): write paint(flair, row, column, radius, strength), a round spot in a table of grey levels.",
    signature="paint(flair, row, column, radius, strength)",
    cases=tuple(Case((_FLAIR, *call), _paint(_FLAIR, *call), f"paint(flair, {', '.join(map(str, call))})")
                for call in _CALLS),
    also=_paints_over_what_it_is_given,
    insight="That is a brush. The next cells paint with it.",
    misconceptions=(
        Misconception(lambda f, r, c, size, s: _paint(f, c, r, size, s),
                      "Your spot lies elsewhere: row and column are exchanged."),
        Misconception(_with(lambda y, x, radius: y**2 + x**2 < radius**2),
                      "Pixels at exactly `radius` are missing. They belong to the spot: `<=`."),
        Misconception(_with(lambda y, x, radius: np.maximum(abs(y), abs(x)) <= radius),
                      "That is a square. In a round spot the corners are too far away: Pythagoras."),
        Misconception(_with(lambda y, x, radius: abs(y) + abs(x) <= radius),
                      "You add up the distances in rows and in columns, and that draws a diamond. Square both first."),
        Misconception(_with(lambda y, x, radius: y**2 + x**2 <= radius),
                      "The left side is the distance squared, the right side only the radius. Square it, too."),
        Misconception(_with(lambda y, x, radius: 2 * y + 2 * x <= 2 * radius),
                      "`* 2` doubles a number. `** 2` squares it."),
        Misconception(_with(lambda y, x, radius: y ^ 2 + x ^ 2 <= radius ^ 2),
                      "In Python `^` is no power. Write `** 2`."),
        Misconception(_with(lambda y, x, radius: (y ^ 2) + (x ^ 2) <= radius ^ 2),
                      "In Python `^` means something else (“exclusive or”). A square is `** 2`."),
        Misconception(_with(lambda y, x, radius: y**2 + x**2 >= radius**2),
                      "You paint around the spot. Its pixels are near: `<=`."),
        Misconception(lambda f, r, c, size, s: np.where(_disc(f, r, c, size), s, f),
                      "You replace the grey levels in the spot by `strength`. Add it to them."),
        Misconception(lambda f, r, c, size, s: np.clip(f - s * _disc(f, r, c, size), 0, 255),
                      "You subtract `strength`. Add it; it may itself be negative."),
        Misconception(_unclipped, "The spot is right, but some grey levels lie below 0 or above 255. Clip them."),
        Misconception(lambda *given: np.minimum(_unclipped(*given), 255),
                      "Nothing exceeds 255 any more. But a negative `strength` can take a pixel below 0."),
        Misconception(lambda *given: np.maximum(_unclipped(*given), 0),
                      "Nothing falls below 0 any more. But a pixel can rise above 255."),
        Misconception(lambda *given: _unclipped(*given) % 256,
                      "A grey level is one byte, and after 255 a byte starts again at 0. Clip before you convert."),
        Misconception(lambda f, r, c, size, s: np.clip(f + s, 0, 255),
                      "You brighten the whole slice. Only the pixels of the spot should change."),
        Misconception(lambda f, r, c, size, s: _disc(f, r, c, size),
                      "That is the spot alone, as True and False. Multiply it by `strength` and add `flair`."),
        Misconception(lambda f, r, c, size, s: s * _disc(f, r, c, size),
                      "That is what comes on top. Add the grey levels of `flair`."),
        Misconception(lambda f, r, c, size, s: f[_disc(f, r, c, size)],
                      "Those are the grey levels in the spot. Give back the whole table."),
        Misconception(lambda f, r, c, size, s: f, "The table comes back as it was."),
    ),
    fallback_hint="Find the pixels at a distance of at most `radius`, add `strength` to them, and clip to 0 and 255.",
    ours=lambda: _paint,
)
