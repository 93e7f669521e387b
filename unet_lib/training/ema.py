"""A moving average of the weights: quieter than the last step's, and usually better."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel


def weight_average(model: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of weights: average ← d · average + (1 − d) · weights at each `update_parameters`.

    `model` itself holds the average, beginning with the weights it has; so train a copy of it.

    Batch norm's running means and variances are averaged like the weights: those of a single step belong to
    that step's weights, not to the average. Its counter of batches, a whole number, is copied.

    d is at most n / (9 + n) in the n-th update: else a training of 1000 steps would end with 37 % of its
    random start in the average of decay 0.999. Sources: Polyak & Juditsky 1992; the bound is TensorFlow's.
    """
    @torch.no_grad()
    def update(averages: PARAM_LIST, weights: PARAM_LIST, updates: Tensor | int) -> None:
        n = int(updates)
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, weights, 1 - min(decay, n / (9 + n)))
        else:
            torch._foreach_copy_(averages, weights)

    average = AveragedModel(model, multi_avg_fn=update, use_buffers=True)
    average.module = model
    average.update_parameters(model)  # the first update only copies; let it be of the initial weights
    return average
