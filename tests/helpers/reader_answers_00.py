"""Answers to the exercises of lesson 00 as readers would type them; see reader_answers."""

import math

import numpy as np


def paint(flair, row, column, radius, strength):
    painted = [list(levels) for levels in flair]
    for y in range(len(painted)):
        for x in range(len(painted[0])):
            if math.dist((y, x), (row, column)) <= radius:
                painted[y][x] = min(max(painted[y][x] + strength, 0), 255)
    return painted


def spot(flair, row, column, radius):
    rows, columns = np.indices(flair.shape)
    return np.hypot(rows - row, columns - column) <= radius


def paint_a_copy(flair, row, column, radius, strength):
    painted = flair.copy()
    painted[spot(flair, row, column, radius)] += strength
    painted[painted > 255], painted[painted < 0] = 255, 0
    return painted


def paint_in_place(flair, row, column, radius, strength):
    flair[spot(flair, row, column, radius)] += strength
    return flair.clip(0, 255)


def unlimited(flair, row, column, radius, strength):
    flair = flair.copy()
    flair[spot(flair, row, column, radius)] += strength
    return flair


def in_a_byte(flair, row, column, radius, strength):
    return (flair + strength * spot(flair, row, column, radius)).astype(np.uint8)


def replaced(flair, row, column, radius, strength):
    flair = flair.copy()
    flair[spot(flair, row, column, radius)] = strength
    return flair


def square(flair, row, column, radius, strength):
    painted = flair.copy()
    painted[max(row - radius, 0):row + radius + 1, max(column - radius, 0):column + radius + 1] += strength
    return painted.clip(0, 255)


def shaped(inside):
    def paint(flair, row, column, radius, strength):
        rows, columns = np.indices(flair.shape)
        return np.clip(flair + strength * inside(rows, columns, row, column, radius), 0, 255)
    return paint


FUNCTIONS_00 = {
    "paint": ([paint, paint_a_copy, lambda f, r, c, size, s: paint_a_copy(f, r, c, size, s).astype(np.uint8)],
              {lambda f, r, c, size, s: paint_a_copy(f, c, r, size, s): "exchanged",
               shaped(lambda y, x, r, c, size: (y - r)**2 + (x - c)**2 < size**2): "exactly `radius`",
               square: "a square",
               shaped(lambda y, x, r, c, size: abs(y - r) + abs(x - c) <= size): "a diamond",
               shaped(lambda y, x, r, c, size: (y - r)**2 + (x - c)**2 <= size): "only the radius",
               shaped(lambda y, x, r, c, size: (y - r) * 2 + (x - c) * 2 <= size * 2): "doubles",
               shaped(lambda y, x, r, c, size: (y - r) ^ 2 + (x - c) ^ 2 <= size ^ 2): "no power",
               shaped(lambda y, x, r, c, size: ((y - r) ^ 2) + ((x - c) ^ 2) <= (size ^ 2)): "exclusive or",
               shaped(lambda y, x, r, c, size: (y - r)**2 + (x - c)**2 >= size**2): "around the spot",
               replaced: "replace the grey levels", unlimited: "below 0 or above 255",
               lambda *given: paint_a_copy(*given[:4], -given[4]): "subtract",
               lambda *given: unlimited(*given).clip(max=255): "below 0",
               lambda *given: unlimited(*given).clip(0): "rise above 255",
               in_a_byte: "one byte", paint_in_place: "a copy",
               lambda f, r, c, size, s: np.clip(f + s, 0, 255): "the whole slice",
               lambda f, r, c, size, s: spot(f, r, c, size): "True and False",
               lambda f, r, c, size, s: spot(f, r, c, size) * s: "comes on top",
               lambda f, r, c, size, s: f[spot(f, r, c, size)]: "in the spot",
               lambda f, r, c, size, s: f.copy(): "as it was",
               lambda f, r, c, size, s: print(end=""): "gives back None",
               lambda f, r, c, size, s: "a spot": "should be"}),
}
