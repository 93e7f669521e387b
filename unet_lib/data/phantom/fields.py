"""Smooth random fields and soft shapes: the pencils that every part of a phantom is drawn with.

Additions, products and square roots only: they round alike on every processor, exponentials do not.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

SPLINE_GAIN = 3.0   # a spline averages its nodes: the standard deviation of their mean is a third

Position = tuple[ndarray, ...]                    # x, y, z in mm of the atlas: float32 [n, h, w], or of some voxels [m]
Edge = Float[ndarray, "..."] | float           # the same everywhere, or another at every position


def smooth_step(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    """From 0 to 1 while x goes from −2 to 2, without corners: a sigmoid of additions and products.

    Those round alike on every processor; the exponential function does not.
    """
    t = np.clip(np.float32(0.25) * x + np.float32(0.5), 0, 1)
    return t * t * (3 - 2 * t)


def bump(squared: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    """1 at 0, falling like a Gaussian of the squared distance (in squared standard deviations); 0 beyond √10 of them.
    """
    t = np.clip(1 - squared * np.float32(0.1), 0, 1)
    return t * t * t * t * t


def below(x: Float[ndarray, "..."], edge: Edge, width: Edge) -> Float[ndarray, "..."]:
    """Soft test x < edge, in [0, 1]: partial volume over about ± `width` around the edge (a linear ramp)."""
    return np.clip((edge - x) * (np.float32(0.5) / width) + np.float32(0.5), 0, 1)


def between(x: Float[ndarray, "..."], low: Edge, high: Edge, width: Edge) -> Float[ndarray, "..."]:
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
        square, cube, rest = t * t, t * t * t, 1 - t
        weights = (rest * rest * rest / 6, (3 * cube - 6 * square + 4) / 6, (3 * (t + square - cube) + 1) / 6, cube / 6)
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


def ellipsoid(position: tuple[ndarray, ...], centre: tuple[float, ...],
              radii: tuple[float, ...]) -> Float[ndarray, "..."]:
    """About the distance in mm to an ellipsoid's surface, negative inside. `position` is (x, y, z) in mm."""
    squares = sum(((p - np.float32(c)) / np.float32(r)) ** 2 for p, c, r in zip(position, centre, radii, strict=True))
    return (np.sqrt(squares) - 1) * np.float32(min(radii))


def blur(field: Float[ndarray, "n h w"], sigma: float) -> Float[ndarray, "n h w"]:
    """Gaussian blur within each slice; `sigma` in pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(field, (0, sigma, sigma), truncate=3) if sigma > 0 else field


def coverage(away: Float[ndarray, "..."], half_width: Edge, pixel: float) -> Float[ndarray, "..."]:
    """The fraction of a pixel covered by a sheet 2 × `half_width` thick whose middle is `away` (all in mm)."""
    near, far = (half_width - away) / pixel + np.float32(0.5), (half_width + away) / pixel + np.float32(0.5)
    return np.clip(np.clip(near, 0, 1) + np.clip(far, 0, 1) - 1, 0, 1)


@dataclass(frozen=True)
class Noises:
    """Random fields of zero mean and unit standard deviation that make all outlines wander; their bumps in mm."""

    slow: Float[ndarray, "..."]                # 40: thickness of scalp and bone
    reach: Float[ndarray, "..."]               # 20: how deep sulci go
    blobs: Float[ndarray, "..."]               # 15
    bend_x: Float[ndarray, "..."]              # 13: gyri to the side …
    bend_y: Float[ndarray, "..."]              # … and forward
    rough: Float[ndarray, "..."]               # 9: how wide sulci are
    grain: Float[ndarray, "..."]               # 4
    texture: Float[ndarray, "..."]             # 2.5, and from slice to slice another

    @classmethod
    def draw(cls, shape: tuple[int, int, int], pixel_mm: float, rng: Generator) -> "Noises":
        def bumps(mm: float, high: int) -> Float[ndarray, "n h w"]:
            down, across = (max(2, round(size * pixel_mm / mm)) for size in shape[1:])
            return smooth_noise(rng, shape, (high, down, across))

        return cls(slow=bumps(40, 4), reach=bumps(20, 9), blobs=bumps(15, 6), bend_x=bumps(13, 14),
                   bend_y=bumps(13, 14), rough=bumps(9, 16), grain=bumps(4, 12), texture=bumps(2.5, shape[0]))

    @classmethod
    def none(cls) -> "Noises":
        """Zeros, for a rough look."""
        return cls(*(np.zeros((), np.float32) for _ in fields(cls)))

    def part(self, where: ndarray | slice) -> "Noises":
        """The same at some voxels, or in some slices."""
        return Noises(*(getattr(self, field.name)[where] for field in fields(self)))
