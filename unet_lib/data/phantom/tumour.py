"""The tumour: a ragged ball that follows white matter, its parts, and the outline an expert would draw."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.anatomy import SIZE, Head
from unet_lib.data.phantom.contrast import TISSUES
from unet_lib.data.phantom.fields import Position, below, between, blur, smooth_noise
from unet_lib.data.phantom.parameters import PatientParameters

LEAST_PIXELS = 40           # real outlines are rarely smaller (1 in 100 has fewer than 47)
DRAWN_PX = 2.2              # a hand-drawn line skips details finer than this, sulci among them
CYST_PX = 2.5               # what is narrower than this in a cyst's wall, pressure has levelled
OTHER_SIDE = 2.4            # how much farther a voxel across the midline counts
NOT_HERE = 1e3              # distance given to voxels that are not brain


@dataclass(frozen=True)
class Tumour:
    """Shares in [0, 1] of each part, and the outline."""

    whole: Float[ndarray, "n h w"]
    core: Float[ndarray, "n h w"]              # 1 in the middle, 0 at the border
    cyst: Float[ndarray, "n h w"]
    ring: Float[ndarray, "n h w"]
    nodules: Float[ndarray, "n h w"]
    patches: Float[ndarray, "n h w"]           # about ±1: uneven brightness
    mask: UInt8[ndarray, "n h w"]

    def part(self, some: slice) -> "Tumour":
        """The same in a range of slices."""
        return Tumour(*(getattr(self, field.name)[some] for field in fields(self)))


def expected_radius_mm(draws: PatientParameters) -> float:
    """Radius of the ball that would fill the drawn fraction of pixels."""
    thickness = (draws.top_mm - draws.bottom_mm) / (draws.slices - 1)
    volume = draws.tumour.pixel_fraction * draws.slices * SIZE * SIZE * draws.pixel_mm ** 2 * thickness
    return float((volume * 3 / (4 * np.pi)) ** (1 / 3))


def grow(position: Position, head: Head, draws: PatientParameters, rng: Generator) -> Tumour:
    """Fill the drawn number of voxels, nearest first, in a metric bent by noise and white matter."""
    kind, shape = draws.tumour, head.brain.shape
    slow, quick = smooth_noise(rng, shape, (5, 9, 9)), smooth_noise(rng, shape, (12, 34, 34))
    bubbles, fine = smooth_noise(rng, shape, (shape[0] // 2, 22, 22)), smooth_noise(rng, shape, (shape[0], 80, 80))
    blobs = smooth_noise(rng, shape, (8, 16, 16))
    patches = 0.6 * blobs + 0.4 * bubbles + 0.3 * fine
    reach = _reach(position, head, draws, slow, quick)
    relative = _one_piece(reach / np.float32(_fill(reach, round(kind.pixel_fraction * len(reach) * SIZE * SIZE))))
    whole = below(relative, 1, kind.edge)
    inner = relative + np.float32(0.12) * quick
    lobes = np.float32(0.06) * slow - np.float32(0.16 * kind.cyst_lobes) * bubbles
    smooth = blur(np.minimum(relative, 2), CYST_PX) + lobes              # fluid makes its walls round
    cyst = below(smooth, kind.cyst, 0.06) if kind.cyst else np.zeros(shape, np.float32)
    ring = between(inner, max(kind.cyst, 0.35), max(kind.cyst, 0.35) + 0.15 + np.float32(0.07) * bubbles, 0.07)
    return Tumour(whole, np.clip(1.3 - 1.3 * relative, 0, 1), cyst, ring,
                  below(-0.8 * blobs - 0.3 * bubbles, -0.7, 0.3) * below(relative, 0.7, 0.1), patches, outline(whole))


def _reach(position: Position, head: Head, draws: PatientParameters, slow, quick) -> Float[ndarray, "n h w"]:
    """How hard each voxel is to reach from the tumour's centre, in mm of a bent metric."""
    kind = draws.tumour
    radius = expected_radius_mm(draws)
    offsets = [(p - np.float32(c)) / np.float32(s)
               for p, c, s in zip(position, kind.centre_mm, kind.stretch, strict=True)]
    distance = np.sqrt(sum(o * o for o in offsets))
    across = np.clip(-position[0] * np.float32(np.sign(kind.centre_mm[0])), 0, None)
    ragged = np.float32(kind.irregular * radius) * (np.float32(0.24) * slow + np.float32(0.14) * quick)
    along = np.float32(kind.infiltration * radius) * (np.float32(0.5) - head.white)
    cerebellum = 30 * below(position[2], -24, 4) * below(position[1], -36, 4)   # low-grade gliomas of adults spare it
    cortex = np.float32(kind.sparing * radius) * np.clip(head.brain - head.white - head.nuclei, 0, 1)
    reach = np.maximum(distance + ragged + along + cortex, 0) + np.float32(OTHER_SIDE) * across + cerebellum
    return reach + np.float32(NOT_HERE) * (head.brain < 0.5)


def _fill(reach: Float[ndarray, "n h w"], voxels: int) -> float:
    """The reach within which lie just `voxels` voxels of brain."""
    voxels = max(min(voxels, int((reach < NOT_HERE / 2).sum()) - 1), 20)
    return max(float(np.partition(reach, voxels, axis=None)[voxels]), 1.0)


def _one_piece(relative: Float[ndarray, "n h w"]) -> Float[ndarray, "n h w"]:
    """Push islands out of reach: 85 % of the real set's tumour slices show a single piece."""
    from scipy.ndimage import label

    pieces, count = label(relative < 1.15)   # 1.15: the soft border belongs to its piece
    if count < 2:
        return relative
    main = 1 + np.bincount(pieces.ravel())[1:].argmax()
    return np.where((pieces > 0) & (pieces != main), np.float32(2), relative)


def outline(whole: Float[ndarray, "n h w"]) -> UInt8[ndarray, "n h w"]:
    """As drawn by hand, slice by slice: slightly smooth, without holes or tiny pieces; {0, 1}."""
    from scipy.ndimage import binary_fill_holes

    mask = blur(whole, DRAWN_PX) > 0.5
    return np.stack([_remove_small_components(binary_fill_holes(m)) if m.any() else m for m in mask]).astype(np.uint8)


def _remove_small_components(mask: ndarray) -> ndarray:
    from scipy.ndimage import label

    pieces, _ = label(mask)
    large = np.bincount(pieces.ravel()) >= LEAST_PIXELS
    large[0] = False
    return large[pieces]


def add_tumour(images: list[Float[ndarray, "n h w"]], tumour: Tumour,
               draws: PatientParameters) -> list[Float[ndarray, "n h w"]]:
    """The tumour's own grey levels over the tissue it replaces; images are changed in position and returned."""
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


def add_labels(labels: UInt8[ndarray, "n h w"], tumour: Tumour) -> UInt8[ndarray, "n h w"]:
    """The tissue of every voxel with the tumour and its cyst; a new array."""
    labels = np.where(tumour.whole > 0.5, np.uint8(TISSUES.index("tumour")), labels)
    return np.where(tumour.whole * tumour.cyst > 0.5, np.uint8(TISSUES.index("cyst")), labels)
