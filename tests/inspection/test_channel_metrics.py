"""Measures of feature maps: hand-counted, by another library, and on waves whose length is known."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from unet_lib.inspection.channel_metrics import (
    duplicates,
    enlarge,
    high_frequency_fraction,
    most_telling,
    roc_auc,
)

DRAW = torch.Generator().manual_seed(0)
MASKS = torch.zeros(2, 1, 8, 8)
MASKS[0, 0, 2:5, 3:7] = 1
MASKS[1, 0, 6:, :2] = 1


def waves(period: float, side: int = 32) -> torch.Tensor:
    """Stripes along the columns, `period` pixels from crest to crest, as one map of one channel."""
    return torch.cos(2 * torch.pi * torch.arange(side, dtype=torch.double) / period).expand(1, 1, side, side)


def test_enlarging_keeps_a_ramp_a_ramp_and_a_fitting_map_as_it_is():
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    expected = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])  # pixel centres lie at quarters
    torch.testing.assert_close(enlarge(ramp, (8, 8))[0, 0, 5], expected)
    assert enlarge(ramp, (4, 4)) is ramp


def test_agreement_counts_the_pairs_that_tumour_wins():
    """Two tumour pixels, 5 and 2, against 1, 2, 3 and 4: 5 beats all, 2 beats one and ties with one."""
    maps = torch.tensor([[5.0, 1, 2], [2, 3, 4]])[None, None]
    mask = torch.tensor([[1.0, 0, 0], [1, 0, 0]])[None, None]
    assert roc_auc(maps, mask).tolist() == [(4 + 1.5) / 8]


def test_agreement_of_the_mask_itself_its_negative_and_a_constant():
    maps = torch.cat([3 * MASKS - 7, -MASKS, torch.ones_like(MASKS)], dim=1)
    assert roc_auc(maps, MASKS).tolist() == [1, 0, 0.5]


def test_agreement_is_the_area_under_the_roc_curve():
    maps = torch.randn(2, 5, 8, 8, generator=DRAW).relu() + torch.linspace(0, 2, 5)[:, None, None] * MASKS
    expected = [roc_auc_score(MASKS.numpy().ravel(), maps[:, c].numpy().ravel()) for c in range(5)]
    np.testing.assert_allclose(roc_auc(maps, MASKS), expected, rtol=1e-12)


def test_a_map_that_is_not_a_number_somewhere_has_no_agreement():
    maps = torch.stack([MASKS[:, 0], MASKS[:, 0]], dim=1)
    maps[1, 0, 3, 3] = torch.nan
    np.testing.assert_array_equal(roc_auc(maps, MASKS), [np.nan, 1])


def test_agreement_enlarges_coarse_maps():
    coarse = torch.randn(2, 3, 4, 4, generator=DRAW)
    np.testing.assert_array_equal(roc_auc(coarse, MASKS), roc_auc(enlarge(coarse, (8, 8)), MASKS))


def test_auc_within_a_head_leaves_the_air_out():
    """Of a map of the bare head: better than chance against the whole slice, worth nothing within the head."""
    head = torch.zeros(1, 1, 8, 8)
    head[..., 2:, 2:] = 1
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:6, 4:6] = 1
    assert roc_auc(head, mask).tolist() == [(28 + 32 / 2) / 60]
    assert roc_auc(head, mask, within=head > 0).tolist() == [0.5]


def test_auc_of_every_third_row_and_column_is_that_of_these_pixels():
    coarse = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    some = [1, 4, 7]
    seen = enlarge(coarse, (8, 8))[:, :, some][..., some]
    assert roc_auc(coarse, MASKS[:2], every=3).tolist() == roc_auc(seen, MASKS[:2][:, :, some][..., some]).tolist()


@pytest.mark.parametrize("mask", [torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)])
def test_agreement_without_anything_to_compare_is_not_a_number(mask):
    assert np.isnan(roc_auc(torch.rand(1, 2, 8, 8), mask)).all()


@pytest.mark.parametrize(("period", "fraction"), [(2, 1), (3.2, 1), (4, 0), (8, 0), (32, 0)])
def test_one_wave_is_fine_or_coarse(period, fraction):
    """Waves of four pixels are just at the cutoff of a quarter."""
    assert high_frequency_fraction(waves(period)) == pytest.approx(fraction, abs=1e-9)
    assert high_frequency_fraction(waves(period).mT.contiguous()) == pytest.approx(fraction, abs=1e-9)
    assert high_frequency_fraction(waves(period) * 1e-3 + 50) == pytest.approx(fraction, abs=1e-9)


def test_two_waves_share_by_the_squares_of_their_heights():
    both = 3 * waves(8) + 1 * waves(3.2)
    assert high_frequency_fraction(both) == pytest.approx(1 / 10)
    assert high_frequency_fraction(torch.cat([both, 3 * waves(3.2)])) == pytest.approx((1 + 9) / (10 + 9))  # two images
    assert high_frequency_fraction(both, cutoff=0.1) == pytest.approx(1)


def test_a_diagonal_wave_is_shorter_than_its_sides_say():
    """Six pixels along each side are 6 / √2 = 4.2 across the crests: coarse. 5.3 are 3.8: fine."""
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    for period, fraction in ((6, 0), (48 / 9, 1)):
        diagonal = torch.cos(2 * torch.pi * (rows + columns) / period)[None, None]
        assert high_frequency_fraction(diagonal) == pytest.approx(fraction, abs=1e-6)


def test_noise_spreads_evenly_over_all_waves():
    """Of all waves on the grid, those within a quarter wave a pixel fill about a circle: π/16 of the square."""
    noise = torch.randn(20, 1, 64, 64, generator=DRAW)
    assert high_frequency_fraction(noise) == pytest.approx(1 - np.pi / 16, abs=0.01)


def test_a_map_without_variation_has_no_spectrum():
    flat = torch.full((1, 1, 20, 20), 0.1)  # of this size, rounding leaves a spectrum
    assert np.isnan(high_frequency_fraction(flat)).all()
    assert high_frequency_fraction(torch.cat([flat, waves(2.5, 20).float()])) == pytest.approx(1)


def test_duplicates_are_found_up_to_scale_and_sign():
    maps = torch.randn(3, 6, 8, 8, generator=DRAW)
    maps[:, 3] = 5 - 2 * maps[:, 0]
    maps[:, 5] = maps[:, 1] + 0.2 * maps[:, 5]
    found = duplicates(maps)
    assert [(one, other) for one, other, _ in found] == [(0, 3), (1, 5)]
    assert found[0][2] == pytest.approx(-1)
    assert found[1][2] == pytest.approx(np.corrcoef(*maps[:, [1, 5]].transpose(0, 1).flatten(1).numpy())[0, 1])
    assert [pair[:2] for pair in duplicates(maps, least=0.99)] == [(0, 3)]


def test_channels_that_never_vary_are_nobodys_duplicates():
    maps = torch.full((2, 3, 5, 5), 0.1)
    assert duplicates(maps) == ()
    maps[:, 1:] = torch.randn(2, 1, 5, 5, generator=DRAW)
    assert [pair[:2] for pair in duplicates(maps)] == [(1, 2)]
    assert duplicates(maps[:, :1]) == ()


def test_the_most_telling_channels_and_the_median_one():
    auc = np.array([0.5, 0.9, 0.05, np.nan, 0.6, 0.7])  # far from 0.5: channels 2, 1, 5, 4, then 0 and 3
    assert most_telling(auc) == (2, 1, 5, 4) and most_telling(auc, best=1) == (2, 4)
    assert most_telling(auc[:1]) == (0,) and most_telling(auc[:2]) == (1, 0)
