"""Training as lesson 04 builds it: what the reader's functions are compared with, and what stands in for them.

Plain PyTorch, without what `training.loop.fit` adds: files to resume from, an average of the weights, schedules.
"""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.utils.data import Dataset

Loss = Callable[[Tensor, Tensor], Tensor]
Batches = Iterable[Any]  # pairs of images and masks


class SliceDataset(Dataset):
    """Slices as a network takes them: normalised images, masks of 0.0 and 1.0 with a channel axis."""

    def __init__(self, images: UInt8[Tensor, "n 3 h w"], masks: UInt8[Tensor, "n h w"], means: Float[Tensor, "n 3"],
                 stds: Float[Tensor, "n 3"], flip: bool = False) -> None:
        self.images, self.masks = images, masks
        self.means, self.stds = means, stds
        self.flip = flip

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Float[Tensor, "3 h w"], Float[Tensor, "1 h w"]]:
        """One slice and its mask, with `flip` mirrored every other time."""
        mean = self.means[index][:, None, None]
        std = self.stds[index][:, None, None]
        image = (self.images[index].float() - mean) / std
        mask = self.masks[index][None].float()
        if self.flip and torch.rand(1) < 0.5:
            image, mask = image.flip(-1), mask.flip(-1)
        return image, mask


def bce_by_hand(logits: Tensor, masks: Tensor) -> Tensor:
    """The mean binary cross-entropy; no exponential of a positive number, so that none is ever too large."""
    certain = logits.clamp(min=0) - logits * masks
    rest = torch.log(1 + torch.exp(-logits.abs()))
    return (certain + rest).mean()


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """1 − soft Dice over the whole batch; the added 1 makes an empty batch without a mark cost nothing."""
    p = torch.sigmoid(logits)
    overlap = (p * masks).sum()
    return 1 - (2 * overlap + 1) / (p.sum() + masks.sum() + 1)


def descend(loss: Callable[[Tensor], Tensor], kernel: Tensor, rate: float, steps: int) -> list[float]:
    """Gradient descent: changes the kernel in place and gives the loss before each step."""
    losses = []
    for _ in range(steps):
        value = loss(kernel)
        value.backward()
        with torch.no_grad():
            kernel -= rate * kernel.grad  # type: ignore[operator]
        kernel.grad = None
        losses.append(value.item())
    return losses


def overfit_one_batch(network: nn.Module, images: Tensor, masks: Tensor, steps: int) -> list[float]:
    """Many steps on the same few slices: the losses, which should come close to 0."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    loss_function = nn.BCEWithLogitsLoss()
    network.train()
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = loss_function(network(images), masks)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def train_epoch(network: nn.Module, loader: Batches, loss_function: Loss, optimiser: torch.optim.Optimizer) -> float:
    """One step for every batch; the mean loss over all slices."""
    network.train()
    total, slices = 0.0, 0
    for images, masks in loader:
        optimiser.zero_grad()
        loss = loss_function(network(images), masks)
        loss.backward()
        optimiser.step()
        total += loss.item() * len(images)
        slices += len(images)
    return total / slices


def evaluate(network: nn.Module, loader: Batches) -> float:
    """F1 from the counts over all slices, in evaluation mode."""
    network.eval()
    tp = fp = fn = 0
    with torch.no_grad():
        for images, masks in loader:
            marked = torch.sigmoid(network(images)) >= 0.5
            tumour = masks > 0.5
            tp += (marked & tumour).sum().item()
            fp += (marked & ~tumour).sum().item()
            fn += (~marked & tumour).sum().item()
    return 2 * tp / max(1, 2 * tp + fp + fn)


def train(network: nn.Module, training: Batches, validation: Batches, loss_function: Loss,
          optimiser: torch.optim.Optimizer, epochs: int, patience: int,
          report: Callable[[int, float, float], object]) -> tuple[list[float], dict[str, Tensor]]:
    """Epoch after epoch, until there are `patience` in a row without a better F1: all F1s, and the best weights."""
    scores: list[float] = []
    best: dict[str, Tensor] = {}
    for epoch in range(1, epochs + 1):
        loss = train_epoch(network, training, loss_function, optimiser)
        f1 = evaluate(network, validation)
        report(epoch, loss, f1)
        if not scores or f1 > max(scores):
            best, stale = copy.deepcopy(network.state_dict()), 0
        else:
            stale += 1
        scores.append(f1)
        if stale == patience:
            break
    return scores, best
