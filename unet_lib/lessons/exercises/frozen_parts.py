"""Our answer to lesson 08's `freeze`, made to go wrong on demand; a small network to try it on; what is compared."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import nn

from unet_lib.lessons.exercises.exercise import Case, describe, to_number


def freeze_parts(network: nn.Module, parts: Sequence[str], norms: bool = True,
                 count: Callable[[nn.Parameter], bool] = lambda weight: weight.requires_grad) -> int:
    """Freeze these parts, and with `norms` their batch norms' running statistics; how many weights still train."""
    for part in (getattr(network, name) for name in parts):
        part.requires_grad_(False)
        if norms:
            part.eval()
    return sum(weight.numel() for weight in network.parameters() if count(weight))


def small_network() -> nn.Module:
    """Four parts named as in a U-Net, in training mode; torch's random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        parts = {"stem": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), "encoder": nn.ModuleDict(
            {"1": nn.Conv2d(4, 6, 3, bias=False), "norm": nn.BatchNorm2d(6)}), "decoder": nn.Conv2d(6, 5, 1),
            "output": nn.Conv2d(5, 1, 1)}
    network = nn.Module()
    for name, part in parts.items():
        network.add_module(name, part)
    return network.train()


def seen_of_network(arguments: tuple[Any, ...], returned: Any) -> dict[str, Any] | None:
    """The number returned, and what became of the parts; None for None."""
    if returned is None:
        return None
    network, parts = arguments
    number = to_number(returned)
    trains = [name for name, part in network.named_children() if any(w.requires_grad for w in part.parameters())]
    return {"what is returned": describe(returned) if number is None else number, "parts that train": trains,
            "frozen parts in training mode": [name for name in parts if getattr(network, name).training]}


@cache
def freezing_cases() -> tuple[Case, ...]:
    """One call; made when it is first needed, as torch's modules are slow to make."""
    network, parts = small_network(), ("stem", "encoder")
    expected = seen_of_network((network, parts), freeze_parts(network, parts))
    return (Case((small_network(), parts), expected, f"freeze(network, {parts})"),)
