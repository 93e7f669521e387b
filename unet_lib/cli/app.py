"""The command line: a thin shell over the library. Errors a user can mend come without a traceback."""

import json
import shlex
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_lib.cli.experiments import results_app
from unet_lib.cli.features import features
from unet_lib.cli.lessons import translate
from unet_lib.cli.options import LGG, PHANTOM, Data, Device, stoppable
from unet_lib.cli.train import train
from unet_lib.core.errors import DatasetError, GlassBoxError, SettingsError

if TYPE_CHECKING:
    from unet_lib.data.cache import SliceCache

# torch and matplotlib are imported inside the commands, so that `unet_lib --help` answers at once.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Glass-Box U-Net: outline brain tumours in MRI, and see every number on the way.")
data_app = typer.Typer(no_args_is_help=True, help="Look after a data folder.")
app.add_typer(data_app, name="data")
app.add_typer(results_app, name="results")

Model = Annotated[Path, typer.Option("--model", help="Weights: a .safetensors file of ours.")]


def main() -> None:
    """Run a command; print what a user can mend as one clear message and leave with status 2."""
    try:
        app()
    except GlassBoxError as error:
        sys.exit(_complain(error))
    except OSError as error:  # a full disk, a folder one may not write to: files are written whole or not at all
        sys.exit(_complain(f"{error.filename or 'the disk'}: {error.strerror or error}. Free some space, or choose a "
                           f"folder you may write to, and run the command again; what was there before is whole."))


@app.command()
def doctor(data: Annotated[Path | None, typer.Option(help="The data folder to look at.")] = None,
           report: Annotated[bool, typer.Option("--report", help="Print a text to paste into a bug report.")] = False,
           ) -> None:
    """Is this machine ready for the lessons?"""
    from unet_lib.lessons.doctor import consult

    raise typer.Exit(0 if consult(data, report) else 1)


@app.command()
def phantom(patients: Annotated[int, typer.Option(min=1, help="How many.")] = 24,
            seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
            out: Annotated[Path, typer.Option(help="Where to write them.")] = PHANTOM) -> None:
    """Write synthetic patients in LGG layout."""
    from unet_lib.data.phantom import write_phantoms

    write_phantoms(out, patients, seed)
    print(f"{patients} synthetic patients in {out}")


@data_app.command()
def fetch(archive: Annotated[Path | None, typer.Option(help="Instead of downloading: the zip you have, or the folder "
                                                            "you unpacked it into.")] = None,
          out: Annotated[Path, typer.Option(help="Where the patients' folders go.")] = LGG) -> None:
    """Download the real LGG set from Kaggle, verify it, and lay it out."""
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

    patients = [asdict(patient) for patient in fingerprints(folder, progress=sys.stderr.isatty())]
    command = f"unet_lib data hashes {folder} --out {out}"
    write_text(out, json.dumps({"command": command, "patients": patients}, indent=1) + "\n")
    print(f"{_patients(len(patients))} in {out}")


@data_app.command()
def check(folder: Annotated[Path, typer.Argument(help="A folder in LGG layout.")]) -> None:
    """Read every file; say what was found and what is wrong."""
    from unet_lib.data.cache import open_cache

    try:
        cache = open_cache(folder, progress=sys.stderr.isatty())
    except DatasetError as error:
        print(f"{len(error.problems)} problem{'s' * (len(error.problems) != 1)} in {folder}:", file=sys.stderr)
        sys.exit(_complain(*error.problems))
    tumour = int((cache.tumour_pixels > 0).sum())
    print(f"{len(cache.patients)} patients, {len(cache)} slices, {tumour} with tumour "
          f"({100 * cache.tumour_pixels.sum() / cache.masks.size:.2f} % of all pixels)")
    _print_sites(cache)


app.command()(train)


@app.command()
def evaluate(model: Model, data: Data = PHANTOM,
             part: Annotated[str, typer.Option(help="Patients of the run's split: test, validation, train or all.")]
             = "test", device: Device = "auto",
             out: Annotated[Path | None, typer.Option(help="For tables and pictures, say runs/first/scores.")] = None,
             ) -> None:
    """Score weights patient by patient on patients they were not trained on."""
    from tqdm import tqdm

    from unet_lib.core.provenance import provenance
    from unet_lib.data.cache import open_cache
    from unet_lib.evaluation import report
    from unet_lib.evaluation.patients import choose_patients, score_patients
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, load_predictor

    predictor, cache = load_predictor(model, device), open_cache(data)
    patients, seen = choose_patients(predictor.card, cache, part)
    if not seen:
        print("These weights never saw this data set: all its patients are scored.")
    scores = []
    print(report.HEADINGS)
    with tqdm(total=len(patients), unit="patient", disable=not sys.stderr.isatty()) as bar:
        for score in score_patients(predictor, cache, patients):
            bar.write(report.score_line(score), file=sys.stdout)
            bar.update()
            scores.append(score)
    print(report.report(scores))
    if out:
        made_by = {"model": model.name, "part": part, "data": cache.content, "card": predictor.card}
        report.write_scores(scores, out, {**made_by, "scored_with": provenance(predictor.device)})
        report.write_pictures(scores, predictor, cache, out)
        print(f"Scores (patients.csv, scores.json) and pictures of them are in {out}")
    print(NOT_FOR_DIAGNOSIS)


@app.command()
def predict(model: Model,
            source: Annotated[Path | None, typer.Argument(metavar="PATIENT_OR_SLICE",
                                                          help="A patient's folder or a slice, in LGG layout.")] = None,
            flair: Annotated[Path | None, typer.Option(help="Instead: a NIfTI volume, FLAIR.")] = None,
            pre: Annotated[Path | None, typer.Option(help="T1 before contrast, on the voxels of FLAIR.")] = None,
            post: Annotated[Path | None, typer.Option(help="T1 after contrast, on the voxels of FLAIR.")] = None,
            out: Annotated[Path, typer.Option(help="Where to write.")] = Path("predictions"),
            device: Device = "auto") -> None:
    """Write masks, overlays (PNG), and a CSV line a slice (TIFF) or maps of probability (NIfTI)."""
    if source and not (flair or pre or post):
        _predict_slices(source, model, out, device)
    elif flair and not source:
        _predict_volume(flair, pre, post, model, out, device)
    else:
        given = ["PATIENT_OR_SLICE"] * bool(source) + [f"--{name}" for name, path in
                                                       (("flair", flair), ("pre", pre), ("post", post)) if path]
        raise SettingsError(f"expected either a patient's folder or slice, or --flair with --pre and --post where "
                            f"there are such; got {' and '.join(given) or 'neither'}.")


app.command()(features)
app.command()(translate)


@app.command()
def pages(lessons: Annotated[list[Path], typer.Argument(help="Notebooks.")],
          out: Annotated[Path, typer.Option(help="Where the pages go.")] = Path("printed")) -> None:
    """Write lessons as single pages to print, formulas and pictures inside; any browser opens them."""
    from unet_lib.lessons.html_export import write_page

    for lesson in lessons:
        print(f"written: {write_page(lesson, out)}")


def _predict_slices(source: Path, model: Path, out: Path, device: str) -> None:
    from itertools import groupby

    from unet_lib.core.metrics import Counts
    from unet_lib.inference import slice_predictions as library
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, load_predictor

    predictor = load_predictor(model, device)
    done = []
    for patient, records in groupby(library.find_inputs(source), key=lambda record: record.patient):
        for prediction in library.predict_patient(predictor, tuple(records)):
            library.write_overlay(prediction, library.write_mask(prediction, out))
            done.append(prediction)
        counts = sum((p.counts for p in done if p.counts and p.record.patient == patient), start=Counts())
        print(f"{patient}: " + (f"Dice {counts.dice():.3f} against the expert" if counts.total else "no expert mask"))
    library.write_scores(done, out / "scores.csv")
    print(f"{len(done)} masks and overlays in {out}, scores in {out / 'scores.csv'}\n"
          f"{model.name}: {NOT_FOR_DIAGNOSIS}")


def _predict_volume(flair: Path, pre: Path | None, post: Path | None, model: Path, out: Path, device: str) -> None:
    from unet_lib.inference import nifti
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, load_predictor

    predictor, volume = load_predictor(model, device), nifti.read_trio(flair, pre, post)
    for sequence in volume.copied:
        print(f"No {sequence} volume: FLAIR stands in for it, as in the LGG data set.")
    found = nifti.predict_volume(predictor, volume)
    mask, probability = nifti.write_volumes(found, out)
    nifti.write_overlays(found, out)
    print(f"Mask {mask}, probability {probability}, and a page for each slice with tumour beside them\n"
          f"{volume.name}: {found.millilitres:.1f} ml of tumour in {found.tumour_slices} of {len(found.mask)} slices. "
          f"{model.name}: {NOT_FOR_DIAGNOSIS}")


def _print_sites(cache: "SliceCache") -> None:
    slices = Counter(cache.patients[place].site for place in cache.patient_of)
    for site, patients in sorted(Counter(patient.site for patient in cache.patients).items()):
        print(f"  site {site}: {_patients(patients)}, {slices[site]} slices")
    for sequence in ("pre-contrast", "post-contrast"):
        copies = sum(sequence in patient.missing for patient in cache.patients)
        print(f"  {sequence} missing (a copy of FLAIR): {_patients(copies)}")


def _patients(count: int) -> str:
    return f"{count} patient" + "s" * (count != 1)


def _complain(*problems: object) -> int:
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 2
