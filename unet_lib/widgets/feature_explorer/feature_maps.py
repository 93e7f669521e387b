"""What the feature explorer shows of one network and one slice, as plain arrays: no widget, no browser.

Maps travel as bytes. A channel's lowest value is 0 and its highest 255, so a value comes back as
low + byte·(high − low)/255, wrong by at most a 510th of the channel's range.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from unet_lib.data.intensity import normalise
from unet_lib.data.slice_files import CHANNELS
from unet_lib.inspection.activations import block_names, capture, find_block
from unet_lib.inspection.channel_metrics import roc_auc
from unet_lib.models.architecture import Stage
from unet_lib.models.blocks import DoubleConv
from unet_lib.models.efficientnet_unet import InvertedResidual
from unet_lib.models.receptive_field import LayerGeometry, rows_seen
from unet_lib.models.registry import Network

Maps = dict[str, Float[np.ndarray, "c h w"]]
MOST_SOURCES = 6
MEAN, STRONGEST = "mean", "strongest"
INPUT = "input"
"""The name of the image among the maps; it is no stage."""


def look(network: Network, planes: UInt8[np.ndarray, "3 h w"], statistics: Float[np.ndarray, "2 3"]) -> Maps:
    """One forward pass: the normalised image (`input`), what every stage hands on and, as `encoder.1.relu1` and so
    on, the maps inside that its last layer reads.

    `planes` are grey levels, `statistics` the patient's mean and standard deviation of each channel. Channels lie
    innermost in memory (PyTorch's channels_last), because CPUs convolve faster so; shapes are as ever.
    """
    device = next(network.parameters()).device
    image = normalise(torch.as_tensor(planes)[None].to(device), torch.as_tensor(statistics).to(device))
    image = image.contiguous(memory_format=torch.channels_last)
    names: list[str] = []
    for before, name in pairwise((INPUT, *block_names(network))):
        layer = last_layer(network, name, before)
        names += [*({layer.adds, layer.reads} - {before, ""}), name]
    with capture(network, names, copies=False) as maps, torch.inference_mode():
        network(image)
    return {name: found[0].cpu().numpy() for name, found in ({INPUT: image} | maps).items()}


class LastLayer(NamedTuple):
    """The layer that makes a stage's channels, the maps that it reads, and those that are added to its result, if any.

    All are paths in the network; `after` says in words what made the maps that it reads inside the stage.
    """

    path: str
    reads: str
    after: str = ""
    adds: str = ""


def last_layer(network: Network, name: str, before: str) -> LastLayer:
    """Of the stage at this path, which takes in what `before` hands on."""
    block = find_block(network, name)
    if isinstance(block, DoubleConv):
        return LastLayer(f"{name}.conv2", f"{name}.relu1", "the first convolution")
    if isinstance(block, InvertedResidual):
        body = f"{name}.body"
        return LastLayer(f"{body}.project.conv", f"{body}.depthwise.relu6", "the depthwise convolution",
                         before if block.adds else "")
    if not isinstance(block, nn.Sequential):
        return LastLayer(name, before)
    if not isinstance(block[-1], InvertedResidual):
        return LastLayer(f"{name}.conv", before)
    last = len(block) - 1
    return last_layer(network, f"{name}.{last}", f"{name}.{last - 1}" if last else before)


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


def roc_auc_with(maps: Float[np.ndarray, "c h w"], mask: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, "c"]:
    """ROC AUC with the mask at the maps' own size: a cell with any tumour in it counts as tumour."""
    cell = mask.shape[0] // maps.shape[1]
    coarse = mask.reshape(maps.shape[1], cell, maps.shape[2], cell).max(axis=(1, 3))
    return roc_auc(torch.as_tensor(maps)[None], torch.as_tensor(coarse)[None, None].float())


@dataclass(frozen=True)
class Source:
    """A map that a channel is made of: a channel of another stage, of the image, or inside the stage itself.

    `stage` is empty for what is no stage's; `label` says in any case what it is, and `title` at more length. `kernel`
    are the weights with which it is read, None where it is only copied, pooled or added; `strength` is the sum of
    their absolute values times the root mean square of the map: how far it can move the result.
    """

    stage: str
    channel: int
    label: str
    title: str
    map: Float[np.ndarray, "h w"]
    kernel: Float[np.ndarray, "k k"] | None = None
    strength: float = 0.0


def sources(network: Network, stages: Sequence[Stage], stage: Stage, channel: int, maps: Maps) -> list[Source]:
    """The strongest maps that the channel is made of, at most MOST_SOURCES; after them the one that is added to it.

    A stage of several layers is made of what its last layer reads.
    """
    position = [other.name for other in stages].index(stage.name)
    before = stages[position - 1].name if position else INPUT
    if stage.kind == "Concat":
        skip = stage.name.replace("concat", "encoder")
        ours = len(maps[skip])
        return [_handed_on(skip, channel, maps) if channel < ours else _handed_on(before, channel - ours, maps)]
    if stage.kind in ("MaxPool2d", "Upsample"):
        return [_handed_on(before, channel, maps)]
    layer = last_layer(network, stage.name, before)
    read = maps[layer.reads]
    kernels = _kernels(find_block(network, layer.path), channel)
    strength = np.abs(kernels).sum(axis=(1, 2)) * np.sqrt(energy(read))
    found = []
    for i in np.argsort(-strength, kind="stable")[:MOST_SOURCES].tolist():
        one = _handed_on(before, i, maps) if layer.reads == before else (
            Source("", i, f"inside, channel {i}", f"channel {i} after {layer.after} of {stage.name}", read[i]))
        found.append(replace(one, kernel=kernels[i], strength=float(strength[i])))
    if layer.adds:
        added = _handed_on(before, channel, maps) if layer.adds == before else (
            Source("", channel, f"inside, channel {channel}",
                   f"channel {channel} of the block before the last one of {stage.name}", maps[layer.adds][channel]))
        found.append(replace(added, label=f"added: {added.label}", title=f"added: {added.title}"))
    return found


def _handed_on(name: str, channel: int, maps: Maps) -> Source:
    """A channel of a stage, or of the image."""
    if name == INPUT:
        label = f"input, {CHANNELS[channel]}"
        return Source("", channel, label, label, maps[name][channel])
    label = f"{name}, channel {channel}"
    return Source(name, channel, label, label, maps[name][channel])


def _kernels(layer: nn.Module, channel: int) -> Float[np.ndarray, "c k k"]:
    """The weights that lead to an output channel; a transposed convolution counts its inputs first."""
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    weight = layer.weight.detach()
    return (weight[:, channel] if isinstance(layer, nn.ConvTranspose2d) else weight[channel]).float().cpu().numpy()


def fields(stages: Sequence[Stage]) -> dict[str, list[list[int]]]:
    """For each stage the first and last input row that each row of its maps can see, by the longest way.

    Rows beyond the input are padding. Columns are as rows, if the input is square.
    """
    way: list[LayerGeometry] = []
    found = {}
    for stage in stages:
        way += stage.layers
        found[stage.name] = np.stack(rows_seen(way, np.arange(stage.height)), axis=1).tolist()
    return found
