"""Predictions for augmented slices: by a stand-in whose prediction for any image is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from unet_lib.core.errors import SettingsError
from unet_lib.data.augmentation import AugmentationConfig
from unet_lib.inference.predictor import Predictor
from unet_lib.inference.test_time_augmentation import GENTLE, tta_probabilities

NONE = AugmentationConfig(flip=0, rotation=0, scale=0, shift=0, gain=0, offset=0, gamma=0, noise=0, copy_flair=0)
STATISTICS = np.array([[60.0, 70.0, 80.0], [20.0, 25.0, 30.0]], np.float32)


class Bright(Predictor):
    """Takes FLAIR's grey level for the probability, pixel by pixel; and remembers what it was shown."""

    def __init__(self):
        super().__init__(torch.nn.Identity(), {})
        object.__setattr__(self, "shown", [])

    def probabilities(self, images, statistics):
        self.shown.append(images)
        return images[..., 1].astype(np.float32) / 255


class Left(Bright):
    """Sees tumour in the left half of the image, whatever is in it."""

    def probabilities(self, images, statistics):
        return np.broadcast_to(np.arange(256) < 128, images.shape[:3]).astype(np.float32)


@pytest.fixture(scope="module")
def images():
    """Smooth blobs inside a wide black border, so that nothing is moved out of the image."""
    noise = np.random.default_rng(0).random((2, 256, 256, 3))
    smooth = gaussian_filter(noise, (0, 8, 8, 0))
    smooth = 200 * (smooth - smooth.min()) / np.ptp(smooth)
    smooth[:, :48], smooth[:, -48:], smooth[:, :, :48], smooth[:, :, -48:] = 0, 0, 0, 0
    return smooth.astype(np.uint8)


def test_without_any_change_all_predictions_are_the_same(images):
    predictions = tta_probabilities(Bright(), images, STATISTICS, count=3, augmentation=NONE)
    assert predictions.shape == (3, 2, 256, 256)
    assert np.abs(predictions - images[..., 1] / 255).max() < 0.003
    assert np.ptp(predictions, axis=0).max() == 0


def test_a_flipped_head_is_flipped_back(images):
    predictor = Bright()
    predictions = tta_probabilities(predictor, images, STATISTICS, count=1, augmentation=replace(NONE, flip=1))
    assert np.abs(predictor.shown[0].astype(int) - images[:, :, ::-1]).max() <= 1
    assert np.abs(predictions[0] - images[..., 1] / 255).max() < 0.006


def test_turns_and_shifts_are_mapped_back_onto_the_original(images):
    predictor = Bright()
    predictions = tta_probabilities(predictor, images, STATISTICS, count=6,
                                    augmentation=replace(NONE, rotation=15, shift=0.05, scale=0.1, flip=0.5))
    inside = images[..., 1] > 0
    for shown, prediction in zip(predictor.shown, predictions, strict=True):
        moved = np.abs(shown[..., 1].astype(float) - images[..., 1])[inside].mean() / 255
        left = np.abs(prediction - images[..., 1] / 255)[inside].mean()
        assert 4 * left < moved and left < 0.02  # what is left is interpolation at the frame's hard edge


def test_all_slices_of_a_patient_are_augmented_alike(images):
    predictor = Bright()
    tta_probabilities(predictor, np.stack([images[0], images[0]]), STATISTICS, count=2)
    for shown in predictor.shown:
        assert (shown[0] == shown[1]).all()
    assert (predictor.shown[0] != predictor.shown[1]).any()


def test_a_prediction_that_ignores_the_image_varies(images):
    """It does not move with the head: flipped back, it is the opposite."""
    predictions = tta_probabilities(Left(), images, STATISTICS, count=12, augmentation=replace(NONE, flip=0.5))
    assert predictions.std(axis=0).min() > 0.3
    assert tta_probabilities(Left(), images, STATISTICS, count=2, augmentation=NONE).std(axis=0).max() == 0


def test_the_same_seed_gives_the_same_predictions(images):
    one, again, other = (tta_probabilities(Bright(), images, STATISTICS, 2, GENTLE, seed) for seed in (3, 3, 4))
    assert (one == again).all() and (one != other).any()


def test_elastic_stretching_cannot_be_undone(images):
    with pytest.raises(SettingsError, match="Set elastic=0"):
        tta_probabilities(Bright(), images, STATISTICS, augmentation=replace(GENTLE, elastic=0.1))
