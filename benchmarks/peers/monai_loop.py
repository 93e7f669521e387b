"""MONAI's usual pipeline, as its tutorials write it; a peer in train_throughput.py.

CacheDataset keeps what is the same in every epoch (reading, channels first, scaling), dictionary transforms vary
each slice alone on the CPU, MONAI's DataLoader collates, BasicUNet with our widths, batch norm and ReLU learns in
float32.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from monai import transforms as mt
from monai.data import CacheDataset, DataLoader
from monai.networks.nets import BasicUNet
from torch import Tensor

from unet_lib.data.slice_files import SliceRecord

BOTH = ("image", "label")


class Pairs:
    """MONAI's dictionaries as (images, masks), so that one training loop serves both peers."""

    def __init__(self, batches: DataLoader) -> None:
        self.batches = batches

    def __iter__(self) -> Any:
        return ((as_tensor(batch["image"]), as_tensor(batch["label"])) for batch in self.batches)


def as_tensor(values: Any) -> Tensor:
    return values.as_tensor() if hasattr(values, "as_tensor") else values


def network(base: int) -> BasicUNet:
    """Features as in our U-Net of depth 4. Its last upsampling does not halve them, so it computes 6 % more."""
    features = (base, 2 * base, 4 * base, 8 * base, 16 * base, base)
    return BasicUNet(spatial_dims=2, in_channels=3, out_channels=1, features=features, act="relu", norm="batch")


def loader(records: Sequence[SliceRecord], size: int, batch: int, workers: int) -> Pairs:
    """Cached slices in batches, augmented."""
    files = [{"image": str(record.image), "label": str(record.mask)} for record in records]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cached = CacheDataset(files, transform(size), cache_rate=1.0, num_workers=2, progress=False)
    return Pairs(DataLoader(cached, batch_size=batch, shuffle=True, num_workers=workers))


def transform(size: int) -> mt.Compose:
    return mt.Compose([
        mt.LoadImaged(BOTH, reader="PILReader", dtype=np.float32),
        mt.EnsureChannelFirstd(BOTH),
        mt.ScaleIntensityRanged(BOTH, 0, 255, 0, 1),
        mt.Resized(BOTH, (size, size), mode=("area", "nearest")),
        mt.RandFlipd(BOTH, prob=0.5, spatial_axis=0),
        mt.RandAffined(BOTH, prob=1.0, rotate_range=0.26, scale_range=0.15, translate_range=0.06 * size,
                       mode=("bilinear", "nearest"), padding_mode="border"),
        mt.RandScaleIntensityd("image", 0.2, prob=1.0),
        mt.RandGaussianNoised("image", prob=0.5, std=0.05)])
