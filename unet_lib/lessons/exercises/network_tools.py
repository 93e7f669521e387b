"""Checkers of lesson 03's functions around a network: a mask from it, and the looks that find its faults."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, PropertyExercise
from unet_lib.lessons.exercises.module_exercise import prepared, reference

if TYPE_CHECKING:  # torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait
    from torch import Tensor, nn


def _small_unet(training: bool = False) -> nn.Module:
    """A new copy of a U-Net of base 4 and depth 2, its output near the threshold."""
    return copy.deepcopy(_sound_unet()).train(training)


@cache
def _sound_unet() -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = prepared(reference("UNet")(4, 2))
    with torch.no_grad():
        logits = network(_image()[None])
        weight, bias = network.get_submodule("output").parameters()
        weight.mul_(2 / logits.std())
        bias.sub_(network(_image()[None]).mean())
    return network.requires_grad_(True)


@cache
def _image(size: int = 16) -> Tensor:
    import torch

    return (torch.arange(3 * size * size, dtype=torch.float64).reshape(3, size, size) * 0.37).sin()


def _recorded(answer: Any) -> str | None:
    """Does an outline function let the network record gradients?"""
    import torch

    network, seen = _small_unet(), []
    network.register_forward_pre_hook(lambda network, given: seen.append(torch.is_grad_enabled()))
    answer(network, _image())
    return ("The mask is right. But the network records gradients while it runs, which costs memory. Call it under "
            "`with torch.no_grad():`.") if any(seen) else None


def _outline_cases() -> tuple[Case, ...]:
    cases = ((_small_unet(training), image) for training in (True, False) for image in (_image(), -_image()))
    return tuple(Case((network, image), reference("outline")(copy.deepcopy(network), image),
                      f"outline(a network in {'training' if network.training else 'evaluation'} mode, an image)")
                 for network, image in cases)


def _logits(network: nn.Module, image: Tensor) -> Tensor:
    import torch

    with torch.no_grad():
        return network.eval()(image[None])[0, 0]


def _left_in_training(network: nn.Module, image: Tensor) -> Tensor:
    import torch

    with torch.no_grad():
        return network(image[None])[0, 0].sigmoid() >= 0.5


outline = FunctionExercise(
    question="outline(outline): write outline(network, image), True where the probability of tumour is at least 0.5.",
    signature="outline(network, image)",
    cases=cache(_outline_cases),
    also=_recorded,
    ours=lambda: reference("outline"),
    insight="Evaluation mode, no gradients, a batch of one, sigmoid, threshold: every prediction is made like this.",
    misconceptions=(
        Misconception(_left_in_training,
                      "The network may have been left in training mode; then its batch norms use this one image's "
                      "statistics, and its answer changes. Call `network.eval()` first."),
        Misconception(lambda network, image: _logits(network, image) >= 0.5,
                      "You compare the logits with 0.5. First comes the sigmoid."),
        Misconception(lambda network, image: _logits(network, image).sigmoid(),
                      "That is the probability. The mask says for each pixel whether it reaches 0.5."),
        Misconception(lambda network, image: _logits(network, image).sigmoid()[None, None] >= 0.5,
                      "The batch and the channel are still there. `[0, 0]` leaves height and width."),
        Misconception(lambda network, image: _logits(network, image).sigmoid() < 0.5,
                      "You mark what is healthy. Tumour is where the probability is at least 0.5."),
        Misconception(lambda network, image: network.eval()(image),
                      "The network expects a batch: `image[None]` adds an axis in front."),
    ),
    fallback_hint="network.eval(), then under torch.no_grad() network(image[None]), torch.sigmoid, [0, 0], >= 0.5.",
)


def _hooks(network: nn.Module) -> int:
    return sum(len(layer._forward_hooks) for layer in network.modules())


def _stds(what: str = "std", layers: tuple[str, ...] = ("Conv2d", "ConvTranspose2d"), side: str = "out",
          one_name: bool = False, leave: bool = False, give: bool = False) -> Any:
    """A mistaken `activation_stds`; with no `layers`, every module is hooked."""
    def activation_stds(network: nn.Module, images: Tensor) -> dict[str, float]:
        stds: dict[str, float] = {}
        handles = []
        names = [name for name, layer in network.named_modules() if not layers or type(layer).__name__ in layers]
        for name in names:
            layer = network.get_submodule(name)
            def note(layer: Any, given: Any, out: Any, name: str = names[-1] if one_name else name) -> Any:
                seen = {"out": out, "given": given[0], "weight": getattr(layer, "weight", None)}[side]
                stds[name] = seen.std(correction=0).item() if what == "population" else getattr(seen, what)().item()
                return stds[name] if give else None
            handles.append(layer.register_forward_hook(note))
        network(images)
        for handle in handles * (not leave):
            handle.remove()
        return stds
    return activation_stds


def _mode_kept(answer: Any) -> str | None:
    network = _small_unet()
    answer(network, _image()[None])
    return ("The numbers are right. But the network is left in training mode, and was not: leave it as it was."
            if network.training else None)


activation_stds = FunctionExercise(
    question="activation_stds(activation_stds): write activation_stds(network, images), a dictionary name → number.",
    signature="activation_stds(network, images)",
    cases=cache(lambda: (Case((_small_unet(), _image()[None]),
                              _watched(reference("activation_stds")(_small_unet(), _image()[None])),
                              "activation_stds(a U-Net of base 4 and depth 2, images)"),)),
    observe=lambda arguments, stds: {"hooks left": left} if (left := _hooks(arguments[0])) else _watched(stds),
    also=_mode_kept,
    ours=lambda: reference("activation_stds"),
    insight="Hooks look into a running network without changing it. Remove them when you are done.",
    misconceptions=(
        Misconception(_stds("mean"), "That is the mean. How far the numbers spread is `out.std()`."),
        Misconception(_stds("var"), "That is the variance. Its square root is the standard deviation: `out.std()`."),
        Misconception(_stds("population"),
                      "That divides by n, `out.std()` by n − 1. The difference is tiny; take `out.std()`."),
        Misconception(_stds(side="given"), "You measure what goes in. The hook's third argument is what comes out."),
        Misconception(_stds(side="weight"), "You measure the weights. The hook's third argument is what comes out."),
        Misconception(_stds(layers=("Conv2d",)), "The transposed convolutions are missing: `nn.ConvTranspose2d`."),
        Misconception(_stds(one_name=True),
                      "All numbers end up under one name: a hook reads `name` when it runs, and the loop is over by "
                      "then. Give it a default: `def note(layer, inputs, out, name=name)`."),
        Misconception(_stds(layers=()), "You hook every module, blocks of layers too. Take the convolutions only."),
        Misconception(_stds(give=True), "What a hook returns takes the place of what the layer gave. Return nothing."),
        Misconception(_stds(leave=True), "Your hooks stay in the network. Keep what `register_forward_hook` returns, "
                                         "and call `.remove()` on each at the end."),
    ),
    fallback_hint="Loop over network.named_modules(), hook each convolution, call the network once, remove the hooks.",
)


def _watched(stds: Any) -> Any:
    """As plain numbers, for comparing."""
    return {str(name): float(value) for name, value in stds.items()} if isinstance(stds, dict) else stds


@cache
def _mask() -> Tensor:
    return (_image()[:1] > 0.5).double()[None]


class _Used:
    """Makes copies of a network whose weights still have the gradients of an earlier backward pass."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __deepcopy__(self, memo: Any) -> nn.Module:
        fresh = copy.deepcopy(self.network)
        for number, weight in enumerate(fresh.parameters()):
            weight.grad = weight.detach() * 0 + number
        return fresh


@cache
def _gradient_cases() -> tuple[Case, ...]:
    from unet_lib.lessons.faulty_unets import faulty_unet

    sound = _small_unet()
    networks = {"a U-Net that was used before": _Used(sound), "a U-Net, part of which gets no gradient":
                faulty_unet("C", sound)}  # type: ignore[arg-type]
    return tuple(Case((network, _image()[None], _mask()),
                      reference("gradient_norms")(copy.deepcopy(network), _image()[None], _mask()),
                      f"gradient_norms({name}, images, masks)") for name, network in networks.items())


def _norms(measure: Any = lambda gradient: gradient.norm().item(), clear: bool = True, backward: bool = True,
           probability: bool = False, missing: Any = 0.0) -> Any:
    """A mistaken `gradient_norms`; `missing` is said of a weight without a gradient, or None: it is left out."""
    def gradient_norms(network: nn.Module, images: Tensor, masks: Tensor) -> dict[str, float]:
        from torch.nn import functional as F

        if clear:
            network.zero_grad()
        out = network(images)
        loss = F.binary_cross_entropy_with_logits(out.sigmoid() if probability else out, masks)
        if backward:
            loss.backward()
        norms = {name: missing if weight.grad is None else measure(weight.grad)
                 for name, weight in network.named_parameters()}
        return {name: norm for name, norm in norms.items() if norm is not None}
    return gradient_norms


def _trusting(network: nn.Module, images: Tensor, masks: Tensor) -> dict[str, float]:
    from torch.nn import functional as F

    network.zero_grad()
    F.binary_cross_entropy_with_logits(network(images), masks).backward()
    return {name: weight.grad.norm().item() for name, weight in network.named_parameters()}  # type: ignore[union-attr]


def _of_weights(network: nn.Module, images: Tensor, masks: Tensor) -> dict[str, float]:
    return {name: weight.norm().item() for name, weight in network.named_parameters()}


gradient_norms = FunctionExercise(
    question="gradient_norms(gradient_norms): write gradient_norms(network, images, masks), a number for each weight.",
    signature="gradient_norms(network, images, masks)",
    cases=_gradient_cases,
    observe=lambda arguments, norms: _watched(norms),
    ours=lambda: reference("gradient_norms"),
    insight="A weight whose gradient is 0 cannot learn, however long you train.",
    misconceptions=(
        Misconception(_of_weights, "That is the length of the weights. Their gradient is `weight.grad`."),
        Misconception(_norms(lambda gradient: gradient.sum().item()),
                      "You add the gradient up: what is positive and what is negative cancel. Take `.norm()`."),
        Misconception(_norms(lambda gradient: gradient.mean().item()),
                      "You take the mean: what is positive and what is negative cancel. Take `.norm()`."),
        Misconception(_norms(lambda gradient: gradient.abs().max().item()),
                      "That is the largest entry. The length of the whole gradient is `.norm()`."),
        Misconception(_norms(probability=True), "The loss with logits takes the logits; you gave it probabilities."),
        Misconception(_norms(clear=False),
                      "The network had gradients already, and yours were added to them. Call `network.zero_grad()` "
                      "first."),
        Misconception(_norms(backward=False),
                      "All numbers are 0. Did you call `loss.backward()`, and clear the gradients before it?"),
        Misconception(_trusting, "A weight that no gradient reaches has `weight.grad` None, which has no norm. Write "
                                 "0.0 for it."),
        Misconception(_norms(missing=None), "Weights that no gradient reaches are missing. Write 0.0 for them."),
    ),
    fallback_hint="zero_grad, the loss of network(images) and masks, backward; then weight.grad.norm() by name.",
)

FAULTS = ("cut gradient", "dead block", "no pooling", "no skips", "sigmoid inside", "too few channels")
DIAGNOSES = ("no pooling", "dead block", "cut gradient")
_HINTS = (
    "Network A: compare its steps with those of the sound network. Which level does not halve height and width?",
    "Network B has the right shapes. After which convolution do the activations fall to 0?",
    "Network C gives the right answers. Which of its weights have gradients of 0?",
)


def _words(answer: Any) -> tuple[str, ...] | None:
    answer = [answer.get(name) for name in "ABC"] if isinstance(answer, dict) else answer
    if not isinstance(answer, list | tuple | np.ndarray) or len(answer) != len(DIAGNOSES):
        return None
    return tuple(str(word).strip().lower().replace("_", " ") for word in answer)


diagnoses = PropertyExercise(
    question="diagnoses(answer): what ails networks A, B and C, one fault each.",
    expected=f"a list of three faults out of {', '.join(map(repr, FAULTS))}",
    read=_words,
    right=lambda words: words == DIAGNOSES,
    insight="Shapes, activations, gradients: three looks find most faults, and none of them is a guess.",
    misconceptions=(
        Misconception(lambda words: any(word not in FAULTS for word in words),
                      f"Choose from these: {', '.join(FAULTS)}."),
        Misconception(lambda words: sorted(words) == sorted(DIAGNOSES), "The right faults, in another order."),
        *(Misconception(lambda words, at=at: words[:at] == DIAGNOSES[:at] and words[at] != DIAGNOSES[at], hint)
          for at, hint in enumerate(_HINTS)),
    ),
    fallback_hint="Take them one at a time, from the first.",
)
