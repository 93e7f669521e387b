"""Random augmentation of a training batch: sample the parameters, then apply them, on the batch's own device.

A network that has seen every head a little turned, shrunk, brightened and noisy relies on what stays. The
sampled parameters are plain data, so they can be looked at, replayed, and applied to image and mask alike.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from unet_lib.core.devices import to_device
from unet_lib.data.protocols import Batch, BatchSource
from unet_lib.data.slice_files import FLAIR

KNOTS = 6  # of the elastic grid, along each side


@dataclass(frozen=True, slots=True)
class AugmentationConfig:
    """How far each change may go: ± these amounts, or a probability in [0, 1] (`flip`, `copy_flair`).

    `rotation` in degrees, `scale` and `shift` as fractions of the size, `gain` and `offset` on normalised
    grey values, `gamma` as exponent 2^±gamma, `noise` as the largest standard deviation. `copy_flair` is the
    probability that pre-contrast, post-contrast or both become copies of FLAIR, as where they were never taken.
    `elastic` is the largest displacement, as a fraction of the size, of the knots of a coarse grid between which
    the image is stretched smoothly (after Simard et al. 2003, and Ronneberger et al. 2015).
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
    """What was sampled for each of the n images of a batch; `elastic` is None where nothing is stretched."""

    matrix: Float[Tensor, "n 2 3"]
    gain: Float[Tensor, "n 3 1 1"]
    offset: Float[Tensor, "n 3 1 1"]
    gamma: Float[Tensor, "n 3 1 1"]
    noise: Float[Tensor, "n 1 1 1"]
    missing: Bool[Tensor, "n 3"]
    elastic: Float[Tensor, "n 2 k k"] | None
    seed: int

    def to(self, device: torch.device) -> "AugmentationParams":
        """The same there, in one copy, for which nobody waits."""
        if self.matrix.device == device:
            return self
        here = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        flat = to_device(torch.cat([value.flatten().float() for value in here.values()]), device)
        parts = flat.split([value.numel() for value in here.values()])
        return replace(self, **{name: part.view(value.shape).to(value.dtype)
                                for (name, value), part in zip(here.items(), parts, strict=True)})


def sample_params(count: int, augmentation: AugmentationConfig, seed: int) -> AugmentationParams:
    """The parameters for `count` images; the same for the same seed, on every device."""
    source = torch.Generator().manual_seed(seed)

    def uniform(amount: float, *shape: int) -> Tensor:
        return (2 * torch.rand(count, *shape, generator=source) - 1) * amount

    def happens(probability: float) -> Bool[Tensor, "n"]:
        return torch.rand(count, generator=source) < probability

    flip = 1 - 2 * happens(augmentation.flip).float()
    angle, size = uniform(math.radians(augmentation.rotation)), torch.exp2(uniform(math.log2(1 + augmentation.scale)))
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    shift = uniform(2 * augmentation.shift, 2)
    matrix = torch.stack([torch.stack([cos * flip, -sin, shift[:, 0]], 1),
                          torch.stack([sin * flip, cos, shift[:, 1]], 1)], 1)
    which = torch.randint(1, 4, (count, 1), generator=source)  # 1 pre-contrast, 2 post-contrast, 3 both
    missing = happens(augmentation.copy_flair)[:, None] & ((which & torch.tensor([1, 0, 2])) > 0)
    return AugmentationParams(
        matrix, gain=torch.exp2(uniform(math.log2(1 + augmentation.gain), 3, 1, 1)),
        offset=uniform(augmentation.offset, 3, 1, 1), gamma=torch.exp2(uniform(augmentation.gamma, 3, 1, 1)),
        noise=uniform(augmentation.noise, 1, 1, 1).abs(), missing=missing,
        elastic=uniform(2 * augmentation.elastic, 2, KNOTS, KNOTS) if augmentation.elastic else None, seed=seed)


def apply(params: AugmentationParams, images: Float[Tensor, "n c h w"],
          masks: Float[Tensor, "n 1 h w"]) -> tuple[Float[Tensor, "n c h w"], Float[Tensor, "n 1 h w"]]:
    """The augmented images and their masks, which stay {0, 1}; the inputs are left as they are.

    The context slices of an image (three channels each) are changed like the slice itself.
    """
    params = params.to(images.device)
    slices = images.unflatten(1, (-1, 3))
    slices = torch.where(params.missing[:, None, :, None, None], slices[:, :, FLAIR:FLAIR + 1], slices)
    images = slices.flatten(1, 2)
    grid = F.affine_grid(params.matrix, list(images.shape), align_corners=False)
    if params.elastic is not None:
        displacement = F.interpolate(params.elastic, images.shape[-2:], mode="bicubic", align_corners=True)
        grid = grid + displacement.movedim(1, -1)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    masks = (F.grid_sample(masks, grid, align_corners=False) >= 0.5).float()
    return _grey(params, images), masks


def _grey(params: AugmentationParams, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Gamma (between the image's own darkest and brightest), gain, offset and noise."""
    device, slices = images.device, images.shape[1] // 3
    gain, offset, gamma = (values.repeat(1, slices, 1, 1) for values in (params.gain, params.offset, params.gamma))
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    span = (high - low).clamp_min(1e-6)
    images = ((images - low) / span).pow(gamma) * span + low
    source = torch.Generator(device).manual_seed(params.seed)
    noise = torch.randn(images.shape, generator=source, device=device)
    return images * gain + offset + params.noise * noise


class Augmented:
    """A source of batches, each augmented at random; the sample follows from (seed, epoch, batch) alone."""

    def __init__(self, source: BatchSource, augmentation: AugmentationConfig | None = None, seed: int = 0) -> None:
        self.source, self.augmentation, self.seed = source, augmentation or AugmentationConfig(), seed

    def __len__(self) -> int:
        return len(self.source)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The augmented batches of one epoch, from batch `start` on."""
        for index, batch in enumerate(self.source.epoch(number, start), start):
            seed = ((self.seed * 10_007 + number) * 100_003 + index) % 2**31
            params = sample_params(len(batch.images), self.augmentation, seed)
            yield Batch(*apply(params, batch.images, batch.masks), batch.indices)
