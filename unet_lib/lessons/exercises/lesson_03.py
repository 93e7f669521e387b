"""Checkers of lesson 03, building the U-Net: its classes, piece by piece (its functions: `network_tools`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception
from unet_lib.lessons.exercises.module_exercise import (
    Attempt,
    ModuleExercise,
    Trial,
    reference,
    same_tensors,
)
from unet_lib.lessons.exercises.network_tools import activation_stds, diagnoses, gradient_norms, outline

if TYPE_CHECKING:  # torch is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait
    from torch import Tensor

__all__ = ["activation_stds", "decoder_level", "diagnoses", "double_conv", "encoder", "gradient_norms", "outline",
           "own_unet", "stamp"]

CONV, NORM, RELU, POOL = "convolution", "batch norm", "ReLU", "max pooling"
UP, CAT = "transposed convolution", "concatenation"


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
    ours=lambda: reference("DoubleConv"),
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
    ours=lambda: reference("Encoder"),
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
    return tuple(Case((x, k.double(), stride), reference("stamp")(x, k.double(), stride),
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
    ours=lambda: reference("stamp"),
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
    ours=lambda: reference("DecoderLevel"),
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
    ours=lambda: reference("UNet"),
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
