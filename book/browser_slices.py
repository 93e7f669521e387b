"""Some slices of a few phantoms, packed in one file: what the slice browser shows in a page without Python.

    python -m book.browser_slices      # from data/phantom → book/live/browser_slices.npz

They are slices of the default phantoms, which `make phantom` makes the same everywhere, as WebP: without loss their
noise alone would take nine times the room. So grey levels are a few off, which is not to be seen.
"""

import base64
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from book.delivery import deliver
from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.paths import repository
from unet_lib.data.cache import PatientInfo, SliceCache, open_cache
from unet_lib.data.slice_files import CHANNELS, SIDE, site_of
from unet_lib.widgets.shared.masks import packed
from unet_lib.widgets.shared.patients import slice_facts, tumour_strip

PACKED = Path(__file__).resolve().parent / "live" / "browser_slices.npz"
QUALITY = 84
SLICES = {"TCGA_PH_C002_19830213": (10, 14), "TCGA_PH_C006_19871209": (8, 13),
          "TCGA_PH_D012_19910921": (18, 21, 24, 27, 31), "TCGA_PH_F017_19850503": (11, 15, 19, 23, 28, 33, 37)}
"""Patients and the numbers of their slices: a small tumour, a patient with FLAIR alone, and those at which lessons 00
and 01 open, from below the tumour to above it."""


@cache
def load_pictures() -> tuple[bytes, ...]:
    """The slices as WebP, the three channels one below the other."""
    with np.load(PACKED) as data:
        return tuple(part.tobytes() for part in np.split(data["webp"], np.cumsum(data["lengths"])[:-1]))


@cache
def load_browser_cache() -> SliceCache:
    """The packed slices, as a page decodes them."""
    images = [np.asarray(Image.open(BytesIO(picture)))[..., 0].reshape(-1, SIDE, SIDE) for picture in load_pictures()]
    patients = tuple(PatientInfo(name, site_of(name), missing_of(name)) for name in SLICES)
    patient_of = np.repeat(np.arange(len(SLICES)), [len(own) for own in SLICES.values()])
    numbers = np.concatenate(list(SLICES.values()))
    with np.load(PACKED) as data:
        return SliceCache(repository() / "data" / "phantom", np.stack(images).transpose(0, 2, 3, 1),
                          np.unpackbits(data["masks"], axis=-1), patient_of, numbers, patients,
                          data["histograms"].astype(np.int64), content="")


def missing_of(name: str) -> tuple[str, ...]:
    """The sequences of a patient of SLICES that were never taken."""
    return (CHANNELS[0], CHANNELS[2]) if "C006" in name else ()


def write_browser_patients(folder: Path) -> None:
    """A script for each patient."""
    for name in SLICES:
        deliver(folder, f"browser-{name}", packed_patient(name), file=name)


def packed_patient(name: str) -> dict[str, Any]:
    """What the browser needs of a patient: for each slice its facts, its picture and its mask."""
    slices = load_browser_cache()
    return {"name": name, "strip": tumour_strip(slices, name),
            "slices": [{"facts": slice_facts(slices, index), "picture": _text(load_pictures()[index]),
                        "mask": _text(packed(np.packbits(slices.masks[index])))}
                       for index in slices.slices_of([name]).tolist()]}


def pack(phantoms: SliceCache) -> dict[str, np.ndarray]:
    """SLICES out of a cache of phantoms, and the histograms of these patients' whole heads."""
    indices = np.concatenate([phantoms.slices_of([name])[np.array(numbers) - 1] for name, numbers in SLICES.items()])
    pictures = [np.frombuffer(webp(image), np.uint8) for image in phantoms.images[indices]]
    return {"webp": np.concatenate(pictures), "lengths": np.array([len(picture) for picture in pictures]),
            "masks": np.packbits(phantoms.masks[indices], axis=-1),
            "histograms": phantoms.histograms[[phantoms.names.index(name) for name in SLICES]].astype(np.uint32)}


def webp(image: UInt8[np.ndarray, "h w c"]) -> bytes:
    """The channels one below the other: in colour they would share their details."""
    buffer = BytesIO()
    channels = np.concatenate(list(np.moveaxis(image, -1, 0)))
    Image.fromarray(channels).save(buffer, "WEBP", quality=QUALITY, method=6)
    return buffer.getvalue()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


if __name__ == "__main__":
    with atomic_file(PACKED) as file:
        np.savez_compressed(file, **pack(open_cache(repository() / "data" / "phantom")))
