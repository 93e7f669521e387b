"""Exercises that ask for a network: compared with ours by name, shape and output."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import OPEN, Case, Exercise, Feedback, Raised, describe, outcome

# torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait for it.


@dataclass(frozen=True, kw_only=True, repr=False)
class NetworkExercise(Exercise):
    """A function or class that builds a network is asked for; compared with ours by name, shape and output.

    It is called with `arguments`. The misconceptions' `wrong` are tests of (its output, the right output, ours).
    """

    arguments: tuple[Any, ...]
    reference: Callable[[], Any]
    image: tuple[int, ...]
    name: str

    def judge(self, answer: Any) -> Feedback:
        """Build it, compare names and shapes of the weights, then outputs with the same weights."""
        import torch

        if not callable(answer):
            return Feedback("wrong", f"Expected the thing itself, as in `check.{self.name}(…)` without calling it; "
                                     f"got {describe(answer)}.")
        with torch.random.fork_rng(devices=[]):
            built = outcome(answer, Case(self.arguments, None))
        if built is ... or any(part is ... for part in getattr(built, "__dict__", {}).values()):
            return OPEN
        if isinstance(built, Raised):
            return Feedback("wrong", f"Building it raised {built.text}. {self.fallback_hint}")
        if not isinstance(built, torch.nn.Module):
            return Feedback("wrong", f"Expected an `nn.Module`; got {describe(built)}. Does it end with `return`?")
        return self._compare(built.double().eval())

    def _compare(self, built: Any) -> Feedback:
        import torch

        right = self.reference()
        if (difference := _first_difference(built, right)) is not None:
            return Feedback("wrong", difference)
        built.load_state_dict(right.state_dict())
        image = torch.linspace(-1, 1, int(np.prod(self.image)), dtype=torch.float64).reshape(self.image).sin()
        with torch.no_grad():
            wanted, got = right(image), outcome(built, Case((image,), None))
        if isinstance(got, Raised):
            return Feedback("wrong", f"With an image of shape {self.image} it raised {got.text}. {self.fallback_hint}")
        if equal(got, wanted):
            return self.confirm()
        hints = (misconception.hint for misconception in self.misconceptions
                 if misconception.wrong(got, wanted, (right, image)))
        return Feedback("wrong", next(hints, f"Names and shapes are right, the output is not. {self.fallback_hint}"))


def _first_difference(built: Any, right: Any) -> str | None:
    """The first weight that is missing, too much or of another shape, in words."""
    mine, ours = ({name: tuple(value.shape) for name, value in module.state_dict().items()}
                  for module in (built, right))
    for name, shape in ours.items():
        if name not in mine:
            return f"There is no `{name}` of shape {shape}. Is a block missing, or does it have another name?"
        if mine[name] != shape:
            return f"`{name}` should have the shape {shape}; yours has {mine[name]}. Count the channels again."
    extra = [name for name in mine if name not in ours]
    return f"`{extra[0]}` is one too many. Ours has no weights of that name." if extra else None


def equal(got: Any, wanted: Any) -> bool:
    """Tensors of one shape and, but for rounding, the same numbers?"""
    import torch

    return isinstance(got, torch.Tensor) and got.shape == wanted.shape and torch.allclose(got, wanted)
