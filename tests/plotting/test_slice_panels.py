"""Slices side by side: each panel shows the mask that its title names, in the masks' colours, with the right Dice."""

import numpy as np
import pytest
from drawn_figures import FLAIR, MASK, MOVED
from matplotlib.colors import to_hex
from words_in_figures import words_are_whole_and_apart

from unet_lib import plotting
from unet_lib.core import metrics
from unet_lib.plotting.slice_panels import dice

NOTHING = np.zeros_like(MASK)
PICTURES = np.stack([FLAIR, 255 - FLAIR])
REFERENCES = np.stack([MASK, MOVED])
MASKS = {"without skips": np.stack([MOVED, MASK]), "with skips": REFERENCES}


def outlines(axes):
    return [to_hex(outline.get_edgecolor()[0]).upper() for outline in axes.collections]


def tints(axes):
    return [image.get_array()[..., 3] > 0 for image in axes.get_images()[1:]]


def words(figure):
    return [*(word for axes in figure.axes for word in (axes.title, axes.xaxis.label)), *figure.legends[0].get_texts()]


def test_the_references_outline_can_be_named():
    figure = plotting.mask_comparison(PICTURES, REFERENCES, MASKS, outline="the true outline")
    assert "the true outline" in [word.get_text() for word in figure.legends[0].get_texts()]


def test_masks_are_compared_row_by_row():
    figure = plotting.mask_comparison(PICTURES, REFERENCES, MASKS)
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes] == [
        "slice 1", "without skips", "with skips", "slice 2", "without skips", "with skips"]
    for index, axes in enumerate(figure.axes):
        row, column = divmod(index, 3)
        assert (axes.get_images()[0].get_array() == PICTURES[row]).all()
        assert outlines(axes) == [plotting.NETWORK, plotting.REFERENCE][column == 0:]
        if column:
            mask = list(MASKS.values())[column - 1][row]
            assert (tints(axes)[0] == mask).all()
            score = metrics.count(mask, REFERENCES[row]).dice()
            assert axes.get_xlabel() == f"Dice {score:.2f}"
        else:
            assert axes.get_xlabel() == ""
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the expert's outline", "a network's mask"]
    words_are_whole_and_apart(figure, words(figure))


def test_slices_can_be_named():
    figure = plotting.mask_comparison(PICTURES, REFERENCES, MASKS, ["CS 0001, slice 20", "DU 0002, slice 9"])
    assert [axes.get_title() for axes in figure.axes[::3]] == ["CS 0001, slice 20", "DU 0002, slice 9"]
    words_are_whole_and_apart(figure, words(figure))


def test_an_answer_without_tumour_is_a_panel_without_blue():
    figure = plotting.mask_comparison(PICTURES[:1], REFERENCES[:1], {"untrained": NOTHING[None]})
    assert outlines(figure.axes[1]) == [plotting.REFERENCE] and figure.axes[1].get_xlabel() == "Dice 0.00"


@pytest.mark.parametrize("pair", [(MASK, MOVED), (MASK, MASK), (MASK, NOTHING), (NOTHING, NOTHING),
                                  (MASK.astype(np.uint8), MOVED)])
def test_dice_is_the_libraries(pair):
    assert dice(*pair) == pytest.approx(metrics.count(*(mask.astype(bool) for mask in pair)).dice())


def test_many_networks_stay_as_wide_as_a_page():
    figure = plotting.mask_comparison(PICTURES, REFERENCES, {f"network {k}": REFERENCES for k in range(5)})
    assert figure.get_figwidth() <= 10
    words_are_whole_and_apart(figure, words(figure))


def test_a_gallery_shows_every_slice_in_rows_and_leaves_the_rest_empty():
    pictures, masks = np.stack([FLAIR // (k + 1) for k in range(5)]), np.stack([MASK, MOVED, NOTHING, MASK, MASK])
    figure = plotting.batch_gallery(pictures, masks, columns=3)
    shown = [axes for axes in figure.axes if axes.get_images()]
    assert len(shown) == 5 and [axes.axison for axes in figure.axes] == [True] * 5 + [False]
    assert [axes.get_title() for axes in shown] == [f"slice {k}" for k in range(1, 6)]
    assert all((axes.get_images()[0].get_array() == picture).all()
               for axes, picture in zip(shown, pictures, strict=True))
    assert [outlines(axes) for axes in shown] == [[plotting.REFERENCE] * int(mask.any()) for mask in masks]
    assert [axes.get_subplotspec().rowspan.start for axes in shown] == [0, 0, 0, 1, 1]
    words_are_whole_and_apart(figure, words(figure))


def test_a_gallery_of_one_is_one_panel():
    figure = plotting.batch_gallery(FLAIR[None], MASK[None], ["the only one"])
    assert [axes.get_title() for axes in figure.axes] == ["the only one"]
