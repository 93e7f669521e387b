"""Do tumours lie apart in the bottleneck, before training, during it and after?

    python benchmarks/ablations/bottleneck_separation.py [--data data/lgg] [--phantoms data/phantom] [--seeds 5]

For each step of a series of weights, and for as many untrained networks of the same architecture with other seeds, the
bottleneck's vectors at all squares of some slices (`unet_lib.inspection.embedding`) are asked how well the nearest
neighbours in other patients tell tumour from the rest: ROC AUC. Controls are shuffled labels (their 95 % interval), and
the mean grey levels of each square ("image") instead of vectors. Untrained networks have their batch norms calibrated
on the slices in question. Four slices with tumour and two without, drawn by seed 0, of each phantom, and of each real
validation patient of the split in the networks' cards. Of real slices only the mask is known, so nothing but tumour (a
quarter of a square or more) is told from the rest. Rows go to data/results/bottleneck_separation.json.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.evaluation.patients import choose_patients
from unet_lib.evaluation.result_rows import add_row
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.inspection.embedding import TUMOUR, Squares, embed, head_squares, neighbour_auc
from unet_lib.models.registry import Network, build

WITH_TUMOUR, WITHOUT = 4, 2
"""Slices a patient, with tumour and without."""
SIDE = 8
KEY = ("series", "network", "data")


@dataclass(frozen=True)
class Slices:
    """Slices as networks see them, their squares, and each square's patient."""

    images: Tensor
    squares: Squares
    patients: np.ndarray
    content: str


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    series = load_series(args.series)
    for name, folder in (("phantoms", args.phantoms), ("real validation patients", args.data)):
        slices = drawn(open_cache(folder), series)
        for network, vectors in to_compare(series, slices, args.seeds):
            row = {"series": args.series.name, "network": network, "data": name, **measured(vectors, slices, args),
                   "content": slices.content, **provenance(torch.device("cpu"))}
            print(f"{name}, {network}: AUC {row['auc']} (shuffled {row['shuffled']})", flush=True)
            add_row(args.out, {"command": f"python benchmarks/ablations/bottleneck_separation.py --seeds {args.seeds}",
                               "split": "the cards': validation patients; and all phantoms"}, row, KEY)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--phantoms", type=Path, default=Path("data/phantom"))
    parser.add_argument("--series", type=Path, default=Path("data/models/lgg-steps"))
    parser.add_argument("--seeds", type=int, default=5, help="untrained networks")
    parser.add_argument("--shuffles", type=int, default=40)
    parser.add_argument("--nearest", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("data/results/bottleneck_separation.json"))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"seeds": 1, "shuffles": 2, "nearest": 3} if args.quick else {}))


def drawn(cache: SliceCache, series: Series) -> Slices:
    """A few slices of each patient; those of the validation patients where the networks' cards name them."""
    names = choose_patients(series.cards[-1], cache, "validation")[0]
    rng = np.random.default_rng(0)
    indices = np.concatenate([some_slices(cache, name, rng) for name in names])
    batch, = Batches(cache, indices, batch=len(indices), size=series.size, shuffle=False).epoch()
    squares = head_squares(labels_of(cache, indices), SIDE)
    return Slices(batch.images, squares, cache.patient_of[indices][squares.slice_of], cache.content)


def some_slices(cache: SliceCache, patient: str, rng: np.random.Generator) -> np.ndarray:
    """A few with tumour and a few without, or as many as there are, in order."""
    indices = cache.slices_of([patient])
    tumour = cache.tumour_pixels[indices] > 0
    kinds = ((indices[tumour], WITH_TUMOUR), (indices[~tumour], WITHOUT))
    return np.sort(np.concatenate([rng.choice(some, min(most, len(some)), replace=False) for some, most in kinds]))


def labels_of(cache: SliceCache, indices: np.ndarray) -> np.ndarray:
    """Tumour where the mask says so, air where FLAIR is darker than a tenth of white, and white matter for the rest:
    which tissue that really is does not matter here, and of real patients nobody knows it."""
    masks, flair = np.asarray(cache.masks[indices]), np.asarray(cache.images[indices])[..., 1]
    labels = np.where(flair < 25, 0, TISSUES.index("white"))
    return np.where(masks > 0, TISSUES.index("tumour"), labels).astype(np.uint8)


def to_compare(series: Series, slices: Slices, seeds: int) -> Iterator[tuple[str, np.ndarray]]:
    """The image itself, untrained networks, and those of the series; with their vectors."""
    side = slices.images.shape[-1] // SIDE
    yield "image", slices.squares.vectors(torch.nn.functional.avg_pool2d(slices.images, side))
    for seed in range(seeds):
        yield f"untrained, seed {seed}", vectors_of(calibrate(build(series.config, seed), slices.images), slices)
    for step, network in zip(series.steps, series.networks, strict=True):
        yield f"step {step}", vectors_of(network if step else calibrate(network, slices.images), slices)


def vectors_of(network: Network, slices: Slices) -> np.ndarray:
    return slices.squares.vectors(feature_maps(network, slices.images, ["bottleneck"])["bottleneck"])


def measured(vectors: np.ndarray, slices: Slices, args: argparse.Namespace) -> dict[str, Any]:
    tumour, rng = slices.squares.tissue == TUMOUR, np.random.default_rng(0)
    by_chance = [neighbour_auc(vectors, rng.permutation(tumour), slices.patients, args.nearest)
                 for _ in range(args.shuffles)]
    return {"auc": round(neighbour_auc(vectors, tumour, slices.patients, args.nearest), 3),
            "shuffled": [round(float(end), 3) for end in np.quantile(by_chance, [0.025, 0.975])],
            "explained": round(float(embed([vectors]).explained[0]), 3), "nearest": args.nearest,
            "squares": len(tumour), "with_tumour": int(tumour.sum()),
            "patients": len(np.unique(slices.patients)), "slices": len(slices.images)}


if __name__ == "__main__":
    main()
