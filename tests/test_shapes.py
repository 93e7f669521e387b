import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_lib.errors import ShapeError
from unet_lib.shapes import UNetConfig, plan, plan_for


@pytest.mark.parametrize(("settings", "published"), [
    # github.com/mateuszbuda/brain-segmentation-pytorch: UNet(in_channels=3, out_channels=1, init_features=32)
    ({"base": 32}, 7_763_041),
    # github.com/milesial/Pytorch-UNet: UNet(n_channels=3, n_classes=2, bilinear=False)
    ({"base": 64, "out_channels": 2}, 31_037_698)])
def test_parameter_counts_published_by_others(settings, published):
    assert sum(s.parameters for s in plan(**settings)) == published


def test_first_and_last_stage():
    stages = plan(3, base=16, depth=4, size=(128, 256))
    assert stages[0].name == "encoder.1"
    assert stages[0].shape == (16, 128, 256)
    assert stages[-1].name == "output"
    assert stages[-1].shape == (1, 128, 256)
    bottleneck = next(s for s in stages if s.name == "bottleneck")
    assert bottleneck.shape == (256, 8, 16)


@given(depth=st.integers(1, 5), base=st.integers(1, 12), channels=st.integers(1, 5))
def test_each_stage_takes_what_the_one_before_hands_on(depth, base, channels):
    stages = plan(channels, base, depth, size=64)
    assert stages[0].in_channels == channels
    for before, after in zip(stages, stages[1:], strict=False):
        assert after.in_channels == before.out_channels
    assert len({s.name for s in stages}) == len(stages) == 2 * depth + 1 + 3 * depth + 1


@pytest.mark.parametrize("size", [0, 8, 100, (256, 250)])
def test_sizes_that_do_not_fit_are_explained(size):
    with pytest.raises(ShapeError, match="needs height and width divisible by 16; got .*Resize or pad"):
        plan(size=size)


def test_the_mend_names_a_size_that_works():
    with pytest.raises(ShapeError, match="112×112") as caught:
        plan(size=100)
    assert "112" in str(caught.value)
    plan(size=112)


@pytest.mark.parametrize("bad", [{"depth": 0}, {"base": -1}, {"in_channels": 0}])
def test_impossible_configurations(bad):
    with pytest.raises(ShapeError, match="whole number of at least 1"):
        UNetConfig(**bad)


def test_plan_for_a_configuration():
    assert plan_for(UNetConfig(base=8, depth=2), 64) == plan(base=8, depth=2, size=64)
