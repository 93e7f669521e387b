"""Training in JavaScript beside PyTorch's: gradients of every weight, and the weights after steps of Adam."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from unet_lib.models.unet import UNet
from unet_lib.training.losses import bce_dice_loss

JS = Path(__file__).parent / "js"
STEPS, RATE, SIDE = 3, 0.01, 16
TOLERANCE = 1e-4  # of a tensor's largest value


def network(base: int, depth: int, batch_norm: bool, cut: list[int]) -> UNet:
    """Untrained, in float64; a batch norm's weights drawn too, for 1 and 0 would hide mistakes."""
    torch.manual_seed(base)
    model = UNet(base=base, depth=depth, batch_norm=batch_norm)
    for name, values in model.named_parameters():
        if ".norm" in name:
            values.data += 0.3 * torch.randn_like(values)
    for level in cut:
        model.concat[str(level)].register_forward_pre_hook(lambda _, given: (0 * given[0], given[1]))
    return model.double()


def named(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": values.detach().float().clone() for name, values in tensors.items()
            if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize(("base", "depth", "batch", "batch_norm", "cut"), [
    (4, 2, 1, True, []), (8, 2, 2, True, []), (4, 3, 4, True, [1, 2, 3]), (5, 3, 2, True, [2]), (6, 2, 3, False, []),
    (4, 3, 1, False, [1])])
def test_gradients_and_adam_are_those_of_torch(node, tmp_path, base, depth, batch, batch_norm, cut):
    model = network(base, depth, batch_norm, cut)
    images = torch.randn(batch, 3, SIDE, SIDE)
    masks = (images[:, 1:2] > 1).float()
    state = {"images": images, "masks": masks, **named("weights", model.state_dict())}
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = bce_dice_loss(model(images.double()), masks.double())
        loss.backward()
        if not losses:
            state |= named("gradients", {name: values.grad for name, values in model.named_parameters()})
            state |= named("averages", dict(model.named_buffers()))
        losses.append(loss.item())
        optimizer.step()
    save_file(state, tmp_path / "state")
    settings = {"architecture": {"base": base, "depth": depth, "batch_norm": batch_norm, "in_channels": 3},
                "batch": batch, "cut": cut, "side": SIDE, "rate": RATE, "steps": STEPS}
    found = run(node, "compare_training.mjs", str(tmp_path / "state"), json.dumps(settings))
    assert found["losses"] == pytest.approx(losses, rel=TOLERANCE)
    for kind in ("gradients", "averages"):
        assert max(found[kind].values(), default=0) <= TOLERANCE, max(found[kind].items(), key=lambda item: item[1])


def test_adam_is_that_of_torch(node):
    torch.manual_seed(0)
    gradients = torch.randn(6, 5).double() * torch.tensor([1e-6, 1e-3, 1, 1e3, 0])
    weights = torch.nn.Parameter(torch.ones(5).double())
    optimizer = torch.optim.Adam([weights], lr=RATE)
    for step, gradient in enumerate(gradients):
        optimizer.param_groups[0]["lr"] = RATE / (1 + step)  # it may be changed on the way
        weights.grad = gradient
        optimizer.step()
    found = run(node, "adam_steps.mjs", json.dumps({"rate": RATE, "gradients": gradients.tolist()}))
    assert found == pytest.approx(weights.tolist(), rel=1e-5)


def test_initial_weights_are_drawn_as_torch_draws_them(node):
    architecture = {"base": 8, "depth": 3, "batch_norm": False, "in_channels": 3}
    drawn, other, again = run(node, "initial_weights.mjs", json.dumps(architecture))
    assert drawn == again != other
    torch.manual_seed(0)
    state = UNet(**architecture).state_dict()
    assert drawn.keys() == state.keys()
    for name, values in state.items():
        found, wanted = torch.tensor(drawn[name]), values.flatten()
        weight = state[f"{name.rpartition('.')[0]}.weight"]
        assert len(found) == len(wanted), name
        assert found.abs().max() <= 1.0001 / weight[0].numel() ** 0.5 or "up" in name, name
        if len(found) >= 100:
            assert found.abs().max() == pytest.approx(wanted.abs().max().item(), rel=0.05), name
            assert found.std() == pytest.approx(wanted.std().item(), rel=0.15), name
            assert found.mean().abs() < 0.2 * wanted.std(), name


def test_the_training_without_a_page(node):
    done = subprocess.run([node, "--test", "training.test.mjs"], cwd=JS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def run(node: str, script: str, *arguments: str) -> Any:
    done = subprocess.run([node, JS / script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
