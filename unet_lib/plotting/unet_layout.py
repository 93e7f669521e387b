"""Where the stages of a plan stand when the U is drawn: boxes, arrows and labels as plain numbers.

One layout for the figure, the widget and the animations. Each row of the U is one resolution. A box is as high
as the square root of its maps' height and as wide as the square root of its channels: true sizes would
differ a thousandfold, with square roots each halving is still seen. Units are those of a page `width` wide on
which letters are FONT high; x runs to the right and y down, from the top left corner.
"""

from collections.abc import Iterable, Iterator, Sequence
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
"""Of `picture_layout`: side of the first row's squares, of each next row's as a fraction of the last, and gaps."""


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
    A stem that halves the image stands below the input, and an output that enlarges above the last decoder.
    """
    plan = {stage.name: stage for stage in stages}
    across = across or WIDEST / sqrt(plan["bottleneck"].out_channels)
    down = down or TALLEST / sqrt(plan["output"].height)
    cells = _cells(plan)
    heights = {row: max(2, down * sqrt(plan[_sized(name)].height)) for name, (_, row) in cells.items()}
    widths = {name: _across(_drawn(plan, name), across) for name in cells}
    columns, tops = _columns(plan, cells, widths, skip), _tops([heights[row] for row in sorted(heights)])
    boxes: dict[str, Box] = {}
    for name, (column, row) in cells.items():
        left = columns[column] - widths[name] / 2
        if name.startswith("concat."):  # what was copied stands left of what was enlarged
            left = boxes[name.replace("concat", "up")].x - widths[name]
        kind = plan[name].kind if name in plan else "Image"
        boxes[name] = Box(name, kind, left, tops[row], widths[name], heights[row])
    width = max(WIDTH, max(box.x + box.width for box in boxes.values()) + MARGIN)
    bottom = max(box.y + box.height for box in boxes.values())
    return Layout(width, bottom + MARGIN / 2, tuple(boxes.values()), tuple(_arrows(boxes)), tuple(_labels(plan, boxes)))


def picture_layout(stages: Sequence[Stage]) -> Layout:
    """The U with a square for a picture in the place of each box, from the first stage to `decoder.1`.

    Squares tell nothing of channels and shrink less than resolutions do: the smallest maps are to be seen, too.
    Input and output are left to the caller, as are all labels; each square has PICTURE_ROW_GAP free above it.
    """
    plan = {stage.name: stage for stage in stages}
    sides = [LARGEST_PICTURE * SHRINK**row for row in range(_depth(plan) + 1)]
    boxes = {box.name: box for box in _squares(plan, sides)}
    last = boxes["bottleneck"]
    return Layout(boxes["decoder.1"].x + sides[0] + PICTURE_GAP, last.y + last.height + PICTURE_GAP / 2,
                  tuple(boxes.values()), tuple(_arrows(boxes)), ())


def _squares(plan: dict[str, Stage], sides: list[float]) -> Iterator[Box]:
    depth = len(sides) - 1
    tops = [PICTURE_ROW_GAP + sum(sides[:row]) + row * PICTURE_ROW_GAP for row in range(depth + 1)]

    def square(name: str, middle: float, row: int) -> Box:
        return Box(name, plan[name].kind, middle - sides[row] / 2, tops[row], sides[row], sides[row])

    x = PICTURE_GAP + sides[0] / 2
    if "stem" in plan:
        yield square("stem", x, 0)
        x += sides[0] + PICTURE_GAP
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


def _depth(names: Iterable[str]) -> int:
    return sum(name.startswith("encoder.") for name in names)


def _cells(plan: dict[str, Stage]) -> dict[str, tuple[int, int]]:
    """Column and row of each box. Where a stem halves the image, input and output have a row of their own."""
    depth, first = _depth(plan), int("stem" in plan)
    cells = {"input": (0, 0)} | ({"stem": (0, first)} if first else {})
    for k in range(1, depth + 1):
        cells |= {f"encoder.{k}": (k, first + k - 1), f"pool.{k}": (k, first + k)}
    cells["bottleneck"] = (depth + 1, first + depth)
    for k in range(depth, 0, -1):
        column, row = 2 * depth + 1 - k, first + k - 1  # the column of the decoder below, or of the bottleneck
        cells |= {f"up.{k}": (column, row), f"concat.{k}": (column, row), f"decoder.{k}": (column + 1, row)}
    return cells | {"output": (2 * depth + 2 - first, 0)}


def _drawn(plan: dict[str, Stage], name: str) -> int:
    """Channels that a box shows."""
    if name == "input":
        return next(iter(plan.values())).in_channels
    above = plan[name.replace("concat", "up")].out_channels if name.startswith("concat.") else 0
    return plan[name].out_channels - above


def _sized(name: str) -> str:
    """The stage that has the size of a box: the output has the image's."""
    return "output" if name == "input" else name


def _tops(heights: list[float]) -> list[float]:
    tops = [MARGIN]
    for height in heights:
        tops.append(tops[-1] + height + ROW_GAP)
    return tops


def _columns(plan: dict[str, Stage], cells: dict[str, tuple[int, int]], widths: dict[str, float],
             skip: float) -> list[float]:
    """The middles of the columns: input, encoders, bottleneck, decoders, output."""
    depth = _depth(plan)
    halves = [0.0] * (1 + max(column for column, _ in cells.values()))
    for name, (column, _) in cells.items():
        if not name.startswith("concat."):
            halves[column] = max(halves[column], widths[name] / 2)
    # Above the bottleneck stand the last upsampled maps, and left of them the copied ones.
    extra = max(0, widths[f"up.{depth}"] / 2 + widths[f"concat.{depth}"] - halves[depth + 1]) + skip
    label = _text_width(_size(plan["output"])) + 8
    room = WIDTH - label - 2 * MARGIN - extra - 2 * sum(halves)
    gap = min(MOST_GAP, max(LEAST_GAP, room / (len(halves) - 1)))
    spare = max(0, room - gap * (len(halves) - 1))
    middles, x = [], MARGIN + label + spare / 2
    for column, half in enumerate(halves):
        x += half + (extra if column == depth + 1 else 0)
        middles.append(x)
        x += half + gap
    return middles


def _arrows(boxes: dict[str, Box]) -> Iterator[Arrow]:
    """From the input, if it has a box, to the output, if it has one."""
    depth, first = _depth(boxes), "stem" if "stem" in boxes else "encoder.1"
    if "input" in boxes:
        yield _down(boxes["input"], boxes["stem"]) if first == "stem" else _right("conv", boxes["input"], boxes[first])
    if first == "stem":
        yield _right("conv", boxes["stem"], boxes["encoder.1"])
    for k in range(1, depth + 1):
        below = boxes["bottleneck" if k == depth else f"decoder.{k + 1}"]
        inner = boxes["bottleneck" if k == depth else f"encoder.{k + 1}"]
        encoder, pool, up = boxes[f"encoder.{k}"], boxes[f"pool.{k}"], boxes[f"up.{k}"]
        yield _down(encoder, pool)
        yield _right("conv", pool, inner)
        yield _up(below, up)
        yield _right("skip", encoder, boxes[f"concat.{k}"])
        yield _right("conv", up, boxes[f"decoder.{k}"])
    if "output" in boxes:
        last, output = boxes["decoder.1"], boxes["output"]
        yield _up(last, output) if first == "stem" else _right("conv", last, output)


def _down(a: Box, b: Box) -> Arrow:
    return Arrow("pool", (a.middle[0], a.y + a.height + 2), (a.middle[0], b.y - 2), b.name)


def _up(a: Box, b: Box) -> Arrow:
    return Arrow("up", (b.middle[0], a.y - 2), (b.middle[0], b.y + b.height + 2), b.name)


def _right(kind: Literal["conv", "skip"], a: Box, b: Box) -> Arrow:
    stage = b.name if kind == "skip" else ""
    return Arrow(kind, (a.x + a.width + 2, a.middle[1]), (b.x - 2, b.middle[1]), stage)


def _labels(plan: dict[str, Stage], boxes: dict[str, Box]) -> Iterator[Label]:
    above, side = 6, 6
    depth, stem = _depth(plan), "stem" in plan

    def channels(name: str, anchor: Literal["start", "middle", "end"] = "middle") -> Label:
        box = boxes[name]
        x = box.middle[0] + {"start": side, "middle": 0, "end": -side}[anchor]  # beside an arrow at the top
        return Label(str(_drawn(plan, name)), x, box.y - above, anchor, "channels", name if name in plan else "")

    def size(name: str) -> Label:
        box = boxes[name]
        return Label(_size(plan[_sized(name)]), box.x - 8, box.middle[1] + FONT / 3, "end", "size")

    def steps(upper: Box, up: Box) -> Iterator[Label]:
        """Beside the arrows down from one box and up to the other."""
        step = upper.y + upper.height + 19
        yield Label("÷2", upper.middle[0] + side, step, "start", "pool")
        yield Label("×2", up.middle[0] - side, step, "end", "up")

    yield channels("input")
    yield size("input")
    if stem:
        yield channels("stem", "end")
        yield size("stem")
        yield from steps(boxes["input"], boxes["output"])
    yield channels("bottleneck", "start")
    yield channels("output")
    for k in range(1, depth + 1):
        encoder, up, copy = boxes[f"encoder.{k}"], boxes[f"up.{k}"], boxes[f"concat.{k}"]
        yield channels(f"encoder.{k}")
        yield channels(f"pool.{k}", "end")
        yield size(f"pool.{k}")
        yield Label(f"{_drawn(plan, copy.name)}+{_drawn(plan, up.name)}", up.x, up.y - above, "middle", "channels",
                    copy.name)
        yield channels(f"decoder.{k}", "middle" if k == 1 and not stem else "start")
        yield from steps(encoder, up)
        if copy.x - encoder.x - encoder.width > 6 * FONT:
            yield Label("skip", (encoder.x + encoder.width + copy.x) / 2, up.middle[1] - 5, "middle", "skip")


def _across(channels: int, across: float) -> float:
    return max(2, across * sqrt(channels))


def _size(stage: Stage) -> str:
    return f"{stage.height}×{stage.width}"


def _text_width(text: str) -> float:
    return 0.63 * FONT * len(text)
