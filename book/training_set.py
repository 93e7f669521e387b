"""The slices that the training in the page learns from and is scored on: small phantoms in one JSON file.

    python -m book.training_set [--data data/phantom]        # writes data/playground/training_set.json

Split by patient, as everywhere (`split_patients(seed=0)`): of each training patient EACH_TRAINING slices, most of them
with tumour, for a network that sees few slices has to see tumours; of each validation patient EACH_VALIDATION, evenly
spread over the head whatever they show, as a scan is. The test patients stay out. `book/live/training_data.js` reads
the file.
"""

import argparse
import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from unet_lib.core.atomic_io import write_text
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.data.splits import split_patients

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "data" / "playground" / "training_set.json"
SIDE = 64
EACH_TRAINING = {"with tumour": 5, "without": 2}
EACH_VALIDATION = 10
WATCHED = "TCGA_PH_H015_19860802"  # the patient whose largest tumour is watched at first: one that is easy to see


def training_set(cache: SliceCache, scored: str = "validation") -> dict[str, Any]:
    """Plain data. `pixels` is base64 of zlib-compressed bytes: all images [n, 3, SIDE, SIDE] in grey levels, then all
    masks [n, SIDE, SIDE] of 0 and 1. The first `training` slices are for training, the others are scored: those of the
    subset `scored` of the split, which is "test" only where a figure is to be stated. `watched` counts among these.

    `statistics` of each patient, mean and standard deviation of the three channels at full size, normalise its slices.
    """
    split = split_patients(cache.names)
    training = np.concatenate([training_slices(cache, name) for name in split.train])
    unseen = np.concatenate([spread(cache.slices_of([name]), EACH_VALIDATION) for name in split.subset(scored)])
    chosen = np.concatenate([training, unseen])
    images, masks = scale_images(cache.images, chosen, SIDE), scale_masks(cache.masks, chosen, SIDE)
    patients = sorted({int(patient) for patient in cache.patient_of[chosen]})
    pixels = zlib.compress(images.contiguous().numpy().tobytes() + masks.contiguous().numpy().tobytes(), 9)
    of_watched = np.isin(unseen, cache.slices_of([WATCHED])) if WATCHED in cache.names else np.ones(len(unseen), bool)
    return {"content": cache.content, "side": SIDE, "training": len(training),
            "watched": int((cache.tumour_pixels[unseen] * of_watched).argmax()),
            "patients": [{"name": cache.names[patient], "statistics": cache.statistics[patient].round(3).tolist()}
                         for patient in patients],
            "patient_of": [patients.index(patient) for patient in cache.patient_of[chosen]],
            "numbers": cache.numbers[chosen].tolist(), "pixels": base64.b64encode(pixels).decode("ascii")}


def training_slices(cache: SliceCache, patient: str) -> Int[np.ndarray, "k"]:
    """Slices of this patient, with tumour and without, each kind evenly spread; fewer where there are not as many."""
    own = cache.slices_of([patient])
    has_tumour = cache.tumour_pixels[own] > 0
    return np.sort(np.concatenate([spread(own[has_tumour], EACH_TRAINING["with tumour"]),
                                   spread(own[~has_tumour], EACH_TRAINING["without"])]))


def spread(indices: Int[np.ndarray, "n"], count: int) -> Int[np.ndarray, "k"]:
    """`count` of them, each from the middle of its part; all if there are no more."""
    count = min(count, len(indices))
    return indices[((np.arange(count) + 0.5) * len(indices) / count).astype(int)]


def main() -> None:
    """Make the file from the phantoms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "phantom")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    made = training_set(open_cache(args.data))
    write_text(args.out, json.dumps(made) + "\n")
    print(f"{args.out}: {made['training']} slices for training, {len(made['numbers']) - made['training']} for "
          f"validation, {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
