"""The closed formulas against the plan, which adds up stage by stage, and against networks others published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_lib.core.errors import ShapeError
from unet_lib.models import cost_formulas
from unet_lib.models.architecture import plan, totals

BASES, DEPTHS, CHANNELS = st.integers(1, 70), st.integers(1, 7), st.integers(1, 6)


@given(base=BASES, depth=DEPTHS, channels=CHANNELS, classes=CHANNELS, batch_norm=st.booleans())
def test_the_formulas_are_the_sums_of_the_plan(base, depth, channels, classes, batch_norm):
    size = (2**depth, 3 * 2**depth)
    counted = totals(plan(channels, base, depth, size, out_channels=classes, batch_norm=batch_norm))
    assert cost_formulas.parameters(base, depth, channels, classes, batch_norm) == counted.parameters
    assert cost_formulas.multiply_adds(base, depth, size[0] * size[1], channels, classes) == counted.multiply_adds
    assert cost_formulas.receptive_field(depth) == counted.receptive_field


def test_numbers_published_by_others():
    # github.com/mateuszbuda/brain-segmentation-pytorch: UNet(in_channels=3, out_channels=1, init_features=32)
    assert cost_formulas.parameters(32, 4) == 7_763_041
    # github.com/milesial/Pytorch-UNet: UNet(n_channels=3, n_classes=2, bilinear=False)
    assert cost_formulas.parameters(64, 4, out_channels=2) == 31_037_698


def test_the_receptive_field_walked_back_by_hand():
    assert [cost_formulas.receptive_field(depth) for depth in (1, 2, 3, 4, 5)] == [18, 44, 100, 204, 412]


@pytest.mark.parametrize("call", [lambda: cost_formulas.parameters(0, 4), lambda: cost_formulas.multiply_adds(8, 0, 4),
                                  lambda: cost_formulas.receptive_field(-1)])
def test_what_is_no_network_is_refused(call):
    with pytest.raises(ShapeError, match="expected base and depth of at least 1; got base="):
        call()
