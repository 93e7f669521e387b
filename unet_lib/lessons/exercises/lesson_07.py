"""Checkers of lesson 07, the full mathematics: each step of the U-Net backwards, and Adam's, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unet_lib import byhand
from unet_lib.lessons.exercises import backward_cases as cases
from unet_lib.lessons.exercises import backward_mistakes
from unet_lib.lessons.exercises.exercise import Misconception
from unet_lib.lessons.exercises.gradient_exercise import GradientExercise

ORDER = "The order is grad_x, grad_weight, grad_bias: first what goes on backwards, then what the weights get."
SUM = ("You took the mean over the pixels. One weight acts at every pixel, and over different paths effects add up: "
       "take the sum.")


def _mistakes(name: str, hints: dict[str, str]) -> tuple[Misconception, ...]:
    """The ways in which a function of `backward_mistakes` can go wrong, and a hint for each."""
    def made(way: str) -> Callable[..., Any]:
        return lambda *given: getattr(backward_mistakes, name)(*given, way=way)

    return tuple(Misconception(made(way), hint) for way, hint in hints.items())

numerical_gradient = GradientExercise(
    question="numerical_gradient(numerical_gradient): write numerical_gradient(f, x, h), a slope for each number of x.",
    signature="numerical_gradient(f, x, h)",
    parts=cases.ONE,
    cases=cases.numerical_cases,
    ours=lambda: byhand.numerical_gradient,
    insight="A gradient without any calculus. From now on you can test every formula yourself.",
    misconceptions=_mistakes("numerical_gradient", {
        "one side": "You measure from x to x + h only. Its error is about as large as h; with x + h and x − h it is "
                    "about as large as h².",
        "left side": "You measure from x − h to x only. With x + h and x − h the error is far smaller.",
        "2h": "From x − h to x + h the distance is 2h, not h.",
        "sign": "The sign is turned: f(x + h) comes first, minus f(x − h).",
        "unrestored": "After the first number yours is off: put each number back before you move the next.",
        "flat": "One slope for each number of x, in the shape of x: begin with `np.zeros(x.shape)`.",
        "difference": "That is how much f changed. A slope is that, divided by how far x was moved: 2h.",
        "all at once": "You move all numbers at once. Move one, and leave the others where they are.",
    }),
    fallback_hint="For every index: a copy of x with x[index] + h, one with x[index] − h, and (f − f) / 2h.",
)

conv2d_backward = GradientExercise(
    question="conv2d_backward(conv2d_backward): write conv2d_backward(grad_y, x, weight, padding), three gradients.",
    signature="conv2d_backward(grad_y, x, weight, padding)",
    parts=cases.LAYER,
    cases=cases.conv_cases,
    ours=lambda: byhand.conv2d_backward,
    insight="Most of what a U-Net computes while it learns happens in these lines.",
    misconceptions=_mistakes("conv2d_backward", {
        "not turned": "grad_x: your kernel lies the wrong way round. x[p + i] went into y[p] with weight[i], so y[p]'s "
                      "gradient goes back to position p + i with that same weight[i].",
        "not cut": "grad_x has the shape of the padded image. Cut the border of zeros off: nobody asked for its "
                   "gradient.",
        "offset": "grad_x has the right shape but sits one pixel off. The border lies on all four sides: begin to cut "
                  "at `padding`, not at 0.",
        "overwritten": "grad_x: the kernel positions wipe each other out. One pixel lies in up to nine windows, and "
                       "their effects add up: `+=`.",
        "mean": SUM,
        "mean of images": "You took the mean over the images of the batch. The loss has averaged already: take the "
                          "sum.",
        "first image": "grad_weight comes from the first image alone. All images were made with this kernel: sum over "
                       "them too.",
        "mean bias": "grad_bias: you took the mean. The bias was added to every pixel: take the sum.",
        "one bias": "grad_bias is one number for each output channel: do not sum over the axis of channels.",
        "bias per image": "grad_bias: sum over the images too. They all share one bias.",
        "channels": "grad_weight has the axes of the channels exchanged. It has the shape of the weight: output "
                    "channels first.",
        "order": ORDER,
    }),
    fallback_hint="For each kernel position (i, j): the window of the padded x that starts there, grad_y times it for "
                  "the weight, and grad_y times weight[:, :, i, j] added to the same window of the gradient.",
)

batch_norm2d_backward = GradientExercise(
    question="batch_norm2d_backward(batch_norm2d_backward): write batch_norm2d_backward(grad_y, x, gamma, eps=1e-5).",
    signature="batch_norm2d_backward(grad_y, x, gamma, eps=1e-5)",
    parts=cases.NORM,
    cases=cases.norm_cases,
    ours=lambda: byhand.batch_norm2d_backward,
    insight="The hardest formula of the network, in six lines.",
    misconceptions=_mistakes("batch_norm2d_backward", {
        "constants": "grad_x: you treat mean and standard deviation as constants, as in evaluation mode. In training "
                     "both depend on x: two means have to be subtracted.",
        "no shift": "grad_x: the mean of grad_y is missing, which is there because μ depends on every x.",
        "no stretch": "grad_x: x̂ times the mean of grad_y·x̂ is missing, which is there because s depends on every x.",
        "stretch alone": "grad_x: multiply the mean of grad_y·x̂ by x̂ before you subtract it.",
        "variance": "grad_x: you divide by the variance. Divide by its root, the standard deviation.",
        "no gamma": "grad_x: the factor γ is missing. x̂ was multiplied by it on the way forward.",
        "each image": "You take mean and variance in each image. Batch norm takes them over the whole batch: axes 0, "
                      "2 and 3.",
        "whole": "The two means in grad_x are over all channels. Each channel has its own: axes 0, 2 and 3, with "
                 "`keepdims=True`.",
        "no eps": "`eps` is missing under the root.",
        "N − 1": "Your variance divides by N − 1. Here it is the plain mean of the squares, N.",
        "means": "grad_gamma and grad_beta are sums, not means: γ and β act at every pixel.",
        "order": "grad_gamma and grad_beta are exchanged. β was only added, so its gradient is the plain sum.",
        "not normal": "grad_gamma: γ multiplies x̂, not x.",
    }),
    fallback_hint="x̂ first; then γ/s · (grad_y − mean(grad_y) − x̂ · mean(grad_y·x̂)), means over axes 0, 2 and 3.",
)

relu_backward = GradientExercise(
    question="relu_backward(relu_backward): write relu_backward(grad_y, x), with x as it went into the ReLU.",
    signature="relu_backward(grad_y, x)",
    parts=cases.ONE,
    cases=cases.relu_cases,
    ours=lambda: byhand.relu_backward,
    insight="A gate: open or shut by what went forward, whatever comes back.",
    misconceptions=(
        Misconception(lambda g, x: np.maximum(g, 0),
                      "You cut off negative gradients. Whether the gate is open is decided by x, on the way forward."),
        Misconception(lambda g, x: g * (x >= 0), "At x = 0 exactly we take 0, as PyTorch does: `x > 0`."),
        Misconception(lambda g, x: 1.0 * (x > 0),
                      "That is the local derivative, 1 or 0. Multiply it by what comes back, grad_y."),
        Misconception(lambda g, x: g * np.maximum(x, 0),
                      "You multiply by the value of the ReLU. Multiply by its derivative, 1 or 0."),
        Misconception(lambda g, x: g * (x < 0), "The other way round: open where x is positive."),
    ),
    fallback_hint="grad_y where x > 0, and 0 elsewhere.",
)

max_pool2d_backward = GradientExercise(
    question="max_pool2d_backward(max_pool2d_backward): write max_pool2d_backward(grad_y, x) for windows of 2×2.",
    signature="max_pool2d_backward(grad_y, x)",
    parts=cases.ONE,
    cases=cases.pool_cases,
    ours=lambda: byhand.max_pool2d_backward,
    insight="Pooling has no weights, but it directs the gradient: three pixels of four get none.",
    misconceptions=_mistakes("max_pool2d_backward", {
        "mean": "A quarter to each pixel: that is the gradient of mean pooling.",
        "everywhere": "You send the gradient to all four pixels. Three of them had no effect on the output.",
        "all winners": "In a tie both winners get the whole gradient in yours. Only the first in reading order does: "
                       "`argmax` finds it.",
        "shared": "You share out the gradient in a tie. That is fair, but PyTorch gives all of it to the first in "
                  "reading order; `argmax` finds it.",
        "last": "In a tie yours takes the last one; the first in reading order it is, as in PyTorch.",
        "values": "The largest pixels have kept their values. What goes there is the gradient from grad_y.",
        "product": "You multiply the gradient by the pixel's value. The derivative is 1 for the largest, 0 otherwise.",
        "small": "grad_x has the shape of x, twice as high and wide as grad_y.",
    }),
    fallback_hint="Zeros in the shape of x; in every window of 2×2, grad_y at the place of the first largest number.",
)

conv_transpose2d_backward = GradientExercise(
    question="conv_transpose2d_backward(conv_transpose2d_backward): write the way up, backwards.",
    signature="conv_transpose2d_backward(grad_y, x, weight)",
    parts=cases.LAYER,
    cases=cases.up_cases,
    ours=lambda: byhand.conv_transpose2d_backward,
    insight="Backwards, the way up is a convolution with stride 2: what was a stamp is now a window.",
    misconceptions=_mistakes("conv_transpose2d_backward", {
        "turned": "grad_x: you turned the kernel. Pixel (2p + i, 2q + j) was made with weight[i, j], and its gradient "
                  "comes back with the same one.",
        "turned weight": "grad_weight is turned round: weight[i, j] made the pixels (2p + i, 2q + j).",
        "overwritten": "grad_x holds what the last kernel position sent back. All four count: `+=`.",
        "one of four": "grad_x comes from the top left pixel of each stamp. All four pixels of a stamp send something "
                       "back.",
        "mean": "grad_x is the mean of four. Over different paths effects add up.",
        "channels": "grad_weight has its channels exchanged. Here the weight is [input channels, output channels, 2, "
                    "2].",
        "mean bias": "grad_bias: you took the mean. The bias was added to every pixel: take the sum.",
        "bias of x": "grad_bias is the sum of grad_y, not of x.",
        "order": ORDER,
    }),
    fallback_hint="For each (i, j): grad_y[:, :, i::2, j::2] has the shape of x's pixels; times weight[:, :, i, j], "
                  "added up, for x; times x for the weight.",
)

conv1x1_backward = GradientExercise(
    question="conv1x1_backward(conv1x1_backward): write conv1x1_backward(grad_y, x, weight), the output layer's step.",
    signature="conv1x1_backward(grad_y, x, weight)",
    parts=cases.LAYER,
    cases=cases.output_cases,
    ours=lambda: byhand.conv1x1_backward,
    insight="One matrix serves every pixel: forwards W, backwards its transpose.",
    misconceptions=_mistakes("conv1x1_backward", {
        "flat": "grad_weight has the shape of the weight, with two axes of length 1 at the end: `[:, :, None, None]`.",
        "scrambled x": "grad_weight: before `reshape` the channels must be the last axis of x, or numbers of different "
                       "pixels end up in one row: `transpose(0, 2, 3, 1)`.",
        "scrambled": "grad_x: after the product the channels are the last axis. Go back by `reshape(n, h, w, c)` and "
                     "`transpose(0, 3, 1, 2)`.",
        "last axis": "grad_x still has its channels last: `transpose(0, 3, 1, 2)`.",
        "mean": SUM,
        "order": ORDER,
    }),
    fallback_hint="One row a pixel: grads @ W for x, grads.T @ pixels for the weight, the sum of grads for the bias.",
)

bce_dice_backward = GradientExercise(
    question="bce_dice_backward(bce_dice_backward): write bce_dice_backward(logits, mask), the gradient of BCE + Dice.",
    signature="bce_dice_backward(logits, mask)",
    parts=cases.ONE,
    cases=cases.loss_cases,
    ours=lambda: byhand.bce_dice_backward,
    insight="Here the way back begins: one number for each pixel of the batch.",
    misconceptions=_mistakes("bce_dice_backward", {
        "sum": "BCE is the mean over all pixels: divide p − t by their number, `logits.size`.",
        "no slope": "The part of Dice stops at p. From p to the logit there is one more factor: p · (1 − p).",
        "slope twice": "The part of BCE has p · (1 − p) once too often: p − t is for the logit already.",
        "dice": "The part of Dice has the wrong sign: the loss is 1 − D.",
        "one term": "p stands in the denominator of D as well: the quotient rule has a second term, which gives D.",
        "no 2": "The 2 of 2·Σ p·t got lost on the way.",
        "no S": "By the quotient rule the part of Dice is divided by S.",
        "no 1": "The two 1s are missing, above and below the line of D.",
        "bce": "That is the part of BCE. Add that of Dice.",
        "dice alone": "That is the part of Dice. Add that of BCE.",
        "mean": "That is the mean of both parts. The loss is their sum, and so is its gradient.",
        "sign": "The sign is turned: a gradient points uphill.",
        "logits": "In the part of BCE you took the logit for the probability. The sigmoid comes first.",
    }),
    fallback_hint="p = σ(z), then (p − t)/N + (D − 2t)/S · p(1 − p).",
)

adam_step = GradientExercise(
    question="adam_step(adam_step): write adam_step(weight, gradient, mean, square, step, rate), for a whole array.",
    signature="adam_step(weight, gradient, mean, square, step, rate)",
    parts=cases.ADAM,
    cases=cases.adam_cases,
    ours=lambda: byhand.adam_step,
    insight="In its first step Adam moves every weight by the learning rate: only the gradient's sign counts.",
    misconceptions=_mistakes("adam_step", {
        "uncorrected": "The bias correction is missing: both means begin at 0. Divide by 1 − 0.9ᵏ and 1 − 0.999ᵏ.",
        "mean alone": "You corrected the mean, but not the square.",
        "square alone": "You corrected the square, but not the mean.",
        "no root": "Divide by the square root of the corrected square; else the units do not cancel.",
        "no rate": "The learning rate is missing: the step is `rate` times the quotient.",
        "up": "You climb. The step goes against the gradient: weight minus it.",
        "corrected": "You hand on the corrected means. The next step needs them as they were: correct copies.",
        "weight alone": "The weight is right. Return mean and square too; the next step needs them.",
        "order": "The order is weight, mean, square.",
    }),
    fallback_hint="mean and square first, then corrected copies, then weight − rate · m̂ / (√v̂ + 1e-8); return all.",
)
