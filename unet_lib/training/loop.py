"""Training as a generator: `for epoch in fit(model, batches, config):` yields immutable results.

The command line prints them, a lesson draws them, a test asserts on them. None of them can change
training, and stopping is `break`. Everything random follows from (seed, epoch), so a training that was
interrupted and resumed ends with the same bits, on the same CPU, as one that was not.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from unet_lib.core.devices import choose_precision
from unet_lib.core.errors import CheckpointError, SettingsError, TrainingError
from unet_lib.core.metrics import Counts, pooled
from unet_lib.data.protocols import Batch, BatchSource
from unet_lib.models import checkpoint
from unet_lib.models.common import eval_mode
from unet_lib.models.registry import Network, described
from unet_lib.training import distributed
from unet_lib.training.config import TrainingConfig
from unet_lib.training.ema import MovingAverage
from unet_lib.training.losses import LOSSES
from unet_lib.training.records import StepRecords
from unet_lib.training.resume import Row, check_same_run, kept_rows, under
from unet_lib.training.runtime import compiled, deterministic, explained_memory, held_interrupt

LAST, BEST = "last.safetensors", "best.safetensors"
# Steps after which the device is asked for their losses: seldom enough to cost nothing, and a loss that is no longer
# finite is seen before many more steps were in vain.
READ_EVERY = 50


@dataclass(frozen=True, slots=True)
class EpochResult:
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

    def as_row(self) -> Row:
        """Plain numbers for a table or a CSV file."""
        return {"epoch": self.epoch, "loss": self.loss, "train_f1": self.train.dice(),
                "validation_loss": self.validation_loss,
                "validation_f1": self.validation.dice() if self.validation else None,
                "validation_accuracy": self.validation.accuracy() if self.validation else None,
                "seconds": self.seconds, "images_per_second": self.images_per_second,
                "learning_rate": self.learning_rate}


@dataclass
class _Progress:
    """Where a training stands: epochs done, batches done in the running epoch, and the running sums; the best
    F1, and for how many epochs there was none better."""

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    slices: int = 0
    seconds: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    best: float = -1.0
    stale: int = 0


def fit(model: Network, batches: BatchSource, config: TrainingConfig, *, validation: BatchSource | None = None,
        folder: Path | None = None, card: dict[str, Any] | None = None, resume: bool = False) -> Iterator[EpochResult]:
    """Train `model` in place, on the device it is on; yield an EpochResult after every epoch.

    With `folder`, last.safetensors (to resume from) and best.safetensors (weights of the best F1 so far,
    with `card`) are written after every epoch. Ctrl-C lets the step in hand finish, saves, and raises
    KeyboardInterrupt. `resume=True` goes on from `folder`, from the very batch where it stopped; raises
    CheckpointError if the file there belongs to another network or other settings. A step for which the
    memory does not suffice raises DeviceMemoryError; a loss or weights that are no longer finite raise TrainingError
    (at most READ_EVERY steps later, as no step waits for the device), and the files stay those of the last good epoch.
    last.safetensors also keeps a row for each epoch. With `config.ema`, a copy of `model` takes the steps and `model`
    holds the average. In a process group (see `distributed`), each process calls this with the same arguments.
    """
    if config.patience and validation is None:
        raise SettingsError("expected validation batches to be patient about; got patience without any. "
                            "Pass validation=…, or patience=0.")
    # Channels last: the layout in which CPUs and GPUs convolve fastest; the numbers stay the same.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    training = _Training(model, config, folder, card or {})
    if resume:
        training.load()
    while not training.finished():
        with held_interrupt() as interrupted, deterministic(config.deterministic):
            training.train_epoch(batches, interrupted)
            result = training.finish_epoch(validation)
        yield result
        if distributed.any_process(interrupted()):  # pressed while validating: the epoch is complete and saved
            raise KeyboardInterrupt


def count_batches(model: Network, batches: Iterable[Batch], config: TrainingConfig) -> tuple[np.ndarray, float]:
    """TP, FP, FN, TN of every slice, and the mean loss per slice, in evaluation mode without gradients."""
    records = StepRecords()
    with eval_mode(model), torch.no_grad():
        for batch in batches:
            logits = forward(model, batch.images, config.precision)
            records.add(LOSSES[config.loss](logits, batch.masks), logits, batch.masks)
    losses, counts = records.read()
    loss = 0.0
    for one, rows in zip(losses, counts, strict=True):
        loss += one * len(rows)
    rows = np.concatenate(counts)
    return rows, loss / len(rows)


def forward(model: nn.Module, images: Tensor, precision: str = "auto") -> Tensor:
    """Logits in float32, computed in bfloat16 where `precision` and the device say so; by all processes of a group."""
    kind = choose_precision(precision, images.device)

    def compute(images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=kind is torch.bfloat16):
            return model(images).float()

    return distributed.sharded_forward(compute, images)


class _Training:
    """A training in progress: what one epoch needs, and what a resume must bring back.

    `learner` takes the steps; `model` is what is validated and handed back. They differ where weights are averaged.
    """

    def __init__(self, model: Network, config: TrainingConfig, folder: Path | None, card: dict[str, Any]) -> None:
        device = next(model.parameters()).device
        self.model, self.config, self.folder, self.card = model, config, folder, card
        self.learner = copy.deepcopy(model) if config.ema else model
        self.average = MovingAverage(model, config.ema) if config.ema else None
        self.optimiser = torch.optim.Adam(self.learner.parameters(), lr=config.learning_rate,
                                          fused=device.type in ("cpu", "cuda"))  # all weights in one pass
        self.network = distributed.data_parallel(self.learner)
        if config.compile:
            self.network = compiled(self.network, device)
        self.progress = _Progress()
        self.records = StepRecords()  # of the steps that the progress does not count yet
        self.history: list[Row] = []

    def finished(self) -> bool:
        """Whether all epochs are done, or `patience` is at its end."""
        tired = 0 < self.config.patience <= self.progress.stale
        return tired or self.progress.epoch >= self.config.epochs

    def train_epoch(self, batches: BatchSource, interrupted: Callable[[], bool]) -> None:
        """The epoch's remaining batches; after Ctrl-C saves what is done and raises KeyboardInterrupt."""
        self.learner.train()
        done, start = self.progress, time.perf_counter()
        for batch in batches.epoch(done.epoch, done.batch):
            rate = self.config.rate(done.epoch + done.batch / len(batches))
            done.batch += 1
            with explained_memory(len(batch.images)):
                self.step(batch, rate)
            stop = distributed.any_process(interrupted())
            if stop or len(self.records) == READ_EVERY:
                start = self.read_records(start)
            if stop:
                self.check_finite()
                self.save()
                raise KeyboardInterrupt
        self.read_records(start)

    def read_records(self, start: float) -> float:
        """Wait for the device and add up what the steps left there since `start`; returns the time.

        Raises TrainingError for the first loss that is not finite.
        """
        done = self.progress
        losses, counts = self.records.read()
        for batch, (loss, rows) in enumerate(zip(losses, counts, strict=True), done.batch - len(losses) + 1):
            if not math.isfinite(loss):
                self.give_up("loss", loss, batch)
            done.loss += loss * len(rows)
            done.slices += len(rows)
            done.counts = [a + int(b) for a, b in zip(done.counts, rows.sum(axis=0), strict=True)]
        now = time.perf_counter()
        done.seconds += now - start
        return now

    def step(self, batch: Batch, rate: float) -> None:
        """Forward, loss, backward, Adam, average: one step of learning, in which nobody waits for the device."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        logits = forward(self.network, batch.images, self.config.precision)
        loss = LOSSES[self.config.loss](logits, batch.masks)
        loss.backward()
        distributed.average_running_statistics(self.learner, len(batch.images))
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.learner.parameters(), self.config.clip)
        self.optimiser.step()
        if self.average:
            self.average.update(self.learner)
        self.records.add(loss, logits, batch.masks)

    def finish_epoch(self, validation: BatchSource | None) -> EpochResult:
        """Validate, save, and start the next epoch's sums."""
        start, done = time.perf_counter(), self.progress
        counts, loss = None, None
        if validation is not None:
            rows, loss = count_batches(self.model, validation.epoch(), self.config)
            counts = pooled(rows)
            if not math.isfinite(loss):
                self.give_up("validation loss", loss, done.batch)
        self.check_finite()
        result = EpochResult(done.epoch + 1, self.config.epochs, done.loss / done.slices, Counts(*done.counts), counts,
                             loss, done.seconds + time.perf_counter() - start, done.slices / done.seconds,
                             self.config.rate(done.epoch))
        improved = result.f1 > done.best
        self.progress = _Progress(epoch=done.epoch + 1, best=max(done.best, result.f1),
                                  stale=0 if improved else done.stale + 1)
        self.history.append(result.as_row())
        if self.folder is None:
            return result
        if improved and distributed.is_main():
            scores = {"epoch": result.epoch, "validation_f1": result.f1}
            checkpoint.save_model(self.folder / BEST, self.model, {**self.card, **scores})
        self.save()
        return replace(result, weights=self.folder / BEST)

    def tensors(self) -> dict[str, Tensor]:
        """All that a resume must bring back: weights, their average, the optimiser's memory."""
        parts = {"model": self.learner.state_dict(), "ema": self.average.state_dict() if self.average else {},
                 "optimiser": checkpoint.optimiser_tensors(self.optimiser)}
        return {f"{part}.{name}": value for part, entries in parts.items() for name, value in entries.items()}

    def check_finite(self) -> None:
        """Raise TrainingError if a weight, a running statistic or the optimiser's memory is no longer finite."""
        if odd := checkpoint.not_finite(self.tensors()):
            self.give_up(odd, math.nan, self.progress.batch)

    def give_up(self, what: str, value: float, batch: int) -> NoReturn:
        """Raise TrainingError: where, what there still is, and what to try."""
        done, config = self.progress, self.config
        saved = self.folder is not None and (self.folder / LAST).exists()
        kept = (f"The weights of epoch {done.epoch} are kept in {self.folder}" if saved and done.epoch else
                "There are no good weights yet" if self.folder else "No folder was given to keep weights in")
        ways = [f"a smaller learning rate (--lr {config.learning_rate / 10:g}; it was {config.learning_rate:g})"]
        if not 0 < config.clip <= 1:
            ways.append("--clip 1")
        if choose_precision(config.precision, next(self.model.parameters()).device) is torch.bfloat16:
            ways.append("--precision float32")
        raise TrainingError(f"epoch {done.epoch + 1}, batch {batch}: expected a finite number; got {what} {value}."
                            f" {kept}. Train again{' into another folder' if saved else ''} with {' or '.join(ways)}.")

    def save(self) -> None:
        """Everything a resume needs, in one atomic file."""
        if self.folder is None:
            return
        if distributed.is_main():
            checkpoint.save_tensors(self.folder / LAST, self.tensors(), {
                "kind": "resume", "architecture": described(self.model), "config": asdict(self.config),
                "card": self.card, "progress": asdict(self.progress), "history": self.history})
        distributed.barrier()

    def load(self) -> None:
        """Bring back weights, their average, optimiser and progress from `last.safetensors`."""
        path = (self.folder or Path()) / LAST
        with distributed.main_file(path) as here:
            tensors, header = checkpoint.load_tensors(here)
        try:
            now = {**self.model.settings(), **asdict(self.config), **self.card.get("data", {})}
            check_same_run(path, header, now)
            checkpoint.fill(self.learner, under("model.", tensors), path)
            if self.average:
                checkpoint.fill(self.average, under("ema.", tensors), path)
            checkpoint.restore_optimiser(self.optimiser, under("optimiser.", tensors))
            self.progress = _Progress(**header["progress"])
            self.history = kept_rows(path, header)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{path}: damaged; expected a training to go on with, but its entries do not fit "
                                  f"together ({error!r}). {checkpoint.RETRAIN}") from error
