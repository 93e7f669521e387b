"""`unet_lib doctor`, `translate` and `pages`: is this machine ready for the lessons, and lessons in other forms."""

from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.results import refuse_foreign_file

Lessons = Annotated[list[Path], typer.Argument(help="Notebooks, such as notebooks/02_convolution.ipynb.")]


def doctor(data: Annotated[Path | None, typer.Option(help="The data folder to check.")] = None,
           report: Annotated[bool, typer.Option("--report", help="Print a report to paste into an issue.")] = False,
           of_class: Annotated[bool, typer.Option("--class", help="For teachers, the day before: check disk quota, "
                                                  "memory, port, proxy and home folder, too.")] = False,
           ) -> None:
    """Check whether this machine is ready for the lessons."""
    from unet_lib.lessons.doctor import consult

    raise typer.Exit(0 if consult(data, report, of_class) else 1)


def translate(lessons: Lessons,
              language: Annotated[str, typer.Option(help="The language's two letters, such as de.")] = "de",
              out: Annotated[Path | None, typer.Option(help="Write the translated lessons into this folder; the rest "
                                                            "stays English.")] = None,
              todo: Annotated[bool, typer.Option("--todo", help="Print the cells that still need a translation.")]
              = False,
              ) -> None:
    """Report how much of each lesson is translated, and which translations are out of date."""
    from unet_lib.lessons import translation as library

    stale = False
    for path in lessons:
        notebook, entries = library.read_lesson(path), library.read_translation(path.stem, language)
        if todo:
            print(library.stub(notebook, entries))
            continue
        found = library.progress(notebook, entries)
        stale |= bool(found.stale or found.lost)
        print(f"{path.stem}: {found.translated} of {found.cells} cells"
              + "".join(f"\n  stale, the English has changed: {name}" for name in found.stale)
              + "".join(f"\n  lost, no such cell: {name}" for name in found.lost))
        if out:
            refuse_foreign_file(out / path.name, library.MARK)
            print(f"  written: {library.write_translated(path, language, out)}")
    raise typer.Exit(1 if stale else 0)


def pages(lessons: Lessons,
          out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("printed")) -> None:
    """Write each lesson as one HTML page to print, with all formulas and pictures inside."""
    from unet_lib.lessons.html_export import GENERATOR, write_page

    for lesson in lessons:
        refuse_foreign_file(out / f"{lesson.stem}.html", GENERATOR)
        print(f"written: {write_page(lesson, out)}")
