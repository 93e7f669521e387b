"""Losses: functions of logits and mask, in float32 whatever precision the network ran in."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, sigmoid
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]


def bce_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """Binary cross-entropy, the mean over all pixels; ≥ 0, and log 2 ≈ 0.69 for a network that knows nothing.

    Taken from logits, not from probabilities: log(sigmoid(x)) would overflow where the network is sure.
    """
    return F.binary_cross_entropy_with_logits(logits.float(), mask)


def dice_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """1 − soft Dice, in [0, 1]; pooled over the batch so that one tumour-free slice cannot dominate
    (Milletari et al. 2016, with |p| in place of p²). The added 1 keeps an empty batch at loss ≈ 0."""
    probability = sigmoid(logits.float())
    overlap = (probability * mask).sum()
    return 1 - (2 * overlap + 1) / (probability.sum() + mask.sum() + 1)


def bce_dice_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """BCE + Dice loss: BCE judges every pixel and keeps gradients alive, Dice judges the tumour as a whole."""
    return bce_loss(logits, mask) + dice_loss(logits, mask)


def focal_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """BCE in which each pixel counts by (1 − p)², p being the probability of the truth: what is already right
    hardly counts any more (Lin et al. 2017, γ = 2, without α). ≥ 0; pixel by pixel never above BCE."""
    bce = F.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
    return ((1 - torch.exp(-bce)) ** 2 * bce).mean()


def focal_dice_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """Focal loss + Dice loss."""
    return focal_loss(logits, mask) + dice_loss(logits, mask)


def tversky_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """1 − soft TP / (TP + 0.3·FP + 0.7·FN), in [0, 1], pooled like Dice loss: what is missed costs more than what
    is called tumour by mistake (Salehi et al. 2017). With 0.5 and 0.5 it would be Dice loss."""
    probability = sigmoid(logits.float())
    overlap = (probability * mask).sum()
    false, missed = probability.sum() - overlap, mask.sum() - overlap
    return 1 - (overlap + 0.5) / (overlap + 0.3 * false + 0.7 * missed + 0.5)


def bce_tversky_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """BCE + Tversky loss."""
    return bce_loss(logits, mask) + tversky_loss(logits, mask)


def slice_dice_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """1 − soft Dice slice by slice, and the mean of them, in [0, 1]: a small tumour counts as much as a large one.

    Three pixels in a thousand that agree are added to each slice, so that one with a handful of tumour pixels does not
    shout, and one without any asks for silence instead of being undefined."""
    probability = sigmoid(logits.float())
    overlap, both = (values.sum((1, 2, 3)) for values in (probability * mask, probability + mask))
    added = 0.003 * mask[:1].numel()
    return (1 - (2 * overlap + added) / (both + added)).mean()


def bce_dice_per_slice_loss(logits: Float[Tensor, "n 1 h w"], mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, ""]:
    """BCE + Dice loss, of which one half is pooled over the batch and the other taken slice by slice."""
    return bce_loss(logits, mask) + (dice_loss(logits, mask) + slice_dice_loss(logits, mask)) / 2


LOSSES: dict[str, Loss] = {
    "bce": bce_loss, "dice": dice_loss, "bce_dice": bce_dice_loss, "bce_dice_per_slice": bce_dice_per_slice_loss,
    "focal": focal_loss, "focal_dice": focal_dice_loss, "tversky": tversky_loss, "bce_tversky": bce_tversky_loss}
