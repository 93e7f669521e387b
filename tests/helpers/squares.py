"""A training set of bright squares that a tiny network learns in seconds, and a network that learns nothing."""

import torch

from unet_lib.data.protocols import Batch
from unet_lib.models.registry import build

SMALL = {"base": 4, "depth": 2}
FLOAT = {"precision": "float32", "learning_rate": 0.01}


class Squares:
    """Bright squares on noise: a data set that any working training learns in seconds."""

    def __init__(self, count=12, batch=4, size=32, seed=0):
        draw = torch.Generator().manual_seed(seed)
        self.masks = torch.zeros(count, 1, size, size)
        for mask in self.masks:
            top, left = torch.randint(4, size - 14, (2,), generator=draw)
            mask[:, top:top + 10, left:left + 10] = 1
        self.images = torch.randn(count, 3, size, size, generator=draw) * 0.3 + self.masks
        self.batch = batch

    def __len__(self):
        return -(-len(self.images) // self.batch)

    def epoch(self, number=0, start=0):
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(number))
        for chosen in order.split(self.batch)[start:]:
            yield Batch(self.images[chosen], self.masks[chosen])


class Flat(Squares):
    """Nothing to find, everything called tumour: F1 is 0 for ever."""

    def epoch(self, number=0, start=0):
        for batch in super().epoch(number, start):
            yield Batch(batch.images + 100, torch.zeros_like(batch.masks))


def stubborn():
    """A network that calls everything tumour."""
    model = build(SMALL, 0)
    torch.nn.init.constant_(model.output.bias, 100)
    return model
