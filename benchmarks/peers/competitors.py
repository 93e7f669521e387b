"""Who is measured in train_throughput.py: our training, the tutorials' loop, MONAI's pipeline, the bare step."""

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.peers import tutorial_loop
from unet_lib.data.augmentation import Augmented
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.protocols import BatchSource
from unet_lib.data.slice_files import SliceRecord, find_slices
from unet_lib.data.splits import split_patients
from unet_lib.models.common import count_parameters
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import fit, forward
from unet_lib.training.losses import LOSSES


@dataclass(frozen=True)
class Setting:
    """What all competitors have in common."""

    args: argparse.Namespace
    device: torch.device

    @cached_property
    def cache(self) -> SliceCache:
        return open_cache(self.args.data)

    @cached_property
    def indices(self) -> np.ndarray:
        """Slices of training patients, spread evenly over all of them."""
        every = self.cache.slices_of(split_patients(self.cache.names, seed=0).train)
        return every[np.unique(np.linspace(0, len(every) - 1, self.args.slices).astype(int))]

    @cached_property
    def records(self) -> list[SliceRecord]:
        """The same slices as files; the cache has them in this order."""
        records = find_slices(self.args.data)
        return [records[index] for index in self.indices]

    def network(self) -> UNet:
        return build({"base": self.args.base, "batch_norm": self.args.batch_norm}, 0).to(self.device)


@dataclass(frozen=True)
class Competitor:
    """`train(steps)` takes so many steps and returns the number of slices; `stock` batches wait ready-made."""

    train: Callable[[int], int]
    parameters: int
    stock: int = 0


class Turns:
    """A source whose epochs have `steps` batches, however many slices there are."""

    def __init__(self, source: BatchSource, steps: int) -> None:
        self.source, self.steps = source, steps

    def __len__(self) -> int:
        return self.steps

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Any]:
        rounds = (self.source.epoch(number * 10_000 + turn) for turn in itertools.count())
        return itertools.islice(itertools.chain.from_iterable(rounds), self.steps)


def ours(setting: Setting) -> Competitor:
    args, network = setting.args, setting.network()
    batches = Batches(setting.cache, setting.indices, batch=args.batch, size=args.size, device=setting.device)
    source = Turns(Augmented(batches), args.steps)
    epochs = fit(network, source, TrainingConfig(epochs=10**6, loss=tutorial_loop.LOSS))

    def train(steps: int) -> int:
        source.steps = steps
        return next(epochs).train.total // args.size**2

    return Competitor(train, count_parameters(network))


def looped(setting: Setting, network: nn.Module, batches: Any) -> Competitor:
    """A peer: the tutorials' loop over these batches, epoch after epoch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=tutorial_loop.RATE)
    epochs = (tutorial_loop.train_epoch(network, optimiser, batches, setting.device) for _ in itertools.count())
    steps = itertools.chain.from_iterable(epochs)
    stock = 2 * setting.args.workers + 1 if setting.args.workers else 0  # each worker works two batches ahead
    return Competitor(lambda count: sum(itertools.islice(steps, count)), count_parameters(network), stock)


def tutorial(setting: Setting) -> Competitor:
    args = setting.args
    batches = tutorial_loop.loader(setting.records, args.size, args.batch, args.workers, setting.device)
    return looped(setting, setting.network(), batches)


def monai(setting: Setting) -> Competitor:
    from benchmarks.peers import monai_loop  # MONAI takes ten seconds to import

    args = setting.args
    batches = monai_loop.loader(setting.records, args.size, args.batch, args.workers)
    return looped(setting, monai_loop.network(args.base).to(setting.device), batches)


def bare(setting: Setting) -> Competitor:
    args, device = setting.args, setting.device
    network = setting.network().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=tutorial_loop.RATE, fused=device.type in ("cpu", "cuda"))
    images = torch.randn(args.batch, 3, args.size, args.size, device=device)
    masks = (images[:, :1] > 2).float()
    loss = LOSSES[tutorial_loop.LOSS]

    def train(steps: int) -> int:
        for _ in range(steps):
            optimiser.zero_grad()
            loss(forward(network, images), masks).backward()
            optimiser.step()
        return steps * args.batch

    return Competitor(train, count_parameters(network))


BUILD: dict[str, Callable[[Setting], Competitor]] = {"ours": ours, "tutorial": tutorial, "monai": monai, "bare": bare}
