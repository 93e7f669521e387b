"""Checkers of lesson 03, building the U-Net: shapes, blocks, the forward pass, and five faulty networks."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from unet_lib.lessons.exercises.exercise import (
    Case,
    FunctionExercise,
    Misconception,
    NumberExercise,
    PropertyExercise,
    to_array,
)
from unet_lib.lessons.exercises.network_exercise import NetworkExercise, equal

# torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait for it.


def _prepared(module: Any) -> Any:
    """In float64 and evaluation mode, its weights not to be trained, its batch norms with a history."""
    import torch

    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.linspace(-0.4, 0.1, len(buffer)))
        if name.endswith("running_var"):
            buffer.copy_(torch.linspace(0.05, 0.1, len(buffer)))
    return module.double().eval().requires_grad_(False)


@cache
def _small_block() -> Any:
    import torch

    from unet_lib.models.blocks import DoubleConv

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _prepared(DoubleConv(3, 4))


@cache
def _small_unet() -> Any:
    from unet_lib.models.registry import build

    return _prepared(build({"base": 4, "depth": 2}, seed=0))


def _without_relu(got: Any, wanted: Any, ours: tuple[Any, Any]) -> bool:
    return bool((got < 0).any()) and equal(got.clamp(min=0), wanted)


def _halfway(got: Any, wanted: Any, ours: tuple[Any, Any]) -> bool:
    """Only the ReLU between the convolutions is missing."""
    block, image = ours
    x = block.norm1(block.conv1(image))
    return equal(got, block.relu2(block.norm2(block.conv2(x))))


double_conv = NetworkExercise(
    question="double_conv(function): write double_conv(inputs, outputs), two convolutions with norm and ReLU.",
    name="double_conv",
    arguments=(3, 4),
    reference=lambda: _small_block(),
    image=(2, 3, 8, 8),
    insight="The building block of the whole network: two 3×3 convolutions see 5×5, and two ReLUs make it non-linear.",
    misconceptions=(
        Misconception(_without_relu, "The last ReLU is missing: some of your numbers are negative."),
        Misconception(_halfway, "The ReLU between the two convolutions is missing: they melt into one."),
        Misconception(lambda got, wanted, ours: got.shape != wanted.shape,
                      "Height and width have shrunk. Give each convolution `padding=1`."),
    ),
    fallback_hint="The order is conv1, norm1, relu1, conv2, norm2, relu2.",
)


def _probability(got: Any, wanted: Any, ours: tuple[Any, Any]) -> bool:
    return equal(got, wanted.sigmoid())


def _swapped(network: Any, image: Any) -> Any:
    from unet_lib.lessons.faulty_unets import faulty_unet

    return faulty_unet(2, network)(image)


def _without_output(network: Any, image: Any) -> Any:
    import torch

    from unet_lib.models.unet import forward_pass

    headless = copy.deepcopy(network)
    headless.output = torch.nn.Identity()
    return forward_pass(headless, image)


def _pooled_skips(network: Any, image: Any) -> Any:
    x, skips = image, []
    for level in network.encoder:
        x = network.pool[level](network.encoder[level](x))
        skips.append(x)
    return _back(network, network.bottleneck(x), skips[::-1])


def _first_skip_first(network: Any, image: Any) -> Any:
    x, skips = image, []
    for level in network.encoder:
        skips.append(network.encoder[level](x))
        x = network.pool[level](skips[-1])
    return _back(network, network.bottleneck(x), skips)


def _back(network: Any, x: Any, skips: list[Any]) -> Any:
    import torch

    for level, skip in zip(reversed(list(network.up)), skips, strict=True):
        x = network.decoder[level](torch.cat([skip, network.up[level](x)], dim=1))
    return network.output(x)


own_unet = NetworkExercise(
    question="own_unet(MyUNet): your class against ours, by name, shape and output.",
    name="own_unet",
    arguments=(4, 2),
    reference=lambda: _small_unet(),
    image=(2, 3, 16, 16),
    insight="Same names, same shapes, same numbers: with our weights your network gives our answers.",
    misconceptions=(
        Misconception(_probability,
                      "You return probabilities. Return the logits: the loss and the mask start from these."),
        Misconception(lambda got, wanted, ours: equal(got, _swapped(*ours)),
                      "The two halves of the concatenation are exchanged: the encoder's channels come first."),
        Misconception(lambda got, wanted, ours: got.shape != wanted.shape,
                      "The output has another shape. One channel, and height and width of the image, are wanted."),
    ),
    fallback_hint="Follow the U: encoder and pooling down, bottleneck, then up, concat and decoder.",
)


@cache
def _forward_cases() -> tuple[Case, ...]:
    import torch

    network = _small_unet()
    images = (torch.linspace(-1, 1, 3 * s * s, dtype=torch.float64).reshape(1, 3, s, s).sin() for s in (8, 16))
    return tuple(Case((network, image), network(image), f"forward(network, an image of {tuple(image.shape)})")
                 for image in images)


forward = FunctionExercise(
    question="forward(function): write forward(network, image), the way through the U.",
    signature="forward(network, image)",
    cases=_forward_cases,
    insight="Down, across, up. The list of skips is last in, first out: the deepest one is used first.",
    misconceptions=(
        Misconception(_swapped, "The two halves of the concatenation are exchanged: the skip comes first."),
        Misconception(_pooled_skips,
                      "You keep the skip after pooling, when the detail is gone already. Keep it before."),
        Misconception(_first_skip_first,
                      "The skips come in the wrong order: the last one kept has the size needed first."),
        Misconception(lambda network, image: network(image).sigmoid(), "You return probabilities. Return the logits."),
        Misconception(_without_output, "The output layer is missing: many channels have to become one."),
    ),
    fallback_hint="encoder → keep → pool, for each level; bottleneck; up → concat → decoder, backwards; output.",
)

bottleneck_shape = PropertyExercise(
    question="bottleneck_shape(answer): (channels, height, width) at the bottom of a U-Net, base 64, depth 4, 256×256.",
    expected="three whole numbers, (channels, height, width)",
    read=lambda answer: None if (a := to_array(answer, (3,))) is None else tuple(a.tolist()),
    right=lambda shape: shape == (1024, 16, 16),
    insight="16 times smaller, 16 times wider: much of *what*, little of *where*.",
    misconceptions=(
        Misconception(lambda shape: shape == (16, 16, 1024),
                      "The numbers are right; in torch the channels come first."),
        Misconception(lambda shape: shape in ((512, 16, 16), (2048, 16, 16)),
                      "Level 1 has 64; levels 2 to 4 and the bottleneck double: four doublings."),
        Misconception(lambda shape: shape == (512, 32, 32),
                      "That is the encoder's last level, before the fourth pooling."),
        Misconception(lambda shape: shape[0] == 64, "The channels double at each level; they do not stay at 64."),
        Misconception(lambda shape: shape[1:] == (256, 256), "Four poolings halve height and width four times."),
        Misconception(lambda shape: shape == (1024, 64, 64), "Each pooling halves: 256, 128, 64, 32, 16."),
    ),
    fallback_hint="Channels 64 · 2⁴, height and width 256 / 2⁴.",
)

decoder_inputs = NumberExercise(
    question="decoder_inputs(answer): 16 channels come up, 16 over the skip; how many must `decoder.1` take?",
    right=32,
    insight="Concatenation puts channels side by side; added instead, they would stay 16.",
    misconceptions=(
        Misconception(16, "That would be right if the skip were added. Here both stand side by side."),
        Misconception(48, "`up` has halved the 32 channels from below already: 16 come up."),
        Misconception(64, "Nothing is multiplied: 16 channels beside 16 channels."),
        Misconception(256, "Channels side by side are added up, not multiplied."),
    ),
    fallback_hint="Count what lies side by side after the concatenation.",
)

DIAGNOSES = ("size", "order", "activation", "channels", "eval")
_HINTS = (
    "Network 1 raises before it computes anything, and names two numbers. What do they say?",
    "Network 2 has good weights and runs through, but they meet the wrong channels. Where are two things joined?",
    "Network 3 answers a sum with the sum of its answers. What makes a network more than one big sum?",
    "Network 4 raises in the decoder and counts channels. Which word fits?",
    "Network 5 changes its answer with the company an image is in. Which layer looks at the whole batch?",
)


def _words(answer: Any) -> tuple[str, ...] | None:
    if not isinstance(answer, list | tuple) or len(answer) != len(DIAGNOSES):
        return None
    return tuple(str(word).strip().lower().rstrip("()") for word in answer)


def _first_wrong(index: int) -> Callable[[tuple[str, ...]], bool]:
    return lambda words: words[:index] == DIAGNOSES[:index] and words[index] != DIAGNOSES[index]


diagnoses = PropertyExercise(
    question="diagnoses(answer): five words, one for each faulty network.",
    expected=f"a list of five words out of {', '.join(sorted(DIAGNOSES))}",
    read=_words,
    right=lambda words: words == DIAGNOSES,
    insight="Two of the five announce themselves with an error. The other three only answer badly.",
    misconceptions=tuple(Misconception(_first_wrong(index), hint) for index, hint in enumerate(_HINTS)),
    fallback_hint="Take them one at a time, from the first.",
)


def _needed(size: int, depth: int) -> int:
    return -size % 2**depth


pad_needed = FunctionExercise(
    question="pad_needed(function): write pad_needed(size, depth), the pixels to add so that the U-Net accepts it.",
    signature="pad_needed(size, depth)",
    cases=tuple(Case(case, _needed(*case)) for case in ((100, 4), (256, 4), (250, 3), (33, 5), (7, 1))),
    insight="Pad before, crop after: the mask comes back in the image's own size.",
    misconceptions=(
        Misconception(lambda size, depth: size % 2**depth, "That is what is too much. How much is missing?"),
        Misconception(lambda size, depth: 2**depth - size % 2**depth,
                      "Almost: a size that fits already needs 0 more, not a whole block."),
        Misconception(lambda size, depth: -size % (2 * depth),
                      "Each level halves: the divisor is 2 to the power of depth."),
        Misconception(lambda size, depth: size + _needed(size, depth),
                      "That is the new size. How many pixels are added?"),
    ),
    fallback_hint="The smallest number that makes size + number divisible by 2**depth.",
)

_A = np.arange(8.0).reshape(1, 2, 2, 2)

join_skip = FunctionExercise(
    question="join_skip(function): fix network 2 with join_skip(skip, x), arrays [batch, channels, height, width].",
    signature="join_skip(skip, x)",
    cases=tuple(Case((skip, x), np.concatenate([skip, x], axis=1), "join_skip(2 channels, 2 channels)")
                for skip, x in ((_A, -_A), (-_A, 3 * _A))),
    insight="Either order would do, as long as it is the one that the weights were trained with.",
    misconceptions=(
        Misconception(lambda skip, x: np.concatenate([x, skip], axis=1), "This is the order that broke network 2."),
        Misconception(lambda skip, x: np.concatenate([skip, x]), "Joined along the batch. Channels are axis 1."),
        Misconception(lambda skip, x: np.concatenate([skip, x], axis=-1), "Joined side by side. Channels are axis 1."),
        Misconception(lambda skip, x: skip + x, "That adds. Concatenation keeps both."),
    ),
    fallback_hint="`np.concatenate` with the encoder's channels first, along the axis of the channels.",
)

_X = np.array([[-2.0, -0.5, 0.0], [0.5, 3.0, -1.0]])

activate = FunctionExercise(
    question="activate(function): fix network 3 with activate(x), the ReLU.",
    signature="activate(x)",
    cases=tuple(Case((x,), np.maximum(x, 0), "activate(an array with −2, −0.5, 0, 3, …)") for x in (_X, -_X)),
    insight="One non-linear step for each number. Without it, two convolutions are no more than one.",
    misconceptions=(
        Misconception(lambda x: np.minimum(x, 0), "You keep the negative ones. The ReLU keeps the positive."),
        Misconception(np.abs, "That is the absolute value. What is negative becomes 0."),
        Misconception(lambda x: 1 / (1 + np.exp(-x)), "That is the sigmoid. It belongs after the output, if anywhere."),
        Misconception(lambda x: x > 0, "True and False only say where it is positive. Keep the numbers there."),
        Misconception(lambda x: x, "Nothing has changed: still one big sum."),
    ),
    fallback_hint="Compare every number with 0 and keep the larger.",
)


class Switch:
    """A stand-in for a network with batch norm: it keeps a list of what was asked of it."""

    def __init__(self, training: bool) -> None:
        self.training = training

    def eval(self) -> "Switch":
        """As `nn.Module.eval`."""
        return self.train(False)

    def train(self, mode: bool = True) -> "Switch":
        """As `nn.Module.train`."""
        self.training = mode
        return self

    def __call__(self, image: float) -> float:
        return image + 100 if self.training else image


def _predicting(network: Switch, image: float) -> float:
    return network.eval()(image)


predict_alone = FunctionExercise(
    question="predict_alone(function): fix network 5 with predict_alone(network, image).",
    signature="predict_alone(network, image)",
    cases=(Case((Switch(True), 3.0), 3.0, "predict_alone(a network left in training mode, image)"),
           Case((Switch(False), 5.0), 5.0, "predict_alone(a network in evaluation mode, image)")),
    insight="In evaluation mode batch norm uses the averages it kept, so an answer depends on its image alone.",
    misconceptions=(
        Misconception(lambda network, image: network(image),
                      "The network is still in training mode when it is called."),
        Misconception(lambda network, image: network.train()(image),
                      "`train()` is the wrong way. The other is `eval()`."),
        Misconception(lambda network, image: network.train(not network.training)(image),
                      "You switch back and forth. Whatever the mode was, evaluation is wanted."),
    ),
    fallback_hint="Switch to evaluation mode first, then call the network.",
)
