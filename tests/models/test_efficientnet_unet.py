"""The U-Net with a pretrained encoder: MONAI's blocks, TensorFlow's padding, the published size, and a true plan."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from kept_for_backward import kept_bytes
from made_up import made_up_cache
from monai.networks.nets.efficientnet import MBConvBlock
from repository import REPOSITORY
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from unet_lib.core.errors import CheckpointError, SettingsError, ShapeError
from unet_lib.models import checkpoint
from unet_lib.models.architecture import UNetConfig, totals
from unet_lib.models.efficientnet_unet import (
    Conv2dSame,
    EfficientNetUNet,
    EfficientNetUNetConfig,
    InvertedResidual,
    SegmentationHead,
)
from unet_lib.models.pretrained import ENCODER, load_pretrained_encoder
from unet_lib.models.receptive_field import rows_seen
from unet_lib.models.registry import build, configured, described
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import ExperimentConfig, prepare_slices
from unet_lib.training.loop import BEST, forward

FILE = REPOSITORY / "data" / "models" / "encoder" / "imagenet-lite0.safetensors"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    return build(EfficientNetUNetConfig(), 0).eval()


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_as_many_parameters_as_published():
    """4,652,008 has EfficientNet-Lite0 with its classifier, which we leave out."""
    head = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    counted = sum(p.numel() for name, p in EfficientNetUNet().named_parameters() if name.startswith(ENCODER))
    assert counted == 4_652_008 - head


@pytest.mark.parametrize(("channels", "out", "kernel", "stride", "expand_ratio"),
                         [(8, 8, 3, 1, 6), (8, 12, 5, 1, 6), (8, 12, 3, 2, 6), (8, 12, 5, 2, 6), (8, 4, 3, 1, 1)])
def test_a_block_agrees_with_monais(channels, out, kernel, stride, expand_ratio):
    ours = InvertedResidual(channels, out, kernel, stride, expand_ratio).eval()
    theirs = MBConvBlock(2, channels, out, kernel, stride, [16, 16], expand_ratio, None, id_skip=True,
                         norm=("batch", {"eps": 1e-3})).eval()
    theirs._swish = nn.ReLU6()  # what "Lite" means
    given = [3 * noise(*tensor.shape, seed=position).abs() + 0.1 if tensor.is_floating_point() else tensor
             for position, tensor in enumerate(ours.state_dict().values())]
    for block in (ours, theirs):
        block.load_state_dict(dict(zip(block.state_dict(), given, strict=True)))
    image = noise(2, channels, 16, 16, seed=99)
    assert torch.allclose(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_padding_is_tensorflows(kernel, stride):
    """Its rule: as much in all as the last window needs, the odd pixel at the end."""
    if kernel < stride:
        return
    layer, image = Conv2dSame(3, 4, kernel, stride), noise(1, 3, 12, 12)
    total = max((-(-12 // stride) - 1) * stride + kernel - 12, 0)
    padded = F.pad(image, (total // 2, total - total // 2) * 2)
    assert torch.equal(layer(image), F.conv2d(padded, layer.weight, stride=stride))
    assert layer(image).shape[-1] == 12 // stride


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("groups", [1, 8])
def test_without_gradients_the_kernel_is_padded_and_not_the_maps(kernel, groups, monkeypatch):
    """The same numbers by another way; in bfloat16, too, where one kernel a channel stays float32."""
    layer, image = Conv2dSame(8, 8, kernel, 2, groups=groups), noise(2, 8, 12, 12)
    with_gradients = layer(image)
    padded, pad = [], F.pad
    monkeypatch.setattr(F, "pad", lambda x, margin: padded.append(x.shape) or pad(x, margin))
    with torch.no_grad():
        assert torch.allclose(layer(image), with_gradients, rtol=0, atol=1e-6)
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(image.bfloat16()).dtype == (torch.float32 if groups > 1 else torch.bfloat16)
    assert padded == [layer.weight.shape] * 2


def test_one_kernel_a_channel_is_computed_in_float32_inside_bfloat16(network):
    layer, image = Conv2dSame(8, 8, 5, 2, groups=8), noise(2, 8, 16, 16)
    rounded = image.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(rounded)
    assert found.dtype == torch.float32
    assert torch.equal(found, layer(rounded.float()))
    found.sum().backward()
    assert rounded.grad.dtype == torch.bfloat16 and layer.weight.grad.abs().sum() > 0
    assert layer.double()(image.double()).dtype == torch.float64


def test_logits_have_the_images_size_whatever_it_is(network):
    assert network(noise(2, 3, 64, 96)).shape == (2, 1, 64, 96)
    with pytest.raises(ShapeError, match=r"EfficientNetUNet needs .* by 32; got 48×64. Resize or pad to 64×64\.$"):
        network(noise(1, 3, 48, 64))


# ---- the plan -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "out", "batch", "size"), [(3, 1, 2, (32, 32)), (9, 2, 3, (64, 96))])
def test_what_is_made_computed_and_kept_is_what_the_plan_says(channels, out, batch, size):
    network = EfficientNetUNet(EfficientNetUNetConfig(in_channels=channels, out_channels=out))
    stages, shapes = network.plan(size), {}
    assert stages == network.config.plan(size)
    for stage in stages:
        module = network.get_submodule(stage.name)
        assert sum(parameter.numel() for parameter in module.parameters()) == stage.parameters, stage.name
        module.register_forward_hook(lambda m, given, found, name=stage.name: shapes.update({name: found.shape}))
    with FlopCounterMode(display=False) as counter:
        kept = kept_bytes(network, torch.zeros(batch, channels, *size), [stage.name for stage in stages])
    assert list(shapes.items()) == [(stage.name, (batch, *stage.shape)) for stage in stages]
    counted = counter.get_flop_counts().items()
    flops = {name.removeprefix("EfficientNetUNet."): sum(ops.values()) for name, ops in counted}
    for stage in stages:
        assert flops.get(stage.name, 0) == 2 * batch * stage.multiply_adds, stage.name
        assert kept.get(stage.name, 0) == stage.kept_bytes(batch), stage.name
    assert totals(stages).parameters == sum(parameter.numel() for parameter in network.parameters())
    assert totals(stages, batch).kept_bytes == sum(kept.values())
    assert 2 * batch * totals(stages).multiply_adds == flops["Global"]


def test_a_size_without_a_plan_is_refused():
    with pytest.raises(ShapeError, match="divisible by 32; got 48×48"):
        EfficientNetUNetConfig().plan(48)


def test_receptive_fields_are_where_the_gradient_is():
    """With means for kernels, of values that no ReLU6 cuts off; of 32 rows around the middle the one that sees most."""
    network = EfficientNetUNet(EfficientNetUNetConfig(in_channels=1)).double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    image = torch.full((1, 1, 1280, 32), 0.01, dtype=torch.double, requires_grad=True)
    stages, maps, layers = network.plan((1280, 32)), {}, []
    for stage in stages:
        network.get_submodule(stage.name).register_forward_hook(
            lambda module, given, found, name=stage.name: maps.update({name: found}))
    network(image)
    for stage in stages:
        layers += stage.layers
        rows = np.arange(stage.height // 2, stage.height // 2 + min(32, stage.height // 4))
        first, last = rows_seen(layers, rows)
        widest = int((last - first).argmax())
        gradient, = torch.autograd.grad(maps[stage.name][0, :, rows[widest]].sum(), image, retain_graph=True)
        seen = gradient[0, 0].abs().sum(dim=1).nonzero()
        assert (seen.min(), seen.max()) == (first[widest], last[widest]), stage.name
        assert seen.max() - seen.min() + 1 == stage.receptive_field, stage.name


def test_the_head_enlarges_its_logits_in_float32():
    head, maps = SegmentationHead(8, 2), noise(2, 8, 6, 10)
    with torch.autocast("cpu", torch.bfloat16):
        found = head(maps)
        logits = F.conv2d(maps, head.weight, head.bias)
    expected = F.interpolate(logits.float(), (12, 20), mode="bilinear", align_corners=False)
    assert found.dtype == torch.float32 and logits.dtype == torch.bfloat16 and torch.equal(found, expected)


# ---- learning -------------------------------------------------------------------------------------------------


def test_every_weight_learns_and_the_seed_decides_the_first(network):
    learning = build(EfficientNetUNetConfig(), 0)
    assert all(torch.equal(a, b) for a, b in
               zip(learning.state_dict().values(), network.state_dict().values(), strict=True))
    assert not torch.equal(build(EfficientNetUNetConfig(), 1).output.weight, learning.output.weight)
    learning(noise(4, 3, 64, 64)).square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in learning.parameters())


def test_the_skips_matter(network):
    """Were they lost, the logits would follow from the bottleneck alone."""
    image = noise(1, 3, 64, 64)
    hook = network.bottleneck.register_forward_hook(lambda module, given, out: torch.zeros_like(out))
    try:
        assert not torch.equal(network(image), network(image.flip(-1)))
    finally:
        hook.remove()


def test_bfloat16_says_nearly_the_same(network):
    image = noise(2, 3, 64, 64)
    with torch.no_grad():
        exact, rough = forward(network, image, "float32"), forward(network, image, "bfloat16")
    assert (exact - rough).abs().max() < 0.05 * exact.abs().max()


def test_it_comes_back_from_a_file(network, tmp_path):
    checkpoint.save_model(tmp_path / "w.safetensors", network, {"note": "ä"})
    again, card = checkpoint.load_model(tmp_path / "w.safetensors")
    assert card == {"note": "ä"} and again.config == configured(described(network)) == EfficientNetUNetConfig()
    image = noise(1, 3, 32, 32)
    assert torch.equal(again(image), network(image))


@pytest.mark.parametrize("settings", [{"encoder": "lite9"}, {"encoder": "lite0", "base": 4},
                                      {"encoder": "lite0", "in_channels": 0}, {"network": "unet", "encoder": "lite0"}])
def test_a_header_that_describes_no_network_is_refused(network, tmp_path, settings):
    path = tmp_path / "w.safetensors"
    checkpoint.save_tensors(path, network.state_dict(), {
        "kind": "model", "architecture": {"network": "efficientnet-unet", **settings}, "card": {}})
    with pytest.raises(CheckpointError, match="describes no U-Net"):
        checkpoint.load_model(path)


def test_the_encoder_is_filled_and_the_decoder_left_alone():
    fresh, network = build(EfficientNetUNetConfig(), 3).state_dict(), build(EfficientNetUNetConfig(), 3)
    load_pretrained_encoder(network)
    stored, header = checkpoint.load_tensors(FILE)
    assert json.loads(FILE.with_suffix(".json").read_text("utf-8"))["card"] == header["card"]
    assert header["card"]["source"]["licence"] == "Apache-2.0"
    for name, tensor in network.state_dict().items():
        expected = stored[name].to(tensor.dtype) if name.startswith(ENCODER) else fresh[name]
        assert torch.equal(tensor, expected), name


def test_the_encoder_knows_photographs():
    """Each batch norm has stored the mean of what reaches it. On an image with a photograph's spectrum, what the
    pretrained encoder computes stays near these means; with the same weights in random order it does not."""
    assert strangeness(shuffled=False) < 0.1 * strangeness(shuffled=True)


def strangeness(shuffled):
    network, source = build(EfficientNetUNetConfig(), 0), torch.Generator().manual_seed(0)
    load_pretrained_encoder(network)
    if shuffled:
        for name, weight in network.named_parameters():
            if name.startswith(ENCODER) and weight.dim() == 4:
                weight.data = weight.flatten()[torch.randperm(weight.numel(), generator=source)].view_as(weight)
    seen = []

    def compare(norm, given, out):
        away = (given[0].mean((0, 2, 3)) - norm.running_mean) ** 2 / (norm.running_var + norm.eps)
        seen.append(float(away.median()))

    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and name.startswith(ENCODER):
            module.register_forward_hook(compare)
    with torch.no_grad():
        network.eval()(photograph())
    return np.median(seen)


def photograph():
    """Noise with the spectrum of photographs, 1/f, all three channels nearly alike."""
    frequency = torch.fft.fftfreq(192)[:, None].hypot(torch.fft.fftfreq(192)).clamp_min(1 / 192)
    grey = torch.fft.ifft2(torch.fft.fft2(noise(4, 1, 192, 192)) / frequency).real
    return (grey / grey.std()).expand(-1, 3, -1, -1).contiguous()


def test_other_files_and_other_networks_are_refused(tmp_path):
    network = build(EfficientNetUNetConfig(), 0)
    before = network.stem.conv.weight.clone()
    checkpoint.save_model(tmp_path / "w.safetensors", network, {})
    with pytest.raises(CheckpointError, match="expected an encoder's weights .* got kind 'model'"):
        load_pretrained_encoder(network, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="another architecture"):
        load_pretrained_encoder(build({"base": 2}, 0))
    with pytest.raises(CheckpointError, match="another architecture.*stem.conv.weight"):
        load_pretrained_encoder(build(EfficientNetUNetConfig(in_channels=9), 0))
    shutil.copy(FILE, tmp_path / "cut.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(FILE.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        load_pretrained_encoder(network, tmp_path / "cut.safetensors")
    assert torch.equal(network.stem.conv.weight, before)


def test_a_training_begins_with_it_and_says_so(tmp_path):
    training = TrainingConfig(epochs=1, learning_rate=1e-3, precision="float32")
    settings = ExperimentConfig(EfficientNetUNetConfig(), training, size=32, batch=4, pretrained=True)
    run = prepare_slices(settings, made_up_cache(), np.arange(8), np.arange(2), {"kind": "by slice"}, CPU)
    stored = checkpoint.load_tensors(FILE)[0]["stem.conv.weight"]
    assert torch.equal(run.network.stem.conv.weight, stored.float())
    list(run.train(tmp_path))
    assert not torch.equal(run.network.stem.conv.weight, stored.float())
    again, card = checkpoint.load_model(tmp_path / BEST)
    assert isinstance(again, EfficientNetUNet) and card["data"]["pretrained"] is True
    with pytest.raises(CheckpointError, match="pretrained: was True, now False"):
        next(prepare_slices(replace(settings, pretrained=False), made_up_cache(), np.arange(8), np.arange(2),
                            {"kind": "by slice"}, CPU).train(tmp_path, resume=True))


def test_settings_that_do_not_fit_are_refused_before_training():
    with pytest.raises(ShapeError, match="divisible by 32; got 48×48"):
        ExperimentConfig(EfficientNetUNetConfig(), size=48)
    with pytest.raises(ShapeError, match="9 input channels"):
        ExperimentConfig(EfficientNetUNetConfig(), size=64, context_slices=1)
    with pytest.raises(SettingsError, match="encoder of an EfficientNetUNet; got UNetConfig"):
        ExperimentConfig(UNetConfig(base=2), size=32, pretrained=True)
