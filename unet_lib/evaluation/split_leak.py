"""What a split by slices promises too much: two small networks, two test sets; each network knows the patients of one.

Test set A is half of the tumour slices of group A, drawn at random; network A learns from the other half. Test set B
and network B in the same way. Both networks are scored on both test sets, so every test slice is scored twice: by the
network that saw the patient's other slices (a split by slices), and by the one that never met the patient (a split by
patients). The difficulty of a test set and the quality of a network count on both sides, and cannot make the
difference.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from unet_lib.core.metrics import pooled
from unet_lib.data.cache import SliceCache
from unet_lib.data.loader import Batches
from unet_lib.data.splits import leaky_split
from unet_lib.models.unet import UNet
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import count_batches, fit

SIZE = 48
EPOCHS = 24
Slices = Int[np.ndarray, "k"]


class Halves(NamedTuple):
    """Indices of a group's tumour slices, half to learn from and half to be tested on."""

    train: Slices
    test: Slices


def split_by_slices(cache: SliceCache, patients: Sequence[str], seed: int = 0) -> Halves:
    """The tumour slices of these patients in two random halves; most patients end up in both."""
    slices = cache.slices_of(patients)
    slices = slices[cache.tumour_pixels[slices] > 0]
    train, test = leaky_split(len(slices), 0.5, seed)
    return Halves(slices[train], slices[test])


def learn(cache: SliceCache, slices: Slices, seed: int = 0, epochs: int = EPOCHS) -> UNet:
    """A small U-Net, trained from scratch on these slices and no others."""
    torch.manual_seed(seed)
    network = UNet(base=8, depth=3)
    for _ in fit(network, Batches(cache, slices, batch=8, size=SIZE, seed=seed), TrainingConfig(epochs=epochs)):
        pass
    return network


def f1_score(cache: SliceCache, network: UNet, slices: Slices) -> float:
    """F1 over all pixels of these slices together."""
    batches = Batches(cache, slices, batch=64, size=SIZE, shuffle=False)
    return pooled(count_batches(network, batches.epoch(), TrainingConfig())[0]).dice()


def crossover(cache: SliceCache, groups: Sequence[Sequence[str]], seed: int = 0,
              epochs: int = EPOCHS) -> Float[np.ndarray, "networks tests"]:
    """F1 of each group's network on each group's test set; on the diagonal the network knows the patients.

    All networks learn from the same number of slices and begin with the same weights.
    """
    halves = [split_by_slices(cache, patients, seed) for patients in groups]
    fewest = min(len(half.train) for half in halves)
    chosen = [np.random.default_rng(seed).permutation(half.train)[:fewest] for half in halves]
    networks = [learn(cache, slices, seed, epochs) for slices in chosen]
    return np.array([[f1_score(cache, network, half.test) for half in halves] for network in networks])
