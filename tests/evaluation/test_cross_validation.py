"""Cross-validation: who is tested by whom, what may be chosen where, and that folds go on where they stopped."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import run_python
from repository import HELPERS, REPOSITORY

from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import count_slices, mean_dice, pooled
from unet_lib.data.cache import open_cache
from unet_lib.data.preprocessing import channels
from unet_lib.data.splits import k_folds, split_patients
from unet_lib.evaluation import cross_validation
from unet_lib.evaluation.patients import score_patients
from unet_lib.evaluation.result_rows import read_rows
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.checkpoint import load_model
from unet_lib.training import recipes
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import HISTORY, ExperimentConfig, prepare
from unet_lib.training.loop import BEST, LAST
from unet_lib.training.recipes import Recipe

SMALL = ExperimentConfig(UNetConfig(in_channels=channels(1), base=2, depth=2), TrainingConfig(1, 1e-2, ema=0.5),
                         size=16, batch=4, context_slices=1)
TINY = Recipe((SMALL, replace(SMALL, size=32)), flip_tta=True, thresholds=(0.3, 0.5), temperatures=(2.0,),
              min_component_sizes=(0, 20), batch_norm_adaptation=0.4)


@pytest.fixture
def cache(data, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)
    monkeypatch.setattr(cross_validation, "k_folds", lambda names, k: k_folds(names, k, validation=1))
    return open_cache(data, progress=False)


@pytest.fixture
def measured(cache, tmp_path):
    path = tmp_path / "folds.json"
    rows = list(cross_validation.run_folds("tiny", cache, path, folds=[0, 3], work=tmp_path / "runs", device="cpu"))
    return path, rows


def test_a_fold_scores_only_patients_its_network_never_saw(cache, measured, tmp_path):
    path, rows = measured
    assert [row["fold"] for row in read_rows(path)] == [0, 3]
    for row in rows:
        card = load_model(tmp_path / "runs" / f"tiny-{row['fold']}" / cross_validation.WEIGHTS)[1]
        tested = [patient["patient"] for patient in row["patients"]]
        assert tested == card["split"]["test"]
        assert not set(tested) & set(card["split"]["train"] + card["split"]["validation"])
        assert card["data"]["seed"] == row["fold"]


def test_the_kept_weights_give_the_kept_scores(cache, measured, tmp_path):
    _, (row, _) = measured
    predictor = load_predictor(tmp_path / "runs" / "tiny-0" / cross_validation.WEIGHTS, "cpu")
    assert predictor.context_slices == 1 and row["inference"]["flip_tta"]
    assert {name: getattr(predictor, name) for name in row["inference"]} == row["inference"]
    again = list(score_patients(predictor, cache, [p["patient"] for p in row["patients"]]))
    assert [score.as_row() for score in again] == row["patients"]
    assert [score.as_row() for score in cross_validation.scores_of([row], "tiny")] == row["patients"]


def test_what_is_chosen_is_best_on_the_validation_patients(cache):
    split = next(k_folds(cache.names, 5, validation=2))
    run = prepare(TINY.stages[-1], cache, split, torch.device("cpu"))
    trained = Predictor(run.network, {}, 32, context_slices=1)
    chosen, tried = cross_validation.choose(TINY, trained, cache, split.validation)

    def dice(**settings):
        predictor = replace(trained, flip_tta=True, batch_norm_adaptation=0.4, **settings)
        counts = {}
        for name in split.validation:
            mine = cache.slices_of([name])
            found = predictor.probabilities(cache.images[mine], cache.statistics[cache.patient_of[mine[0]]])
            counts[name] = pooled(count_slices(predictor.masks(found), np.asarray(cache.masks[mine])))
        return mean_dice(counts)

    every = [{**threshold, "min_component_size": size}
             for threshold in ({"threshold": 0.3}, {"threshold": 0.5}, {"temperature": 2.0}) for size in (0, 20)]
    assert tried == [{**settings, "mean_dice": round(dice(**settings), 4)} for settings in every]
    best = max(tried, key=lambda settings: settings["mean_dice"])
    assert {**chosen, "mean_dice": best["mean_dice"]} == {**best, "flip_tta": True, "batch_norm_adaptation": 0.4}


def test_a_stage_goes_on_with_the_weights_of_the_one_before(cache, tmp_path):
    split = next(k_folds(cache.names, 5, validation=1))
    trained = []
    for run, folder in recipes.stages(TINY, cache, split, 0, tmp_path, torch.device("cpu")):
        start = {name: value.clone() for name, value in run.network.state_dict().items()}
        if trained:
            assert all(torch.equal(start[name], trained[-1][name]) for name in start)
        run.train_to_end(folder)
        trained.append({name: value.clone() for name, value in run.network.state_dict().items()})
        assert (run.settings.size, folder) == ((16, tmp_path / "stage-1"), (32, tmp_path))[len(trained) - 1]
    assert not torch.equal(trained[0]["output.weight"], trained[1]["output.weight"])


def test_the_train_command_takes_a_recipe_and_resumes_in_its_stage(data, tmp_path):
    out = tmp_path / "run"
    # A process of its own that knows the tiny recipe, too: the best one would take minutes.
    script = ("import test_cross_validation; from unet_lib.cli import app; from unet_lib.training import recipes; "
              "recipes.RECIPES['tiny'] = test_cross_validation.TINY; app.main()")

    def command(*more):
        arguments = ["train", "--recipe", "tiny", "--data", data, "--out", out, "--device", "cpu", *more]
        done = run_python("-c", script, *arguments, cwd=Path(__file__).parent,
                          PYTHONPATH=os.pathsep.join(map(str, (REPOSITORY, HELPERS))))
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = command()
    assert "Stage 1 of 2, at 16×16" in said and "Stage 2 of 2, at 32×32" in said
    (out / "stage-1" / BEST).unlink()
    for name in (LAST, BEST, HISTORY):  # as if it was stopped after the first stage
        (out / name).unlink()
    command("--resume")
    assert not (out / "stage-1" / BEST).exists(), "the finished stage was trained again"
    assert load_model(out / BEST)[1]["data"]["size"] == 32


def test_measured_folds_are_not_trained_again(cache, measured, monkeypatch):
    path, _ = measured
    monkeypatch.setattr(cross_validation, "run_fold", lambda *_: pytest.fail("trained again"))
    assert list(cross_validation.run_folds("tiny", cache, path, folds=[3, 0], work=path.parent / "runs")) == []


def test_the_table_pools_the_patients_of_all_folds(measured):
    path, rows = measured
    line = cross_validation.as_table(read_rows(path)).splitlines()[-1]
    dice = [patient["dice"] for row in rows for patient in row["patients"]]
    assert line.startswith(f"| tiny | 2 of 5 | {len(dice)} | {np.mean(dice):.3f} [")


def test_unknown_recipes_and_folds(cache, tmp_path):
    known = ", ".join(recipes.RECIPES)
    with pytest.raises(SettingsError, match=f"recipe out of {known}; got 'good'"):
        next(cross_validation.run_folds("good", cache, tmp_path / "x.json"))
    with pytest.raises(SettingsError, match="folds from 0 to 4; got 7"):
        next(cross_validation.run_folds("tiny", cache, tmp_path / "x.json", folds=[7]))


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_can_be_trained_and_has_inference_settings(name):
    recipe = recipes.find_recipe(name)
    assert len({settings.network for settings in recipe.stages}) == 1, "weights go from stage to stage"
    assert recipe.candidate_settings()


def test_an_idea_is_tried_out_on_validation_patients_alone(cache, monkeypatch):
    split = split_patients(cache.names, seed=0)
    seen = []
    monkeypatch.setattr(cross_validation, "score_patients", lambda predictor, *rest: seen.append(predictor.model) or
                        score_patients(predictor, *rest))
    one, again, _ = (cross_validation.try_out(replace(SMALL, **how), cache, split)
                     for how in ({}, {}, {"augment": False}))
    assert [score.patient for score in one] == list(split.validation)
    first, same, unvaried = (network.output.weight for network in seen)
    untrained = prepare(SMALL, cache, split, torch.device("cpu")).network.output.weight
    assert torch.equal(first, same)
    assert not torch.equal(first, unvaried) and not torch.equal(first, untrained)
    assert [score.dice for score in one] == [score.dice for score in again]


def test_the_recipe_school_has_the_school_projects_settings():
    settings, = recipes.find_recipe("school").stages
    assert (settings.training.loss, settings.training.learning_rate, settings.batch) == ("bce", 0.001, 4)
    assert not settings.network.batch_norm and not settings.augment and settings.training.schedule == "constant"


def test_the_command_shows_trains_and_refuses(run_cli, data, tmp_path):
    out = tmp_path / "folds.json"
    assert "| recipe | folds |" in run_cli("experiments", "cross-validate", "--show", "--out", out).stdout
    done = run_cli("experiments", "cross-validate", "--recipe", "good", "--data", data, "--out", out)
    assert done.returncode == 2 and "expected a recipe out of" in done.stderr
    done = run_cli("train", "--recipe", recipes.BEST, "--no-batch-norm", "--out", tmp_path / "run", "--data", data)
    assert done.returncode == 2 and "got also --batch-norm" in done.stderr
