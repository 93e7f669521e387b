"""TIFF → validated arrays → one uint8 memory-mapped cache.

The cache is built once per data folder (about half a minute for the LGG set) and opened in milliseconds
afterwards. Masks become {0, 1}; per patient it records which sequences are mere copies of FLAIR and the
histogram of every channel, from which the intensity normalisation follows.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float, Int, UInt8
from tqdm.auto import tqdm

from unet_lib.core.errors import DatasetError, os_fix
from unet_lib.core.paths import cache_folder
from unet_lib.data.intensity import channel_histograms, intensity_statistics
from unet_lib.data.phantom.card import made_with
from unet_lib.data.slice_files import CHANNELS, FLAIR, SIDE, Survey, describe_problems, site_of, survey
from unet_lib.data.tiff import read_image, read_mask_with_remarks

CACHE_FORMAT = 2


@dataclass(frozen=True, slots=True)
class PatientInfo:
    """A patient's name, site letters, and the sequences that were never taken (their channel copies FLAIR)."""

    name: str
    site: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class SliceCache:
    """All slices of a data folder, sorted by patient and number; the two large arrays stay on disk.

    `images` are grey levels 0–255, `masks` are 0 or 1, `patient_of[i]` is the index of slice i's patient in `patients`,
    `numbers[i]` its number within the patient, counted from 1. `content` is a SHA-256 over all pixels;
    of phantoms, which are made and not published, it says how they were made. `remarks` say what is odd about some
    masks and was accepted.
    """

    root: Path
    images: UInt8[np.ndarray, "n 256 256 3"]
    masks: UInt8[np.ndarray, "n 256 256"]
    patient_of: Int[np.ndarray, "n"]
    numbers: Int[np.ndarray, "n"]
    patients: tuple[PatientInfo, ...]
    histograms: Int[np.ndarray, "p 3 256"]
    content: str
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many slices."""
        return len(self.images)

    @property
    def names(self) -> tuple[str, ...]:
        """Patient names, in the order of `patients`."""
        return tuple(patient.name for patient in self.patients)

    def slices_of(self, patients: Iterable[str]) -> Int[np.ndarray, "k"]:
        """Indices of the slices of these patients, in order. Raises DatasetError for an unknown name."""
        indices = {name: index for index, name in enumerate(self.names)}
        wanted = list(patients)
        if unknown := [name for name in wanted if name not in indices]:
            raise DatasetError(self._no_such_patient(unknown[0]))
        return np.flatnonzero(np.isin(self.patient_of, [indices[name] for name in wanted]))

    def _no_such_patient(self, name: str) -> str:
        close = get_close_matches(name, self.names, n=3, cutoff=0.5)
        listed = close + [other for other in self.names if other not in close]
        more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
        return (f"no patient {name!r} in {self.root}; it holds {', '.join(listed[:5])}{more}. All names: cache.names.")

    @cached_property
    def tumour_pixels(self) -> Int[np.ndarray, "n"]:
        """Tumour pixels per slice, counted from the masks when first asked for."""
        return self.masks.reshape(len(self), -1).sum(axis=1, dtype=np.int64)

    @cached_property
    def statistics(self) -> Float[np.ndarray, "p 2 3"]:
        """Per patient: mean and standard deviation of each channel (see `intensity_statistics`)."""
        return np.stack([intensity_statistics(h) for h in self.histograms])


def open_cache(root: Path | str, *, progress: bool = True, reread: bool = False) -> SliceCache:
    """The data folder as arrays; built when it is new or has changed, else opened as it is.

    Raises DatasetError with every problem found (also as `error.problems`, and by patient as `error.faults`) if the
    folder is unsound. Changes are noticed by what the file system knows of each file: name, size, identity, and the
    times when its content and its name last changed. `reread` reads every file all the same. The cache lies in
    `root/.unet_cache`, or in the user's cache folder where `root` cannot be written.
    """
    return _cached(survey(root), progress, reread)


def open_sound(root: Path | str, *, progress: bool = True) -> tuple[SliceCache, Mapping[str, tuple[str, ...]]]:
    """The patients without any fault as a cache, and the faults of those left out, by patient.

    Faults that concern no patient stand under "". Raises DatasetError if no patient is sound.
    """
    found = survey(root)
    try:
        return _cached(found, progress), {}
    except DatasetError as error:
        sound = found.without(error.faults)
        if not error.faults or not sound.records:
            raise
        return _cached(sound, progress), error.faults


def _cached(found: Survey, progress: bool, reread: bool = False) -> SliceCache:
    store = _store(found)
    if reread or not (store / "index.json").is_file():
        _build(found, store, progress)
    return _open(found.root, store)


def _store(found: Survey) -> Path:
    """Where this folder's cache belongs; the name changes whenever a file does."""
    digest = hashlib.sha256(f"format {CACHE_FORMAT}".encode())
    for record in found.records:
        for path in (record.image, record.mask):
            try:
                status = path.stat()
            except OSError:
                continue  # reading it will say clearly what is wrong
            # Two files that exchange their names keep sizes and times of content, not identities.
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} "
                          f"{status.st_ino}\n".encode())
    digest.update("\n".join(found.problems).encode())
    return cache_folder(found.root) / digest.hexdigest()[:16]


def _build(found: Survey, store: Path, progress: bool) -> None:
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(store.parent)
        # Built under a temporary name and renamed when complete: half a cache is never seen.
        scratch = Path(tempfile.mkdtemp(dir=store.parent, prefix="building-"))
        try:
            _write_arrays(found, scratch, progress)
            _rename(scratch, store)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        need = len(found.records) * SIDE * SIDE * 4 / 1e6
        raise DatasetError(f"{store.parent}: the cache cannot be written ({error.strerror}); it needs {need:.0f} MB. "
                           f"{os_fix(error)} Or set XDG_CACHE_HOME to another disk.") from error


def _remove_leftovers(folder: Path) -> None:
    """Caches of an earlier state of the data, and what a killed process left an hour ago or more."""
    for old in folder.iterdir():
        if not old.name.startswith("building-") or time.time() - old.stat().st_mtime > 3600:
            shutil.rmtree(old, ignore_errors=True)


def _rename(scratch: Path, store: Path) -> None:
    if (store / "index.json").is_file():   # of another process that was faster, or read again
        if _index(store) == _index(scratch):
            return
        shutil.rmtree(store, ignore_errors=True)
    try:
        os.replace(scratch, store)
    except OSError:
        if not (store / "index.json").is_file():
            raise


def _index(store: Path) -> dict:
    return json.loads((store / "index.json").read_text())


def _write_arrays(found: Survey, folder: Path, progress: bool) -> None:
    names, count = found.patients, len(found.records)
    if not count:
        raise DatasetError(describe_problems(found.root, found.problems), found.problems, found.faults)
    histograms = np.zeros((len(names), 3, 256), np.int64)
    copies = np.ones((len(names), 3), bool)
    faults = defaultdict(list, {patient: list(of_one) for patient, of_one in found.faults.items()})
    remarks: dict[str, list[Path]] = defaultdict(list)
    content = hashlib.sha256()
    bar = tqdm(found.records, desc="Reading slices", unit="slice", disable=not progress)
    # Written one after the other: through a memory map, a full disk would kill the process instead of raising.
    with (_array_file(folder / "images.npy", (count, SIDE, SIDE, 3)) as images,
          _array_file(folder / "masks.npy", (count, SIDE, SIDE)) as masks):
        for record in bar:
            try:
                image, (mask, odd) = read_image(record.image), read_mask_with_remarks(record.mask)
            except DatasetError as error:
                faults[record.patient].append(str(error))
                continue
            for remark in odd:
                remarks[remark].append(record.mask)
            patient = names.index(record.patient)
            histograms[patient] += channel_histograms(image)
            copies[patient] &= [np.array_equal(image[..., c], image[..., FLAIR]) for c in range(3)]
            content.update(f"{record.patient} {record.number}".encode())
            for pixels, file in ((image, images), (mask, masks)):
                content.update(pixels.tobytes())
                file.write(pixels.tobytes())
    if faults:
        problems = tuple(problem for of_one in faults.values() for problem in of_one)
        raise DatasetError(describe_problems(found.root, problems), problems,
                           {patient: tuple(of_one) for patient, of_one in faults.items()})
    np.save(folder / "histograms.npy", histograms)
    index = {"content": _phantoms(found) or content.hexdigest(),
             "patients": [asdict(_patient(name, copies[i])) for i, name in enumerate(names)],
             "slices": [(names.index(r.patient), r.number) for r in found.records],
             "remarks": [f"{len(odd)} of {count} masks {remark} (first: {odd[0]})" for remark, odd in remarks.items()]}
    (folder / "index.json").write_text(json.dumps(index))


def _phantoms(found: Survey) -> str:
    """How phantoms were made; "" for other data."""
    made = made_with(found.root)
    return f"{len(found.patients)} phantoms, seed {made[0]}, generator version {made[1]}" if made else ""


@contextmanager
def _array_file(path: Path, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """A .npy file of bytes to append to, its header written; the array is whole when `shape` has been filled."""
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        yield file


def _patient(name: str, copies: np.ndarray) -> PatientInfo:
    missing = tuple(CHANNELS[c] for c in range(3) if c != FLAIR and copies[c])
    return PatientInfo(name, site_of(name), missing)


def _open(root: Path, store: Path) -> SliceCache:
    index = _index(store)
    patient_of, numbers = np.array(index["slices"], int).T
    patients = tuple(PatientInfo(p["name"], p["site"], tuple(p["missing"])) for p in index["patients"])
    images, masks = (np.load(store / name, mmap_mode="r") for name in ("images.npy", "masks.npy"))
    return SliceCache(root, images, masks, patient_of, numbers, patients, np.load(store / "histograms.npy"),
                      index["content"], tuple(index["remarks"]))
