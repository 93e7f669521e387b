"""An exercise that asks for a function which returns one or several arrays, each known by a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unet_lib.lessons.exercises.exercise import FunctionExercise, Raised, compared, same, shorten


@dataclass(frozen=True, kw_only=True, repr=False)
class GradientExercise(FunctionExercise):
    """Results are compared part by part, and what is wrong is said of the first part that is.

    `parts` are the names of what the function returns, in their order.
    """

    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "observe", self.named)

    def named(self, _: tuple[Any, ...], returned: Any) -> Any:
        """The parts by their names, if as many arrays came back as were asked for; else what came."""
        if len(self.parts) > 1 and isinstance(returned, tuple | list) and len(returned) == len(self.parts):
            return dict(zip(self.parts, returned, strict=True))
        return returned

    def first_failure(self, results: Sequence[Any]) -> str:
        """Which part of which call, what was expected of it, and the general hint."""
        result, case = next(pair for pair in zip(results, self.calls, strict=True)
                            if not same(pair[0], pair[1].expected))
        if isinstance(result, Raised):
            return super().first_failure(results)
        if len(self.parts) > 1 and not isinstance(result, dict):
            got = "several" if isinstance(result, tuple | list) else shorten(result)
            return (f"`{case.shown}` should return {len(self.parts)} arrays, {', '.join(self.parts)}, in this order; "
                    f"yours returns {got}. {self.fallback_hint}")
        part, right, wrong = self._first_part(case.expected, result)
        return f"`{case.shown}`: {part} should be {compared(right, wrong)}. {self.fallback_hint}"

    def _first_part(self, expected: Any, result: Any) -> tuple[str, Any, Any]:
        if len(self.parts) == 1:
            return self.parts[0], expected, result
        part = next(name for name in self.parts if not same(result[name], expected[name]))
        return part, expected[part], result[part]
