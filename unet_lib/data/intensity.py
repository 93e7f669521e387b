"""Intensity normalisation: in each channel of a patient, mean 0 and standard deviation 1 over the head.

    statistics = intensity_statistics(channel_histograms(images))       # the patient's, from all slices
    normalised = normalise(planes, torch.as_tensor(statistics))

MRI has no absolute scale: the same tissue is 60 at one site and 110 at another. Whatever goes into a network, in
training or later, is normalised here.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

Tensor = Any  # torch's: a folder can be read and measured without loading it


def channel_histograms(images: UInt8[np.ndarray, "... 3"]) -> Int[np.ndarray, "3 256"]:
    """How often each grey level occurs, per channel, in one slice or many."""
    return np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[-1])])


def intensity_statistics(histogram: Int[np.ndarray, "3 256"]) -> Float[np.ndarray, "2 3"]:
    """Mean and standard deviation of each channel over the head's pixels, in grey levels.

    The head is what is brighter than the plain mean of all pixels. The rest is air, and there is more air
    around a small head than around a large one. Air is rarely exactly black: in the real set the median
    patient has 57 % of its FLAIR pixels at levels 1 to 10, so "not black" would measure mostly noise.
    """
    levels = np.arange(256)
    plain = (histogram * levels).sum(axis=1, keepdims=True) / np.maximum(histogram.sum(axis=1, keepdims=True), 1)
    counts = np.where(levels > plain, histogram, 0)
    total = np.maximum(counts.sum(axis=1), 1)
    mean = (counts * levels).sum(axis=1) / total
    variance = (counts * (levels - mean[:, None]) ** 2).sum(axis=1) / total
    return np.stack([mean, np.sqrt(np.maximum(variance, 1.0))]).astype(np.float32)


def normalise(images: Shaped[Tensor, "b c h w"], statistics: Float[Tensor, "*b 2 3"]) -> Float[Tensor, "b c h w"]:
    """(grey level − patient's mean) / patient's standard deviation, channel by channel.

    `statistics` are one patient's, or those of each image's patient. The channels of context slices, three each, are
    normalised alike.
    """
    mean, std = _of_channels(statistics, images.shape[1])
    return (images.float() - mean) / std


def denormalise(images: Float[Tensor, "b c h w"], statistics: Float[Tensor, "*b 2 3"]) -> Float[Tensor, "b c h w"]:
    """Back to grey levels: the inverse of `normalise`, neither rounded nor cut."""
    mean, std = _of_channels(statistics, images.shape[1])
    return images * std + mean


def _of_channels(statistics: Float[Tensor, "*b 2 3"],
                 channels: int) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Mean and standard deviation, shaped to go with images of this many channels."""
    each = statistics.reshape(-1, 2, 3).repeat(1, 1, channels // 3)[..., None, None]
    return each[:, 0], each[:, 1]
