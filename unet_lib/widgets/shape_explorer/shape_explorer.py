"""The shape explorer of lesson 03: turn the U-Net's few settings, and see every size, count and cost follow.

All numbers come from `architecture.plan` and all positions from `unet_layout.layout`; the browser only draws them. A
saved notebook keeps the last plan, and says so when a slider moves and no Python answers.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import torch
import traitlets
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from unet_lib.core.errors import SettingsError
from unet_lib.inspection.activations import capture
from unet_lib.models import blocks
from unet_lib.models.architecture import Stage, UNetConfig, plan
from unet_lib.models.registry import Network
from unet_lib.models.unet import UNet, forward_pass
from unet_lib.plotting.unet_diagram import draw_unet
from unet_lib.plotting.unet_layout import layout
from unet_lib.widgets.shape_explorer.shape_words import (
    DEEPEST,
    LARGEST,
    SMALLEST,
    cards,
    fitting,
    misfit,
    panel,
    problem,
    sentence,
    why_no_map,
)
from unet_lib.widgets.shared.base import GlassBoxWidget, png_bytes, script, stylesheet

BASES = (4, 8, 16, 32, 64)
ACROSS, DOWN = 1.6, 5.6
"""Units per square root of a channel and of a pixel: the same for all plans, so that the U grows and shrinks."""
SETTINGS = ("depth", "base", "size", "in_channels", "batch_norm", "batch")


class ShapeExplorer(GlassBoxWidget):
    """Choose depth, width and input of a U-Net; see what it costs, stage by stage.

        explorer = ShapeExplorer(depth=4, base=32, size=256)
        explorer.stage = "bottleneck"
        explorer.plan                   # the same stages as plain data: architecture.plan(...)

    With `network` and `image` (float32, channels × height × width, as the network takes it) the panel of a
    stage also shows one of its real feature maps, whenever the settings are that network's own. Sizes that
    cannot be halved `depth` times are explained; the last plan that fits stays in `plan` and on show.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    depth = traitlets.Int(4, min=1, max=DEEPEST, help="how many poolings").tag(sync=True)
    base = traitlets.Enum(BASES, 64, help="channels of the first stage").tag(sync=True)
    size = traitlets.Int(256, min=SMALLEST, max=LARGEST, help="side of the input in pixels").tag(sync=True)
    in_channels = traitlets.Int(3, min=1, max=4, help="channels of the input").tag(sync=True)
    batch_norm = traitlets.Bool(True, help="batch norm after each 3×3 convolution").tag(sync=True)
    batch = traitlets.Int(1, min=1, max=32, help="images at a time").tag(sync=True)
    stage = traitlets.Unicode("encoder.1", help="the stage whose panel is open").tag(sync=True)

    ranges = traitlets.Dict({"bases": BASES, "deepest": DEEPEST, "smallest": SMALLEST,
                             "largest": LARGEST}).tag(sync=True)
    code: traitlets.Dict = traitlets.Dict(help="the source of each part of the network").tag(sync=True)
    answer: traitlets.Dict = traitlets.Dict(help="the plan on show: see `explain`").tag(sync=True)
    feature: traitlets.Dict = traitlets.Dict(help="the feature map on show, or why there is none").tag(sync=True)
    feature_png = traitlets.Bytes(help="the feature map's picture").tag(sync=True)

    def __init__(self, network: Network | None = None, image: Float[Tensor, "c h w"] | None = None, **traits: Any):
        self._network, self._side, self._maps = None, 0, {}
        if network is not None:
            if not isinstance(network, UNet):
                raise SettingsError(f"ShapeExplorer turns the settings of a UNet; got {type(network).__name__}. Draw "
                                    f"its stages with draw_unet(network.plan(size)).")
            if image is None or image.shape[-1] != image.shape[-2]:
                raise SettingsError("ShapeExplorer(network=…) also needs a square image for the network to look at: "
                                    "image=a float tensor of channels × height × width.")
            self._network, self._maps, self._side = network, feature_maps(network, image), image.shape[-1]
            traits = self._networks_settings() | traits
        super().__init__(code=source_of_parts(), **traits)
        self._update()
        self.observe(self._update, SETTINGS)
        self.observe(self._show_feature, "stage")

    @property
    def settings(self) -> dict[str, Any]:
        """What the sliders say now."""
        return {name: getattr(self, name) for name in SETTINGS}

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The stages on show."""
        return _plan(self.answer["shown"])

    def describe(self) -> str:
        """The network on show and its costs, in one sentence."""
        return f"Shape explorer: {self.answer['text']}"

    def picture(self) -> Image.Image:
        """The U on show."""
        buffer = BytesIO()
        draw_unet(self.plan, width=8).savefig(buffer, format="png")
        return Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)

    def _update(self, _: object = None) -> None:
        with self.hold_sync():  # one message, so that no view draws a plan beside another one's feature map
            shown = self.settings if not misfit(self.settings) else self.answer.get("shown")
            self.answer = explain(self.settings, shown or fitting(self.settings))
            if self.stage not in {stage.name for stage in self.plan}:
                self.stage = "bottleneck"
            self._show_feature()

    def _show_feature(self, _: object = None) -> None:
        with self.hold_sync():
            differing = {name: value for name, value in self._networks_settings().items()
                         if self.answer["shown"][name] != value}
            found = self._maps.get(self.stage) if not differing else None
            self.feature = ({"stage": self.stage, "text": found.text} if found else
                            {"stage": "", **why_no_map(self._network is not None, differing)})
            self.feature_png = found.png() if found else b""

    def _networks_settings(self) -> dict[str, Any]:
        if self._network is None:
            return {}
        config = self._network.config
        return {name: getattr(config, name) for name in ("depth", "base", "in_channels", "batch_norm")} | {
            "size": self._side}


@dataclass(frozen=True)
class FeatureMap:
    """One channel of what a stage hands on, in eval mode."""

    channel: int
    channels: int
    values: Float[np.ndarray, "h w"]

    @property
    def text(self) -> str:
        """Which map it is, and what its darkest and brightest pixels stand for."""
        low, high = float(self.values.min()), float(self.values.max())
        return (f"channel {self.channel} of 0 to {self.channels - 1}, the one that varies most; "
                f"dark is {low:.2f}, bright {high:.2f}")

    def png(self) -> bytes:
        """The map from its lowest (dark blue) to its highest value (yellow), one pixel a value."""
        low, high = self.values.min(), self.values.max()
        level = np.rint((self.values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
        picture = Image.fromarray(level, "L")
        picture.putpalette(matplotlib.colormaps["viridis"](np.arange(256), bytes=True)[:, :3].tobytes())
        return png_bytes(picture)


def feature_maps(network: UNet, image: Float[Tensor, "c h w"]) -> dict[str, FeatureMap]:
    """Of each stage the output channel with the largest standard deviation, for this image."""
    with capture(network) as found, torch.no_grad():
        network(image[None].to(next(network.parameters()).device))
    liveliest = {}
    for name, output in found.items():
        maps = output[0].float().cpu().numpy()
        channel = int(maps.std(axis=(1, 2)).argmax())
        liveliest[name] = FeatureMap(channel, len(maps), maps[channel].copy())
    return liveliest


def explain(settings: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What the browser needs: the settings asked for, what is wrong with them, and all about the plan `shown`.

    `shown` are the same settings, or others that fit. Lengths are in `unet_layout`'s units.
    """
    stages = _plan(shown)
    place = layout(stages, ACROSS, DOWN)
    return {"asked": dict(settings), "shown": dict(shown), "text": sentence(stages, shown),
            "problem": problem(settings) if misfit(settings) else {}, "totals": cards(stages, shown["batch"]),
            "panels": [panel(stage, shown["batch"], shown["batch_norm"]) for stage in stages],
            "drawing": {name: [_rounded(part) for part in getattr(place, name)]
                        for name in ("boxes", "arrows", "labels")} | {"width": place.width, "height": place.height}}


def source_of_parts() -> dict[str, str]:
    """For each part of the network (`encoder`, `pool`, …) its lines in `unet_lib.models`, as they stand there."""
    source = inspect.getsource(UNet) + "\n\n" + inspect.getsource(forward_pass)
    methods = {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    network = plan(depth=1, size=2)
    return {stage.name.partition(".")[0]: _source_of_part(stage, source, methods) for stage in network}


def _source_of_part(stage: Stage, source: str, methods: Mapping[str, ast.FunctionDef]) -> str:
    """Where UNet makes the part, where it calls it, and the class of ours that it is made of."""
    part = stage.name.partition(".")[0]
    texts = []
    for method in ("__init__", "forward_pass"):
        lines = [ast.get_source_segment(source, node, padded=True) or "" for node in ast.walk(methods[method])
                 if isinstance(node, ast.Assign | ast.Return | ast.Expr) and _mentions(node, part)]
        owner = "UNet." if method == "__init__" else ""
        texts.append(f"# {owner}{method}\n" + "".join(textwrap.dedent(line) + "\n" for line in lines))
    block = getattr(blocks, stage.kind, None)
    if isinstance(block, type) and issubclass(block, nn.Module):
        texts.append(inspect.getsource(block))
    return "\n".join(texts)


def _mentions(node: ast.AST, part: str) -> bool:
    """Is `self.<part>` or `network.<part>` used in it? A loop over `self.up`'s levels is no use of it."""
    return any(isinstance(inner, ast.Attribute) and inner.attr == part for inner in ast.walk(node))


def _rounded(part: Any) -> dict[str, Any]:
    """A box, arrow or label as plain data; a tenth of a unit is finer than a screen shows."""
    def short(value: Any) -> Any:
        if isinstance(value, tuple):
            return [short(inner) for inner in value]
        return round(value, 1) if isinstance(value, float) else value
    return {name: short(value) for name, value in asdict(part).items()}


def _plan(settings: Mapping[str, Any]) -> tuple[Stage, ...]:
    config = UNetConfig(settings["in_channels"], 1, settings["base"], settings["depth"], settings["batch_norm"])
    return config.plan(settings["size"])
