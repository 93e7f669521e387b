"""What are per-patient thresholds and test-time batch-norm adaptation worth? The same networks, four settings.

    python benchmarks/ablations/inference_ablation.py --data data/lgg [--threads 2] [--fold 0 …]

after `unet_lib experiments cross-validate --recipe efflite0-256`, whose weights it takes from runs/folds. The four
settings use neither of the two, one of them, or both; what each still leaves open (threshold or temperature, and the
smallest component) is chosen on the fold's validation patients. Then its test patients are predicted, always without
flip test-time augmentation, which would take twice as long. One row a fold goes to
data/results/inference_ablation.json, with the Dice of each patient under each setting.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unet_lib.core.metrics import count
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.evaluation.cross_validation import FOLDS, WEIGHTS, WORK, choose
from unet_lib.evaluation.result_rows import add_row
from unet_lib.inference.predictor import load_predictor
from unet_lib.training.recipes import find_recipe

RECIPE = "efflite0-256"
RESULTS = Path("data/results/inference_ablation.json")
SETTINGS = ("no adaptation", "per-patient threshold", "batch-norm adaptation", "both")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--fold", type=int, nargs="*", default=range(FOLDS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache = open_cache(args.data)
    for fold in args.fold:
        row = {"fold": fold, **measure(cache, fold), **provenance(torch.device("cpu"))}
        add_row(RESULTS, {"command": "python benchmarks/ablations/inference_ablation.py"}, row, ("fold",))
        print(fold, {name: round(float(np.mean(list(dice.values()))), 4) for name, dice in row["dice"].items()},
              flush=True)


def measure(cache: SliceCache, fold: int) -> dict[str, Any]:
    """What is chosen under each setting, with the validation patients' mean Dice; and each test patient's Dice."""
    recipe, predictor = find_recipe(RECIPE), load_predictor(WORK / f"{RECIPE}-{fold}" / WEIGHTS, "cpu")
    split = predictor.card["split"]
    chosen: dict[str, dict[str, Any]] = {}
    dice: dict[str, dict[str, float]] = {}
    for fraction, names in ((0.0, SETTINGS[:2]), (recipe.batch_norm_adaptation, SETTINGS[2:])):
        always: dict[str, Any] = {"flip_tta": False, "batch_norm_adaptation": fraction}
        _, tried = choose(replace(recipe, **always), predictor, cache, split["validation"])
        for name, kind in zip(names, ("threshold", "temperature"), strict=True):
            best = max((one for one in tried if kind in one), key=lambda one: one["mean_dice"])
            chosen[name] = {"batch_norm_adaptation": fraction, **best}
        for patient in split["test"]:
            found = replace(predictor, **always).patient(cache, patient)
            for name in names:
                settings = {"threshold": 0.5, "temperature": None, **chosen[name]}
                del settings["mean_dice"]
                mask = replace(predictor, **settings).masks(found.probabilities)
                dice.setdefault(name, {})[patient] = round(count(mask, found.references).dice(), 4)
    return {"chosen": chosen, "dice": dice}


if __name__ == "__main__":
    main()
