"""`unet_lib phantom` and `unet_lib data …`: make, fetch and check patients."""

import json
import shlex
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_lib.cli.options import LGG, PHANTOM, complain, remark, stoppable
from unet_lib.cli.results import refuse_foreign_file
from unet_lib.core.errors import DatasetError

if TYPE_CHECKING:
    from unet_lib.data.cache import SliceCache

data_app = typer.Typer(no_args_is_help=True, help="Fetch the real data set, and check data folders.")


def phantom(patients: Annotated[int, typer.Option(min=1, help="How many patients to make.")] = 24,
            seed: Annotated[int, typer.Option(min=0, max=2 ** 32 - 1, help="The same seed gives the same files.")] = 0,
            out: Annotated[Path, typer.Option(help="Where to write them.")] = PHANTOM) -> None:
    """Make synthetic patients (phantoms) in the layout of the LGG data set."""
    from unet_lib.data.phantom import write_phantoms

    write_phantoms(out, patients, seed)
    print(f"{patients} synthetic patients in {out}")


@data_app.command()
def fetch(archive: Annotated[Path | None, typer.Option(help="Use this zip, or the folder you unpacked it into, "
                                                            "instead of downloading.")] = None,
          out: Annotated[Path, typer.Option(help="Where to put the patients' folders.")] = LGG) -> None:
    """Download the real LGG data set from Kaggle, and verify it."""
    from unet_lib.data import download

    expected = download.published()
    with stoppable():
        new = download.fetch(out, archive, expected, progress=sys.stderr.isatty())
    print(f"{out}: {'laid out and verified' if new else 'already there; verified and left as it is'}. "
          f"{expected.patients} patients, {expected.slices} slices, {expected.tumour} with tumour.\n"
          f"The lessons on it: UNET_DATA={shlex.quote(str(out))} make lab")


@data_app.command(hidden=True)
def hashes(folder: Annotated[Path, typer.Argument(help="Patients as published.")] = LGG,
           out: Annotated[Path, typer.Option(help="Where to write.")] = Path("data/lgg_hashes.json")) -> None:
    """Write what `fetch` knows the patients by: their slices, those with tumour, a SHA-256 of the pixels."""
    from unet_lib.core.atomic_io import write_text
    from unet_lib.data.download import fingerprints

    refuse_foreign_file(out, "unet_lib data hashes")
    patients = [asdict(patient) for patient in fingerprints(folder, progress=sys.stderr.isatty())]
    command = shlex.join(["unet_lib", "data", "hashes", str(folder), "--out", str(out)])
    write_text(out, json.dumps({"command": command, "patients": patients}, indent=1) + "\n")
    print(f"{_patients(len(patients))} in {out}")


@data_app.command()
def check(folder: Annotated[Path, typer.Argument(help="A folder in LGG layout.")]) -> None:
    """Read every file in a data folder; report what it holds and what is wrong with it."""
    from unet_lib.data.cache import open_cache
    from unet_lib.data.phantom.card import CARD
    from unet_lib.data.slice_files import survey

    try:
        cache = open_cache(folder, progress=sys.stderr.isatty(), reread=True)
    except DatasetError as error:
        print(f"{len(error.problems)} problem{'s' * (len(error.problems) != 1)} in {folder}:", file=sys.stderr)
        sys.exit(complain(*error.problems))
    tumour = int((cache.tumour_pixels > 0).sum())
    print(f"{len(cache.patients)} patients, {len(cache)} slices, {tumour} with tumour "
          f"({100 * cache.tumour_pixels.sum() / cache.masks.size:.2f} % of all pixels)")
    _print_sites(cache)
    if ignored := [path for path in survey(folder).ignored if path.name != CARD]:
        more = ", …" * (len(ignored) > 5)
        print(f"  {len(ignored)} other file{'s' * (len(ignored) > 1)} or folders there are not read: "
              f"{', '.join(path.name for path in ignored[:5])}{more}")
    remark(cache.remarks)


def _print_sites(cache: "SliceCache") -> None:
    slices = Counter(cache.patients[index].site for index in cache.patient_of)
    for site, patients in sorted(Counter(patient.site for patient in cache.patients).items()):
        print(f"  site {site}: {_patients(patients)}, {slices[site]} slices")
    for sequence in ("pre-contrast", "post-contrast"):
        copies = sum(sequence in patient.missing for patient in cache.patients)
        print(f"  {sequence} missing (a copy of FLAIR): {_patients(copies)}")


def _patients(count: int) -> str:
    return f"{count} patient" + "s" * (count != 1)
