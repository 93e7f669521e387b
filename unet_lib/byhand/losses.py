"""The two losses by hand, from logits, and their gradients with respect to the logits."""

import numpy as np
from jaxtyping import Float

from unet_lib.byhand.grid import check_shape
from unet_lib.byhand.layers import sigmoid, sigmoid_backward


def bce(logits: Float[np.ndarray, "*shape"], mask: Float[np.ndarray, "*shape"]) -> np.floating:
    """Binary cross-entropy, −mean(m·log p + (1 − m)·log(1 − p)) with p = sigmoid(logits); ≥ 0.

    Written as mean(max(x, 0) − x·m + log(1 + e⁻|x|)), the same number: no logarithm of 0 where the network is sure.
    """
    check_shape("mask", mask, logits.shape, "that of the logits")
    return np.mean(np.maximum(logits, 0) - logits * mask + np.log1p(np.exp(-np.abs(logits))))


def bce_backward(logits: Float[np.ndarray, "*shape"], mask: Float[np.ndarray, "*shape"],
                 ) -> Float[np.ndarray, "*shape"]:
    """(p − m) / N: each of the N pixels contributes how far its probability is from the mask."""
    check_shape("mask", mask, logits.shape, "that of the logits")
    return (sigmoid(logits) - mask) / logits.size


def soft_dice(logits: Float[np.ndarray, "*shape"], mask: Float[np.ndarray, "*shape"],
              smooth: float = 1.0) -> np.floating:
    """The soft Dice *loss*, 1 − (2·Σ p·m + s) / (Σ p + Σ m + s), in [0, 1]: 0 where p and mask agree entirely.

    The sums run over the whole batch; s = `smooth` keeps an empty batch at loss ≈ 0. The same as
    `unet_lib.training.losses.dice_loss` (Milletari et al. 2016, with |p| in place of p²).
    """
    dice, _ = _dice(sigmoid(logits), mask, smooth)
    return 1 - dice


def soft_dice_backward(logits: Float[np.ndarray, "*shape"], mask: Float[np.ndarray, "*shape"],
                       smooth: float = 1.0) -> Float[np.ndarray, "*shape"]:
    """Gradient of the loss `soft_dice`: (D − 2m) / (Σ p + Σ m + s) for each p, by the quotient rule, then the sigmoid.

    D is the Dice coefficient itself, so every pixel's gradient depends on all the others.
    """
    probability = sigmoid(logits)
    dice, total = _dice(probability, mask, smooth)
    return sigmoid_backward((dice - 2 * mask) / total, probability)


def bce_dice(logits: Float[np.ndarray, "*shape"], mask: Float[np.ndarray, "*shape"]) -> np.floating:
    """The sum of both, with smooth = 1: the loss that the school project trained with; ≥ 0."""
    return bce(logits, mask) + soft_dice(logits, mask)


def bce_dice_backward(logits: Float[np.ndarray, "*shape"],
                      mask: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The gradients of both, added: (p − m)/N + p·(1 − p)·(D − 2m)/S with S = Σ p + Σ m + 1."""
    return bce_backward(logits, mask) + soft_dice_backward(logits, mask)


def _dice(probability: Float[np.ndarray, "*shape"], mask: Float[np.ndarray, "*shape"],
          smooth: float) -> tuple[np.floating, np.floating]:
    """The soft Dice coefficient, and its denominator."""
    check_shape("mask", mask, probability.shape, "that of the logits")
    total = probability.sum() + mask.sum() + smooth
    return (2 * (probability * mask).sum() + smooth) / total, total
