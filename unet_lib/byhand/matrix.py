"""Any linear operation as a matrix, small enough to be looked at."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from unet_lib.core.errors import SettingsError


def matrix_of(linear: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> Float[np.ndarray, "out into"]:
    """The matrix A with `linear(x).ravel() == A @ x.ravel()`, for x of this shape.

    Its columns are what the operation makes of images with a single 1 in them. For a convolution each row is
    the kernel, spread out and moved on from row to row (a Toeplitz matrix); for the transposed convolution with
    the same weight and stride it is the transposed matrix, hence the name. Raises SettingsError if the
    operation does not map zeros to zeros, as one with a bias: then no matrix can represent it.
    """
    if np.any(linear(np.zeros(shape))):
        raise SettingsError("expected a linear operation, which maps zeros to zeros; got one that adds something. "
                            "Leave out the bias.")
    images = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([linear(image).ravel() for image in images], axis=1)
