import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics import compute_dice
from scipy import stats
from torchmetrics.functional import classification

from unet_lib.core.metrics import Counts, bootstrap, by_patient, count, count_on_device, count_slices, mean_dice, pooled


def test_a_mask_counted_by_hand():
    predicted = np.array([[1, 1], [0, 0]])
    reference = np.array([[1, 0], [1, 0]])
    counts = count(predicted, reference)
    assert counts == Counts(tp=1, fp=1, fn=1, tn=1)
    assert counts.dice() == 0.5
    assert counts.iou() == pytest.approx(1 / 3)
    assert counts.accuracy() == counts.precision() == counts.recall() == counts.specificity() == 0.5


# Empty and full masks are among them, for either mask.
FRACTIONS = st.sampled_from((0.0, 0.01, 0.3, 0.9, 1.0))


@given(seed=st.integers(0, 10_000), predicted=FRACTIONS, reference=FRACTIONS, empty=st.sampled_from((0.0, 1.0)))
def test_agrees_with_torchmetrics_and_monai(seed, predicted, reference, empty):
    rng = np.random.default_rng(seed)
    p, r = (torch.as_tensor(rng.random((16, 16)) < fraction).int() for fraction in (predicted, reference))
    counts = count(p, r)
    for ours, theirs in ((counts.dice, classification.binary_f1_score),
                         (counts.iou, classification.binary_jaccard_index),
                         (counts.precision, classification.binary_precision),
                         (counts.recall, classification.binary_recall)):
        assert ours(empty) == pytest.approx(theirs(p, r, zero_division=empty).item(), abs=1e-6)
    assert counts.specificity(empty=0.0) == pytest.approx(classification.binary_specificity(p, r).item(), abs=1e-6)
    assert counts.accuracy() == pytest.approx(classification.binary_accuracy(p, r).item(), abs=1e-6)
    monai = compute_dice(p[None, None], r[None, None], ignore_empty=False).item()  # 1 where both masks are empty
    assert counts.dice(empty=1.0) == pytest.approx(monai, abs=1e-6)


@given(st.builds(Counts, *[st.integers(1, 10_000)] * 4))
def test_dice_and_iou_tell_the_same_story(counts):
    assert counts.dice() == pytest.approx(2 * counts.iou() / (1 + counts.iou()))


def test_the_empty_case_is_named_by_the_caller():
    nothing = Counts(tn=100)
    assert nothing.dice() == 1
    assert nothing.dice(empty=0.0) == 0
    assert Counts(fp=3, tn=97).dice() == 0


def test_predicting_nothing_has_high_accuracy_and_no_dice():
    lazy = Counts(fn=103, tn=9897)
    assert lazy.accuracy() == 0.9897
    assert lazy.dice() == 0


def test_slices_patients_and_all():
    predicted = torch.zeros(4, 1, 2, 2)
    reference = torch.zeros(4, 1, 2, 2)
    predicted[0], reference[0] = 1, 1
    reference[2] = 1
    rows = count_slices(predicted, reference)
    assert rows.tolist() == [[4, 0, 0, 0], [0, 0, 0, 4], [0, 0, 4, 0], [0, 0, 0, 4]]
    assert count_on_device(predicted, reference).tolist() == rows.tolist()
    assert pooled(rows) == Counts(4, 0, 4, 8)
    patients = by_patient(rows, ["a", "a", "b", "b"])
    assert patients == {"a": Counts(4, 0, 0, 4), "b": Counts(0, 0, 4, 4)}
    assert mean_dice(patients) == 0.5
    assert pooled(rows).dice() == pytest.approx(2 / 3)


def test_counts_add():
    assert Counts(1, 2, 3, 4) + Counts(10, 20, 30, 40) == Counts(11, 22, 33, 44)
    assert Counts(1, 2, 3, 4).total == 10


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        count(np.zeros((2, 2)), np.zeros((2, 3)))


def test_large_stacks_do_not_overflow():
    assert pooled(np.full((2, 4), 2**40)).tp == 2**41


def test_the_volume_error_is_signed_and_names_its_empty_case():
    assert Counts(tp=8, fp=4, fn=2).volume_error() == pytest.approx(0.2)    # 12 for 10
    assert Counts(fn=10, tn=90).volume_error() == -1
    assert Counts(tp=5, fp=5, fn=5).volume_error() == 0                     # the right size in the wrong place
    assert Counts(tn=100).volume_error() == 0
    assert np.isnan(Counts(tn=100).volume_error(empty=float("nan")))
    assert Counts(fp=1, tn=99).volume_error(empty=7.0) == float("inf")


def some_patients(number=40):
    """TP, FP, FN, TN of patients as they come: most well outlined, some badly."""
    rng = np.random.default_rng(5)
    size, hit = rng.integers(500, 20_000, number), rng.beta(6, 2, number)
    tp = (size * hit).astype(int)
    return np.stack([tp, rng.integers(0, 3000, number), size - tp, np.full(number, 10**6)], axis=1)


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_the_interval_of_a_score_is_scipys(statistic):
    dice = np.array([Counts(*map(int, row)).dice() for row in some_patients()])
    ours = bootstrap(dice, statistic)
    theirs = stats.bootstrap((dice,), statistic, method="percentile", rng=7).confidence_interval
    assert ours == pytest.approx(theirs, abs=0.1 * (ours[1] - ours[0]))
    assert ours[0] < statistic(dice) < ours[1]


def test_the_interval_of_pooled_f1_is_scipys():
    counts = some_patients()
    ours = bootstrap(counts, lambda drawn: pooled(drawn).dice())
    theirs = stats.bootstrap(
        tuple(counts.T[:3]), lambda tp, fp, fn, axis: 2 * tp.sum(axis) / (2 * tp + fp + fn).sum(axis), paired=True,
        vectorized=True, method="percentile", rng=7).confidence_interval
    assert ours == pytest.approx(theirs, abs=0.1 * (ours[1] - ours[0]))


def test_equal_patients_give_an_interval_of_width_zero():
    assert bootstrap(np.full(9, 0.75), np.mean) == (0.75, 0.75)
    assert bootstrap(np.tile([3, 1, 1, 95], (4, 1)), lambda drawn: pooled(drawn).dice(), draws=50) == (0.75, 0.75)


def test_two_patients_counted_by_hand():
    # The mean of two draws out of {0, 1} is 0, ½, ½ or 1: a quarter of the draws is 0, a quarter 1.
    assert bootstrap(np.array([0.0, 1.0]), np.mean, level=0.6) == (0, 1)
    assert bootstrap(np.array([0.0, 1.0]), np.mean, level=0.4) == (0.5, 0.5)


@pytest.mark.parametrize(("patients", "fraction"), [(60, 0.95), (10, 0.89)])
def test_how_often_the_interval_holds_the_truth(patients, fraction):
    rng, held = np.random.default_rng(0), 0
    for _ in range(500):
        low, high = bootstrap(rng.normal(0.8, 0.1, patients), np.mean, draws=300)
        held += low <= 0.8 <= high
    assert held / 500 == pytest.approx(fraction, abs=0.03)


def test_an_interval_follows_from_its_seed_and_needs_a_patient():
    dice = np.linspace(0.2, 0.9, 12)
    assert bootstrap(dice, np.mean, 200, seed=1) == bootstrap(dice, np.mean, 200, seed=1)
    assert bootstrap(dice, np.mean, 200, seed=1) != bootstrap(dice, np.mean, 200, seed=2)
    with pytest.raises(ValueError, match="at least one patient"):
        bootstrap(np.zeros(0), np.mean)
