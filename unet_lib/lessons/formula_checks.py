"""How each formula of lesson 07 is checked: in NumPy, and again by PyTorch and its autograd, on random numbers.

Each function takes the steps backwards by name, ours or a reader's, and a random generator, and gives what came out in
NumPy and what PyTorch says.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unet_lib import byhand
from unet_lib.byhand.unet import BACKWARD
from unet_lib.models import cost_formulas
from unet_lib.models.registry import build

Arrays = tuple[Any, ...]
Functions = Mapping[str, Callable[..., Any]]
Pair = tuple[Arrays, Arrays]
Check = Callable[[Functions, np.random.Generator], Pair]


def _autograd(function: Callable[..., Tensor], arrays: Arrays, grad_y: np.ndarray) -> Arrays:
    """PyTorch's output, then the gradient of each array for this gradient of the output."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    y = function(*tensors)
    return y, *torch.autograd.grad(y, tensors, torch.as_tensor(grad_y))


def parts(layer: Check, *numbers: int) -> Check:
    """Of a layer's output (0) and gradients (1, 2, …) those that a formula is about."""
    def check(functions: Functions, random: np.random.Generator) -> Pair:
        ours, theirs = layer(functions, random)
        return tuple(ours[n] for n in numbers), tuple(theirs[n] for n in numbers)
    return check


def chain(functions: Functions, random: np.random.Generator) -> Pair:
    """From x to y = A x to L = Σ y³: Σ_j 3·y[j]² · A[j, i]."""
    matrix, x = random.normal(size=(4, 3)), random.normal(size=3)
    y = matrix @ x
    ours = [sum(3 * y[j] ** 2 * matrix[j, i] for j in range(4)) for i in range(3)]
    return (np.array(ours),), _autograd(lambda x: ((torch.tensor(matrix) @ x) ** 3).sum(), (x,), np.ones(()))[1:]


def quotient(functions: Functions, random: np.random.Generator) -> Pair:
    """Of a function of six numbers."""
    x = random.normal(size=(2, 3))
    ours = functions["numerical_gradient"](lambda x: float(np.sin(x).sum() * x[0, 0]), x, 1e-6)
    return (ours,), _autograd(lambda x: x.sin().sum() * x[0, 0], (x,), np.ones(()))[1:]


def conv(functions: Functions, random: np.random.Generator) -> Pair:
    """With padding: the output, and three gradients."""
    x, weight, bias = (random.normal(size=shape) for shape in ((2, 3, 5, 4), (4, 3, 3, 3), 4))
    grad_y = random.normal(size=(2, 4, 5, 4))
    ours = byhand.conv2d_loops(x, weight, bias, padding=1), *functions["conv2d_backward"](grad_y, x, weight, padding=1)
    return ours, _autograd(lambda x, w, b: F.conv2d(x, w, b, padding=1), (x, weight, bias), grad_y)


def norm(functions: Functions, random: np.random.Generator) -> Pair:
    """In training mode: the output, three gradients, and the sum of the first one, which is 0."""
    x, grad_y = random.normal(size=(2, 2, 3, 4, 5))
    gamma, beta = random.normal(size=(2, 3))
    ours = byhand.batch_norm2d(x, gamma, beta), *functions["batch_norm2d_backward"](grad_y, x, gamma)
    theirs = _autograd(lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True),
                       (x, gamma, beta), grad_y)
    return (*ours, np.zeros(3)), (*theirs, theirs[1].sum(dim=(0, 2, 3)))


def relu(functions: Functions, random: np.random.Generator) -> Pair:
    """The output, and its gradient."""
    x, grad_y = random.normal(size=(2, 2, 3, 4, 4))
    return (byhand.relu(x), functions["relu_backward"](grad_y, x)), _autograd(F.relu, (x,), grad_y)


def pool(functions: Functions, random: np.random.Generator) -> Pair:
    """The output, and its gradient."""
    x, grad_y = random.normal(size=(2, 3, 4, 6)), random.normal(size=(2, 3, 2, 3))
    ours = byhand.max_pool2d_loops(x), functions["max_pool2d_backward"](grad_y, x)
    return ours, _autograd(lambda x: F.max_pool2d(x, 2), (x,), grad_y)


def fork(functions: Functions, random: np.random.Generator) -> Pair:
    """An array goes through a pooling and, beside it, unchanged into a concatenation."""
    x, below, joined = (random.normal(size=shape) for shape in ((1, 2, 4, 4), (1, 2, 2, 2), (1, 5, 4, 4)))
    ours = functions["concat_backward"](joined, 2)[0] + functions["max_pool2d_backward"](below, x)
    theirs = _autograd(lambda x: torch.cat([F.max_pool2d(x, 2).flatten(), x.flatten()]), (x,),
                       np.concatenate([below.ravel(), joined[:, :2].ravel()]))
    return (ours,), theirs[1:]


def up(functions: Functions, random: np.random.Generator) -> Pair:
    """The output, and three gradients."""
    x, weight, bias = (random.normal(size=shape) for shape in ((2, 4, 3, 2), (4, 3, 2, 2), 3))
    grad_y = random.normal(size=(2, 3, 6, 4))
    ours = byhand.conv_transpose2d_loops(x, weight, bias), *functions["conv_transpose2d_backward"](grad_y, x, weight)
    return ours, _autograd(lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2), (x, weight, bias), grad_y)


def concat(functions: Functions, random: np.random.Generator) -> Pair:
    """The output, and two gradients."""
    skip, x, grad_y = (random.normal(size=(2, channels, 4, 4)) for channels in (2, 3, 5))
    ours = byhand.concat(skip, x), *functions["concat_backward"](grad_y, 2)
    return ours, _autograd(lambda *given: torch.cat(given, dim=1), (skip, x), grad_y)


def output(functions: Functions, random: np.random.Generator) -> Pair:
    """The output, and three gradients."""
    x, weight, bias = (random.normal(size=shape) for shape in ((2, 4, 3, 3), (2, 4, 1, 1), 2))
    grad_y = random.normal(size=(2, 2, 3, 3))
    ours = byhand.conv1x1(x, weight, bias), *functions["conv1x1_backward"](grad_y, x, weight)
    return ours, _autograd(F.conv2d, (x, weight, bias), grad_y)


def _torch_dice(p: Tensor, mask: np.ndarray) -> Tensor:
    truth = torch.tensor(mask)
    return 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)


def bce(functions: Functions, random: np.random.Generator) -> Pair:
    """The loss, and its gradient for the logits."""
    logits, mask = random.normal(size=(2, 1, 4, 4)) * 3, (random.random((2, 1, 4, 4)) < 0.3) * 1.0
    theirs = _autograd(lambda z: F.binary_cross_entropy_with_logits(z, torch.tensor(mask)), (logits,), np.ones(()))
    return (byhand.bce(logits, mask), byhand.bce_backward(logits, mask)), theirs


def dice(functions: Functions, random: np.random.Generator) -> Pair:
    """The loss, its gradient for the probabilities, and for the logits."""
    logits, mask = random.normal(size=(2, 1, 4, 4)) * 3, (random.random((2, 1, 4, 4)) < 0.3) * 1.0
    p = byhand.sigmoid(logits)
    total = p.sum() + mask.sum() + 1
    dice = (2 * (p * mask).sum() + 1) / total
    to_p = _autograd(lambda p: _torch_dice(p, mask), (p,), np.ones(()))
    to_z = _autograd(lambda z: _torch_dice(torch.sigmoid(z), mask), (logits,), np.ones(()))
    return (1 - dice, (dice - 2 * mask) / total, byhand.soft_dice_backward(logits, mask)), (*to_p, to_z[1])


def loss(functions: Functions, random: np.random.Generator) -> Pair:
    """The gradient of both losses for the logits."""
    logits, mask = random.normal(size=(2, 1, 4, 4)) * 3, (random.random((2, 1, 4, 4)) < 0.3) * 1.0

    def both(z: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(z, torch.tensor(mask)) + _torch_dice(torch.sigmoid(z), mask)

    return (functions["bce_dice_backward"](logits, mask),), _autograd(both, (logits,), np.ones(()))[1:]


def whole(functions: Functions, random: np.random.Generator, base: int = 2, depth: int = 2) -> Pair:
    """A whole U-Net: its logits, then the gradient of each weight."""
    network = build({"base": base, "depth": depth}, seed=int(random.integers(99))).double().train()
    own = {name: function for name, function in functions.items() if name in BACKWARD}
    hand = byhand.HandUNet(network.state_dict(), training=True, functions=own)
    image, grad = random.normal(size=(2, 3, 8, 8)), random.normal(size=(2, 1, 8, 8))
    ours = hand.forward(image), hand.backward(grad)[1]
    names, weights = zip(*network.named_parameters(), strict=True)
    logits = network(torch.tensor(image))
    theirs = torch.autograd.grad(logits, weights, torch.tensor(grad))
    return (ours[0], *(ours[1][name] for name in names)), (logits, *theirs)


def whole_forward(functions: Functions, random: np.random.Generator) -> Pair:
    """The logits."""
    ours, theirs = whole(functions, random)
    return ours[:1], theirs[:1]


def whole_backward(functions: Functions, random: np.random.Generator) -> Pair:
    """The gradient of every weight."""
    ours, theirs = whole(functions, random)
    return ours[1:], theirs[1:]


def double_conv(functions: Functions, random: np.random.Generator) -> Pair:
    """The gradients of encoder.1, a double convolution, in a whole network."""
    ours, theirs = whole(functions, random, depth=1)
    return ours[1:7], theirs[1:7]


def adam(functions: Functions, random: np.random.Generator) -> Pair:
    """Three steps; weight and both running means."""
    weight, mean, square = random.normal(size=(2, 3)), np.zeros((2, 3)), np.zeros((2, 3))
    theirs = torch.tensor(weight, requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=0.01)
    for step in (1, 2, 3):
        gradient = random.normal(size=(2, 3))
        weight, mean, square = functions["adam_step"](weight, gradient, mean, square, step, 0.01)
        theirs.grad = torch.tensor(gradient)
        optimiser.step()
    state = optimiser.state[theirs]
    return (mean, square, weight), (state["exp_avg"], state["exp_avg_sq"], theirs)


def variance(functions: Functions, random: np.random.Generator) -> Pair:
    """Over all signs of n weights of ±a, each as likely as the other: V = a²."""
    x, size = random.normal(size=6), random.uniform(0.5, 2)
    outputs = [size * np.dot(signs, x) for signs in product((-1, 1), repeat=6)]
    return (6 * size**2 * np.mean(x**2),), (torch.tensor(outputs).var(correction=0),)


def counts(functions: Functions, random: np.random.Generator) -> Pair:
    """Parameters, multiply-adds and receptive field; PyTorch's counted from the network itself."""
    base, depth = int(random.integers(1, 5)), int(random.integers(1, 4))
    side = 2**depth
    network = build({"base": base, "depth": depth}, seed=0)
    products: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda layer, given, out: products.append(_products(layer, given[0], out)))
    network.eval()(torch.zeros(1, 3, side, side))
    ours = cost_formulas.parameters(base, depth), cost_formulas.multiply_adds(base, depth, side * side)
    field = cost_formulas.receptive_field(depth)
    return (*ours, field), (sum(p.numel() for p in network.parameters()), sum(products), _field(depth))


def _products(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    """A convolution uses its weights once for each output pixel, the transposed one once for each input pixel."""
    pixels = x if isinstance(layer, nn.ConvTranspose2d) else y
    return sum(p.numel() for name, p in layer.named_parameters() if name == "weight") * pixels[0, 0].numel()


def _field(depth: int) -> int:
    """From the first input pixel that one output pixel sees to the last, by autograd; the widest over all positions.

    All weights are positive and pooling takes means, so that nothing that could be seen is hidden.
    """
    network = build({"base": 1, "depth": depth, "batch_norm": False}, seed=0).double()
    for parameter in network.parameters():
        parameter.data = torch.full_like(parameter, 0.05)
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(2))
    side = 32 * 2**depth
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    logits = network(image)[0, 0]
    return max(_span(logits[side // 2 + shift, side // 2], image) for shift in range(2**depth))


def _span(logit: Tensor, image: Tensor) -> int:
    gradient, = torch.autograd.grad(logit, image, retain_graph=True)
    seen = torch.nonzero(gradient[0].sum(dim=(0, 2)))
    return int(seen.max() - seen.min() + 1)
