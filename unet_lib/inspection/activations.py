"""What each block of the network hands on, for any image: feature maps, caught by forward hooks.

    with capture(model, ["encoder.1", "bottleneck"]) as maps:
        logits = model(images)
    maps["bottleneck"]                      # (n, c, h, w), yours to keep and to change

The hooks live as long as the `with` and are gone afterwards, whatever happened inside.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unet_lib.core.errors import SettingsError
from unet_lib.models.common import eval_mode
from unet_lib.models.registry import NETWORKS, Network


def known_network(model: nn.Module) -> Network:
    """The same network, if it is one whose blocks have a plan. Raises SettingsError for any other."""
    if not isinstance(model, Network):
        known = " or ".join(made.__name__ for _, made in NETWORKS.values())
        raise SettingsError(f"expected a network whose blocks are known, {known}; got {type(model).__name__}. Name "
                            f"the blocks you want, by their paths in the network.")
    return model


def block_names(model: nn.Module) -> tuple[str, ...]:
    """The blocks of a network, in the order data passes them: of a UNet, and of `ablations` of it, `encoder.1` …
    `output`.

    Raises SettingsError for a network that is not one of ours: name its blocks yourself.
    """
    config = known_network(model).config
    return tuple(stage.name for stage in config.plan(config.multiple))


@contextmanager
def capture(model: nn.Module, names: Iterable[str] | None = None, copies: bool = True) -> Iterator[dict[str, Tensor]]:
    """Inside the `with`, every forward pass fills `maps[name]` with a copy of what block `name` handed on.

    `names` are paths in the network, such as `encoder.1` or, deeper, `encoder.1.conv2`; None means all of
    `block_names`. Maps are (n, c, h, w), in the order in which data passed, without gradient, on the model's device;
    the next pass replaces them. `copies=False` hands out the maps themselves: sooner, for those who only read, of
    networks in which no layer overwrites its input. The model is in evaluation mode inside; afterwards each module has
    its own flag back. Raises SettingsError for a name the network does not have.
    """
    if names is None:
        names = block_names(model)
    modules = {name: find_block(model, name) for name in ([names] if isinstance(names, str) else names)}
    maps: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        # A copy, unless told otherwise: what is done to the original later does not reach it.
        maps[name] = output.detach().clone() if copies else output.detach()

    with ExitStack() as stack:
        stack.enter_context(eval_mode(model))
        # A pass that fails half-way must not leave maps of two images side by side.
        stack.enter_context(model.register_forward_pre_hook(lambda module, given: maps.clear()))
        for name, module in modules.items():
            stack.enter_context(module.register_forward_hook(
                lambda module, given, output, name=name: keep(name, output)))
        yield maps


def feature_maps(model: nn.Module, images: Float[Tensor, "n c h w"], names: Iterable[str] | None = None,
                 batch: int = 16) -> dict[str, Float[Tensor, "n _ _ _"]]:
    """The maps of all images, `batch` of them at a time; `names` as in `capture`. Mind the memory: all are kept.

    What lies behind the last of these blocks is not computed.
    """
    names, parts = block_names(model) if names is None else [names] if isinstance(names, str) else list(names), []
    with capture(model, names) as maps, run_until(model, names) as run, torch.no_grad():
        for some in images.split(batch):
            run(some)
            parts.append(dict(maps))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


class _AllCalled(Exception):
    """Ends a forward pass."""


@contextmanager
def run_until(model: nn.Module, names: Iterable[str]) -> Iterator[Callable[[Tensor], None]]:
    """Inside the `with`, `run(images)` is a forward pass that ends as soon as all these blocks have been called.

    Hooks on the blocks that were there before still see their maps. Raises SettingsError for a name the network does
    not have.
    """
    modules, waiting = {name: find_block(model, name) for name in names}, set[str]()

    def called(name: str) -> None:
        waiting.discard(name)
        if not waiting:
            raise _AllCalled

    def run(images: Tensor) -> None:
        waiting.update(modules)
        with suppress(_AllCalled):
            model(images)

    with ExitStack() as stack:
        for name, module in modules.items():
            stack.enter_context(module.register_forward_hook(lambda module, given, output, name=name: called(name)))
        yield run


def find_block(model: nn.Module, name: str) -> nn.Module:
    """The module at this path. Raises SettingsError, naming similar paths, if it leads nowhere."""
    # Containers such as `encoder` have no forward pass of their own, so nothing could be caught there.
    known = {path: module for path, module in model.named_modules()
             if path and type(module).forward is not nn.Module.forward}
    if name in known:
        return known[name]
    inside = [path for path in known if path.startswith(f"{name}.")]
    similar = inside or get_close_matches(name, known) or list(known)
    raise SettingsError(f"expected the name of a block of the network; got {name!r}. "
                        f"Did you mean {' or '.join(similar[:3])}?")


@dataclass(frozen=True)
class ChannelStatistics:
    """What is known of each of c channels after looking at `values` values of each; two of them can be added.

    `squares` is the sum of squared deviations from the mean, from which the variance follows; `zeros` counts values
    that are exactly 0, as a ReLU leaves them.
    """

    values: int
    mean: Float[np.ndarray, "c"]
    squares: Float[np.ndarray, "c"]
    zeros: Int[np.ndarray, "c"]
    least: Float[np.ndarray, "c"]
    greatest: Float[np.ndarray, "c"]

    def __add__(self, other: "ChannelStatistics") -> "ChannelStatistics":
        """Both together, as if their values had been looked at at once (Chan, Golub, LeVeque 1983).

        Adding up squares of the values instead would lose all digits where the mean is large.
        """
        values, difference = self.values + other.values, other.mean - self.mean
        return ChannelStatistics(
            values, self.mean + difference * other.values / values,
            self.squares + other.squares + difference**2 * self.values * other.values / values,
            self.zeros + other.zeros, np.minimum(self.least, other.least), np.maximum(self.greatest, other.greatest))

    @property
    def variance(self) -> Float[np.ndarray, "c"]:
        """Mean squared deviation from the mean, over all values (the population's, divided by their number)."""
        return self.squares / self.values

    @property
    def sparsity(self) -> Float[np.ndarray, "c"]:
        """Fraction of values that are exactly 0."""
        return self.zeros / self.values

    @property
    def dead(self) -> Bool[np.ndarray, "c"]:
        """Channels that had one and the same value everywhere: they tell nothing about any image looked at.

        After a ReLU these are above all the channels that were never above 0.
        """
        return self.least == self.greatest

    @property
    def never_positive(self) -> Bool[np.ndarray, "c"]:
        """Channels that were never above 0. Of a convolution: those that a ReLU after it would make dead."""
        return self.greatest <= 0


def map_statistics(channels: Float[Tensor, "c h w"]) -> ChannelStatistics:
    """One image's maps in numbers, in double precision."""
    flat = channels.detach().cpu().double().flatten(1).numpy()
    mean = flat.mean(axis=1)
    return ChannelStatistics(flat.shape[1], mean, ((flat - mean[:, None]) ** 2).sum(axis=1),
                             (flat == 0).sum(axis=1), flat.min(axis=1), flat.max(axis=1))


def channel_statistics(model: nn.Module, batches: Iterable[Float[Tensor, "_ c h w"]],
                       names: Iterable[str] | None = None) -> dict[str, ChannelStatistics]:
    """Each block's channels in numbers, over all images of all batches; one batch's maps are held at a time.

    `names` as in `capture`. Raises SettingsError for an unknown name, or if there is no image at all.
    """
    found: dict[str, ChannelStatistics] = {}
    with capture(model, names) as maps, torch.no_grad():
        for images in batches:
            model(images)
            for name, stack in maps.items():
                for one in map(map_statistics, stack):
                    found[name] = found[name] + one if name in found else one
    if not found:
        raise SettingsError("channel_statistics expected at least one batch with an image in it; got none.")
    return found
