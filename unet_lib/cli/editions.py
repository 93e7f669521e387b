"""`unet_lib edition`: the lessons for a class, solved for teachers, without solutions for pupils, or for nbgrader."""

from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.results import result_folder
from unet_lib.core.errors import SettingsError
from unet_lib.core.paths import repository


def edition(kind: Annotated[str, typer.Argument(help="Which: {unet_lib.lessons.editions:EDITIONS}.")],
            lessons: Annotated[list[Path] | None, typer.Argument(help="Notebooks; all lessons if none are named.")]
            = None,
            out: Annotated[Path | None, typer.Option(help="The folder to write to, editions/KIND if none is given.")]
            = None,
            ) -> None:
    """Write the lessons for a class: solved, without solutions, or as a course that nbgrader grades."""
    from unet_lib.lessons.editions import EDITIONS, find_exercises, write
    from unet_lib.lessons.translation import read_lesson

    if kind not in EDITIONS:
        raise SettingsError(f"expected an edition out of {', '.join(EDITIONS)}; got {kind!r}.")
    chosen = lessons or sorted((repository() / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if not chosen:
        raise SettingsError(f"expected lessons in {repository() / 'notebooks'}; there are none. Name the notebooks.")
    target, names = out or Path("editions") / kind, [str(path.resolve()) for path in chosen]
    with result_folder(target, command="edition", kind=kind, lessons=names) as folder:
        write(chosen, EDITIONS[kind], folder)
    for path in chosen:
        points = [exercise.points for _, exercise in find_exercises(read_lesson(path))]
        print(f"{path.stem}: exercises {len(points)}, points {sum(points)}")
    print(f"written: {target}")
