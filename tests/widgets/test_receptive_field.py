"""The receptive field: our formula against the gradient of a torch stack, which knows it another way."""

import base64
import io
import zlib

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

from unet_lib.core.errors import ShapeError
from unet_lib.models.architecture import plan
from unet_lib.models.receptive_field import LayerGeometry
from unet_lib.widgets.receptive_field import ReceptiveFieldExplorer
from unet_lib.widgets.receptive_field.receptive_field import (
    KINDS,
    MOST_LAYERS,
    PRESETS,
    SQUARE,
    field_square,
    known_layers,
    receptive_fields,
)

SLICE = np.random.default_rng(1).integers(0, 256, (64, 96), np.uint8)
C3, C5, WIDE, STRIDE, POOL = KINDS
STACKS = [[C3], [C5], [WIDE], [STRIDE], [POOL], [C3, C3, POOL], [POOL, C3, C3], [C3, STRIDE, WIDE, C3],
          [POOL, POOL, C5], [STRIDE, POOL, WIDE, STRIDE], PRESETS["U-Net encoder, depth 3"]]


def torch_stack(names):
    """Convolutions with weights of 1, and averages for the maxima, so that no gradient is 0 by chance."""
    modules = []
    for name in names:
        kernel, stride, dilation, padding, _ = KINDS[name]
        if "pool" in name:
            modules.append(nn.AvgPool2d(kernel, stride))
        else:
            conv = nn.Conv2d(1, 1, kernel, stride, padding, dilation, bias=False)
            nn.init.ones_(conv.weight)
            modules.append(conv)
    return nn.Sequential(*modules).double()


def seen_by(names, place, side):
    """Rows and columns of the input, first and last, that change the output at `place`."""
    x = torch.zeros(1, 1, side, side, dtype=torch.double, requires_grad=True)
    torch_stack(names)(x)[0, 0, place[0], place[1]].backward()
    rows, columns = np.nonzero(x.grad[0, 0].numpy())
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
def test_the_square_is_where_the_gradient_is(names):
    side = 256
    jump, field = receptive_fields(names)[-1]
    for pixel in ((131, 120), (128, 143)):
        top, left, size = field_square(names, pixel)
        found = seen_by(names, (pixel[0] // jump, pixel[1] // jump), side)
        assert size == field
        assert found == (top, top + field - 1, left, left + field - 1)


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
def test_the_next_value_looks_one_jump_further(names):
    jump, _ = receptive_fields(names)[-1]
    here, there = (seen_by(names, (128 // jump, 128 // jump + i), 256) for i in (0, 1))
    assert there[2] - here[2] == jump


def test_by_hand():
    assert receptive_fields([]) == []
    assert receptive_fields([C3, C3]) == [(1, 3), (1, 5)]
    assert receptive_fields([C3, POOL, C3]) == [(1, 3), (2, 4), (2, 8)]
    assert receptive_fields([LayerGeometry(7, stride=2), LayerGeometry(3, dilation=3)]) == [(2, 7), (2, 19)]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_encoder_presets_reach_as_far_as_the_networks_plan(depth):
    stages = {stage.name: stage for stage in plan(depth=depth, size=256)}
    jump, field = receptive_fields(PRESETS[f"U-Net encoder, depth {depth}"])[-1]
    assert field == stages["bottleneck"].receptive_field
    assert jump == 256 // stages["bottleneck"].height


def test_layers_by_name_or_preset():
    explorer = ReceptiveFieldExplorer(SLICE, ["3x3 conv", "2x2 max pool", "3x3 conv, dilation 2"])
    assert explorer.layers == [C3, POOL, WIDE]
    assert explorer.fields == [(1, 3), (2, 4), (2, 12)]
    explorer.layers = "double convolution"
    assert explorer.layers == [C3, C3]
    explorer.layers = (POOL,)
    assert explorer.layers == [POOL]


def test_it_opens_on_the_encoder():
    assert ReceptiveFieldExplorer(SLICE).layers == PRESETS["U-Net encoder, depth 4"]


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(ShapeError, match=r"No layer '7×7 conv'\. There are: 3×3 conv; 5×5 conv"):
        known_layers(["7x7 conv"])
    with pytest.raises(ShapeError, match=r"No preset 'ResNet'.*double convolution.*pass a list"):
        ReceptiveFieldExplorer(SLICE, "ResNet")
    explorer = ReceptiveFieldExplorer(SLICE, [C3])
    with pytest.raises(ShapeError, match=rf"up to {MOST_LAYERS} layers; got {MOST_LAYERS + 1}"):
        explorer.layers = [C3] * (MOST_LAYERS + 1)
    assert explorer.layers == [C3]


@pytest.mark.parametrize("pixel", [(64, 0), (0, 96), (-1, 0), (1, 2, 3)])
def test_a_pixel_outside_the_slice(pixel):
    explorer = ReceptiveFieldExplorer(SLICE)
    with pytest.raises(traitlets.TraitError, match="rows 0 to 63 and columns 0 to 95"):
        explorer.pixel = pixel
    assert explorer.pixel == (32, 48)


def test_the_slice_travels_exactly():
    explorer = ReceptiveFieldExplorer(SLICE)
    assert np.array_equal(np.frombuffer(zlib.decompress(explorer.pixels), np.uint8).reshape(64, 96), SLICE)
    assert np.array_equal(explorer.image, SLICE)


def test_sentence_and_still_picture():
    explorer = ReceptiveFieldExplorer(SLICE, [C3, C3, POOL])
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == ("Receptive field explorer: after 3 layers one value sees 6×6 pixels, "
                                  "its neighbour 2 pixels further on")
    explorer.layers = []
    assert explorer.describe() == "Receptive field explorer: no layers yet, one value sees one pixel"
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))
    assert picture.shape == (256, 384, 3)
    assert metadata["image/png"]["width"] == 384
    assert np.array_equal(picture[:80:4, ::4, 0], SLICE[:20])
    rows, columns = np.nonzero((picture == SQUARE).all(axis=2))
    top, left, side = field_square([C3, C3, POOL], (32, 48))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (
        4 * top, 4 * (top + side) - 1, 4 * left, 4 * (left + side) - 1)
