"""Patients in few bytes, to travel to a machine with a GPU; not a question of its own, but what gpu_card.py rests on.

WebP and PNG files without loss, in zips of limited size: 128.zip holds all patients at half resolution (masks at full),
as training at 128×128 sees them; 256-1.zip and so on hold all at full resolution.
"""

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from unet_lib.data.cache import SliceCache
from unet_lib.data.preprocessing import scale_images
from unet_lib.data.slice_files import SIDE

Files = dict[str, bytes]


def pack(cache: SliceCache, folder: Path, limit: float) -> list[Path]:
    """Write the zips, each of at most `limit` bytes: 128.zip with as many patients as fit, the others with all."""
    folder.mkdir(parents=True, exist_ok=True)
    half = next(filled((encoded(cache, name, SIDE // 2) for name in cache.names), limit))
    written = [(folder / "128.zip", half)]
    for number, files in enumerate(filled((encoded(cache, name, SIDE) for name in cache.names), limit), 1):
        written.append((folder / f"256-{number}.zip", files))
    for path, files in written:
        with zipfile.ZipFile(path, "w") as file:
            for name, data in files.items():
                file.writestr(name, data)
    return [path for path, _ in written]


def filled(patients: Iterator[Files], limit: float) -> Iterator[Files]:
    """Patients put together as long as their zip is not larger than `limit`."""
    room, together = limit - 22, Files()
    for files in patients:
        size = sum(len(data) + 2 * len(name) + 76 for name, data in files.items())  # with both of the zip's headers
        if together and size > room:
            yield together
            room, together = limit - 22, Files()
        room -= size
        together |= files
    yield together


def encoded(cache: SliceCache, name: str, side: int) -> Files:
    """A patient's files, by their paths in the zip."""
    indices = cache.slices_of([name])
    images = scale_images(cache.images, indices, side).movedim(1, -1).contiguous().numpy()
    found = {}
    for index, image in zip(indices, images, strict=True):
        stem = f"{name}/{name}_{cache.numbers[index]}"
        found[f"{stem}.webp"] = _saved(image, "WEBP", lossless=True, exact=True)
        found[f"{stem}_mask.png"] = _saved(cache.masks[index] > 0, "PNG", optimize=True)
    return found


def unpack(packed: Path, target: Path) -> dict[str, int]:
    """Write all patients of all zips as a data folder, each from the finest; how many came at which resolution.

    Raises FileNotFoundError if there is no zip.
    """
    zips = [zipfile.ZipFile(path) for path in sorted(packed.glob("*.zip"))]  # 128 before 256
    if not zips:
        raise FileNotFoundError(f"{packed}: expected 128.zip or 256-1.zip; found neither. Make them with --pack.")
    source = {name: file for file in zips for name in file.namelist()}
    side_of = {name.partition("/")[0]: Path(str(file.filename)).stem.partition("-")[0] for name, file in source.items()}
    for patient in side_of:
        (target / patient).mkdir(parents=True, exist_ok=True)

    def write(name: str, data: bytes) -> None:
        pixels = np.asarray(Image.open(io.BytesIO(data)))
        pixels = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
        times = SIDE // len(pixels)
        tifffile.imwrite((target / name).with_suffix(".tif"), pixels.repeat(times, 0).repeat(times, 1))

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, source, (file.read(name) for name, file in source.items())))
    return {side: list(side_of.values()).count(side) for side in sorted(set(side_of.values()))}


def _saved(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind, **options)
    return target.getvalue()
