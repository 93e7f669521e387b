"""Checkers of lesson 04, training: batches, the first loss, F1 from counts, and when to stop."""

import math
from collections.abc import Sequence

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, NumberExercise

batches_per_epoch = NumberExercise(
    question="batches_per_epoch(answer): 1,000 slices in batches of 16, the last one smaller; how many batches?",
    right=63,
    insight="62 full batches and one of 8: a loop that drops the last batch never learns from those slices.",
    misconceptions=(
        Misconception(62, "You dropped the last 8 slices. They make a batch too, a small one."),
        Misconception(1000 / 16, "There is no half batch. The rest makes one of its own: round up."),
        Misconception(1000 * 16, "An epoch shows each slice once. Divide the slices among the batches."),
        Misconception(1000, "That would be a batch size of 1: one step a slice."),
        Misconception(16, "That is the size of a batch. How many of them are there?"),
    ),
    fallback_hint="Divide the slices by the batch size and round up.",
)

unsure_loss = NumberExercise(
    question="unsure_loss(answer): what is the cross-entropy of a pixel to which the network gives probability 0.5?",
    right=math.log(2),
    tolerance=0.001,
    insight="ln 2 ≈ 0.693: an untrained network starts near here, so a first loss of 7 means a mistake somewhere.",
    misconceptions=(
        Misconception(0.5, "That is the probability. The loss is minus its logarithm."),
        Misconception(math.log(0.5), "Almost: the logarithm of 0.5 is negative, and the loss is minus that."),
        Misconception(1, "Minus the logarithm to base 2. Networks use the natural one, `np.log`."),
        Misconception(math.log10(2), "Minus the logarithm to base 10. Networks use the natural one, `np.log`."),
        Misconception(0, "A loss of 0 would mean: certain, and right."),
        Misconception(2 * math.log(2), "Only one of the two terms counts: the pixel is tumour or it is not."),
    ),
    fallback_hint="The loss of a pixel is −ln of the probability given to the truth.",
)

f1_by_hand = NumberExercise(
    question="f1_by_hand(answer): 60 true positives, 20 false positives, 40 false negatives; which F1?",
    right=120 / 180,
    tolerance=0.001,
    insight="F1 = 2·TP / (2·TP + FP + FN): healthy pixels found healthy do not count, and so cannot flatter.",
    misconceptions=(
        Misconception(60 / 80, "That is precision: how much of what was outlined is tumour."),
        Misconception(60 / 100, "That is recall: how much of the tumour was outlined."),
        Misconception(60 / 120, "That is IoU. F1 counts the true positives twice, above and below."),
        Misconception((0.75 + 0.6) / 2,
                      "The plain mean of precision and recall. F1 is the harmonic one, a little lower."),
        Misconception(200 / 3, "That is the percentage. F1 lies between 0 and 1."),
    ),
    fallback_hint="Twice the true positives, over twice the true positives plus both kinds of error.",
)


def _first_dip(losses: Sequence[float]) -> int:
    rises = (epoch for epoch in range(1, len(losses)) if losses[epoch] > losses[epoch - 1])
    return next(rises, len(losses))


best_epoch = FunctionExercise(
    question="best_epoch(function): write best_epoch(validation_losses), the epoch to keep, counted from 1.",
    signature="best_epoch(validation_losses)",
    cases=(
        Case(([0.9, 0.5, 0.4, 0.6],), 3),
        Case(([0.9, 0.6, 0.7, 0.3, 0.5],), 4),
        Case(([0.8, 0.4, 0.3],), 3),
    ),
    insight="Later epochs know the training slices better and new patients worse: that is overfitting.",
    misconceptions=(
        Misconception(lambda losses: int(np.argmin(losses)), "One too low: Python counts from 0, epochs here from 1."),
        Misconception(lambda losses: len(losses), "The last epoch is not always the best on slices it has not seen."),
        Misconception(lambda losses: min(losses), "That is the lowest loss. In which epoch was it reached?"),
        Misconception(lambda losses: int(np.argmax(losses)) + 1, "You keep the worst. A loss should be low."),
        Misconception(_first_dip, "You stop at the first rise. Losses wobble: a lower one may come later."),
    ),
    fallback_hint="Find where the smallest validation loss stands: `np.argmin`, and count from 1.",
)
