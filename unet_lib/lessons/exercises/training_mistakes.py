"""What goes wrong in a training loop, on purpose: the mistaken functions that the checkers of lesson 04 recognise.

Each does what its namesake in `reference_training` does, but for the one thing that an option changes.
"""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.lessons import reference_training as ours


def bce_by_hand(logits: Tensor, masks: Tensor, way: str) -> Any:
    """`way`: what is wrong."""
    p, right = torch.sigmoid(logits), ours.bce_by_hand
    return {"probability": lambda: F.softplus(p).mean() - (p * masks).mean(),
            "overflow": lambda: -(masks * p.log() + (1 - masks) * (1 - p).log()).mean(),
            "sum": lambda: right(logits, masks) * masks.numel(),
            "sign": lambda: -right(logits, masks),
            "tumour only": lambda: (masks * F.softplus(-logits)).mean(),
            "exchanged": lambda: right(logits, 1 - masks),
            "python max": lambda: max(logits, 0),  # type: ignore[call-overload, type-var]
            "map": lambda: F.binary_cross_entropy_with_logits(logits, masks, reduction="none"),
            "item": lambda: right(logits, masks).item()}[way]()


def dice_loss(logits: Tensor, masks: Tensor, way: str) -> Any:
    """`way`: what is wrong."""
    def loss(p: Tensor, y: Tensor, two: int = 2, one: int = 1) -> Tensor:
        return 1 - (two * (p * y).sum() + one) / (p.sum() + y.sum() + one)

    p = torch.sigmoid(logits)
    return {"logits": lambda: loss(logits, masks), "dice": lambda: 1 - loss(p, masks),
            "once": lambda: loss(p, masks, 1), "empty": lambda: loss(p, masks, one=0),
            "mask": lambda: loss((p >= 0.5).double(), masks),
            "own sigmoid": lambda: loss(1 / (1 + torch.exp(-logits)), masks),
            "item": lambda: loss(p, masks).item(),
            "slices": lambda: torch.stack([loss(a, b) for a, b in zip(p, masks, strict=True)]).mean()}[way]()


class SliceDataset(ours.SliceDataset):
    """`way`: what is wrong."""

    def __init__(self, *given: Any, way: str) -> None:
        super().__init__(*given)
        self.way = way

    def __len__(self) -> int:
        return self.images.numel() if self.way == "length" else len(self.images)

    def __getitem__(self, index: int) -> Any:
        """One slice and its mask."""
        coin = bool(torch.rand(1) < 0.5)
        mirrored = {"all": coin, "never": False}.get(self.way, self.flip and coin)
        image, mask = self._image(index), self.masks[index][None].float()
        if self.way == "two coins":
            return self._tossed(self._image(index)), self._tossed(mask)
        if mirrored or (self.flip and self.way == "always"):
            axis = -2 if self.way == "upside down" else -1
            image = image.flip(axis)
            mask = mask if self.way == "image only" else mask.flip(axis)
        return image, {"no channel": mask[0], "bytes": mask.byte(), "scaled": mask / 255}.get(self.way, mask)

    def _tossed(self, tensor: Tensor) -> Tensor:
        return tensor.flip(-1) if self.flip and torch.rand(1) < 0.5 else tensor

    def _image(self, index: int) -> Tensor:
        image = self.images[index].float()
        if self.way == "flat":
            return (image - self.means[index]) / self.stds[index]
        mean, std = (values[index][:, None, None] for values in (self.means, self.stds))
        if self.way == "own":
            mean, std = image.mean((1, 2), keepdim=True), image.std((1, 2), keepdim=True)
        raw = self.way == "raw"
        return image if raw else image - mean if self.way == "no std" else (image - mean) / std


def descend(loss: Callable[[Tensor], Tensor], kernel: Tensor, rate: float, steps: int, way: str) -> Any:
    """`way`: what is wrong."""
    losses = []
    for _ in range(1 if way == "once" else steps):
        value = loss(kernel)
        if way != "no backward":
            value.backward()
        if way == "tracked":
            kernel -= rate * kernel.grad  # type: ignore[operator]
        with torch.no_grad():
            step = (1 if way == "no rate" else -1 if way == "up" else rate) * kernel.grad  # type: ignore[operator]
            step = -rate * kernel.grad if way == "up" else step  # type: ignore[operator]
            if way == "still":
                pass
            elif way == "new":
                kernel = kernel - step
            elif way == "copy":
                kernel = (kernel - step).requires_grad_()
            else:
                kernel -= step
        if way != "kept":
            kernel.grad = None
        losses.append(loss(kernel).item() if way == "after" else value if way == "graph" else value.item())
    return losses[-1] if way == "last" else losses


def _step(network: nn.Module, images: Tensor, masks: Tensor, loss_function: Any, optimiser: Any, way: str) -> Tensor:
    if way != "kept":
        optimiser.zero_grad()
    logits = network(images)
    loss = loss_function(torch.sigmoid(logits) if way == "probability" else logits, masks)
    loss.backward()
    if way != "still":
        optimiser.step()
    return loss


def overfit_one_batch(network: nn.Module, images: Tensor, masks: Tensor, steps: int, way: str) -> Any:
    """`way`: what is wrong."""
    kind = torch.optim.SGD if way == "sgd" else torch.optim.Adam
    optimiser = kind(network.parameters(), lr=0.001 if way == "rate" else 0.01)
    network.train(way != "eval")
    losses = []
    for _ in range(1 if way == "once" else steps):
        if way == "new":
            optimiser = kind(network.parameters(), lr=0.01)
        loss = _step(network, images, masks, F.binary_cross_entropy_with_logits, optimiser, way)
        losses.append(loss if way == "graph" else loss.item())
    return losses[-1] if way == "last" else losses


def train_epoch(network: nn.Module, loader: Iterable[Any], loss_function: Any, optimiser: Any, way: str) -> Any:
    """`way`: what is wrong."""
    if way != "mode":
        network.train(way != "eval")
    if way == "own loss":
        loss_function = F.binary_cross_entropy_with_logits
    if way == "own optimiser":
        optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
    losses: list[Tensor] = []
    sizes: list[int] = []
    for images, masks in loader:
        loss = _step(network, images, masks, loss_function, optimiser, way)
        losses.append(loss)
        sizes.append(len(images))
        if way == "first":
            break
    each = torch.stack(losses)
    total = (each * torch.tensor(sizes)).sum()
    if way == "graph":
        return total / sum(sizes)
    mean = total / sum(sizes)
    return {"sum": each.sum(), "batches": each.mean(), "last": each[-1], "slices": total}.get(way, mean).item()


def evaluate(network: nn.Module, loader: Iterable[Any], way: str) -> float | Tensor:
    """`way`: what is wrong."""
    if way != "mode":
        network.eval()
    counts, scores = [], []
    with torch.set_grad_enabled(way == "gradients"):
        for images, masks in loader:
            logits = network(images).detach() if way != "gradients" else network(images)
            marked, tumour = logits >= (0.5 if way == "logits" else 0), masks == 1
            if way == "unlike":
                marked = ~marked
            row = torch.stack([(marked & tumour).sum(), (marked & ~tumour).sum(), (~marked & tumour).sum(),
                               (~marked & ~tumour).sum()]).double()
            counts.append(row)
            scores.append(_score(row, way))
    if way == "batches":
        return float(torch.stack(scores).mean())
    score = _score(counts[-1] if way == "last" else torch.stack(counts).sum(0), way)
    return score if way == "tensor" else float(score)


def _score(counts: Tensor, way: str) -> Tensor:
    tp, fp, fn, tn = counts
    return {"accuracy": (tp + tn) / counts.sum(), "iou": tp / (tp + fp + fn), "precision": tp / (tp + fp),
            "recall": tp / (tp + fn)}.get(way, 2 * tp / (2 * tp + fp + fn))


def train(network: nn.Module, training: Any, validation: Any, loss_function: Any, optimiser: Any, epochs: int,
          patience: int, report: Any, way: str) -> Any:
    """`way`: what is wrong."""
    scores: list[float] = []
    losses: list[float] = []
    best, stale = {}, 0
    for epoch in range(1, epochs + 1):
        if way == "before":
            f1 = ours.evaluate(network, validation)
        losses.append(ours.train_epoch(network, training, loss_function, optimiser))
        if way != "before":
            f1 = ours.evaluate(network, training if way == "training" else validation)
        if way == "exchanged":
            report(epoch, f1, losses[-1])
        elif way != "silent":
            report(epoch - (way == "zero"), losses[-1], f1)
        better = not scores or (f1 < min(scores) if way == "lowest" else f1 > max(scores))
        better = {"from zero": f1 > max([0, *scores]), "ties": f1 >= max([0, *scores]),
                  "appended": f1 > max([*scores, f1])}.get(way, better)
        if better:
            weights = network.state_dict()
            best = weights if way == "reference" else copy.deepcopy(weights)
        stale = 0 if better and way != "total" else stale + (not better)
        scores.append(f1)
        limit = {"long": patience + 1, "impatient": 1, "endless": epochs + 1}.get(way, patience)
        if stale == limit:
            break
    return losses if way == "losses" else scores, best or None


def only_scores(*given: Any) -> Any:
    """Returns one of the two results."""
    return ours.train(*given)[0]
