"""A few patients of the phantoms, packed in one file: what the lessons' widgets look at in a page without Python.

    python -m book.phantom_slices      # from data/phantom → book/live/phantom_slices.npz

They are slices of the default phantoms, which `make phantom` makes the same everywhere, at the size that the
playground's network sees. No network that the site brings along has seen them.
"""

from pathlib import Path

import numpy as np

from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.paths import repository
from unet_lib.data.cache import PatientInfo, SliceCache, open_cache
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.data.slice_files import SIDE, site_of

PACKED = Path(__file__).resolve().parent / "live" / "phantom_slices.npz"
SIZE = 128
GREY_STEP = 4
"""Grey levels are rounded to multiples of this: what lies below is noise, and would be half of the bytes."""
SLICES = {"TCGA_PH_C000_20000511": (4, 11, 14), "TCGA_PH_C002_19830213": (10, 12),
          "TCGA_PH_C004_19860121": (10, 14, 22)}
"""Patients and the numbers of their slices: a large, a small and a cystic tumour, and slices without."""


def load_cache() -> SliceCache:
    """The packed slices as a cache of 256×256: each pixel stands four times, so that averaged down it is as before."""
    with np.load(PACKED) as packed:
        planes, masks = (packed[name].repeat(SIDE // SIZE, -1).repeat(SIDE // SIZE, -2)
                         for name in ("planes", "masks"))
        patients = tuple(PatientInfo(name, site_of(name), ()) for name in SLICES)
        numbers = np.concatenate(list(SLICES.values()))
        return SliceCache(repository() / "data" / "phantom", planes.transpose(0, 2, 3, 1), masks,
                          np.repeat(np.arange(len(SLICES)), [len(own) for own in SLICES.values()]), numbers, patients,
                          packed["histograms"].astype(np.int64), content="")


def pack(cache: SliceCache) -> dict[str, np.ndarray]:
    """SLICES out of a cache of phantoms, and the histograms of these patients' whole heads."""
    indices = np.concatenate([cache.slices_of([name])[np.array(numbers) - 1] for name, numbers in SLICES.items()])
    planes = scale_images(cache.images, indices, SIZE).contiguous().numpy()
    return {"planes": (GREY_STEP * np.rint(planes / GREY_STEP)).clip(0, 252).astype(np.uint8),
            "masks": scale_masks(cache.masks, indices, SIZE)[:, 0].contiguous().numpy(),
            "histograms": cache.histograms[[cache.names.index(name) for name in SLICES]].astype(np.uint32)}


if __name__ == "__main__":
    with atomic_file(PACKED) as file:
        np.savez_compressed(file, **pack(open_cache(repository() / "data" / "phantom")))
