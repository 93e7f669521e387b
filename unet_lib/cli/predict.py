"""`unet_lib evaluate` and `unet_lib predict`: what trained weights find, with and without masks to compare."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.options import PHANTOM, Data, Device
from unet_lib.core.errors import SettingsError

Model = Annotated[Path, typer.Option("--model", help="Weights: a .safetensors file of ours.")]


def evaluate(model: Model, data: Data = PHANTOM,
             split: Annotated[str, typer.Option(help="Which patients of the training's split: "
                                                     "{unet_lib.data.splits:SUBSETS}.")] = "test",
             device: Device = "auto",
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
    patients, seen = choose_patients(predictor.card, cache, split)
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
        made_by = {"model": model.name, "split": split, "data": cache.content, "card": predictor.card}
        report.write_scores(scores, out, {**made_by, "scored_with": provenance(predictor.device)})
        report.write_pictures(scores, predictor, cache, out)
        print(f"Scores (patients.csv, scores.json) and pictures of them are in {out}")
    print(NOT_FOR_DIAGNOSIS)


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
