"""A whole training, from its configuration to files: what the command line, a table of results or torchrun start.

    experiment = prepare(ExperimentConfig(batch=8), cache, split, device)
    for epoch in experiment.train(folder):
        print(epoch_line(epoch))

The folder then holds last.safetensors, best.safetensors with its card, and history.csv.
"""

import csv
import io
import math
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
from unet_lib.core.devices import device_memory
from unet_lib.core.errors import DeviceMemoryError, SettingsError, ShapeError
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import AugmentationConfig, Augmented
from unet_lib.data.cache import SliceCache
from unet_lib.data.loader import Batches, check_batch_settings
from unet_lib.data.preprocessing import channels
from unet_lib.data.protocols import BatchSource
from unet_lib.data.slice_files import SIDE
from unet_lib.data.splits import Split
from unet_lib.models import checkpoint
from unet_lib.models.architecture import UNetConfig, totals
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.models.pretrained import load_pretrained_encoder
from unet_lib.models.registry import Config, Network, build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.distributed import is_main, world_size
from unet_lib.training.loop import BEST, LAST, EpochResult, fit
from unet_lib.training.resume import Row, kept_rows

HISTORY = "history.csv"
TRAINING_BYTES = 16  # of a parameter: itself, its gradient, and Adam's two averages, in float32


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """Everything that fixes a training on given data; `seed` draws initial weights, order and augmentation.

    `augment` varies each slice at random, as far as `augmentation` says. `context_slices`, `negative_fraction` and
    `patient_balance` as in `Batches`; the network needs three input channels a slice. `pretrained`: the encoder begins
    with weights learnt from photographs (`models.pretrained`). Raises ShapeError if the network has other channels, or
    cannot take images of `size`, or for what no batches can be made of; SettingsError for a seed outside 0 to 2³²−1, or
    a network without an encoder that such weights are for.
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
        check_batch_settings(batch=self.batch, size=self.size, context_slices=self.context_slices, seed=self.seed,
                             negative_fraction=self.negative_fraction, patient_balance=self.patient_balance)
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

    def train(self, folder: Path, *, resume: bool = False, tick: Callable[[int], None] = lambda done: None,
              warn: Callable[[str], None] = warnings.warn) -> Iterator[EpochResult]:
        """Train, and keep weights and history.csv in `folder`; yield an EpochResult after every epoch (see `fit`).

        `tick` is told, after each batch, how many slices of the whole training are done; `warn`, after an epoch, that
        history.csv cannot be written, which stops nothing. Raises SettingsError if `resume` is not asked for and the
        folder holds a training or other files of such names, or if another process trains there.
        """
        watched = Watched(self.source, self.training.slices, self.training.batch, tick)
        with claim(folder) if is_main() else nullcontext():
            if is_main():
                if resume:
                    write_history(folder, warn)
                else:
                    refuse_overwriting(folder)
            try:
                for epoch in fit(self.network, watched, self.settings.training, validation=self.validation,
                                 folder=folder, card=self.card, resume=resume):
                    if is_main():
                        write_history(folder, warn)
                    yield epoch
            except KeyboardInterrupt:
                # It may have come between an epoch's weights and its row of the history.
                if is_main() and (folder / LAST).exists():
                    write_history(folder, warn)
                raise

    def train_to_end(self, folder: Path) -> int:
        """Train, or go on where an earlier training in `folder` stopped, behind a progress bar.

        The network then has its last weights. Returns the seconds that all epochs took, in all sittings.
        """
        with tqdm(total=self.settings.training.epochs, desc=folder.name, unit="epoch") as bar:
            for epoch in self.train(folder, resume=(folder / LAST).exists()):
                bar.n = epoch.epoch
                bar.set_postfix_str(f"loss {epoch.loss:.4f}, {epoch.images_per_second:.0f} images/s")
        return round(sum(float(row["seconds"]) for row in history(folder)))


def prepare(settings: ExperimentConfig, cache: SliceCache, split: Split, device: torch.device) -> Experiment:
    """A training on a split by patient."""
    return prepare_slices(settings, cache, cache.slices_of(split.train), cache.slices_of(split.validation),
                          asdict(split), device)


def prepare_slices(settings: ExperimentConfig, cache: SliceCache, train: Int[np.ndarray, "t"],
                   validation: Int[np.ndarray, "v"], split: Mapping[str, Any], device: torch.device) -> Experiment:
    """A training on slices chosen one by one; the card says in `split` how. With no `validation`, there is none."""
    s = settings
    check_memory(s.network, device)
    how: dict[str, Any] = {"batch": s.batch, "size": s.size, "context_slices": s.context_slices, "device": device,
                           "seed": s.seed}
    training = Batches(cache, train, negative_fraction=s.negative_fraction, patient_balance=s.patient_balance, **how)
    _check_batch_norm(s, training.slices)
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


def check_memory(network: Config, device: torch.device) -> None:
    """Raise DeviceMemoryError if the weights alone, while they learn, take more memory than the device has."""
    parameters = totals(network.plan(network.multiple)).parameters
    needed, there = TRAINING_BYTES * parameters, device_memory(device)
    if there is not None and needed > there:
        raise DeviceMemoryError(f"expected a network that can be trained in {there / 1e9:.0f} GB; got one of "
                                f"{parameters:,} parameters, which takes {needed / 1e9:,.0f} GB. Take a smaller --base "
                                f"or --depth: a level less, or half the base, needs about a quarter.")


def _check_batch_norm(settings: ExperimentConfig, slices: int) -> None:
    """Raise SettingsError if a batch norm would see a single value a channel, which has no variance."""
    s = settings

    def fewest(batch: int) -> int:
        """Slices of an epoch's last batch, as few as any has, that fall to a process."""
        return (slices % batch or batch) // world_size()

    single = any(stage.kept_statistics and stage.height * stage.width == 1 for stage in s.network.plan(s.size))
    if not single or fewest(s.batch) > 1:
        return
    ways = [f"--batch {batch}" for batch in range(s.batch + 1, slices + 1) if fewest(batch) > 1][:1]
    if 2 * s.size <= SIDE:
        ways.append(f"--size {2 * s.size}")
    if isinstance(s.network, UNetConfig):
        ways.append(f"--depth {s.network.depth - 1}")
    raise SettingsError(f"expected two slices or more in every batch, because the bottleneck has 1×1 pixels at size "
                        f"{s.size} and batch norm needs more than one value; got {slices} slices in batches of "
                        f"{s.batch}{f' for {world_size()} processes' * (world_size() > 1)}. Take {' or '.join(ways)}.")


def refuse_overwriting(folder: Path, *, stages: bool = False) -> None:
    """Raise SettingsError if `folder` holds a training already, or a file that a training would write.

    With `stages`, those of a recipe's earlier stages count, too.
    """
    there = [name for name in (LAST, BEST, HISTORY) if (folder / name).exists()]
    there += sorted(path.name for path in folder.glob("stage-*")) if stages else []
    if LAST in there or "stage-1" in there:
        raise SettingsError(f"{folder} already holds a run. Add --resume to go on with it, or choose another --out.")
    if there:
        raise SettingsError(f"{folder} already holds {there[0]}, which a training would overwrite, and no {LAST} to "
                            f"go on with. Move it away, or choose another --out.")


def refuse_to_resume(folder: Path) -> None:
    """Raise SettingsError if `folder` holds no training to go on with."""
    if not (folder / LAST).exists():
        raise SettingsError(f"nothing to resume: expected {folder / LAST}, which is not there. Name the folder of a "
                            f"run, or leave out --resume to begin one.")


def epoch_line(epoch: EpochResult) -> str:
    """One line of print for an epoch."""
    held_out = epoch.validation.dice() if epoch.validation else float("nan")
    return (f"epoch {epoch.epoch:3d}/{epoch.epochs}  loss {epoch.loss:.4f}  F1 train {epoch.train.dice():.4f}  "
            f"F1 held-out {held_out:.4f}  {epoch.images_per_second:.0f} images/s  {epoch.seconds:.0f} s")


def history(folder: Path) -> list[Row]:
    """The rows of all epochs of the training in `folder`, from the file that it is resumed from.

    The rows of epochs that this file does not tell of, as not every version kept them there, come from history.csv.
    Raises CheckpointError.
    """
    rows = kept_rows(folder / LAST, checkpoint.read_header(folder / LAST))
    return _earlier_rows(folder / HISTORY, rows[0]["epoch"] if rows else math.inf) + rows


def _earlier_rows(path: Path, epoch: float) -> list[Row]:
    """The rows of a history.csv before `epoch`; none where there is none, or a spreadsheet has changed it."""
    if epoch == 1:
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        return [row for row in rows if int(row["epoch"]) < epoch and float(row["seconds"]) >= 0]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []


def write_history(folder: Path, warn: Callable[[str], None] = warnings.warn) -> None:
    """history.csv, a copy of `history`, one row an epoch; `warn` is told where it cannot be written."""
    if not (rows := history(folder)):
        return
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(rows[-1]), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_text(folder / HISTORY, table.getvalue())
    except OSError as error:
        warn(f"{folder / HISTORY} cannot be written ({error.strerror}); its rows are safe in {LAST}, and the next "
             f"epoch tries again. Close it elsewhere, or move it away.")
