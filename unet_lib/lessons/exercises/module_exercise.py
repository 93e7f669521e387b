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

    `result` and `expected` are what the two return after the same weights were given to both, `output` and `wanted`
    the tensors therein, in order; None before that.
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
    result: Any = None
    expected: Any = None

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
        torch.manual_seed(0)  # the same weights, and the same judgement, every time
        ours = prepared(self.ours()(*trial.arguments))
        attempt = Attempt(trial, built.double().eval().requires_grad_(True), ours, inputs)
        return self._compare(attempt)

    def _compare(self, a: Attempt) -> Feedback | None:
        """Numbers decide; the steps only serve to explain."""
        import torch

        from unet_lib.lessons.tracing import Trace, first_difference, matched_weights, trace

        a.our_steps = trace(a.ours, *a.inputs)
        with torch.no_grad(), Trace(a.built) as found:
            output = outcome(lambda: a.built(*a.inputs), Case((), None))
        a.steps, a.error = found.steps, output.text if isinstance(output, Raised) else ""
        if output is ... or "ellipsis" in a.error.lower():
            return OPEN
        tables = a.built.state_dict(), a.ours.state_dict()
        layers, our_layers = ([step for step in steps if step.weights] for steps in (a.steps, a.our_steps))
        fault: str | None = None
        if not a.error and first_difference(layers, our_layers, *tables) is None:
            a.built.load_state_dict(matched_weights(a.built, a.ours, *a.inputs))
            with torch.no_grad():
                a.result, a.expected = a.built(*a.inputs), a.ours(*a.inputs)
            a.output, a.wanted = flat(a.result), flat(a.expected)
            if same_tensors(a.output, a.wanted) and (fault := _structure(a) or _in_training(a)) is None:
                return None
        hint = next((m.hint for m in self.misconceptions if _holds(m.wrong, a)), None)
        return Feedback("wrong", fault or hint or self._explain(a, first_difference(a.steps, a.our_steps, *tables)))

    def _explain(self, a: Attempt, different: str | None) -> str:
        if different is not None and not (a.error and different.startswith("Yours ends")):
            return different
        if a.error:
            ended = f"Called with {_shapes(a.trial)} it raised {a.error}."
            if f"{type(a.built).__name__!r} object has no attribute" in a.error:
                return f"{ended} A layer made in `__init__` must be kept as `self.name = …`, or it is gone afterwards."
            return f"{ended} {'Is a name misspelt?' if 'is not defined' in a.error else self.fallback_hint}"
        if a.output == (None,):
            return "Your `forward` returns nothing. End it with `return` and the result."
        if (fault := _structure(a)) is not None:
            return fault
        return (f"The layers are right, one by one, but the result has other numbers. Look at what happens between "
                f"them. {self.fallback_hint}")

    def _call(self, trial: Trial) -> str:
        return f"`{self.expected_name}({', '.join(map(repr, trial.arguments))})`"


def reference(name: str) -> Any:
    """Our class or function of this name, from lesson 03's reference."""
    from unet_lib.lessons import reference_unet

    return getattr(reference_unet, name)


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

    return len(got) == len(wanted) and all(
        isinstance(a, torch.Tensor) and (a.shape, a.dtype) == (b.shape, b.dtype) and torch.allclose(a, b)
        for a, b in zip(got, wanted, strict=True))


def _structure(a: Attempt) -> str | None:
    """What is wrong with the kind of thing that is returned: one tensor, or a tensor and a list of tensors."""
    got, wanted = _layout(a.result), _layout(a.expected)
    if got != wanted:
        return f"`forward` should return {wanted}; yours returns {got}."
    for mine, ours in zip(a.output or (), a.wanted or (), strict=True):
        if mine.dtype != ours.dtype:
            return "`forward` should return plain numbers; yours returns True and False. Thresholds come later."
        if mine.shape != ours.shape:
            return f"`forward` gives shape {tuple(mine.shape)} where {tuple(ours.shape)} is expected."
    return None


def _layout(output: Any, inside: bool = False) -> str:
    if isinstance(output, list | tuple):
        parts = [_layout(part, inside=True) for part in output]
        if len(set(parts)) <= 1:
            return f"a {'tuple' if inside and isinstance(output, tuple) else 'list'} of {len(parts)}"
        return " and ".join(parts)
    return "a tensor" if hasattr(output, "shape") else describe(output)


def _in_training(a: Attempt) -> str | None:
    """Do both give the same in training mode, and does every weight get a gradient?"""
    import torch

    a.ours.requires_grad_(True)
    outputs = [outcome(lambda each=each: flat(each.train()(*a.inputs)), Case((), None)) for each in (a.built, a.ours)]
    if isinstance(outputs[0], Raised) or not same_tensors(*outputs):
        return ("In training mode your module gives other numbers than ours: is there a dropout, or a call of `eval()` "
                "that does not belong there?")
    with torch.enable_grad():
        loss = sum((tensor**2).sum() for tensor in outputs[0])
        if getattr(loss, "requires_grad", False):
            loss.backward()  # type: ignore[union-attr]
    silent = next((name for name, weight in a.built.named_parameters() if weight.grad is None), None)
    return silent and (f"The numbers are right, but no gradient reaches `{silent}`: it could never be trained. Is "
                       f"there a `detach()` or a `no_grad()`, or a layer that is not used?")


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
