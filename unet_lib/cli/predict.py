"""`unet_lib evaluate` and `unet_lib predict`: what trained weights find, with and without masks to compare."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_lib.cli.options import PHANTOM, Data, Device, left_out, remark
from unet_lib.cli.results import result_folder
from unet_lib.core.errors import DatasetError, SettingsError

if TYPE_CHECKING:
    from unet_lib.inference.slice_predictions import SlicePrediction

Model = Annotated[Path, typer.Option("--model", help="Weights: a .safetensors file made by this project.")]


def evaluate(model: Model, data: Data = PHANTOM,
             split: Annotated[str, typer.Option(help="Patients to score, as split for the training: "
                                                     "{unet_lib.data.splits:SUBSETS}.")] = "test",
             device: Device = "auto",
             out: Annotated[Path | None, typer.Option(help="Folder for tables and pictures, such as "
                                                           "runs/first/scores.")] = None,
             ) -> None:
    """Score a trained network, patient by patient, on patients it was not trained on."""
    from tqdm import tqdm

    from unet_lib.core.provenance import provenance
    from unet_lib.data.cache import open_sound
    from unet_lib.evaluation import report
    from unet_lib.evaluation.patients import choose_patients, score_patients, summary
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, load_predictor

    predictor = load_predictor(model, device)
    cache, faults = open_sound(data)
    remark(cache.remarks)
    patients, seen = choose_patients(predictor.card, cache, split)
    if not seen:
        print("These weights never saw this data set: all its patients are scored.")
    scores = []
    results = result_folder(out, command="evaluate", model=model, data=data, split=split) if out else nullcontext()
    with results as folder:
        print(report.HEADINGS)
        with tqdm(total=len(patients), unit="patient", disable=not sys.stderr.isatty()) as bar:
            for score in score_patients(predictor, cache, patients):
                bar.write(report.score_line(score), file=sys.stdout)
                bar.update()
                scores.append(score)
        found = summary(scores)
        print(report.report(scores, found))
        if folder:
            made_by = {"model": model.name, "split": split, "data": cache.content, "card": predictor.card}
            report.write_scores(scores, found, folder, {**made_by, "scored_with": provenance(predictor.device)})
            report.write_pictures(scores, cache, folder)
    if out:
        print(f"Scores (patients.csv, scores.json) and pictures of them are in {out}")
    print(NOT_FOR_DIAGNOSIS)
    left_out((problem for of_one in faults.values() for problem in of_one), done=True)


def predict(model: Model,
            source: Annotated[Path | None, typer.Argument(metavar="PATIENT_OR_SLICE",
                                                          help="A patient's folder or a slice (TIFF), in LGG layout.")]
                                                          = None,
            flair: Annotated[Path | None, typer.Option(help="Instead of a folder or slice: a NIfTI volume, FLAIR.")]
            = None,
            pre: Annotated[Path | None, typer.Option(help="NIfTI volume: T1 before contrast, on the same voxel grid "
                                                          "as FLAIR.")] = None,
            post: Annotated[Path | None, typer.Option(help="NIfTI volume: T1 after contrast, on the same voxel grid "
                                                           "as FLAIR.")] = None,
            out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("predictions"),
            device: Device = "auto") -> None:
    """Outline tumours: write masks, overlays (PNG), and scores.csv (of slices) or probability maps (of NIfTI volumes).

    Each input gets its own folder below --out, named after the patient, the slice, or the volume and its folder.
    """
    if source and not (flair or pre or post):
        _predict_slices(source, model, out, device)
    elif flair and not source:
        _predict_volume(flair, pre, post, model, out, device)
    else:
        given = ["PATIENT_OR_SLICE"] * bool(source) + [f"--{name}" for name, path in
                                                       (("flair", flair), ("pre", pre), ("post", post)) if path]
        raise SettingsError(f"expected either a patient's folder or a slice, or --flair (with --pre and --post "
                            f"if you have them); got {' and '.join(given) or 'neither'}.")


def _predict_slices(source: Path, model: Path, out: Path, device: str) -> None:
    from itertools import groupby

    from unet_lib.inference import slice_predictions as library
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, load_predictor

    predictor = load_predictor(model, device)
    records, faults = library.sound_inputs(source)
    problems = [problem for of_one in faults.values() for problem in of_one]
    done = 0
    for _, of_patient in groupby(records, key=lambda record: record.patient):
        try:
            found = library.predict_patient(predictor, tuple(of_patient))
        except DatasetError as error:
            problems.append(str(error))
            continue
        target = out / (found[0].record.image.stem if source.is_file() else found[0].record.patient)
        with result_folder(target, command="predict", source=found[0].record.image.parent, model=model,
                           slices=[p.record.number for p in found]) as folder:
            for prediction in found:
                library.write_overlay(prediction, library.write_mask(prediction, folder))
            library.write_scores(found, folder / "scores.csv")
        problems += [p.fault for p in found if p.fault]
        remark(dict.fromkeys(f"{p.record.mask} {text}" for p in found for text in p.remarks))
        print(_result(found))
        done += len(found)
    if done:
        print(f"{done} masks and overlays in {out}, with a scores.csv for each input\n"
              f"{model.name}: {NOT_FOR_DIAGNOSIS}")
    left_out(problems, done=bool(done))


def _result(found: "list[SlicePrediction]") -> str:
    from unet_lib.core.metrics import Counts

    counts = sum((p.counts for p in found if p.counts), start=Counts())
    return f"{found[0].record.patient}: " + (f"Dice {counts.dice():.3f} against the expert" if counts.total
                                             else "no expert mask")


def _predict_volume(flair: Path, pre: Path | None, post: Path | None, model: Path, out: Path, device: str) -> None:
    from unet_lib.inference import nifti
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS, load_predictor

    predictor, volume = load_predictor(model, device), nifti.read_trio(flair, pre, post)
    for sequence in volume.copied:
        print(f"No {sequence} volume: FLAIR stands in for it, as in the LGG data set.")
    target = out / volume.name
    with result_folder(target, command="predict", flair=flair, pre=pre and pre.resolve(), post=post and post.resolve(),
                       model=model) as folder:
        found = nifti.predict_volume(predictor, volume)
        mask, probability = nifti.write_volumes(found, folder)
        nifti.write_overlays(found, folder)
    print(f"Mask {target / mask.name}, probability {target / probability.name}, and a page for each slice with tumour "
          f"beside them\n"
          f"{volume.name}: {found.millilitres:.1f} ml of tumour in {found.tumour_slices} of {len(found.mask)} slices. "
          f"{model.name}: {NOT_FOR_DIAGNOSIS}")
