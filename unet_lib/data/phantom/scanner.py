"""From signal to grey levels: what coils, k-space and registration leave in an image."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.fields import smooth_noise
from unet_lib.data.phantom.parameters import SEQUENCES, PatientParameters

SLAB = 2                                       # slices scanned at a time: their fields fit into a processor's cache


def scan(images: list[Float[ndarray, "n h w"]], draws: PatientParameters,
         rng: Generator) -> UInt8[ndarray, "n h w 3"]:
    """What the scanner adds, sequence by sequence; then round to grey levels 0–255."""
    moves = ((draws.move_px[0], draws.move_px[1]), (0.0, 0.0), (draws.move_px[2], draws.move_px[3]))
    done = [_scan_one(image, draws, c, moves[c], rng) for c, image in enumerate(images)]
    for c, sequence in enumerate(SEQUENCES):
        if sequence in draws.missing:
            done[c] = done[1]
    return np.stack(done, axis=-1)


def _scan_one(image, draws: PatientParameters, channel: int, move: tuple[float, float],
              rng: Generator) -> UInt8[ndarray, "n h w"]:
    """Bias field, misregistration, k-space, noise, and the scanned block's slanting ends."""
    bias, sigma = bias_field(image.shape, draws, channel, rng), draws.noise[channel]
    noise = rng.standard_normal((2, *image.shape), dtype=np.float32) * np.float32(sigma)
    seen = block(image.shape, draws.cut[2 * channel: 2 * channel + 2])
    seen = seen * field_of_view(image.shape[1:], draws.view[3 * channel: 3 * channel + 3])
    grey = np.empty(image.shape, np.uint8)
    for some in (slice(start, start + SLAB) for start in range(0, len(image), SLAB)):
        moved = _move(image[some] * bias[some], move)
        if draws.ghost:
            moved = moved + np.float32(draws.ghost) * np.roll(moved, draws.ghost_px, axis=1)
        matrix = draws.matrix[2 * channel], draws.matrix[2 * channel + 1]
        magnitude = acquire(moved + noise[0, some], noise[1, some], matrix)
        level = magnitude - draws.floor[channel] * sigma
        grey[some] = np.clip(np.rint(level * seen[some]), 0, 255).astype(np.uint8)
    return grey


def acquire(real: Float[ndarray, "n h w"], imaginary: Float[ndarray, "n h w"],
            matrix: tuple[float, float]) -> Float[ndarray, "n h w"]:
    """The magnitude of what a finite k-space keeps of a complex image, zero filled to the same size.

    `matrix`: the fractions of rows' and columns' frequencies that are measured. The window falls off at its end, as a
    scanner's filter does, and still rings a little at sharp borders. float64, so that rounding to grey levels is
    the same on every processor.
    """
    from scipy.fft import fft, ifft

    field = real + 1j * imaginary.astype(np.float64)
    for axis, kept in zip((1, 2), matrix, strict=True):
        window = k_window(field.shape[axis], kept).reshape([-1 if a == axis else 1 for a in range(3)])
        field = fft(field, axis=axis, overwrite_x=True)
        field *= window
        field = ifft(field, axis=axis, overwrite_x=True)
    return np.sqrt(field.real ** 2 + field.imag ** 2)


def k_window(size: int, kept: float) -> Float[ndarray, "size"]:
    """1 for the frequencies measured, 0 beyond the fraction `kept`, with a flank of a quarter of them between."""
    frequency = np.abs(np.fft.fftfreq(size)) * 2
    t = np.clip((kept - frequency) / (0.25 * kept), 0, 1)
    return t * (2 - t)


def bias_field(shape, draws: PatientParameters, channel: int, rng: Generator) -> Float[ndarray, "n h w"]:
    """Slowly varying coil sensitivity around 1, mostly greater near the edge; the outermost slices fade."""
    slow = smooth_noise(rng, shape, (2, 2, 2)) * np.float32(draws.bias[channel])
    ends = np.abs(np.linspace(-1, 1, shape[0], dtype=np.float32)) ** 2
    ends = ends * ends * ends * np.float32(draws.fade[channel])
    down, across = (np.linspace(-1.4, 1.4, size, dtype=np.float32) for size in shape[1:])
    edge = np.float32(draws.coil[channel]) * (down[:, None] ** 2 + across ** 2 - np.float32(0.5))
    return (1 + slow + np.float32(0.5) * slow * slow + edge) * (1 - ends)[:, None, None]


def block(shape, ends: tuple[float, ...]) -> Float[ndarray, "n h w"]:
    """1 inside the scanned block, 0 beyond its slanting lower and upper end (registration leaves such wedges)."""
    n, height, width = shape
    slant = np.linspace(-1, 1, width, dtype=np.float32)[None, None] * np.float32(0.7 * ends[1])
    slant = slant + np.linspace(-1, 1, height, dtype=np.float32)[None, :, None] * np.float32(0.5 * ends[0])
    level = np.arange(n, dtype=np.float32)[:, None, None] + slant
    return ((level >= ends[0]) & (level <= n - 1 - ends[1])).astype(np.float32)


def field_of_view(shape: tuple[int, int], view: tuple[float, ...]) -> Float[ndarray, "h w"]:
    """1 inside the scanned rectangle, 0 outside; registration has turned it a little."""
    turn, rows, columns = (np.float32(v) for v in view)
    down, across = (np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2) for size in shape)
    down, across = down[:, None] + turn * across, across - turn * down[:, None]
    return ((np.abs(down) <= rows) & (np.abs(across) <= columns)).astype(np.float32)


def _move(image: Float[ndarray, "n h w"], move: tuple[float, float]) -> Float[ndarray, "n h w"]:
    """Shift by a fraction of a pixel (or a few), linearly, down and right."""
    for axis, distance in zip((1, 2), move, strict=True):
        whole = int(np.floor(distance))
        fraction = np.float32(distance - whole)
        image = np.roll(image, whole, axis) * (1 - fraction) + np.roll(image, whole + 1, axis) * fraction
    return image
