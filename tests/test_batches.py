import numpy as np
import pytest
import torch

from unet_lib.batches import Batches, scale_images, scale_masks
from unet_lib.dataset import open_cache
from unet_lib.errors import ShapeError


@pytest.fixture
def cache(data):
    return open_cache(data, progress=False)


def test_every_slice_comes_once_and_the_last_batch_is_kept(cache):
    batches = Batches(cache, np.arange(23), batch=4, size=32)
    sizes = [len(b.places) for b in batches.epoch(0)]
    assert sizes == [4, 4, 4, 4, 4, 3]
    assert len(batches) == 6
    assert sorted(torch.cat([b.places for b in batches.epoch(0)]).tolist()) == list(range(23))


def test_order_follows_from_seed_and_epoch_alone(cache):
    def order(epoch, seed=0, start=0):
        batches = Batches(cache, np.arange(23), batch=4, size=16, seed=seed)
        return torch.cat([b.places for b in batches.epoch(epoch, start)]).tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != order(0, seed=1)
    assert order(3, start=2) == order(3)[8:]


def test_shuffling_leaves_the_global_random_state_alone(cache):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    list(Batches(cache, np.arange(23), size=16).epoch(0))
    assert torch.rand(1) == expected


def test_images_are_normalised_with_the_patients_own_statistics(cache):
    places = cache.slices_of(["TCGA_HT_0005_19990101"])
    batch = next(Batches(cache, places, batch=3, shuffle=False).epoch())
    raw = cache.images[places].astype(np.float32)
    head = raw[..., 1] > raw[..., 1].mean()
    twin = (raw[..., 1] - raw[..., 1][head].mean()) / raw[..., 1][head].std()
    assert np.allclose(batch.images[:, 1].numpy(), twin, atol=1e-4)
    assert np.array_equal(batch.masks[:, 0].numpy(), cache.masks[places])


def test_scaling_averages_blocks(cache):
    half = scale_images(cache.images, np.array([4]), 128)[0]
    twin = cache.images[4].reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(half.numpy() - twin).max() <= 0.5
    mask = scale_masks(cache.masks, np.array([4]), 128)[0, 0].numpy()
    assert np.array_equal(mask, cache.masks[4].reshape(128, 2, 128, 2).mean(axis=(1, 3)) >= 0.5)


@pytest.mark.parametrize("settings", [{"batch": 0}, {"size": 8}, {"size": 512}])
def test_impossible_settings(cache, settings):
    with pytest.raises(ShapeError, match="expected batch ≥ 1 and 16 ≤ size ≤ 256; got"):
        Batches(cache, np.arange(3), **settings)
