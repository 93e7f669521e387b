"""Scores patient by patient: against masks made by hand, and against the same sums done another way."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import made_up_cache
from predictors import Brightness, Shifted, patient

from unet_lib.core.errors import DatasetError, SettingsError
from unet_lib.core.metrics import count, count_slices, pooled
from unet_lib.data.cache import open_cache
from unet_lib.evaluation import patients
from unet_lib.evaluation.patients import PatientScore, choose_patients, groups, members, score_patients, summary
from unet_lib.evaluation.surface_distance import outline_distances
from unet_lib.inference.predictor import Predictor
from unet_lib.inference.slice_predictions import find_inputs, predict_patient


@pytest.fixture(scope="module")
def cache():
    return made_up_cache()


@pytest.fixture(scope="module")
def scores(cache):
    return list(score_patients(Shifted(cache, 3), cache, cache.names))


def test_a_patients_slices_are_scored_together(cache, scores):
    assert [score.patient for score in scores] == list(cache.names)
    for index, score in enumerate(scores):
        masks = cache.masks[cache.patient_of == index]
        assert score.counts == count(np.roll(masks, 3, 2), masks)
        assert score.slices == len(masks) and score.tumour_slices == masks.any((1, 2)).sum()
        assert score.tumour_pixels == masks.sum()
    assert [score.missing for score in scores] == [(), ("post-contrast",), ()]
    assert [score.site for score in scores] == ["CS", "DU", "DU"]


def test_outlines_moved_by_three_pixels_are_three_pixels_off(cache, scores):
    for score, name in zip(scores[:2], cache.names, strict=False):
        masks = cache.masks[cache.slices_of([name])] > 0
        assert 2 < score.hd95 <= 3
        assert score.surface_dice == outline_distances(np.roll(masks, 3, 2), masks).dice(2)
        assert score.unmatched == 0


def test_the_worst_slice_is_the_one_with_the_most_wrong_pixels(cache, scores):
    # A disc of radius r moved by 3 pixels is wrong on some 12·r of them: the largest disc is the worst.
    assert [score.worst_slice for score in scores[:2]] == [3, 3]
    found = {score.patient: images for score, *images in patients.worst_cases(scores, cache)}
    for name, index in zip(cache.names, (2, 8), strict=False):
        flair, predicted, reference = found[name]
        assert np.array_equal(flair, cache.images[index, ..., 1])
        assert np.array_equal(reference, cache.masks[index] > 0)
        assert np.array_equal(predicted, np.roll(cache.masks[index], 3, 1) > 0)


def test_the_worst_come_first_and_no_more_than_asked_for(cache, scores):
    found = [case[0].dice for case in patients.worst_cases(scores, cache, count=2)]
    assert found == sorted(score.dice for score in scores)[:2]


def test_scores_from_a_table_hold_no_mask_to_show(cache, scores):
    with pytest.raises(SettingsError, match=r"CS_.*a score with a mask; got .* table\. Score .* again"):
        list(patients.worst_cases([PatientScore.from_row(scores[0].as_row())], cache))


def test_a_patient_with_two_empty_masks_counts_one_and_is_counted(scores):
    empty = scores[2]
    assert empty.counts.tn == empty.counts.total and empty.dice == 1
    assert np.isnan(empty.hd95) and np.isnan(empty.surface_dice)
    row = empty.as_row()
    assert row["hd95"] is None and row["volume_error"] == 0
    found = summary(scores)
    assert found["without_tumour"] == 1 and found["hd95_patients"] == 2
    assert found["mean_hd95"] == pytest.approx(np.mean([score.hd95 for score in scores[:2]]), abs=1e-4)


def test_scores_are_those_of_each_slice_predicted_alone(data):
    name, predictor = "TCGA_CS_0001_19990101", Predictor(Brightness(), {})
    score, = score_patients(predictor, open_cache(data, progress=False), [name])
    predictions = list(predict_patient(predictor, find_inputs(data / name)))
    rows = count_slices(np.stack([p.mask for p in predictions]), np.stack([p.reference for p in predictions]))
    assert score.counts == pooled(rows) and score.slices == 11
    assert score.worst_slice == 1 + (rows[:, 1] + rows[:, 2]).argmax()
    assert score.unmatched == sum(p.mask.any() != p.reference.any() for p in predictions)


def test_a_row_says_it_all_in_plain_data():
    row = patient(missing=("pre-contrast", "post-contrast"), tumour=1000, hit=800, extra=200).as_row()
    assert row["missing"] == "pre-contrast and post-contrast"
    assert (row["tumour_pixels"], row["predicted_pixels"], row["volume_error"]) == (1000, 1000, 0)
    assert row["dice"] == row["precision"] == row["recall"] == 0.8 and row["iou"] == 0.6667
    assert row["accuracy"] == 0.9996 and row["specificity"] == 0.9998
    assert row["tp"] + row["fp"] + row["fn"] + row["tn"] == 10**6
    assert {type(value) for value in row.values()} <= {str, int, float}


@pytest.mark.parametrize("missing", [(), ("post-contrast",), ("pre-contrast", "post-contrast")])
def test_a_score_comes_back_from_its_row(missing):
    score = patient(missing=missing, hd95=2.5, unmatched=3)
    assert PatientScore.from_row(score.as_row()) == score
    assert np.isnan(PatientScore.from_row(replace(score, hd95=float("nan")).as_row()).hd95)


def test_the_summary_averages_patients_and_pools_pixels():
    scores = [patient(tumour=100, hit=100), patient(tumour=10_000, hit=5000), patient(tumour=400, hit=0, hd95=np.nan)]
    found = summary(scores)
    dice = [1, 10_000 / 15_000, 0]
    assert found["patients"] == 3 and found["without_tumour"] == 0
    assert found["mean_dice"] == pytest.approx(np.mean(dice), abs=1e-4)
    assert found["median_dice"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["pooled_f1"] == pytest.approx(2 * 5100 / (2 * 5100 + 5400), abs=1e-4)
    assert found["pooled_accuracy"] == pytest.approx(1 - 5400 / 3e6, abs=1e-4)
    assert found["mean_hd95"] == 3 and found["hd95_patients"] == 2
    for name in ("mean_dice", "median_dice", "pooled_f1"):
        low, high = found[f"{name}_interval"]
        assert 0 <= low < found[name] < high <= 1
    # With three patients, one draw in 27 takes only the worst and one only the best: both lie inside 95 %.
    assert found["mean_dice_interval"] == [0, 1]
    assert summary(scores, seed=0) == found


def test_a_summary_needs_a_patient_but_no_outline():
    with pytest.raises(ValueError, match="at least one patient"):
        summary([])
    found = summary([replace(patient(hit=0), hd95=float("nan"), surface_dice=float("nan"), unmatched=4)])
    assert found["mean_hd95"] is found["mean_surface_dice"] is None and found["unmatched_slices"] == 4


def test_groups_by_site_and_by_what_is_missing():
    scores = [patient(site="DU", hit=1000), patient(site="CS", missing=("post-contrast",)),
              patient(site="DU", hit=0, missing=("pre-contrast", "post-contrast"))]
    assert [(row["name"], row["patients"], row["mean_dice"]) for row in groups(scores, "site")] == [
        ("CS", 1, 0.8889), ("DU", 2, 0.5)]
    assert groups(scores, "site")[1]["pooled_f1"] == 0.6667
    assert list(members(scores, "missing")) == ["nothing", "post-contrast", "both"]


def test_groups_by_size_are_thirds_with_their_bounds():
    scores = [patient(tumour=size, hit=0) for size in (900, 100, 200, 1500, 300, 800)]
    found = members(scores, "size")
    assert list(found) == ["small (100–200)", "middle (300–800)", "large (900–1,500)"]
    assert [[score.tumour_pixels for score in group] for group in found.values()] == [
        [100, 200], [300, 800], [900, 1500]]
    assert list(members([patient(tumour=5, hit=0)] * 4, "size")) == ["small (5–5)"], "equals fall apart"


@pytest.mark.parametrize("by", patients.GROUPINGS)
def test_every_patient_is_in_one_group(scores, by):
    assert sorted(s.patient for group in members(scores, by).values() for s in group) == sorted(
        s.patient for s in scores)


def test_an_unknown_grouping_is_refused():
    with pytest.raises(SettingsError, match="groups by site, size, missing; got 'age'"):
        groups([patient()], "age")


def test_the_card_says_whom_to_score(cache):
    first, second, third = cache.names
    card = {"split": {"train": [first], "validation": ["TCGA_XX_0000_20000101"], "test": [second, third]}}
    assert choose_patients(card, cache, "test") == ((second, third), True)
    assert choose_patients(card, cache, "all") == (cache.names, True)
    with pytest.raises(DatasetError, match="names none of its patients as 'validation'"):
        choose_patients(card, cache, "validation")
    with pytest.raises(DatasetError, match="no subset 'tests'"):
        choose_patients(card, cache, "tests")


def test_weights_of_other_data_are_scored_on_all_patients(cache):
    card = {"split": {"train": ["TCGA_XX_0000_20000101"], "test": []}, "data": {"content": "other"}}
    assert choose_patients(card, cache, "test") == (cache.names, False)
    assert choose_patients({}, cache, "test") == (cache.names, False)


def test_weights_trained_on_slices_of_anyone_have_no_test_patients(cache):
    leaky = {"split": {"kind": "slices", "seed": 0}, "data": {"content": cache.content}}
    with pytest.raises(DatasetError, match="none of its patients as 'test'"):
        choose_patients(leaky, cache, "test")
