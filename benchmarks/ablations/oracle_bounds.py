"""What keeps a network from a higher score? The network of fold 0 on its training, validation and test patients.

    python benchmarks/ablations/oracle_bounds.py --data data/lgg [--threads 2]
           [--recipe efflite0-256 --model runs/folds/efflite0-256-0/final.safetensors]

Each patient of fold 0 is predicted with the settings of the network's card. Then three oracles, one at a time, use the
reference mask on purpose: the best threshold for this very patient; no connected components (in three dimensions)
that touch no tumour; nothing on slices without tumour. One row for each recipe and part of the split, with the Dice of
each patient, goes to data/results/oracle_bounds.json. Printed are the mean Dice, and how much of what is missing to 1
each oracle recovers.
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
SUBSETS = ("train", "validation", "test")
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
    for subset in SUBSETS:
        dice: dict[str, dict[str, float]] = {}
        for patient in predictor.card["split"][subset]:
            found = predictor.patient(cache, patient)
            for name, mask in masks(predictor, found.probabilities, found.references):
                dice.setdefault(name, {})[patient] = round(count(mask, found.references).dice(), 4)
        row = {"recipe": args.recipe, "split": subset, "dice": dice, **provenance(torch.device("cpu"))}
        add_row(RESULTS, {"command": "python benchmarks/ablations/oracle_bounds.py"}, row, ("recipe", "split"))
        means = {name: float(np.mean(list(scores.values()))) for name, scores in dice.items()}
        predicted = means.pop("as predicted")
        print(f"{subset:11} {predicted:.3f} as predicted;", "; ".join(
            f"{name} {mean:.3f} ({(mean - predicted) / (1 - predicted):.0%})" for name, mean in means.items()),
              flush=True)


def masks(predictor: Predictor, probabilities: Float[np.ndarray, "n h w"],
          reference: Bool[np.ndarray, "n h w"]) -> Iterator[tuple[str, Bool[np.ndarray, "n h w"]]]:
    """The mask of one patient as predicted, and with each oracle."""
    predicted = predictor.masks(probabilities)
    yield "as predicted", predicted
    yield "oracle threshold", max((remove_small_components(probabilities >= threshold, predictor.min_component_size)
                                   for threshold in THRESHOLDS), key=lambda mask: count(mask, reference).dice())
    components = ndimage.label(predicted, np.ones((3, 3, 3)))[0]
    yield "oracle components", predicted & np.isin(components, np.unique(components[predicted & reference]))
    yield "oracle slices", predicted & reference.any((1, 2), keepdims=True)


if __name__ == "__main__":
    main()
