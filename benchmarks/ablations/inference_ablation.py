"""What are the patients' own thresholds worth, and their own batch norms? The same networks, asked in four ways.

    python benchmarks/ablations/inference_ablation.py --data data/lgg [--threads 2] [--fold 0 …]

after `unet_lib experiments cross-validate --recipe sharp`, whose weights it takes from runs/folds. Either is left out, both are, or
none; what remains to be chosen in each way (which threshold, or which temperature; the smallest tumour) is chosen on
the fold's validation patients. Then its test patients are asked. All are asked without the mirror, which would take
twice as long. One row a fold goes to data/results/inference_ablation.json, with the Dice of each patient in each way.
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
WAYS = ("no adaptation", "per-patient threshold", "batch-norm adaptation", "both")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--fold", type=int, nargs="*", default=range(FOLDS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache = open_cache(args.data)
    for fold in args.fold:
        row = {"fold": fold, **ask(cache, fold), **provenance(torch.device("cpu"))}
        add_row(RESULTS, {"command": "python benchmarks/ablations/inference_ablation.py"}, row, ("fold",))
        print(fold, {name: round(float(np.mean(list(dice.values()))), 4) for name, dice in row["dice"].items()},
              flush=True)


def ask(cache: SliceCache, fold: int) -> dict[str, Any]:
    """How each way asks after its choice, with the mean Dice of the validation patients; the Dice of each test one."""
    recipe, predictor = find_recipe(RECIPE), load_predictor(WORK / f"{RECIPE}-{fold}" / WEIGHTS, "cpu")
    split = predictor.card["split"]
    chosen: dict[str, dict[str, Any]] = {}
    dice: dict[str, dict[str, float]] = {}
    for fraction, ways in ((0.0, WAYS[:2]), (recipe.batch_norm_adaptation, WAYS[2:])):
        _, tried = choose(replace(recipe, flip_tta=False, batch_norm_adaptation=fraction), predictor, cache, split["validation"])
        for way, kind in zip(ways, ("threshold", "temperature"), strict=True):
            chosen[way] = {"batch_norm_adaptation": fraction, **max((one for one in tried if kind in one), key=mean_of)}
        for patient in split["test"]:
            found = replace(predictor, flip_tta=False, batch_norm_adaptation=fraction).patient(cache, patient)
            for way in ways:
                line = chosen[way]
                mask = replace(predictor, threshold=line.get("threshold", 0.5), temperature=line.get("temperature"),
                               min_component_size=line["min_component_size"]).masks(found.probabilities)
                dice.setdefault(way, {})[patient] = round(count(mask, found.references).dice(), 4)
    return {"chosen": chosen, "dice": dice}


def mean_of(way: dict[str, Any]) -> float:
    return float(way["mean_dice"])


if __name__ == "__main__":
    main()
