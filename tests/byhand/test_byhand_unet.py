"""The U-Net by hand against torch: the shipped network on a phantom's slice, forward, backward, and in training."""

from functools import cache

import numpy as np
import pytest
import torch
from repository import REPOSITORY
from torch.nn import functional as F

from unet_lib import byhand
from unet_lib.byhand import HandUNet
from unet_lib.byhand.unet import BACKWARD
from unet_lib.core.errors import CheckpointError, SettingsError, ShapeError
from unet_lib.data.intensity import channel_histograms, intensity_statistics, normalise
from unet_lib.data.phantom import make_patient
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet
from unet_lib.training import losses

SHIPPED = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"
DTYPES = {"float32": (np.float32, torch.float32), "float64": (np.float64, torch.float64)}
LOGITS = {"float32": 2e-5, "float64": 1e-10}        # absolute, on logits of up to 10 in size
# Relative to the largest gradient of a layer's weight and bias. In float32 up.1's bias alone has few digits: batch norm
# takes it out again everywhere but at the border, so its gradient is a sum of 65,536 terms that nearly cancel.
GRADIENTS = {"float32": 1e-3, "float64": 1e-10}
ADAM = {"lr": 0.002}


@cache
def phantom():
    return make_patient(seed=0, index=0)  # one of the patients that the network has not seen


def slices(size, indices):
    """Slices of the patient at this size, normalised as `predict` does, and their masks; [n, c, h, w], float32.

    Not in channels_last memory, as `scale_images` leaves them: there torch 2.13 takes the mean of a channel in
    float32 so coarsely that its logits at 256×256 are off by 3e-4 in training mode; ours are not.
    """
    patient = phantom()
    statistics = torch.as_tensor(intensity_statistics(channel_histograms(patient.images)))
    images = normalise(scale_images(patient.images, indices, size), statistics).contiguous()
    return images, scale_masks(patient.masks, indices, size).float().reshape(len(images), 1, size, size)


def largest():
    return np.array([phantom().masks.sum((1, 2)).argmax()])


def bce_dice(logits, mask):
    """As `losses.bce_dice_loss`, but in the precision of the logits."""
    p = torch.sigmoid(logits)
    dice = 1 - (2 * (p * mask).sum() + 1) / (p.sum() + mask.sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, mask) + dice


def by_hand(hand, image, mask):
    """Logits, gradient of the image and of the weights, for the loss BCE + Dice."""
    logits = hand.forward(image)
    grad_image, gradients = hand.backward(byhand.bce_dice_backward(logits, mask))
    return logits, grad_image, gradients


def by_torch(network, image, mask):
    """The same by autograd."""
    image = torch.from_numpy(image).requires_grad_()
    logits = network(image)
    names, parameters = zip(*network.named_parameters())
    grad_image, *gradients = torch.autograd.grad(bce_dice(logits, torch.from_numpy(mask)), [image, *parameters])
    return logits.detach().numpy(), grad_image.numpy(), {n: g.numpy() for n, g in zip(names, gradients)}


def close(ours, theirs, bound, beside=()):
    """Same shape and type, and a difference no longer than `bound` times theirs, or what lies `beside` it.

    The length of the whole (root of the sum of squares): where a ReLU or a pooling stands on the edge, rounding may
    turn it over, which changes a few pixels' gradients, and others on each processor.
    """
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    assert np.linalg.norm(ours - theirs) <= bound * max(np.linalg.norm(array) for array in (theirs, *beside))


def twins(network, precision, training):
    ours, theirs = DTYPES[precision]
    return HandUNet(network.state_dict(), training=training, dtype=ours), network.to(theirs).train(training)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize(("size", "precision"), [(128, "float64"), (256, "float32")])
def test_the_shipped_network_on_a_slice(size, precision, training):
    image, mask = (tensor.numpy().astype(precision) for tensor in slices(size, largest()))
    # A little noise: in air, equal pixels repeat, and of equal maxima each processor's rounding lets another one win.
    image += (0.001 * np.random.default_rng(0).normal(size=image.shape)).astype(precision)
    hand, network = twins(load_model(SHIPPED)[0], precision, training)
    logits, grad_image, gradients = by_hand(hand, image, mask)
    their_logits, their_image, theirs = by_torch(network, image, mask)
    assert logits.shape == (1, 1, size, size)
    assert logits.dtype == precision
    assert np.abs(logits - their_logits).max() < LOGITS[precision]
    close(grad_image, their_image, GRADIENTS[precision])
    assert gradients.keys() == theirs.keys()
    for name, gradient in gradients.items():
        layer = name.rpartition(".")[0]
        close(gradient, theirs[name], GRADIENTS[precision], [theirs[f"{layer}.weight"]])


def test_the_slice_and_the_loss_are_those_of_the_library():
    """What is compared above is no easy case: the network finds the tumour, and the loss is the one it learnt with."""
    image, mask = slices(128, largest())
    logits = HandUNet(load_tensors(SHIPPED)[0]).forward(image.numpy())
    found = logits > 0
    assert 2 * (found & (mask.numpy() > 0)).sum() / (found.sum() + mask.numpy().sum()) > 0.6
    ours = byhand.bce_dice(logits, mask.numpy())
    assert ours == pytest.approx(losses.bce_dice_loss(torch.from_numpy(logits), mask).item(), abs=1e-6)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("settings", [
    {"base": 3, "depth": 2, "batch_norm": False}, {"base": 2, "depth": 1}, {"base": 2, "depth": 3, "in_channels": 2,
                                                                         "out_channels": 2}], ids=str)
def test_other_networks_on_a_batch_of_oblong_images(settings, training):
    hand, network = twins(build(settings, seed=0), "float64", training)
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, network.config.in_channels, 16, 24))
    mask = (rng.random((2, network.config.out_channels, 16, 24)) < 0.3).astype(float)
    ours, theirs = by_hand(hand, image, mask), by_torch(network, image, mask)
    close(ours[0], theirs[0], 1e-12)
    close(ours[1], theirs[1], 1e-10)
    assert ours[2].keys() == theirs[2].keys()
    for name, gradient in ours[2].items():  # where all is 0 but for rounding there is nothing to be relative to
        np.testing.assert_allclose(gradient, theirs[2][name], rtol=1e-10, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("name", BACKWARD)
def test_a_function_of_the_readers_takes_the_place_of_ours(name, training):
    """One that doubles what it returns: then every gradient that passes through it changes, and no other."""
    network = build({"base": 2, "depth": 1}, seed=0)
    rng = np.random.default_rng(0)
    image, mask = rng.normal(size=(2, 3, 8, 8)), (rng.random((2, 1, 8, 8)) < 0.3).astype(float)

    def doubled(*given, **settings):
        returned = BACKWARD[name](*given, **settings)
        return tuple(2 * part for part in returned) if isinstance(returned, tuple) else 2 * returned

    hands = [HandUNet(network.state_dict(), training=training, functions=own) for own in ({}, {name: doubled})]
    ours, theirs = (by_hand(hand, image, mask)[2] for hand in hands)
    changed = {key for key in ours if not np.allclose(ours[key], theirs[key], rtol=1e-9, atol=0)}
    first = {"conv1x1_backward": "output.", "relu_backward": "decoder.1.norm2.", "batch_norm2d_backward":
             "decoder.1.norm2.", "conv2d_backward": "decoder.1.conv2.", "concat_backward": "up.1.",
             "conv_transpose2d_backward": "up.1.", "max_pool2d_backward": "encoder.1.norm2."}[name]
    assert (not changed) == (name == "batch_norm2d_backward" and not training)
    if changed:
        before = list(ours)[:[key.startswith(first) for key in ours].index(True)]
        assert not changed & set(before) and f"{first}weight" in changed and "encoder.1.conv1.weight" in changed


def test_a_function_that_is_no_step_is_explained():
    with pytest.raises(SettingsError, match="functions named conv2d_backward, .*; got adam_step. Hand in a dictionary"):
        HandUNet(load_tensors(SHIPPED)[0], functions={"adam_step": print})


def test_three_steps_of_training_by_hand_are_those_of_torch():
    """Forward, loss, backward, Adam, and batch norm's running statistics; then both answer alike in evaluation."""
    indices = largest() + np.array([-1, 0])
    image, mask = (tensor.double().numpy() for tensor in slices(64, indices))
    hand, network = twins(build({"base": 4, "depth": 3}, seed=0), "float64", True)
    adam = torch.optim.Adam(network.parameters(), **ADAM)
    means, squares = ({n: np.zeros(p.shape) for n, p in network.named_parameters()} for _ in range(2))
    for step in (1, 2, 3):
        gradients = by_hand(hand, image, mask)[2]
        for name, gradient in gradients.items():
            hand.weights[name], means[name], squares[name] = byhand.adam_step(
                hand.weights[name], gradient, means[name], squares[name], step, rate=ADAM["lr"])
        adam.zero_grad()
        bce_dice(network(torch.from_numpy(image)), torch.from_numpy(mask)).backward()
        adam.step()
        for name, theirs in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                assert np.abs(hand.weights[name] - theirs.numpy()).max() < 1e-10, (step, name)
    hand.training = False
    assert np.abs(hand.forward(image) - network.eval()(torch.from_numpy(image)).detach().numpy()).max() < 1e-8


def test_a_gradient_is_a_difference_quotient():
    """Without torch: a little more of one weight changes the loss by that little times its gradient."""
    image, mask = (tensor.double().numpy() for tensor in slices(32, largest()))
    hand = HandUNet(build({"base": 2, "depth": 2}, seed=1).state_dict(), training=True)
    gradients = by_hand(hand, image, mask)[2]

    def loss(name, index, change):
        hand.weights[name][index] += change
        logits = hand.forward(image)
        hand.weights[name][index] -= change
        return byhand.bce_dice(logits, mask)

    for name, gradient in gradients.items():
        index = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        difference = (loss(name, index, 1e-6) - loss(name, index, -1e-6)) / 2e-6
        assert gradient[index] == pytest.approx(difference, rel=1e-4, abs=1e-8), name


def test_the_routes_to_the_encoder_are_those_that_torch_sees():
    """The gradient of what encoder.1 hands on, split by cutting the skip in torch's graph."""
    network = build({"base": 2, "depth": 2}, seed=0).double()
    hand = HandUNet(network.state_dict(), training=True)
    rng = np.random.default_rng(0)
    image, mask = rng.normal(size=(1, 3, 8, 8)), (rng.random((1, 1, 8, 8)) < 0.5).astype(float)
    by_hand(hand, image, mask)
    for level in (1, 2):
        seen = []
        joint = network.concat[str(level)].register_forward_pre_hook(
            lambda block, given, seen=seen: (seen.append(given[0].detach().clone().requires_grad_()) or seen[-1],
                                             given[1]))
        block = network.encoder[str(level)].register_forward_hook(
            lambda block, given, out, seen=seen: seen.append(out) or out)
        loss = bce_dice(network(torch.from_numpy(image)), torch.from_numpy(mask))
        below, over_skip = torch.autograd.grad(loss, seen)
        joint.remove(), block.remove()
        np.testing.assert_allclose(hand.routes[level][0], over_skip.numpy(), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(hand.routes[level][1], below.numpy(), rtol=1e-9, atol=1e-15)


def test_what_is_kept_is_each_layers_input():
    network = build({"base": 2, "depth": 2}, seed=0).double().eval()
    hand = HandUNet(network.state_dict())
    image = np.random.default_rng(0).normal(size=(1, 3, 8, 8))
    seen = {}
    for name in ("pool.2", "bottleneck.relu1", "decoder.1.conv1", "up.2", "output", "encoder.1.norm2"):
        network.get_submodule(name).register_forward_hook(
            lambda module, given, out, name=name: seen.__setitem__(name, given[0].numpy()))
    hand.forward(image)
    with torch.no_grad():
        network(torch.from_numpy(image))
    assert len(seen) == 6
    for name, theirs in seen.items():
        np.testing.assert_allclose(hand.kept[name], theirs, rtol=0, atol=1e-12, err_msg=name)


def test_the_weights_are_copied_and_the_image_is_left_as_it_was():
    network = build({"base": 2, "depth": 1}, seed=0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    hand = HandUNet(network.state_dict(), training=True, dtype=np.float32)
    image = np.ones((1, 3, 4, 4), np.float32)
    image.flags.writeable = False
    hand.backward(hand.forward(image))
    assert not np.array_equal(hand.weights["encoder.1.norm1.running_mean"], before["encoder.1.norm1.running_mean"])
    hand.weights["output.bias"] += 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("size", [(100, 128), (128, 8), (0, 16)])
def test_a_size_that_cannot_be_halved_is_explained(size):
    with pytest.raises(ShapeError, match=rf"divisible by 16, as each of the 4 .*got {size[0]}×{size[1]}\. Pad or crop"):
        HandUNet(load_tensors(SHIPPED)[0]).forward(np.zeros((1, 3, *size)))


def test_an_image_with_other_channels_is_explained():
    with pytest.raises(ShapeError, match="expected an image of 3 channels, .*got 2"):
        HandUNet(load_tensors(SHIPPED)[0]).forward(np.zeros((1, 2, 16, 16)))


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda w: w.pop("decoder.2.norm1.running_var"), "depth 4; got 1 names .* first decoder.2.norm1.running_var"),
    (lambda w: w.pop("up.4.weight"), "depth 3; got .* names missing or too many"),
    (lambda w: w.update({"head.weight": w["output.weight"]}), "got 1 names .* first head.weight"),
    (lambda w: w.clear(), "depth 0; got .* names"),
])
def test_weights_that_are_not_a_unets_are_explained(spoil, message):
    weights = load_tensors(SHIPPED)[0]
    spoil(weights)
    with pytest.raises(CheckpointError, match=message):
        HandUNet(weights)


def test_backward_wants_forward_first():
    with pytest.raises(SettingsError, match=r"expected a forward pass.*Call forward\(image\)"):
        HandUNet(UNet(base=1, depth=1).state_dict()).backward(np.zeros((1, 1, 2, 2)))
