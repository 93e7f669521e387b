"""Where the U's stages stand: nothing overlaps, nothing leaves the page, sizes are true to the scale."""

from itertools import combinations
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_lib.models.architecture import plan
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.plotting.unet_layout import FONT, TALLEST, WIDEST, layout, picture_layout

SETTINGS = st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 4, 8, 16, 32, 64]), st.integers(1, 5))
FACTORS = st.tuples(st.integers(1, 16), st.integers(1, 16))
SCALES = st.sampled_from([(None, None), (1.6, 5.6)])


def make(chosen, factors):
    return plan(*chosen, size=tuple(factor * 2**chosen[2] for factor in factors))


def edges(label):
    """A label's left, top, right and bottom, with letters as wide as DejaVu's widest digits."""
    width = 0.64 * FONT * len(label.text)
    left = label.x - {"start": 0, "middle": 0.5, "end": 1}[label.anchor] * width
    return left, label.y - 0.75 * FONT, left + width, label.y + 0.2 * FONT


def sides(box):
    return box.x, box.y, box.x + box.width, box.y + box.height


def overlap(a, b, spare=0.01):
    return a[0] < b[2] - spare and b[0] < a[2] - spare and a[1] < b[3] - spare and b[1] < a[3] - spare


@settings(max_examples=60, deadline=None)
@given(chosen=SETTINGS, factors=FACTORS, scale=SCALES)
def test_nothing_overlaps_or_leaves_the_page(chosen, factors, scale):
    stages = make(chosen, factors)
    place = layout(stages, *scale)
    areas = [sides(box) for box in place.boxes] + [edges(label) for label in place.labels]
    for one, other in combinations(areas, 2):
        assert not overlap(one, other), (one, other)
    for left, top, right, bottom in areas:
        assert left >= 0 and top >= 0 and right <= place.width and bottom <= place.height


@pytest.mark.parametrize("size", [32, 256, (64, 512)])
@pytest.mark.parametrize("settings", [{}, {"across": 1.6, "down": 5.6}, {"skip": 44}])
def test_a_network_with_a_stem_finds_room_too(size, settings):
    stages = EfficientNetUNetConfig().plan(size)
    place = layout(stages, **settings)
    boxes = {box.name: box for box in place.boxes}
    areas = [sides(box) for box in place.boxes] + [edges(label) for label in place.labels]
    for one, other in combinations(areas, 2):
        assert not overlap(one, other), (one, other)
    for left, top, right, bottom in areas:
        assert left >= 0 and top >= 0 and right <= place.width and bottom <= place.height
    assert boxes["input"].y == boxes["output"].y < boxes["stem"].y == boxes["encoder.1"].y == boxes["decoder.1"].y
    down, up = (next(arrow for arrow in place.arrows if arrow.stage == name) for name in ("stem", "output"))
    assert (down.kind, up.kind) == ("pool", "up") and down.start[1] < down.end[1] and up.start[1] > up.end[1]
    for name, beside in (("stem", "input"), ("output", "decoder.1")):
        assert boxes[name].middle[0] == pytest.approx(boxes[beside].middle[0])
    check_numbers(stages, place)


@settings(max_examples=30, deadline=None)
@given(chosen=SETTINGS, factors=FACTORS)
def test_every_stage_is_drawn_once_with_its_own_numbers(chosen, factors):
    stages = make(chosen, factors)
    check_numbers(stages, layout(stages))


def check_numbers(stages, place):
    assert sorted(box.name for box in place.boxes) == sorted(["input", *(stage.name for stage in stages)])
    said = {label.stage: label.text for label in place.labels if label.stage}
    for stage in stages:
        if stage.kind == "Concat":
            copied, upsampled = map(int, said[stage.name].split("+"))
            assert upsampled == next(s.out_channels for s in stages if s.name == stage.name.replace("concat", "up"))
            assert copied + upsampled == stage.out_channels
        elif not stage.name.startswith("up."):  # its number stands over the concatenation
            assert said[stage.name] == str(stage.out_channels)
    rows = {f"{stage.height}×{stage.width}" for stage in stages}
    assert {label.text for label in place.labels if label.role == "size"} == rows


@settings(max_examples=30, deadline=None)
@given(chosen=SETTINGS, factors=FACTORS)
def test_sizes_are_square_roots(chosen, factors):
    stages = make(chosen, factors)
    boxes = {box.name: box for box in layout(stages).boxes}
    for stage in stages:
        box = boxes[stage.name]
        drawn = stage.out_channels / 2 if stage.kind == "Concat" else stage.out_channels
        assert box.width == pytest.approx(max(2, WIDEST * sqrt(drawn / max(s.out_channels for s in stages
                                                                           if s.kind == "DoubleConv"))))
        assert box.height == pytest.approx(max(2, TALLEST * sqrt(stage.height / stages[0].height)))


def test_with_a_scale_twice_the_image_is_higher_and_twice_the_base_wider():
    small, large = (layout(plan(3, base, 2, size), across=1.5, down=5) for base, size in ((16, 64), (64, 256)))
    for one, other in zip(small.boxes[1:-1], large.boxes[1:-1], strict=True):
        assert (other.width, other.height) == pytest.approx((2 * one.width, 2 * one.height))


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_arrows_join_their_boxes(depth):
    place = layout(plan(3, 16, depth, 256))
    boxes = {box.name: box for box in place.boxes}
    assert len([arrow for arrow in place.arrows if arrow.kind == "conv"]) == 2 * depth + 2
    for k in range(1, depth + 1):
        pool, up, skip = (next(a for a in place.arrows if a.stage == f"{part}.{k}")
                          for part in ("pool", "up", "concat"))
        assert pool.start[0] == pool.end[0] == boxes[f"encoder.{k}"].middle[0] == boxes[f"pool.{k}"].middle[0]
        assert pool.start[1] < pool.end[1] and up.start[1] > up.end[1]
        assert skip.start[1] == skip.end[1] == boxes[f"encoder.{k}"].middle[1]
        assert boxes[f"concat.{k}"].x + boxes[f"concat.{k}"].width == pytest.approx(boxes[f"up.{k}"].x)
    for arrow in place.arrows:
        assert arrow.kind in ("pool", "up") or arrow.start[0] + 8 < arrow.end[0], "too short to see"


@pytest.mark.parametrize("depth", [1, 4])
def test_room_on_every_skip(depth):
    def skips(skip: float) -> list[float]:
        place = layout(plan(3, 8, depth, 128), across=3, down=6, skip=skip)
        for one, other in combinations(place.boxes, 2):
            assert not overlap(sides(one), sides(other)), (one.name, other.name)
        return [arrow.end[0] - arrow.start[0] for arrow in place.arrows if arrow.kind == "skip"]

    assert min(skips(80)) >= 80 > min(skips(0))


@pytest.mark.parametrize("depth", [1, 2, 4, 5])
def test_pictures_are_squares_that_keep_clear_of_each_other(depth):
    check_pictures(plan(3, 8, depth, 128), depth)


def test_the_picture_of_a_stem_comes_first():
    stages = EfficientNetUNetConfig().plan(256)
    check_pictures(stages, 4)
    stem, first = picture_layout(stages).boxes[:2]
    assert (stem.name, first.name) == ("stem", "encoder.1") and stem.y == first.y and stem.x < first.x


def check_pictures(stages, depth):
    place = picture_layout(stages)
    boxes = {box.name: box for box in place.boxes}
    assert sorted(boxes) == sorted(stage.name for stage in stages if stage.name != "output")
    for one, other in combinations(place.boxes, 2):
        assert not overlap(sides(one), sides(other)), (one.name, other.name)
    for stage in stages[:-1]:
        box = boxes[stage.name]
        assert box.width == box.height == boxes[next(s.name for s in stages if s.height == stage.height)].width
        assert box.x >= 0 and box.y >= 0 and box.x + box.width <= place.width and box.y + box.height <= place.height
    for a in place.arrows:
        assert abs(a.end[0] - a.start[0]) + abs(a.end[1] - a.start[1]) >= 8, "too short to see"
        assert a.kind == "up" or (a.start[0] <= a.end[0] and a.start[1] <= a.end[1])
    assert sorted(a.stage for a in place.arrows if a.stage) == sorted(
        f"{part}.{k}" for part in ("pool", "up", "concat") for k in range(1, depth + 1))


def test_the_squares_of_one_level_share_a_row():
    place = picture_layout(plan(3, 8, 3, 64))
    tops = {box.name: box.y for box in place.boxes}
    for names in (("encoder.1", "concat.1", "up.1", "decoder.1"), ("pool.1", "encoder.2", "decoder.2", "up.2")):
        assert len({tops[name] for name in names}) == 1
    assert tops["pool.1"] > tops["encoder.1"] and tops["bottleneck"] == tops["pool.3"] > tops["encoder.3"]
