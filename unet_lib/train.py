"""Training as a generator: `for epoch in fit(model, batches, config):` yields immutable snapshots.

The command line prints them, a lesson draws them, a test asserts on them. None of them can change
training, and stopping is `break`. Everything random follows from (seed, epoch), so a training that was
interrupted and resumed ends with the same bits, on the same CPU, as one that was not.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unet_lib import checkpoint
from unet_lib.devices import choose_precision, held_interrupt
from unet_lib.errors import CheckpointError, SettingsError
from unet_lib.losses import LOSSES
from unet_lib.metrics import Counts, count_slices, pooled
from unet_lib.model import UNet, eval_mode, to_mask
from unet_lib.sources import Batch, BatchSource

LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train. The school project's settings were loss `bce`, Adam at 0.001, `constant`.

    `schedule="cosine"` lets the learning rate fall to 0 along half a cosine wave, step by step, so that the
    last weights are settled ones.
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    loss: str = "bce_dice"
    precision: str = "auto"
    schedule: str = "constant"

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise SettingsError(f"expected a loss out of {', '.join(LOSSES)}; got {self.loss!r}.")
        if self.schedule not in ("constant", "cosine"):
            raise SettingsError(f"expected a schedule out of constant, cosine; got {self.schedule!r}.")
        if self.epochs < 1 or not self.learning_rate > 0:
            raise SettingsError(f"expected epochs ≥ 1 and learning_rate > 0; "
                                f"got {self.epochs} and {self.learning_rate}.")

    def rate(self, epochs_done: float) -> float:
        """The learning rate after so many epochs, parts of one included."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * epochs_done / self.epochs)) / 2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One finished epoch. Losses are means per slice, `seconds` is the epoch's training and validation time,
    `images_per_second` that of training alone, `learning_rate` the one it began with; `validation` counts the
    pixels of slices not trained on."""

    epoch: int
    epochs: int
    loss: float
    train: Counts
    validation: Counts | None
    validation_loss: float | None
    seconds: float
    images_per_second: float
    learning_rate: float
    weights: Path | None = None

    @property
    def f1(self) -> float:
        """Pooled F1 on the validation slices if there are any, else on the training slices."""
        return (self.validation or self.train).dice()

    def as_row(self) -> dict[str, float | int | None]:
        """Plain numbers for a table or a CSV file."""
        return {"epoch": self.epoch, "loss": self.loss, "train_f1": self.train.dice(),
                "validation_loss": self.validation_loss,
                "validation_f1": self.validation.dice() if self.validation else None,
                "validation_accuracy": self.validation.accuracy() if self.validation else None,
                "seconds": self.seconds, "images_per_second": self.images_per_second,
                "learning_rate": self.learning_rate}


@dataclass
class _Progress:
    """Where a training stands: epochs done, batches done in the running epoch, and the running sums."""

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    slices: int = 0
    seconds: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    best: float = -1.0


def fit(model: UNet, batches: BatchSource, config: TrainConfig, *, validation: BatchSource | None = None,
        folder: Path | None = None, card: dict[str, Any] | None = None, resume: bool = False) -> Iterator[Snapshot]:
    """Train `model` in place, on the device it is on; yield a Snapshot after every epoch.

    With `folder`, last.safetensors (to resume from) and best.safetensors (weights of the best F1 so far,
    with `card`) are written after every epoch. Ctrl-C lets the step in hand finish, saves, and raises
    KeyboardInterrupt. `resume=True` goes on from `folder`, from the very batch where it stopped; raises
    CheckpointError if the file there belongs to another network or other settings.
    """
    # Channels last: the layout in which CPUs and GPUs convolve fastest; the numbers stay the same.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    run = _Run(model, optimiser, config, folder, card or {})
    if resume:
        run.load()
    while run.progress.epoch < config.epochs:
        with held_interrupt() as interrupted:
            run.train_epoch(batches, interrupted)
            snapshot = run.finish_epoch(validation)
        yield snapshot
        if interrupted():  # pressed while validating: the epoch is complete and saved
            raise KeyboardInterrupt


def count_batches(model: UNet, batches: Iterable[Any], config: TrainConfig) -> tuple[np.ndarray, float]:
    """TP, FP, FN, TN of every slice, and the mean loss per slice, in evaluation mode without gradients."""
    counts, loss, slices = [], 0.0, 0
    with eval_mode(model), torch.no_grad():
        for batch in batches:
            logits = forward(model, batch.images, config.precision)
            loss += float(LOSSES[config.loss](logits, batch.masks)) * len(batch.images)
            slices += len(batch.images)
            counts.append(count_slices(to_mask(logits), batch.masks))
    return np.concatenate(counts), loss / slices


def forward(model: UNet, images: Tensor, precision: str = "auto") -> Tensor:
    """Logits in float32, computed in bfloat16 where `precision` and the device say so."""
    kind = choose_precision(precision, images.device)
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=kind is torch.bfloat16):
        return model(images).float()


@dataclass
class _Run:
    """A training in progress: what one epoch needs, and what a resume must bring back."""

    model: UNet
    optimiser: torch.optim.Optimizer
    config: TrainConfig
    folder: Path | None
    card: dict[str, Any]
    progress: _Progress = field(default_factory=_Progress)

    def train_epoch(self, batches: BatchSource, interrupted: Callable[[], bool]) -> None:
        """The epoch's remaining batches; after Ctrl-C saves what is done and raises KeyboardInterrupt."""
        self.model.train()
        done, start = self.progress, time.perf_counter()
        for batch in batches.epoch(done.epoch, done.batch):
            loss, counts = self.step(batch, self.config.rate(done.epoch + done.batch / len(batches)))
            done.batch += 1
            done.loss += loss * len(batch.images)
            done.slices += len(batch.images)
            done.counts = [a + int(b) for a, b in zip(done.counts, counts, strict=True)]
            now = time.perf_counter()
            done.seconds, start = done.seconds + now - start, now
            if interrupted():
                self.save()
                raise KeyboardInterrupt

    def step(self, batch: Batch, rate: float) -> tuple[float, np.ndarray]:
        """Forward, loss, backward, Adam: one step of learning."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        logits = forward(self.model, batch.images, self.config.precision)
        loss = LOSSES[self.config.loss](logits, batch.masks)
        loss.backward()
        self.optimiser.step()
        return loss.item(), count_slices(to_mask(logits.detach()), batch.masks).sum(axis=0)

    def finish_epoch(self, validation: BatchSource | None) -> Snapshot:
        """Validate, save, and start the next epoch's sums."""
        start, done = time.perf_counter(), self.progress
        counts, loss = None, None
        if validation is not None:
            rows, loss = count_batches(self.model, validation.epoch(), self.config)
            counts = pooled(rows)
        snapshot = Snapshot(done.epoch + 1, self.config.epochs, done.loss / done.slices, Counts(*done.counts), counts,
                            loss, done.seconds + time.perf_counter() - start, done.slices / done.seconds,
                            self.config.rate(done.epoch))
        best = max(done.best, snapshot.f1)
        improved = snapshot.f1 > done.best
        self.progress = _Progress(epoch=done.epoch + 1, best=best)
        if self.folder is None:
            return snapshot
        if improved:
            scores = {"epoch": snapshot.epoch, "validation_f1": snapshot.f1}
            checkpoint.save_model(self.folder / BEST, self.model, {**self.card, **scores})
        self.save()
        return replace(snapshot, weights=self.folder / BEST)

    def save(self) -> None:
        """Everything a resume needs, in one atomic file."""
        if self.folder is None:
            return
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"optimiser.{name}": v for name, v in checkpoint.optimiser_tensors(self.optimiser).items()}
        checkpoint.save_tensors(self.folder / LAST, tensors, {
            "kind": "resume", "architecture": self.model.settings(), "config": asdict(self.config),
            "card": self.card, "progress": asdict(self.progress)})

    def load(self) -> None:
        """Bring back weights, optimiser and progress from `last.safetensors`."""
        path = (self.folder or Path()) / LAST
        tensors, header = checkpoint.load_tensors(path)
        _check_same_run(path, header, self)
        checkpoint.fill(self.model, _under("model.", tensors), path)
        checkpoint.restore_optimiser(self.optimiser, _under("optimiser.", tensors))
        self.progress = _Progress(**header["progress"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _check_same_run(path: Path, header: dict[str, Any], run: _Run) -> None:
    """A resumed run may be longer, but not otherwise different: its figures would describe neither run."""
    if header.get("kind") != "resume":
        raise CheckpointError(f"{path}: expected a file to resume from, got kind {header.get('kind')!r}.")
    now = {**run.model.settings(), **asdict(run.config), **run.card.get("data", {})}
    then = {**header["architecture"], **header["config"], **header["card"].get("data", {})}
    longer = {"epochs"} if run.config.schedule == "constant" else set()  # a cosine's length is part of its shape
    changed = [f"{key}: was {then.get(key)}, now {now.get(key)}" for key in now
               if key not in longer and now[key] != then.get(key)]
    if changed:
        raise CheckpointError(f"{path} belongs to a run with other settings ({'; '.join(changed)}). "
                              f"Resume with the old settings, or train into another folder.")
