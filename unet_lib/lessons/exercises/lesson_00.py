"""Checkers of lesson 00, start here: how big is a slice, what does the network answer, what is a decision?"""

import numpy as np

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception, NumberExercise

slice_numbers = NumberExercise(
    question="slice_numbers(answer): how many numbers is one slice of 256 × 256 pixels with 3 channels?",
    right=256 * 256 * 3,
    insight="196,608 numbers, each from 0 to 255: that is all the network ever sees of this slice.",
    misconceptions=(
        Misconception(256 * 256, "That is one channel. Each pixel carries three numbers, one a channel."),
        Misconception(256 * 3, "That is one row of pixels. The slice has 256 such rows."),
        Misconception(256 + 256 + 3, "You added. Rows, columns and channels multiply: every row has every column."),
        Misconception(256 * 256 * 4, "Four channels would be an image with transparency. A slice here has three."),
        Misconception(256 * 256 * 3 * 8, "Those are bits. A number from 0 to 255 takes 8 bits, but counts once."),
    ),
    fallback_hint="Multiply: height × width × channels.",
)

prediction_numbers = NumberExercise(
    question="prediction_numbers(answer): how many numbers does the network answer for one 256 × 256 slice?",
    right=256 * 256,
    insight="One number a pixel: segmentation is a small decision, taken 65,536 times.",
    misconceptions=(
        Misconception(1, "One number a slice would be classification: 'is there a tumour?' Here we ask 'where?'"),
        Misconception(256 * 256 * 3, "The input has three channels; the output has one. It answers once a pixel."),
        Misconception(256 * 256 * 2,
                      "Two classes need one number: the probability of 'healthy' is 1 − that of 'tumour'."),
        Misconception(256, "That is one row of the answer. The mask is as high and as wide as the slice."),
        Misconception(2, "Two classes, yes, but the question is asked again for every pixel."),
    ),
    fallback_hint="Count the pixels of the slice; each gets one answer.",
)

tinted_fraction = NumberExercise(
    question="tinted_fraction(answer): a mask tints 2,048 pixels of a 256 × 256 slice; which fraction is that?",
    right=2048 / 256**2,
    tolerance=1e-4,
    insight="1/32, or about 3 %. That is already a large tumour: most pixels of most slices are healthy.",
    misconceptions=(
        Misconception(2048 / 256**2 * 100, "That is the percentage. A fraction lies between 0 and 1: divide by 100."),
        Misconception(2048 / (256**2 * 3), "You divided by all numbers. The mask has one value a pixel, not three."),
        Misconception(1 - 2048 / 256**2, "That is the fraction without tint. The question is about the tinted pixels."),
        Misconception(256**2 / 2048, "The other way up: tinted pixels over all pixels."),
        Misconception(2048 / 256, "You divided by one side. A slice has 256 × 256 pixels."),
    ),
    fallback_hint="Divide the tinted pixels by all pixels of the slice.",
)

zero_logit = NumberExercise(
    question="zero_logit(answer): which probability does the sigmoid make of a logit of 0?",
    right=0.5,
    insight="A logit of 0 is the fence: above it the network leans to tumour, below it to healthy.",
    misconceptions=(
        Misconception(0, "A logit is no probability: it runs from −∞ to +∞, and 0 is its middle, not its bottom."),
        Misconception(1, "e⁰ is 1, and then the sigmoid divides: 1 / (1 + e⁰)."),
        Misconception(1 / (1 + np.exp(-1)), "That is the sigmoid of 1. Put 0 in place of the logit."),
        Misconception(50, "Per cent! As a probability, between 0 and 1, please."),
        Misconception(2, "Almost: 1 + e⁰ is 2, and 1 is divided by it."),
    ),
    fallback_hint="The sigmoid is 1 / (1 + e^(−logit)). What is e⁰?",
)

_probability = np.array([[0.08, 0.35], [0.62, 0.97]])

decide = FunctionExercise(
    question="decide(function): write decide(probability, threshold), giving 1 above the threshold, else 0.",
    signature="decide(probability, threshold)",
    cases=(
        Case((_probability, 0.5), [[0, 0], [1, 1]], "decide([[0.08, 0.35], [0.62, 0.97]], 0.5)"),
        Case((_probability, 0.3), [[0, 1], [1, 1]], "decide([[0.08, 0.35], [0.62, 0.97]], 0.3)"),
        Case((_probability, 0.9), [[0, 0], [0, 1]], "decide([[0.08, 0.35], [0.62, 0.97]], 0.9)"),
    ),
    insight="The threshold is ours, not the network's: a lower one finds more tumour and more false alarms.",
    misconceptions=(
        Misconception(lambda p, t: p < t, "The other way round: a probability above the threshold becomes 1."),
        Misconception(lambda p, t: np.round(p), "Rounding always cuts at 0.5. Use the threshold that is handed in."),
        Misconception(lambda p, t: np.where(p > t, p, 0), "You kept the probabilities. A decision is 0 or 1."),
        Misconception(lambda p, t: (p > t) * 255, "255 is how mask files write 'tumour'. Here a decision is 0 or 1."),
        Misconception(lambda p, t: (p > t).any(), "That is one decision for the whole slice. Decide for each pixel."),
    ),
    fallback_hint="Compare every probability with the threshold, all at once: `probability > threshold`.",
)
