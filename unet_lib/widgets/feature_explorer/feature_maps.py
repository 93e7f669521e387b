"""What the feature explorer shows of one network and one slice, as plain arrays: no widget, no browser.

Maps travel as bytes. A channel's lowest value is 0 and its highest 255, so a value comes back as
low + byte·(high − low)/255, wrong by at most a 510th of the channel's range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from unet_lib.data.intensity import normalise
from unet_lib.inspection.activations import block_names, capture, find_block
from unet_lib.inspection.channel_metrics import roc_auc
from unet_lib.models.architecture import Stage
from unet_lib.models.unet import UNet

Maps = dict[str, Float[np.ndarray, "c h w"]]
MOST_SOURCES = 6
MEAN, STRONGEST = "mean", "strongest"


def look(network: UNet, planes: UInt8[np.ndarray, "3 h w"], statistics: Float[np.ndarray, "2 3"]) -> Maps:
    """One forward pass: what every stage hands on and, as `encoder.1.relu1` and so on, what it says half-way.

    `planes` are grey levels, `statistics` the patient's mean and deviation of each channel.
    """
    image = normalise(torch.as_tensor(planes)[None], torch.as_tensor(statistics))
    names = [inner for name in block_names(network) for inner in _with_inside(network, name)]
    with capture(network, names) as maps, torch.inference_mode():
        network(image)
    return {name: found[0].contiguous().numpy() for name, found in maps.items()}


def _with_inside(network: UNet, name: str) -> list[str]:
    return [f"{name}.relu1", name] if hasattr(find_block(network, name), "relu1") else [name]


class Quantised(NamedTuple):
    """Channels as bytes, each between its own `low` and `high`; a channel with one value everywhere is all 0."""

    levels: UInt8[np.ndarray, "c h w"]
    low: Float[np.ndarray, "c"]
    high: Float[np.ndarray, "c"]


def quantise(maps: Float[np.ndarray, "c h w"]) -> Quantised:
    """See the head of this file."""
    flat = maps.reshape(len(maps), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    scale = 255 / np.where(high > low, high - low, 1)
    levels = np.rint((maps - low[:, None, None]) * scale[:, None, None]).astype(np.uint8)
    return Quantised(levels, low, high)


def probability(maps: Maps) -> Float[np.ndarray, "h w"]:
    """Of tumour, from the output's logits."""
    return torch.sigmoid(torch.as_tensor(maps["output"][0])).numpy()


def energy(maps: Float[np.ndarray, "c h w"]) -> Float[np.ndarray, "c"]:
    """Mean of a channel's squared values."""
    flat = maps.reshape(len(maps), -1)
    return np.einsum("ci,ci->c", flat, flat) / flat.shape[1]


def representative(maps: Float[np.ndarray, "c h w"], kind: str) -> Float[np.ndarray, "h w"]:
    """One picture for a whole stage: the mean over its channels, or the channel with most energy."""
    return maps.mean(axis=0) if kind == MEAN else maps[int(energy(maps).argmax())]


def roc_auc_with(maps: Float[np.ndarray, "c h w"],
                   mask: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, "c"]:
    """`measures.agreement` with the mask at the maps' own size: a cell with any tumour in it counts as tumour."""
    cell = mask.shape[0] // maps.shape[1]
    coarse = mask.reshape(maps.shape[1], cell, maps.shape[2], cell).max(axis=(1, 3))
    return roc_auc(torch.as_tensor(maps)[None], torch.as_tensor(coarse)[None, None].float())


@dataclass(frozen=True)
class Source:
    """A map that a channel is made of. `stage` is empty for maps inside a double convolution.

    `kernel` are the weights with which it is read, None where it is only copied or pooled; `strength` is the sum of
    their absolute values times the root mean square of the map: how far it can move the result.
    """

    stage: str
    channel: int
    kernel: Float[np.ndarray, "k k"] | None
    strength: float
    map: Float[np.ndarray, "h w"]


def sources(network: UNet, stages: Sequence[Stage], stage: Stage, channel: int, maps: Maps) -> list[Source]:
    """The strongest maps that the channel is made of, at most MOST_SOURCES."""
    before = stages[[other.name for other in stages].index(stage.name) - 1].name
    if stage.kind == "Concat":
        skip = stage.name.replace("concat", "encoder")
        ours = len(maps[skip])
        name, place = (skip, channel) if channel < ours else (before, channel - ours)
        return [Source(name, place, None, 0.0, maps[name][place])]
    if stage.kind == "MaxPool2d":
        return [Source(before, channel, None, 0.0, maps[before][channel])]
    inside = stage.kind == "DoubleConv"
    read = maps[f"{stage.name}.relu1" if inside else before]
    kernels = _kernels(find_block(network, f"{stage.name}.conv2" if inside else stage.name), channel)
    strength = np.abs(kernels).sum(axis=(1, 2)) * np.sqrt(energy(read))
    order = np.argsort(-strength, kind="stable")[:MOST_SOURCES].tolist()
    return [Source("" if inside else before, i, kernels[i], float(strength[i]), read[i]) for i in order]


def _kernels(layer: nn.Module, channel: int) -> Float[np.ndarray, "c k k"]:
    """The weights that lead to an output channel; a transposed convolution counts its inputs first."""
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    weight = layer.weight.detach()
    return (weight[:, channel] if isinstance(layer, nn.ConvTranspose2d) else weight[channel]).float().cpu().numpy()


def fields(stages: Sequence[Stage]) -> dict[str, list[list[int]]]:
    """For each stage the first and last input row that each row of its maps can see, by the longest way.

    Rows beyond the input are padding. Columns are as rows, if the input is square. Walks back as
    `shapes.receptive_field` does, which gives the longest of these.
    """
    kinds = [stage.kind for stage in stages]
    return {stage.name: [_field(kinds[:place + 1], row) for row in range(stage.height)]
            for place, stage in enumerate(stages)}


def _field(kinds: list[str], row: int) -> list[int]:
    first = last = row
    for kind in reversed(kinds):
        if kind == "DoubleConv":
            first, last = first - 2, last + 2
        elif kind == "MaxPool2d":
            first, last = 2 * first, 2 * last + 1
        elif kind == "Up":
            first, last = first // 2, last // 2
    return [first, last]
