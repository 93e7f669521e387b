"""The per-patient threshold: the highest expected Dice, checked against all possible masks."""

from itertools import product

import numpy as np
import pytest
from torch import nn

from unet_lib.core.errors import SettingsError
from unet_lib.inference.dice_threshold import LEAST, expected_dice, optimal_dice_threshold
from unet_lib.inference.predictor import Predictor

RNG = np.random.default_rng(0)


def exact(probabilities, mask):
    """The expected Dice of a mask, over every way in which independent voxels could turn out."""
    total = 0.0
    for truth in product((0, 1), repeat=len(probabilities)):
        probability = np.prod(np.where(truth, probabilities, 1 - probabilities))
        pixels = mask.sum() + sum(truth)
        total += probability * (2 * (mask * truth).sum() / pixels if pixels else 1)
    return total


def test_the_expected_dice_is_a_ratio_of_means():
    assert np.allclose(expected_dice(np.array([0.9, 0.6, 0.1])), [1.8 / 2.6, 3.0 / 3.6, 3.2 / 4.6])


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_nearly_as_good_as_the_best_of_all_masks(seed):
    probabilities = np.random.default_rng(seed).beta(0.5, 0.5, 9)
    chosen = exact(probabilities, probabilities >= optimal_dice_threshold(probabilities))
    best = max(exact(probabilities, np.array(mask)) for mask in product((0, 1), repeat=9))
    assert chosen > best - 0.02


@pytest.mark.parametrize("sure", [0.99, 0.7, 0.3])
def test_the_threshold_is_half_of_the_expected_dice(sure):
    probabilities = np.append(np.full(500, sure), np.linspace(LEAST, 1, 2000) * sure)
    threshold = optimal_dice_threshold(probabilities)
    reached = expected_dice(np.sort(probabilities)[::-1]).max()
    assert threshold == pytest.approx(reached / 2, abs=0.002)


def test_the_higher_the_temperature_the_lower_the_threshold():
    probabilities = np.clip(RNG.beta(0.2, 0.2, 3000), 0, 1).astype(np.float32)
    found = [optimal_dice_threshold(probabilities, temperature) for temperature in (1, 2, 4)]
    assert found[0] > found[1] > found[2] >= LEAST


def test_all_0_all_1_and_a_single_voxel():
    assert optimal_dice_threshold(np.zeros((2, 4, 4), np.float32)) == 0.5
    assert optimal_dice_threshold(np.array([1.0, 1.0, 0.0], np.float32), 3) == 1.0
    assert optimal_dice_threshold(np.array([0.02], np.float32)) == pytest.approx(0.02)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_impossible_temperatures_are_refused(temperature):
    with pytest.raises(SettingsError, match=r"temperature above 0; got .*1 takes the probabilities as they are"):
        optimal_dice_threshold(np.array([0.9, 0.1]), temperature)


def test_each_patient_has_a_threshold_of_their_own_but_a_single_slice_has_not():
    sure, unsure = (RNG.random((3, 256, 256)).astype(np.float32) ** power for power in (1, 6))
    predictor = Predictor(nn.Identity(), {}, threshold=0.5, temperature=1.5)
    for probabilities in (sure, unsure):
        threshold = optimal_dice_threshold(probabilities, 1.5)
        assert np.array_equal(predictor.masks(probabilities), probabilities >= threshold)
        assert np.array_equal(predictor.masks(probabilities[0]), probabilities[0] >= 0.5)
    assert optimal_dice_threshold(sure, 1.5) > optimal_dice_threshold(unsure, 1.5)
