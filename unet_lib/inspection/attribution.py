"""What each part of a network is good for, by experiment: change one thing, keep the rest, see what is lost.

    with ablate_skips(model, {1: "zeroed"}):        # level 1 is the uppermost skip connection
        without = count_answers(model, images, masks).dice()
    lost = count_answers(model, images, masks).dice() - without

Nothing is trained here, and nothing about the network is different afterwards. A network was never taught to do
without a part, so what ablation shows is how much *this* network leans on it, not whether another could do without.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.core.metrics import Counts, bootstrap, by_patient, count_slices, pooled
from unet_lib.inspection.activations import block_names, feature_maps, find_block
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.models.common import eval_mode, seeded_init, to_mask

SkipChange = str | Float[Tensor, "_ _ _ _"]
"""What a skip hands on instead: `zeroed`, `mean` or other maps; see `ablate_skips`."""


def logits_of(model: nn.Module, images: Float[Tensor, "n c h w"], batch: int = 16) -> Float[Tensor, "n k h w"]:
    """The network's answer in evaluation mode, without gradient, `batch` images at a time."""
    with eval_mode(model), torch.no_grad():
        return torch.cat([model(some) for some in images.split(batch)])


def count_answers(model: nn.Module, images: Float[Tensor, "n c h w"], masks: Float[Tensor, "n 1 h w"],
                  threshold: float = 0.5, batch: int = 16) -> Counts:
    """The network's masks against the expert's, all images pooled: `count_answers(...).dice()`."""
    return pooled(count_slices(to_mask(logits_of(model, images, batch), threshold), masks))


def skip_maps(model: nn.Module, images: Float[Tensor, "n c h w"]) -> dict[int, Float[Tensor, "n _ _ _"]]:
    """What passes through the skip of each level, 1 to depth: the encoder's maps at that level.

    Of another patient's images, to be swapped in: `ablate_skips(model, skip_maps(model, others))`.
    """
    maps = feature_maps(model, images, [f"encoder.{level}" for level in _levels(model)])
    return {level: maps[f"encoder.{level}"] for level in _levels(model)}


@contextmanager
def ablate_skips(model: nn.Module, changes: Mapping[int, SkipChange]) -> Iterator[nn.Module]:
    """Inside the `with`, the decoder gets something else through the skips of these levels, 1 (uppermost) to depth.

    - `"zeroed"`: zeros, as if the connection were cut;
    - `"mean"`: each channel's mean over its map, one image at a time: how bright it is stays, where is lost;
    - a tensor: these maps, of as many images as one pass is asked about, or of one for all (see `skip_maps`).

    The way down to the bottleneck is left as it is. Raises SettingsError for a level the network does not have or an
    unknown change, ShapeError (in the forward pass) for maps of another size.
    """
    levels = _levels(model)
    for level, change in changes.items():
        if level not in levels:
            raise SettingsError(f"expected levels of skips from 1 to {max(levels)}; got {level!r}.")
        if not isinstance(change, Tensor) and change not in ("zeroed", "mean"):
            raise SettingsError(f"expected 'zeroed', 'mean' or a tensor of maps for level {level}; got {change!r}.")
    with ExitStack() as stack:
        for level, change in changes.items():
            stack.enter_context(find_block(model, f"concat.{level}").register_forward_pre_hook(
                lambda module, given, change=change: (_changed(given[0], change), *given[1:])))
        yield model


@contextmanager
def zeroed_channels(model: nn.Module, name: str, channels: Sequence[int] | int) -> Iterator[nn.Module]:
    """Inside the `with`, block `name` hands on zeros in these channels, counted from 0.

    Raises SettingsError for an unknown block, IndexError (in the forward pass) for a channel it does not have.
    """
    def zero(module: nn.Module, given: object, output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, channels] = 0
        return changed

    # Before all other hooks, so that whoever captures this block sees what it really hands on.
    with find_block(model, name).register_forward_hook(zero, prepend=True):
        yield model


@dataclass(frozen=True)
class Effect:
    """What p patients lose where `part` is ablated: `lost` is each one's Dice with the whole network less `dice`, that
    without the part. Negative: the part did harm."""

    part: Any
    dice: Float[np.ndarray, "p"]
    lost: Float[np.ndarray, "p"]

    @classmethod
    def between(cls, part: Any, before: Mapping[str, Counts], after: Mapping[str, Counts]) -> "Effect":
        """From what `patient_counts` says with the whole network and without the part."""
        whole, without = (np.array([counts[name].dice() for name in before]) for counts in (before, after))
        return cls(part, without, whole - without)

    @property
    def mean(self) -> float:
        """Of the loss, over patients."""
        return float(self.lost.mean())

    def interval(self, draws: int = 10_000, seed: int = 0) -> tuple[float, float]:
        """Of the mean loss, 95 %, over patients (`bootstrap`)."""
        return bootstrap(self.lost, np.mean, draws, seed)


def patient_counts(model: nn.Module, images: Float[Tensor, "n c h w"], masks: Float[Tensor, "n 1 h w"],
                   patients: Sequence[object] | np.ndarray, threshold: float = 0.5,
                   batch: int = 16) -> dict[str, Counts]:
    """The network's masks against the reference, all slices of a patient together; `patients` says whose each is."""
    found = to_mask(logits_of(model, images, batch), threshold)
    return by_patient(count_slices(found, masks), [str(patient) for patient in patients])


def channel_ablation(model: nn.Module, name: str, images: Float[Tensor, "n c h w"], masks: Float[Tensor, "n 1 h w"],
                     patients: Sequence[object] | np.ndarray, groups: Iterable[Sequence[int]] | None = None,
                     threshold: float = 0.5) -> tuple[Effect, ...]:
    """Channels of block `name` zeroed; the ones whose loss costs patients most Dice first, equal ones in their order.

    Each channel in turn, or each of the `groups` in turn: `itertools.combinations(range(8), 2)` are all pairs of
    eight. An effect's `part` is a tuple of channels. Channels that stand in for one another each look dispensable
    alone; together they may not be.
    """
    count = feature_maps(model, images[:1], name)[name].shape[1]
    whole = patient_counts(model, images, masks, patients, threshold)
    effects = []
    for group in [(channel,) for channel in range(count)] if groups is None else groups:
        with zeroed_channels(model, name, list(group)):
            without = patient_counts(model, images, masks, patients, threshold)
        effects.append(Effect.between(tuple(group), whole, without))
    return tuple(sorted(effects, key=lambda effect: -effect.mean))


def occlusion(model: nn.Module, image: Float[Tensor, "c h w"], patch: int = 16, stride: int = 8, grey: float = 0.0,
              region: Float[Tensor, "h w"] | None = None, batch: int = 16) -> Float[Tensor, "h w"]:
    """How much tumour vanishes when a grey square hides a part of the image (Zeiler & Fergus 2014, sec. 4.2).

    The drop of the probability summed over `region` (None: the whole image), in pixels; each pixel gets the mean over
    all squares that hid it. Positive: what was there spoke for tumour; negative: against it. In normalised images
    grey 0 is each channel's mean over the head. Raises SettingsError for a square larger than the image, or a stride
    that leaves gaps.
    """
    height, width = image.shape[-2:]
    if not 1 <= stride <= patch <= min(height, width):
        raise SettingsError(f"expected 1 ≤ stride ≤ patch ≤ {min(height, width)}, so that every pixel is hidden once; "
                            f"got stride={stride}, patch={patch}.")
    corners = torch.cartesian_prod(_starts(height, patch, stride), _starts(width, patch, stride))
    weight = torch.ones_like(image[0]) if region is None else region
    before = (torch.sigmoid(logits_of(model, image[None])) * weight).sum()
    total, times = torch.zeros_like(image[0]), torch.zeros_like(image[0])
    for some in corners.split(batch):
        hidden = image.repeat(len(some), 1, 1, 1)
        for one, (row, column) in zip(hidden, some.tolist(), strict=True):
            one[:, row:row + patch, column:column + patch] = grey
        drops = before - (torch.sigmoid(logits_of(model, hidden, batch)) * weight).sum(dim=(1, 2, 3))
        for drop, (row, column) in zip(drops, some.tolist(), strict=True):
            total[row:row + patch, column:column + patch] += drop
            times[row:row + patch, column:column + patch] += 1
    return total / times


@dataclass(frozen=True)
class Heat:
    """Grad-CAM's answer at the block's own size: `maps` in [0, 1], each image scaled by its own `peak`.

    A map of 0.5 has half the weight of that image's peak; images are compared by `maps * peak`. Where nothing speaks
    for the region, `peak` and map are 0.
    """

    maps: Float[Tensor, "n h w"]
    peak: Float[Tensor, "n 1 1"]


def grad_cam(model: nn.Module, images: Float[Tensor, "n c h w"], name: str,
             region: Float[Tensor, "n 1 h w"] | None = None) -> Heat:
    """Where block `name` sees what speaks for tumour in `region` (Seg-Grad-CAM, Vinogradova et al. 2020).

    A channel weighs as much as the region's summed logit grows with it, on average over its map; the channels are
    added with these weights, and what is below 0 is left out. None takes the pixels the network itself calls tumour.
    The map is as coarse as the block, and says where, not why: a channel may be bright for many reasons.
    """
    with live_output(model, name) as live:
        logits = model(images.detach().clone().requires_grad_())
        wanted = to_mask(logits.detach()) if region is None else region
        gradient, = torch.autograd.grad((logits * wanted).sum(), live["output"])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    found = F.relu((weights * live["output"].detach()).sum(dim=1))
    peak = found.amax(dim=(1, 2), keepdim=True)
    return Heat(found / torch.where(peak > 0, peak, 1), peak)


def randomised_from(network: nn.Module, name: str, images: Float[Tensor, "n c h w"], seed: int = 0) -> nn.Module:
    """A copy whose blocks from the output back to `name` have fresh initial weights, drawn by `seed`.

    The cascading randomisation of Adebayo et al. (2018): a picture that is to explain what the network learnt must
    change as its layers forget. Batch norms are calibrated on these (normalised) images, or fresh blocks would fade;
    all of them, so that copies of every depth are treated alike. Raises SettingsError for an unknown block.
    """
    names = block_names(network)
    find_block(network, name)
    copy = deepcopy(network)
    with seeded_init(seed):
        for block in names[names.index(name):]:
            for part in find_block(copy, block).modules():
                if callable(reset := getattr(part, "reset_parameters", None)):
                    reset()
    return calibrate(copy, images)


@contextmanager
def live_output(model: nn.Module, name: str) -> Iterator[dict[str, Tensor]]:
    """Evaluation mode with gradients; `live["output"]` is what the block handed on last, no copy, so that it can be
    differentiated."""
    live: dict[str, Tensor] = {}
    with eval_mode(model), torch.enable_grad(), find_block(model, name).register_forward_hook(
            lambda module, given, output: live.update(output=output)):
        yield live


def _levels(model: nn.Module) -> list[int]:
    """The levels with a skip connection, 1 to depth."""
    return sorted(int(name.removeprefix("concat.")) for name in block_names(model) if name.startswith("concat."))


def _changed(skip: Tensor, change: SkipChange) -> Tensor:
    """What comes through a skip instead of `skip`, in the same shape."""
    if isinstance(change, Tensor):
        if change.shape[1:] != skip.shape[1:] or len(change) not in (1, len(skip)):
            raise ShapeError(f"expected maps of {tuple(skip.shape)} to swap in, or of one image; got "
                             f"{tuple(change.shape)}. Take them from as many images of the same size (skip_maps), and "
                             f"ask about all in one pass (batch).")
        return change.to(skip).expand_as(skip)
    return torch.zeros_like(skip) if change == "zeroed" else skip.mean((2, 3), keepdim=True).expand_as(skip)


def _starts(length: int, patch: int, stride: int) -> Int[Tensor, "k"]:
    """Where squares begin along one side, so that the last one ends at the border."""
    return torch.tensor(sorted({*range(0, length - patch + 1, stride), length - patch}))
