"""Test-time batch-norm adaptation: a trained network adapts to one patient, without labels.

A batch norm learns the mean and the variance of each channel from the training patients. In a head unlike theirs the
channels have others, and every later layer sees what it never saw in training. The remedy needs no mask: show the
network the slices to be segmented, and let each batch norm use a mean and a variance between those it learnt and
those of this head (Li et al. 2016; Schneider et al. 2020; Nado et al. 2020).
"""

import copy
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unet_lib.core.errors import SettingsError
from unet_lib.inference.split_decoder import SplitConv, sharing_copy

ACTIVATIONS = (nn.ReLU, nn.ReLU6)


def adapt_batch_norms(network: nn.Module, images: Float[Tensor, "n c h w"], fraction: float) -> nn.Module:
    """A copy of the network in evaluation mode, its batch norms adapted to these (normalised) images; `network` stays.
    The copy has statistics of its own and shares its weights with `network`.

    `fraction`, in [0, 1], of mean and variance is the images' own; the rest is what was learnt. Raises SettingsError
    for another fraction, or where there is no batch norm to adapt.
    """
    if not 0 <= fraction <= 1:
        raise SettingsError(f"expected a fraction from 0 (as learnt) to 1 (all the patient's own); got {fraction}.")
    adapted = copy.deepcopy(network, {id(weights): weights for weights in network.parameters()}).eval()
    norms = [part for part in adapted.modules() if isinstance(part, nn.BatchNorm2d)]
    if not norms:
        raise SettingsError(f"expected a network with batch norms; {type(network).__name__} has none. "
                            f"Set batch_norm_adaptation=0.")
    for norm in norms:
        norm.train().momentum = fraction  # so that a forward pass moves the running statistics by this fraction
    activations = [part for part in adapted.modules() if isinstance(part, ACTIVATIONS) and not part.inplace]
    for part in activations:  # batch norm keeps nothing of what they overwrite
        part.inplace = True
    with torch.no_grad():
        adapted(images)
    for part in activations:
        part.inplace = False
    return adapted.eval()


def fuse_batch_norms(network: nn.Module) -> nn.Module:
    """A copy of the network in evaluation mode, each batch norm fused into the convolution before it in a Sequential.

    The outputs are the same but for rounding, and come sooner; `network` stays as it is. The copy's activations
    overwrite their inputs, so no hook should look at its maps.
    """
    fused = sharing_copy(network).eval()
    for part in fused.modules():
        if isinstance(part, ACTIVATIONS):
            part.inplace = True
        if isinstance(part, nn.Sequential):
            for index, (before, norm) in enumerate(pairwise(list(part))):
                if not isinstance(norm, nn.BatchNorm2d):
                    continue
                if isinstance(before, nn.Conv2d):
                    part[index], part[index + 1] = fuse_conv_bn_eval(before, norm), nn.Identity()
                elif isinstance(before, SplitConv):
                    part[index], part[index + 1] = before.fused(norm), nn.Identity()
    return fused
