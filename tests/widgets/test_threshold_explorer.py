"""The threshold explorer without a browser: its counts against Predictor and metrics, what it refuses and shows."""

import base64
import io
import zlib

import numpy as np
import pytest
import traitlets
from made_up import made_up_cache
from PIL import Image
from torch import nn

from unet_lib.core import metrics
from unet_lib.core.errors import ShapeError
from unet_lib.inference.predictor import Predictor
from unet_lib.widgets.threshold_explorer import ThresholdExplorer
from unet_lib.widgets.threshold_explorer.threshold_explorer import AGREED, STEPS, f1_curve, tally, threshold_levels

DRAW = np.random.default_rng(8)
THRESHOLDS = [step / STEPS for step in range(STEPS + 1)]
REFERENCE = DRAW.random((3, 20, 30)) < [[[0.3]], [[0.0]], [[0.1]]]
NOISY = np.clip(REFERENCE * 0.4 + DRAW.random((3, 20, 30)) * 0.6, 0, 1).astype(np.float32)
IMAGE = DRAW.integers(0, 256, (3, 20, 30, 3), np.uint8)


def unpacked(packed, dtype=np.uint8):
    return np.frombuffer(zlib.decompress(packed), dtype)


def on_the_edges(dtype):
    """Every hundredth, and its neighbours among the numbers of this precision."""
    hundredths = np.array(THRESHOLDS, dtype)
    near = np.concatenate([hundredths, np.nextafter(hundredths, dtype(2)), np.nextafter(hundredths, dtype(-1))])
    return np.clip(near, 0, 1).reshape(1, 3, -1)


@pytest.mark.parametrize("probability", [NOISY, NOISY.astype(np.float64), on_the_edges(np.float32),
                                         on_the_edges(np.float64), np.array([[[0.0, 1.0]]], np.float32)],
                         ids=["float32", "float64", "edges32", "edges64", "ends"])
def test_counts_are_those_of_metrics_at_every_threshold(probability):
    reference = DRAW.random(probability.shape) < 0.3
    found = tally(threshold_levels(probability), reference)
    for step, threshold in enumerate(THRESHOLDS):
        assert np.array_equal(found[:, step], metrics.count_slices(probability >= threshold, reference)), threshold


def test_the_mask_is_the_predictors():
    probability = DRAW.random((2, 256, 256)).astype(np.float32)
    probability[0, :101, 0] = THRESHOLDS
    levels = threshold_levels(probability)
    for step in (1, 29, 57, 58, 100):
        predictor = Predictor(nn.Identity(), {}, threshold=step / STEPS)
        assert np.array_equal(levels >= step, predictor.masks(probability))


def test_levels_are_what_the_browser_compares():
    levels = threshold_levels(NOISY)
    assert levels.dtype == np.uint8 and levels.max() <= STEPS
    for step, threshold in enumerate(THRESHOLDS):
        assert np.array_equal(levels >= step, threshold <= NOISY)


def test_what_is_sent():
    explorer = ThresholdExplorer(NOISY, REFERENCE, IMAGE)
    assert explorer.size == (3, 20, 30)
    assert np.array_equal(unpacked(explorer.levels).reshape(3, 20, 30), threshold_levels(NOISY))
    assert np.array_equal(unpacked(explorer.reference).reshape(3, 20, 30), REFERENCE)
    assert np.array_equal(unpacked(explorer.grey).reshape(3, 20, 30), IMAGE[..., 1])
    counts = unpacked(explorer.tallies, "<i4").reshape(3, 101, 4)
    assert np.array_equal(counts, tally(threshold_levels(NOISY), REFERENCE))
    assert ThresholdExplorer(NOISY, REFERENCE).grey == b""


def test_python_reads_and_sets_the_threshold():
    explorer = ThresholdExplorer(NOISY, REFERENCE, IMAGE, threshold=0.2)
    for threshold in (0.2, 0.29, 0.57, 1.0):
        explorer.threshold = threshold
        assert explorer.threshold == threshold
        assert explorer.counts == metrics.count(NOISY[0] >= threshold, REFERENCE[0])
        assert explorer.all_counts == metrics.pooled(metrics.count_slices(threshold <= NOISY, REFERENCE))
    explorer.threshold = 0.333
    assert explorer.threshold == 0.33
    explorer.slice = 1
    assert explorer.counts == metrics.count(NOISY[1] >= 0.33, REFERENCE[1])


def test_best_threshold_is_the_lowest_of_the_best():
    explorer = ThresholdExplorer(NOISY, REFERENCE)
    scores = [metrics.pooled(metrics.count_slices(t <= NOISY, REFERENCE)).dice() for t in THRESHOLDS]
    assert explorer.best_threshold == THRESHOLDS[scores.index(max(scores))]
    assert f1_curve(tally(threshold_levels(NOISY), REFERENCE).sum(axis=0)).tolist() == scores
    perfect = ThresholdExplorer(np.where(REFERENCE, 0.8, 0.1), REFERENCE)
    assert perfect.best_threshold == 0.11


def test_slices_without_tumour_have_the_scores_of_metrics():
    nothing = np.zeros((20, 30), np.float32)
    explorer = ThresholdExplorer(nothing, nothing > 0)
    assert explorer.counts.dice() == 1 and explorer.best_threshold == 0.01
    curve = f1_curve(tally(threshold_levels(nothing[None]), nothing[None] > 0)[0])
    assert curve[0] == 0 and (curve[1:] == 1).all()


def test_one_slice_may_leave_out_n_and_begins_at_the_largest_tumour():
    one = ThresholdExplorer(NOISY[0], REFERENCE[0], IMAGE[0])
    assert one.size == (1, 20, 30) and one.names == ["slice 1 of 1"]
    assert ThresholdExplorer(NOISY[::-1], REFERENCE[::-1]).slice == 2
    assert ThresholdExplorer(NOISY, REFERENCE, slice=1, names=["a", "b", "c"]).names == ["a", "b", "c"]


def test_masks_of_a_cache_will_do():
    cache = made_up_cache()
    explorer = ThresholdExplorer(np.zeros((2, 256, 256), np.float32), cache.masks[1:3], cache.images[1:3])
    assert explorer.slice == 1
    assert explorer.counts.fn == cache.masks[2].sum()


@pytest.mark.parametrize(("arguments", "said"), [
    ((NOISY[:, None], REFERENCE), r"probabilities of \[n, h, w\].*got \[3, 1, 20, 30\].*logits\[:, 0\]"),
    ((NOISY[:0], REFERENCE[:0]), r"got \[0, 20, 30\]"),
    ((NOISY * 9 - 4, REFERENCE), r"from 0 to 1; got float32 from -.* to .*torch\.sigmoid"),
    ((NOISY * np.nan, REFERENCE), "from 0 to 1; got float32 from nan"),
    ((IMAGE[..., 0], REFERENCE), r"got uint8 from 0 to 255.*division by 255"),
    ((NOISY, REFERENCE[:2]), r"reference of \[3, 20, 30\].*got \[2, 20, 30\]"),
    ((NOISY, REFERENCE.astype(np.uint8) * 255), r"0 and 1 only; got numbers from 0 to 255\. Try reference > 0"),
    ((NOISY, NOISY), r"0 and 1 only; .*reference >= 0\.5"),
    ((NOISY, REFERENCE, IMAGE[..., 0]), r"images of \[3, 20, 30, 3\] as uint8.*got \[3, 20, 30\] as uint8"),
    ((NOISY, REFERENCE, IMAGE / 255), "got .* as float64"),
    ((NOISY[0], REFERENCE[0], IMAGE), r"images of \[1, 20, 30, 3\]")])
def test_what_does_not_fit_is_explained(arguments, said):
    with pytest.raises(ShapeError, match=said):
        ThresholdExplorer(*arguments)


def test_names_must_be_as_many_as_slices():
    with pytest.raises(ShapeError, match="a name for each of the 3 slices; got 2"):
        ThresholdExplorer(NOISY, REFERENCE, names=["a", "b"])


@pytest.mark.parametrize(("name", "value"), [("threshold", -0.1), ("threshold", 1.01), ("threshold", float("nan")),
                                             ("slice", 3), ("slice", -1)])
def test_settings_that_make_no_sense(name, value):
    explorer = ThresholdExplorer(NOISY, REFERENCE)
    before = getattr(explorer, name)
    with pytest.raises(traitlets.TraitError):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before


def test_sentence_and_still_picture():
    reference = np.zeros((64, 64), bool)
    reference[10:40, 20:50] = True
    probability = np.zeros((64, 64), np.float32)
    probability[10:40, 25:55] = 0.7
    image = np.full((64, 64, 3), 100, np.uint8)
    data, metadata = ThresholdExplorer(probability, reference, image)._repr_mimebundle_()
    assert data["text/plain"] == "Threshold explorer: 1 slice at threshold 0.50, F1 0.83, precision 0.83, recall 0.83"
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")).astype(int)
    assert metadata["image/png"] == {"alt": data["text/plain"], "width": picture.shape[1], "height": picture.shape[0]}
    pixel = lambda row, column: picture[4 * row + 2, 4 * column + 2]  # noqa: E731
    assert np.abs(pixel(20, 35) - (0.55 * 100 + 0.45 * np.array(AGREED))).max() <= 1  # found
    assert np.array_equal(pixel(5, 5), [100, 100, 100])
    assert pixel(20, 52)[2] > pixel(20, 52)[0] + 30  # a false alarm is blue
    assert pixel(20, 22)[0] > pixel(20, 22)[2] + 30  # a missed pixel is orange
    several = ThresholdExplorer(NOISY, REFERENCE, names=["a", "b", "c"])
    assert several.describe().startswith("Threshold explorer: 3 slices at threshold 0.50, F1 0.")
    assert "; on a F1 0." in several.describe()
