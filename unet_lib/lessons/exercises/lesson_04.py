"""Checkers of lesson 04, training: losses, a data set, gradient descent, and the loop from one step to the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from unet_lib.lessons.exercises.exercise import (
    Case,
    Feedback,
    FunctionExercise,
    Misconception,
    describe,
    outcome,
    same,
)

CASES, MISTAKES = (f"unet_lib.lessons.exercises.training_{part}" for part in ("cases", "mistakes"))
NOT_MOVED = "No weight has moved. `optimiser.step()` comes after `loss.backward()`, and before the next `zero_grad()`."


def _ours(name: str) -> Callable[[], Any]:
    return lambda: getattr(import_module("unet_lib.lessons.reference_training"), name)


def _cases(name: str, *given: str) -> Callable[[], tuple[Case, ...]]:
    # With torch, which is imported when an answer is judged: whoever imports `check` for lesson 01 does not wait.
    return cache(lambda: getattr(import_module(CASES), name)(*given))


def _observe(name: str) -> Callable[[tuple[Any, ...], Any], Any]:
    return lambda arguments, returned: getattr(import_module(CASES), name)(arguments, returned)


def _mistakes(name: str, hints: dict[str, str]) -> tuple[Misconception, ...]:
    """The ways in which a function of `training_mistakes` can go wrong, and a hint for each."""
    def made(way: str) -> Callable[..., Any]:
        return lambda *given: getattr(import_module(MISTAKES), name)(*given, way=way)

    return tuple(Misconception(made(way), hint) for way, hint in hints.items())


@dataclass(frozen=True, kw_only=True, repr=False)
class TrainingExercise(FunctionExercise):
    """A function exercise whose misconceptions take a while to run: what comes of them is kept."""

    known: dict[str, list[Any]] = field(default_factory=dict, init=False)

    def made(self, misconception: Misconception, results: Sequence[Any]) -> bool:
        """Does the mistaken function give the same results, case by case?"""
        if misconception.hint not in self.known:
            self.known[misconception.hint] = [outcome(misconception.wrong, case, self.observe) for case in self.calls]
        return self.alike(self.known[misconception.hint], results)

    def alike(self, wrong: Sequence[Any], results: Sequence[Any]) -> bool:
        """Are these the results of the mistake?"""
        return all(same(one, other) for one, other in zip(results, wrong, strict=True))


class FirstCaseExercise(TrainingExercise):
    """A mistake is recognised in the first case that fails, whatever comes after it."""

    def alike(self, wrong: Sequence[Any], results: Sequence[Any]) -> bool:
        """Does the mistake give the same there?"""
        first = next(at for at, case in enumerate(self.calls) if not same(results[at], case.expected))
        return same(results[first], wrong[first])


class ClassExercise(FirstCaseExercise):
    """A class is asked for: called on every case, it makes the objects that `observe` looks at."""

    def judge(self, answer: Any) -> Feedback:
        """Right on every case, a known misconception, or the first case that fails."""
        if callable(answer):
            return super().judge(answer)
        call = self.question.partition(":")[0]
        return Feedback("wrong", f"Expected the class itself, as in `check.{call}`; got {describe(answer)}.")


slice_dataset = ClassExercise(
    question="slice_dataset(SliceDataset): the class SliceDataset, whose [index] gives an image and its mask.",
    signature="SliceDataset(images, masks, means, stds, flip=False)",
    cases=_cases("dataset_cases"),
    observe=_observe("seen_of_dataset"),
    ours=_ours("SliceDataset"),
    insight="Three methods, and PyTorch can shuffle your slices, batch them and load them in parallel.",
    misconceptions=_mistakes("SliceDataset", {
        "image only": "You mirror the image and leave its mask behind: the tumour is then marked on the wrong side. "
                      "Mirror both or neither.",
        "all": "Your slices are mirrored even with `flip=False`. Validation needs them as they are.",
        "never": "With `flip=True` every other slice should be mirrored; yours never is.",
        "two coins": "You toss one coin for the image and another for the mask: half the time they no longer fit. Toss "
                     "once for both.",
        "flat": "The mean and the standard deviation have the shape [3], the image [3, height, width]. "
                "`[:, None, None]` makes them [3, 1, 1].",
        "always": "With `flip=True` you mirror every time. Toss a coin for each slice: `torch.rand(1) < 0.5`.",
        "upside down": "You turn the head upside down. Left and right are the last axis, `-1`.",
        "no channel": "The mask lacks its channel axis: the network answers with [1, height, width]. `[None]` adds it.",
        "bytes": "The mask is still uint8. The loss multiplies it with floats: `.float()`.",
        "scaled": "The masks hold 0 and 1 already. You divide them by 255.",
        "raw": "The images are still grey levels. Subtract the patient's mean and divide by the standard deviation.",
        "no std": "You subtract the mean; the division by the standard deviation is missing.",
        "own": "You normalise each slice by its own mean: a slice through the crown would look like one through the "
               "middle. Use `self.means[index]` and `self.stds[index]`, the patient's.",
        "length": "The length is the number of slices, `len(self.images)`.",
    }),
    fallback_hint="(image − mean) / std with mean and std as [3, 1, 1]; mask with a channel axis; both as floats.",
)

bce_by_hand = TrainingExercise(
    question="bce_by_hand(bce_by_hand): write bce_by_hand(logits, masks), the mean binary cross-entropy.",
    signature="bce_by_hand(logits, masks)",
    cases=_cases("loss_cases", "bce_by_hand"),
    observe=_observe("loss_and_gradient"),
    ours=_ours("bce_by_hand"),
    insight="Value and gradient are right, even for a logit of 800.",
    misconceptions=_mistakes("bce_by_hand", {
        "overflow": "Right for ordinary logits. But σ(−800) is 0 for the computer, and log 0 is −∞: use the other "
                    "form, in which nothing overflows.",
        "sum": "That is the sum over all pixels. The mean does not grow with the image.",
        "sign": "The sign is turned round: a loss is never negative here.",
        "tumour only": "Healthy pixels cost nothing in yours. What should a false alarm cost?",
        "exchanged": "Tumour and healthy are exchanged: being right costs most.",
        "python max": "Python's `max` compares single numbers. For all pixels at once: `logits.clamp(min=0)`.",
        "map": "That is one loss for each pixel. Take the mean.",
        "item": "`.item()` makes a plain number, and no gradient can flow back through it. Return the tensor.",
        "probability": "You took the sigmoid first. The formula starts from the logits themselves.",
    }),
    fallback_hint="For each pixel max(z, 0) − z·y + log(1 + e^(−|z|)); then the mean.",
)

dice_loss = TrainingExercise(
    question="dice_loss(dice_loss): write dice_loss(logits, masks), 1 − soft Dice over the whole batch.",
    signature="dice_loss(logits, masks)",
    cases=_cases("loss_cases", "dice_loss"),
    observe=_observe("loss_and_gradient"),
    ours=_ours("dice_loss"),
    insight="One number for the whole batch: it asks for the tumour, not for each pixel.",
    misconceptions=_mistakes("dice_loss", {
        "logits": "The sums take probabilities. First comes the sigmoid.",
        "dice": "That is Dice, which should be large. The loss is 1 minus it.",
        "once": "The overlap counts twice, as in 2·TP: without the 2 a perfect mask would still cost a half.",
        "empty": "Without tumour and without a mark yours divides by nearly nothing. Add 1 above and below the line.",
        "mask": "You compare with 0.5 first. A mask has no slope, so no gradient comes back: leave the probabilities.",
        "item": "`.item()` makes a plain number, and no gradient can flow back through it. Return the tensor.",
        "own sigmoid": "Nearly: but exp(800) is infinite for the computer, and the gradient no number. "
                       "`torch.sigmoid` avoids that.",
        "slices": "You take the loss slice by slice and then the mean. Here the sums run over the whole batch.",
    }),
    fallback_hint="p = σ(z); 1 − (2·Σ p·y + 1) / (Σ p + Σ y + 1).",
)

descend = TrainingExercise(
    question="descend(descend): write descend(loss, kernel, rate, steps), gradient descent on one kernel.",
    signature="descend(loss, kernel, rate, steps)",
    cases=_cases("descend_cases"),
    observe=_observe("losses_and_kernel"),
    ours=_ours("descend"),
    insight="You have just written what `optimiser.step()` and `optimiser.zero_grad()` do.",
    misconceptions=_mistakes("descend", {
        "kept": "PyTorch adds each gradient to the one before. Clear it after the step: `kernel.grad = None`.",
        "up": "You add the gradient, and climb. Downhill is minus.",
        "still": "The kernel has not moved at all: after `backward()`, take the step.",
        "no rate": "The step is `rate` times the gradient.",
        "copy": "The losses fall, but the kernel that was handed in has not moved: change it in place, `kernel -= …`.",
        "new": "`kernel = …` makes a new tensor, which PyTorch does not watch and the caller never sees. Change the "
               "kernel in place: `kernel -= …`.",
        "no backward": "`kernel.grad` is None. Either `backward()` was not called, or `kernel = …` has made a new "
                       "tensor, which has no gradient: change it in place, `kernel -= …`.",
        "tracked": "PyTorch refuses to change a tensor in place while it records for the gradient. Take the step "
                   "inside `with torch.no_grad():`.",
        "once": "That is one step. There are `steps` of them.",
        "after": "You note the loss after each step; the list should begin with the loss at the start.",
        "graph": "The list holds tensors, perhaps each with its whole history. `.item()` takes the number out.",
        "last": "Return the list of all losses, not the last one.",
    }),
    fallback_hint="For each step: value = loss(kernel), backward, step under no_grad, grad = None, note the value.",
)

overfit_one_batch = TrainingExercise(
    question="overfit_one_batch(overfit_one_batch): write overfit_one_batch(network, images, masks, steps).",
    signature="overfit_one_batch(network, images, masks, steps)",
    cases=_cases("one_batch_cases"),
    observe=_observe("losses_and_weights"),
    ours=_ours("overfit_one_batch"),
    insight="The five lines of a training step. They are the same in every network that was ever trained with PyTorch.",
    misconceptions=_mistakes("overfit_one_batch", {
        "kept": "The gradients of all steps add up. `optimiser.zero_grad()` comes first in every step.",
        "still": NOT_MOVED,
        "eval": "The network is in evaluation mode. Call `network.train()` before you train.",
        "probability": "BCEWithLogitsLoss takes the logits; you gave it probabilities.",
        "new": "You make a new optimiser in every step, and Adam forgets all it knew. Make it once, before the loop.",
        "sgd": "That is plain gradient descent. Use `torch.optim.Adam`.",
        "rate": "That is Adam's own learning rate, 0.001. Give it `lr=0.01`.",
        "once": "That is one step. There are `steps` of them; does your `return` stand inside the loop?",
        "graph": "The list holds tensors, perhaps each with its whole history. `.item()` takes the number out.",
        "last": "Return the list of all losses, not the last one.",
    }),
    fallback_hint="zero_grad, forward, loss, backward, step; append loss.item().",
)

train_epoch = TrainingExercise(
    question="train_epoch(train_epoch): write train_epoch(network, loader, loss_function, optimiser).",
    signature="train_epoch(network, loader, loss_function, optimiser)",
    cases=_cases("epoch_cases"),
    observe=_observe("loss_and_weights"),
    ours=_ours("train_epoch"),
    insight="The weights after your epoch are the same as after ours, and so is the mean loss.",
    misconceptions=_mistakes("train_epoch", {
        "kept": "The weights differ from ours: your gradients add up from batch to batch. Call `optimiser.zero_grad()` "
                "for every batch.",
        "still": NOT_MOVED,
        "eval": "The network is in evaluation mode. Call `network.train()` at the start of the epoch.",
        "sum": "You return the sum of the batches' losses. The mean over the slices can be compared between epochs.",
        "batches": "You take the mean of the batches' losses; the last, smaller batch then counts too much. Weight "
                   "each by `len(images)`.",
        "slices": "You add up the slices' losses and do not divide by their number.",
        "last": "That is the loss of the last batch. Take the mean over all slices.",
        "first": "You return after the first batch: is `return` inside the loop?",
        "graph": "Your total is a tensor, which may keep the history of every batch in memory. Add up `loss.item()`.",
        "own loss": "You use a loss of your own. Call the `loss_function` that is handed in.",
        "own optimiser": "You make an optimiser of your own. Use the one that is handed in.",
        "probability": "The loss function takes the logits; you gave it probabilities.",
    }),
    fallback_hint="network.train(); per batch zero_grad, loss, backward, step; total += loss.item() * len(images).",
)

evaluate = FirstCaseExercise(
    question="evaluate(evaluate): write evaluate(network, loader), the F1 over all slices.",
    signature="evaluate(network, loader)",
    cases=_cases("evaluate_cases"),
    observe=_observe("f1_and_manners"),
    ours=_ours("evaluate"),
    insight="Evaluation mode, no gradients, all counts in one F1.",
    misconceptions=_mistakes("evaluate", {
        "mode": "The network is still in training mode: its batch norms use, and learn from, the validation slices. "
                "Call `network.eval()` first.",
        "gradients": "The F1 is right, but PyTorch recorded everything for a gradient that nobody needs. Use "
                     "`with torch.no_grad():`.",
        "batches": "You take the mean of the batches' F1s. Add up the counts first, and take one F1 of them all.",
        "last": "Those are the counts of the last batch. Add them up: `tp += …`.",
        "logits": "You compare the logits with 0.5. Take the sigmoid first.",
        "unlike": "You mark what is healthy.",
        "tensor": "The F1 is right, but it is a tensor. Return a plain number: `.item()` when you count.",
        "accuracy": "That is accuracy, which healthy pixels flatter. F1 leaves the true negatives out.",
        "iou": "That is IoU. F1 counts the true positives twice, above and below.",
        "precision": "That is precision. What is missed, FN, has to count too.",
        "recall": "That is recall. False alarms, FP, have to count too.",
    }),
    fallback_hint="tp, fp and fn over all batches; then 2·tp / (2·tp + fp + fn).",
)

train = TrainingExercise(
    question="train(train): write train(…), epoch after epoch, with the best weights kept and early stopping.",
    signature="train(network, training, validation, loss_function, optimiser, epochs, patience, report)",
    cases=_cases("train_cases"),
    observe=_observe("scores_best_and_reports"),
    ours=_ours("train"),
    insight="It stops when it should, and hands back the weights of the best epoch.",
    misconceptions=(*_mistakes("train", {
        "reference": "Your best weights are those of the last epoch. Keep them only when F1 is better than ever, and "
                     "keep a copy: `state_dict()` gives the tensors themselves, and training goes on changing "
                     "them. `copy.deepcopy(network.state_dict())`.",
        "lowest": "You keep the epoch with the lowest F1. A loss should be low; F1 should be high.",
        "long": "You wait one epoch too long. Stop as soon as `patience` epochs in a row were no better.",
        "impatient": "You stop at the first epoch that is no better. Scores wobble: wait `patience` epochs.",
        "endless": "You never stop early. After `patience` epochs without a better F1, `break`.",
        "total": "You count all epochs that were no better. When a better one comes, start from 0 again.",
        "before": "You score before the epoch's training. First train, then evaluate.",
        "training": "You score on the training slices. What counts is the validation slices.",
        "losses": "You return the losses. The list should hold the validation F1 of each epoch.",
        "from zero": "If F1 stays 0, yours has no best weights. The first epoch is the best so far, whatever its F1.",
        "ties": "An epoch that is only as good as the best is not better: `>`, not `>=`.",
        "appended": "You append the F1 before you compare, so no epoch is better than itself. Compare first.",
        "exchanged": "You report F1 before the loss: `report(epoch, loss, f1)`.",
        "silent": "`report` was never called: after each epoch, `report(epoch, loss, f1)`.",
        "zero": "You count epochs from 0. `range(1, epochs + 1)` counts from 1.",
    }), Misconception(lambda *given: import_module(MISTAKES).only_scores(*given),
                     "Return two things: the list of F1s and the best weights.")),
    fallback_hint="Each epoch: train_epoch, evaluate, report; a better F1 is copied, else one more without success.",
)
