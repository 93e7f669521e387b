"""A moving average of the weights: quieter than the last step's, and usually better."""

from itertools import chain

import torch
from torch import Tensor, nn


class MovingAverage(nn.Module):
    """The exponential moving average of weights: average ← d · average + (1 − d) · weights at each `update`.

    `module` itself holds the average, beginning with the weights it has; so train a copy of it.

    Batch norm's running means and variances are averaged like the weights: those of a single step belong to
    that step's weights, not to the average. Its counter of batches, a whole number, is copied.

    d is at most n / (9 + n) in the n-th update: else a training of 1000 steps would end with 37 % of its
    random start in the average of decay 0.999. Sources: Polyak & Juditsky 1992; the bound is TensorFlow's.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__()
        self.module, self.decay = module, decay
        # n stays on the CPU wherever the weights are: torch's AveragedModel asks the device for it at every update.
        self.n_averaged: Tensor
        self.register_buffer("n_averaged", torch.tensor(1))

    @torch.no_grad()
    def update(self, learner: nn.Module) -> None:
        """Take in the weights of `learner`, a network like `module`."""
        n = int(self.n_averaged)
        for floating in (True, False):
            averages, weights = ([value for value in chain(model.parameters(), model.buffers())
                                  if value.is_floating_point() == floating] for model in (self.module, learner))
            if floating:
                torch._foreach_lerp_(averages, weights, 1 - min(self.decay, n / (9 + n)))
            elif averages:
                torch._foreach_copy_(averages, weights)
        self.n_averaged += 1
