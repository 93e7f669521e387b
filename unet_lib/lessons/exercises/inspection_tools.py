"""Checkers of lesson 06's functions around a network: maps caught, batch norms calibrated, channels silenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, outcome

if TYPE_CHECKING:  # torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait
    from torch import Tensor, nn


def _ours(name: str) -> Callable[..., Any]:
    return getattr(import_module("unet_lib.lessons.reference_inspection"), name)


@cache
def _network() -> nn.Module:
    """Two blocks and an output; the first block's ReLU works in place, and its batch norms have seen other images."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        network = nn.Sequential()
        network.add_module("first", nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)))
        network.add_module("gate", nn.ReLU(inplace=True))
        network.add_module("second", nn.Sequential(nn.Conv2d(4, 3, 3, padding=1), nn.BatchNorm2d(3)))
        network.add_module("output", nn.Conv2d(3, 1, 1))
        network.double()(3 + torch.randn(2, 3, 6, 6, dtype=torch.float64))
    return network.eval()


@cache
def _images(count: int = 2) -> Tensor:
    import torch

    values = torch.arange(count * 3 * 36, dtype=torch.float64)
    return (values * 1.3 + 0.2).sin().reshape(count, 3, 6, 6) - 0.4


def _hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def _case(function: Callable[..., Any], given: tuple[Any, ...], observe: Callable[..., Any], shown: str) -> Case:
    return Case(given, outcome(function, Case(given, None), observe), shown)


# ---- catch_maps ---------------------------------------------------------------------------------------------


def _seen_maps(arguments: tuple[Any, ...], maps: Any) -> Any:
    """The values of each map, whether it still hangs on the pass, and whether the network is as before."""
    if not isinstance(maps, dict):
        return maps
    network, images, _ = arguments
    tensors = {name: value for name, value in maps.items() if hasattr(value, "detach")}
    return {"hooks left": _hooks(network), "values": {name: value.detach().tolist() for name, value in tensors.items()},
            "with gradient": [name for name, value in tensors.items() if value.requires_grad],
            "other": [name for name in maps if name not in tensors], "mode": network.training,
            "answer": network.eval()(images).detach().sum().item()}


@cache
def _catch_cases() -> tuple[Case, ...]:
    return tuple(_case(_ours("catch_maps"), (_network(), _images(), names), _seen_maps,
                       f"catch_maps(a small network, images, {names})")
                 for names in (["first", "second"], ["output"]))


def _catch(detach: bool = True, clone: bool = True, remove: bool = True, one_name: bool = False,
           side: str = "output", give: bool = False, grad: bool = False) -> Callable[..., Any]:
    """A mistaken `catch_maps`."""
    def catch_maps(network: nn.Module, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        import torch

        maps: dict[str, Any] = {}
        handles = []
        for name in names:
            def keep(block: Any, inputs: Any, output: Any, name: str = names[-1] if one_name else name) -> Any:
                found = output if side == "output" else inputs[0]
                found = found.detach() if detach else found
                maps[name] = found.clone() if clone else found
                return maps[name] * 0 if give else None
            handles.append(network.get_submodule(name).register_forward_hook(keep))
        with torch.set_grad_enabled(grad or not detach):
            network(images)
        for handle in handles * remove:
            handle.remove()
        return maps
    return catch_maps


catch_maps = FunctionExercise(
    question="catch_maps(catch_maps): write catch_maps(network, image, names), a dictionary name → maps.",
    signature="catch_maps(network, image, names)",
    cases=_catch_cases,
    observe=_seen_maps,
    ours=lambda: _ours("catch_maps"),
    insight="Every map of every block is yours now, and the network does not notice.",
    misconceptions=(
        Misconception(_catch(remove=False), "Your hooks stay in the network: every later pass is caught as well. Keep "
                                            "what `register_forward_hook` returns, and `.remove()` each at the end."),
        Misconception(_catch(clone=False), "The ReLU after the first block works in place: it has overwritten your "
                                           "map. Keep a copy: `.clone()`."),
        Misconception(_catch(detach=False), "Your maps still hang on the pass, and keep all of it in memory: "
                                            "`.detach()`, or call the network under `torch.no_grad()`."),
        Misconception(_catch(one_name=True), "All maps end up under one name: a hook reads `name` when it runs, and "
                                             "the loop is over by then. Give it a default: `def keep(block, inputs, "
                                             "output, name=name)`."),
        Misconception(_catch(side="inputs"), "That is what went into the block. Its output is the third argument."),
        Misconception(_catch(give=True), "What a hook returns takes the place of the block's output. Return nothing."),
    ),
    fallback_hint="For each name: network.get_submodule(name).register_forward_hook(…); one pass; remove all hooks.",
)

# ---- calibrate ----------------------------------------------------------------------------------------------


def _seen_norms(arguments: tuple[Any, ...], network: Any) -> Any:
    """The batch norms' statistics, the weights, and the mode."""
    if not hasattr(network, "named_buffers"):
        return network
    statistics = {name: [round(value, 9) for value in buffer.flatten().tolist()]
                  for name, buffer in network.named_buffers() if "running" in name}
    weights = sum(weight.detach().double().sum().item() for weight in network.parameters())
    return {**statistics, "sum of the weights": round(weights, 9), "training": network.training}


@cache
def _calibrate_cases() -> tuple[Case, ...]:
    return tuple(_case(_ours("calibrate"), (_network(), _images(count)), _seen_norms,
                       f"calibrate(a small network, {count} images)") for count in (2, 3))


def _calibrate(reset: bool = True, momentum: float | None = None, train: bool = True, leave: bool = False,
               back: bool = True, first: bool = False) -> Callable[..., Any]:
    """A mistaken `calibrate`."""
    def calibrate(network: nn.Module, images: Tensor) -> nn.Module | None:
        import torch
        from torch import nn

        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms[:1 if first else None]:
            if reset:
                norm.reset_running_stats()
            norm.momentum = momentum
        network.train(train)
        with torch.no_grad():
            network(images)
        network.train(leave)
        return network if back else None
    return calibrate


calibrate = FunctionExercise(
    question="calibrate(calibrate): write calibrate(network, images), the network with statistics of these images.",
    signature="calibrate(network, images)",
    cases=_calibrate_cases,
    observe=_seen_norms,
    ours=lambda: _ours("calibrate"),
    insight="The weights are as random as before; but now every batch norm knows what it is handed.",
    misconceptions=(
        Misconception(_calibrate(momentum=0.1), "With a momentum of 0.1 nine tenths of the old statistics stay. With "
                                                "`norm.momentum = None` the pass counts in full."),
        Misconception(_calibrate(reset=False), "The statistics of earlier images are still mixed in. "
                                               "`norm.reset_running_stats()` forgets them."),
        Misconception(_calibrate(reset=False, momentum=0.1), "You have left the batch norms as they were: one pass "
                                                             "moves them by a tenth. Reset, and momentum None."),
        Misconception(_calibrate(train=False), "In evaluation mode batch norms only use their statistics. They measure "
                                               "them in training mode: `network.train()`."),
        Misconception(_calibrate(leave=True), "The network is still in training mode, and will measure again at the "
                                              "next pass. Return it in evaluation mode."),
        Misconception(_calibrate(first=True), "Only the first batch norm is calibrated. Loop over all modules."),
    ),
    fallback_hint="Per nn.BatchNorm2d: reset_running_stats(), momentum = None; then train(), one pass, eval().",
)

# ---- without_channels ---------------------------------------------------------------------------------------


def _seen_without(arguments: tuple[Any, ...], probabilities: Any) -> Any:
    """What was returned, and whether a hook was left behind."""
    return {"hooks left": left} if (left := _hooks(arguments[0])) else probabilities


@cache
def _without_cases() -> tuple[Case, ...]:
    return tuple(_case(_ours("without_channels"), (_network(), name, channels, _images()), _seen_without,
                       f"without_channels(a small network, {name!r}, {channels}, images)")
                 for name, channels in (("first", [1, 3]), ("second", [0])))


def _without(axis: int = 1, keep: bool = False, remove: bool = True, give: bool = True, sigmoid: bool = True,
             value: float = 0.0, first: bool = False) -> Callable[..., Any]:
    """A mistaken `without_channels`."""
    def without_channels(network: nn.Module, name: str, channels: Sequence[int], images: Tensor) -> Tensor:
        import torch

        def silence(block: Any, inputs: Any, output: Tensor) -> Tensor | None:
            chosen = [channel for channel in range(output.shape[1]) if (channel in channels) != keep]
            chosen = chosen[:1] if first else chosen
            output = output.clone()
            if axis == 1:
                output[:, chosen] = value
            else:
                output[:, :, chosen] = value
            return output if give else None
        handle = network.get_submodule(name).register_forward_hook(silence)
        with torch.no_grad():
            logits = network(images)
        if remove:
            handle.remove()
        return torch.sigmoid(logits) if sigmoid else logits
    return without_channels


without_channels = FunctionExercise(
    question="without_channels(without_channels): write without_channels(network, name, channels, images).",
    signature="without_channels(network, name, channels, images)",
    cases=_without_cases,
    observe=_seen_without,
    ours=lambda: _ours("without_channels"),
    insight="That is ablation: take a part away, and see what the rest does without it.",
    misconceptions=(
        Misconception(_without(give=False), "Nothing has changed: the block's output is replaced only by what your "
                                            "hook *returns*."),
        Misconception(_without(remove=False), "Your hook stays in the network, which is silenced for ever. "
                                              "`handle.remove()`."),
        Misconception(_without(axis=2), "You silence rows. Channels are axis 1: `output[:, channels]`."),
        Misconception(_without(keep=True), "You keep these channels and silence all others."),
        Misconception(_without(first=True), "Only one channel is silenced. `channels` may hold several."),
        Misconception(_without(sigmoid=False), "Those are logits. Return probabilities: `torch.sigmoid`."),
    ),
    fallback_hint="A hook that copies output, sets output[:, channels] = 0 and returns it; a pass; remove; sigmoid.",
)
