"""A whole training, from its configuration to files: what the command line, a table of results or torchrun start.

    experiment = prepare(ExperimentConfig(batch=8), cache, split, device)
    for epoch in experiment.train(folder):
        print(epoch_line(epoch))

The folder then holds last.safetensors, best.safetensors with its card, and history.csv.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from tqdm.auto import tqdm

from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import AugmentationConfig, Augmented
from unet_lib.data.cache import SliceCache
from unet_lib.data.loader import Batches
from unet_lib.data.preprocessing import channels
from unet_lib.data.protocols import BatchSource
from unet_lib.data.slice_files import SIDE
from unet_lib.data.splits import Split
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.models.pretrained import load_pretrained_encoder
from unet_lib.models.registry import Config, Network, build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.distributed import is_main, world_size
from unet_lib.training.loop import LAST, EpochResult, fit

HISTORY = "history.csv"


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """Everything that fixes a training on given data; `seed` draws initial weights, order and augmentation.

    `augment` varies each slice at random, as far as `augmentation` says. `context_slices`, `negative_fraction` and
    `patient_balance` as in `Batches`; the network needs three input channels a slice. `pretrained`: the encoder begins
    with weights learnt from photographs (`models.pretrained`). Raises ShapeError if the network has other channels, or
    cannot take images of `size`; SettingsError if it has no encoder that such weights are for.
    """

    network: Config = field(default_factory=lambda: UNetConfig(base=16))
    training: TrainingConfig = field(default_factory=TrainingConfig)
    size: int = SIDE
    batch: int = 4
    augment: bool = True
    seed: int = 0
    context_slices: int = 0
    negative_fraction: float = 1.0
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    pretrained: bool = False
    patient_balance: float = 0.0

    def __post_init__(self) -> None:
        self.network.check_size(self.size, self.size)
        needed = channels(self.context_slices)
        if self.network.in_channels != needed:
            raise ShapeError(f"expected a network with {needed} input channels for context_slices="
                             f"{self.context_slices}; got {self.network.in_channels}. Build it with "
                             f"UNetConfig(in_channels={needed}, …).")
        if self.pretrained and not isinstance(self.network, EfficientNetUNetConfig):
            raise SettingsError(f"pretrained weights are there for the encoder of an EfficientNetUNet; got "
                                f"{self.network}. Take network=EfficientNetUNetConfig(), or pretrained=False.")


@dataclass(frozen=True)
class Experiment:
    """A network, its batches, and the card that its weights will carry. Made by `prepare`."""

    settings: ExperimentConfig
    network: Network
    training: Batches
    validation: Batches | None
    card: dict[str, Any]

    @property
    def slices(self) -> int:
        """How many slices the whole training takes, all epochs together."""
        return self.settings.training.epochs * self.training.slices

    @property
    def source(self) -> BatchSource:
        """The training batches, varied at random where the settings say so."""
        s = self.settings
        return Augmented(self.training, s.augmentation, s.seed) if s.augment else self.training

    def train(self, folder: Path, *, resume: bool = False,
              tick: Callable[[int], None] = lambda done: None) -> Iterator[EpochResult]:
        """Train, and keep weights and history.csv in `folder`; yield an EpochResult after every epoch (see `fit`).

        `tick` is told, after each batch, how many slices of the whole training are done. Raises SettingsError if the
        folder holds a training and `resume` is not asked for.
        """
        if not resume:
            refuse_overwriting(folder)
        watched = Watched(self.source, self.training.slices, self.training.batch, tick)
        for epoch in fit(self.network, watched, self.settings.training, validation=self.validation, folder=folder,
                         card=self.card, resume=resume):
            if is_main():
                write_history(folder / HISTORY, epoch)
            yield epoch

    def train_to_end(self, folder: Path) -> int:
        """Train, or go on where an earlier training in `folder` stopped, behind a progress bar.

        The network then has its last weights. Returns the seconds that all epochs took, in all sittings.
        """
        with tqdm(total=self.settings.training.epochs, desc=folder.name, unit="epoch") as bar:
            for epoch in self.train(folder, resume=(folder / LAST).exists()):
                bar.n = epoch.epoch
                bar.set_postfix_str(f"loss {epoch.loss:.4f}, {epoch.images_per_second:.0f} images/s")
        with (folder / HISTORY).open() as file:
            return round(sum(float(row["seconds"]) for row in csv.DictReader(file)))


def prepare(settings: ExperimentConfig, cache: SliceCache, split: Split, device: torch.device) -> Experiment:
    """A training on a split by patient."""
    return prepare_slices(settings, cache, cache.slices_of(split.train), cache.slices_of(split.validation),
                          asdict(split), device)


def prepare_slices(settings: ExperimentConfig, cache: SliceCache, train: Int[np.ndarray, "t"],
                   validation: Int[np.ndarray, "v"], split: Mapping[str, Any], device: torch.device) -> Experiment:
    """A training on slices chosen one by one; the card says in `split` how. With no `validation`, there is none."""
    s = settings
    how: dict[str, Any] = {"batch": s.batch, "size": s.size, "context_slices": s.context_slices, "device": device,
                           "seed": s.seed}
    training = Batches(cache, train, negative_fraction=s.negative_fraction, patient_balance=s.patient_balance, **how)
    held_out = Batches(cache, validation, **how) if len(validation) else None
    card = {"data": {"content": cache.content, "size": s.size, "batch": s.batch, "augment": s.augment, "seed": s.seed,
                     "context_slices": s.context_slices, "negative_fraction": s.negative_fraction,
                     "patient_balance": s.patient_balance, "augmentation": asdict(s.augmentation),
                     "pretrained": s.pretrained},
            "split": dict(split), "training": asdict(s.training), "processes": world_size(),
            **provenance(device, s.training.precision)}
    network = build(s.network, s.seed)
    if s.pretrained:
        load_pretrained_encoder(network)
    network.to(device)
    return Experiment(s, network, training, held_out, card)


@dataclass(frozen=True)
class Watched:
    """A source of batches that tells `tick` how many slices the training has taken, those before a resume too."""

    source: BatchSource
    slices: int
    batch: int
    tick: Callable[[int], None]

    def __len__(self) -> int:
        return len(self.source)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Any]:
        """The source's batches."""
        done = number * self.slices + start * self.batch
        self.tick(done)
        for batch in self.source.epoch(number, start):
            yield batch
            done += len(batch.images)
            self.tick(done)


def refuse_overwriting(folder: Path) -> None:
    """Raise SettingsError if `folder` holds a training already."""
    if (folder / LAST).exists():
        raise SettingsError(f"{folder} already holds a run. Add --resume to go on with it, or choose another --out.")


def epoch_line(epoch: EpochResult) -> str:
    """One line of print for an epoch."""
    held_out = epoch.validation.dice() if epoch.validation else float("nan")
    return (f"epoch {epoch.epoch:3d}/{epoch.epochs}  loss {epoch.loss:.4f}  F1 train {epoch.train.dice():.4f}  "
            f"F1 held-out {held_out:.4f}  {epoch.images_per_second:.0f} images/s  {epoch.seconds:.0f} s")


def write_history(path: Path, epoch: EpochResult) -> None:
    """One row an epoch; a resumed training replaces the rows it repeats."""
    rows: list[dict[str, Any]] = list(csv.DictReader(path.open())) if path.exists() else []
    rows = [row for row in rows if int(row["epoch"]) < epoch.epoch] + [epoch.as_row()]
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(epoch.as_row()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, table.getvalue())
