"""Where the stages of a plan stand when the U is drawn: boxes, arrows and labels as plain numbers.

One layout for the figure, the widget and the animations. Each row of the U is one resolution. A box is as high
as the square root of its maps' height and as wide as the square root of its channels: true sizes would
differ a thousandfold, with square roots each halving is still seen. Units are those of a page `width` wide on
which letters are FONT high; x runs to the right and y down, from the top left corner.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from unet_lib.models.architecture import Stage

FONT = 11.0
WIDTH = 720.0
ROW_GAP, LEAST_GAP, MOST_GAP, MARGIN = 44.0, 18.0, 62.0, 26.0
TALLEST, WIDEST = 112.0, 72.0
"""Height of the first row and width of the bottleneck, unless the caller sets the scale."""
LARGEST_PICTURE, SHRINK, PICTURE_GAP, PICTURE_ROW_GAP, SKIP = 100.0, 0.8, 18.0, 34.0, 36.0
"""Of `picture_layout`: side of the first row's squares, of each next row's as a share of the row before, and gaps."""


@dataclass(frozen=True, slots=True)
class Box:
    """The maps that a stage hands on. `concat.k` is the copied half only: `up.k` beside it is the other.

    The box named `input` (kind `Image`) is no stage.
    """

    name: str
    kind: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box's edge to another's; `stage` is the one whose work it shows, empty for convolutions."""

    kind: Literal["conv", "pool", "up", "skip"]
    start: tuple[float, float]
    end: tuple[float, float]
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A word or number; `y` is its baseline, `anchor` where `x` is in it.

    `stage` is whose number it is, empty for the rest; "64+64" stands over a `concat` and its `up`.
    """

    text: str
    x: float
    y: float
    anchor: Literal["start", "middle", "end"]
    role: Literal["channels", "size", "pool", "up", "skip"]
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole drawing."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    labels: tuple[Label, ...]


def layout(stages: Sequence[Stage], across: float | None = None, down: float | None = None,
           skip: float = 0.0) -> Layout:
    """Place every stage of a plan.

    `across` and `down` are units per square root of a channel and of a pixel. Left out, the bottleneck
    becomes WIDEST wide and the first row TALLEST high, whatever the plan; given, plans can be compared.
    `skip` is how much further apart encoder and decoder stand, so that something finds room on the shortest skip.
    """
    plan = {stage.name: stage for stage in stages}
    across = across or WIDEST / sqrt(plan["bottleneck"].out_channels)
    down = down or TALLEST / sqrt(stages[0].height)
    depth = sum(name.startswith("encoder.") for name in plan)
    tops = _tops([down * sqrt(stage.height) for stage in _rows(plan, depth)])
    columns = _columns(plan, depth, across, skip)
    boxes = {box.name: box for box in _boxes(plan, depth, columns, tops, across, down)}
    width = max(WIDTH, boxes["output"].x + boxes["output"].width + MARGIN)
    bottom = max(box.y + box.height for box in boxes.values())
    arrows = (_right("conv", boxes["input"], boxes["encoder.1"]), *_arrows(boxes, depth),
              _right("conv", boxes["decoder.1"], boxes["output"]))
    return Layout(width, bottom + MARGIN / 2, tuple(boxes.values()), arrows, tuple(_labels(plan, boxes, depth)))


def picture_layout(stages: Sequence[Stage]) -> Layout:
    """The U with a square for a picture in the place of each box, from `encoder.1` to `decoder.1`.

    Squares tell nothing of channels and shrink less than resolutions do: the smallest maps are to be seen, too.
    Input and output are left to the caller, as are all labels; each square has PICTURE_ROW_GAP free above it.
    """
    depth = sum(stage.name.startswith("encoder.") for stage in stages)
    sides = [LARGEST_PICTURE * SHRINK**row for row in range(depth + 1)]
    boxes = {box.name: box for box in _squares({stage.name: stage for stage in stages}, depth, sides)}
    last = boxes["bottleneck"]
    return Layout(boxes["decoder.1"].x + sides[0] + PICTURE_GAP, last.y + last.height + PICTURE_GAP / 2,
                  tuple(boxes.values()), tuple(_arrows(boxes, depth)), ())


def _squares(plan: dict[str, Stage], depth: int, sides: list[float]) -> Iterator[Box]:
    tops = [PICTURE_ROW_GAP + sum(sides[:row]) + row * PICTURE_ROW_GAP for row in range(depth + 1)]

    def square(name: str, middle: float, row: int) -> Box:
        return Box(name, plan[name].kind, middle - sides[row] / 2, tops[row], sides[row], sides[row])

    x = PICTURE_GAP + sides[0] / 2
    for k in range(1, depth + 1):
        yield square(f"encoder.{k}", x, k - 1)
        yield square(f"pool.{k}", x, k)
        if k < depth:
            x += sides[k] + PICTURE_GAP
    x += sides[depth - 1] / 2 + SKIP + 1.5 * sides[depth - 1]  # of the last upsampling, right of what was copied
    yield square("bottleneck", x, depth)
    for k in range(depth, 0, -1):
        yield square(f"up.{k}", x, k - 1)
        yield square(f"concat.{k}", x - sides[k - 1], k - 1)
        x += sides[k - 1] + PICTURE_GAP
        yield square(f"decoder.{k}", x, k - 1)


def _rows(plan: dict[str, Stage], depth: int) -> list[Stage]:
    return [plan[f"encoder.{level}"] for level in range(1, depth + 1)] + [plan["bottleneck"]]


def _tops(heights: list[float]) -> list[float]:
    tops = [MARGIN]
    for height in heights:
        tops.append(tops[-1] + max(height, 2) + ROW_GAP)
    return tops


def _columns(plan: dict[str, Stage], depth: int, across: float, skip: float) -> list[float]:
    """The middles of the columns: input, encoders, bottleneck, decoders, output."""
    levels = range(1, depth + 1)
    names = [f"encoder.{k}" for k in levels] + ["bottleneck"] + [f"decoder.{k}" for k in reversed(levels)] + ["output"]
    halves = [_across(plan["encoder.1"].in_channels, across) / 2]
    halves += [_across(plan[name].out_channels, across) / 2 for name in names]
    # Above the bottleneck stand the last upsampled maps, and left of them the copied ones.
    extra = max(0, 1.5 * _across(plan[f"up.{depth}"].out_channels, across) - halves[depth + 1]) + skip
    label = _text_width(_size(plan["encoder.1"])) + 8
    room = WIDTH - label - 2 * MARGIN - extra - 2 * sum(halves)
    gap = min(MOST_GAP, max(LEAST_GAP, room / (len(halves) - 1)))
    spare = max(0, room - gap * (len(halves) - 1))
    middles, x = [], MARGIN + label + spare / 2
    for place, half in enumerate(halves):
        x += half + (extra if place == depth + 1 else 0)
        middles.append(x)
        x += half + gap
    return middles


def _boxes(plan: dict[str, Stage], depth: int, columns: list[float], tops: list[float], across: float,
           down: float) -> Iterator[Box]:
    def box(name: str, kind: str, channels: int, column: int, row: int, left: float = 0) -> Box:
        width, height = _across(channels, across), max(2, down * sqrt(resolution[row]))
        return Box(name, kind, columns[column] - width * (0.5 + left), tops[row], width, height)

    def of(name: str, column: int, row: int) -> Box:
        return box(name, plan[name].kind, plan[name].out_channels, column, row)

    resolution = [stage.height for stage in _rows(plan, depth)]
    yield box("input", "Image", plan["encoder.1"].in_channels, 0, 0)
    for k in range(1, depth + 1):
        yield of(f"encoder.{k}", k, k - 1)
        yield of(f"pool.{k}", k, k)
    yield of("bottleneck", depth + 1, depth)
    for k in range(depth, 0, -1):
        column = 2 * depth + 1 - k  # of the decoder below, or the bottleneck
        copied = plan[f"concat.{k}"].out_channels - plan[f"up.{k}"].out_channels
        yield of(f"up.{k}", column, k - 1)
        yield box(f"concat.{k}", "Concat", copied, column, k - 1, left=1)
        yield of(f"decoder.{k}", column + 1, k - 1)
    yield of("output", 2 * depth + 2, 0)


def _arrows(boxes: dict[str, Box], depth: int) -> Iterator[Arrow]:
    """All but those from the input and to the output."""
    for k in range(1, depth + 1):
        below = "bottleneck" if k == depth else f"decoder.{k + 1}"
        inner = "bottleneck" if k == depth else f"encoder.{k + 1}"
        encoder, pool, up = boxes[f"encoder.{k}"], boxes[f"pool.{k}"], boxes[f"up.{k}"]
        x = encoder.middle[0]
        yield Arrow("pool", (x, encoder.y + encoder.height + 2), (x, pool.y - 2), pool.name)
        yield _right("conv", pool, boxes[inner])
        x = up.middle[0]
        yield Arrow("up", (x, boxes[below].y - 2), (x, up.y + up.height + 2), up.name)
        yield _right("skip", encoder, boxes[f"concat.{k}"])
        yield _right("conv", up, boxes[f"decoder.{k}"])


def _right(kind: Literal["conv", "skip"], a: Box, b: Box) -> Arrow:
    stage = b.name if kind == "skip" else ""
    return Arrow(kind, (a.x + a.width + 2, a.middle[1]), (b.x - 2, b.middle[1]), stage)


def _labels(plan: dict[str, Stage], boxes: dict[str, Box], depth: int) -> Iterator[Label]:
    above, side = 6, 6

    def channels(name: str, place: Literal["start", "middle", "end"] = "middle") -> Label:
        box = boxes[name]
        x = box.middle[0] + {"start": side, "middle": 0, "end": -side}[place]  # beside an arrow at the top
        text = plan[name].out_channels if name in plan else plan["encoder.1"].in_channels
        return Label(str(text), x, box.y - above, place, "channels", name if name in plan else "")

    def size(name: str, of: str) -> Label:
        box = boxes[name]
        return Label(_size(plan[of]), box.x - 8, box.middle[1] + FONT / 3, "end", "size")

    yield channels("input")
    yield size("input", "encoder.1")
    yield channels("bottleneck", "start")
    yield channels("output")
    for k in range(1, depth + 1):
        encoder, up, copy = boxes[f"encoder.{k}"], boxes[f"up.{k}"], boxes[f"concat.{k}"]
        step = encoder.y + encoder.height + 19
        ours = plan[f"up.{k}"].out_channels
        yield channels(f"encoder.{k}")
        yield channels(f"pool.{k}", "end")
        yield size(f"pool.{k}", f"pool.{k}")
        yield Label(f"{plan[f'concat.{k}'].out_channels - ours}+{ours}", up.x, up.y - above, "middle", "channels",
                    f"concat.{k}")
        yield channels(f"decoder.{k}", "middle" if k == 1 else "start")
        yield Label("÷2", encoder.middle[0] + side, step, "start", "pool")
        yield Label("×2", up.middle[0] - side, step, "end", "up")
        if copy.x - encoder.x - encoder.width > 6 * FONT:
            yield Label("skip", (encoder.x + encoder.width + copy.x) / 2, up.middle[1] - 5, "middle", "skip")


def _across(channels: int, across: float) -> float:
    return max(2, across * sqrt(channels))


def _size(stage: Stage) -> str:
    return f"{stage.height}×{stage.width}"


def _text_width(text: str) -> float:
    return 0.63 * FONT * len(text)
