"""The brain's own folds: sulci, cortex and folia, drawn anew for each patient over the average brain of the atlas.

A sulcus is a sheet on which a band-limited random field is zero. Such sheets wind like real ones and keep a
distance of half a wave from each other. The field is drawn over the surface of each hemisphere and continued
inwards, so that sulci dive into the brain at right angles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.atlas import load_atlas, look_up
from unet_lib.data.phantom.fields import Noises, Position, below, coverage, ellipsoid
from unet_lib.data.phantom.parameters import PatientParameters

STEP = 2.5                                     # mm between the nodes of the folds' field
NODES = (72, 84, 64)                           # its size; it repeats beyond
WAVES_MM = (15.0, 31.0)                        # shortest and longest wave: sulci lie half a wave apart
FARTHEST = 8.0                                 # mm: distances to a sheet are known up to here
HEMISPHERE = ((34, -17, 13), (34, 88, 62))     # centre and radii, mirrored
CORE = ((19, -6, 2), (20, 30, 22))             # deep nuclei and the capsules between them: no folds here
CEREBELLUM = (0, -36, -30)                     # folia run around it
FOLIUM_MM = 4.2
FOLIUM_SHOWS = 0.45                            # a slice some mm thick sees several of their clefts at once
STEM = ((0, -24, -36), (19, 16, 40))
THICK_SLICE = 0.95                            # a slice some mm thick never shows a cleft quite empty
LOOSE_MM = 1.6                                 # how far a patient's gyri stray from the average brain's


@dataclass(frozen=True)
class Brain:
    """Shares of some voxels [m]; `nuclei`, `white` and what is left of `brain` make up the solid part."""

    brain: Float[ndarray, "m"]
    white: Float[ndarray, "m"]
    nuclei: Float[ndarray, "m"]
    fluid: Float[ndarray, "m"]                 # outside the brain, inside the skull
    ventricle: Float[ndarray, "m"]             # mm to the nearest ventricle


def build_brain(position: Position, depth: Float[ndarray, "m"], noises: Noises,
                squeeze: Float[ndarray, "m"], draws: PatientParameters, folds: ndarray) -> Brain:
    """Grey, white and fluid at each position of the atlas, `depth` mm below the inside of the skull.

    `folds` as from `draw_folds`; `squeeze` is 1 where the tumour presses sulci shut, 0 far from it.
    """
    atlas = load_atlas()
    x, y, z = position
    loose = (x + LOOSE_MM * noises.bend_x, y + LOOSE_MM * noises.bend_y, z)
    grey, white = look_up(atlas.grey, loose), look_up(atlas.white, loose)
    core, hind = ellipsoid((np.abs(x), y, z), *CORE), _hind(position)
    folded = below(-core, 0, 3) * (1 - hind)
    sulcus, width = _sulci(position, depth, noises, draws, folds)
    pixel = draws.pixel_mm
    clefts = np.maximum.reduce([coverage(sulcus, width, pixel) * folded * (1 - np.float32(0.8) * squeeze),
                                _folia(position, depth, noises, draws) * hind,
                                _falx(position, core, white, noises, pixel)])
    # the average brain has no sharp border: where to draw it differs from patient to patient and point to point
    border = np.float32(0.52 + 0.16 * draws.atrophy) + np.float32(0.07) * noises.rough
    near = below(depth, 8, 6) * np.maximum(below(-z, -30, 20), below(z, -20, 10))     # at the top and at the bottom
    border = border - np.float32(0.30 - 0.2 * draws.atrophy) * near                   # it fills the skull
    solid = np.clip((grey + white - border) * 5 + np.float32(0.5), 0, 1) * (1 - np.float32(THICK_SLICE) * clefts)
    sharp = 3 + 3 * folded                     # nuclei, brain stem and cerebellum have softer borders
    white = np.clip((white - np.float32(0.42) - np.float32(0.05) * noises.rough) * sharp + np.float32(0.5), 0, 1)
    pia = np.minimum(depth, sulcus - width + 30 * (1 - folded))     # mm below the brain's surface, folds included
    cortex = np.float32(draws.cortex_mm) + np.float32(0.35) * noises.bend_x
    white = white * (1 - (1 - hind) * below(pia, cortex, 0.6))
    return Brain(solid, solid * white, solid * (1 - white) * below(core, 0, 2), 1 - solid,
                 look_up(atlas.ventricle, position, coarse=True, outside=None))


def _hind(position: Position) -> Float[ndarray, "m"]:
    """1 below the tentorium (cerebellum, brain stem), 0 above."""
    x, y, z = position
    away = np.sqrt(x * x + np.float32(0.64) * (y + 45) ** 2)
    behind = below(z + np.float32(0.42) * away, 1, 1.5) * below(y, -30, 2)
    return np.maximum(behind, below(ellipsoid(position, *STEM), 0, 2))


def _sulci(position: Position, depth, noises: Noises, draws: PatientParameters, folds: ndarray):
    """Distance to the nearest sulcus's sheet and half the sulcus's width there, both in mm."""
    from scipy.ndimage import map_coordinates

    x, y, z = position
    centre, radii = HEMISPHERE
    offsets = [o - np.float32(c) for o, c in zip((np.abs(x), y, z), centre, strict=True)]
    out = np.sqrt(sum((o / np.float32(r)) ** 2 for o, r in zip(offsets, radii, strict=True)))
    out = 1 / np.sqrt(np.clip(out, 0.55, 1.1))              # half way to the surface: sheets lean, as real ones do
    there = [o * out + np.float32(c) for o, c in zip(offsets, centre, strict=True)]
    there[0] = there[0] * np.where(x < 0, np.float32(-1), np.float32(1))
    voxels = [p / np.float32(STEP) for p in there]
    sheet = np.abs(map_coordinates(folds, voxels, order=1, mode="grid-wrap", prefilter=False))
    reach = np.clip(np.float32(draws.sulcus_mm) + 8 * noises.reach, 0, 26) * (1 - 0.65 * below(z, -14, 8))
    below_end = np.maximum(depth - reach, 0)
    open_mm = np.float32(0.56 + 0.45 * draws.atrophy) + np.float32(0.38) * noises.rough
    mouth = np.float32(0.9 + 0.5 * draws.atrophy) * np.clip(1 - depth / 7, 0, 1)
    taper = np.clip(np.float32(1.15) - depth / (reach + 3), 0.15, 1)
    return np.sqrt(sheet * sheet + below_end * below_end), np.maximum(open_mm, 0.05) * taper + mouth


def draw_folds(rng: Generator) -> Float[ndarray, "x y z"]:
    """Signed distance in mm to the zero sheets of a random field whose waves are WAVES_MM long, every STEP mm."""
    from scipy.fft import irfftn, rfftn

    axes = [np.fft.fftfreq(n, STEP) for n in NODES[:2]] + [np.fft.rfftfreq(NODES[2], STEP)]
    frequency = np.sqrt(sum(axis ** 2 for axis in np.meshgrid(*axes, indexing="ij", sparse=True)))
    low, high = 1 / WAVES_MM[1], 1 / WAVES_MM[0]
    window = np.clip(1 - (2 * (frequency - low) / (high - low) - 1) ** 2, 0, 1)
    field = irfftn(rfftn(rng.standard_normal(NODES)) * window, s=NODES)
    slope = np.sqrt(sum(((np.roll(field, -1, axis) - np.roll(field, 1, axis)) / (2 * STEP)) ** 2 for axis in range(3)))
    least = 0.25 * np.median(slope)
    return np.clip(field / np.maximum(slope, least), -FARTHEST, FARTHEST).astype(np.float32)


def _folia(position: Position, depth, noises: Noises, draws: PatientParameters) -> Float[ndarray, "m"]:
    """Thin clefts around the middle of the cerebellum, a fraction of each pixel."""
    x, y, z = (p - np.float32(c) for p, c in zip(position, CEREBELLUM, strict=True))
    out = np.sqrt(np.float32(0.7) * x * x + y * y + np.float32(1.5) * z * z)
    wave = (out + 3.5 * noises.reach + 1.2 * noises.bend_y) / np.float32(FOLIUM_MM)
    away = np.abs(wave - np.rint(wave)) * np.float32(FOLIUM_MM)
    width = np.float32(0.12 + 0.2 * draws.atrophy) + np.float32(0.2) * noises.rough
    lively = below(depth, 17, 5) * below(-ellipsoid(position, *STEM), -1, 1)
    return coverage(away, np.maximum(width, 0), draws.pixel_mm) * lively * np.float32(FOLIUM_SHOWS)


def _falx(position: Position, core, white, noises: Noises, pixel: float) -> Float[ndarray, "m"]:
    """The cleft between the hemispheres, open by half a millimetre and more."""
    x, y, z = position
    away = np.abs(x + np.float32(1.2) * noises.reach)
    width = np.float32(0.5) + np.float32(0.35) * noises.rough
    above = below(-z, 2, 3) * below(-core, -1, 1)
    ends = np.maximum(below(-y, -22, 4), below(y, -62, 4)) * below(-z, 12, 3)
    return coverage(away, np.maximum(width, 0.1), pixel) * below(white, 0.2, 0.1) * np.maximum(above, ends)
