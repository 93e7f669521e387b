"""The embedding map in Python: what travels to the browser, what is refused, and the still picture."""

import zlib

import numpy as np
import pytest
import traitlets

from unet_lib.core.errors import ShapeError
from unet_lib.inspection.embedding import NAMES, TUMOUR, Embedding, Squares
from unet_lib.widgets.embedding_map import EmbeddingMap

DRAW = np.random.default_rng(3)
KINDS = np.array([NAMES.index("white matter"), TUMOUR, NAMES.index("fluid"), TUMOUR])
SQUARES = Squares(8, np.array([0, 0, 1, 1]), np.array([1, 2, 3, 4]), np.array([5, 6, 7, 0]), KINDS)
EMBEDDING = Embedding(DRAW.normal(size=(3, 4, 2)), np.array([0.1, 0.5, 0.9]))
SLICES = np.repeat(np.repeat(DRAW.integers(0, 256, (2, 64, 64), np.uint8), 4, axis=1), 4, axis=2)
PARTS = (EMBEDDING, SQUARES, SLICES, ["A, slice 1", "B, slice 2"], [0, 10, 40])


def unpacked(data, dtype, *shape):
    return np.frombuffer(zlib.decompress(data), dtype).reshape(shape)


def test_points_squares_and_slices_travel():
    shown = EmbeddingMap(*PARTS, aucs=[0.5, 0.6, 0.75])
    np.testing.assert_allclose(unpacked(shown.points, "<i2", 3, 4, 2) / 1000, EMBEDDING.points, atol=0.0005)
    assert unpacked(shown.squares, "<u2", 4, 4).tolist() == [[0, 1, 5, KINDS[0]], [0, 2, 6, KINDS[1]],
                                                             [1, 3, 7, KINDS[2]], [1, 4, 0, KINDS[3]]]
    assert np.array_equal(unpacked(shown.pictures, np.uint8, 2, 64, 64), SLICES[:, ::4, ::4])
    assert (shown.at, shown.chosen, shown.shown) == (2, 1, -1)


def test_sentence_and_still_picture_follow_the_step():
    shown = EmbeddingMap(*PARTS, aucs=[0.5, 0.6, 0.75])
    assert shown.describe() == ("Embedding map: 4 squares of 2 slices after 40 steps of training; tumour lies apart "
                                "with an AUC of 0.75")
    last = np.asarray(shown.picture())
    shown.at = 0
    assert "after 0 steps" in shown.describe()
    assert not np.array_equal(np.asarray(shown.picture()), last)
    least, most = EMBEDDING.points.min((0, 1)), EMBEDDING.points.max((0, 1))
    unit = 396 / (most - least).max()
    x, y = (210 + unit * (EMBEDDING.points[0, 1] - (least + most) / 2) * [1, -1]).round().astype(int)
    assert tuple(np.asarray(shown.picture())[y, x]) == (0xd5, 0x5e, 0x00)
    assert EmbeddingMap(*PARTS).describe().endswith("after 40 steps of training")


@pytest.mark.parametrize(("name", "value"), [("at", 3), ("at", -1), ("shown", len(NAMES)), ("chosen", 4)])
def test_what_is_not_there_cannot_be_shown(name, value):
    with pytest.raises(traitlets.TraitError, match=f"{name} should be from"):
        setattr(EmbeddingMap(*PARTS), name, value)


def test_parts_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="each of the 2 steps.*got 3 planes of 4 points"):
        EmbeddingMap(*PARTS[:4], [0, 10])
    with pytest.raises(ShapeError, match="3 planes of 4 points and 1 AUCs"):
        EmbeddingMap(*PARTS, aucs=[0.5])
    with pytest.raises(ShapeError, match="a title for each"):
        EmbeddingMap(*PARTS[:3], ["one"], PARTS[4])
