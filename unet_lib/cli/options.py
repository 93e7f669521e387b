"""What several commands share: options, help that names the choices, and how to stop."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

Data = Annotated[Path, typer.Option("--data", help="Data folder, in LGG layout.")]
Device = Annotated[str, typer.Option(help="Hardware to compute on: auto, cpu, cuda or mps.")]
PHANTOM = Path("data/phantom")
LGG = Path("data/lgg")


class HelpFromRegistries(TyperCommand):
    """A command whose help names the choices: "{module:NAME}" in an option's help stands for the names in there.

    The module is imported when the command's own help is shown, not before: `unet_lib --help` stays light.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        for parameter in self.params:
            text = getattr(parameter, "help", None) or ""
            parameter.help = re.sub(r"\{([\w.]+):(\w+)\}", _names, text)  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def _names(found: re.Match[str]) -> str:
    return ", ".join(getattr(import_module(found[1]), found[2]))


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C: a word about how to go on, in place of a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopped; all progress is saved. Run the same command to continue.")
        raise typer.Exit(130) from None


def complain(*problems: object) -> int:
    """Print what is wrong; returns the status to leave with."""
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 2


LEFT_OUT = 3   # the status to leave with when some of the input could not be used and the rest was done


def left_out(problems: Iterable[str], done: bool) -> None:
    """Say what was left out; ends the command with LEFT_OUT, or with 2 if nothing was done. Silent without problems."""
    if problems := list(problems):
        status = complain(*problems)
        print(f"{'The rest is done' if done else 'Nothing could be done'}; what is named above was left out.",
              file=sys.stderr)
        raise typer.Exit(LEFT_OUT if done else status)


def remark(remarks: Iterable[str]) -> None:
    """Say what is odd and was accepted."""
    for text in remarks:
        print(f"note: {text}.", file=sys.stderr)
