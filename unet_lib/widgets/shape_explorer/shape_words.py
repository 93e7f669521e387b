"""What the shape explorer says: a plan's numbers as words, formulas and fixes. Plain data in, plain data out."""

from collections.abc import Mapping
from typing import Any

from unet_lib.models.architecture import Stage, totals

DEEPEST, SMALLEST, LARGEST = 5, 32, 512
"""The most poolings, and the smallest and largest side of an image, that the explorer offers."""
KINDS = {"DoubleConv": "double convolution", "MaxPool2d": "max pooling", "Up": "transposed convolution",
         "Concat": "concatenation", "Conv2d": "1×1 convolution"}


def why_no_map(given: bool, differing: Mapping[str, Any]) -> dict[str, Any]:
    """Why no feature map can be shown, and the settings that would bring it back."""
    if not given:
        return {"text": "No network was given: ShapeExplorer(network=…, image=…) shows a real feature map here."}
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in differing.items())
    return {"text": f"The feature maps are of the network that was given, with {words}.", "set": dict(differing)}


def misfit(settings: Mapping[str, Any]) -> bool:
    """Can the size not be halved `depth` times?"""
    return settings["size"] % 2 ** settings["depth"] != 0


def fitting(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings with the next size up that can be halved."""
    multiple = 2 ** settings["depth"]
    return {**settings, "size": -(-settings["size"] // multiple) * multiple}


def sentence(stages: tuple[Stage, ...], settings: Mapping[str, Any]) -> str:
    """The network in one sentence."""
    whole = totals(stages)
    norm = "with batch norm" if settings["batch_norm"] else "without batch norm"
    first = stages[0]
    return (f"U-Net of depth {settings['depth']}, base {settings['base']}, {norm}, for {first.in_channels} × "
            f"{first.height} × {first.width} numbers an image: {whole.parameters:,} parameters, "
            f"{large(whole.multiply_adds)} multiply-adds an image")


def problem(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Why the size does not fit: the rule, the halvings up to the first half pixel, and settings that fit."""
    size, depth = settings["size"], settings["depth"]
    multiple = 2**depth
    sides: list[float] = [size]
    while sides[-1] == int(sides[-1]):
        sides.append(sides[-1] / 2)
    sizes = sorted({size // multiple * multiple, -(-size // multiple) * multiple})
    fixes = [{"label": f"size {side}", "set": {"size": side}} for side in sizes if SMALLEST <= side <= LARGEST]
    fits = [d for d in range(1, depth) if size % 2**d == 0]
    if fits:
        fixes.append({"label": f"depth {fits[-1]}", "set": {"depth": fits[-1]}})
    times = f"{depth} pooling{'s halve' if depth > 1 else ' halves'} the image's side"
    return {"text": f"{size}×{size} does not fit: {times}, so it must be divisible by {multiple}.",
            "chain": [f"{side:g}" for side in sides], "fixes": fixes}


def cards(stages: tuple[Stage, ...], batch: int) -> list[list[str]]:
    """The totals as label, number in short, and what exactly it is."""
    whole = totals(stages, batch)
    images = "1 image" if batch == 1 else f"{batch} images"
    return [["parameters", large(whole.parameters), f"{whole.parameters:,}, or {memory(4 * whole.parameters)}"],
            ["multiply-adds", large(whole.multiply_adds), "an image, forward"],
            ["stage outputs", memory(whole.output_bytes), f"{images}, all together"],
            ["kept", memory(whole.kept_bytes), f"{images}, for the backward pass"],
            ["receptive field", f"{whole.receptive_field} × {whole.receptive_field}",
             "pixels behind each output"]]


def panel(stage: Stage, batch: int, batch_norm: bool) -> dict[str, Any]:
    """A stage in words and formulas: rows of label, expression and value, the numbers put in."""
    parameters, products, kept = formulas(stage, batch, batch_norm)
    o, h, w = stage.shape
    return {"name": stage.name, "kind": KINDS[stage.kind], "part": stage.name.partition(".")[0],
            "build": build_line(stage, batch_norm),
            "aria": f"{stage.name}, {KINDS[stage.kind]}, {o} channel{'s' if o > 1 else ''} of {h} by {w}, "
                    f"{stage.parameters:,} parameters",
            "rows": [["shape", f"{incoming(stage)} → {o} × {h} × {w}", ""],
                     ["parameters", parameters, f"{stage.parameters:,}"],
                     ["multiply-adds", products, f"{stage.multiply_adds:,}"],
                     ["output, bytes", f"{batch}·{o}·{h}·{w}·4", memory(stage.output_bytes(batch))],
                     ["kept, bytes", kept, memory(stage.kept_bytes(batch))],
                     ["receptive field", "", f"{stage.receptive_field} × {stage.receptive_field} pixels"]]}


def formulas(stage: Stage, batch: int, batch_norm: bool) -> tuple[str, str, str]:
    """Parameters, multiply-adds of one image and bytes kept for backward, as sums with the numbers put in."""
    i, o, area = stage.in_channels, stage.out_channels, f"{stage.height}·{stage.width}"
    if stage.kind == "DoubleConv":
        weights = f"9·{i}·{o} + 9·{o}·{o}"
        kept = f"{batch}·({i} + {4 if batch_norm else 2}·{o})·{area}·4" + (f" + 4·{o}·4" if batch_norm else "")
        return f"{weights} + {4 if batch_norm else 2}·{o}", f"({weights})·{area}", kept
    if stage.kind == "MaxPool2d":
        return "", "", f"{batch}·{o}·{area}·8"
    if stage.kind == "Up":
        return f"4·{i}·{o} + {o}", f"{i}·{o}·{area}", ""
    if stage.kind == "Conv2d":
        return f"{i}·{o} + {o}", f"{i}·{o}·{area}", ""
    return "", "", ""


def incoming(stage: Stage) -> str:
    """The shape of what the stage takes in: channels × height × width."""
    i, o, h, w = stage.in_channels, stage.out_channels, stage.height, stage.width
    if stage.kind == "MaxPool2d":
        h, w = 2 * h, 2 * w
    if stage.kind == "Up":
        h, w = h // 2, w // 2
    return f"({o - i} + {i}) × {h} × {w}" if stage.kind == "Concat" else f"{i} × {h} × {w}"


def build_line(stage: Stage, batch_norm: bool) -> str:
    """The Python that makes this very block."""
    i, o = stage.in_channels, stage.out_channels
    return {"DoubleConv": f"DoubleConv({i}, {o}, batch_norm={batch_norm})", "MaxPool2d": "nn.MaxPool2d(2)",
            "Up": f"Up({i}, {o})", "Concat": "Concat()", "Conv2d": f"nn.Conv2d({i}, {o}, kernel_size=1)"}[stage.kind]


def large(number: int) -> str:
    """A count, in three figures from a million on: 30,541, 31.0 million, 48.2 billion."""
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{_three(number / size)} {word}"
    return f"{number:,}"


def memory(number: int) -> str:
    """Bytes in three figures; 1 MB is a million of them."""
    for size, word in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= size:
            return f"{_three(number / size)} {word}"
    return f"{number} bytes"


def _three(number: float) -> str:
    return f"{number:.2f}" if number < 9.995 else f"{number:.1f}" if number < 99.95 else f"{number:.0f}"
