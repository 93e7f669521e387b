"""How much too good is a test by slices?

    unet_lib phantom --patients 240 --seed 1 --out runs/phantoms-240
    python benchmarks/ablations/split_leak.py --data runs/phantoms-240
    python benchmarks/ablations/split_leak.py --data data/lgg [--patients 3] [--epochs 24]

A pair of networks for each seed, as in lesson 01 (`unet_lib.evaluation.split_leak`): two groups of patients, a small
U-Net for each, trained on half of its group's tumour slices; both are scored on the other half of both groups' slices.
Pairs take the next patients of a shuffled list, so that no two pairs share a patient, as long as there are enough; then
the list is shuffled anew.

Rows, with F1 by network (rows of `f1`) and test set (columns), go to data/results/split_leak.json as they are measured;
an interrupted measurement goes on where it stopped.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from unet_lib.core.provenance import provenance
from unet_lib.data.cache import open_cache
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.evaluation.split_leak import EPOCHS, crossover

COMMAND = "python benchmarks/ablations/split_leak.py --data DATA [--patients N] [--epochs N]"
KEY = ("data", "patients", "epochs", "seed")


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    cache = open_cache(args.data)
    done = {tuple(row[key] for key in KEY) for row in read_rows(args.out, KEY)}
    for seed in range(args.seeds):
        row = {"data": cache.content, "patients": args.patients, "epochs": args.epochs, "seed": seed}
        if tuple(row.values()) not in done:
            f1 = crossover(cache, draw_groups(cache.names, args.patients, seed), seed, args.epochs)
            row |= {"phantoms": "phantoms" in cache.content, "f1": f1.round(4).tolist()}
            add_row(args.out, {"command": COMMAND}, row | provenance(torch.device("cpu")), KEY)
            known, new = f1.diagonal().mean(), f1[[0, 1], [1, 0]].mean()
            print(f"seed {seed}: known patients {known:.3f}, new patients {new:.3f}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/phantom"))
    parser.add_argument("--out", type=Path, default=Path("data/results/split_leak.json"))
    parser.add_argument("--patients", type=int, default=6, help="in each of the two groups")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seeds", type=int, default=20)
    return parser.parse_args()


def draw_groups(names: Sequence[str], patients: int, seed: int) -> tuple[list[str], list[str]]:
    """Two groups of so many patients; pairs with other seeds have other patients, as long as there are enough."""
    pairs = len(names) // (2 * patients)
    if not pairs:
        raise SystemExit(f"expected at least {2 * patients} patients, for two groups of {patients}; got {len(names)}. "
                         f"Take a smaller --patients.")
    again, pair = divmod(seed, pairs)
    order = np.random.default_rng(again).permutation(names)
    chosen = order[2 * patients * pair:2 * patients * (pair + 1)].tolist()
    return chosen[:patients], chosen[patients:]


if __name__ == "__main__":
    main()
