"""`unet_lib experiments …`: long measurements on the real data, resumable, kept in data/results."""

from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.options import LGG, Data, Device, HelpFromRegistries, stoppable
from unet_lib.cli.results import refuse_data_folder

experiments_app = typer.Typer(no_args_is_help=True, help="Long experiments on the real data; every finished row is "
                                                         "saved at once.")
Show = Annotated[bool, typer.Option("--show", help="Train nothing; print the saved results.")]


@experiments_app.command(cls=HelpFromRegistries)
def school(scale: Annotated[str, typer.Option(help="How large: {unet_lib.evaluation.school_models:SCALES}. gpu is the "
                                                   "full size.")] = "cpu",
           data: Data = LGG, device: Device = "auto",
           rows: Annotated[list[str] | None, typer.Option(help="Only this model, such as Model_0. Repeat for several.")]
           = None,
           out: Annotated[Path, typer.Option(help="The file of results.")]
           = Path("data/results/school_models.json"),
           show: Show = False) -> None:
    """Train the school project's six models on both splits, and print the results beside the project's own.

    Models that were trained before are not trained again.
    """
    from unet_lib.core.devices import choose_device
    from unet_lib.data.cache import open_cache
    from unet_lib.evaluation import school_models
    from unet_lib.evaluation.result_rows import read_rows

    school_models.check_choice(scale, rows or ())
    choose_device(device)
    read_rows(out, school_models.COLUMNS)
    refuse_data_folder(out.parent)
    with stoppable():
        new = () if show else school_models.run_table(out, open_cache(data), scale, device=device, names=rows or ())
        for row in new:
            print(f"{row['name']}, split by {row['split']}: F1 {row['f1']}, accuracy {row['accuracy']}", flush=True)
    print(school_models.as_table(read_rows(out, school_models.COLUMNS), scale))


@experiments_app.command(cls=HelpFromRegistries)
def cross_validate(recipe: Annotated[str | None, typer.Option(help="{unet_lib.training.recipes:RECIPES}; by default "
                                                                   "the best of them.")] = None,
                   data: Data = LGG, device: Device = "auto",
                   fold: Annotated[list[int] | None, typer.Option(help="Only this fold, 0 to 4. Repeat for several.")]
                   = None,
                   out: Annotated[Path, typer.Option(help="The file of results.")]
                   = Path("data/results/cross_validation.json"),
                   show: Show = False) -> None:
    """Cross-validate a recipe in five folds, split by patient, and print the results.

    Folds that were trained before are not trained again.
    """
    from unet_lib.core.devices import choose_device
    from unet_lib.data.cache import open_cache
    from unet_lib.evaluation import cross_validation
    from unet_lib.evaluation.result_rows import read_rows
    from unet_lib.training.recipes import BEST

    recipe, folds = recipe or BEST, range(cross_validation.FOLDS) if fold is None else fold
    cross_validation.check_choice(recipe, folds)
    choose_device(device)
    read_rows(out, cross_validation.COLUMNS)
    refuse_data_folder(out.parent)
    with stoppable():
        new = () if show else cross_validation.run_folds(recipe, open_cache(data), out, folds=folds, device=device)
        for row in new:
            found = row["summary"]
            print(f"{recipe}, fold {row['fold']}: mean Dice {found['mean_dice']}, median {found['median_dice']}, "
                  f"pooled F1 {found['pooled_f1']}", flush=True)
    print(cross_validation.as_table(read_rows(out, cross_validation.COLUMNS)))
