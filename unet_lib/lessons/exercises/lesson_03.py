"""Checkers of lesson 03, building the U-Net: its classes, piece by piece, and the tools to find a fault with."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, PropertyExercise
from unet_lib.lessons.exercises.module_exercise import (
    Attempt,
    ModuleExercise,
    Trial,
    prepared,
    same_tensors,
)

if TYPE_CHECKING:  # torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait
    from torch import Tensor, nn

CONV, NORM, RELU, POOL = "convolution", "batch norm", "ReLU", "max pooling"
UP, CAT = "transposed convolution", "concatenation"


def _ours(name: str) -> Any:
    from unet_lib.lessons import reference_unet

    return getattr(reference_unet, name)


def _without_weights(a: Attempt) -> bool:
    """Layers that torch does not know of, kept in a plain list: not even `double()` reaches them."""
    return "Double but found Float" in a.error or any(step.kind in (CONV, UP) and not step.weights for step in a.steps)


def _halved_input(a: Attempt) -> bool:
    return "to have" in a.error and "channels" in a.error


MODULE_LIST = ("Layers in a plain list are invisible to torch: their weights would never be trained. Use "
               "`nn.ModuleList([…])`.")

double_conv = ModuleExercise(
    question="double_conv(DoubleConv): the class DoubleConv(inputs, outputs), twice convolution, batch norm and ReLU.",
    name="double_conv",
    ours=lambda: _ours("DoubleConv"),
    trials=(Trial((3, 4), ((2, 3, 8, 10),)), Trial((5, 2), ((1, 5, 6, 6),))),
    insight="The building block of the whole network: two 3×3 convolutions see 5×5, and two ReLUs make it non-linear.",
    misconceptions=(
        Misconception(lambda a: a.steps[0].kind == CONV and a.steps[0].shape[3] == a.inputs[0].shape[3] - 2,
                      "Your first convolution shrinks height and width by 2. Give each convolution `padding=1`."),
        Misconception(lambda a: any(step.kind == CONV and len(step.weights) == 2 for step in a.steps)
                      and NORM in a.kinds(),
                      "Your convolutions have a bias. Batch norm subtracts each channel's mean, and any bias with it: "
                      "`bias=False`."),
        Misconception(lambda a: "running_mean should contain" in a.error,
                      "Each batch norm sees what its convolution gives: `nn.BatchNorm2d(outputs)`."),
        Misconception(lambda a: NORM not in a.kinds() and not a.error,
                      "There is no batch norm yet: one after each convolution."),
        Misconception(lambda a: a.kinds()[:3] == [CONV, RELU, NORM],
                      "The ReLU comes after the batch norm, not before it."),
        Misconception(lambda a: a.kinds() == [CONV, NORM, RELU, CONV, NORM],
                      "The last ReLU is missing: some of your numbers are negative."),
        Misconception(lambda a: a.kinds() == [CONV, NORM, CONV, NORM, RELU],
                      "The ReLU between the two convolutions is missing: without it they are no more than one."),
        Misconception(lambda a: bool(a.steps[1].weights) and a.steps[1].weights == a.steps[4].weights,
                      "One batch norm serves both convolutions. Each needs its own: they see other numbers."),
        Misconception(_halved_input, "The second convolution takes what the first one gives: `outputs` channels."),
        Misconception(lambda a: a.kinds() == [CONV, NORM, RELU] and not a.error,
                      "That is one convolution. The second half is the same again."),
    ),
    fallback_hint="The order is convolution, batch norm, ReLU, and the same again.",
)

encoder = ModuleExercise(
    question="encoder(Encoder): the class Encoder(base, depth), whose forward returns x and the list of skips.",
    name="encoder",
    ours=lambda: _ours("Encoder"),
    trials=(Trial((4, 2), ((2, 3, 8, 8),)), Trial((2, 3), ((1, 3, 16, 8),))),
    insight="Half as high, half as wide, twice as many channels, level after level; and each level's maps are kept.",
    misconceptions=(
        Misconception(_without_weights, MODULE_LIST),
        Misconception(lambda a: "mean pooling" in a.kinds(),
                      "You take the mean of each block. The U-Net takes the largest number: `nn.MaxPool2d(2)`."),
        Misconception(lambda a: a.kinds().count(POOL) == a.trial.arguments[1] - 1 and not a.error,
                      "One pooling is missing: every level ends with one, the last level too."),
        Misconception(lambda a: POOL not in a.kinds() and not a.error
                      and [step for step in a.steps if step.kind == CONV][2].shape[3] == a.inputs[0].shape[3],
                      "Nothing is pooled: every level ends with `nn.MaxPool2d(2)`."),
        Misconception(lambda a: [t.shape for t in (a.output[-1], *a.output[:-1])] == [t.shape for t in a.wanted],
                      "You return the skips first. `return x, skips`: what goes on comes first."),
        Misconception(lambda a: len(a.output) == len(a.wanted) and a.output[1].shape[1] == 3,
                      "You keep what goes into a level. Keep what its double convolution gives."),
        Misconception(lambda a: a.output is not None and len(a.output) == 1,
                      "`forward` should return two things: `x` and the list of skips."),
        Misconception(lambda a: len(a.output) == len(a.wanted) and a.output[1].shape[2:] != a.inputs[0].shape[2:]
                      and a.output[-1].shape[2:] == a.inputs[0].shape[2:],
                      "The list of skips is the wrong way round: the finest level comes first, as it is kept."),
        Misconception(lambda a: len(a.output) == len(a.wanted) and 2 * a.output[1].shape[3] == a.inputs[0].shape[3],
                      "You keep the skip after pooling, when the detail is gone already. Keep it before."),
        Misconception(lambda a: [s.shape[1] for s in a.steps if s.kind == CONV][2:3] == [a.trial.arguments[0]],
                      "The channels double from level to level: base, 2 · base, 4 · base and so on."),
        Misconception(_halved_input,
                      "A level takes as many channels as the one before it gives; the first takes the image's 3."),
    ),
    fallback_hint="For each level: double convolution, keep the result, pool it. Return x and the list.",
)


def _stamp_cases() -> tuple[Case, ...]:
    import torch

    x = torch.tensor([[1.0, -2, 3], [0, 4, 5]], dtype=torch.float64)
    kernels = (torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]]))
    return tuple(Case((x, k.double(), stride), _ours("stamp")(x, k.double(), stride),
                      f"stamp(x of 2×3, a kernel of {len(k)}×{len(k)}, stride={stride})")
                 for k, stride in ((kernels[0], 2), (kernels[1], 2), (kernels[1], 1)))


def _stamping(size: str = "right", add: bool = True, flip: bool = False, step: int = 0) -> Any:
    """A mistaken `stamp`."""
    def stamp(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
        import torch

        k, stride = len(kernel), step or stride
        more = {"right": (0, 0), "block": (stride - k, stride - k), "loose": (stride, stride)}[size]
        out = torch.zeros(*((n - 1) * stride + k + m for n, m in zip(x.shape, more, strict=True)), dtype=x.dtype)
        for row in range(x.shape[0]):
            for column in range(x.shape[1]):
                place = out[row * stride:row * stride + k, column * stride:column * stride + k]
                printed = x[row, column] * (kernel.flip(0, 1) if flip else kernel)[:place.shape[0], :place.shape[1]]
                place.copy_(place + printed if add else printed)
        return out
    return stamp


stamp = FunctionExercise(
    question="stamp(stamp): write stamp(x, kernel, stride), a transposed convolution of one channel.",
    signature="stamp(x, kernel, stride)",
    cases=cache(_stamp_cases),
    ours=lambda: _ours("stamp"),
    insight="With a 2×2 kernel and stride 2 the stamps lie side by side: exactly twice as high and wide.",
    misconceptions=(
        Misconception(_stamping(add=False), "Where stamps overlap, the later one wipes out the earlier. Add: `+=`."),
        Misconception(_stamping(step=1), "Your stamps are one pixel apart, whatever the stride."),
        Misconception(_stamping(size="block"),
                      "The last stamps are cut off: the output needs (h − 1) · stride + k rows, and columns alike."),
        Misconception(_stamping(size="loose"),
                      "The output is too large: (h − 1) · stride + k rows are enough, and columns alike."),
        Misconception(_stamping(flip=True), "Your stamps are upside down. The kernel is printed as it is."),
    ),
    fallback_hint="Each number x[row, column] adds number · kernel at row · stride, column · stride.",
)


def _joined_the_other_way(a: Attempt) -> bool:
    import torch

    (x, skip), up, conv = a.inputs, a.ours.get_submodule("up"), a.ours.get_submodule("conv")
    return same_tensors(a.output or (), (conv(torch.cat([up(x), skip], dim=1)),))


decoder_level = ModuleExercise(
    question="decoder_level(DecoderLevel): the class DecoderLevel(below, here), with forward(x, skip).",
    name="decoder_level",
    ours=lambda: _ours("DecoderLevel"),
    trials=(Trial((8, 4), ((2, 8, 4, 6), (2, 4, 8, 12))), Trial((6, 3), ((1, 6, 2, 2), (1, 3, 4, 4)))),
    insight="What comes from below says what it is, the skip says where; the double convolution learns to mix them.",
    misconceptions=(
        Misconception(lambda a: "upsampling" in a.kinds(),
                      "Upsampling has no weights. Take a transposed convolution: `nn.ConvTranspose2d`."),
        Misconception(lambda a: a.steps[0].kind == CONV,
                      "An ordinary convolution does not make maps larger. Take `nn.ConvTranspose2d`, first of all."),
        Misconception(lambda a: a.steps[0].kind == UP and a.steps[0].shape[1] == a.inputs[0].shape[1],
                      "Your transposed convolution keeps all channels. It leads from `below` to `here`, half as many."),
        Misconception(lambda a: a.steps[0].kind == UP and a.steps[0].shape[2:] != a.inputs[1].shape[2:],
                      "What comes up has not the skip's height and width: `kernel_size=2, stride=2` doubles both."),
        Misconception(lambda a: "cat()" in a.error,
                      "`torch.cat` takes a list of tensors: `torch.cat([skip, x], dim=1)`."),
        Misconception(lambda a: a.steps[0].kind == UP and a.steps[1].kind == CONV and CAT not in a.kinds()
                      and not a.error,
                      "The skip is not laid beside x. `torch.cat([skip, x], dim=1)` keeps both, and leaves it to the "
                      "convolution how to mix them."),
        Misconception(lambda a: a.steps[1].kind == CAT and a.steps[1].shape[1] == a.steps[1].given[1],
                      "You join along another axis. The channels are axis 1: `dim=1`."),
        Misconception(_halved_input,
                      "After the concatenation there are 2 · here channels: here from below, here from the skip."),
        Misconception(_joined_the_other_way,
                      "The two halves of the concatenation are exchanged: the skip comes first. Either order could "
                      "be trained; but our trained weights expect this one."),
    ),
    fallback_hint="up, then torch.cat with the skip first, then the double convolution.",
)


def _no_bottleneck(a: Attempt) -> bool:
    kinds = a.kinds()
    if a.error:
        return "transposed=1" in a.error and kinds[-1] == POOL
    last = len(kinds) - 1 - kinds[::-1].index(POOL)
    return kinds[last + 1] == UP


def _wrong_level(a: Attempt, right: bool) -> bool:
    """The decoder stops at its first transposed convolution, which is the right one for the deepest level, or not."""
    base, depth = a.trial.arguments
    deepest = f"weight of size [{base * 2**depth}, {base * 2**(depth - 1)}," in a.error
    return "transposed=1" in a.error and UP not in a.kinds() and a.kinds()[-1] == RELU and deepest == right


own_unet = ModuleExercise(
    question="own_unet(UNet): the class UNet(base, depth), the whole network.",
    name="own_unet",
    ours=lambda: _ours("UNet"),
    trials=(Trial((4, 2), ((1, 3, 8, 12),)), Trial((2, 3), ((2, 3, 16, 16),))),
    insight="The whole U-Net, every step and every number as in ours. It can take any weights that ours can.",
    misconceptions=(
        Misconception(_without_weights, MODULE_LIST),
        Misconception(lambda a: a.kinds()[-1:] == ["sigmoid"],
                      "You return probabilities. Return the logits: the loss and the mask start from these."),
        Misconception(lambda a: a.kinds().count(POOL) > a.trial.arguments[1],
                      "There are more poolings than `depth` says. The encoder has `depth`, the bottleneck none."),
        Misconception(lambda a: _wrong_level(a, right=True) and a.steps[-1].shape[1] == a.trial.arguments[0]
                      * 2**a.trial.arguments[1],
                      "A level of the decoder is called with what comes from below first, then the skip: "
                      "`level(x, skips.pop())`."),
        Misconception(lambda a: "Sizes of tensors must match" in a.error,
                      "A skip of the wrong size arrives. Last in, first out: `skips.pop()` gives the one needed next."),
        Misconception(_no_bottleneck,
                      "After the last pooling the bottleneck is missing, one more double convolution."),
        Misconception(lambda a: _wrong_level(a, right=False),
                      "The first level of your decoder does not fit what comes from the bottleneck. The decoder goes "
                      "the other way round: the deepest level, with the most channels, comes first."),
        Misconception(lambda a: a.steps[-1].shape[1] != 1 and not a.error and a.steps[-1].kind == CONV,
                      "Your output has several channels. One number a pixel is wanted: `nn.Conv2d(base, 1, 1)`."),
        Misconception(lambda a: a.steps[-1].kind == RELU and a.steps[-1].shape[1] == 1 and not a.error,
                      "There is a ReLU behind the output layer. Logits may be negative: so the healthy pixels are."),
        Misconception(lambda a: a.steps[-1].kind == RELU and a.steps[-1].shape[1] == a.trial.arguments[0]
                      and not a.error,
                      "The output layer is missing: many channels have to become one."),
        Misconception(lambda a: a.built.state_dict()[a.steps[-1].weights[0]].shape[-1] == 3 and not a.error,
                      "The output layer is a convolution of 1×1: it looks at one pixel at a time."),
    ),
    fallback_hint="encoder, bottleneck, each level of the decoder with `skips.pop()`, output.",
)


def _small_unet(training: bool = False) -> nn.Module:
    """A new copy of a U-Net of base 4 and depth 2, its output near the threshold."""
    return copy.deepcopy(_sound_unet()).train(training)


@cache
def _sound_unet() -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = prepared(_ours("UNet")(4, 2))
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
    return tuple(Case((network, image), _ours("outline")(copy.deepcopy(network), image),
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
    ours=lambda: _ours("outline"),
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
                              _watched(_ours("activation_stds")(_small_unet(), _image()[None])),
                              "activation_stds(a U-Net of base 4 and depth 2, images)"),)),
    observe=lambda arguments, stds: {"hooks left": left} if (left := _hooks(arguments[0])) else _watched(stds),
    also=_mode_kept,
    ours=lambda: _ours("activation_stds"),
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
                      _ours("gradient_norms")(copy.deepcopy(network), _image()[None], _mask()),
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
    ours=lambda: _ours("gradient_norms"),
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
