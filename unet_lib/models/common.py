"""What every network needs: a mask from logits, initial weights from a seed, evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn


def to_mask(logits: Float[Tensor, "..."], threshold: float = 0.5) -> Float[Tensor, "..."]:
    """Logits to a {0, 1} mask: 1 where the probability is at least `threshold`."""
    return (torch.sigmoid(logits.float()) >= threshold).float()


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@contextmanager
def seeded_init(seed: int) -> Iterator[None]:
    """Inside the `with`, what is drawn depends on `seed` alone; afterwards torch's own random state is back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode inside the `with`; afterwards every module has its own flag back."""
    flags = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield model
    finally:
        for module, training in flags.items():
            module.training = training
