"""The layers between convolutions: pooling, batch norm, ReLU, sigmoid, and the skip connection's concatenation."""

import numpy as np
from jaxtyping import Float

from unet_lib.byhand.grid import Pair, check_axes, check_shape, output_size, pair, scatter, windows
from unet_lib.core.errors import SettingsError, ShapeError


def max_pool2d(x: Float[np.ndarray, "n c h w"], size: Pair = 2) -> Float[np.ndarray, "n c p q"]:
    """The largest value of each window; the windows lie side by side, and a rest too small for one is dropped.

    Raises ShapeError if not one window fits.
    """
    return windows(x, size, stride=size).max(axis=(4, 5))


def max_pool2d_loops(x: Float[np.ndarray, "n c h w"], size: Pair = 2) -> Float[np.ndarray, "n c p q"]:
    """The textbook formula: y[n, c, p, q] = max over i, j of x[n, c, p·size + i, q·size + j]."""
    check_axes("x", x)
    high, wide = pair("size", size)
    y = np.zeros((*x.shape[:2], output_size(x.shape[2], high, high), output_size(x.shape[3], wide, wide)), x.dtype)
    for n, c, p, q in np.ndindex(y.shape):
        y[n, c, p, q] = max(x[n, c, p * high + i, q * wide + j] for i, j in np.ndindex(high, wide))
    return y


def max_pool2d_backward(grad_y: Float[np.ndarray, "n c p q"], x: Float[np.ndarray, "n c h w"],
                        size: Pair = 2) -> Float[np.ndarray, "n c h w"]:
    """The gradient goes back to the largest pixel of each window; the others get none.

    In a tie it is the first one, row by row from the top left, as in PyTorch on a CPU.
    """
    patches = windows(x, size, stride=size)
    check_shape("grad_y", grad_y, patches.shape[:4], "that of the output")
    flat = patches.reshape(*grad_y.shape, -1)
    largest = flat.argmax(axis=-1)[..., None]
    grad_flat = np.zeros(flat.shape, grad_y.dtype)
    np.put_along_axis(grad_flat, largest, grad_y[..., None], axis=-1)
    return scatter(grad_flat.reshape(patches.shape), x.shape[2:], stride=size)


def batch_norm2d(x: Float[np.ndarray, "n c h w"], gamma: Float[np.ndarray, "c"], beta: Float[np.ndarray, "c"],
                 mean: Float[np.ndarray, "c"] | None = None, variance: Float[np.ndarray, "c"] | None = None,
                 eps: float = 1e-5) -> Float[np.ndarray, "n c h w"]:
    """γ·(x − mean) / √(variance + ε) + β, channel by channel.

    Without `mean` and `variance` it takes those of the batch itself, over n, h and w, as in training; in
    evaluation the network hands in the running ones it has kept. Raises ShapeError if a channel holds one
    value only, which has no variance, and SettingsError if just one of the two is given.
    Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    _check_norm(x, gamma=gamma, beta=beta)
    normal, _ = _normalised(x, mean, variance, eps)
    return _per_channel(gamma) * normal + _per_channel(beta)


def batch_norm2d_backward(grad_y: Float[np.ndarray, "n c h w"], x: Float[np.ndarray, "n c h w"],
                          gamma: Float[np.ndarray, "c"], mean: Float[np.ndarray, "c"] | None = None,
                          variance: Float[np.ndarray, "c"] | None = None, eps: float = 1e-5,
                          ) -> tuple[Float[np.ndarray, "n c h w"], Float[np.ndarray, "c"], Float[np.ndarray, "c"]]:
    """Gradients of x, γ and β. With x̂ = (x − mean) / σ, σ = √(variance + ε), in training, means over n, h, w:

    grad_x = γ/σ · (grad_y − mean(grad_y) − x̂ · mean(grad_y·x̂))

    The two means are there because mean and σ depend on every x too: what would only shift or stretch the
    whole channel is taken out of the gradient, since the normalisation undoes it anyway. In evaluation `mean`
    and `variance` are constants that are handed in, and grad_x = γ/σ · grad_y.
    """
    _check_norm(x, gamma=gamma)
    check_shape("grad_y", grad_y, x.shape, "that of x")
    normal, sigma = _normalised(x, mean, variance, eps)
    shift, stretch = _means(grad_y), _means(grad_y * normal)
    undone = _per_channel(shift) + normal * _per_channel(stretch) if mean is None else 0
    values = x.size // x.shape[1]
    return _per_channel(gamma) / sigma * (grad_y - undone), values * stretch, values * shift


def running_statistics(x: Float[np.ndarray, "n c h w"], mean: Float[np.ndarray, "c"],
                       variance: Float[np.ndarray, "c"], momentum: float = 0.1,
                       ) -> tuple[Float[np.ndarray, "c"], Float[np.ndarray, "c"]]:
    """What batch norm keeps for evaluation, after one more batch: (1 − momentum)·kept + momentum·batch's.

    The batch's variance is taken here with N − 1 in place of N, to estimate that of other images without bias.
    """
    _check_norm(x, mean=mean, variance=variance)
    values = x.size // x.shape[1]
    new_mean, new_variance = _means(x), _variances(x) * (values / (values - 1))
    return mean + momentum * (new_mean - mean), variance + momentum * (new_variance - variance)


def relu(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """max(x, 0): what is negative becomes 0."""
    return np.maximum(x, 0)


def relu_backward(grad_y: Float[np.ndarray, "*shape"], x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The gradient passes where x > 0, and stops elsewhere (at 0 too, as in PyTorch)."""
    check_shape("grad_y", grad_y, x.shape, "that of x")
    return grad_y * (x > 0)


def sigmoid(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """1 / (1 + e⁻ˣ), a logit's probability in [0, 1].

    For negative x it is computed as eˣ / (1 + eˣ), the same number: e⁻ˣ would overflow.
    """
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def sigmoid_backward(grad_y: Float[np.ndarray, "*shape"],
                     y: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """grad_y · y·(1 − y), from the sigmoid's output y: the derivative needs no x."""
    check_shape("grad_y", grad_y, y.shape, "that of y")
    return grad_y * y * (1 - y)


def concat(skip: Float[np.ndarray, "n a h w"], x: Float[np.ndarray, "n b h w"]) -> Float[np.ndarray, "n c h w"]:
    """The skip connection's end: the encoder's channels first, then the decoder's, c = a + b.

    Raises ShapeError if batch, height or width differ.
    """
    check_axes("skip", skip)
    check_axes("x", x)
    check_shape("x", x, (len(skip), x.shape[1], *skip.shape[2:]), "skip's in all but the channels")
    return np.concatenate([skip, x], axis=1)


def concat_backward(grad_y: Float[np.ndarray, "n c h w"],
                    channels: int) -> tuple[Float[np.ndarray, "n a h w"], Float[np.ndarray, "n b h w"]]:
    """Cut the gradient where the two were joined: the first `channels` belong to skip, the rest to x."""
    check_axes("grad_y", grad_y)
    if not 0 < channels < grad_y.shape[1]:
        raise ShapeError(f"expected a cut inside the {grad_y.shape[1]} channels of grad_y; got channels={channels}. "
                         f"Hand in skip.shape[1].")
    return grad_y[:, :channels], grad_y[:, channels:]


def _normalised(x: Float[np.ndarray, "n c h w"], mean: Float[np.ndarray, "c"] | None,
                variance: Float[np.ndarray, "c"] | None,
                eps: float) -> tuple[Float[np.ndarray, "n c h w"], Float[np.ndarray, "c 1 1"]]:
    """Each channel of x, minus its mean, divided by its standard deviation σ; and σ."""
    if (mean is None) != (variance is None):
        raise SettingsError(f"expected mean and variance together, or neither; got "
                            f"{'variance' if mean is None else 'mean'} alone. Hand in both, or leave both out.")
    if mean is None or variance is None:
        if x.size == x.shape[1]:
            raise ShapeError(f"expected more than one value a channel to take mean and variance from; got shape "
                             f"{x.shape}. Take more images or a larger one, or hand in mean and variance.")
        mean, variance = _means(x), _variances(x)
    _check_norm(x, mean=mean, variance=variance)
    sigma = np.sqrt(_per_channel(variance) + eps)
    return (x - _per_channel(mean)) / sigma, sigma


def _means(x: Float[np.ndarray, "n c h w"]) -> Float[np.ndarray, "c"]:
    """Each channel's mean. Added up in float64: of 65,536 float32 in a row, the last ones lose their digits."""
    return x.mean(axis=(0, 2, 3), dtype=np.float64).astype(x.dtype)


def _variances(x: Float[np.ndarray, "n c h w"]) -> Float[np.ndarray, "c"]:
    return x.var(axis=(0, 2, 3), dtype=np.float64).astype(x.dtype)


def _per_channel(channels: Float[np.ndarray, "c"]) -> Float[np.ndarray, "c 1 1"]:
    """One number a channel, ready to be combined with all its pixels."""
    return channels[:, None, None]


def _check_norm(x: np.ndarray, **vectors: np.ndarray) -> None:
    check_axes("x", x)
    for name, vector in vectors.items():
        check_shape(name, vector, (x.shape[1],), "one number for each channel of x")
