"""Intensity normalisation: a patient's own mean and standard deviation of each channel become 0 and 1."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor


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


def normalise(images: UInt8[Tensor, "b c h w"], mean: Float[Tensor, "#b c"],
              deviation: Float[Tensor, "#b c"]) -> Float[Tensor, "b c h w"]:
    """(grey level − patient's mean) / patient's deviation, channel by channel.

    MRI has no absolute scale: the same tissue is 60 at one site and 110 at another.
    """
    return (images.float() - mean[:, :, None, None]) / deviation[:, :, None, None]
