"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", help="A folder in LGG layout.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
PHANTOM = Path("data/phantom")
LGG = Path("data/lgg")
