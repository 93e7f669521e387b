"""Network dissection: counted by hand, compared with masks drawn pixel by pixel, and blind to labels of other heads."""

import numpy as np
import pytest
import torch

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.inspection import dissection
from unet_lib.inspection.dissection import dissect, iou_curves, labels_of_others

RNG = np.random.default_rng(3)


def counted(bins, labels, tissues):
    """How many pixels of each tissue lie in each of 1024 bins."""
    return dissection._Painted.of(labels, tissues).histogram(bins.ravel(), np.bincount(bins.ravel(), minlength=1024))


def test_iou_from_counts_by_hand():
    """Six pixels: values 0 0 1 2 2 2, the first, fourth and fifth of tissue 1, the last of tissue 2."""
    pixels = counted(np.array([[[0, 0, 1, 2, 2, 2]]]), np.array([[[1, 0, 0, 1, 1, 2]]], np.uint8), 4)
    assert pixels[:, :3].tolist() == [[1, 1, 0], [1, 0, 2], [0, 0, 1], [0, 0, 0]] and not pixels[:, 3:].any()
    curves = iou_curves(pixels[:, :3])
    assert curves[1, 0] == pytest.approx([3 / 6, 2 / 5, 2 / 4])     # all six, the last four, the last three
    assert curves[1, 1] == pytest.approx([0 / 3, 1 / 4, 1 / 5])     # none, the first two, the first three
    assert curves[2, 0] == pytest.approx([1 / 6, 1 / 4, 1 / 3]) and np.isnan(curves[3]).all()


def test_every_threshold_agrees_with_masks_drawn_one_by_one():
    bins, labels = RNG.integers(0, 9, (2, 8, 8)), RNG.integers(0, 3, (2, 8, 8)).astype(np.uint8)
    curves = iou_curves(counted(bins, labels, 3)[:, :9])
    for tissue, side, threshold in np.ndindex(3, 2, 9):
        called, wanted = (bins >= threshold) ^ bool(side), labels == tissue
        assert curves[tissue, side, threshold] == pytest.approx((called & wanted).sum() / (called | wanted).sum())


def heads(patients=6, slices=3, side=32):
    """Labels: 1 lies in the left half of every head, 2 where only this slice has it; half the patients choose."""
    labels = np.zeros((patients * slices, side, side), np.uint8)
    labels[:, 4:-4, 4:side // 2] = 1
    for one in labels:
        top, left = RNG.integers(0, side - 8, 2)
        one[top:top + 8, left:left + 8] = 2
    by_patient = list(labels.reshape(patients, slices, side, side))
    once = [*labels_of_others(by_patient[:3]), *labels_of_others(by_patient[3:])]
    twice = [*labels_of_others(once[:3]), *labels_of_others(once[3:])]
    return labels, np.stack([np.concatenate(once), np.concatenate(twice)]), np.arange(len(labels)) < len(labels) // 2


@pytest.fixture(scope="module")
def found():
    labels, others, choose = heads()
    noise = RNG.normal(0, 0.3, labels.shape)
    everywhere = np.tile(labels[:1] == 1, (len(labels), 1, 1))
    maps = np.stack([5 * (labels == 2) + noise, noise / 10 - (labels == 2), everywhere + noise, noise,
                     np.zeros(labels.shape)], axis=1)
    return labels, dissect(torch.as_tensor(maps), labels, choose, others, 4)


def test_channels_are_named_after_what_they_show_bright_or_dark(found):
    _, found = found
    assert found.tissue[:2].tolist() == [2, 2] and found.brighter[:2].tolist() == [True, False]
    assert found.iou[:2] == pytest.approx([1, 1], abs=0.02) and (found.chance[:2] < 0.3).all()
    assert found.shows.tolist() == [True, True, False, False, False]


def test_a_channel_that_only_knows_where_it_is_stays_at_chance(found):
    _, found = found
    assert found.scored[0, 2, 1] > 0.5 and found.scored[0, 2, 1] == pytest.approx(found.scored[1:, 2, 1], abs=0.15)
    assert np.isnan(found.scored[:, :, 3]).all() and not (found.tissue == 3).any()


def test_false_alarms_are_channels_that_show_a_tissue_of_another_head(found):
    labels, found = found
    assert found.false_alarms == 0
    choose = np.arange(len(labels)) < len(labels) // 2
    nowhere = np.zeros_like(labels)
    nowhere[:, 0, :4] = 2
    of_another = torch.as_tensor((labels == 2).astype(float))[:, None]
    wrong = dissect(of_another, nowhere, choose, np.stack([labels, nowhere, nowhere]), 3)
    assert not wrong.shows.any() and wrong.false_alarms == pytest.approx(1 / 3)


def test_the_threshold_comes_from_the_choosing_slices_alone(found):
    labels, _ = found
    half = np.arange(len(labels)) < len(labels) // 2
    values = 2.0 * (labels == 2) + 10.0 * ~half[:, None, None]   # all of the other slices are above that threshold
    scored = dissect(torch.as_tensor(values)[:, None], labels, half, np.stack([labels] * 2), 3).scored[0, 0, 2]
    assert scored == pytest.approx((labels[~half] == 2).mean())


def test_coarse_maps_pay_for_their_coarseness():
    labels, others, choose = heads()
    fine = torch.as_tensor((labels == 2).astype(float))[:, None]
    coarse = torch.nn.functional.avg_pool2d(fine, 8)
    scores = [dissect(maps, labels, choose, others, 3).iou[0] for maps in (fine, coarse)]
    assert scores[0] == 1 and 0.1 < scores[1] < 0.9


def test_others_labels_are_the_next_patients_at_the_same_height():
    first, second = np.arange(5).reshape(5, 1, 1).astype(np.uint8), np.array([10, 20, 30], np.uint8).reshape(3, 1, 1)
    of_first, of_second = labels_of_others([first, second])
    assert of_first.ravel().tolist() == [10, 10, 20, 30, 30] and of_second.ravel().tolist() == [0, 2, 4]
    with pytest.raises(SettingsError, match="at least two patients; got 1"):
        labels_of_others([first])


def test_what_does_not_fit():
    labels, others, choose = heads()
    with pytest.raises(ShapeError, match="for 3 slices"):
        dissect(torch.zeros(3, 1, 4, 4), labels, choose, others, 3)
    with pytest.raises(ShapeError, match="at least two others"):
        dissect(torch.zeros(18, 1, 4, 4), labels, choose, others[:1], 3)
    with pytest.raises(SettingsError, match="one kind only"):
        dissect(torch.zeros(18, 1, 4, 4), labels, choose | True, others, 3)
