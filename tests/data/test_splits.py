import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_lib.core.errors import DatasetError
from unet_lib.data.splits import k_folds, leaky_split, split_patients

NAMES = [f"TCGA_CS_{n:04}_19990101" for n in range(88)]


@given(count=st.integers(3, 120), seed=st.integers(0, 999))
def test_every_patient_is_in_exactly_one_subset(count, seed):
    names = [f"p{n}" for n in range(count)]
    split = split_patients(names, seed=seed)
    assert sorted(split.train + split.validation + split.test) == sorted(names)
    assert min(len(split.train), len(split.validation), len(split.test)) >= 1
    assert split.subset("all") == tuple(sorted(names))


def test_order_and_repeats_of_the_names_do_not_matter():
    assert split_patients(NAMES[::-1] + NAMES) == split_patients(NAMES)
    assert split_patients(NAMES, seed=1) != split_patients(NAMES, seed=0)


def test_sizes_of_the_subsets():
    split = split_patients(NAMES)
    assert (len(split.train), len(split.validation), len(split.test)) == (62, 13, 13)


@given(count=st.integers(5, 90), k=st.integers(2, 5), validation=st.integers(1, 2))
def test_folds_test_everyone_once(count, k, validation):
    names = [f"p{n}" for n in range(count)]
    folds = list(k_folds(names, k, validation=validation if count > 6 else 1))
    assert sorted(name for fold in folds for name in fold.test) == sorted(names)
    for fold in folds:
        assert sorted(fold.train + fold.validation + fold.test) == sorted(names)
        assert min(map(len, (fold.train, fold.validation, fold.test))) >= 1


def test_five_folds_of_the_88_validate_on_others_each():
    folds = list(k_folds(NAMES))
    assert [(len(f.train), len(f.validation), len(f.test)) for f in folds] == [(62, 8, 18)] * 3 + [(63, 8, 17)] * 2
    assert len({name for fold in folds for name in fold.validation}) == 40
    assert list(k_folds(NAMES[::-1])) == folds


def test_too_few_patients_and_bad_fractions():
    with pytest.raises(DatasetError, match="at least 3 patients.*got 2"):
        split_patients(["a", "b"])
    with pytest.raises(DatasetError, match="three positive fractions"):
        split_patients(NAMES, (0.5, 0.5, 0.5))
    with pytest.raises(DatasetError, match="2 ≤ k ≤ 88"):
        list(k_folds(NAMES, 1))
    with pytest.raises(DatasetError, match="1 ≤ validation < 70"):
        list(k_folds(NAMES, 5, validation=70))


def test_unknown_subset():
    with pytest.raises(DatasetError, match="no subset 'tests' in a split; expected one of train, validation"):
        split_patients(NAMES).subset("tests")


def test_the_leaky_split_is_a_partition_of_slices():
    train, test = leaky_split(200, 0.15, seed=3)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(200))
    assert len(test) == 30
