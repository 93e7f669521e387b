"""Any linear operation as a matrix, small enough to be looked at."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from unet_lib.core.errors import SettingsError


def matrix_of(linear: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> Float[np.ndarray, "out into"]:
    """The matrix A with `linear(x).ravel() == A @ x.ravel()`, for x of this shape.

    Its columns are what the operation makes of pictures with a single 1 in them. For a convolution each row is
    the kernel, spread out and moved on from row to row (a Toeplitz matrix); for the transposed convolution with
    the same weight and stride it is the transposed matrix, hence the name. Raises SettingsError if the
    operation makes something out of nothing, as one with a bias does: then no matrix can stand for it.
    """
    if np.any(linear(np.zeros(shape))):
        raise SettingsError("expected a linear operation, which makes zeros of zeros; got one that adds something. "
                            "Leave out the bias.")
    pictures = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([linear(picture).ravel() for picture in pictures], axis=1)
