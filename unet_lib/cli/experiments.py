"""`unet_lib results …`: long measurements on the real data, resumable, kept in data/results."""

from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.options import LGG, Data, Device, stoppable

results_app = typer.Typer(no_args_is_help=True, help="Measure on the real data; each row is kept as it comes.")
Show = Annotated[bool, typer.Option("--show", help="Train nothing; print what is there.")]


@results_app.command()
def table(scale: Annotated[str, typer.Option(help="cpu (small), gpu (in full) or smoke.")] = "cpu",
          data: Data = LGG, device: Device = "auto",
          rows: Annotated[list[str] | None, typer.Option(help="Only this one, say Model_0; may be repeated.")] = None,
          out: Annotated[Path, typer.Option(help="Where the rows are kept.")] = Path("data/results/school_models.json"),
          show: Show = False) -> None:
    """Train what is missing of the six, on both splits, and print all beside the school project's numbers."""
    from unet_lib.data.cache import open_cache
    from unet_lib.evaluation import school_models
    from unet_lib.evaluation.result_rows import read_rows

    with stoppable():
        for row in () if show else school_models.run_table(out, open_cache(data), scale, device=device, names=rows or ()):
            print(f"{row['name']}, split by {row['split']}: F1 {row['f1']}, accuracy {row['accuracy']}", flush=True)
    print(school_models.as_table(read_rows(out), scale))


@results_app.command()
def folds(recipe: Annotated[str, typer.Option(help="baseline, shorter, longer, borrowed, sharp, alike or "
                                                   "best.")] = BEST,
          data: Data = LGG, device: Device = "auto",
          fold: Annotated[list[int] | None, typer.Option(help="Only this one, 0 to 4; may be repeated.")] = None,
          out: Annotated[Path, typer.Option(help="Where the folds are kept.")] = Path("data/results/cross_validation.json"),
          show: Show = False) -> None:
    """Cross-validation: train what is missing of five folds by patient, and print what the recipes reach."""
    from unet_lib.data.cache import open_cache
    from unet_lib.evaluation import cross_validation as library
    from unet_lib.evaluation.result_rows import read_rows

    chosen = range(library.FOLDS) if fold is None else fold
    with stoppable():
        for row in () if show else library.run_folds(recipe, open_cache(data), out, folds=chosen, device=device):
            found = row["summary"]
            print(f"{recipe}, fold {row['fold']}: mean Dice {found['mean_dice']}, median {found['median_dice']}, "
                  f"pooled F1 {found['pooled_f1']}", flush=True)
    print(library.as_table(read_rows(out)))
