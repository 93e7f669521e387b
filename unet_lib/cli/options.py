"""What several commands share: options, and how to stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", help="A folder in LGG layout.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
PHANTOM = Path("data/phantom")
LGG = Path("data/lgg")


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C: a word about how to go on, in place of a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopped; all progress is saved. The same command goes on.")
        raise typer.Exit(130) from None
