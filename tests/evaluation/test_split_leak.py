"""What may differ between the two scores of an exam slice: whether the network knows the patient, and nothing else."""

import numpy as np
import pytest

from benchmarks.ablations.split_leak import draw_groups
from unet_lib.data.cache import open_cache
from unet_lib.evaluation import split_leak


@pytest.fixture
def cache(data):
    return open_cache(data, progress=False)


def test_halves_hold_each_tumour_slice_once(cache):
    names = cache.names[:2]
    train, exam = split_leak.split_by_slices(cache, names, seed=1)
    slices = cache.slices_of(names)
    assert sorted([*train, *exam]) == slices[cache.tumour_pixels[slices] > 0].tolist()
    assert abs(len(train) - len(exam)) <= 1


def test_networks_learn_from_as_much_and_sit_the_same_exams(cache, monkeypatch):
    learnt, asked = [], []

    def learn(cache, slices, seed, epochs):
        learnt.append((slices, seed))
        return slices

    def known_patients(cache, network, exam):
        asked.append(exam)
        (group,) = set(cache.patient_of[network] // 2)
        return float((cache.patient_of[exam] // 2 == group).mean())

    monkeypatch.setattr(split_leak, "learn", learn)
    monkeypatch.setattr(split_leak, "f1_score", known_patients)
    groups = cache.names[:2], cache.names[2:4]
    scores = split_leak.crossover(cache, groups, seed=3)
    assert np.array_equal(scores, np.eye(2)), "each network knows the patients of its own exam, and no other"
    (a, seed_a), (b, seed_b) = learnt
    assert len(a) == len(b) > 0 and seed_a == seed_b == 3
    assert [exam.tolist() for exam in asked[:2]] == [exam.tolist() for exam in asked[2:]]
    assert not {*a, *b} & {slice for exam in asked for slice in exam}


def test_a_small_network_is_trained_and_scored(cache):
    scores = split_leak.crossover(cache, (cache.names[:2], cache.names[2:4]), epochs=1)
    assert scores.shape == (2, 2) and (scores >= 0).all() and (scores <= 1).all()


def test_pairs_share_no_patient_as_long_as_there_are_enough():
    names = [f"p{n}" for n in range(26)]
    drawn = [[name for group in draw_groups(names, 2, seed) for name in group] for seed in range(7)]
    assert all(len(set(pair)) == 4 for pair in drawn)
    assert len({name for pair in drawn[:6] for name in pair}) == 24
    assert draw_groups(names, 2, 0) != draw_groups(names, 2, 6)
    with pytest.raises(SystemExit, match="expected at least 54 patients"):
        draw_groups(names, 27, 0)
