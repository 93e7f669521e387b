"""`unet_lib doctor`, `translate` and `pages`: is this machine ready for the lessons, and lessons in other forms."""

from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.results import refuse_foreign_file

Lessons = Annotated[list[Path], typer.Argument(help="Notebooks.")]


def doctor(data: Annotated[Path | None, typer.Option(help="The data folder to look at.")] = None,
           report: Annotated[bool, typer.Option("--report", help="Print a text to paste into a bug report.")] = False,
           ) -> None:
    """Is this machine ready for the lessons?"""
    from unet_lib.lessons.doctor import consult

    raise typer.Exit(0 if consult(data, report) else 1)


def translate(lessons: Lessons,
              language: Annotated[str, typer.Option(help="Two letters, such as de.")] = "de",
              out: Annotated[Path | None, typer.Option(help="Write the lessons as far as they are translated.")] = None,
              todo: Annotated[bool, typer.Option("--todo", help="Print what a translator is to fill in.")] = False,
              ) -> None:
    """How far are the translations, and which of them have the English left behind?"""
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
          out: Annotated[Path, typer.Option(help="Where the pages go.")] = Path("printed")) -> None:
    """Write lessons as single pages to print, formulas and pictures inside; any browser opens them."""
    from unet_lib.lessons.html_export import GENERATOR, write_page

    for lesson in lessons:
        refuse_foreign_file(out / f"{lesson.stem}.html", GENERATOR)
        print(f"written: {write_page(lesson, out)}")
