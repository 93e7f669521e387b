"""A whole training, from its configuration to files: what the command line, a table of results or torchrun start.

    experiment = prepare(ExperimentConfig(batch=8), cache, split, device)
    for epoch in experiment.train(folder):
        print(epoch_line(epoch))

The folder then holds last.safetensors, best.safetensors with its card, and history.csv.
"""

import csv
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from tqdm.auto import tqdm

from unet_lib.core.atomic_io import write_text
from unet_lib.core.claim import claim
from unet_lib.core.devices import machine_memory
from unet_lib.core.errors import DeviceMemoryError, SettingsError, ShapeError
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import AugmentationConfig, Augmented
from unet_lib.data.cache import SliceCache
from unet_lib.data.loader import Batches
from unet_lib.data.preprocessing import channels
from unet_lib.data.protocols import BatchSource
from unet_lib.data.slice_files import SIDE
from unet_lib.data.splits import Split
from unet_lib.models import checkpoint
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.models.pretrained import load_pretrained_encoder
from unet_lib.models.registry import Config, Network, build, network
from unet_lib.training.config import TrainingConfig
from unet_lib.training.distributed import is_main, world_size
from unet_lib.training.loop import LAST, EpochResult, fit

HISTORY = "history.csv"
SEEDS = 2 ** 32                # how many there are
MOST_HALVINGS, MOST_BASE = 8, 4096
MOST_CONTEXT_SLICES = 20       # on either side; a head has about 30 slices
TRAINING_BYTES = 16            # of a parameter: itself, its gradient, and Adam's two averages


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
        if not 0 <= self.seed < SEEDS:
            raise SettingsError(f"expected a seed from 0 to {SEEDS - 1}; got {self.seed}.")
        if not 0 <= self.context_slices <= MOST_CONTEXT_SLICES:
            raise SettingsError(f"expected 0 to {MOST_CONTEXT_SLICES} context slices; got {self.context_slices}.")
        if self.batch < 1 or not 16 <= self.size <= SIDE:
            raise ShapeError(f"expected batch ≥ 1 and 16 ≤ size ≤ {SIDE}; got batch={self.batch}, size={self.size}.")
        if not (0 <= self.negative_fraction <= 1 and 0 <= self.patient_balance <= 1):
            raise SettingsError(f"expected a negative fraction and a patient balance from 0 to 1; got "
                                f"{self.negative_fraction} and {self.patient_balance}.")
        if self.network.depth > MOST_HALVINGS:   # before anything computes with it
            raise ShapeError(f"expected a depth of at most {MOST_HALVINGS}, which halves {SIDE} pixels to one; got "
                             f"{self.network.depth}.")
        if isinstance(self.network, UNetConfig) and self.network.base > MOST_BASE:
            raise ShapeError(f"expected at most {MOST_BASE} channels in the first stage; got {self.network.base}.")
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
        folder holds a training and `resume` is not asked for, or if another process trains there.
        """
        watched = Watched(self.source, self.training.slices, self.training.batch, tick)
        with claim(folder) if is_main() else nullcontext():
            if not resume:
                refuse_overwriting(folder)
            elif is_main():
                write_history(folder)
            for epoch in fit(self.network, watched, self.settings.training, validation=self.validation, folder=folder,
                             card=self.card, resume=resume):
                if is_main():
                    write_history(folder)
                yield epoch

    def train_to_end(self, folder: Path) -> int:
        """Train, or go on where an earlier training in `folder` stopped, behind a progress bar.

        The network then has its last weights. Returns the seconds that all epochs took, in all sittings.
        """
        with tqdm(total=self.settings.training.epochs, desc=folder.name, unit="epoch") as bar:
            for epoch in self.train(folder, resume=(folder / LAST).exists()):
                bar.n = epoch.epoch
                bar.set_postfix_str(f"loss {epoch.loss:.4f}, {epoch.images_per_second:.0f} images/s")
        return round(sum(row["seconds"] for row in history(folder)))


def prepare(settings: ExperimentConfig, cache: SliceCache, split: Split, device: torch.device) -> Experiment:
    """A training on a split by patient."""
    return prepare_slices(settings, cache, cache.slices_of(split.train), cache.slices_of(split.validation),
                          asdict(split), device)


def prepare_slices(settings: ExperimentConfig, cache: SliceCache, train: Int[np.ndarray, "t"],
                   validation: Int[np.ndarray, "v"], split: Mapping[str, Any], device: torch.device) -> Experiment:
    """A training on slices chosen one by one; the card says in `split` how. With no `validation`, there is none."""
    s = settings
    _check_memory(s.network)
    how: dict[str, Any] = {"batch": s.batch, "size": s.size, "context_slices": s.context_slices, "device": device,
                           "seed": s.seed}
    training = Batches(cache, train, negative_fraction=s.negative_fraction, patient_balance=s.patient_balance, **how)
    _check_last_batch(s, training.slices)
    held_out = Batches(cache, validation, **how) if len(validation) else None
    card = {"data": {"content": cache.content, "size": s.size, "batch": s.batch, "augment": s.augment, "seed": s.seed,
                     "context_slices": s.context_slices, "negative_fraction": s.negative_fraction,
                     "patient_balance": s.patient_balance, "augmentation": asdict(s.augmentation),
                     "pretrained": s.pretrained},
            "split": dict(split), "training": asdict(s.training), "processes": world_size(),
            **provenance(device, s.training.precision)}
    built = build(s.network, s.seed)
    if s.pretrained:
        load_pretrained_encoder(built)
    built.to(device)
    return Experiment(s, built, training, held_out, card)


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


def _check_memory(config: Config) -> None:
    """Raise DeviceMemoryError if the weights alone, while they learn, would not fit into the machine."""
    with torch.device("meta"):
        needed = TRAINING_BYTES * sum(parameter.numel() for parameter in network(config).parameters())
    if needed > (machine_memory() or float("inf")):
        raise DeviceMemoryError(f"a network of {needed / TRAINING_BYTES:,.0f} parameters needs {needed / 1e9:.0f} GB "
                                f"to train; this machine has {(machine_memory() or 0) / 1e9:.0f} GB. Take a smaller "
                                f"base or depth.")


def _check_last_batch(settings: ExperimentConfig, slices: int) -> None:
    """Raise SettingsError if batch norm would get a single value a channel, of which it can take no variance."""
    lowest = settings.size // getattr(settings.network, "multiple", 2 ** settings.network.depth)
    normalised = getattr(settings.network, "batch_norm", True)
    if lowest == 1 and normalised and (slices % settings.batch or settings.batch) == 1:
        raise SettingsError(f"the last batch of an epoch holds one slice ({slices} slices in batches of "
                            f"{settings.batch}), and the bottleneck has 1×1 pixels at size {settings.size}: batch norm "
                            f"needs more than one value. Take another batch, a larger size or a smaller depth.")


def refuse_overwriting(folder: Path, *others: str) -> None:
    """Raise SettingsError if `folder` holds a training already, or one of the `others`, which one would write."""
    if (folder / LAST).exists():
        raise SettingsError(f"{folder} already holds a run. Add --resume to go on with it, or choose another --out.")
    if there := [name for name in others if (folder / name).exists()]:
        raise SettingsError(f"{folder} holds {there[0]}, and no run to go on with. Choose another --out, or move it "
                            f"away.")


def epoch_line(epoch: EpochResult) -> str:
    """One line of print for an epoch."""
    held_out = epoch.validation.dice() if epoch.validation else float("nan")
    return (f"epoch {epoch.epoch:3d}/{epoch.epochs}  loss {epoch.loss:.4f}  F1 train {epoch.train.dice():.4f}  "
            f"F1 held-out {held_out:.4f}  {epoch.images_per_second:.0f} images/s  {epoch.seconds:.0f} s")


def history(folder: Path) -> list[dict[str, Any]]:
    """The rows of all epochs of the training in `folder`, from the file that it is resumed from."""
    return checkpoint.read_header(folder / LAST).get("history", [])


def write_history(folder: Path) -> None:
    """history.csv, a copy of `history`, one row an epoch; warns where it cannot be written, and loses nothing."""
    if not (rows := history(folder)):
        return
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_text(folder / HISTORY, table.getvalue())
    except OSError as error:
        warnings.warn(f"{folder / HISTORY} cannot be written ({error.strerror}); its rows are safe in {LAST}, and the "
                      f"next epoch tries again.", stacklevel=2)
