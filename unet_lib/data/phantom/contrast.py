"""From tissue to signal in three sequences: pre-contrast T1, FLAIR, post-contrast T1."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.fields import Position, below, between, bump, ellipsoid, smooth_noise
from unet_lib.data.phantom.parameters import SEQUENCES, PatientParameters

# pre-contrast T1, FLAIR, post-contrast T1, relative to white matter = 1. Read off real slices by eye and
# against the literature's order of brightness (Bojorquez et al. 2017 for T1; fat is bright in all three).
LEVELS = {"air": (0.0, 0.0, 0.0), "fat": (1.55, 1.85, 1.72), "skin": (0.85, 0.9, 1.1), "muscle": (0.62, 0.38, 0.68),
          "marrow": (1.15, 0.55, 1.1), "bone": (0.10, 0.08, 0.10), "eye": (0.35, 0.30, 0.35),
          "mucosa": (0.7, 1.4, 1.7), "csf": (0.42, 0.24, 0.40), "grey": (0.79, 1.26, 0.84),
          "nuclei": (0.88, 1.06, 0.90), "pallidum": (0.97, 0.84, 0.97), "white": (1.0, 1.0, 1.0),
          "dura": (0.55, 0.65, 1.5), "vessel": (0.45, 0.30, 2.0), "plexus": (0.60, 0.70, 1.8)}
JITTER = {"fat": 2.0, "csf": 2.0, "mucosa": 2.0, "grey": 0.8}   # how much more than the others (0.6) these differ
STEADY = {"white", "air", "pallidum"}   # the reference, and what gives no signal
TISSUES = (*LEVELS, "tumour", "cyst")          # what `labels` count, from 0
# hippocampus, basal forebrain, insula, cingulate, pons
LIMBIC = (((24, -14, -20), (10, 22, 9)), ((7, 4, -11), (9, 11, 9)), ((39, 4, 2), (6, 18, 15)),
          ((6, 30, 16), (6, 18, 18)), ((0, -26, -28), (13, 11, 18)))
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


def add_bright_spots(flair: Float[ndarray, "n h w"], brain, white, ventricle, fluid, position: Position,
                     draws: PatientParameters, rng: Generator) -> Float[ndarray, "n h w"]:
    """FLAIR is also bright where there is no tumour: beside the ventricles, in limbic grey matter and the brain stem,
    in age spots, in flowing CSF.
    """
    uneven = smooth_noise(rng, flair.shape, (4, 8, 8))
    caps = between(ventricle, 1.0, 5 + 2 * uneven, 2.0) * white * np.float32(draws.caps)
    side = (np.abs(position[0]), *position[1:])
    limbic = np.minimum.reduce([ellipsoid(side, *shape) for shape in LIMBIC])
    caps += below(limbic, 0, 3.5) * (brain - np.float32(0.5) * white) * np.float32(draws.limbic)
    caps *= np.clip(0.7 + 0.6 * uneven, 0, 1.5)
    candidates = np.flatnonzero(white > 0.9)
    for voxel in candidates[rng.integers(0, len(candidates), draws.spots)]:
        middle = [p.flat[voxel] for p in position]
        radius = rng.uniform(*SPOT_MM)
        near = slice(*np.clip(np.array([-2, 3]) + voxel // flair[0].size, 0, len(flair)))
        squared = sum((p[near] - m) ** 2 for p, m in zip(position, middle, strict=True))
        spot = bump(squared * np.float32(1 / radius ** 2)) * white[near]
        caps[near] += np.float32(rng.uniform(0.2, 0.7)) * spot
    moving = np.maximum(below(ventricle, 0.5, 1.0), fluid * below(position[2], -8, 8))   # ventricles, low cisterns
    flow = moving * np.clip(smooth_noise(rng, flair.shape, (8, 20, 20)) - 0.6, 0, 1)
    return flair + (caps + np.float32(draws.flow) * flow) * np.float32(draws.white[1])
