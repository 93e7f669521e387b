"""What the checkers of lesson 04 call the reader's functions with, and what they look at afterwards."""

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from unet_lib.lessons import reference_training as ours
from unet_lib.lessons.exercises.exercise import Case, outcome


class Probe(nn.Module):
    """A network of few weights that notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1)
        self.gradients = False

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        self.gradients |= torch.is_grad_enabled()
        return self.last(torch.relu(self.norm(self.first(images))))


class Shift(nn.Module):
    """Adds its only weight to FLAIR: every step moves it by 1, so that F1 can be foretold."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        return images[:, 1:2] + self.shift


class Reports:
    """Keeps what a loop reports."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def __call__(self, epoch: int, loss: float, f1: float) -> None:
        self.rows.append([epoch, round(float(loss), 9), round(float(f1), 9)])


def upwards(logits: Tensor, masks: Tensor) -> Tensor:
    """A loss whose gradient is the same everywhere."""
    return -logits.mean()


def squares(logits: Tensor, masks: Tensor) -> Tensor:
    """A loss of another kind."""
    return ((logits - 4 * masks) ** 2).mean()


def bowl(kernel: Tensor) -> Tensor:
    """A loss whose lowest point is at 1, 2, 3, …"""
    goal = torch.arange(1, kernel.numel() + 1, dtype=kernel.dtype).reshape(kernel.shape)
    return 0.35 * ((kernel - goal) ** 2).sum()


def waves(*shape: int) -> Tensor:
    """Numbers between −2 and 2 that look drawn at random."""
    return 2 * (torch.arange(torch.Size(shape).numel(), dtype=torch.float64) * 1.7 + 0.4).sin().reshape(shape)


def loss_cases(name: str) -> tuple[Case, ...]:
    """Ordinary logits, very large ones, and slices without tumour."""
    masks = (waves(2, 1, 4, 4).roll(3) > 1).double()
    sure = torch.tensor([800.0, -800, 3, -2], dtype=torch.float64).reshape(1, 1, 2, 2)
    truth = torch.tensor([1.0, 0, 0, 1], dtype=torch.float64).reshape(1, 1, 2, 2)
    pairs = {"logits of two slices, their masks": (waves(2, 1, 4, 4), masks),
             "logits that are very sure, their masks": (sure, truth),
             "logits of −40, masks without tumour": (torch.full_like(sure, -40), torch.zeros_like(truth))}
    function = getattr(ours, name)
    return tuple(_case(function, (logits.requires_grad_(), masks), loss_and_gradient, f"{name}({shown})")
                 for shown, (logits, masks) in pairs.items())


def loss_and_gradient(arguments: tuple[Any, ...], loss: Any) -> Any:
    """The loss, and what arrives of it at the logits."""
    if not isinstance(loss, Tensor):
        return loss
    if loss.ndim or not loss.requires_grad:
        return {"loss": loss.tolist(), "gradient": "none"}
    loss.backward()
    return {"loss": loss.item(), "gradient": arguments[0].grad.tolist()}


def dataset_cases() -> tuple[Case, ...]:
    """Five slices of two patients, without and with mirroring."""
    levels = (waves(5, 3, 4, 4) * 60 + 125).byte()
    masks = (waves(5, 4, 4).roll(5) > 0.8).byte()
    patient = torch.tensor([0, 0, 0, 1, 1])
    means, stds = torch.tensor([[90.0, 120, 60], [40, 70, 50]]), torch.tensor([[30.0, 20, 10], [15, 25, 40]])
    return tuple(_case(ours.SliceDataset, (levels, masks, means[patient], stds[patient], flip), seen_of_dataset,
                       f"SliceDataset(images, masks, means, stds, flip={flip})") for flip in (False, True))


def seen_of_dataset(arguments: tuple[Any, ...], dataset: Any) -> Any:
    """Its length, one of its slices, and in which ways slices and masks are turned."""
    if not isinstance(dataset, Dataset):
        return None if dataset is None else "no Dataset: write `class SliceDataset(Dataset)`"
    length = type(dataset).__len__(dataset)  # type: ignore[attr-defined]
    if length is None or dataset[3] is None:
        return ...
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pairs = [dataset[3] for _ in range(25)]
    image, mask = (tensor[3] for tensor in arguments[:2])
    raw = ((image.float() - arguments[2][3][:, None, None]) / arguments[3][3][:, None, None])
    ways = {f"image {_way(a, raw)}, mask {_way(b.reshape(mask.shape), mask)}" for a, b in pairs}
    types = [f"{a.dtype} {tuple(a.shape)}".removeprefix("torch.") for a in pairs[0]]
    return {"slices": length, "image and mask": types, "largest": round(pairs[0][0].abs().max().item(), 4),
            "mask up to": float(pairs[0][1].max()), "shown": sorted(ways)}


def _way(tensor: Tensor, upright: Tensor) -> str:
    turned = {"as it is": upright, "mirrored": upright.flip(-1), "upside down": upright.flip(-2)}
    return next((name for name, other in turned.items() if torch.allclose(tensor.float(), other.float(), atol=1e-4)),
                "with other numbers")


def descend_cases() -> tuple[Case, ...]:
    """A bowl in four dimensions."""
    return tuple(_case(ours.descend, (bowl, waves(2, 2).requires_grad_(), rate, steps), losses_and_kernel,
                       f"descend(loss, kernel, {rate}, {steps})") for rate, steps in ((0.1, 4), (0.3, 2)))


def losses_and_kernel(arguments: tuple[Any, ...], losses: Any) -> Any:
    """What was returned, and where the kernel is now."""
    return losses if losses is None else {"losses": _numbers(losses), "kernel": arguments[1].detach()}


def _numbers(losses: Any) -> Any:
    """A list of plain numbers; tensors are told apart."""
    if not isinstance(losses, list | tuple):
        return losses if isinstance(losses, float | int) else f"something of type {type(losses).__name__}"
    return "tensors" if any(isinstance(value, Tensor) for value in losses) else [float(value) for value in losses]


@cache
def _probe() -> Probe:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Probe().double()
    network.get_buffer("norm.running_mean").add_(0.3)
    return network.eval()


def _batches() -> list[tuple[Tensor, Tensor]]:
    """Five slices in batches of two, the last smaller; the second batch has hardly any tumour."""
    images, masks = waves(5, 3, 4, 4), (waves(5, 1, 4, 4).roll(7) > 0.9).double()
    masks[2:4] = 0
    masks[2, 0, 0, 0] = 1
    return list(zip(images.split(2), masks.split(2), strict=True))


def one_batch_cases() -> tuple[Case, ...]:
    """A few steps on two slices."""
    images, masks = _batches()[0]
    return (_case(ours.overfit_one_batch, (_probe(), images, masks, 4), losses_and_weights,
                  "overfit_one_batch(network, images, masks, 4)"),)


def losses_and_weights(arguments: tuple[Any, ...], losses: Any) -> Any:
    """What was returned, and the network's weights and running statistics."""
    return losses if losses is None else {"losses": _numbers(losses), "weights": _weights(arguments[0])}


def _weights(network: nn.Module) -> list[float]:
    return [value for tensor in network.state_dict().values() for value in tensor.double().flatten().tolist()]


def epoch_cases() -> tuple[Case, ...]:
    """Three batches, with plain gradient descent on BCE, and with Adam on another loss."""
    cases = []
    for kind, rate, loss in ((torch.optim.SGD, 0.5, F.binary_cross_entropy_with_logits),
                             (torch.optim.Adam, 0.1, squares)):
        network = copy.deepcopy(_probe())
        given = (network, _batches(), loss, kind(network.parameters(), lr=rate))
        cases.append(_case(ours.train_epoch, given, loss_and_weights,
                           f"train_epoch(network, loader, {loss.__name__}, {kind.__name__})"))
    return tuple(cases)


def loss_and_weights(arguments: tuple[Any, ...], loss: Any) -> Any:
    """What was returned, the weights, and the mode the network was trained in."""
    if loss is None or not isinstance(loss, float | int | Tensor):
        return loss
    return {"mean loss": "a tensor" if isinstance(loss, Tensor) else float(loss), "weights": _weights(arguments[0])}


def evaluate_cases() -> tuple[Case, ...]:
    """Three batches, and a network that was left in training mode."""
    network = copy.deepcopy(_probe())
    with torch.no_grad():
        logits = torch.cat([network(images) for images, _ in _batches()])
        network.get_parameter("last.bias").sub_(logits.quantile(0.6))
    silent = copy.deepcopy(network)
    with torch.no_grad():
        silent.get_parameter("last.bias").sub_(1000)
    return tuple(_case(ours.evaluate, (each.train(), _batches()), f1_and_manners, f"evaluate({name}, loader)")
                 for name, each in {"network": network, "a network that marks nothing": silent}.items())


def f1_and_manners(arguments: tuple[Any, ...], f1: Any) -> Any:
    """What was returned, and whether gradients were computed or running statistics changed."""
    if f1 is None or not isinstance(f1, float | int | Tensor):
        return f1
    network = arguments[0]
    score = "a tensor" if isinstance(f1, Tensor) else round(float(f1), 6)
    return {"F1": score, "gradients": network.gradients, "weights": _weights(network)}


# What `Shift` marks in `_scripted` after each epoch besides: 1 is a pixel of tumour, 0 a healthy one.
EVENTS = ("1", "1", "0", "1", "0", "00", "1", "11")


def _scripted() -> list[tuple[Tensor, Tensor]]:
    """A slice in which `Shift` marks more after each epoch, so that F1 rises, falls, and rises again."""
    values, truth = [9.0, -99.0], [1.0, 1.0]
    for epoch, event in enumerate(EVENTS, 1):
        values += [0.5 - epoch] * len(event)
        truth += map(float, event)
    images = torch.tensor(values, dtype=torch.float64).reshape(1, 1, 2, -1).repeat(1, 3, 1, 1)
    return [(images, torch.tensor(truth, dtype=torch.float64).reshape(1, 1, 2, -1))]


def train_cases() -> tuple[Case, ...]:
    """Stops early with the best weights long past; runs to its end; stops after the wobble in epoch 3; never scores."""
    cases = []
    hopeless = [(images - 1000, masks) for images, masks in _scripted()]
    for epochs, patience, held_out in ((8, 3, _scripted()), (8, 9, _scripted()), (8, 2, _scripted()), (3, 9, hopeless)):
        network = Shift()
        optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
        learnt = [(waves(1, 3, 2, 5), torch.zeros(1, 1, 2, 5, dtype=torch.float64))]
        given = (network, learnt, held_out, upwards, optimiser, epochs, patience, Reports())
        shown = f"train(…, epochs={epochs}, patience={patience}, report)" + ", F1 always 0" * (held_out is hopeless)
        cases.append(_case(ours.train, given, scores_best_and_reports, shown))
    return tuple(cases)


def scores_best_and_reports(arguments: tuple[Any, ...], returned: Any) -> Any:
    """The list of F1s, the best weights (here one number, the epoch they are of), and what was reported."""
    if not isinstance(returned, list | tuple) or len(returned) != 2:
        return returned
    scores, best = returned
    of_epoch = [float(value) for value in best.values()] if isinstance(best, dict) else best
    return {"F1": scores, "best weights of epoch": of_epoch, "reports": arguments[-1].rows}


def _case(function: Any, given: tuple[Any, ...], observe: Any, shown: str) -> Case:
    return Case(given, outcome(function, Case(given, None), observe), shown)
