"""From tissue to signal in three sequences: pre-contrast T1, FLAIR, post-contrast T1."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.anatomy import Head
from unet_lib.data.phantom.fields import below, between, bump, smooth_noise
from unet_lib.data.phantom.parameters import SEQUENCES, PatientParameters
from unet_lib.data.phantom.tumour import Tumour

# pre-contrast T1, FLAIR, post-contrast T1, relative to white matter = 1. Read off real slices by eye and
# against the literature's order of brightness (Bojorquez et al. 2017 for T1; fat is bright in all three).
LEVELS = {"air": (0.0, 0.0, 0.0), "fat": (1.95, 2.3, 1.85), "skin": (0.9, 1.2, 1.2), "muscle": (0.66, 0.50, 0.74),
          "marrow": (1.3, 0.95, 1.25), "bone": (0.12, 0.12, 0.14), "eye": (0.35, 0.30, 0.35),
          "mucosa": (0.7, 1.4, 1.7), "csf": (0.42, 0.31, 0.40), "grey": (0.79, 1.16, 0.84),
          "nuclei": (0.88, 1.06, 0.90), "white": (1.0, 1.0, 1.0), "dura": (0.55, 0.65, 1.5),
          "vessel": (0.45, 0.30, 2.0), "plexus": (0.60, 0.70, 1.8)}
JITTER = {"fat": 1.4, "csf": 2.0, "mucosa": 2.0}   # how much more than others these differ from patient to patient
STEADY = {"white", "air"}   # the reference, and what gives no signal
TISSUES = (*LEVELS, "tumour", "cyst")          # what `labels` count, from 0
SPOT_MM = (1.5, 4.0)        # radius of an age spot


def levels(draws: PatientParameters) -> dict[str, Float[ndarray, "3"]]:
    """Grey level of each tissue in each sequence for this patient's scanner."""
    jitter = np.array(draws.tissue_jitter).reshape(-1, 3)
    table, row = {}, 0
    for tissue, relative in LEVELS.items():
        factor = np.ones(3)
        if tissue not in STEADY:
            factor = np.round(np.exp(jitter[row] * JITTER.get(tissue, 0.6)), 9)
            row += 1
        table[tissue] = (np.array(relative) * factor * draws.white).astype(np.float32)
    if draws.fat_saturated:
        table["fat"][2] *= 0.35
    return table


def paint(head: Head, draws: PatientParameters) -> list[Float[ndarray, "n h w"]]:
    """Three images without tumour: each layer covers what lies below in proportion to its share."""
    table = levels(draws)
    images = [np.zeros(head.brain.shape, np.float32) for _ in SEQUENCES]
    for tissue, fraction in head.layers:
        some = _used(fraction)
        for image, level in zip(images, table[tissue], strict=True):
            image[some] += fraction[some] * (level - image[some])
    return [image * (1 + head.texture) for image in images]


def tissue_labels(head: Head, tumour: Tumour) -> UInt8[ndarray, "n h w"]:
    """The tissue that fills most of each pixel, as its place in TISSUES (0: air)."""
    labels = np.zeros(head.brain.shape, np.uint8)
    for tissue, fraction in (*head.layers, ("tumour", tumour.whole), ("cyst", tumour.whole * tumour.cyst)):
        some = _used(fraction)
        labels[some][fraction[some] > 0.5] = TISSUES.index(tissue)
    return labels


def _used(fraction: Float[ndarray, "_ h w"]) -> slice:
    """The slices in which there is any: an eye is in few of them."""
    used = np.flatnonzero(fraction.any(axis=(1, 2)))
    return slice(used[0], used[-1] + 1) if len(used) else slice(0)


def add_bright_spots(flair: Float[ndarray, "n h w"], head: Head, place, draws: PatientParameters,
                     rng: Generator) -> Float[ndarray, "n h w"]:
    """FLAIR is also bright where there is no tumour: beside the ventricles, in age spots, in flowing CSF."""
    caps = between(head.ventricle, 1.0, 5.0, 1.5) * head.white * np.float32(draws.caps)
    caps *= np.clip(0.6 + 0.6 * smooth_noise(rng, flair.shape, (4, 8, 8)), 0, 1.5)
    candidates = np.flatnonzero(head.white > 0.9)
    for voxel in candidates[rng.integers(0, len(candidates), draws.spots)]:
        middle = [p.flat[voxel] for p in place]
        radius = rng.uniform(*SPOT_MM)
        near = slice(*np.clip(np.array([-2, 3]) + voxel // flair[0].size, 0, len(flair)))
        squared = sum((p[near] - m) ** 2 for p, m in zip(place, middle, strict=True))
        spot = bump(squared * np.float32(1 / radius ** 2)) * head.white[near]
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
    dark = kind.t1 + (1 - kind.t1) * 0.4 * (1 - tumour.core) + 0.6 * kind.patchy * tumour.patches
    uneven = np.clip(0.7 + 0.6 * tumour.patches, 0, 1.5)
    glow = kind.ring * tumour.ring * (1 - tumour.cyst) * uneven + kind.nodules * tumour.nodules
    values = (dark, bright, dark + glow)
    fluid = (0.45, kind.cyst_flair, 0.45)
    return [(value + tumour.cyst * (wet - value)) * np.float32(white)
            for value, wet, white in zip(values, fluid, draws.white, strict=True)]
