"""What a network does, step by step, however it is written: each step's kind, shape and weights, in the order of use.

Two networks of the same plan can so be compared, and their weights matched, whatever their layers are called.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from unet_lib.core.errors import ShapeError

# torch's operation → the word for it; several names where devices or modes differ.
KINDS = {"convolution": "convolution", "max_pool2d_with_indices": "max pooling", "max_pool2d": "max pooling",
         "avg_pool2d": "mean pooling", "relu": "ReLU", "relu_": "ReLU", "clamp": "ReLU", "clamp_min": "ReLU",
         "cat": "concatenation", "sigmoid": "sigmoid", "leaky_relu": "leaky ReLU", "gelu": "GELU", "tanh": "tanh"}
KINDS_BY_PART = {"batch_norm": "batch norm", "upsample": "upsampling"}


@dataclass(frozen=True)
class Step:
    """One operation: its kind, its layer ("" if it has no weights), the shapes of input and output, its weights."""

    kind: str
    layer: str
    given: tuple[int, ...]
    shape: tuple[int, ...]
    weights: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}{_named(self)} → {by(self.shape[1:])}"


def by(shape: tuple[int, ...]) -> str:
    """`8 × 64 × 64`."""
    return " × ".join(map(str, shape))


class Trace(TorchDispatchMode):
    """Notes in `steps` what runs inside the `with`; kept, too, when it ends in an exception."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.steps: list[Step] = []
        named = [*module.named_parameters(), *module.named_buffers()]
        self.names = {tensor.data_ptr(): name for name, tensor in named if tensor.numel()}

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and note it if there is a word for it."""
        out = operation(*args, **(kwargs or {}))
        name = operation.overloadpacket.__name__
        kind = KINDS.get(name) or next((word for part, word in KINDS_BY_PART.items() if part in name), None)
        if kind is not None:
            kind = "transposed " * (kind == "convolution" and bool(args[6])) + kind
            flat = (part for arg in args for part in (arg if isinstance(arg, list | tuple) else (arg,)))
            tensors = [part for part in flat if isinstance(part, Tensor)]
            weights = tuple(self.names[t.data_ptr()] for t in tensors if t.data_ptr() in self.names)
            layer = weights[0].rpartition(".")[0] if weights else ""
            given = tuple(tensors[0].shape) if tensors else ()
            shape = tuple((out[0] if isinstance(out, tuple) else out).shape)
            self.steps.append(Step(kind, layer, given, shape, weights))
        return out


def trace(module: nn.Module, *inputs: Tensor) -> list[Step]:
    """The steps of one forward pass, without gradients; the module's mode stays as it is."""
    with torch.no_grad(), Trace(module) as found:
        module(*inputs)
    return found.steps


def matched_weights(module: nn.Module, source: nn.Module, *inputs: Tensor) -> dict[str, Tensor]:
    """A state dict for `module` with the values of `source`, matched by the order in which the layers are used.

    What lies between the layers with weights may differ. Raises ShapeError, naming the first layer that differs.
    """
    own, theirs = ([step for step in trace(each, *inputs) if step.weights] for each in (module, source))
    if (difference := first_difference(own, theirs, module.state_dict(), source.state_dict())) is not None:
        raise ShapeError(f"expected two networks with the same layers in the same order; got others. {difference}")
    values = source.state_dict()
    return module.state_dict() | {mine: values[ours] for a, b in zip(own, theirs, strict=True)
                                  for mine, ours in zip(a.weights, b.weights, strict=True)}


def first_difference(own: list[Step], wanted: list[Step], mine: Mapping[str, Tensor], ours: Mapping[str, Tensor]
                     ) -> str | None:
    """The first step of `own` that is not as in `wanted`, in words with a guess at the reason; None if all are."""
    for number, (got, right) in enumerate(zip(own, wanted, strict=False), 1):
        where = f"Step {number}, your {got.kind}{_named(got)},"
        if got.kind != right.kind:
            return f"Step {number} should be {_a(right.kind)}; what comes there is {_a(got.kind)}{_named(got)}."
        if got.shape != right.shape:
            return f"{where} gives {by(got.shape[1:])} where {by(right.shape[1:])} is expected: {_guess(got, right)}"
        if len(got.weights) > len(right.weights):
            return f"{where} has a bias that it does not need: `bias=False`."
        if len(got.weights) < len(right.weights):
            return f"{where} lacks learnt numbers that ours has: leave its bias and other settings as torch has them."
        for name, other in zip(got.weights, right.weights, strict=True):
            if mine[name].shape != ours[other].shape:
                return (f"{where} has weights of shape {tuple(mine[name].shape)} where {tuple(ours[other].shape)} is "
                        f"expected: is the kernel's size right?")
    if len(own) < len(wanted):
        return f"Yours ends after {len(own)} steps; {_a(wanted[len(own)].kind)} is missing."
    if len(own) > len(wanted):
        extra = own[len(wanted)]
        return f"Yours has one step too many: {_a(extra.kind)}{_named(extra)}."
    return None


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _named(step: Step) -> str:
    return f" `{step.layer}`" if step.layer else ""


def _guess(got: Step, right: Step) -> str:
    """What most often leads to such a shape."""
    if got.shape[1] != right.shape[1]:
        return "count the channels again. They follow from the arguments."
    if got.kind == "transposed convolution":
        return "stride 1?" if got.shape[-1] <= got.given[-1] + 1 else "kernel_size=2 and stride=2?"
    if got.kind == "convolution":
        if got.shape[-1] > right.shape[-1]:
            return "is the padding too large for the kernel?"
        return "padding=1?" if got.shape[-1] > right.shape[-1] // 2 + 1 else "is the stride 1?"
    if "pooling" in got.kind:
        return "does it halve height and width, `nn.MaxPool2d(2)`?"
    return "look at the step before it."
