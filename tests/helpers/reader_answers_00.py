"""Answers to the exercises of lesson 00 as readers would type them; see reader_answers."""

import numpy as np


def decide(probability, threshold):
    return np.where(probability >= threshold, 1, 0)


def tumour_area(probability, threshold, pixel_mm):
    pixels = 0
    for row in probability:
        for chance in row:
            pixels += chance >= threshold
    return pixels * pixel_mm * pixel_mm


def inner_area(probability, threshold, pixel_mm):
    return (probability > threshold).sum() * pixel_mm**2


FUNCTIONS_00 = {
    "tumour_area": ([tumour_area, lambda p, t, s: float(decide(p, t).sum()) * s**2],
                    {lambda p, t, s: decide(p, t).sum() * s: "multiplied once",
                     lambda p, t, s: decide(p, t).sum(): "number of pixels",
                     lambda p, t, s: decide(p, t).mean() * s**2: "fraction", inner_area: "exactly the threshold",
                     lambda p, t, s: p.sum() * s * s: "added up prob", lambda p, t, s: p.size * s**2: "whole slice",
                     lambda p, t, s: (p < t).sum() * s**2: "not marked", lambda p, t, s: decide(p, t) * s**2: "each",
                     lambda p, t, s: "3 mm²": "should be 3.0"}),
}
