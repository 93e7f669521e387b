"""Batch norms that count with the patient's own statistics: a trained network, adapted to one head without labels.

A batch norm learns the mean and the variance of each channel from the training patients. In a head unlike theirs the
channels have others, and every layer after it sees what it never saw in training. The remedy needs no mask: show the
network the slices that it is to outline, and let each batch norm use a mean and a variance between those it learnt and
those of this head (Li et al. 2016; Schneider et al. 2020; Nado et al. 2020).
"""

import copy
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unet_lib.core.errors import SettingsError


def adapt_batch_norms(network: nn.Module, images: Float[Tensor, "n c h w"], fraction: float) -> nn.Module:
    """A copy of the network, to evaluate, with batch norms adapted to these images, as they go in; `network` stays.

    `share` of the mean and variance is the images' own, in [0, 1]; the rest is what was learnt. Raises SettingsError
    for another share, or where there is no batch norm to adapt.
    """
    if not 0 <= fraction <= 1:
        raise SettingsError(f"expected a share from 0 (as learnt) to 1 (all the patient's own); got {fraction}.")
    adapted = copy.deepcopy(network).eval()
    norms = [part for part in adapted.modules() if isinstance(part, nn.BatchNorm2d)]
    if not norms:
        raise SettingsError(f"expected a network with batch norms; {type(network).__name__} has none. "
                            f"Leave its statistics as they are (own_norms=0).")
    for norm in norms:
        norm.train().momentum = fraction  # so that a forward pass moves the running statistics by this share
    with torch.no_grad():
        adapted(images)
    return adapted.eval()


def fuse_batch_norms(network: nn.Module) -> nn.Module:
    """A copy of the network, to evaluate: each batch norm is put into the convolution before it, in one sequence.

    The answers are the same but for rounding, and come sooner; `network` stays as it is. The copy's activations
    overwrite what they are given, so that no hook should look at its maps.
    """
    shorter = copy.deepcopy(network).eval()
    for part in shorter.modules():
        if isinstance(part, nn.ReLU | nn.ReLU6):
            part.inplace = True
        if isinstance(part, nn.Sequential):
            for place, (before, norm) in enumerate(pairwise(list(part))):
                if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    part[place], part[place + 1] = fuse_conv_bn_eval(before, norm), nn.Identity()
    return shorter
