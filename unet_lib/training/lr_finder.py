"""Which learning rate? Try them all, from tiny to huge, in one short run (Smith 2017, "range test")."""

import copy
import itertools

import numpy as np
import torch

from unet_lib.core.errors import SettingsError
from unet_lib.data.protocols import BatchSource
from unet_lib.models.unet import UNet
from unet_lib.training.loop import forward
from unet_lib.training.losses import LOSSES

SMOOTHING = 0.8     # how much of the running mean of the loss is kept from step to step
GIVE_UP = 3.0       # times the lowest loss so far


def find_rate(model: UNet, batches: BatchSource, loss: str = "bce_dice", low: float = 1e-5, high: float = 3.0,
              steps: int = 60) -> tuple[list[float], list[float]]:
    """Learning rates, each larger than the last by the same factor, and the smoothed loss after each step.

    Trains a copy, so the model stays as it is. Ends early when the loss has grown to three times its lowest
    value. Choose a rate where the curve falls steeply, well before its lowest point.
    """
    if not 0 < low < high or steps < 2:
        raise SettingsError(f"expected 0 < low < high and at least 2 steps; got low={low}, high={high}, steps={steps}.")
    trial = copy.deepcopy(model).train()
    optimiser = torch.optim.Adam(trial.parameters())
    endless = itertools.chain.from_iterable(batches.epoch(number) for number in itertools.count())
    rates: list[float] = []
    losses: list[float] = []
    for rate, batch in zip(np.geomspace(low, high, steps), endless, strict=False):
        optimiser.param_groups[0]["lr"] = float(rate)
        optimiser.zero_grad(set_to_none=True)
        value = LOSSES[loss](forward(trial, batch.images), batch.masks)
        value.backward()
        optimiser.step()
        rates.append(float(rate))
        losses.append(SMOOTHING * losses[-1] + (1 - SMOOTHING) * value.item() if losses else value.item())
        if not losses[-1] < GIVE_UP * min(losses):
            break
    return rates, losses
