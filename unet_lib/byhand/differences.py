"""A gradient without a derivation: change each number a little, and see what comes of it."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float


def numerical_gradient(f: Callable[[np.ndarray], float], x: Float[np.ndarray, "*shape"],
                       h: float = 1e-6) -> Float[np.ndarray, "*shape"]:
    """(f(x + h) − f(x − h)) / 2h for each number of x while all others stay; x is left as it was.

    The error shrinks with h², until rounding takes over: with float64 and values near 1 about nine digits are
    right for h = 1e-6. It takes two calls of f for each number.
    """
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        moved = x.astype(np.float64)
        moved[index] = x[index] + h
        above = f(moved)
        moved[index] = x[index] - h
        gradient[index] = (above - f(moved)) / (2 * h)
    return gradient
