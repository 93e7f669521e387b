"""One network at several steps of its training, as `data/models/make.py` keeps it: weights, cards and history."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_lib.core.errors import CheckpointError, SettingsError
from unet_lib.data.preprocessing import training_size
from unet_lib.models.checkpoint import load_model
from unet_lib.models.registry import Config, Network

FILE = re.compile(r"step-(\d+)\.safetensors")
HISTORY = "history.csv"


@dataclass(frozen=True, slots=True)
class Moment:
    """A row of the history: after `step` steps, the loss and F1 over the training pixels since the row before."""

    step: int
    loss: float
    train_f1: float


@dataclass(frozen=True)
class Series:
    """Networks of one architecture, in evaluation mode, after `steps` steps of one training each, in order.

    `size` is the side in pixels of the images they were trained with. `history` may be empty.
    """

    steps: tuple[int, ...]
    networks: tuple[Network, ...]
    cards: tuple[dict[str, Any], ...]
    history: tuple[Moment, ...]
    size: int

    @property
    def config(self) -> Config:
        """Of all networks."""
        return self.networks[0].config

    def at(self, step: int) -> Network:
        """The network after so many steps. Raises SettingsError for a step that was not kept."""
        if step not in self.steps:
            raise SettingsError(f"No network was kept at step {step}; there are {', '.join(map(str, self.steps))}.")
        return self.networks[self.steps.index(step)]


def load_series(path: Path | str) -> Series:
    """The networks in a folder's step-<n>.safetensors, and the history.csv beside them if there is one.

    A single file of weights is a series of one step: the one that its card tells, else 0. Weights are kept in half
    precision; they come back as float32. Raises CheckpointError for a folder without such files, for files that are
    damaged, or for networks that cannot be of one training.
    """
    folder = Path(path)
    if folder.is_file():
        network, card = load_model(folder)
        return Series((int(card.get("step", 0)),), (network,), (card,), (), training_size(card))
    found = sorted((int(match[1]), file) for file in folder.glob("*.safetensors")
                   if (match := FILE.fullmatch(file.name)))
    if not found:
        raise CheckpointError(f"{folder}: expected the networks of a training, step-0000.safetensors and so on; found "
                              f"{'none' if folder.is_dir() else 'no such folder'}. The one that comes with the "
                              f"lessons is data/models/lgg-steps.")
    networks, cards = zip(*(load_model(file) for _, file in found), strict=True)
    sizes = [training_size(card) for card in cards]
    for (_, file), network, size in zip(found, networks, sizes, strict=True):
        if (network.config, size) != (networks[0].config, sizes[0]):
            raise CheckpointError(f"{file}: expected a network like that of {found[0][1].name} ({networks[0].config}, "
                                  f"{sizes[0]} pixels); got {network.config}, {size} pixels. Keep each training in a "
                                  f"folder of its own.")
    return Series(tuple(step for step, _ in found), networks, cards, _history(folder / HISTORY), sizes[0])


def _history(path: Path) -> tuple[Moment, ...]:
    if not path.exists():
        return ()
    try:
        rows = csv.DictReader(path.read_text("utf-8").splitlines())
        return tuple(Moment(int(row["step"]), float(row["loss"]), float(row["train_f1"])) for row in rows)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise CheckpointError(f"{path}: expected the columns step, loss and train_f1, all numbers ({error!r}). Make "
                              f"it again, or remove it: the networks can be shown without.") from error
