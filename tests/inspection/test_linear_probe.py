"""The linear probe, on maps that carry the tumour openly, jointly, in knots, or not at all."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import count
from unet_lib.inspection.channel_metrics import enlarge
from unet_lib.inspection.linear_probe import best_threshold, masks_of_others, probe, scattered_masks

DRAW = torch.Generator().manual_seed(0)


def squares(slices: int, side: int = 32) -> torch.Tensor:
    """A tumour of 8×8 pixels a slice, somewhere on a grid of 4, so that maps of a quarter of the size can hold it."""
    masks = torch.zeros(slices, 1, side, side)
    for mask, (row, column) in zip(masks, 4 * torch.randint(0, side // 4 - 1, (slices, 2), generator=DRAW)):
        mask[0, row:row + 8, column:column + 8] = 1
    return masks


def noise(masks: torch.Tensor, channels: int = 1) -> torch.Tensor:
    return torch.randn(len(masks), channels, *masks.shape[2:], generator=DRAW)


TRAIN, TEST = squares(6), squares(4)


def both(maps):
    """A probe of maps made from the masks and as much noise as they need."""
    return probe(maps(TRAIN), TRAIN, maps(TEST), TEST)


def test_maps_that_show_the_tumour_score_fully():
    score = both(lambda masks: torch.cat([noise(masks), 5 - 10 * masks + 0.1 * noise(masks)], dim=1))
    assert score.counts.dice() == score.average_precision == score.auc == 1
    assert score.counts.tp == TEST.sum()


def test_noise_scores_like_guessing():
    score = both(noise)
    fraction = float(TEST.mean())
    assert score.auc == pytest.approx(0.5, abs=0.05)
    assert score.average_precision == pytest.approx(fraction, abs=0.02)
    assert score.counts.dice() <= 2 * fraction / (1 + fraction) + 0.02  # as if all were called tumour


def test_what_two_channels_tell_only_together_is_found():
    def maps(masks):
        hiding = 5 * noise(masks)
        return torch.cat([masks + hiding, -hiding], dim=1)

    assert both(maps).counts.dice() > 0.99
    assert both(lambda masks: maps(masks)[:, :1]).counts.dice() < 0.3


def test_what_is_knotted_is_not_found():
    """Tumour where exactly one of two channels is bright: it is all there, but no weighted sum tells it."""

    def maps(masks):
        first = torch.randint(0, 2, masks.shape, generator=DRAW).float()
        return torch.cat([first, (first + masks) % 2], dim=1)

    assert both(maps).auc < 0.6
    assert both(lambda masks: (maps(masks).sum(1, keepdim=True) == 1).float()).auc == 1  # untied by hand


def test_a_coarse_map_pays_for_its_coarseness():
    coarse = both(lambda masks: torch.nn.functional.avg_pool2d(masks, 8))
    assert 0.7 < coarse.counts.dice() < 1
    assert coarse.auc > 0.95


def test_it_is_logistic_regression_on_the_enlarged_maps():
    """All pixels are learnt from, as half of them are tumour; the twin enlarges every map in full."""
    masks = (torch.arange(16) < 8).float().expand(5, 1, 16, 16)
    maps = torch.randn(5, 3, 8, 8, generator=DRAW) + enlarge(masks, (8, 8)) * torch.tensor([1, 0, -0.5])[:, None, None]
    maps *= torch.tensor([1, 1000, 0.01])[:, None, None]
    score = probe(maps[:3], masks[:3], maps[3:], masks[3:])
    rows = enlarge(maps, (16, 16)).movedim(1, -1).reshape(5, -1, 3).numpy()
    rows = (rows - rows[:3].mean((0, 1))) / rows[:3].std((0, 1))
    twin = LogisticRegression(max_iter=1000).fit(rows[:3].reshape(-1, 3), masks[:3].flatten().numpy())
    odds, truth = twin.decision_function(rows[3:].reshape(-1, 3)), masks[3:].flatten().numpy()
    assert score.auc == pytest.approx(roc_auc_score(truth, odds), abs=1e-4)
    assert score.average_precision == pytest.approx(average_precision_score(truth, odds), abs=1e-3)
    assert score.counts.dice() == pytest.approx(count(odds >= score.threshold, truth).dice(), abs=0.01)


def test_few_pixels_suffice_and_the_seed_decides_which():
    train, test = (torch.cat([masks + 0.5 * noise(masks), noise(masks)], dim=1) for masks in (TRAIN, TEST))
    one, same, other = (probe(train, TRAIN, test, TEST, pixels=100, seed=seed) for seed in (1, 1, 2))
    every = probe(train, TRAIN, test, TEST)
    assert one == same
    assert one.threshold != other.threshold
    assert [score.auc for score in (one, other)] == pytest.approx([every.auc, every.auc], abs=0.02)
    assert every.auc > 0.9


@pytest.mark.parametrize(("train", "test"), [(TRAIN * 0, TEST), (TRAIN, TEST * 0), (TRAIN * 0 + 1, TEST)])
def test_without_both_kinds_of_pixels_it_refuses(train, test):
    with pytest.raises(SettingsError, match="Choose slices with tumour"):
        probe(noise(train), train, noise(test), test)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12)
       .filter(lambda pairs: any(tumour for _, tumour in pairs)))
def test_the_best_threshold_is_the_best_of_all(pairs):
    scores, tumour = np.array([s for s, _ in pairs], float), np.array([t for _, t in pairs])
    best = max(count(scores >= level, tumour).dice() for level in scores)
    threshold = best_threshold(scores, tumour)
    assert count(scores >= threshold, tumour).dice() == best
    assert threshold not in scores or threshold == scores.min()  # between two scores, so that new ones have room


def test_without_tumour_the_best_threshold_is_the_highest_score():
    assert best_threshold(np.array([1.0, 3, 2]), np.zeros(3, bool)) == 2.5


def test_masks_of_others_come_from_other_patients():
    patients = ["a", "a", "b", "b", "c", "c"]
    numbered = torch.arange(6.0)[:, None, None, None].expand(6, 1, 4, 4)  # each mask tells whose it is
    drawn = [masks_of_others(numbered, patients, seed)[:, 0, 0, 0].int().tolist() for seed in range(20)]
    assert all(patients[position] != patients[own] for row in drawn for own, position in enumerate(row))
    assert len({row[0] for row in drawn}) == 4
    assert drawn[3] == masks_of_others(numbered, patients, 3)[:, 0, 0, 0].int().tolist()
    with pytest.raises(SettingsError, match="at least two patients; got 6 of one"):
        masks_of_others(numbered, ["a"] * 6)


def test_scattered_masks_keep_their_size_and_nothing_else():
    sizes = TRAIN.clone()
    sizes[0, 0, :, 0] = 1
    scattered = scattered_masks(sizes, seed=4)
    assert torch.equal(scattered.sum((1, 2, 3)), sizes.sum((1, 2, 3)))
    assert count(scattered, sizes).dice() < 0.2
    assert torch.equal(scattered, scattered_masks(sizes, seed=4))
    assert not torch.equal(scattered, scattered_masks(sizes, seed=5))


def test_against_scattered_masks_even_perfect_maps_only_guess():
    score = probe(TRAIN + 0.1 * noise(TRAIN), scattered_masks(TRAIN, 1), TEST + 0.1 * noise(TEST),
                  scattered_masks(TEST, 2))
    assert score.auc == pytest.approx(0.5, abs=0.06)
    assert score.counts.dice() < 0.2
