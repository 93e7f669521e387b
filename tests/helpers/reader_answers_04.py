"""Answers to lesson 04's exercises as readers would type them: right ones, then wrong ones and a piece of the hint."""

import copy
import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from unet_lib.lessons.reference_training import evaluate, train_epoch


class Slices(Dataset):
    """Right; options are for what goes wrong."""

    turn, axis, both, types, unit = "coin", -1, True, (torch.float32, torch.float32), True

    def __init__(self, images, masks, means, stds, flip=False):
        self.pairs = list(zip(images, masks, means, stds, strict=True))
        self.flip = flip

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, number):
        image, mask, mean, std = self.pairs[number]
        image = ((image - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)).to(self.types[0])
        mask = mask.to(self.types[1])
        mask = mask.unsqueeze(0) if self.unit else mask
        if self.flip and (self.turn == "always" or random.random() < 0.5):
            image = torch.flip(image, dims=[self.axis])
            if self.both:
                mask = torch.flip(mask, dims=[self.axis])
        return image, mask


def variant(**options):
    return type("Slices", (Slices,), options)


class InOneGo(Slices):
    """Right: all slices are normalised at the start."""

    def __init__(self, images, masks, means, stds, flip=False):
        images = (images - means[..., None, None]) / stds[..., None, None]
        super().__init__(images, masks, means * 0, stds * 0 + 1, flip)


class OwnMean(Slices):
    def __getitem__(self, number):
        image, mask = self.pairs[number][0].float(), super().__getitem__(number)[1]
        return (image - image.mean((1, 2))[:, None, None]) / image.std((1, 2))[:, None, None], mask


class Grey(Slices):
    def __getitem__(self, number):
        return self.pairs[number][0].float(), self.pairs[number][1][None].float()


class PixelsCounted(Slices):
    def __len__(self):
        return sum(image.numel() for image, *_ in self.pairs)


class Unwritten(Dataset):
    def __init__(self, images, masks, means, stds, flip=False):
        ...

    def __len__(self):
        ...

    def __getitem__(self, index):
        ...


CLASSES_04 = {
    "slice_dataset": ([Slices, InOneGo], {
        variant(both=False): "leave its mask behind", variant(axis=-2): "upside down", variant(turn="always"): "coin",
        variant(unit=False): "channel axis", variant(types=(torch.float32, torch.uint8)): "still uint8",
        OwnMean: "through the crown", Grey: "grey levels", PixelsCounted: "number of slices",
        lambda images, masks, means, stds, flip=False: Slices(images, masks, means, stds): "yours never is",
        lambda images, masks, means, stds, flip=False: Slices(images, masks, means, stds, True):
        "even with `flip=False`",
        lambda images: None: "raised TypeError", 5: "`check.slice_dataset(SliceDataset)`"}),
}


def bce(logits, masks):
    return (torch.logaddexp(torch.zeros_like(logits), logits) - logits * masks).mean()


def dice(logits, masks):
    p, y = logits.sigmoid().flatten(), masks.flatten()
    return 1 - (1 + 2 * p @ y) / (1 + p.sum() + y.sum())


def walk(loss, kernel, rate, steps, clear=True, sign=-1, note=lambda value: value.item()):
    notes = []
    while len(notes) < steps:
        value = loss(kernel)
        notes.append(note(value))
        value.backward()
        kernel.data += sign * rate * kernel.grad
        if clear:
            kernel.grad.zero_()
    return notes


def replaced(loss, kernel, rate, steps):
    notes = []
    for _ in range(steps):
        value = loss(kernel)
        value.backward()
        with torch.no_grad():
            kernel = kernel - rate * kernel.grad
        notes.append(value.item())
    return notes


def unasked(loss, kernel, rate, steps):
    for _ in range(steps):
        with torch.no_grad():
            kernel -= rate * kernel.grad


def rebound(loss, kernel, rate, steps):
    notes = []
    for _ in range(steps):
        kernel = kernel.detach().requires_grad_()
        value = loss(kernel)
        value.backward()
        notes.append(value.item())
        kernel = kernel - rate * kernel.grad
    return notes


def recorded(loss, kernel, rate, steps):
    for _ in range(steps):
        loss(kernel).backward()
        kernel -= rate * kernel.grad
    return kernel


def one_batch(network, images, masks, steps, mode=True, clear=True, moves=True, kind=torch.optim.Adam, rate=0.01):
    network.train(mode)
    optimiser, loss_function, losses = kind(network.parameters(), lr=rate), nn.BCEWithLogitsLoss(), []
    for _ in range(steps):
        loss = loss_function(network(images), masks)
        if clear:
            optimiser.zero_grad()
        loss.backward()
        if moves:
            optimiser.step()
        losses.append(loss.item())
    return losses


def forgetful(network, images, masks, steps):
    return [one_batch(network, images, masks, 1)[0] for _ in range(steps)]


def epoch(network, loader, loss_function, optimiser, mode=True, clear=True, mean="slices"):
    network.train(mode)
    losses = []
    for images, masks in loader:
        loss = loss_function(network(images), masks)
        loss.backward()
        optimiser.step()
        if clear:
            optimiser.zero_grad()
        losses += [loss.item()] * (len(images) if mean == "slices" else 1)
    return sum(losses) if mean == "sum" else losses[-1] if mean == "last" else float(np.mean(losses))


def too_early(network, loader, loss_function, optimiser):
    network.train()
    total = count = 0
    for images, masks in loader:
        optimiser.zero_grad()
        loss = loss_function(network(images), masks)
        optimiser.step()
        loss.backward()
        total, count = total + loss.item() * len(images), count + len(images)
    return total / count


def with_graph(network, loader, loss_function, optimiser):
    network.train()
    total = count = 0
    for images, masks in loader:
        optimiser.zero_grad()
        loss = loss_function(network(images), masks)
        loss.backward()
        optimiser.step()
        total, count = total + loss * len(images), count + len(images)
    return total / count


@torch.no_grad()
def f1(network, loader, mode=False, limit=0.0, formula=lambda tp, fp, fn, tn: tp / (tp + (fp + fn) / 2)):
    network.train(mode)
    logits, masks = [], []
    for image, mask in loader:
        logits.append(network(image))
        masks.append(mask)
    found, truth = torch.cat(logits) >= limit, torch.cat(masks).bool()
    counts = (found & truth, found & ~truth, ~found & truth, ~found & ~truth)
    return formula(*(count.sum().item() for count in counts))


def recording(network, loader):
    network.eval()
    for images, _ in loader:
        network(images)
    return f1(network, loader)


def whole(network, training, validation, loss_function, optimiser, epochs, patience, report, kept=copy.deepcopy,
          first=1, until=lambda scores: len(scores) - 1 - scores.index(max(scores))):
    """Right; the best epoch is looked up in the list."""
    scores, best = [], None
    while len(scores) < epochs:
        loss = train_epoch(network, training, loss_function, optimiser)
        scores.append(evaluate(network, validation))
        report(len(scores) - 1 + first, loss, scores[-1])
        if scores.index(max(scores)) == len(scores) - 1:
            best = kept(network.state_dict())
        if until(scores) >= patience:
            break
    return scores, best


FUNCTIONS_04 = {
    "bce_by_hand": ([bce, F.binary_cross_entropy_with_logits], {
        lambda z, y: -(y * torch.log(z.sigmoid()) + (1 - y) * torch.log(1 - z.sigmoid())).mean(): "other form",
        lambda z, y: bce(z, y) * z.numel(): "sum over all", lambda z, y: -bce(z, y): "never negative",
        lambda z, y: -(y * F.logsigmoid(z)).mean(): "false alarm", lambda z, y: bce(z, 1 - y): "exchanged",
        lambda z, y: bce(z, y).item(): "plain number", lambda z, y: bce(z.sigmoid(), y): "sigmoid first",
        lambda z, y: torch.logaddexp(torch.zeros_like(z), z) - z * y: "Take the mean",
        lambda z, y: (max(z, 0) - z * y + torch.log(1 + torch.exp(-abs(z)))).mean(): "clamp",
        lambda z, y: z.mean(): "max(z, 0)"}),
    "dice_loss": ([dice], {
        lambda z, y: 1 - dice(z, y): "1 minus it", lambda z, y: dice(torch.logit((z >= 0).double()), y): "no slope",
        lambda z, y: 1 - 2 * (z.sigmoid() * y).sum() / (z.sigmoid().sum() + y.sum()): "Add 1",
        lambda z, y: 1 - ((z.sigmoid() * y).sum() + 1) / (z.sigmoid().sum() + y.sum() + 1): "without the 2",
        lambda z, y: 1 - (2 * (z * y).sum() + 1) / (z.sum() + y.sum() + 1): "First comes",
        lambda z, y: sum(dice(z[n], y[n]) for n in range(len(z))) / len(z): "slice by slice",
        lambda z, y: 1 - (2 * (y / (1 + torch.exp(-z))).sum() + 1) / ((1 / (1 + torch.exp(-z))).sum() + y.sum() + 1):
        "`torch.sigmoid` avoids", lambda z, y: dice(z, y).item(): "plain number", lambda z, y: z.sum(): "p = σ(z)"}),
    "descend": ([walk], {
        lambda *given: walk(*given, clear=False): "adds each gradient", lambda *given: walk(*given, sign=1): "climb",
        rebound: "has not moved", replaced: "does not watch", unasked: "Either `backward()`", recorded: "no_grad",
        lambda loss, kernel, rate, steps: walk(loss, kernel, 1, steps): "`rate` times",
        lambda loss, kernel, rate, steps: walk(loss, kernel, rate, 1): "one step",
        lambda *given: walk(*given)[-1]: "all losses", lambda *given: walk(*given, note=lambda value: value): "history",
        lambda *given: [0]: "value = loss"}),
    "overfit_one_batch": ([one_batch, lambda network, images, masks, steps: (
        lambda optimiser: [train_epoch(network, [(images, masks)], F.binary_cross_entropy_with_logits, optimiser)
                           for _ in range(steps)])(torch.optim.Adam(network.parameters(), 0.01))], {
        lambda *given: one_batch(*given, mode=False): "evaluation mode",
        lambda *given: one_batch(*given, clear=False): "add up",
        lambda *given: one_batch(*given, moves=False): "has moved",
        lambda *given: one_batch(*given, kind=torch.optim.SGD): "plain gradient", forgetful: "forgets",
        lambda *given: one_batch(*given, rate=0.001): "0.01",
        lambda *given: one_batch(*given[:3], 1): "inside the loop",
        lambda *given: one_batch(*given)[-1]: "not the last", lambda *given: [1.0]: "zero_grad, forward"}),
    "train_epoch": ([epoch], {
        lambda *given: epoch(*given, clear=False): "batch to batch",
        too_early: "No weight", with_graph: "history of every",
        lambda *given: epoch(*given, mode=False): "evaluation mode",
        lambda *given: epoch(*given, mean="batches"): "smaller",
        lambda *given: epoch(*given, mean="last"): "last batch", lambda *given: epoch(*given, mean="slices") * 5:
        "do not divide", lambda n, loader, *rest: epoch(n, loader[:1], *rest): "inside the loop",
        lambda n, loader, function, optimiser: epoch(n, loader, lambda z, y: function(z.sigmoid(), y), optimiser):
        "probabilities", lambda *given: 0.5: "total +="}),
    "evaluate": ([f1, lambda network, loader: np.float64(f1(network, loader))], {
        lambda network, loader: torch.tensor(f1(network, loader)): "plain number",
        lambda *given: f1(*given, mode=True): "training mode", recording: "for a gradient",
        lambda n, loader: np.mean([f1(n, [pair]) for pair in loader]): "counts first",
        lambda n, loader: f1(n, loader[-1:]): "last batch", lambda *given: f1(*given, limit=0.5): "sigmoid first",
        lambda *given: f1(*given, formula=lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn)): "accuracy",
        lambda *given: f1(*given, formula=lambda tp, fp, fn, tn: tp / (tp + fp + fn)): "IoU",
        lambda *given: f1(*given, formula=lambda tp, fp, fn, tn: tp / (tp + fp)): "precision",
        lambda *given: f1(*given, formula=lambda tp, fp, fn, tn: tp / (tp + fn)): "recall",
        lambda *given: 0.5: "2·tp"}),
    "train": ([whole], {
        lambda *given: whole(*given, kept=dict): "copy",
        lambda *given: whole(*given, until=lambda scores: -1): "never stop",
        lambda *given: whole(*given[:6], given[6] + 1, given[7]): "one epoch too long",
        lambda *given: whole(*given[:6], 1, given[7]): "wobble", lambda *given: whole(*given, first=0): "from 0",
        lambda *given: whole(*given, until=lambda s: sum(s[n] <= max(s[:n]) for n in range(1, len(s)))): "start from 0",
        lambda *given: whole(*given[:7], lambda *row: None): "never called",
        lambda *given: whole(*given[:2], given[1], *given[3:]): "on the training slices",
        lambda *given: whole(*given[:7], lambda epoch, loss, f1: given[7](epoch, f1, loss)): "before the loss",
        lambda *given: whole(*given)[0]: "two things", lambda *given: ([], {}): "Each epoch"}),
}
