"""Fetch the real LGG set, verify it, and lay it out: patient folders only, and all of them or none.

    fetch("data/lgg")                          from Kaggle, with kagglehub
    fetch("data/lgg", archive="archive.zip")   from the archive downloaded by hand, or the folder it was unpacked into

All work is done in a hidden folder beside the target (`.lgg.unfinished`), on the same disk; it takes the target's name
by one renaming, after every slice has been read and compared with what is known of the set. It is kagglehub's cache
too, so that a download that broke goes on where it stopped, and nothing stays behind in the user's home.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

from tqdm.auto import tqdm

from unet_lib.core.errors import DatasetError
from unet_lib.core.paths import repository
from unet_lib.data.archive import open_slices
from unet_lib.data.slice_files import SIDE, SliceRecord, describe_problems, find_slices
from unet_lib.data.tiff import read_image, read_mask

HANDLE = "mateuszbuda/lgg-mri-segmentation"
BY_HAND = (f"open https://www.kaggle.com/datasets/{HANDLE} in a browser, press Download, and name the file that "
           f"comes: unet_lib data fetch --archive archive.zip")
KNOWN = repository() / "data" / "lgg_hashes.json"
KAGGLEHUB_CACHE = "KAGGLEHUB_CACHE"
SLICE_BYTES = SIDE * SIDE * 4  # three sequences and a mask, uncompressed as published


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a patient is known by: slices, those of them with tumour, and the SHA-256 of all pixels."""

    name: str
    slices: int
    tumour: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What the whole set must hold; counted from the published files (Buda et al. 2019), and the patients we know."""

    patients: int = 110
    slices: int = 3929
    tumour: int = 1373
    known: tuple[Fingerprint, ...] = ()

    @property
    def most_bytes(self) -> int:
        """The most an archive may unpack to: it holds every slice twice, and we allow twice that."""
        return 4 * self.slices * SLICE_BYTES


def published(known: Path = KNOWN) -> Expected:
    """The published set, with the fingerprints that `unet_lib data hashes` wrote."""
    rows = json.loads(known.read_text("utf-8"))["patients"]
    return Expected(known=tuple(Fingerprint(**row) for row in rows))


def fetch(out: Path | str, archive: Path | str | None = None, expected: Expected | None = None, *,
          progress: bool = True) -> bool:
    """Lay the set out as folder `out`; False if `out` held it already and was left as it is.

    From Kaggle, or from `archive`: the zip downloaded by hand, or the folder it was unpacked into, which stays.
    Interrupted, it leaves no `out`; called again, it goes on with the download and does the rest anew. Raises
    DatasetError if Kaggle cannot be reached or refuses, if an archive is damaged or dangerous, if the disk is full,
    if `out` holds anything else, or with every difference from what is expected (`problems`).
    """
    expected = expected or published()
    target = Path(out).resolve()
    work = target.with_name(f".{target.name or 'lgg'}.unfinished")
    try:
        there = _is_there(target, expected, progress)
        if not there:
            patients = _prepare(work, Path(archive) if archive else None, expected, progress)
            if target.exists():
                target.rmdir()  # empty; otherwise this fails and nothing is overwritten
            patients.rename(target)
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        need = expected.slices * SLICE_BYTES * (1 if archive else 3) / 1e9  # from Kaggle: unpacked twice, and ours
        raise DatasetError(f"{error.filename or work}: cannot be read or written ({error.strerror or error}); fetching "
                           f"needs about {need:.1f} GB beside {target}. Free some space or fix the permissions, or "
                           f"name another folder with --out; then run the same command again.{_kept(work)}") from error
    finally:
        shutil.rmtree(work / "patients", ignore_errors=True)
        with suppress(OSError):
            work.rmdir()  # unless it keeps a download
    return not there


def verify(root: Path | str, expected: Expected, *, progress: bool = True) -> None:
    """Read every slice below `root`; raise DatasetError with all differences from what is expected (`problems`)."""
    problems = differences(fingerprints(root, progress=progress), expected)
    if problems:
        raise DatasetError(describe_problems(Path(root), problems, fix="Fetch the set again."), problems)


def fingerprints(root: Path | str, *, progress: bool = True) -> tuple[Fingerprint, ...]:
    """The fingerprint of every patient below `root`, sorted by name. Raises DatasetError for a damaged file.

    The hash runs over the pixels, one slice after the other in numeric order: the image (256×256×3 bytes: row by row,
    the three sequences of a pixel together), then its mask (256×256 bytes, 0 or 1). How the TIFFs are encoded makes
    no difference.
    """
    records = tqdm(find_slices(root), desc="Verifying", unit="slice", disable=not progress)
    return tuple(_fingerprint(name, of_one) for name, of_one in groupby(records, key=lambda record: record.patient))


def differences(found: Iterable[Fingerprint], expected: Expected) -> tuple[str, ...]:
    """A sentence for each total and each known patient that is not as expected."""
    here = {patient.name: patient for patient in found}
    totals = (("patients", expected.patients, len(here)),
              ("slices", expected.slices, sum(patient.slices for patient in here.values())),
              ("slices with tumour", expected.tumour, sum(patient.tumour for patient in here.values())))
    return (*(f"expected {wanted} {what}, found {got}." for what, wanted, got in totals if wanted != got),
            *(_difference(wanted, here.get(wanted.name)) for wanted in expected.known
              if wanted != here.get(wanted.name)))


def _fingerprint(name: str, records: Iterable[SliceRecord]) -> Fingerprint:
    digest, slices, tumour = hashlib.sha256(), 0, 0
    for record in records:
        image, mask = read_image(record.image), read_mask(record.mask)
        digest.update(image.tobytes() + mask.tobytes())
        slices, tumour = slices + 1, tumour + bool(mask.any())
    return Fingerprint(name, slices, tumour, digest.hexdigest())


def _difference(wanted: Fingerprint, found: Fingerprint | None) -> str:
    if found is None:
        return f"{wanted.name}: missing; expected {wanted.slices} slices, {wanted.tumour} with tumour."
    if (found.slices, found.tumour) != (wanted.slices, wanted.tumour):
        return (f"{wanted.name}: expected {wanted.slices} slices, {wanted.tumour} with tumour; "
                f"found {found.slices}, {found.tumour} with tumour.")
    return (f"{wanted.name}: other pixels than those published (SHA-256: expected {wanted.sha256[:12]}…, "
            f"found {found.sha256[:12]}…).")


def _is_there(target: Path, expected: Expected, progress: bool) -> bool:
    """Does `target` hold the set? False where nothing is; DatasetError where something else is."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    try:
        verify(target, expected, progress=progress)
    except DatasetError as error:
        fix = "It is not the set as published, and was left as it is. Move it away, or name another folder with --out."
        raise DatasetError(describe_problems(target, error.problems, fix=fix), error.problems) from error
    return True


def _prepare(work: Path, archive: Path | None, expected: Expected, progress: bool) -> Path:
    """The verified patient folders, inside `work`."""
    download, patients = work / "download", work / "patients"
    source = archive or _download(download)
    shutil.rmtree(patients, ignore_errors=True)  # of a process that was killed
    try:
        with open_slices(source, expected.most_bytes) as files:
            _lay_out(files, patients, progress)
        verify(patients, expected, progress=progress)
    except DatasetError as error:
        problems = tuple(problem.replace(f"{patients}{os.sep}", "") for problem in error.problems)
        if archive:
            fix = f"Nothing was laid out. Download the archive again: {BY_HAND}"
        else:
            fix = f"Nothing was laid out, and the download was removed. Run the same command again.\nOr {BY_HAND}"
            shutil.rmtree(download, ignore_errors=True)
        raise DatasetError(describe_problems(archive or HANDLE, problems, fix=fix), problems) from error
    return patients


def _lay_out(files: Mapping[str, Callable[[], IO[bytes]]], folder: Path, progress: bool) -> None:
    for name, opened in tqdm(files.items(), desc="Laying out", unit="file", disable=not progress):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with opened() as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target)


def _download(folder: Path) -> Path:
    """The set below `folder`, as kagglehub downloads and unpacks it; goes on where an earlier download broke."""
    import kagglehub
    from requests import RequestException  # which kagglehub passes on

    try:
        with _cache_in(folder):
            return Path(kagglehub.dataset_download(HANDLE))
    except (RequestException, json.JSONDecodeError) as error:  # the latter from a network's own sign-in page
        raise DatasetError(f"{_describe_failure(error)}{_kept(folder)}\nOr {BY_HAND}") from error
    except OSError:
        raise  # the disk: `fetch` explains it
    except Exception as error:  # kagglehub meets a damaged archive with many kinds of exception, and would keep it
        shutil.rmtree(folder, ignore_errors=True)
        raise DatasetError(f"The download from Kaggle failed ({type(error).__name__}: {error}); it was removed. "
                           f"Run the same command again.\nOr {BY_HAND}") from error


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Have kagglehub download into `folder`; give its setting back afterwards."""
    before = os.environ.get(KAGGLEHUB_CACHE)
    os.environ[KAGGLEHUB_CACHE] = str(folder)
    try:
        yield
    finally:
        del os.environ[KAGGLEHUB_CACHE]
        if before is not None:
            os.environ[KAGGLEHUB_CACHE] = before


def _describe_failure(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return (f"Kaggle refuses to send {HANDLE} (HTTP {status}): it wants you to sign in, or the token it got is "
                f"not valid. Make a token in the settings of your Kaggle account, save it as ~/.kaggle/access_token or "
                f"in the variable KAGGLE_API_TOKEN, and run the same command again.")
    if status:
        return f"Kaggle did not send {HANDLE}, but an error (HTTP {status}). Run the same command again later."
    return (f"Kaggle cannot be reached, or the connection broke ({type(error).__name__}). Check the network, and run "
            f"the same command again.")


def _kept(folder: Path) -> str:
    return f" What was downloaded is kept in {folder} for that." if any(folder.rglob("*.archive")) else ""
