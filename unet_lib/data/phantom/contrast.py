"""From tissue to signal in three sequences: pre-contrast T1, FLAIR, post-contrast T1."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.fields import below, between, bump, smooth_noise
from unet_lib.data.phantom.parameters import SEQUENCES, PatientParameters

# pre-contrast T1, FLAIR, post-contrast T1, relative to white matter = 1. Read off real slices by eye and
# against the literature's order of brightness (Bojorquez et al. 2017 for T1; fat is bright in all three).
LEVELS = {"air": (0.0, 0.0, 0.0), "fat": (1.85, 2.25, 1.8), "skin": (0.9, 1.2, 1.2), "muscle": (0.66, 0.50, 0.74),
          "marrow": (1.3, 0.95, 1.25), "bone": (0.12, 0.12, 0.14), "eye": (0.35, 0.30, 0.35),
          "mucosa": (0.7, 1.4, 1.7), "csf": (0.42, 0.31, 0.40), "grey": (0.79, 1.16, 0.84),
          "nuclei": (0.88, 1.06, 0.90), "pallidum": (0.97, 0.84, 0.97), "white": (1.0, 1.0, 1.0),
          "dura": (0.55, 0.65, 1.5), "vessel": (0.45, 0.30, 2.0), "plexus": (0.60, 0.70, 1.8)}
JITTER = {"fat": 2.0, "csf": 2.0, "mucosa": 2.0}   # how much more than others these differ from patient to patient
STEADY = {"white", "air", "pallidum"}   # the reference, and what gives no signal
TISSUES = (*LEVELS, "tumour", "cyst")          # what `labels` count, from 0
SPOT_MM = (1.5, 4.0)        # radius of an age spot

Layers = tuple[tuple[str, Float[ndarray, "n h w"]], ...]     # (tissue, fraction), each over what was there before


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


def paint(layers: Layers, texture: Float[ndarray, "n h w"], draws: PatientParameters) -> list[Float[ndarray, "n h w"]]:
    """Three images without tumour: each layer covers what lies below in proportion to its fraction."""
    table = levels(draws)
    images = [np.zeros(texture.shape, np.float32) for _ in SEQUENCES]
    for tissue, fraction in layers:
        if fraction.any():
            for image, level in zip(images, table[tissue], strict=True):
                image += fraction * (level - image)
    return [image * (1 + texture) for image in images]


def label_tissues(layers: Layers) -> UInt8[ndarray, "n h w"]:
    """The tissue that fills most of each voxel, as its index in TISSUES (0: air)."""
    labels = np.zeros(layers[0][1].shape, np.uint8)
    for tissue, fraction in layers:
        labels[fraction > 0.5] = TISSUES.index(tissue)
    return labels


def add_bright_spots(flair: Float[ndarray, "n h w"], white, ventricle, fluid, place, draws: PatientParameters,
                     rng: Generator) -> Float[ndarray, "n h w"]:
    """FLAIR is also bright where there is no tumour: beside the ventricles, in age spots, in flowing CSF."""
    caps = between(ventricle, 1.0, 5.0, 1.5) * white * np.float32(draws.caps)
    caps *= np.clip(0.6 + 0.6 * smooth_noise(rng, flair.shape, (4, 8, 8)), 0, 1.5)
    candidates = np.flatnonzero(white > 0.9)
    for voxel in candidates[rng.integers(0, len(candidates), draws.spots)]:
        middle = [p.flat[voxel] for p in place]
        radius = rng.uniform(*SPOT_MM)
        near = slice(*np.clip(np.array([-2, 3]) + voxel // flair[0].size, 0, len(flair)))
        squared = sum((p[near] - m) ** 2 for p, m in zip(place, middle, strict=True))
        spot = bump(squared * np.float32(1 / radius ** 2)) * white[near]
        caps[near] += np.float32(rng.uniform(0.2, 0.7)) * spot
    moving = np.maximum(below(ventricle, 0.5, 1.0), fluid * below(place[2], -8, 8))   # ventricles, cisterns at the base
    flow = moving * np.clip(smooth_noise(rng, flair.shape, (8, 20, 20)) - 0.6, 0, 1)
    return flair + (caps + np.float32(draws.flow) * flow) * np.float32(draws.white[1])
