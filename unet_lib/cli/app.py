"""The command line: a thin shell over the library. Errors a user can fix come without a traceback."""

import sys

import typer

from unet_lib.cli.card import card
from unet_lib.cli.data import data_app, phantom
from unet_lib.cli.editions import edition
from unet_lib.cli.experiments import experiments_app
from unet_lib.cli.features import features
from unet_lib.cli.lessons import doctor, pages, translate
from unet_lib.cli.options import HelpFromRegistries, complain
from unet_lib.cli.predict import evaluate, predict
from unet_lib.cli.train import train
from unet_lib.core.errors import GlassBoxError, os_fix

# The commands import torch and matplotlib when they run, so that `unet_lib --help` answers at once.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Glass-Box U-Net: train and use a network that outlines brain tumours in MRI scans.")
app.add_typer(data_app, name="data")
app.add_typer(experiments_app, name="experiments")
for command in (doctor, phantom, train, evaluate, predict, card, features, translate, pages, edition):
    app.command(cls=HelpFromRegistries)(command)


def main() -> None:
    """Run a command; print what a user can fix as one clear message and leave with status 2."""
    try:
        app()
    except GlassBoxError as error:
        sys.exit(complain(error))
    except OSError as error:  # a full disk, a folder one may not write to: files are written whole or not at all
        sys.exit(complain(f"{error.filename or 'the disk'}: {error.strerror or error}. {os_fix(error)} Then run the "
                          f"command again. Files that were there before are unharmed."))
