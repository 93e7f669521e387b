"""Edited slices: only what should change does, and it looks like what it imitates."""

import numpy as np
import pytest

from unet_lib.core.errors import SettingsError
from unet_lib.inspection.recolouring import compact_part, inner_part, recolour

DRAW = np.random.default_rng(5)
IMAGES = DRAW.integers(0, 100, (2, 40, 40, 3), np.uint8)
WHERE, LIKE = np.zeros((2, 2, 40, 40), bool)
WHERE[:, 5:25, 5:25], LIKE[0, 30:, :] = True, True
IMAGES[LIKE] = DRAW.integers(150, 200, (400, 1)).repeat(3, axis=1) + np.array([0, 10, 20])


def test_only_these_pixels_of_these_channels_change_and_look_like_the_others():
    before = IMAGES.copy()
    changed = recolour(IMAGES, WHERE, LIKE)
    assert np.array_equal(IMAGES, before)
    assert np.array_equal(changed[..., [0, 2]], IMAGES[..., [0, 2]])
    assert np.array_equal(changed[~WHERE], IMAGES[~WHERE])
    new, source = changed[WHERE][:, 1], IMAGES[LIKE][:, 1]
    assert set(new.tolist()) <= set(source.tolist())
    assert new.mean() == pytest.approx(source.mean(), abs=1.5) and new.std() == pytest.approx(source.std(), abs=1)
    assert not np.array_equal(changed, recolour(IMAGES, WHERE, LIKE, seed=1))


def test_channels_that_change_together_keep_their_relation():
    new = recolour(IMAGES, WHERE, LIKE, channels=(0, 1, 2))[WHERE].astype(int)
    assert np.array_equal(new[:, 1] - new[:, 0], np.full(800, 10)) and (new[:, 2] - new[:, 1] == 10).all()


def test_nothing_to_imitate_is_refused():
    with pytest.raises(SettingsError, match="pixels to imitate; got none"):
        recolour(IMAGES, WHERE, LIKE & False)


def test_the_inner_part_keeps_off_the_border():
    square = np.zeros((2, 12, 12), bool)
    square[0, 1:11, 1:11] = True                # 100 pixels; 36 lie two or more pixels inside
    expected = np.zeros((12, 12), bool)
    expected[3:9, 3:9] = True
    assert np.array_equal(inner_part(square, 0.36), np.stack([expected, square[1]]))


def test_the_compact_part_lies_around_the_deepest_point():
    region = np.zeros((3, 15, 15), bool)
    region[0, 1:12, 3:14], region[1, 0, :4] = True, True
    one, few, none = compact_part(region, [5, 9, 3])
    assert sorted(zip(*(axis.tolist() for axis in np.nonzero(one)), strict=True)) == [
        (5, 8), (6, 7), (6, 8), (6, 9), (7, 8)]
    assert np.array_equal(few, region[1]) and not none.any()
