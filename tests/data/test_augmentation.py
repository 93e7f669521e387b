from dataclasses import replace

import pytest
import torch
from squares import Squares

from unet_lib.data.augmentation import AugmentationConfig, Augmented, apply, sample_params
from unet_lib.data.slice_files import FLAIR

NONE = AugmentationConfig(flip=0, rotation=0, scale=0, shift=0, gain=0, offset=0, gamma=0, noise=0, copy_flair=0)


@pytest.fixture
def batch():
    return next(Squares(count=8, batch=8).epoch())


def test_no_augmentation_changes_nothing(batch):
    images, masks = apply(sample_params(8, NONE, 0), batch.images, batch.masks)
    assert torch.allclose(images, batch.images, atol=1e-5)
    assert torch.equal(masks, batch.masks)


def test_a_sure_flip_is_torchs_flip(batch):
    images, masks = apply(sample_params(8, replace(NONE, flip=1), 0), batch.images, batch.masks)
    assert torch.allclose(images, batch.images.flip(-1), atol=1e-5)
    assert torch.equal(masks, batch.masks.flip(-1))


def test_image_and_mask_move_together():
    mask = torch.zeros(16, 1, 64, 64)
    mask[:, :, 20:40, 24:50] = 1
    params = sample_params(16, replace(NONE, flip=0.5, rotation=30, scale=0.2, shift=0.1), 1)
    moved, masks = apply(params, mask.repeat(1, 3, 1, 1), mask)
    assert set(masks.unique().tolist()) == {0, 1}
    assert torch.equal((moved[:, 1:2] >= 0.5).float(), masks)
    assert not torch.equal(masks, mask)


def test_a_turn_keeps_the_area_and_a_scale_changes_it():
    mask = torch.zeros(32, 1, 64, 64)
    mask[:, :, 24:40, 24:40] = 1
    _, turned = apply(sample_params(32, replace(NONE, rotation=45), 2), mask.repeat(1, 3, 1, 1), mask)
    assert turned.sum((1, 2, 3)).numpy() == pytest.approx(256, rel=0.06)
    _, scaled = apply(sample_params(32, replace(NONE, scale=0.5), 2), mask.repeat(1, 3, 1, 1), mask)
    sides = scaled.sum((1, 2, 3)).sqrt()
    assert 16 / 1.5 - 1 <= sides.min() < 13 and 19 < sides.max() <= 16 * 1.5 + 1


def test_a_missing_sequence_becomes_flair_and_flair_stays(batch):
    images, _ = apply(sample_params(8, replace(NONE, copy_flair=1), 0), batch.images, batch.masks)
    assert torch.allclose(images[:, FLAIR], batch.images[:, FLAIR], atol=1e-5)
    copied = [tuple(torch.allclose(images[i, c], batch.images[i, FLAIR], atol=1e-5) for c in (0, 2)) for i in range(8)]
    assert set(copied) == {(True, False), (False, True), (True, True)}


def test_the_sample_can_be_replayed_and_inputs_stay(batch):
    before = batch.images.clone()
    one, two = (apply(sample_params(8, AugmentationConfig(), 5), batch.images, batch.masks)[0] for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(batch.images, before)
    assert not torch.equal(one, apply(sample_params(8, AugmentationConfig(), 6), batch.images, batch.masks)[0])


def test_epochs_differ_and_a_resumed_epoch_is_the_same():
    source = Augmented(Squares(), seed=3)
    first = [b.images for b in source.epoch(0)]
    assert len(first) == len(source) == 3
    assert all(torch.equal(a, b.images) for a, b in zip(first[1:], source.epoch(0, start=1), strict=True))
    assert not torch.equal(first[0].sort().values, next(source.epoch(1)).images.sort().values)


def test_values_stay_finite_and_of_their_size(batch):
    images, _ = apply(sample_params(8, AugmentationConfig(), 9), batch.images, batch.masks)
    assert torch.isfinite(images).all()
    assert images.std() == pytest.approx(batch.images.std().item(), rel=0.5)


def test_the_global_random_state_is_left_alone(batch):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    apply(sample_params(8, AugmentationConfig(), 0), batch.images, batch.masks)
    assert torch.equal(torch.get_rng_state(), before)


def test_context_slices_are_augmented_alike(batch):
    params = sample_params(8, AugmentationConfig(noise=0, elastic=0.05), 3)
    alone, masks = apply(params, batch.images, batch.masks)
    together, same = apply(params, batch.images.repeat(1, 3, 1, 1), batch.masks)
    assert torch.equal(together, alone.repeat(1, 3, 1, 1))
    assert torch.equal(masks, same)


def test_an_elastic_grid_moves_image_and_mask_alike_and_no_further_than_set():
    across = torch.linspace(-1, 1, 64).expand(4, 3, 64, 64)  # an image whose grey level tells the column
    mask = (across[:, :1] > 0).float()
    stretched, masks = apply(sample_params(4, replace(NONE, elastic=0.04), 1), across, mask)
    moved = (stretched - across)[:, 0, 8:-8, 8:-8].abs().amax((1, 2)) / 2  # in parts of the width
    assert (moved > 0.005).all() and (moved < 0.06).all()  # between knots a bicubic curve may swing a little further
    assert not torch.equal(masks, mask)
    inner, moved_mask = stretched[:, :1, 8:-8, 8:-8], masks[:, :, 8:-8, 8:-8]
    clear = inner.abs() > 0.05
    assert torch.equal((inner > 0)[clear], moved_mask.bool()[clear])
