"""Smooth random fields and soft shapes: the pencils that every part of a phantom is drawn with."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

SHARPEST = 60.0   # exp(60) still fits a float32; beyond it a sigmoid is 0 or 1 anyway


def sigmoid(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    """1 / (1 + e⁻ˣ) in float32, without overflow."""
    return 1 / (1 + np.exp(-np.clip(x, -SHARPEST, SHARPEST)))


def below(x: Float[ndarray, "..."], edge: float, width: float) -> Float[ndarray, "..."]:
    """Soft test x < edge, in [0, 1]: partial volume over about ± `width` around the edge (a linear ramp)."""
    return np.clip((edge - x) * np.float32(0.5 / width) + np.float32(0.5), 0, 1)


def between(x: Float[ndarray, "..."], low: float, high: float, width: float) -> Float[ndarray, "..."]:
    """Soft test low < x < high, in [0, 1]."""
    return below(x, high, width) - below(x, low, width)


def stretch(coarse: Float[ndarray, "a b c"], shape: tuple[int, int, int]) -> Float[ndarray, "n h w"]:
    """Linear interpolation of a coarse grid to `shape`, corner on corner, one axis after the other."""
    field = coarse.astype(np.float32)
    for axis, size in enumerate(shape):
        last = field.shape[axis] - 1
        where = np.linspace(0, last, size, dtype=np.float32)
        left = np.minimum(where.astype(np.int64), max(last - 1, 0))
        share = (where - left).reshape([-1 if a == axis else 1 for a in range(3)])
        start, end = field.take(left, axis), field.take(np.minimum(left + 1, last), axis)
        field = start + (end - start) * share
    return field


def smooth_noise(rng: Generator, shape: tuple[int, int, int], cells: tuple[int, int, int]) -> Float[ndarray, "n h w"]:
    """Random field of about zero mean and unit spread whose bumps are `shape / cells` voxels long.

    Cubic between the nodes (no creases to be seen), evaluated on a quarter of the rows and columns.
    """
    from scipy.ndimage import zoom

    nodes = rng.standard_normal(tuple(c + 3 for c in cells)).astype(np.float32)
    middle = (shape[0], max(shape[1] // 4, cells[1] + 1), max(shape[2] // 4, cells[2] + 1))
    cubic = zoom(nodes, [m / s for m, s in zip(middle, nodes.shape, strict=True)], order=3, mode="nearest")
    return stretch(cubic * np.float32(1.4), shape)   # 1.4: interpolation shrinks the spread of the nodes


def ellipsoid(place: tuple[ndarray, ndarray, ndarray], centre: tuple[float, float, float],
              radii: tuple[float, float, float]) -> Float[ndarray, "n h w"]:
    """About the distance in mm to an ellipsoid's surface, negative inside. `place` is (x, y, z) in mm."""
    squares = sum(((p - np.float32(c)) / np.float32(r)) ** 2 for p, c, r in zip(place, centre, radii, strict=True))
    return (np.sqrt(squares) - 1) * np.float32(min(radii))


def blur(field: Float[ndarray, "n h w"], sigma: float) -> Float[ndarray, "n h w"]:
    """Gaussian blur within each slice; `sigma` in pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(field, (0, sigma, sigma), truncate=3) if sigma > 0 else field
