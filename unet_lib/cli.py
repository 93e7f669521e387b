"""The command line: a thin shell over the library. Errors a user can mend come without a traceback."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unet_lib.errors import DatasetError, GlassBoxError, SettingsError

if TYPE_CHECKING:
    from unet_lib.dataset import SliceCache
    from unet_lib.distributed import Crew
    from unet_lib.runs import RunSettings

# torch and matplotlib are imported inside the commands, so that `unet_lib --help` answers at once.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Glass-Box U-Net: outline brain tumours in MRI, and see every number on the way.")
data_app = typer.Typer(no_args_is_help=True, help="Look after a data folder.")
app.add_typer(data_app, name="data")
results_app = typer.Typer(no_args_is_help=True, help="Measure the school project's six models again.")
app.add_typer(results_app, name="results")

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
          schedule: Annotated[str, typer.Option(help="Of the learning rate: constant, cosine or one_cycle.")] = "",
          cosine: Annotated[bool, typer.Option("--cosine", help="Short for --schedule cosine.")] = False,
          clip: Annotated[float, typer.Option(help="Longest gradient; 0: any.")] = 0.0,
          ema: Annotated[float, typer.Option(help="Average the weights, keeping this much, say 0.999.")] = 0.0,
          patience: Annotated[int, typer.Option(help="Stop after so many epochs without a better F1.")] = 0,
          plain: Annotated[bool, typer.Option("--plain", help="Without batch norm, as in the school project.")] = False,
          deterministic: Annotated[bool, typer.Option("--deterministic", help="Same bits each time, on GPUs too.")]
          = False,
          compile: Annotated[bool, typer.Option("--compile", help="Let torch.compile make it faster.")] = False,
          device: Device = "auto", precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
          seed: int = 0, resume: Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")] = False,
          ) -> None:
    """Train a U-Net on a split by patient; Ctrl-C saves and says how to go on.

    Several processes, one per GPU: torchrun --nproc-per-node N -m unet_lib train …
    """
    from unet_lib.devices import choose_device
    from unet_lib.distributed import join_crew
    from unet_lib.runs import RunSettings, refuse_overwriting
    from unet_lib.shapes import UNetConfig
    from unet_lib.train import TrainConfig

    if cosine and schedule not in ("", "cosine"):
        raise SettingsError(f"expected one schedule; got --cosine and --schedule {schedule}. Leave one of them out.")
    config = TrainConfig(epochs, lr, loss, precision, "cosine" if cosine else schedule or "constant",
                         clip, ema, patience, deterministic, compile)
    settings = RunSettings(UNetConfig(base=base, depth=depth, batch_norm=not plain), config, size, batch, augment, seed)
    if not resume:
        refuse_overwriting(out)
    with join_crew(choose_device(device)) as crew:
        _train(settings, data, out, resume, crew)


def _train(settings: "RunSettings", data: Path, out: Path, resume: bool, crew: "Crew") -> None:
    from tqdm import tqdm

    from unet_lib.dataset import open_cache
    from unet_lib.model import count_parameters
    from unet_lib.runs import epoch_line, prepare
    from unet_lib.splits import split_patients

    say = print if crew.leads else lambda text: None
    cache = crew.leader_first(lambda: open_cache(data, progress=crew.leads))
    split = split_patients(cache.names, seed=settings.seed)
    run = prepare(settings, cache, split, crew.device, crew)
    say(f"{count_parameters(run.network):,} parameters on {run.card['device']}; {len(split.train)} patients to train, "
        f"{len(split.validation)} to validate, {len(split.test)} kept for the test")
    with tqdm(total=run.slices, unit="image", smoothing=0.05, disable=not crew.leads) as bar:
        try:
            for epoch in run.train(out, resume=resume, tick=lambda done: _move(bar, done, settings.batch)):
                bar.set_postfix_str(f"loss {epoch.loss:.3f}, F1 {epoch.f1:.3f}")
                if crew.leads:
                    bar.write(epoch_line(epoch), file=sys.stdout)
        except KeyboardInterrupt:
            bar.close()
            say(f"\nStopped; all progress is saved in {out}. Go on with:\n  {_command(crew.size)} --resume")
            raise typer.Exit(130) from None
    say(f"Weights of the best epoch: {out / 'best.safetensors'}\n"
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

    from unet_lib import predict as library
    from unet_lib.metrics import Counts

    predictor = library.load_predictor(model, device)
    done = []
    for patient, records in groupby(library.find_inputs(source), key=lambda record: record.patient):
        for prediction in library.predict_patient(predictor, tuple(records)):
            library.write_overlay(prediction, library.write_mask(prediction, out))
            done.append(prediction)
        counts = sum((p.counts for p in done if p.counts and p.record.patient == patient), start=Counts())
        print(f"{patient}: " + (f"Dice {counts.dice():.3f} against the expert" if counts.total else "no expert mask"))
    library.write_scores(done, out / "scores.csv")
    print(f"{len(done)} masks and overlays in {out}, scores in {out / 'scores.csv'}\n"
          f"{model.name}: {library.NOT_FOR_DIAGNOSIS}")


@results_app.command()
def table(scale: Annotated[str, typer.Option(help="cpu (small), gpu (in full) or smoke.")] = "cpu",
          data: Data = Path("data/lgg"), device: Device = "auto",
          rows: Annotated[list[str] | None, typer.Option(help="Only this one, say Model_0; may be repeated.")] = None,
          out: Annotated[Path, typer.Option(help="Where the rows are kept.")] = Path("data/results/six_models.json"),
          show: Annotated[bool, typer.Option("--show", help="Train nothing; print what is there.")] = False) -> None:
    """Train what is missing of the six, on both splits, and print all beside the school project's numbers."""
    from unet_lib import results
    from unet_lib.dataset import open_cache

    try:
        for row in () if show else results.run_table(out, open_cache(data), scale, device=device, names=rows or ()):
            print(f"{row['name']}, split by {row['split']}: F1 {row['f1']}, accuracy {row['accuracy']}", flush=True)
    except KeyboardInterrupt:
        print("\nStopped; all progress is saved. The same command goes on.")
        raise typer.Exit(130) from None
    print(results.as_table(results.read_rows(out), scale))


def _move(bar: Any, done: int, batch: int) -> None:
    if done - bar.n > batch:  # a resumed run begins where it stopped, and what was done then is no speed
        bar.initial = bar.n = done
    bar.update(done - bar.n)


def _command(processes: int) -> str:
    """How this command was started."""
    start = f"torchrun --nproc-per-node {processes} -m unet_lib" if processes > 1 else "unet_lib"
    return " ".join([start, *(argument for argument in sys.argv[1:] if argument != "--resume")])


def _patients_to_score(card: dict[str, Any], cache: "SliceCache", part: str) -> tuple[str, ...]:
    from unet_lib.splits import Split

    split = Split(**{name: tuple(names) for name, names in card["split"].items()}) if "split" in card else None
    known = set(split.part("all")) if split else set()
    if split and known & set(cache.names):
        return tuple(name for name in split.part(part) if name in cache.names)
    print("These weights never saw this data set: all its patients are scored.")
    return cache.names


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
