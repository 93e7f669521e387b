"""Chance variations of a training batch: draw the parameters, then apply them; on the batch's own device.

A network that has seen every head a little turned, shrunk, brightened and noisy relies on what stays. The
draw is plain data, so it can be looked at, replayed, and applied to image and mask alike.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from unet_lib.data.protocols import Batch, BatchSource

FLAIR = 1
KNOTS = 6  # of the elastic grid, along each side


@dataclass(frozen=True, slots=True)
class AugmentationConfig:
    """How far each variation may go: ± these amounts, or a chance in [0, 1] (`flip`, `copy_flair`).

    `rotation` in degrees, `scale` and `shift` as fractions of the size, `gain` and `offset` on normalised
    grey values, `gamma` as exponent 2^±gamma, `noise` as the largest standard deviation. `copy_flair` is the
    chance that pre-contrast, post-contrast or both become copies of FLAIR, as where they were never taken.
    `elastic` is the largest displacement, as a fraction of the size, of the knots of a coarse grid between which
    the picture is stretched smoothly (after Simard et al. 2003, and Ronneberger et al. 2015).
    """

    flip: float = 0.5
    rotation: float = 15.0
    scale: float = 0.15
    shift: float = 0.06
    gain: float = 0.2
    offset: float = 0.2
    gamma: float = 0.4
    noise: float = 0.1
    copy_flair: float = 0.15
    elastic: float = 0.0


@dataclass(frozen=True)
class AugmentationParams:
    """What was drawn for each of the n pictures of a batch."""

    matrix: Float[Tensor, "n 2 3"]
    gain: Float[Tensor, "n 3 1 1"]
    offset: Float[Tensor, "n 3 1 1"]
    gamma: Float[Tensor, "n 3 1 1"]
    noise: Float[Tensor, "n 1 1 1"]
    missing: Bool[Tensor, "n 3"]
    elastic: Float[Tensor, "n 2 k k"]
    seed: int


def sample_params(count: int, augmentation: AugmentationConfig, seed: int) -> AugmentationParams:
    """The parameters for `count` pictures; the same for the same seed, on every device."""
    source = torch.Generator().manual_seed(seed)

    def between(amount: float, *shape: int) -> Tensor:
        return (2 * torch.rand(count, *shape, generator=source) - 1) * amount

    def happens(chance: float) -> Bool[Tensor, "n"]:
        return torch.rand(count, generator=source) < chance

    flip = 1 - 2 * happens(augmentation.flip).float()
    angle, size = between(math.radians(augmentation.rotation)), torch.exp2(between(math.log2(1 + augmentation.scale)))
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    shift = between(2 * augmentation.shift, 2)
    matrix = torch.stack([torch.stack([cos * flip, -sin, shift[:, 0]], 1),
                          torch.stack([sin * flip, cos, shift[:, 1]], 1)], 1)
    which = torch.randint(1, 4, (count, 1), generator=source)  # 1 pre-contrast, 2 post-contrast, 3 both
    missing = happens(augmentation.copy_flair)[:, None] & ((which & torch.tensor([1, 0, 2])) > 0)
    return AugmentationParams(matrix, torch.exp2(between(math.log2(1 + augmentation.gain), 3, 1, 1)),
                between(augmentation.offset, 3, 1, 1), torch.exp2(between(augmentation.gamma, 3, 1, 1)),
                between(augmentation.noise, 1, 1, 1).abs(), missing, between(2 * augmentation.elastic, 2, KNOTS, KNOTS), seed)


def apply(params: AugmentationParams, images: Float[Tensor, "n c h w"],
          masks: Float[Tensor, "n 1 h w"]) -> tuple[Float[Tensor, "n c h w"], Float[Tensor, "n 1 h w"]]:
    """The varied pictures and their masks, which stay {0, 1}; the inputs are left as they are.

    With neighbouring slices as further channels (three each), all slices of a picture are varied alike.
    """
    device = images.device
    slices = images.unflatten(1, (-1, 3))
    slices = torch.where(params.missing.to(device)[:, None, :, None, None], slices[:, :, FLAIR:FLAIR + 1], slices)
    images = slices.flatten(1, 2)
    grid = F.affine_grid(params.matrix.to(device), list(images.shape), align_corners=False)
    if params.elastic.any():
        bent = F.interpolate(params.elastic.to(device), images.shape[-2:], mode="bicubic", align_corners=True)
        grid = grid + bent.movedim(1, -1)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    masks = (F.grid_sample(masks, grid, align_corners=False) >= 0.5).float()
    return _grey(params, images), masks


def _grey(params: AugmentationParams, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Gamma (between the picture's own darkest and brightest), gain, offset and noise."""
    device, slices = images.device, images.shape[1] // 3
    gain, offset, gamma = (values.to(device).repeat(1, slices, 1, 1)
                           for values in (params.gain, params.offset, params.gamma))
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    span = (high - low).clamp_min(1e-6)
    images = ((images - low) / span).pow(gamma) * span + low
    source = torch.Generator(device).manual_seed(params.seed)
    noise = torch.randn(images.shape, generator=source, device=device)
    return images * gain + offset + params.noise.to(device) * noise


class Augmented:
    """A source of batches, each varied by chance; which chance follows from (seed, epoch, batch) alone."""

    def __init__(self, source: BatchSource, augmentation: AugmentationConfig | None = None, seed: int = 0) -> None:
        self.source, self.augmentation, self.seed = source, augmentation or AugmentationConfig(), seed

    def __len__(self) -> int:
        return len(self.source)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The varied batches of one epoch, from batch `start` on."""
        for place, batch in enumerate(self.source.epoch(number, start), start):
            params = sample_params(len(batch.images), self.augmentation, ((self.seed * 10_007 + number) * 100_003 + place) % 2**31)
            yield Batch(*apply(params, batch.images, batch.masks), batch.indices)
