"""Exercises that ask for a torch module: compared with ours step by step, then by numbers with the same weights.

The names of the reader's layers do not matter: steps and weights are matched by the order in which they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unet_lib.lessons.exercises.exercise import OPEN, Case, Exercise, Feedback, Raised, describe, outcome

if TYPE_CHECKING:  # torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait
    from torch import Tensor, nn

    from unet_lib.lessons.tracing import Step


@dataclass(frozen=True)
class Trial:
    """How to try a module: the arguments it is built with, and the shapes of the tensors it is called with."""

    arguments: tuple[Any, ...]
    shapes: tuple[tuple[int, ...], ...]


@dataclass
class Attempt:
    """What came of the reader's module in one trial, for the misconceptions to look at.

    `output` and `wanted` are tuples of tensors, after the same weights were given to both; None before that.
    """

    trial: Trial
    built: nn.Module
    ours: nn.Module
    inputs: tuple[Tensor, ...]
    steps: list[Step] = field(default_factory=list)
    our_steps: list[Step] = field(default_factory=list)
    error: str = ""
    output: tuple[Tensor, ...] | None = None
    wanted: tuple[Tensor, ...] | None = None

    def kinds(self) -> list[str]:
        """The kinds of the reader's steps, in order."""
        return [step.kind for step in self.steps]


@dataclass(frozen=True, kw_only=True, repr=False)
class ModuleExercise(Exercise):
    """A class (or function) that builds a torch module is asked for.

    The misconceptions' `wrong` are tests of an `Attempt`; the first that holds gives the hint. If none does, the first
    step that differs from ours is named.
    """

    name: str
    trials: tuple[Trial, ...]

    def judge(self, answer: Any) -> Feedback:
        """Right in every trial, or what is wrong in the first that fails."""
        import torch

        if not callable(answer):
            return Feedback("wrong", f"Expected the class itself, as in `check.{self.name}({self.expected_name})`; got "
                                     f"{describe(answer)}.")
        with torch.random.fork_rng(devices=[]):
            for trial in self.trials:
                if (feedback := self._try(answer, trial)) is not None:
                    return feedback
        return self.confirm()

    @property
    def expected_name(self) -> str:
        """The name that the question uses."""
        return self.question.partition("(")[2].partition(")")[0]

    def _try(self, answer: Any, trial: Trial) -> Feedback | None:
        import torch

        assert self.ours is not None
        built = outcome(answer, Case(trial.arguments, None))
        if isinstance(built, Raised):
            if "ellipsis" in built.text.lower():
                return OPEN
            if "before Module.__init__" in built.text:
                return Feedback("wrong", "`super().__init__()` must come first in `__init__`: torch prepares there the "
                                         "place where layers are kept.")
            return Feedback("wrong", f"{self._call(trial)} raised {built.text}. {self.fallback_hint}")
        if built is ... or _has_dots(built):
            return OPEN
        if not isinstance(built, torch.nn.Module):
            return Feedback("wrong", f"Expected a class made from `nn.Module`; {self._call(trial)} gives "
                                     f"{describe(built)}.")
        inputs = tuple(torch.linspace(-1, 1, torch.Size(shape).numel(), dtype=torch.float64).reshape(shape).sin() + 0.1
                       for shape in trial.shapes)
        ours = prepared(self.ours()(*trial.arguments))
        attempt = Attempt(trial, built.double().eval().requires_grad_(False), ours, inputs)
        return self._compare(attempt)

    def _compare(self, a: Attempt) -> Feedback | None:
        from unet_lib.lessons.tracing import Trace, first_difference, matched_weights, trace

        a.our_steps = trace(a.ours, *a.inputs)
        with Trace(a.built) as found:
            output = outcome(lambda: a.built(*a.inputs), Case((), None))
        a.steps, a.error = found.steps, output.text if isinstance(output, Raised) else ""
        if output is ... or "ellipsis" in a.error.lower():
            return OPEN
        different = first_difference(a.steps, a.our_steps, a.built.state_dict(), a.ours.state_dict())
        if different is None and not a.error:
            a.built.load_state_dict(matched_weights(a.built, a.ours, *a.inputs))
            a.output, a.wanted = flat(a.built(*a.inputs)), flat(a.ours(*a.inputs))
            if same_tensors(a.output, a.wanted):
                return None
        hint = next((m.hint for m in self.misconceptions if _holds(m.wrong, a)), None)
        return Feedback("wrong", hint or self._explain(a, different))

    def _explain(self, a: Attempt, different: str | None) -> str:
        if a.error:
            ended = f"Called with {_shapes(a.trial)} it raised {a.error}."
            # What came before the error is right as far as it goes.
            fault = different if different and not different.startswith("Yours ends") else ""
            return f"{ended} {fault or self.fallback_hint}"
        if different is not None:
            return different
        if a.output == (None,):
            return "Your `forward` returns nothing. End it with `return` and the result."
        if len(a.output or ()) != len(a.wanted or ()):
            return f"Expected `forward` to return {len(a.wanted or ())} things; yours returns {len(a.output or ())}. " \
                   f"{self.fallback_hint}"
        return f"The steps are right, one by one, but the result has other numbers. {self.fallback_hint}"

    def _call(self, trial: Trial) -> str:
        return f"`{self.expected_name}({', '.join(map(repr, trial.arguments))})`"


def prepared(module: nn.Module) -> nn.Module:
    """In float64 and evaluation mode, with batch norms that have a history, each another one."""
    import torch

    for number, (name, tensor) in enumerate(module.state_dict().items()):
        if "norm" in name and tensor.ndim == 1:
            low, high = {"running_mean": (-0.4, 0.1), "running_var": (0.05, 0.1), "weight": (0.8, 1.2),
                         "bias": (-0.1, 0.2)}[name.rpartition(".")[2]]
            tensor.copy_(torch.linspace(low, high, len(tensor)) * (1 + number / 100))
    return module.double().eval().requires_grad_(False)


def flat(output: Any) -> tuple[Tensor, ...]:
    """The tensors of a module's result, lists and tuples opened, in order."""
    if isinstance(output, list | tuple):
        return tuple(tensor for part in output for tensor in flat(part))
    return (output,)


def same_tensors(got: tuple[Any, ...], wanted: tuple[Tensor, ...]) -> bool:
    """As many tensors, of the same shapes and, but for rounding, the same numbers?"""
    import torch

    return len(got) == len(wanted) and all(isinstance(a, torch.Tensor) and a.shape == b.shape and torch.allclose(a, b)
                                           for a, b in zip(got, wanted, strict=True))


def _holds(test: Callable[[Attempt], bool], attempt: Attempt) -> bool:
    try:
        return bool(test(attempt))
    except Exception:  # the attempt did not come so far
        return False


def _has_dots(built: Any) -> bool:
    """Did the reader leave three dots in an attribute?"""
    return any(part is ... for part in getattr(built, "__dict__", {}).values())


def _shapes(trial: Trial) -> str:
    return " and ".join(f"a tensor of shape {shape}" for shape in trial.shapes)
