"""Whole trainings by name, from the school project's to the best we found: `unet_lib train --recipe efflite0`.

An id never changes its meaning. What each reaches: `unet_lib experiments cross-validate --show`; how each came about,
and where test scores had a say: data/results/README.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from unet_lib.core.errors import SettingsError
from unet_lib.data.augmentation import AugmentationConfig
from unet_lib.data.cache import SliceCache
from unet_lib.data.splits import Split
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import Experiment, ExperimentConfig, prepare


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train, and the inference settings of the trained network (names as in `Predictor`).

    Each of the `stages` goes on with the weights of the one before; their networks are the same. Chosen on validation
    patients: one of the `thresholds`, or one of the `temperatures` of a per-patient threshold; and one of the
    `min_component_sizes`.
    """

    stages: tuple[ExperimentConfig, ...]
    flip_tta: bool = False
    thresholds: tuple[float, ...] = (0.5,)
    temperatures: tuple[float, ...] = ()
    min_component_sizes: tuple[int, ...] = (0,)
    batch_norm_adaptation: float = 0.0

    def candidate_settings(self) -> list[dict[str, Any]]:
        """Every combination of inference settings that may be chosen, as settings of a `Predictor`."""
        thresholds: list[dict[str, Any]] = [{"threshold": threshold} for threshold in self.thresholds]
        thresholds += [{"temperature": temperature} for temperature in self.temperatures]
        return [{**one, "min_component_size": size} for one, size in product(thresholds, self.min_component_sizes)]


SCHOOL = ExperimentConfig(UNetConfig(base=16, batch_norm=False),
                          TrainingConfig(epochs=10, learning_rate=1e-3, loss="bce"), size=128, batch=4, augment=False)

# Progressive resizing: most of the way on images of 64×64, four times as fast; then 128×128; at last with all slices.
COARSE = ExperimentConfig(UNetConfig(base=16),
                          TrainingConfig(epochs=30, learning_rate=4e-3, schedule="cosine", ema=0.99),
                          size=64, batch=16, negative_fraction=0.3, augmentation=AugmentationConfig(elastic=0.03))
FINE = replace(COARSE, size=128, training=replace(COARSE.training, epochs=12, learning_rate=3e-3))
ALL_SLICES = replace(FINE, negative_fraction=1.0, training=replace(COARSE.training, epochs=6, learning_rate=1e-3))
LONG = replace(ALL_SLICES, training=replace(COARSE.training, epochs=10, learning_rate=2e-3))
LONGER = replace(LONG, training=replace(LONG.training, epochs=20))

# An encoder pretrained on photographs; the stages differ in size and length.
EFFICIENTNET_128 = replace(COARSE, network=EfficientNetUNetConfig(), size=128, pretrained=True,
                           training=replace(COARSE.training, epochs=12, learning_rate=1e-3))
EFFICIENTNET_192 = replace(EFFICIENTNET_128, size=192, negative_fraction=0.5,
                           training=replace(EFFICIENTNET_128.training, epochs=8))
EFFICIENTNET_192_ALONE = replace(EFFICIENTNET_192, training=replace(EFFICIENTNET_192.training, epochs=14))
EFFICIENTNET_192_MORE = replace(EFFICIENTNET_192, training=replace(EFFICIENTNET_192.training, epochs=4))
EFFICIENTNET_256 = replace(EFFICIENTNET_192_MORE, size=256)

# Patients count more alike, however small their tumour: in what is drawn, and in the loss.
BALANCED_128 = replace(EFFICIENTNET_128, patient_balance=0.5,
                       training=replace(EFFICIENTNET_128.training, epochs=20, loss="bce_dice_per_slice"))
BALANCED_256 = replace(BALANCED_128, size=256, negative_fraction=0.5, training=replace(BALANCED_128.training, epochs=5))
BALANCED_128_LONG = replace(BALANCED_128, training=replace(BALANCED_128.training, epochs=30))
BALANCED_256_LONG = replace(BALANCED_256, training=replace(BALANCED_256.training, epochs=8))
# In minutes on two cores: small batches, so that few epochs have many steps, and an average over the last steps.
BRIEF = replace(EFFICIENTNET_128, batch=8,
                training=replace(EFFICIENTNET_128.training, epochs=6, learning_rate=2e-3, ema=0.95))

PROGRESSIVE = Recipe((COARSE, FINE, ALL_SLICES), flip_tta=True, thresholds=(0.3, 0.4, 0.5, 0.6, 0.7),
                     min_component_sizes=(0, 100, 300))
# No flip test-time augmentation at full resolution: it would take longer than two seconds a patient.
FULL_RESOLUTION = Recipe((EFFICIENTNET_128, EFFICIENTNET_192, EFFICIENTNET_192_MORE, EFFICIENTNET_256),
                         batch_norm_adaptation=0.4, thresholds=(0.1, 0.2, 0.3, 0.5, 0.7),
                         temperatures=(1.0, 2.0, 3.0, 4.0), min_component_sizes=(0, 100, 300))

QUICK, BEST = "efflite0-quick", "efflite0-balanced-long"
RECIPES = {
    "school": Recipe((SCHOOL,)),
    "unet-progressive": PROGRESSIVE,
    "unet-progressive-long": replace(PROGRESSIVE, stages=(*PROGRESSIVE.stages, LONG, LONGER)),
    QUICK: Recipe((BRIEF,), batch_norm_adaptation=0.4),
    "efflite0": replace(PROGRESSIVE, stages=(EFFICIENTNET_192_ALONE,)),
    "efflite0-256": FULL_RESOLUTION,
    "efflite0-balanced": replace(FULL_RESOLUTION, stages=(BALANCED_128, BALANCED_256)),
    BEST: replace(
        FULL_RESOLUTION, stages=(BALANCED_128, BALANCED_256, BALANCED_128_LONG, BALANCED_256_LONG)),
}


def find_recipe(name: str) -> Recipe:
    """Raises SettingsError for an unknown name."""
    if name not in RECIPES:
        raise SettingsError(f"expected a recipe out of {', '.join(RECIPES)}; got {name!r}.")
    return RECIPES[name]


def stage_folder(recipe: Recipe, number: int, folder: Path) -> Path:
    """Where the files of the stage lie, counted from 1; those of the last lie in `folder` itself."""
    return folder if number == len(recipe.stages) else folder / f"stage-{number}"


def stages(recipe: Recipe, cache: SliceCache, split: Split, seed: int, folder: Path,
           device: torch.device) -> Iterator[tuple[Experiment, Path]]:
    """Each stage as an experiment, and the folder for its files; the last one's is `folder` itself.

    A stage takes over the weights of the one before when it is asked for: train each before taking the next.
    """
    before = None
    for number, settings in enumerate(recipe.stages, 1):
        experiment = prepare(replace(settings, seed=seed), cache, split, device)
        if before:
            experiment.network.load_state_dict(before.network.state_dict())
        yield experiment, stage_folder(recipe, number, folder)
        before = experiment
