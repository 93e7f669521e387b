"""One network at several steps of its training, as `data/models/make.py` keeps it: weights, cards and history.

Beside them lie calibrated statistics for the batch norms of every step, so that steps can be compared.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unet_lib.core.errors import CheckpointError, SettingsError
from unet_lib.data.preprocessing import training_size
from unet_lib.inspection.batch_norm_calibration import batch_norm_statistics, load_statistics
from unet_lib.models.checkpoint import load_model, load_tensors, save_tensors
from unet_lib.models.registry import Config, Network

FILE = re.compile(r"step-(\d+)\.safetensors")
HISTORY = "history.csv"
BATCH_NORM = "batch_norm.safetensors"


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


def load_series(path: Path | str, calibrated: bool = False) -> Series:
    """The networks in a folder's step-<n>.safetensors, and the history.csv beside them if there is one.

    As trained, or `calibrated`: the statistics of all batch norms are then those of one set of training slices
    (`batch_norm_calibration`), and the cards say so and give the scores of these networks. A single file of weights is
    a series of one step: the one that its card tells, else 0. Weights are kept in half precision; they come back as
    float32. Raises CheckpointError for a folder without such files, for files that are damaged, for networks that
    cannot be of one training, or for calibrated statistics that are missing or of other networks.
    """
    folder = Path(path)
    if calibrated:
        return _calibrated(folder / BATCH_NORM, load_series(folder))
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


def save_calibration(folder: Path, networks: Mapping[int, Network], card: Mapping[str, Any]) -> None:
    """Keep the statistics of these networks' batch norms, by step, beside the series in `folder`.

    `card` tells of their data in "batch_norm", and has "validation_scores" by step.
    """
    tensors = {f"{step}.{name}": tensor for step, network in networks.items()
               for name, tensor in batch_norm_statistics(network).items()}
    save_tensors(folder / BATCH_NORM, tensors, {"kind": "batch norms", "card": dict(card)})


def _calibrated(path: Path, series: Series) -> Series:
    """The same series with the statistics in this file."""
    if not path.exists():
        raise CheckpointError(f"{path}: expected the calibrated statistics of the batch norms; found no such file. "
                              f"Load the networks as they were trained, or calibrate them as data/models/make.py does.")
    tensors, header = load_tensors(path)
    try:
        card = header["card"]
        for step, network in zip(series.steps, series.networks, strict=True):
            load_statistics(network, {name.removeprefix(f"{step}."): tensor for name, tensor in tensors.items()
                                      if name.startswith(f"{step}.")})
        scores = [card["validation_scores"][str(step)] for step in series.steps]
        cards = tuple({**own, "batch_norm": card["batch_norm"], "validation_scores": these}
                      for own, these in zip(series.cards, scores, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: expected the statistics of the networks beside it ({error}). Calibrate these "
                              f"networks again, as data/models/make.py does.") from error
    return replace(series, cards=cards)


def _history(path: Path) -> tuple[Moment, ...]:
    if not path.exists():
        return ()
    try:
        rows = csv.DictReader(path.read_text("utf-8").splitlines())
        return tuple(Moment(int(row["step"]), float(row["loss"]), float(row["train_f1"])) for row in rows)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise CheckpointError(f"{path}: expected the columns step, loss and train_f1, all numbers ({error!r}). Make "
                              f"it again, or remove it: the networks can be shown without.") from error
