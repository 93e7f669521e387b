"""The training loop that tutorials on this data set write; not a question of its own, but the peer of two.

A torch DataLoader reads each slice from its TIFF when its turn comes, scales it to float32 in [0, 1], and varies
it at random, alone and on the CPU, the way torchvision does with tensors (one affine grid an image). The network
is ours, in torch's default memory layout and in float32; Adam is torch's default; the loss is the same as ours.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from unet_lib.data.slice_files import SIDE, SliceRecord
from unet_lib.data.tiff import read_image, read_mask
from unet_lib.inference.predictor import Predictor
from unet_lib.training.losses import LOSSES

LOSS, RATE = "bce_dice", 1e-3
DEGREES, SCALE, SHIFT = 15, 0.15, 0.06  # as far as ours goes (AugmentationConfig)


class TiffSlices(Dataset):
    """Slices read from disk one by one, augmented, with their masks."""

    def __init__(self, records: Sequence[SliceRecord], size: int, augment: bool = True) -> None:
        self.records, self.size, self.augment = records, size, augment

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Float[Tensor, "3 s s"], Float[Tensor, "1 s s"]]:
        record = self.records[index]
        image = torch.from_numpy(read_image(record.image)).permute(2, 0, 1).float() / 255
        mask = torch.from_numpy(read_mask(record.mask))[None].float()
        if self.size != SIDE:
            image, mask = (F.interpolate(t[None], (self.size, self.size), mode="area")[0] for t in (image, mask))
        if self.augment:
            image, mask = vary(image, mask)
        return image, (mask >= 0.5).float()


def vary(image: Float[Tensor, "3 s s"], mask: Float[Tensor, "1 s s"]) -> tuple[Tensor, Tensor]:
    """Flip, turn, scale and shift at random; torch's global random state draws, as in a worker of a DataLoader."""
    if torch.rand(()) < 0.5:
        image, mask = image.flip(-1), mask.flip(-1)
    angle, size, *shift = (2 * torch.rand(4) - 1) * torch.tensor([math.radians(DEGREES), SCALE, 2 * SHIFT, 2 * SHIFT])
    cos, sin = torch.cos(angle) / (1 + size), torch.sin(angle) / (1 + size)
    matrix = torch.stack([torch.stack([cos, -sin, shift[0]]), torch.stack([sin, cos, shift[1]])])[None]
    grid = F.affine_grid(matrix, [1, 1, *image.shape[-2:]], align_corners=False)
    image, mask = (F.grid_sample(t[None], grid, align_corners=False)[0] for t in (image, mask))
    return image, mask


def loader(records: Sequence[SliceRecord], size: int, batch: int, workers: int, device: torch.device) -> DataLoader:
    return DataLoader(TiffSlices(records, size), batch, shuffle=True, num_workers=workers,
                      pin_memory=device.type == "cuda")


def train_epoch(network: nn.Module, optimiser: torch.optim.Optimizer, batches: DataLoader,
                device: torch.device) -> Iterator[int]:
    """One epoch in float32; yields after each step how many slices it took."""
    network.train()
    for images, masks in batches:
        images, masks = images.to(device), masks.to(device)
        optimiser.zero_grad()
        loss = LOSSES[LOSS](network(images), masks)
        loss.backward()
        optimiser.step()
        loss.item()  # tutorials print it or add it up
        yield len(images)


class ScaledPredictor(Predictor):
    """Predicts from slices in [0, 1], as the loop above trains on."""

    def probabilities(self, images: np.ndarray, statistics: np.ndarray) -> np.ndarray:
        return super().probabilities(images, np.array([[0, 0, 0], [255, 255, 255]], np.float32))
