"""The walk back through the layers, against the gradient of torch's own layers, which knows it another way."""

import numpy as np
import pytest
import torch
from torch import nn

from unet_lib.models.layers import BILINEAR, CONV_3, DOUBLE, HALVE
from unet_lib.models.receptive_field import LayerGeometry, receptive_field, rows_seen

SIDE = 64
CASES = {
    "two convolutions": ([CONV_3, CONV_3], 5),
    "dilated, with stride": ([LayerGeometry(3, 2, dilation=2, padding=2), LayerGeometry(5, padding=2)], 13),
    "down and up": ([CONV_3, HALVE, CONV_3, DOUBLE, CONV_3], 10),
    "up by larger kernels": ([LayerGeometry(6, 2, padding=2, transposed=True), LayerGeometry(3, 1, 2, 2)], 5),
    "bilinear": ([HALVE, HALVE, CONV_3, BILINEAR, CONV_3, BILINEAR], 24)}


def torch_layer(layer: LayerGeometry) -> nn.Module:
    """All weights are 1, so that no gradient is 0 by chance."""
    kernel, stride, dilation, padding, transposed = layer
    if layer == BILINEAR:
        return nn.Upsample(scale_factor=2, mode="bilinear")
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    made = kind(1, 1, kernel, stride, padding, dilation=dilation, bias=False)
    nn.init.ones_(made.weight)
    return made


@pytest.mark.parametrize(("layers", "field"), CASES.values(), ids=CASES)
def test_rows_seen_are_where_the_gradient_is(layers, field):
    image = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.double, requires_grad=True)
    result = nn.Sequential(*map(torch_layer, layers)).double()(image)
    rows = np.arange(len(result[0, 0]) // 2 - 4, len(result[0, 0]) // 2 + 4)
    for row, first, last in zip(rows, *rows_seen(layers, rows), strict=True):
        gradient, = torch.autograd.grad(result[0, 0, row, rows[0]], image, retain_graph=True)
        seen = gradient[0, 0].abs().sum(dim=1).nonzero()
        assert (int(seen.min()), int(seen.max())) == (first, last) == rows_seen(layers, int(row))


@pytest.mark.parametrize(("layers", "field"), CASES.values(), ids=CASES)
def test_the_receptive_field_is_the_largest_there_is(layers, field):
    first, last = rows_seen(layers, np.arange(100))
    assert receptive_field(layers) == (last - first).max() + 1 == field


def test_no_layer_sees_one_pixel():
    assert receptive_field([]) == 1 and rows_seen([], 7) == (7, 7)


def test_sizes_follow_from_strides():
    assert [layer.size_after(12) for layer in (CONV_3, HALVE, DOUBLE, BILINEAR)] == [12, 6, 24, 24]
