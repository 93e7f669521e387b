"""Training as a generator: `for epoch in fit(model, batches, config):` yields immutable snapshots.

The command line prints them, a lesson draws them, a test asserts on them. None of them can change
training, and stopping is `break`. Everything random follows from (seed, epoch), so a training that was
interrupted and resumed ends with the same bits, on the same CPU, as one that was not.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unet_lib.core.devices import choose_precision
from unet_lib.core.errors import CheckpointError, SettingsError
from unet_lib.core.metrics import Counts, count_slices, pooled
from unet_lib.data.protocols import Batch, BatchSource
from unet_lib.models import checkpoint
from unet_lib.models.common import eval_mode, to_mask
from unet_lib.models.registry import Network, described
from unet_lib.training.config import TrainingConfig
from unet_lib.training.distributed import ALONE, Crew
from unet_lib.training.ema import WeightAverage
from unet_lib.training.losses import LOSSES
from unet_lib.training.runtime import compiled, deterministic, explained_memory, held_interrupt

LAST, BEST = "last.safetensors", "best.safetensors"


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
        folder: Path | None = None, card: dict[str, Any] | None = None, resume: bool = False,
        crew: Crew = ALONE) -> Iterator[EpochResult]:
    """Train `model` in place, on the device it is on; yield a Snapshot after every epoch.

    With `folder`, last.safetensors (to resume from) and best.safetensors (weights of the best F1 so far,
    with `card`) are written after every epoch. Ctrl-C lets the step in hand finish, saves, and raises
    KeyboardInterrupt. `resume=True` goes on from `folder`, from the very batch where it stopped; raises
    CheckpointError if the file there belongs to another network or other settings. A step for which the
    memory does not suffice raises DeviceMemoryError. With several processes, each calls this with the
    same arguments but for its own `crew`.
    """
    if config.patience and validation is None:
        raise SettingsError("expected validation batches to be patient about; got patience without any. "
                            "Pass validation=…, or patience=0.")
    # Channels last: the layout in which CPUs and GPUs convolve fastest; the numbers stay the same.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    run = _Run(model, config, folder, card or {}, crew)
    if resume:
        run.load()
    while not run.finished():
        with held_interrupt() as interrupted, deterministic(config.deterministic):
            run.train_epoch(batches, interrupted)
            epoch_result = run.finish_epoch(validation)
        yield epoch_result
        if crew.any(interrupted()):  # pressed while validating: the epoch is complete and saved
            raise KeyboardInterrupt


def count_batches(model: Network, batches: Iterable[Any], config: TrainingConfig,
                  crew: Crew = ALONE) -> tuple[np.ndarray, float]:
    """TP, FP, FN, TN of every slice, and the mean loss per slice, in evaluation mode without gradients."""
    counts, loss, slices = [], 0.0, 0
    with eval_mode(model), torch.no_grad():
        for batch in batches:
            logits = crew.forward(lambda images: forward(model, images, config.precision), batch.images)
            loss += float(LOSSES[config.loss](logits, batch.masks)) * len(batch.images)
            slices += len(batch.images)
            counts.append(count_slices(to_mask(logits), batch.masks))
    return np.concatenate(counts), loss / slices


def forward(model: nn.Module, images: Tensor, precision: str = "auto") -> Tensor:
    """Logits in float32, computed in bfloat16 where `precision` and the device say so."""
    kind = choose_precision(precision, images.device)
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=kind is torch.bfloat16):
        return model(images).float()


class _Run:
    """A training in progress: what one epoch needs, and what a resume must bring back."""

    def __init__(self, model: Network, config: TrainingConfig, folder: Path | None, card: dict[str, Any],
                 crew: Crew) -> None:
        device = next(model.parameters()).device
        self.model, self.config, self.folder, self.card, self.crew = model, config, folder, card, crew
        self.optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate,
                                          fused=device.type in ("cpu", "cuda"))  # all weights in one pass
        self.average = WeightAverage(model, config.ema)
        self.network = compiled(model, device) if config.compile else model
        self.progress = _Progress()

    def finished(self) -> bool:
        """Whether all epochs are done, or `patience` is at its end."""
        tired = 0 < self.config.patience <= self.progress.stale
        return tired or self.progress.epoch >= self.config.epochs

    def train_epoch(self, batches: BatchSource, interrupted: Callable[[], bool]) -> None:
        """The epoch's remaining batches; after Ctrl-C saves what is done and raises KeyboardInterrupt."""
        with self.average.training():
            stopped = self._train_batches(batches, interrupted)
        if stopped:
            self.save()
            raise KeyboardInterrupt

    def _train_batches(self, batches: BatchSource, interrupted: Callable[[], bool]) -> bool:
        """Whether Ctrl-C was pressed, here or in another process of the crew."""
        self.model.train()
        done, start = self.progress, time.perf_counter()
        for batch in batches.epoch(done.epoch, done.batch):
            with explained_memory(len(batch.images)):
                loss, counts = self.step(batch, self.config.rate(done.epoch + done.batch / len(batches)))
            self.average.update(done.epoch * len(batches) + done.batch)
            done.batch += 1
            done.loss += loss * len(batch.images)
            done.slices += len(batch.images)
            done.counts = [a + int(b) for a, b in zip(done.counts, counts, strict=True)]
            now = time.perf_counter()
            done.seconds, start = done.seconds + now - start, now
            if self.crew.any(interrupted()):
                return True
        return False

    def step(self, batch: Batch, rate: float) -> tuple[float, np.ndarray]:
        """Forward, loss, backward, Adam: one step of learning."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        logits = self.crew.forward(lambda images: forward(self.network, images, self.config.precision), batch.images)
        loss = LOSSES[self.config.loss](logits, batch.masks)
        if loss.requires_grad:  # not so in a process of the crew for which the batch had no slice
            loss.backward()
        self.crew.pool(self.model, len(batch.images))
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        return loss.item(), count_slices(to_mask(logits.detach()), batch.masks).sum(axis=0)

    def finish_epoch(self, validation: BatchSource | None) -> EpochResult:
        """Validate, save, and start the next epoch's sums."""
        start, done = time.perf_counter(), self.progress
        counts, loss = None, None
        if validation is not None:
            rows, loss = count_batches(self.model, validation.epoch(), self.config, self.crew)
            counts = pooled(rows)
        epoch_result = EpochResult(done.epoch + 1, self.config.epochs, done.loss / done.slices, Counts(*done.counts), counts,
                            loss, done.seconds + time.perf_counter() - start, done.slices / done.seconds,
                            self.config.rate(done.epoch))
        improved = epoch_result.f1 > done.best
        self.progress = _Progress(epoch=done.epoch + 1, best=max(done.best, epoch_result.f1),
                                  stale=0 if improved else done.stale + 1)
        if self.folder is None:
            return epoch_result
        if improved and self.crew.leads:
            scores = {"epoch": epoch_result.epoch, "validation_f1": epoch_result.f1}
            checkpoint.save_model(self.folder / BEST, self.model, {**self.card, **scores})
        self.save()
        return replace(epoch_result, weights=self.folder / BEST)

    def save(self) -> None:
        """Everything a resume needs, in one atomic file."""
        if self.folder is None:
            return
        if self.crew.leads:
            parts = {"model": self.model.state_dict(), "aside": self.average.aside,
                     "optimiser": checkpoint.optimiser_tensors(self.optimiser)}
            tensors = {f"{part}.{name}": value for part, entries in parts.items() for name, value in entries.items()}
            checkpoint.save_tensors(self.folder / LAST, tensors, {
                "kind": "resume", "architecture": described(self.model), "config": asdict(self.config),
                "card": self.card, "progress": asdict(self.progress)})
        self.crew.wait()

    def load(self) -> None:
        """Bring back weights, their average, optimiser and progress from `last.safetensors`."""
        path = (self.folder or Path()) / LAST
        tensors, header = checkpoint.load_tensors(path)
        try:
            _check_same_run(path, header, self)
            checkpoint.fill(self.model, _under("model.", tensors), path)
            self.average.load(_under("aside.", tensors))
            checkpoint.restore_optimiser(self.optimiser, _under("optimiser.", tensors))
            self.progress = _Progress(**header["progress"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{path}: damaged; expected a training to go on with, but its entries do not fit "
                                  f"together ({error!r}). {checkpoint.RETRAIN}") from error


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _check_same_run(path: Path, header: dict[str, Any], run: _Run) -> None:
    """A resumed run may be longer, but not otherwise different: its figures would describe neither run."""
    if header.get("kind") != "resume":
        raise CheckpointError(f"{path}: expected a file to resume from, got kind {header.get('kind')!r}.")
    now = {**run.model.settings(), **asdict(run.config), **run.card.get("data", {})}
    # A setting that the file does not know yet had what is its default today.
    then = {"pretrained": False, "patient_balance": 0.0, **header["architecture"], **asdict(TrainingConfig()), **header["config"],
            **header["card"].get("data", {})}
    longer = {"epochs"} if run.config.schedule == "constant" else set()  # a cosine's length is part of its shape
    changed = [f"{key}: was {then.get(key)}, now {now.get(key)}" for key in now
               if key not in longer and now[key] != then.get(key)]
    if changed:
        raise CheckpointError(f"{path} belongs to a run with other settings ({'; '.join(changed)}). "
                              f"Resume with the old settings, or train into another folder.")
