"""The command line: a thin shell over the library. Errors a user can mend come without a traceback."""

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unet_lib.errors import DatasetError, GlassBoxError, SettingsError

if TYPE_CHECKING:
    from unet_lib.batches import Batches
    from unet_lib.dataset import SliceCache
    from unet_lib.splits import Split
    from unet_lib.train import Snapshot, TrainConfig

# torch and matplotlib are imported inside the commands, so that `unet_lib --help` answers at once.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Glass-Box U-Net: outline brain tumours in MRI, and see every number on the way.")
data_app = typer.Typer(no_args_is_help=True, help="Look after a data folder.")
app.add_typer(data_app, name="data")

Data = Annotated[Path, typer.Option("--data", help="A folder in LGG layout.")]
Model = Annotated[Path, typer.Option("--model", help="Weights: a .safetensors file of ours.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
PHANTOM = Path("data/phantom")


def main() -> None:
    """Run a command; print a GlassBoxError as one clear message and leave with status 2."""
    try:
        app()
    except GlassBoxError as error:
        sys.exit(_complain(error))


@app.command()
def doctor(data: Annotated[Path | None, typer.Option(help="The data folder to look at.")] = None) -> None:
    """Is this machine ready for the lessons?"""
    from unet_lib.doctor import examine

    findings = []
    for finding in examine(data):
        print(finding, flush=True)
        findings.append(finding)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def phantom(patients: Annotated[int, typer.Option(min=1, help="How many.")] = 24,
            seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
            out: Annotated[Path, typer.Option(help="Where to write them.")] = PHANTOM) -> None:
    """Write synthetic patients in LGG layout."""
    from unet_lib.phantom import write_phantoms

    write_phantoms(out, patients, seed)
    print(f"{patients} synthetic patients in {out}")


@data_app.command()
def check(folder: Annotated[Path, typer.Argument(help="A folder in LGG layout.")]) -> None:
    """Read every file; say what was found and what is wrong."""
    from unet_lib.dataset import open_cache

    try:
        cache = open_cache(folder, progress=sys.stderr.isatty())
    except DatasetError as error:
        print(f"{len(error.problems)} problem{'s' * (len(error.problems) != 1)} in {folder}:", file=sys.stderr)
        sys.exit(_complain(*error.problems))
    tumour = int((cache.tumour_pixels > 0).sum())
    print(f"{len(cache.patients)} patients, {len(cache)} slices, {tumour} with tumour "
          f"({100 * cache.tumour_pixels.sum() / cache.masks.size:.2f} % of all pixels)")
    _print_sites(cache)


@app.command()
def train(data: Data = PHANTOM, out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/first"),
          epochs: int = 20, batch: int = 4, lr: float = 1e-3,
          base: Annotated[int, typer.Option(help="Channels of the first stage.")] = 16,
          depth: Annotated[int, typer.Option(help="How often the size is halved.")] = 4,
          size: Annotated[int, typer.Option(help="Height and width to train at.")] = 256,
          loss: Annotated[str, typer.Option(help="bce, dice or bce_dice.")] = "bce_dice",
          augment: Annotated[bool, typer.Option(help="Turn, scale, brighten each slice by chance.")] = True,
          cosine: Annotated[bool, typer.Option("--cosine", help="Let the learning rate fall to 0 by the end.")] = False,
          plain: Annotated[bool, typer.Option("--plain", help="Without batch norm, as in the school project.")] = False,
          device: Device = "auto", precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
          seed: int = 0, resume: Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")] = False,
          ) -> None:
    """Train a U-Net on a split by patient; Ctrl-C saves and says how to go on."""
    from unet_lib import devices, model
    from unet_lib.dataset import open_cache
    from unet_lib.splits import split_patients
    from unet_lib.train import TrainConfig

    config = TrainConfig(epochs, lr, loss, precision, "cosine" if cosine else "constant")
    if not resume and (out / "last.safetensors").exists():
        raise SettingsError(f"{out} already holds a run. Add --resume to go on with it, or choose another --out.")
    where = devices.choose_device(device)
    network = model.build({"base": base, "depth": depth, "batch_norm": not plain}, seed)
    network.config.check_size(size, size)
    cache = open_cache(data)
    split = split_patients(cache.names, seed=seed)
    card = {"data": {"content": cache.content, "size": size, "batch": batch, "augment": augment, "seed": seed},
            "split": asdict(split),
            "training": asdict(config), "device": devices.describe(where)}
    print(f"{model.count_parameters(network):,} parameters on {card['device']}; {len(split.train)} patients to train, "
          f"{len(split.validation)} to validate, {len(split.test)} kept for the test")
    training, validation = (_batches(cache, part, batch, size, where, seed) for part in (split.train, split.validation))
    _run(network.to(where), _Watched(training, augment), validation, config, out, card, resume, split)


def _run(network: Any, training: "_Watched", validation: "Batches", config: "TrainConfig", out: Path,
         card: dict[str, Any], resume: bool, split: "Split") -> None:
    from tqdm import tqdm

    from unet_lib.train import fit

    with tqdm(total=config.epochs * training.slices, unit="image", smoothing=0.05) as bar:
        training.bar = bar
        try:
            for epoch in fit(network, training, config, validation=validation, folder=out, card=card, resume=resume):
                bar.set_postfix_str(f"loss {epoch.loss:.3f}, F1 {epoch.f1:.3f}")
                bar.write(_epoch_line(epoch), file=sys.stdout)
                _write_history(out / "history.csv", epoch)
        except KeyboardInterrupt:
            bar.close()
            arguments = " ".join(a for a in sys.argv[1:] if a != "--resume")
            print(f"\nStopped; all progress is saved in {out}. Go on with:\n  unet_lib {arguments} --resume")
            raise typer.Exit(130) from None
    print(f"Weights of the best epoch: {out / 'best.safetensors'}\n"
          f"Patients kept for the test: {', '.join(split.test)}")


@app.command()
def evaluate(model: Model, data: Data = PHANTOM,
             part: Annotated[str, typer.Option(help="Patients of the run's split: test, validation, train or all.")]
             = "test", device: Device = "auto") -> None:
    """Score weights patient by patient on patients they were not trained on."""
    from unet_lib.dataset import open_cache
    from unet_lib.metrics import Counts, mean_dice, pooled
    from unet_lib.predict import NOT_FOR_DIAGNOSIS, evaluate, load_predictor

    predictor, cache = load_predictor(model, device), open_cache(data)
    patients = _patients_to_score(predictor.card, cache, part)
    scores = {}
    print(f"{'patient':24}  {'Dice':>5}  {'precision':>9}  {'recall':>6}")
    for name, rows in evaluate(predictor, cache, patients):
        scores[name] = counts = pooled(rows)
        print(f"{name:24}  {counts.dice():5.3f}  {counts.precision():9.3f}  {counts.recall():6.3f}", flush=True)
    together = sum(scores.values(), start=Counts())
    print(f"{_patients(len(scores))}: mean Dice {mean_dice(scores):.3f}, pooled F1 {together.dice():.3f}, "
          f"accuracy {together.accuracy():.4f}\n{NOT_FOR_DIAGNOSIS}")


@app.command()
def predict(source: Annotated[Path, typer.Argument(metavar="PATIENT_OR_SLICE", help="A patient's folder or a slice.")],
            model: Model, out: Annotated[Path, typer.Option(help="Where to write.")] = Path("predictions"),
            device: Device = "auto") -> None:
    """Write masks (TIFF), overlays (PNG) and a CSV line a slice."""
    from itertools import groupby

    from unet_lib.metrics import Counts
    from unet_lib.predict import (
        NOT_FOR_DIAGNOSIS,
        find_inputs,
        load_predictor,
        predict_patient,
        write_mask,
        write_scores,
    )

    predictor = load_predictor(model, device)
    done = []
    for patient, records in groupby(find_inputs(source), key=lambda record: record.patient):
        for prediction in predict_patient(predictor, tuple(records)):
            _write_overlay(prediction, write_mask(prediction, out))
            done.append(prediction)
        counts = sum((p.counts for p in done if p.counts and p.record.patient == patient), start=Counts())
        print(f"{patient}: " + (f"Dice {counts.dice():.3f} against the expert" if counts.total else "no expert mask"))
    write_scores(done, out / "scores.csv")
    print(f"{len(done)} masks and overlays in {out}, scores in {out / 'scores.csv'}\n{model.name}: {NOT_FOR_DIAGNOSIS}")


class _Watched:
    """Training batches, augmented if asked for, that tick a progress bar as they are taken."""

    def __init__(self, batches: "Batches", augment: bool) -> None:
        from unet_lib.augment import Augmented

        self.source = Augmented(batches, seed=batches.seed) if augment else batches
        self.slices, self.batch = len(batches.places), batches.batch
        self.bar: Any = None

    def __len__(self) -> int:
        return len(self.source)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Any]:
        done = number * self.slices + start * self.batch
        if self.bar.n < done:  # resumed
            self.bar.initial = self.bar.n = done
        for batch in self.source.epoch(number, start):
            yield batch
            self.bar.update(len(batch.images))


def _batches(cache: "SliceCache", patients: tuple[str, ...], batch: int, size: int, device: Any,
             seed: int) -> "Batches":
    from unet_lib.batches import Batches

    return Batches(cache, cache.slices_of(patients), batch=batch, size=size, device=device, seed=seed)


def _epoch_line(epoch: "Snapshot") -> str:
    held_out = epoch.validation.dice() if epoch.validation else float("nan")
    return (f"epoch {epoch.epoch:3d}/{epoch.epochs}  loss {epoch.loss:.4f}  F1 train {epoch.train.dice():.4f}  "
            f"F1 held-out {held_out:.4f}  {epoch.images_per_second:.0f} images/s  {epoch.seconds:.0f} s")


def _write_history(path: Path, epoch: "Snapshot") -> None:
    """One row an epoch; a resumed run replaces the rows it repeats."""
    from unet_lib.checkpoint import write_text

    rows: list[dict[str, Any]] = list(csv.DictReader(path.open())) if path.exists() else []
    rows = [row for row in rows if int(row["epoch"]) < epoch.epoch] + [epoch.as_row()]
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(epoch.as_row()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, table.getvalue())


def _patients_to_score(card: dict[str, Any], cache: "SliceCache", part: str) -> tuple[str, ...]:
    from unet_lib.splits import Split

    split = Split(**{name: tuple(names) for name, names in card["split"].items()}) if "split" in card else None
    known = set(split.part("all")) if split else set()
    if split and known & set(cache.names):
        return tuple(name for name in split.part(part) if name in cache.names)
    print("These weights never saw this data set: all its patients are scored.")
    return cache.names


def _write_overlay(prediction: Any, mask: Path) -> None:
    from unet_lib.checkpoint import atomic_file
    from unet_lib.figures import prediction_sheet

    p = prediction
    sheet = prediction_sheet(p.image, p.probability, p.mask, p.expert, p.counts.dice() if p.counts else None,
                             f"{p.record.patient}, slice {p.record.number}")
    with atomic_file(mask.with_name(mask.name.replace("_mask.tif", "_overlay.png"))) as file:
        sheet.savefig(file, format="png", dpi=100)


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
