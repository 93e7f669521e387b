"""A patient's own threshold: the highest expected Dice, checked against all masks there are."""

from itertools import product

import numpy as np
import pytest
from torch import nn

from unet_lib.core.errors import SettingsError
from unet_lib.inference.dice_threshold import LEAST, expected_dice, optimal_dice_threshold
from unet_lib.inference.predictor import Predictor

DRAW = np.random.default_rng(0)


def exact(probabilities, mask):
    """The expected Dice of a mask, over every way in which independent voxels could turn out."""
    total = 0.0
    for truth in product((0, 1), repeat=len(probabilities)):
        chance = np.prod(np.where(truth, probabilities, 1 - probabilities))
        drawn = mask.sum() + sum(truth)
        total += chance * (2 * (mask * truth).sum() / drawn if drawn else 1)
    return total


def test_what_may_be_expected_is_a_ratio_of_means():
    assert np.allclose(expected_dice(np.array([0.9, 0.6, 0.1])), [1.8 / 2.6, 3.0 / 3.6, 3.2 / 4.6])


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_nearly_as_good_as_the_best_of_all_masks(seed):
    probabilities = np.random.default_rng(seed).beta(0.5, 0.5, 9)
    own = exact(probabilities, probabilities >= optimal_dice_threshold(probabilities))
    best = max(exact(probabilities, np.array(mask)) for mask in product((0, 1), repeat=9))
    assert own > best - 0.02


@pytest.mark.parametrize("sure", [0.99, 0.7, 0.3])
def test_the_threshold_is_half_of_the_dice_to_be_expected(sure):
    probabilities = np.append(np.full(500, sure), np.linspace(LEAST, 1, 2000) * sure)
    threshold = optimal_dice_threshold(probabilities)
    reached = expected_dice(np.sort(probabilities)[::-1]).max()
    assert threshold == pytest.approx(reached / 2, abs=0.002)


def test_the_less_a_network_is_trusted_the_lower_the_threshold():
    probabilities = np.clip(DRAW.beta(0.2, 0.2, 3000), 0, 1).astype(np.float32)
    found = [optimal_dice_threshold(probabilities, temperature) for temperature in (1, 2, 4)]
    assert found[0] > found[1] > found[2] >= LEAST


def test_ends_are_no_trouble():
    assert optimal_dice_threshold(np.zeros((2, 4, 4), np.float32)) == 0.5
    assert optimal_dice_threshold(np.array([1.0, 1.0, 0.0], np.float32), 3) == 1.0
    assert optimal_dice_threshold(np.array([0.02], np.float32)) == pytest.approx(0.02)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_a_temperature_that_makes_no_sense_is_refused(temperature):
    with pytest.raises(SettingsError, match=r"temperature above 0; got .*1 takes the network at its word"):
        optimal_dice_threshold(np.array([0.9, 0.1]), temperature)


def test_each_patient_has_their_own_but_a_slice_alone_has_not():
    sure, doubtful = (DRAW.random((3, 256, 256)).astype(np.float32) ** power for power in (1, 6))
    predictor = Predictor(nn.Identity(), {}, threshold=0.5, temperature=1.5)
    for probabilities in (sure, doubtful):
        assert np.array_equal(predictor.masks(probabilities), probabilities >= optimal_dice_threshold(probabilities, 1.5))
        assert np.array_equal(predictor.masks(probabilities[0]), probabilities[0] >= 0.5)
    assert optimal_dice_threshold(sure, 1.5) > optimal_dice_threshold(doubtful, 1.5)
