"""Checker of lesson 00, start here: from probabilities to a decision, and from there to an area."""

import numpy as np
from jaxtyping import Float

from unet_lib.lessons.exercises.exercise import Case, FunctionExercise, Misconception

_PROBABILITY = np.array([[0.08, 0.35, 0.62], [0.97, 0.5, 0.11]])
_SHOWN = "[[0.08, 0.35, 0.62], [0.97, 0.5, 0.11]]"


def _tumour_area(probability: Float[np.ndarray, "h w"], threshold: float, pixel_mm: float) -> float:
    return float(np.count_nonzero(probability >= threshold) * pixel_mm**2)


tumour_area = FunctionExercise(
    question="tumour_area(tumour_area): write tumour_area(probability, threshold, pixel_mm), the marked area in mm².",
    signature="tumour_area(probability, threshold, pixel_mm)",
    cases=tuple(Case((_PROBABILITY, threshold, pixel), _tumour_area(_PROBABILITY, threshold, pixel),
                     f"tumour_area({_SHOWN}, {threshold}, {pixel})")
                for threshold, pixel in ((0.5, 1.0), (0.3, 0.9), (0.95, 2.0), (0.99, 0.9))),
    insight="Added up over the slices, such areas give the volume. They depend on a threshold that people chose.",
    misconceptions=(
        Misconception(lambda p, t, s: (p >= t).sum() * s, "A pixel is a square: its area is `pixel_mm` times "
                      "`pixel_mm`. You multiplied once."),
        Misconception(lambda p, t, s: (p >= t).sum(), "That is the number of pixels. Each is worth `pixel_mm ** 2`."),
        Misconception(lambda p, t, s: (p >= t).mean() * s**2, "`mean` gives the fraction of pixels. Count: `sum`."),
        Misconception(lambda p, t, s: p.sum() * s**2, "You added up probabilities. Decide first, then count."),
        Misconception(lambda p, t, s: p[p >= t].sum() * s**2, "You added up the probabilities of the marked "
                      "pixels. Each of them counts as one."),
        Misconception(lambda p, t, s: p.size * s**2, "That is the area of the whole slice. Only marked pixels count."),
        Misconception(lambda p, t, s: (p > t).sum() * s**2, "A pixel that has exactly the threshold is marked, too."),
        Misconception(lambda p, t, s: (p < t).sum() * s**2, "That is the area that is not marked."),
        Misconception(lambda p, t, s: (p >= t).sum() / s**2, "Multiply by the area of a pixel; you divided by it."),
        Misconception(lambda p, t, s: (p >= t) * s**2, "That is one area for each pixel. Add them up: `sum`."),
    ),
    fallback_hint="Decide, count the marked pixels, multiply by the area of one pixel, `pixel_mm ** 2`.",
    ours=lambda: _tumour_area,
)
