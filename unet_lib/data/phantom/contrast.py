"""From tissue to grey level: three sequences, and all that a scanner does to them."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.anatomy import Head
from unet_lib.data.phantom.fields import below, between, blur, exp, smooth_noise
from unet_lib.data.phantom.parameters import SEQUENCES, PatientParameters
from unet_lib.data.phantom.tumour import Tumour

# pre-contrast T1, FLAIR, post-contrast T1, relative to white matter = 1. Read off real slices by eye and
# against the literature's order of brightness (Bojorquez et al. 2017 for T1; fat is bright in all three).
LEVELS = {"air": (0.0, 0.0, 0.0), "fat": (2.0, 1.95, 2.0), "skin": (0.9, 1.2, 1.2), "muscle": (0.66, 0.50, 0.78),
          "marrow": (1.3, 0.95, 1.25), "bone": (0.12, 0.12, 0.14), "eye": (0.35, 0.30, 0.35),
          "mucosa": (0.7, 1.4, 1.7), "csf": (0.40, 0.24, 0.38), "grey": (0.80, 1.14, 0.84),
          "white": (1.0, 1.0, 1.0), "dura": (0.55, 0.65, 1.5), "vessel": (0.45, 0.30, 2.0),
          "plexus": (0.60, 0.70, 1.8)}
STEADY = {"white", "air"}   # the reference, and what gives no signal
SPOT_MM = (1.5, 4.0)        # radius of an age spot


def levels(draws: PatientParameters) -> dict[str, Float[ndarray, "3"]]:
    """Grey level of each tissue in each sequence for this patient's scanner."""
    jitter = np.array(draws.tissue_jitter).reshape(-1, 3)
    table, row = {}, 0
    for tissue, relative in LEVELS.items():
        factor = np.ones(3)
        if tissue not in STEADY:
            factor = np.exp(jitter[row] * (2 if tissue in ("fat", "csf", "mucosa") else 0.6))
            row += 1
        table[tissue] = (np.array(relative) * factor * draws.white).astype(np.float32)
    if draws.fat_saturated:
        table["fat"][2] *= 0.35
    return table


def paint(head: Head, draws: PatientParameters) -> list[Float[ndarray, "n h w"]]:
    """Three images without tumour: each layer covers what lies below in proportion to its fraction."""
    table = levels(draws)
    images = [np.zeros(head.brain.shape, np.float32) for _ in SEQUENCES]
    for tissue, fraction in head.layers:
        used = np.flatnonzero(fraction.any(axis=(1, 2)))   # an eye is in few slices: leave the others alone
        some = slice(used[0], used[-1] + 1) if len(used) else slice(0)
        for image, level in zip(images, table[tissue], strict=True):
            image[some] += fraction[some] * (level - image[some])
    return images


def add_bright_spots(flair: Float[ndarray, "n h w"], head: Head, points, draws: PatientParameters,
                     rng: Generator) -> Float[ndarray, "n h w"]:
    """FLAIR is also bright where there is no tumour: beside the ventricles, in age spots, in flowing CSF."""
    caps = between(head.ventricle, 1.0, 5.0, 1.5) * head.white * np.float32(draws.caps)
    caps *= np.clip(0.6 + 0.6 * smooth_noise(rng, flair.shape, (4, 8, 8)), 0, 1.5)
    candidates = np.flatnonzero(head.white > 0.9)
    for voxel in candidates[rng.integers(0, len(candidates), draws.spots)]:
        middle = [p.flat[voxel] for p in points]
        radius = rng.uniform(*SPOT_MM)
        near = slice(*np.clip(np.array([-2, 3]) + voxel // flair[0].size, 0, len(flair)))
        squared = sum((p[near] - m) ** 2 for p, m in zip(points, middle, strict=True))
        spot = exp(squared * np.float32(-0.5 / radius ** 2)) * head.white[near]
        caps[near] += np.float32(rng.uniform(0.2, 0.7)) * spot
    flow = below(head.ventricle, 0.5, 1.0) * np.clip(smooth_noise(rng, flair.shape, (8, 20, 20)) - 0.6, 0, 1)
    return flair + (caps + np.float32(draws.flow) * flow) * np.float32(draws.white[1])


def add_tumour(images: list[Float[ndarray, "n h w"]], tumour: Tumour,
               draws: PatientParameters) -> list[Float[ndarray, "n h w"]]:
    """The tumour's own grey levels over the tissue it replaces; images are changed in place and returned."""
    used = np.flatnonzero(tumour.whole.any((1, 2)))
    some = slice(used[0], used[-1] + 1)
    for image, value in zip(images, _tumour_levels(tumour.part(some), draws), strict=True):
        image[some] += tumour.whole[some] * (value - image[some])
    return images


def _tumour_levels(tumour: Tumour, draws: PatientParameters) -> list[Float[ndarray, "n h w"]]:
    """Grey level of tumour tissue in each sequence."""
    kind = draws.tumour
    bright = 1 + (kind.flair - 1) * (kind.oedema + (1 - kind.oedema) * tumour.core) + kind.patchy * tumour.patches
    dark = kind.t1 + (1 - kind.t1) * 0.4 * (1 - tumour.core) + 0.4 * kind.patchy * tumour.patches
    uneven = np.clip(0.7 + 0.6 * tumour.patches, 0, 1.5)
    glow = kind.ring * tumour.ring * (1 - tumour.cyst) * uneven + kind.nodules * tumour.nodules
    values = (dark, bright, dark + glow)
    fluid = (0.45, kind.cyst_flair, 0.45)
    return [(value + tumour.cyst * (wet - value)) * np.float32(white)
            for value, wet, white in zip(values, fluid, draws.white, strict=True)]


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
    """Bias field, blur, ghost, misregistration, Rician noise, and the scanned block's slanting ends."""
    image = _move(blur(image * bias_field(image.shape, draws, channel, rng), draws.blur_px[channel]), move)
    if draws.ghost:
        image = image + np.float32(draws.ghost) * np.roll(image, draws.ghost_px, axis=1)
    real, imaginary = rng.standard_normal((2, *image.shape), dtype=np.float32) * np.float32(draws.noise[channel])
    noisy = np.sqrt((image + real) ** 2 + imaginary ** 2) - np.float32(draws.floor[channel] * draws.noise[channel])
    noisy = noisy * block(image.shape, draws.cut[2 * channel: 2 * channel + 2])
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def bias_field(shape, draws: PatientParameters, channel: int, rng: Generator) -> Float[ndarray, "n h w"]:
    """Slowly varying coil sensitivity around 1; the outermost slices fade."""
    slow = smooth_noise(rng, shape, (2, 2, 2)) * np.float32(draws.bias[channel])
    outward = np.linspace(-1, 1, shape[0], dtype=np.float32) ** 2
    ends = outward * outward * outward * np.float32(draws.fade[channel])
    return exp(slow) * (1 - ends)[:, None, None]


def block(shape, ends: tuple[float, ...]) -> Float[ndarray, "n h w"]:
    """1 inside the scanned block, 0 beyond its slanting lower and upper end (registration leaves such wedges)."""
    n, height, width = shape
    slant = np.linspace(-1, 1, width, dtype=np.float32)[None, None] * np.float32(0.7 * ends[1])
    slant = slant + np.linspace(-1, 1, height, dtype=np.float32)[None, :, None] * np.float32(0.5 * ends[0])
    level = np.arange(n, dtype=np.float32)[:, None, None] + slant
    return ((level >= ends[0]) & (level <= n - 1 - ends[1])).astype(np.float32)


def _move(image: Float[ndarray, "n h w"], move: tuple[float, float]) -> Float[ndarray, "n h w"]:
    """Shift by a fraction of a pixel (or a few), linearly, down and right."""
    for axis, distance in zip((1, 2), move, strict=True):
        whole = int(np.floor(distance))
        fraction = np.float32(distance - whole)
        image = np.roll(image, whole, axis) * (1 - fraction) + np.roll(image, whole + 1, axis) * fraction
    return image
