"""Distances between outlines: by hand, and as MONAI has them."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import distance_transform_edt, gaussian_filter

from unet_lib.evaluation.surface_distance import outline, outline_distances


def square(top, left, side=10, size=40):
    mask = np.zeros((size, size), bool)
    mask[top:top + side, left:left + side] = True
    return mask


def one(predicted, reference):
    return outline_distances(predicted[None], reference[None])


def blobs(seed, level, size=48):
    """A few smooth blobs, some at the border; fewer the higher the level, and at times none."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 4)
    return noise > level * noise.std()


def test_an_outline_by_hand():
    mask = np.array([[0, 0, 0, 0, 0],
                     [0, 1, 1, 1, 0],
                     [0, 1, 1, 1, 1],
                     [0, 1, 1, 1, 0],
                     [0, 0, 0, 0, 0]], bool)
    inside = mask & ~outline(mask)
    assert np.argwhere(inside).tolist() == [[2, 2], [2, 3]]


def test_identical_masks_are_no_distance_apart():
    found = one(square(5, 5), square(5, 5))
    assert found.hausdorff() == found.hausdorff(100) == 0
    assert found.dice() == found.dice(tolerance=0) == 1


def test_squares_three_pixels_apart():
    found = one(square(5, 8), square(5, 5))
    assert np.sort(found.predicted).tolist() == np.sort(found.reference).tolist()
    # Of the 36 pixels of each outline 14 coincide: 7 of the upper edge and 7 of the lower.
    assert found.dice(tolerance=0) == 14 / 36
    assert found.dice(tolerance=2) < found.dice(tolerance=3) == 1


def test_a_frame_inside_a_frame():
    found = one(square(10, 10, 10), square(4, 4, 22))  # 6 pixels between them on every side
    assert found.predicted.tolist() == [6.0] * 36
    assert found.hausdorff(100) == pytest.approx(6 * 2**0.5)  # from corner to corner
    assert found.dice(tolerance=5.9) == 0
    assert 0 < found.dice(tolerance=6) < 1


def test_the_farthest_twentieth_is_left_out():
    stray = square(5, 5)
    stray[35, 35] = True
    found = one(stray, square(5, 5))
    assert found.hausdorff(95) == 0
    assert found.hausdorff(100) == pytest.approx(21 * 2**0.5)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), level=st.floats(0.5, 1.5), tolerance=st.sampled_from((0.0, 1.0, 2.0, 3.5)))
def test_agrees_with_monai(seed, level, tolerance):
    predicted, reference = blobs(seed, level), blobs(seed, 0.8 * level) & ~blobs(seed + 1, 1.2)
    assume(predicted.any() and reference.any())
    found = one(predicted, reference)
    theirs = [torch.as_tensor(mask)[None, None].float() for mask in (predicted, reference)]
    for percentile in (95, 100):
        monai = compute_hausdorff_distance(*theirs, include_background=True, percentile=percentile).item()
        assert found.hausdorff(percentile) == pytest.approx(monai, abs=1e-3)  # it finds the rank in float32
    monai = compute_surface_dice(*theirs, class_thresholds=[tolerance], include_background=True).item()
    assert found.dice(tolerance) == pytest.approx(monai, abs=1e-6)


def test_distances_are_those_over_the_whole_slice_to_the_last_bit():
    predicted, reference = (np.stack([blobs(seed, level) for seed in range(40)]) for level in (0.7, 1.1))
    both = predicted.any((1, 2)) & reference.any((1, 2))
    whole = [distance_transform_edt(~outline(r))[outline(p)] for p, r in zip(predicted[both], reference[both],
                                                                             strict=True)]
    assert np.array_equal(outline_distances(predicted, reference).predicted, np.concatenate(whole))


def test_a_patients_slices_are_taken_together_and_unmatched_ones_counted():
    nothing = np.zeros((40, 40), bool)
    predicted = np.stack([square(5, 5), nothing, square(9, 9), square(5, 8), nothing])
    reference = np.stack([square(5, 5), nothing, nothing, square(5, 5), square(5, 5)])
    found = outline_distances(predicted, reference)
    assert found.unmatched == 2
    assert len(found.predicted) == len(found.reference) == 72
    alone = one(square(5, 8), square(5, 5))
    assert found.hausdorff(100) == 3
    assert found.dice(0) == pytest.approx((1 + alone.dice(0)) / 2)


def test_outlines_without_a_counterpart_may_count_as_too_far_away():
    """By hand: the outline of 10 × 10 pixels has 36; one slice found, one missed, one false alarm, one empty."""
    nothing = np.zeros((40, 40), bool)
    predicted = np.stack([square(5, 5), nothing, square(9, 9), nothing])
    reference = np.stack([square(5, 5), square(5, 5), nothing, nothing])
    found = outline_distances(predicted, reference)
    assert (found.alone, found.dice(), found.dice(alone_counts=True)) == (72, 1, 0.5)
    missed = outline_distances(nothing[None], square(5, 5)[None])
    assert np.isnan(missed.dice()) and missed.dice(alone_counts=True) == 0
    assert np.isnan(outline_distances(nothing[None], nothing[None]).dice(alone_counts=True))


@pytest.mark.parametrize("present", [(False, False), (True, False), (False, True)])
def test_without_two_outlines_there_is_no_distance(present):
    found = one(*(square(5, 5) & any_pixels for any_pixels in present))
    assert found.unmatched == any(present)
    assert np.isnan(found.hausdorff()) and np.isnan(found.dice())
    assert found.hausdorff(empty=99.0) == 99
    assert found.dice(empty=0.0) == 0


def test_no_slices_at_all():
    found = outline_distances(np.zeros((0, 8, 8), bool), np.zeros((0, 8, 8), bool))
    assert np.isnan(found.hausdorff()) and found.unmatched == 0
