"""Cross-validation by patient: every patient is scored once, by a network that never saw it.

    for row in run_folds("efflite0", cache, Path("data/results/cross_validation.json")):
        print(row["fold"], row["summary"])

Each fold trains on the patients outside it but for a few. On those few the inference settings are chosen
(`Recipe.candidate_settings`: threshold or temperature, and the smallest component), and nothing else. The fold's own
patients are predicted once, at the end.
"""

from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from unet_lib.core.claim import claim, turn
from unet_lib.core.devices import choose_device
from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import count_slices, mean_dice, pooled
from unet_lib.data.cache import SliceCache
from unet_lib.data.splits import Split, k_folds
from unet_lib.evaluation.patients import PatientScore, score_patients, summary
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.models.checkpoint import save_model
from unet_lib.training.experiment import Experiment, ExperimentConfig, prepare
from unet_lib.training.loop import fit
from unet_lib.training.recipes import RECIPES, Recipe, find_recipe, stages

FOLDS = 5
WEIGHTS = "final.safetensors"
WORK = Path("runs/folds")
KEY = ("recipe", "fold", "data")
COLUMNS = (*KEY, "patients")  # what every row has, and the table needs
ABOUT = {"command": "unet_lib experiments cross-validate"}


def run_folds(recipe: str, cache: SliceCache, path: Path, *, folds: Collection[int] = range(FOLDS),
              work: Path = WORK, device: str = "auto") -> Iterator[dict[str, Any]]:
    """Train, choose and score the folds that `path` lacks; add each there; yield the new rows.

    The weights, with their card, stay in `work/<recipe>-<fold>/final.safetensors`; an interrupted training goes on
    where it stopped. Raises SettingsError for an unknown recipe or fold, for a `path` of another kind, and if another
    process trains the same fold.
    """
    settings = check_choice(recipe, folds)
    with turn(path):  # what cannot be written is said before the training
        done = {tuple(row[key] for key in KEY) for row in read_rows(path, COLUMNS)}
    for fold, split in enumerate(k_folds(cache.names, FOLDS)):
        if fold in folds and (recipe, fold, cache.content) not in done:
            row = {"recipe": recipe, "fold": fold, "data": cache.content,
                   **run_fold(settings, cache, split, fold, work / f"{recipe}-{fold}", choose_device(device))}
            add_row(path, ABOUT, row, KEY, order=("recipe", "fold"))
            yield row


def check_choice(recipe: str, folds: Collection[int]) -> Recipe:
    """The recipe of that name. Raises SettingsError for an unknown recipe or fold."""
    if not set(folds) <= set(range(FOLDS)):
        raise SettingsError(f"expected folds from 0 to {FOLDS - 1}; got {', '.join(map(str, folds))}.")
    return find_recipe(recipe)


def run_fold(recipe: Recipe, cache: SliceCache, split: Split, fold: int, folder: Path,
             device: torch.device) -> dict[str, Any]:
    """One fold: train (the fold's number is its seed), choose on the validation patients, score the test patients."""
    with claim(folder):
        run, seconds = train_stages(recipe, cache, split, fold, folder, device)
        predictor = Predictor(run.network, {}, run.settings.size, context_slices=run.settings.context_slices)
        chosen, tried = choose(recipe, predictor, cache, split.validation)
        save_model(folder / WEIGHTS, run.network, {**run.card, "inference": chosen})
        scores = list(score_patients(load_predictor(folder / WEIGHTS, str(device)), cache, split.test))
    made_by = {key: value for key, value in run.card.items() if key not in ("split", "data")}
    return {"stages": [asdict(settings) for settings in recipe.stages], "inference": chosen, "tried": tried,
            "seconds": seconds, "patients": [score.as_row() for score in scores], "summary": summary(scores), **made_by}


def train_stages(recipe: Recipe, cache: SliceCache, split: Split, seed: int, folder: Path,
                 device: torch.device) -> tuple[Experiment, int]:
    """The last stage's run, trained to its end, and the seconds that all stages took."""
    seconds = 0
    for run, where in stages(recipe, cache, split, seed, folder, device):
        seconds += run.train_to_end(where)
    return run, seconds


def choose(recipe: Recipe, predictor: Predictor, cache: SliceCache,
           patients: Collection[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The best inference settings, and all candidates of the recipe with their mean Dice on these patients."""
    always: dict[str, Any] = {"flip_tta": recipe.flip_tta, "batch_norm_adaptation": recipe.batch_norm_adaptation}
    base = replace(predictor, **always)
    found = {name: base.patient(cache, name) for name in patients}
    tried: list[dict[str, Any]] = []
    for candidate in recipe.candidate_settings():
        settings: dict[str, Any] = {"temperature": None, **candidate}
        predictor = replace(base, **settings)
        dice = mean_dice({name: pooled(count_slices(predictor.masks(one.probabilities), one.references))
                          for name, one in found.items()})
        tried.append({**candidate, "mean_dice": round(dice, 4)})
    best = max(tried, key=lambda candidate: candidate["mean_dice"])
    return {name: value for name, value in best.items() if name != "mean_dice"} | always, tried


def try_out(settings: ExperimentConfig, cache: SliceCache, split: Split, device: str = "cpu") -> list[PatientScore]:
    """Train once from the start, and score the split's validation patients; its test patients are left alone.

    Nothing is written, and nothing is chosen on these patients on the way: their scores may compare settings.
    """
    run = prepare(settings, cache, replace(split, validation=()), choose_device(device))
    for _ in fit(run.network, run.source, settings.training):
        pass
    predictor = Predictor(run.network, {}, settings.size, context_slices=settings.context_slices)
    return list(score_patients(predictor, cache, split.validation))


def scores_of(rows: list[dict[str, Any]], recipe: str) -> list[PatientScore]:
    """The patients of all folds of a recipe, each scored by the network that never saw it."""
    return [PatientScore.from_row(patient) for row in rows if row["recipe"] == recipe for patient in row["patients"]]


def as_table(rows: list[dict[str, Any]]) -> str:
    """What each recipe reaches over the folds measured so far, as Markdown; intervals are over patients."""
    lines = ["| recipe | folds | patients | mean Dice [95 %] | median [95 %] | pooled F1 [95 %] | accuracy |",
             "|---|---|---|---|---|---|---|"]
    measured = {row["recipe"] for row in rows}
    for recipe in (*(name for name in RECIPES if name in measured), *sorted(measured - RECIPES.keys())):
        found = summary(scores_of(rows, recipe))
        cells = [f"{found[name]:.3f} [{low:.3f}, {high:.3f}]" for name in ("mean_dice", "median_dice", "pooled_f1")
                 for low, high in (found[f"{name}_interval"],)]
        folds = sum(row["recipe"] == recipe for row in rows)
        lines.append(f"| {recipe} | {folds} of {FOLDS} | {found['patients']} | {' | '.join(cells)} "
                     f"| {found['pooled_accuracy']:.4f} |")
    return "\n".join(lines)
