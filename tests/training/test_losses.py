import math

import numpy as np
import pytest
import torch
from monai.losses import DiceLoss, FocalLoss, TverskyLoss

from unet_lib.training.losses import (
    LOSSES,
    bce_dice_loss,
    bce_dice_per_slice_loss,
    bce_loss,
    dice_loss,
    focal_loss,
    slice_dice_loss,
    tversky_loss,
)


def test_bce_by_hand():
    logits = torch.tensor([0.0, 2.0, -1.0, 0.5]).reshape(1, 1, 2, 2)
    mask = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    p = 1 / (1 + np.exp(-logits.numpy()))
    twin = -np.mean(mask.numpy() * np.log(p) + (1 - mask.numpy()) * np.log(1 - p))
    assert bce_loss(logits, mask).item() == pytest.approx(twin, rel=1e-6)


def test_a_network_that_knows_nothing_has_loss_ln_2():
    assert bce_loss(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)).item() == pytest.approx(math.log(2))


def test_bce_is_finite_where_the_network_is_sure_and_wrong():
    assert bce_loss(torch.full((1, 1, 1, 1), 500.0), torch.zeros(1, 1, 1, 1)).item() == 500


def test_dice_loss_agrees_with_monai():
    torch.manual_seed(0)
    logits, mask = torch.randn(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) > 0.7).float()
    monai = DiceLoss(sigmoid=True, batch=True, smooth_nr=1, smooth_dr=1)
    assert dice_loss(logits, mask).item() == pytest.approx(monai(logits, mask).item(), abs=1e-6)


def test_dice_loss_of_perfect_and_of_empty():
    mask = torch.zeros(1, 1, 8, 8)
    assert dice_loss(torch.full_like(mask, -40), mask).item() == pytest.approx(0, abs=1e-6)
    mask[..., :4] = 1
    assert dice_loss(80 * mask - 40, mask).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(40 - 80 * mask, mask).item() > 0.95


def test_the_sum_is_the_sum():
    logits, mask = torch.randn(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    assert bce_dice_loss(logits, mask) == bce_loss(logits, mask) + dice_loss(logits, mask)


def test_dice_slice_by_slice_agrees_with_monai():
    torch.manual_seed(0)
    logits, mask = torch.randn(3, 1, 20, 10), (torch.rand(3, 1, 20, 10) > 0.7).float()
    mask[1] = 0
    monai = DiceLoss(sigmoid=True, batch=False, smooth_nr=0.6, smooth_dr=0.6)  # 0.003 · 200 pixels
    assert slice_dice_loss(logits, mask).item() == pytest.approx(monai(logits, mask).item(), abs=1e-6)
    halves = (dice_loss(logits, mask) + slice_dice_loss(logits, mask)) / 2
    assert bce_dice_per_slice_loss(logits, mask) == pytest.approx((bce_loss(logits, mask) + halves).item())


def test_slice_by_slice_a_missed_small_tumour_costs_as_much_as_a_large_one():
    mask = torch.zeros(2, 1, 32, 32)
    mask[0, :, :16], mask[1, :, :6, :6] = 1, 1
    large, small = (torch.where(torch.arange(2).reshape(2, 1, 1, 1) == missed, -40, 80 * mask - 40)
                    for missed in (0, 1))
    assert dice_loss(large, mask) > 10 * dice_loss(small, mask)
    assert slice_dice_loss(large, mask).item() == pytest.approx(slice_dice_loss(small, mask).item(), rel=0.1)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_float32_and_have_gradients_even_from_bfloat16(name):
    logits = torch.randn(1, 1, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    loss = LOSSES[name](logits, torch.ones(1, 1, 4, 4))
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.abs().sum() > 0


def test_focal_and_tversky_loss_agree_with_monai():
    torch.manual_seed(1)
    logits, mask = 3 * torch.randn(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) > 0.7).float()
    assert focal_loss(logits, mask).item() == pytest.approx(FocalLoss(gamma=2)(logits, mask).item(), rel=1e-5)
    monai = TverskyLoss(sigmoid=True, alpha=0.3, beta=0.7, batch=True, smooth_nr=0.5, smooth_dr=0.5)
    assert tversky_loss(logits, mask).item() == pytest.approx(monai(logits, mask).item(), abs=1e-6)


def test_focal_loss_of_a_network_that_knows_nothing_is_a_quarter_of_ln_2():
    assert focal_loss(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)).item() == pytest.approx(math.log(2) / 4)


def test_tversky_loss_minds_a_missed_pixel_more_than_a_false_one():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    missed, false = mask.clone(), mask.clone()
    missed[..., 0, 0], false[..., 0, 7] = 0, 1
    assert tversky_loss(80 * missed - 40, mask) > tversky_loss(80 * false - 40, mask) > 0.005
