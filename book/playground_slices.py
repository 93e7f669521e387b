"""The phantom slices of the playground, packed in one file so that the site can be built without making phantoms.

    python -m book.playground_slices      # from data/phantom → book/playground/slices.npz

They are slices of the default phantoms, which `make phantom` makes the same everywhere.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.paths import repository
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.preprocessing import scale_images, scale_masks

PACKED = Path(__file__).resolve().parent / "playground" / "slices.npz"
SIZE = 128
SLICES: tuple[tuple[str, int, str], ...] = (
    ("TCGA_PH_H018_19840715", 20, "a clear tumour"),
    ("TCGA_PH_F017_19850503", 29, "a large tumour"),
    ("TCGA_PH_H020_20001113", 14, "a small, bright tumour"),
    ("TCGA_PH_H022_19931108", 15, "a tumour at the side"),
    ("TCGA_PH_C001_19830518", 13, "a faint tumour"),
    ("TCGA_PH_C004_19860121", 17, "a tumour with a dark cyst"),
    ("TCGA_PH_C010_19861214", 15, "a tumour, and two false alarms"),
    ("TCGA_PH_H021_19911022", 13, "no tumour in this slice"),
)
"""Patient, slice and what is to be seen; the first is on show when the page opens. None was seen in training."""


@dataclass(frozen=True)
class Slice:
    """One slice: grey levels, mask (0 or 1), and the patient's mean and standard deviation of each channel."""

    label: str
    planes: UInt8[np.ndarray, "3 128 128"]
    mask: UInt8[np.ndarray, "128 128"]
    statistics: Float[np.ndarray, "2 3"]


def load_slices() -> tuple[Slice, ...]:
    """All of them, as packed."""
    with np.load(PACKED) as packed:
        return tuple(map(Slice, packed["labels"].tolist(), packed["planes"], packed["masks"], packed["statistics"]))


def pack(cache: SliceCache) -> dict[str, np.ndarray]:
    """SLICES out of a cache of phantoms, at the size that the network sees."""
    first = {name: cache.slices_of([name])[0] for name, _, _ in SLICES}
    indices = np.array([first[name] + number - 1 for name, number, _ in SLICES])
    return {"labels": np.array([label for _, _, label in SLICES]),
            "planes": scale_images(cache.images, indices, SIZE).contiguous().numpy(),
            "masks": scale_masks(cache.masks, indices, SIZE)[:, 0].contiguous().numpy(),
            "statistics": cache.statistics[cache.patient_of[indices]]}


if __name__ == "__main__":
    with atomic_file(PACKED) as file:
        np.savez_compressed(file, **pack(open_cache(repository() / "data" / "phantom")))
