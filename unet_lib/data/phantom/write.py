"""Phantom patients as files, in the LGG layout; whole patients or none."""

import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from unet_lib.core.errors import DatasetError
from unet_lib.data.phantom.card import CARD, made_with
from unet_lib.data.phantom.labels import has_labels, write_labels
from unet_lib.data.phantom.parameters import MOST_PATIENTS, patient_number

if TYPE_CHECKING:
    from unet_lib.data.phantom.make import Phantom

VERSION = 5                  # raise it whenever the same seed would give other pixels
UNFINISHED = ".unfinished-"  # start of a folder that is still being written


def write_phantoms(root: Path | str, patients: int = 24, seed: int = 0, *, jobs: int | None = None,
                   progress: bool = True) -> Path:
    """Write phantom patients 0 … patients − 1 of `seed` below `root`, and return `root`.

    Continues where an interrupted run stopped. A larger number adds patients to those there; a smaller
    one removes none. Patients that were written without the labels of their tissues get these (see `labels`).
    `jobs` processes share the work (default: one per core); with jobs=1 no process is started. Raises
    DatasetError if `root` holds anything but phantoms of this seed and version, or if `patients` is not in 1 … 3600.
    """
    if not 1 <= patients <= MOST_PATIENTS:
        raise DatasetError(f"expected 1 to {MOST_PATIENTS} phantom patients; got {patients}.")
    root = Path(root)
    _claim(root, seed)
    complete = _complete(root)
    todo = [i for i in range(patients) if patient_number(i) not in complete]
    for _ in _finished(root, seed, todo, jobs or min(os.cpu_count() or 1, 16), progress):
        pass
    _write_card(root, seed)
    return root


def _complete(root: Path) -> set[str]:
    """The numbers of the patients that are there with images and labels; to draw their names takes longer."""
    return {folder.name.split("_")[2][1:] for folder in root.glob("TCGA_PH_*_*")
            if folder.is_dir() and has_labels(root, folder.name)}


def _finished(root: Path, seed: int, todo: list[int], jobs: int, progress: bool):
    """Yield as each patient is on the disk, with a bar."""
    from tqdm import tqdm

    bar = tqdm(total=len(todo), desc="phantom patients", unit="patient", disable=not progress or not todo)
    with bar:
        for name in _make_all(root, seed, todo, min(jobs, len(todo))):
            bar.update()
            yield name


def _make_all(root: Path, seed: int, todo: list[int], jobs: int):
    if jobs <= 1:
        yield from (write_patient(root, seed, index) for index in todo)
        return
    spawn = get_context("spawn")             # the same on every system, and safe beside torch's threads
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_end_with_parent) as pool:
        tasks = [pool.submit(write_patient, root, seed, index) for index in todo]
        try:
            yield from (task.result() for task in as_completed(tasks))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """In a worker: end as soon as the process that started it is gone, even if that one was killed."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


def write_patient(root: Path, seed: int, index: int) -> str:
    """Write one patient's labels, and its images unless they are there; return its name."""
    from unet_lib.data.phantom.make import make_patient

    patient = make_patient(seed, index)
    write_labels(root, patient.name, patient.labels)
    if not (root / patient.name).is_dir():
        _write_images(root, patient)
    return patient.name


def _write_images(root: Path, patient: "Phantom") -> None:
    """Into a folder of another name, which is renamed when complete."""
    import tifffile

    folder, unfinished = root / patient.name, root / f"{UNFINISHED}{patient.name}-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        for number, (image, mask) in enumerate(zip(patient.images, patient.masks, strict=True), start=1):
            name = f"{patient.name}_{number}"
            tifffile.imwrite(unfinished / f"{name}.tif", image, photometric="rgb", metadata=None, software=False)
            tifffile.imwrite(unfinished / f"{name}_mask.tif", mask * 255, photometric="minisblack", metadata=None,
                             software=False)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _claim(root: Path, seed: int) -> None:
    """Make `root` ours, or refuse: a new or empty folder, or phantoms of the same seed and version."""
    if root.exists() and not root.is_dir():
        raise DatasetError(f"expected a folder to write phantoms into; {root} is a file. Name another place.")
    root.mkdir(parents=True, exist_ok=True)
    if there := made_with(root):
        _check(there, root, seed)
    elif any(root.iterdir()):
        raise DatasetError(f"expected an empty folder or phantoms made earlier; {root} holds other files "
                           f"(no {CARD}). Name another folder, or empty this one yourself.")
    for left_over in root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    _write_card(root, seed)


def _check(there: tuple[int, int], root: Path, seed: int) -> None:
    """Raise DatasetError unless the phantoms there were made with this seed and version."""
    if there != (seed, VERSION):
        raise DatasetError(f"expected phantoms of seed {seed}, generator version {VERSION}; {root} holds seed "
                           f"{there[0]}, version {there[1]}. Delete that folder or name another.")


def _write_card(root: Path, seed: int) -> None:
    """Say what is in the folder; replaced in one step."""
    names = sorted(folder.name for folder in root.glob("TCGA_PH_*") if folder.is_dir())
    card = {"generator": "unet_lib.data.phantom", "version": VERSION, "seed": seed, "patients": len(names)}
    text = json.dumps(card, indent=2)
    draft = root / f"{CARD}.part"
    try:
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(root / CARD)
    finally:
        draft.unlink(missing_ok=True)
