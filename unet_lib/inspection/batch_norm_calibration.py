"""Batch norms that know the maps they normalise: without them, an untrained network is no fair control.

A new batch norm takes 0 for the mean and 1 for the variance of each channel. In training these running statistics
move towards those of the data, a tenth of the way a batch, so that early in training a network in evaluation mode
hardly normalises: its deep maps fade to nearly 0, whatever its weights could show.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from unet_lib.core.errors import SettingsError

Model = TypeVar("Model", bound=nn.Module)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def calibrate(network: Model, images: Float[Tensor, "n c h w"] | Iterable[Float[Tensor, "_ c h w"]]) -> Model:
    """A copy in evaluation mode whose batch norms have the statistics of these (normalised) images.

    Of several batches, each as heavy as the others, the averages of means and of variances: one pass in training mode,
    no weight changes. Give at least two images; the more, the better. Raises SettingsError where there is no batch
    norm, or no image.
    """
    batches = [images] if isinstance(images, Tensor) else images
    copy = deepcopy(network)
    update_bn(batches, copy)
    found = batch_norm_statistics(copy)
    if not found:
        raise SettingsError(f"expected a network with batch norms to calibrate; {type(network).__name__} has none, "
                            f"and needs none: its maps are as its weights make them.")
    if not all(tensor.all() for name, tensor in found.items() if name.endswith("num_batches_tracked")):
        raise SettingsError("expected images to calibrate batch norms with; got none.")
    return copy.eval()


def batch_norm_statistics(network: nn.Module) -> dict[str, Tensor]:
    """Running mean, running variance and number of batches of each batch norm, by their names in the network."""
    return {name: tensor for name, tensor in network.state_dict().items() if name.endswith(STATISTICS)}


def load_statistics(network: nn.Module, statistics: dict[str, Tensor]) -> None:
    """Put statistics in the place of the network's own. Raises ValueError, and changes nothing, if they do not fit."""
    own = batch_norm_statistics(network)
    shapes, wanted = ({name: tuple(tensor.shape) for name, tensor in some.items()} for some in (statistics, own))
    if shapes != wanted:
        odd = sorted(name for name in shapes.keys() | wanted.keys() if shapes.get(name) != wanted.get(name))
        raise ValueError(f"{odd[0]}: expected {wanted.get(odd[0], 'none')}, got {shapes.get(odd[0], 'none')}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(statistics[name])
