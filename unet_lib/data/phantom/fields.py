"""Smooth random fields and soft shapes: the pencils that every part of a phantom is drawn with."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

SHARPEST = 60.0   # exp(60) still fits a float32; beyond it a sigmoid is 0 or 1 anyway
SPLINE_GAIN = 3.0   # a spline averages its nodes: the standard deviation of their mean is 1/3 of theirs


def exp(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    """eˣ, worked out in float64 and rounded to float32.

    NumPy's float32 exponential has another last bit with every instruction set; rounded float64 ones agree.
    """
    return np.exp(x, dtype=np.float64).astype(np.float32)


def sigmoid(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    """1 / (1 + e⁻ˣ) in float32, without overflow."""
    return 1 / (1 + exp(-np.clip(x, -SHARPEST, SHARPEST)))


def below(x: Float[ndarray, "..."], edge: float, width: float) -> Float[ndarray, "..."]:
    """Soft test x < edge, in [0, 1]: partial volume over about ± `width` around the edge (a linear ramp)."""
    return np.clip((edge - x) * np.float32(0.5 / width) + np.float32(0.5), 0, 1)


def between(x: Float[ndarray, "..."], low: float, high: float, width: float) -> Float[ndarray, "..."]:
    """Soft test low < x < high, in [0, 1]."""
    return below(x, high, width) - below(x, low, width)


def stretch(coarse: Float[ndarray, "a b c"], shape: tuple[int, int, int]) -> Float[ndarray, "n h w"]:
    """Linear interpolation of a coarse grid to `shape`, corner on corner, one axis after the other."""
    field = coarse
    for axis, size in enumerate(shape):
        last = field.shape[axis] - 1
        where = np.linspace(0, last, size, dtype=np.float32)
        left = np.minimum(where.astype(np.int64), max(last - 1, 0))
        fraction = _along(where - left, axis)
        start, end = field.take(left, axis), field.take(np.minimum(left + 1, last), axis)
        field = start + (end - start) * fraction
    return field


def _spline(nodes: Float[ndarray, "a b c"], shape: tuple[int, ...]) -> Float[ndarray, "n h w"]:
    """Cubic B-spline through the neighbourhood of `nodes`, one axis after the other: no creases to be seen."""
    field = nodes
    for axis, size in enumerate(shape):
        where = np.linspace(0, field.shape[axis] - 3.001, size, dtype=np.float32)
        first = where.astype(np.int64)
        t = _along(where - first, axis)
        rest, t2, t3 = 1 - t, t * t, t * t * t    # a product is the same everywhere, a third power is not
        weights = (rest * rest * rest / 6, (3 * t3 - 6 * t2 + 4) / 6, (3 * (t + t2 - t3) + 1) / 6, t3 / 6)
        field = sum(field.take(first + k, axis) * weight for k, weight in enumerate(weights))
    return field


def _along(values: ndarray, axis: int) -> ndarray:
    return values.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])


def smooth_noise(rng: Generator, shape: tuple[int, int, int], cells: tuple[int, int, int]) -> Float[ndarray, "n h w"]:
    """Random field of about zero mean and unit standard deviation whose bumps are `shape / cells` voxels long.

    A spline with three points a bump, linear between those.
    """
    nodes = rng.standard_normal(tuple(c + 3 for c in cells), dtype=np.float32)
    middle = tuple(min(size, 3 * bumps + 2) for size, bumps in zip(shape, cells, strict=True))
    return stretch(_spline(nodes * np.float32(SPLINE_GAIN), middle), shape)


def ellipsoid(points: tuple[ndarray, ...], centre: tuple[float, ...],
              radii: tuple[float, ...]) -> Float[ndarray, "n h w"]:
    """About the distance in mm to an ellipsoid's surface, negative inside. `points` are (x, y, z) in mm."""
    squares = sum(((p - np.float32(c)) / np.float32(r)) ** 2 for p, c, r in zip(points, centre, radii, strict=True))
    return (np.sqrt(squares) - 1) * np.float32(min(radii))


def blur(field: Float[ndarray, "n h w"], sigma: float) -> Float[ndarray, "n h w"]:
    """Gaussian blur within each slice; `sigma` in pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(field, (0, sigma, sigma), truncate=3) if sigma > 0 else field
