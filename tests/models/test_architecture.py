import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_lib.core.errors import ShapeError
from unet_lib.models.architecture import Totals, UNetConfig, plan, totals
from unet_lib.models.unet import UNet


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


def test_the_size_that_is_named_works():
    with pytest.raises(ShapeError, match="112×112") as caught:
        plan(size=100)
    assert "112" in str(caught.value)
    plan(size=112)


@pytest.mark.parametrize("bad", [{"depth": 0}, {"base": -1}, {"in_channels": 0}])
def test_impossible_configurations(bad):
    with pytest.raises(ShapeError, match="whole number of at least 1"):
        UNetConfig(**bad)


def test_configuration_and_network_have_the_same_plan():
    config = UNetConfig(base=8, depth=2)
    assert config.plan(64) == UNet(config).plan(64) == plan(base=8, depth=2, size=64)


WRITTEN_OUT = {  # UNet(3, 1, base=64, depth=4), each kernel's weights, then γ and β, or the bias
    "encoder.1": 9 * 3 * 64 + 9 * 64 * 64 + 4 * 64, "encoder.2": 9 * 64 * 128 + 9 * 128 * 128 + 4 * 128,
    "encoder.3": 9 * 128 * 256 + 9 * 256 * 256 + 4 * 256, "encoder.4": 9 * 256 * 512 + 9 * 512 * 512 + 4 * 512,
    "bottleneck": 9 * 512 * 1024 + 9 * 1024 * 1024 + 4 * 1024,
    "up.4": 4 * 1024 * 512 + 512, "decoder.4": 9 * 1024 * 512 + 9 * 512 * 512 + 4 * 512,
    "up.3": 4 * 512 * 256 + 256, "decoder.3": 9 * 512 * 256 + 9 * 256 * 256 + 4 * 256,
    "up.2": 4 * 256 * 128 + 128, "decoder.2": 9 * 256 * 128 + 9 * 128 * 128 + 4 * 128,
    "up.1": 4 * 128 * 64 + 64, "decoder.1": 9 * 128 * 64 + 9 * 64 * 64 + 4 * 64, "output": 64 + 1}


def test_the_full_networks_parameters_written_out():
    assert {s.name: s.parameters for s in plan(3, 64, 4) if s.parameters} == WRITTEN_OUT
    assert sum(WRITTEN_OUT.values()) == 31_037_633


def test_a_small_network_counted_by_hand():
    stages = plan(1, base=2, depth=1, size=4, batch_norm=False)
    by_hand = {  # parameters, multiply-adds, kept values, kept indices
        "encoder.1": (18 + 36 + 4, 54 * 16, (1 + 4) * 16, 0), "pool.1": (0, 0, 0, 8),
        "bottleneck": (72 + 144 + 8, 216 * 4, (2 + 8) * 4, 0), "up.1": (34, 4 * 2 * 16, 0, 0), "concat.1": (0, 0, 0, 0),
        "decoder.1": (72 + 36 + 4, 108 * 16, (4 + 4) * 16, 0), "output": (3, 32, 0, 0)}
    assert {s.name: (s.parameters, s.multiply_adds, s.kept_values, s.kept_indices) for s in stages} == by_hand
    output_values = 32 + 8 + 16 + 32 + 64 + 32 + 16
    assert totals(stages) == Totals(431, 3616, 4 * output_values, 4 * 248 + 8 * 8, 18)
    assert totals(stages, batch=3).kept_bytes == 3 * totals(stages).kept_bytes
    assert totals(stages, bytes_per_value=2).output_bytes == 2 * output_values


def test_batch_norm_keeps_both_convolutions_outputs_and_its_statistics_once_a_batch():
    plain, normed = (plan(3, base=4, depth=2, size=8, batch_norm=bn)[0] for bn in (False, True))
    assert normed.kept_values - plain.kept_values == 2 * 4 * 64
    assert normed.kept_bytes(batch=5) == 5 * 4 * normed.kept_values + 4 * 2 * 2 * 4  # 2 norms, mean and std
