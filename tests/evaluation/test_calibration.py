"""Bins of probabilities: counted by hand, added up, and against draws whose probability is known."""

import numpy as np
import pytest

from unet_lib.core.errors import ShapeError
from unet_lib.evaluation.calibration import reliability


def test_six_pixels_by_hand():
    probability = np.array([[0.0, 0.19, 0.2], [0.75, 0.8, 1.0]])
    mask = np.array([[0, 1, 0], [1, 0, 1]])
    bins = reliability(probability, mask, bins=5)
    assert bins.pixels.tolist() == [2, 1, 0, 1, 2]
    assert bins.tumour.tolist() == [1, 0, 0, 1, 1]
    assert bins.confidence == pytest.approx([0.095, 0.2, np.nan, 0.75, 0.9], nan_ok=True)
    assert bins.observed_frequency == pytest.approx([0.5, 0, np.nan, 1, 0.5], nan_ok=True)
    # |sum of probabilities − tumour| a bin: 0.81, 0.2, 0, 0.25, 0.8, of six pixels; the last three bins hold three.
    assert bins.error() == pytest.approx(2.06 / 6)
    assert bins.error(least=0.4) == pytest.approx(1.05 / 3)


def test_edges_belong_to_the_bin_above():
    bins = reliability(np.arange(11) / 10, np.zeros(11))
    assert bins.pixels.tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]


def test_patients_can_be_added():
    rng = np.random.default_rng(0)
    probability, mask = rng.random((4, 3, 8, 8)).astype(np.float32), rng.random((4, 3, 8, 8)) < 0.3
    one = reliability(probability, mask)
    added = sum((reliability(p, m) for p, m in zip(probability, mask, strict=True)), start=reliability())
    assert added.pixels.tolist() == one.pixels.tolist()
    assert added.tumour.tolist() == one.tumour.tolist()
    assert added.total == pytest.approx(one.total)


def test_true_probabilities_are_calibrated_and_overconfident_ones_are_not():
    rng = np.random.default_rng(1)
    probability = rng.random(200_000)
    outcome = rng.random(200_000) < probability
    assert reliability(probability, outcome).error() < 0.01
    overconfident = np.where(probability > 0.5, 1 - (1 - probability) / 4, probability / 4)
    found = reliability(overconfident, outcome)
    assert found.error() > 0.1
    assert np.flatnonzero(found.pixels).tolist() == [0, 1, 8, 9]
    assert (found.observed_frequency > found.confidence)[:2].all()
    assert (found.observed_frequency < found.confidence)[8:].all()


def test_background_hides_the_error():
    """A thousand certain background pixels beside ten that get 0.9 and are tumour half the time."""
    probability = np.array([0.0] * 1000 + [0.9] * 10)
    bins = reliability(probability, np.array([0] * 1005 + [1] * 5))
    assert bins.error() == pytest.approx(0.4 * 10 / 1010)
    assert bins.error(least=0.1) == pytest.approx(0.4)


def test_nothing_at_all():
    assert np.isnan(reliability().error()) and np.isnan(reliability().confidence).all()
    assert np.isnan(reliability(np.zeros(3), np.zeros(3)).error(least=0.5))


def test_shapes_must_agree():
    with pytest.raises(ShapeError, match=r"one shape; got \(2, 2\) and \(4,\)\. Take both"):
        reliability(np.zeros((2, 2)), np.zeros(4))
