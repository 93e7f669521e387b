"""Intensity normalisation: whose pixels count, and that it can be undone."""

import numpy as np
import torch

from unet_lib.data.intensity import channel_histograms, denormalise, intensity_statistics, normalise


def test_statistics_ignore_the_air_around_the_head():
    image = np.full((1, 4, 4, 3), 3, np.uint8)  # air is noisy, not black
    image[0, 0, 0] = 100
    image[0, 0, 1] = 140
    mean, std = intensity_statistics(channel_histograms(image))
    assert mean.tolist() == [120, 120, 120]
    assert std.tolist() == [20, 20, 20]


def test_statistics_of_a_black_image_are_finite():
    mean, std = intensity_statistics(channel_histograms(np.zeros((1, 4, 4, 3), np.uint8)))
    assert mean.tolist() == [0, 0, 0]
    assert (std > 0).all()


def test_normalising_can_be_undone_and_context_slices_are_normalised_alike():
    images = torch.randint(0, 256, (4, 9, 8, 8), generator=torch.Generator().manual_seed(0)).float()
    statistics = torch.tensor([[50.0, 60, 70], [10, 20, 30]]).repeat(4, 1, 1)
    normalised = normalise(images, statistics)
    assert torch.allclose(normalised[:, 4], (images[:, 4] - 60) / 20)
    assert torch.allclose(normalised[:, 3:6], normalise(images[:, 3:6], statistics[0]))
    assert torch.allclose(denormalise(normalised, statistics), images, atol=1e-4)
