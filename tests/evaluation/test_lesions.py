"""Lesions found, missed and falsely seen: drawn by hand, and as a flood fill has them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_lib.evaluation.lesions import LesionCounts, count_lesions


def boxes(*corners, side=4, shape=(6, 20, 20)):
    """Cubes with their first corner at slice, row, column."""
    mask = np.zeros(shape, bool)
    for z, y, x in corners:
        mask[z:z + side, y:y + side, x:x + side] = True
    return mask


def test_three_lesions_by_hand():
    reference = boxes((0, 0, 0), (0, 10, 10), (1, 0, 14))
    predicted = boxes((0, 1, 1), (1, 14, 0))  # the first, in part; and something where nothing is
    assert count_lesions(predicted, reference) == LesionCounts(found=1, missed=2, false_alarms=1)
    assert count_lesions(predicted, reference).lesions == 3


@pytest.mark.parametrize(("pixels", "found"), [(6, 0), (7, 1)])
def test_a_lesion_is_found_from_a_tenth_on(pixels, found):
    reference, predicted = boxes((0, 0, 0)), np.zeros((6, 20, 20), bool)  # 64 pixels
    predicted.reshape(-1)[np.flatnonzero(reference)[:pixels]] = True
    assert count_lesions(predicted, reference) == LesionCounts(found, 1 - found)


def test_parts_that_touch_at_a_corner_of_neighbouring_slices_are_one():
    touching = boxes((0, 0, 0), (3, 4, 4), side=3, shape=(6, 8, 8)) | boxes((2, 3, 3), side=1, shape=(6, 8, 8))
    assert count_lesions(touching, touching, smallest=1).lesions == 1
    apart = boxes((0, 0, 0), (3, 4, 4), side=3, shape=(6, 8, 8))
    assert count_lesions(apart, apart, smallest=1).lesions == 2


def test_what_is_too_small_counts_neither_way():
    tiny = boxes((0, 0, 0), (0, 10, 10), side=3)  # 27 pixels each
    assert count_lesions(tiny, boxes()) == count_lesions(boxes(), tiny) == LesionCounts()


def test_patients_add_up():
    assert LesionCounts(1, 2, 3) + LesionCounts(4, 5, 6) == LesionCounts(5, 7, 9)


def parts(mask):
    """Connected parts as sets of pixels, by a flood fill."""
    left, found = set(map(tuple, np.argwhere(mask).tolist())), []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            pixel = edge.pop()
            part.add(pixel)
            near = {tuple(np.add(pixel, step).tolist()) for step in product((-1, 0, 1), repeat=3)} & left
            left -= near
            edge.extend(near)
        found.append(part)
    return found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), density=st.floats(0.02, 0.2))
def test_as_by_a_flood_fill(seed, density):
    predicted, reference = np.random.default_rng(seed).random((2, 3, 8, 8)) < density
    hit = [np.mean([predicted[pixel] for pixel in part]) >= 0.1 for part in parts(reference)]
    false = [not any(reference[pixel] for pixel in part) for part in parts(predicted)]
    assert count_lesions(predicted, reference, smallest=1) == LesionCounts(
        int(sum(hit)), int(len(hit) - sum(hit)), int(sum(false)))
