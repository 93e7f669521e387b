"""What one channel answers to: the patches of real slices where its map is highest, and an image made to please it.

    maps = feature_maps(network, images, "decoder.1")["decoder.1"]
    top_patches(maps[:, 3], patients, size=128, side=48)
    activation_maximisation(network, "decoder.1", 3, (3, 96, 96)).image

Neither alone is enough. Patches show what occurs in heads, and whatever happens to lie there too; an optimised image
shows what the channel reacts to, and need not look like anything that a scanner makes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.core.errors import ShapeError
from unet_lib.inspection.activations import run_until
from unet_lib.inspection.attribution import live_output

LOWEST, HIGHEST = -2.0, 4.0
"""Normalised grey levels of an optimised image: air lies near −2, and hardly anything in a head beyond 4."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A square of `side` pixels in one image, which may reach beyond its border, and the map's value in its middle."""

    image: int
    top: int
    left: int
    side: int
    value: float

    def cut(self, images: Shaped[np.ndarray, "n h w"], outside: float = 0) -> Shaped[np.ndarray, "s s"]:
        """The patch's pixels; `outside` beyond the border."""
        padded = np.pad(images[self.image], self.side, constant_values=outside)
        return padded[self.top + self.side:self.top + 2 * self.side, self.left + self.side:self.left + 2 * self.side]


def top_patches(maps: Float[Tensor, "n _h _w"], patients: Shaped[np.ndarray, "n"], size: int, side: int,
                count: int = 4) -> tuple[Patch, ...]:
    """The patches around a channel's highest values, the highest first, at most one a patient.

    `maps` are the channel's maps of n images of size×size pixels. `side` is best the receptive field of the channel's
    block (`Stage.receptive_field`), or what of it can be shown: a value sees no more than that. Of equal values the
    first counts.
    """
    flat = maps.detach().flatten(1)
    values, positions = flat.max(dim=1)
    found: dict[object, Patch] = {}
    for image in torch.argsort(-values, stable=True).tolist():
        row, column = divmod(int(positions[image]), maps.shape[-1])
        top, left = (round((index + 0.5) * size / maps.shape[-1] - side / 2) for index in (row, column))
        found.setdefault(patients[image], Patch(image, top, left, side, float(values[image])))
    return tuple(found.values())[:count]


@dataclass(frozen=True)
class Optimised:
    """An image in normalised units, the channel's value in its middle, and that of each start; before the ReLU."""

    image: Float[Tensor, "c h w"]
    value: float
    values: tuple[float, ...]


def image_side(receptive_field: int, multiple: int, most: int = 96) -> int:
    """Side of an image to optimise: room for the receptive field and a little more, at most `most`, as the network can
    halve it."""
    return -(-min(receptive_field + 8, most) // multiple) * multiple


def activation_maximisation(model: nn.Module, name: str, channel: int, shape: tuple[int, int, int], *, starts: int = 4,
                            steps: int = 120, rate: float = 0.15, decay: float = 0.02,
                            blur: tuple[float, float] = (0.6, 0.1), jitter: float = 2, zoom: float = 0.08,
                            seed: int = 0) -> Optimised:
    """An image of `shape` that makes one channel of block `name` bright in the middle of its map, the best of `starts`.

    From faint noise uphill along the gradient, scaled to a root mean square of `rate` a step (Erhan et al. 2009). Left
    alone this ends in noise that no scanner makes, so four things keep the image plain (Olah et al. 2017): each step
    shrinks it by the fraction `decay`, mixes in its blurred self by a fraction that falls from the first of `blur` to
    the second, looks at it shifted by up to `jitter` pixels and enlarged or shrunk by up to the fraction `zoom`, and
    keeps its grey levels between those of air and of the brightest tissue.

    A DoubleConv is asked before its last ReLU, behind which a channel that is still dark would leave no gradient to
    climb. The same image for the same seed. Raises SettingsError for an unknown block.
    """
    draw = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    images = (0.1 * torch.randn(starts, *shape, generator=draw)).to(device)
    block = _before_relu(model, name)
    with live_output(model, block) as live, run_until(model, [block]) as run:
        for step in range(steps):
            images = images.detach().requires_grad_()
            run(_moved(images, draw, jitter, zoom))
            gradient, = torch.autograd.grad(_middle(live["output"], channel).sum(), images)
            steepest = gradient / gradient.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
            fraction = blur[0] + (blur[1] - blur[0]) * step / max(steps - 1, 1)
            images = _softened((1 - decay) * images.detach() + rate * steepest, fraction).clamp(LOWEST, HIGHEST)
        with torch.no_grad():
            run(images)
    values = _middle(live["output"], channel).tolist()
    best = int(np.argmax(values))
    return Optimised(images[best].detach(), values[best], tuple(values))


def _before_relu(model: nn.Module, name: str) -> str:
    inner = f"{name}.norm2"
    return inner if inner in dict(model.named_modules()) else name


def _middle(maps: Float[Tensor, "n c h w"], channel: int) -> Float[Tensor, "n"]:
    return maps[:, channel, maps.shape[-2] // 2, maps.shape[-1] // 2]


def _moved(images: Float[Tensor, "n c h w"], draw: torch.Generator, jitter: float,
           zoom: float) -> Float[Tensor, "n c h w"]:
    """Each image shifted and enlarged by chance, bilinearly; what comes in from outside is mirrored."""
    if images.shape[-1] != images.shape[-2]:
        raise ShapeError(f"expected a square image to optimise; got {images.shape[-2]}×{images.shape[-1]}.")
    scale, shift = (2 * torch.rand(len(images), count, generator=draw) - 1 for count in (1, 2))
    matrix = torch.zeros(len(images), 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 + zoom * scale[:, 0]
    matrix[:, :, 2] = 2 * jitter / images.shape[-1] * shift
    grid = F.affine_grid(matrix.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _softened(images: Float[Tensor, "n c h w"], fraction: float) -> Float[Tensor, "n c h w"]:
    """Mixed with themselves blurred by (1, 2, 1) / 4 along rows and columns; the border repeats."""
    weights = torch.tensor([1.0, 2.0, 1.0], device=images.device) / 4
    kernel = torch.outer(weights, weights).expand(images.shape[1], 1, 3, 3)
    blurred = F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernel, groups=images.shape[1])
    return (1 - fraction) * images + fraction * blurred
