"""What keeps a network from a higher score? One of fold 0, asked about heads it learnt from and about strangers.

    python benchmarks/ablations/oracle_bounds.py --data data/lgg [--threads 2]
                                 [--recipe sharp --model runs/folds/sharp-0/final.safetensors]

Each patient of fold 0 is outlined as the network's card says. Then we cheat with the expert's mask, in three ways, one
at a time: the best threshold for this very patient; without parts that touch no tumour (what hangs together in three
dimensions); without anything on slices where there is none. One row for each recipe and part of the split, with the
Dice of each patient, goes to data/results/oracle_bounds.json; printed is the mean Dice, and how much of what is missing to 1
each cheat makes good.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage

from unet_lib.core.metrics import count
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import open_cache
from unet_lib.evaluation.result_rows import add_row
from unet_lib.inference.postprocessing import remove_small_components
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.training.recipes import BEST

MODEL = Path("data/models/lgg-best.safetensors")
RESULTS = Path("data/results/oracle_bounds.json")
PARTS = {"train": "learnt from", "validation": "chosen by", "test": "strangers"}
THRESHOLDS = (0.01, 0.02, 0.05, *np.arange(0.1, 1, 0.1).round(1).tolist(), 0.95, 0.98, 0.99)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--recipe", default=BEST)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache, predictor = open_cache(args.data), load_predictor(args.model, "cpu")
    for part, words in PARTS.items():
        dice: dict[str, dict[str, float]] = {}
        for patient in predictor.card["split"][part]:
            found = predictor.patient(cache, patient)
            for oracle, reached in with_oracle(predictor, found.probabilities, found.references):
                dice.setdefault(oracle, {})[patient] = round(reached, 4)
        add_row(RESULTS, {"command": "python benchmarks/ablations/oracle_bounds.py"},
                   {"recipe": args.recipe, "split": part, "dice": dice, **provenance(torch.device("cpu"))},
                   ("recipe", "split"))
        means = {way: float(np.mean(list(reached.values()))) for way, reached in dice.items()}
        honest = means.pop("as predicted")
        print(f"{words:11} {honest:.3f} as asked;", "; ".join(
            f"{way} {mean:.3f} ({(mean - honest) / (1 - honest):.0%})" for way, mean in means.items()), flush=True)


def with_oracle(predictor: Predictor, probabilities: Float[np.ndarray, "n h w"],
            reference: Bool[np.ndarray, "n h w"]) -> Iterator[tuple[str, float]]:
    """The Dice of one patient as predicted, and with each oracle."""
    mask = predictor.masks(probabilities)
    yield "as predicted", count(mask, reference).dice()
    yield "oracle threshold", max(count(remove_small_components(probabilities >= threshold, predictor.min_component_size), reference)
                                  .dice() for threshold in THRESHOLDS)
    parts = ndimage.label(mask, np.ones((3, 3, 3)))[0]
    yield "oracle components", count(mask & np.isin(parts, np.unique(parts[mask & reference])), reference).dice()
    yield "oracle slices", count(mask & reference.any((1, 2), keepdims=True), reference).dice()


if __name__ == "__main__":
    main()
