"""The map of a block's vectors: squares counted by hand, planes found by another library, neighbours known."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.data.phantom import GROUP_NAMES
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.inspection.embedding import KINDS, NAMES, TUMOUR, embed, head_squares, neighbour_auc

DRAW = np.random.default_rng(0)
WHITE, GREY, CYST, LUMP = (TISSUES.index(name) for name in ("white", "grey", "cyst", "tumour"))


def test_every_group_of_tissues_has_one_kind():
    assert sorted(group for kind in KINDS.values() for group in kind) == sorted(GROUP_NAMES)


def test_a_square_is_what_fills_most_of_it_and_tumour_counts_from_a_quarter_on():
    labels = np.zeros((2, 8, 8), np.uint8)          # 2×2 squares of 16 pixels; the first slice is air
    labels[1, :4, :4] = WHITE
    labels[1, 0, :3], labels[1, 1, 0] = LUMP, CYST   # 4 of 16: tumour
    labels[1, :4, 4:] = GREY
    labels[1, 0, 4:7] = LUMP                         # 3 of 16: not enough
    labels[1, 4:, :4] = WHITE
    labels[1, 4:6, :4] = GREY                        # a tie
    labels[1, 4:6, 4:], labels[1, 6, 4] = 0, WHITE   # mostly air
    squares = head_squares(labels, side=2)
    assert squares.slice_of.tolist() == [1, 1, 1]
    assert list(zip(squares.row.tolist(), squares.column.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0)]
    assert [NAMES[kind] for kind in squares.tissue] == ["tumour", "grey matter", "grey matter"]
    assert len(head_squares(labels, side=2, least=0.3).tissue) == 3
    assert TUMOUR not in head_squares(labels, side=2, least=0.3).tissue
    with pytest.raises(ShapeError, match="3×3 squares fill evenly; got 8×8"):
        head_squares(labels, side=3)


def test_vectors_are_roots_of_the_maps_values_where_the_squares_lie():
    labels = np.full((1, 4, 4), WHITE, np.uint8)
    labels[0, :2, :2] = 0
    squares = head_squares(labels, side=2)
    maps = torch.tensor([[[[9.0, 4], [1, 0]], [[1, -4], [16, 25]]]])
    assert squares.vectors(maps).tolist() == [[2, -2], [1, 4], [0, 5]]
    with pytest.raises(ShapeError, match="maps of 2×2 positions.*got 3×3.*side=3"):
        squares.vectors(torch.zeros(1, 2, 3, 3))


def test_a_plane_is_that_of_principal_component_analysis():
    vectors = DRAW.normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    embedded = embed([vectors])
    judge = PCA(2).fit(vectors)
    expected = judge.transform(vectors)
    expected /= np.sqrt((expected**2).sum(axis=1).mean())
    np.testing.assert_allclose(np.abs(embedded.points[0]), np.abs(expected), atol=1e-10)
    assert embedded.explained[0] == pytest.approx(judge.explained_variance_ratio_.sum())
    np.testing.assert_allclose(embed([vectors[:, ::-1]]).points, embedded.points, atol=1e-10)


def test_turned_mirrored_and_enlarged_vectors_give_the_same_points():
    """What differs between two networks only by a rotation of all channels must not move a point."""
    vectors = DRAW.normal(size=(40, 5)) * [4, 2, 1, 0.5, 0.5]
    turn = np.linalg.qr(DRAW.normal(size=(5, 5)))[0]
    before, between, after = embed([3 * vectors @ turn, -vectors, vectors]).points
    np.testing.assert_allclose(before, after, atol=1e-10)
    np.testing.assert_allclose(between, after, atol=1e-10)


def test_silent_networks_lie_in_one_point_and_too_few_squares_are_refused():
    silent, loud = embed([np.zeros((4, 3)), DRAW.normal(size=(4, 3))]).points
    assert not silent.any() and loud.any()
    with pytest.raises(SettingsError, match="three squares"):
        embed([np.zeros((2, 3))])


def test_separate_kinds_have_an_auc_of_1_and_shuffled_ones_are_at_chance():
    tumour, patients = np.arange(600) % 4 == 0, np.arange(600) // 100
    vectors = DRAW.normal(size=(600, 8)) + 20 * tumour[:, None]
    assert neighbour_auc(vectors, tumour, patients) == 1
    assert neighbour_auc(vectors, DRAW.permutation(tumour), patients) == pytest.approx(0.5, abs=0.1)


def test_neighbours_of_the_same_patient_do_not_count():
    """Each patient's tumour lies alone in a corner of its own: only patients tell, and these are left out."""
    tumour, patients = np.arange(400) % 2 == 0, np.arange(400) // 100
    corners = 50 * np.eye(8)[2 * patients + tumour]
    assert neighbour_auc(corners + DRAW.normal(size=(400, 8)), tumour, patients) < 0.7
    with pytest.raises(SettingsError, match="other patients"):
        neighbour_auc(corners, tumour, np.zeros(400))
