import math
import re
import threading

import numpy as np
import pytest
import torch

from unet_lib.core.errors import DatasetError, SettingsError, ShapeError
from unet_lib.data import loader as module
from unet_lib.data.cache import open_cache
from unet_lib.data.loader import Batches, map_ahead
from unet_lib.data.preprocessing import channels, context_indices, scale_images, scale_masks


@pytest.fixture
def cache(data):
    return open_cache(data, progress=False)


def test_every_slice_comes_once_and_the_last_batch_is_kept(cache):
    batches = Batches(cache, np.arange(23), batch=4, size=32)
    sizes = [len(b.indices) for b in batches.epoch(0)]
    assert sizes == [4, 4, 4, 4, 4, 3]
    assert len(batches) == 6
    assert sorted(torch.cat([b.indices for b in batches.epoch(0)]).tolist()) == list(range(23))


def test_order_follows_from_seed_and_epoch_alone(cache):
    def order(epoch, seed=0, start=0):
        batches = Batches(cache, np.arange(23), batch=4, size=16, seed=seed)
        return torch.cat([b.indices for b in batches.epoch(epoch, start)]).tolist()

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
    indices = cache.slices_of(["TCGA_HT_0005_19990101"])
    batch = next(Batches(cache, indices, batch=3, shuffle=False).epoch())
    raw = cache.images[indices].astype(np.float32)
    head = raw[..., 1] > raw[..., 1].mean()
    twin = (raw[..., 1] - raw[..., 1][head].mean()) / raw[..., 1][head].std()
    assert np.allclose(batch.images[:, 1].numpy(), twin, atol=1e-4)
    assert np.array_equal(batch.masks[:, 0].numpy(), cache.masks[indices])


def test_scaling_averages_blocks(cache):
    half = scale_images(cache.images, np.array([4]), 128)[0]
    twin = cache.images[4].reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(half.numpy() - twin).max() <= 0.5
    mask = scale_masks(cache.masks, np.array([4]), 128)[0, 0].numpy()
    assert np.array_equal(mask, cache.masks[4].reshape(128, 2, 128, 2).mean(axis=(1, 3)) >= 0.5)


def test_context_slices_stay_within_their_patient():
    patient_of = np.array([0, 0, 0, 1, 1, 2])
    assert context_indices(patient_of, np.array([0, 2, 3, 5]), 2).tolist() == [
        [0, 0, 0, 1, 2], [0, 1, 2, 2, 2], [3, 3, 3, 4, 4], [5, 5, 5, 5, 5]]


def test_context_slices_are_further_channels_from_below_to_above(cache):
    alone = next(Batches(cache, np.arange(23), batch=23, size=32, shuffle=False).epoch())
    together = next(Batches(cache, np.arange(23), batch=23, size=32, shuffle=False, context_slices=1).epoch())
    assert together.images.shape[1] == channels(1) == 9
    context = context_indices(cache.patient_of, np.arange(23), 1)
    for k in range(3):
        assert torch.equal(together.images[:, 3 * k:3 * k + 3], alone.images[context[:, k]])
    assert torch.equal(together.masks, alone.masks)


def test_slices_without_tumour_are_thinned_out_and_sampled_anew(cache):
    tumour = set(np.flatnonzero(cache.tumour_pixels[:23] > 0))
    batches = Batches(cache, np.arange(23), batch=4, size=16, negative_fraction=0.5)
    epochs = [torch.cat([b.indices for b in batches.epoch(number)]).tolist() for number in range(6)]
    rest = round((23 - len(tumour)) / 2)
    assert all(len(epoch) == len(set(epoch)) == len(tumour) + rest == batches.slices for epoch in epochs)
    assert all(tumour <= set(epoch) for epoch in epochs)
    assert len({tuple(sorted(epoch)) for epoch in epochs}) > 1
    assert torch.cat([b.indices for b in batches.epoch(2, start=1)]).tolist() == epochs[2][4:]


def test_balanced_sampling_draws_each_patient_equally_often(cache):
    indices = np.arange(len(cache))
    tumour = cache.tumour_pixels > 0
    balanced, unbalanced = (Batches(cache, indices, batch=8, size=16, negative_fraction=0.5, patient_balance=balance)
                            for balance in (1.0, 0.0))
    epochs = [torch.cat([b.indices for b in balanced.epoch(number)]).numpy() for number in range(60)]
    assert all(tumour[epoch].sum() == tumour.sum() for epoch in epochs), "as many with tumour as there are"
    negatives = [np.sort(epoch[~tumour[epoch]]) for epoch in epochs]
    plain = torch.cat([b.indices for b in unbalanced.epoch(3)]).numpy()
    assert np.array_equal(negatives[3], np.sort(plain[~tumour[plain]])), "those without are sampled as before"
    every = np.concatenate([epoch[tumour[epoch]] for epoch in epochs])
    patients = np.unique(cache.patient_of[tumour])
    fraction = np.array([(cache.patient_of[every] == patient).mean() for patient in patients])
    assert np.abs(fraction * len(patients) - 1).max() < 0.2
    sizes = np.array([tumour[cache.patient_of == patient].sum() for patient in patients])
    assert sizes.max() > 1.5 * sizes.min(), "as they come they would differ"
    assert torch.cat([b.indices for b in balanced.epoch(2, start=1)]).tolist() == epochs[2][8:].tolist()


@pytest.mark.parametrize(("settings", "message"), [
    ({"context_slices": -1}, "expected context_slices ≥ 0, at most 20; got -1"),
    ({"context_slices": 21}, "expected context_slices ≥ 0, at most 20; got 21"),
    ({"negative_fraction": 1.5}, "0 ≤ negative_fraction ≤ 1"), ({"negative_fraction": math.nan}, "got nan and 0.0"),
    ({"patient_balance": -0.5}, "0 ≤ patient_balance ≤ 1"), ({"patient_balance": math.nan}, "got 1.0 and nan")])
def test_impossible_context_slices_and_fractions(cache, settings, message):
    with pytest.raises(ShapeError, match=message):
        Batches(cache, np.arange(3), **settings)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_impossible_seeds(cache, seed):
    with pytest.raises(SettingsError, match=f"seed from 0 to 4294967295; got {seed}"):
        Batches(cache, np.arange(3), seed=seed)


@pytest.mark.parametrize("settings", [{"negative_fraction": 0.0}, {"negative_fraction": 0.1}, {"patient_balance": 0.5},
                                      {"negative_fraction": 0.0, "patient_balance": 1.0}])
def test_settings_that_need_a_tumour_where_there_is_none(cache, settings):
    """The first slice of each patient has none. What the message offers instead works."""
    without = np.flatnonzero(cache.tumour_pixels == 0)[:3]
    with pytest.raises(DatasetError, match="got 3 slices of 3 patients, and no mask of theirs holds tumour") as told:
        Batches(cache, without, size=16, **settings)
    name, value = re.search(r"or take (\w+)=(\d)", str(told.value)).groups()
    assert Batches(cache, without, size=16, **{name: int(value)}).slices == 3


def test_no_slices_at_all(cache):
    with pytest.raises(DatasetError, match="expected slices to make batches of; got none"):
        Batches(cache, np.arange(0), size=16)


def test_a_batch_larger_than_the_set_is_the_set(cache):
    assert [len(batch.images) for batch in Batches(cache, np.arange(5), batch=10**30, size=16).epoch()] == [5]


@pytest.mark.parametrize("settings", [{"batch": 0}, {"size": 8}, {"size": 512}])
def test_impossible_settings(cache, settings):
    with pytest.raises(ShapeError, match="expected batch ≥ 1 and 16 ≤ size ≤ 256; got"):
        Batches(cache, np.arange(3), **settings)


@pytest.mark.parametrize(("size", "context_slices"), [(32, 0), (256, 0), (32, 2)])
def test_read_batch_by_batch_they_are_the_same_bits(cache, size, context_slices):
    held, read = (Batches(cache, np.arange(1, 23), batch=5, size=size, seed=3, context_slices=context_slices,
                          resident=resident) for resident in (True, False))
    assert held.resident and not read.resident and not hasattr(read, "images")
    for start in (0, 2):
        pairs = list(zip(held.epoch(1, start), read.epoch(1, start), strict=True))
        assert len(pairs) == 5 - start
        for one, two in pairs:
            assert torch.equal(one.images, two.images)
            assert torch.equal(one.masks, two.masks)
            assert torch.equal(one.indices, two.indices)


@pytest.mark.parametrize(("spare", "resident"), [(0, True), (-1, False)])
def test_a_set_is_resident_where_it_fits(cache, monkeypatch, spare, resident):
    monkeypatch.setattr(module, "data_budget", lambda device: 10 * 16 * 16 * 4 + spare)
    assert Batches(cache, np.arange(10), size=16).resident is resident


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("map_ahead")]


def test_working_ahead_gives_what_map_gives_and_never_gets_far_ahead():
    begun = []

    def square(number):
        begun.append(number)
        return number * number

    for number, value in enumerate(map_ahead(square, range(9), ahead=2)):
        assert value == number * number
        assert begun == list(range(len(begun))) and len(begun) <= number + 3
    assert begun == list(range(9))
    assert not threads()


def test_what_goes_wrong_ahead_comes_through_in_its_place():
    found = []
    with pytest.raises(ZeroDivisionError):
        for value in map_ahead(lambda number: 6 / number, [3, 2, 0, 1]):
            found.append(value)
    assert found == [2, 3]
    assert not threads()


def test_the_thread_ends_when_training_stops_in_the_middle(cache):
    epoch = Batches(cache, np.arange(23), size=16, resident=False).epoch()
    next(epoch)
    assert len(threads()) == 1
    epoch.close()
    assert not threads()
