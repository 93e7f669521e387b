"""What is a patient's own threshold worth? The same networks, asked in two ways, on patients they never saw.

    python benchmarks/own_threshold.py --data data/lgg [--threads 2] [--fold 0 …]

after `unet_lib results folds --recipe own`, whose weights it takes from runs/folds. Of the ways that were tried on a
fold's validation patients, the best with one threshold for all and the best with patients' own thresholds are asked for
the fold's test patients. One row a fold goes to data/results/own_threshold.json, the Dice of each patient in both ways.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import record
import torch

from unet_lib.card import provenance
from unet_lib.dataset import open_cache
from unet_lib.folds import FOLDS, WEIGHTS, WORK, read_folds
from unet_lib.metrics import count, mean_dice
from unet_lib.predict import load_predictor

RESULTS = Path("data/results/own_threshold.json")
WAYS = {"one for all": "threshold", "their own": "temperature"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--fold", type=int, nargs="*", default=range(FOLDS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache = open_cache(args.data)
    measured = {row["fold"]: row for row in read_folds(RESULTS.with_name("folds.json")) if row["recipe"] == "own"}
    for fold in args.fold:
        predictor = load_predictor(WORK / f"own-{fold}" / WEIGHTS, "cpu")
        chosen = {name: max((way for way in measured[fold]["tried"] if kind in way), key=lambda way: way["mean_dice"])
                  for name, kind in WAYS.items()}
        asked = {name: replace(predictor, temperature=way.get("temperature"), threshold=way.get("threshold", 0.5),
                               smallest=way["smallest"]) for name, way in chosen.items()}
        found = {name: {} for name in WAYS}
        for patient in predictor.card["split"]["test"]:
            mine = cache.slices_of([patient])
            said = predictor.probabilities(cache.images[mine], cache.statistics[cache.patient_of[mine[0]]])
            for name, way in asked.items():
                found[name][patient] = count(way.masks(said), np.asarray(cache.masks[mine]))
        row = {"fold": fold, "chosen": chosen,
               "dice": {name: {patient: round(c.dice(), 4) for patient, c in counts.items()}
                        for name, counts in found.items()},
               **provenance(torch.device("cpu"))}
        record.add(RESULTS, {"command": "python benchmarks/own_threshold.py"}, row, ("fold",))
        print(fold, {name: round(mean_dice(counts), 4) for name, counts in found.items()}, flush=True)


if __name__ == "__main__":
    main()
