import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_for_backward import kept_bytes
from monai.networks.nets import BasicUNet
from torch.utils.flop_counter import FlopCounterMode

from unet_lib.core.errors import ShapeError
from unet_lib.models.architecture import plan, totals
from unet_lib.models.common import count_parameters, eval_mode, to_mask
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet


@settings(max_examples=12, deadline=None)
@given(depth=st.integers(1, 4), base=st.integers(1, 6), channels=st.integers(1, 4), batch_norm=st.booleans(),
       rows=st.integers(1, 2), columns=st.integers(1, 3))
def test_the_model_is_what_the_plan_says(depth, base, channels, batch_norm, rows, columns):
    model = UNet(in_channels=channels, base=base, depth=depth, batch_norm=batch_norm).eval()
    size = (rows * 2**depth, columns * 2**depth)
    seen = {}
    for stage in model.plan(size):
        module = model.get_submodule(stage.name)
        assert sum(p.numel() for p in module.parameters()) == stage.parameters
        module.register_forward_hook(lambda m, i, out, name=stage.name: seen.update({name: tuple(out.shape[1:])}))
    model(torch.zeros(2, channels, *size))
    assert list(seen.items()) == [(s.name, s.shape) for s in model.plan(size)]
    assert count_parameters(model) == sum(s.parameters for s in model.plan(size))


@settings(max_examples=12, deadline=None)
@given(depth=st.integers(1, 4), base=st.integers(1, 6), channels=st.integers(1, 4), batch_norm=st.booleans(),
       batch=st.integers(2, 3), rows=st.integers(1, 2), columns=st.integers(1, 3))
def test_what_is_computed_and_kept_is_what_the_plan_says(depth, base, channels, batch_norm, batch, rows, columns):
    model = UNet(in_channels=channels, base=base, depth=depth, batch_norm=batch_norm)
    image = torch.zeros(batch, channels, rows * 2**depth, columns * 2**depth)
    stages = model.plan(tuple(image.shape[-2:]))
    with FlopCounterMode(display=False) as counter:
        kept = kept_bytes(model, image, [stage.name for stage in stages])
    flops = {name.removeprefix("UNet."): sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    for stage in stages:
        assert flops.get(stage.name, 0) == 2 * batch * stage.multiply_adds, stage.name
        assert kept.get(stage.name, 0) == stage.kept_bytes(batch), stage.name
    assert totals(stages, batch).kept_bytes == sum(kept.values())
    assert 2 * batch * totals(stages).multiply_adds == flops["Global"]


def test_monais_network_differs_by_what_can_be_named():
    """BasicUNet with matched features: biases before its norms, and a last upsampling that does not halve the width."""
    features = (64, 128, 256, 512, 1024)
    theirs = BasicUNet(spatial_dims=2, in_channels=3, out_channels=1, features=(*features, 64),
                       norm=("batch", {"affine": True}))
    biases = 2 * (sum(features) + sum(features[:-1]))
    unhalved = (4 * 128 * 128 + 128) - (4 * 128 * 64 + 64) + 9 * (64 + 128) * 64 - 9 * (64 + 64) * 64
    assert sum(p.numel() for p in theirs.parameters()) == 31_113_217
    assert totals(plan(3, 64, 4)).parameters + biases + unhalved == 31_113_217


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_receptive_field_is_what_the_gradient_reaches(depth):
    model = UNet(in_channels=1, base=2, depth=depth, batch_norm=False).double()
    for parameter in model.parameters():  # all positive, so that every ReLU lets everything through
        torch.nn.init.uniform_(parameter, 0.1, 0.2)
    model.pool = torch.nn.ModuleDict({level: torch.nn.AvgPool2d(2) for level in model.pool})  # nor may a maximum hide
    size = 32 * 2**depth
    for stage in model.plan(size):
        image = torch.rand(1, 1, size, size, dtype=torch.double, requires_grad=True)
        maps = []
        with model.get_submodule(stage.name).register_forward_hook(lambda m, i, out, maps=maps: maps.append(out)):
            model(image)
        middle = maps[0].shape[-1] // 2
        spans = []
        for position in range(middle, middle + 2**depth):  # its field depends on where in the pooling grid it lies
            value = maps[0][0, :, position, middle].sum()
            gradient, = torch.autograd.grad(value, image, retain_graph=True)
            rows = gradient[0, 0].abs().sum(1).nonzero()
            spans.append(int(rows.max() - rows.min()) + 1)
        assert max(spans) == stage.receptive_field, stage.name


def test_relu_is_not_in_place():
    model = UNet(base=2, depth=1)
    before = {}
    model.encoder["1"].norm1.register_forward_hook(lambda m, i, out: before.update(seen=out, copy=out.clone()))
    model(torch.randn(1, 3, 8, 8))
    assert torch.equal(before["seen"], before["copy"])
    assert (before["seen"] < 0).any()


def test_skip_comes_first_in_the_concatenation():
    model = UNet(base=2, depth=1, batch_norm=False).eval()
    seen = {}
    model.encoder["1"].register_forward_hook(lambda m, i, out: seen.update(skip=out))
    model.concat["1"].register_forward_hook(lambda m, i, out: seen.update(both=out))
    model(torch.randn(1, 3, 8, 8))
    assert torch.equal(seen["both"][:, :2], seen["skip"])


def test_odd_sizes_are_refused_with_one_that_fits():
    with pytest.raises(ShapeError, match="divisible by 16; got 100×100. Resize or pad to 112×112"):
        UNet(base=2)(torch.zeros(1, 3, 100, 100))


def test_no_convolution_before_batch_norm_has_a_bias():
    assert UNet(base=2).encoder["1"].conv1.bias is None
    assert UNet(base=2, batch_norm=False).encoder["1"].conv1.bias is not None


def test_to_mask_thresholds_the_probability():
    logits = torch.tensor([-0.01, 0.0, 0.01, 3.0])
    assert to_mask(logits).tolist() == [0, 1, 1, 1]
    assert to_mask(logits, threshold=0.9).tolist() == [0, 0, 0, 1]


def test_build_depends_on_its_seed_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two, three = build({"base": 2}, 1), build({"base": 2}, 1), build({"base": 2}, 2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.encoder["1"].conv1.weight, two.encoder["1"].conv1.weight)
    assert not torch.equal(one.encoder["1"].conv1.weight, three.encoder["1"].conv1.weight)


def test_eval_mode_gives_each_flag_back_even_after_an_error():
    model = UNet(base=2, depth=1)
    model.bottleneck.eval()
    with pytest.raises(RuntimeError), eval_mode(model):
        assert not any(m.training for m in model.modules())
        raise RuntimeError
    assert model.encoder["1"].training
    assert not model.bottleneck.training


def test_settings_build_the_same_network_again():
    model = UNet(base=3, depth=2, batch_norm=False)
    assert UNet(**model.settings()).config == model.config
