"""Lesson 01, in which the reader reads a folder and splits a data set: as much as promised, used afterwards, right."""

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lesson_reader import Lesson, checks
from repository import REPOSITORY

from unet_lib.data.intensity import channel_histograms, intensity_statistics
from unet_lib.data.intensity import normalise as library_normalise
from unet_lib.data.slice_files import find_slices
from unet_lib.lessons import reference_scan as ours

LEAST = 40  # lines that a reader writes


@pytest.fixture(scope="module")
def lesson():
    return Lesson(nbformat.read(REPOSITORY / "notebooks" / "01_the_scan.ipynb", 4), {})


def test_the_reader_writes_as_much_as_promised(lesson):
    written = [exercise.solution for exercise in lesson.exercises]
    assert len(written) == 8 and all("def " in text for text in written)
    assert sum(bool(line.strip()) for text in written for line in text.splitlines()) >= LEAST


def test_what_the_reader_writes_is_used(lesson):
    code = "\n".join(cell.source for cell in lesson.code)
    for name in (checks(exercise.cell.tree.body[-1])[0] for exercise in lesson.exercises):
        later = code.partition(f"{name} = check.{name}.mine({name})")[2]
        assert f"{name}(" in later, name


def test_pairs_are_those_of_the_library(data):
    records = find_slices(data)
    patient = records[0].patient
    names = [path.name for path in sorted((data / patient).glob("*.tif"), reverse=True)]
    assert ours.pair_files(names) == [(r.image.name, r.mask.name) for r in records if r.patient == patient]


def test_normalising_is_the_librarys():
    images = np.random.default_rng(0).integers(0, 200, (3, 20, 30, 3)).astype(np.uint8)
    statistics = torch.as_tensor(intensity_statistics(channel_histograms(images)))
    theirs = library_normalise(torch.as_tensor(np.moveaxis(images, -1, 1)), statistics).numpy()
    assert np.allclose(np.moveaxis(ours.normalise(images), -1, 1), theirs, atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(3, 60), seed=st.integers(0, 99), test=st.floats(0.1, 0.4), validation=st.floats(0.1, 0.4))
def test_a_split_is_a_partition_in_which_nobody_leaks(count, seed, test, validation):
    names = [f"p{n}" for n in range(count)]
    parts = ours.split_by_patient(names * 2, (1 - test - validation, validation, test), seed)
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert not any(ours.leaking_patients(a, b) for at, a in enumerate(parts) for b in parts[:at])
    assert abs(len(parts[2]) - test * count) <= 0.5 and abs(len(parts[1]) - validation * count) <= 0.5
