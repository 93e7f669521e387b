import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as reference
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics import compute_dice

from unet_lib.metrics import Counts, by_patient, count, count_slices, mean_dice, pooled


def test_a_mask_counted_by_hand():
    predicted = np.array([[1, 1], [0, 0]])
    expert = np.array([[1, 0], [1, 0]])
    counts = count(predicted, expert)
    assert counts == Counts(tp=1, fp=1, fn=1, tn=1)
    assert counts.dice() == 0.5
    assert counts.iou() == pytest.approx(1 / 3)
    assert counts.accuracy() == counts.precision() == counts.recall() == counts.specificity() == 0.5


@given(seed=st.integers(0, 10_000), share=st.floats(0.01, 0.9))
def test_agrees_with_torchmetrics_and_monai(seed, share):
    draw = np.random.default_rng(seed)
    p, e = (torch.as_tensor(draw.random((16, 16)) < share).int() for _ in range(2))
    e[0, 0] = p[0, 0] = 1
    counts = count(p, e)
    assert counts.dice() == pytest.approx(reference.binary_f1_score(p, e).item(), abs=1e-6)
    assert counts.iou() == pytest.approx(reference.binary_jaccard_index(p, e).item(), abs=1e-6)
    assert counts.precision() == pytest.approx(reference.binary_precision(p, e).item(), abs=1e-6)
    assert counts.recall() == pytest.approx(reference.binary_recall(p, e).item(), abs=1e-6)
    assert counts.specificity() == pytest.approx(reference.binary_specificity(p, e).item(), abs=1e-6)
    assert counts.accuracy() == pytest.approx(reference.binary_accuracy(p, e).item(), abs=1e-6)
    assert counts.dice() == pytest.approx(compute_dice(p[None, None], e[None, None]).item(), abs=1e-6)


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
    p = torch.zeros(4, 1, 2, 2)
    e = torch.zeros(4, 1, 2, 2)
    p[0], e[0] = 1, 1
    e[2] = 1
    rows = count_slices(p, e)
    assert rows.tolist() == [[4, 0, 0, 0], [0, 0, 0, 4], [0, 0, 4, 0], [0, 0, 0, 4]]
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
