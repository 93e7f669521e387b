"""Does a map of "where the network looks" change when the network forgets what it learnt?

    python benchmarks/ablations/saliency_sanity.py [--data data/phantom] [--slices 12] [--seeds 3] [--threads 1]

The model-randomisation test of Adebayo et al. (2018, "Sanity checks for saliency maps"): blocks from the output back to
some block get fresh weights (`attribution.randomised_from`), and the map is drawn again for the same region, the mask
of the trained network. Of Grad-CAM at decoder.1, bottleneck and encoder.1, and of occlusion, the rank correlation
(Spearman) of the new map with the trained network's, over the map's pixels; the mean over slices and seeds, and its
95 % interval over slices. A method passes if little correlation is left. `flair` is the correlation of the trained
network's map with the slice's own brightness: what any map that shows the head would have. Of each patient the slice
with most tumour; patients in whose slice the network finds less than 20 pixels are left out. Rows go to
data/results/saliency_sanity.json.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.core.metrics import bootstrap
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.slice_files import FLAIR
from unet_lib.evaluation.result_rows import add_row
from unet_lib.inspection.activations import block_names
from unet_lib.inspection.attribution import grad_cam, logits_of, occlusion, randomised_from
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.common import to_mask

BLOCKS = ("decoder.1", "bottleneck", "encoder.1")
CASCADE = ("output", "decoder.1", "decoder.3", "bottleneck", "encoder.3", "encoder.1")
LEAST, DRAWS = 20, 10_000
KEY = ("series", "step", "method", "from", "data")


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    series, cache = load_series(args.series), open_cache(args.data)
    network = series.networks[-1]
    images, regions = found_tumours(network, cache, series.size, args.slices)
    some, = Batches(cache, np.arange(0, len(cache.images), 12), batch=len(cache.images), size=series.size,
                    shuffle=False).epoch()
    key = {"series": args.series.name, "step": series.steps[-1], "data": cache.content}
    trained = dict(maps(network, images, regions))
    for method, original in trained.items():
        flair = F.interpolate(images[:, FLAIR:FLAIR + 1], original.shape[-2:], mode="area")[:, 0]
        write(args, {**key, "method": method, "from": "flair"}, [correlations(original, flair)])
    for block in [block for block in CASCADE if block in block_names(network)]:
        found: dict[str, list[np.ndarray]] = {}
        for seed in range(args.seeds):
            random = randomised_from(network, block, some.images, seed)
            for method, new in maps(random, images, regions):
                found.setdefault(method, []).append(correlations(trained[method], new))
        for method, rows in found.items():
            write(args, {**key, "method": method, "from": block}, rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/phantom"))
    parser.add_argument("--series", type=Path, default=Path("data/models/lgg-steps"))
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("data/results/saliency_sanity.json"))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"slices": 2, "seeds": 1} if args.quick else {}))


def found_tumours(network: nn.Module, cache: SliceCache, size: int, count: int) -> tuple[Tensor, Tensor]:
    """Images in which the network finds something, and what it finds."""
    of_patients = [cache.slices_of([name]) for name in cache.names]
    largest = [indices[cache.tumour_pixels[indices].argmax()] for indices in of_patients]
    batch, = Batches(cache, np.array(largest), batch=len(largest), size=size, shuffle=False).epoch()
    regions = to_mask(logits_of(network, batch.images))
    chosen = torch.nonzero(regions.sum((1, 2, 3)) >= LEAST)[:count, 0]
    return batch.images[chosen], regions[chosen]


def maps(network: nn.Module, images: Tensor, regions: Tensor) -> Iterator[tuple[str, Tensor]]:
    """By method, a map [n, h, w] of each image."""
    for block in BLOCKS:
        yield f"Grad-CAM, {block}", grad_cam(network, images, block, regions).maps
    side = images.shape[-1] // 4
    yield "occlusion", torch.stack([occlusion(network, image, side, side // 2, region=region[0])
                                    for image, region in zip(images, regions, strict=True)])


def correlations(one: Tensor, other: Tensor) -> np.ndarray:
    """Spearman's, slice by slice; 0 where a map is the same everywhere."""
    pairs = zip(one.flatten(1).numpy(), other.flatten(1).numpy(), strict=True)
    return np.array([0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else spearmanr(a, b)[0] for a, b in pairs])


def write(args: argparse.Namespace, key: dict[str, object], rows: list[np.ndarray]) -> None:
    by_slice = np.mean(rows, axis=0)
    low, high = bootstrap(by_slice, np.mean, DRAWS)
    row = {**key, "rank_correlation": round(float(by_slice.mean()), 3), "interval": [round(low, 3), round(high, 3)],
           "by_seed": [round(float(row.mean()), 3) for row in rows], "slices": len(by_slice),
           **provenance(torch.device("cpu"))}
    print(f"{key['method']}, random from {key['from']}: {row['rank_correlation']} {row['interval']}", flush=True)
    add_row(args.out, {"command": f"python benchmarks/ablations/saliency_sanity.py --slices {args.slices}"}, row, KEY)


if __name__ == "__main__":
    main()
