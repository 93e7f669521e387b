"""Adam's step: a mean of the gradients, a mean of their squares, and one divided by the root of the other."""

import numpy as np
from jaxtyping import Float

from unet_lib.byhand.grid import check_shape, check_whole


def adam_step(weight: Float[np.ndarray, "*shape"], gradient: Float[np.ndarray, "*shape"],
              mean: Float[np.ndarray, "*shape"], square: Float[np.ndarray, "*shape"], step: int,
              rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
              ) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Weight, mean and square after step number `step`, counted from 1; both means begin with zeros.

    mean ← β₁·mean + (1 − β₁)·gradient,   square ← β₂·square + (1 − β₂)·gradient²
    weight ← weight − rate · (mean / (1 − β₁ᵗ)) / (√(square / (1 − β₂ᵗ)) + ε)

    The divisors 1 − βᵗ correct the bias of means that began at 0. Source: Kingma & Ba 2015, algorithm 1.
    """
    check_whole("step", step, least=1)
    for name, array in (("gradient", gradient), ("mean", mean), ("square", square)):
        check_shape(name, array, weight.shape, "that of the weight")
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    length = np.sqrt(square / (1 - beta2**step)) + eps
    return weight - rate * (mean / (1 - beta1**step)) / length, mean, square
