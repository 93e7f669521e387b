"""From drawn parameters to a head: where each voxel lies in the atlas, and what it is made of.

Points are (x, y, z) in millimetres of the atlas: right, front, up. In an image the front is up.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom.atlas import load_atlas, look_up
from unet_lib.data.phantom.fields import below, between, ellipsoid, exp, sigmoid, smooth_noise
from unet_lib.data.phantom.parameters import PatientParameters

SIZE = 256                                     # pixels, as in the LGG set
Points = tuple[ndarray, ...]                   # three float32 [n, 256, 256], or of some voxels [m]
VENTRICLES_AT = (0.0, -14.0, 14.0)             # their middle, and how far their widening reaches
VENTRICLES_REACH = 26.0
PLEXUS = ((23, -36, 10), (7, 13, 10))          # choroid plexus, in the widest part of the lateral ventricles
FOLD_MM = 1.3                                  # how far folds stray from the average brain's
FACE_TOP = 25.0                                # mm: above it there is no face

# the face and neck in mm: centre and radii of ellipsoids (mirrored where x is not 0)
FLESH = (((0, 28, -78), (64, 64, 74)), ((0, -40, -112), (58, 58, 72)), ((0, -8, -104), (66, 50, 66)))
NOSE = ((0, 86, -58), (13, 24, 26))
EAR = ((76, -22, -44), (7, 15, 25))
ORBIT = ((30, 50, -36), (19, 26, 17))
EYE = ((31, 63, -36), (12, 12, 12))
NERVE = ((25, 40, -36), (3, 16, 3))
RECTUS = ((40, 48, -36), (3, 14, 6))
NASAL = ((0, 52, -54), (15, 36, 24))
SINUSES = (((29, 56, -64), (13, 16, 15)), ((8, 18, -36), (9, 12, 8)), ((15, 77, 2), (12, 3, 8)))
MASTOID = ((50, -28, -50), (14, 17, 17))
THROAT = ((0, 2, -96), (13, 9, 32))
SPINE = ((0, -42, -108), (20, 22, 44))
CANAL = ((0, -46, -105), (11, 10, 44))
CORD = ((0, -46, -105), (6, 5, 44))


@dataclass(frozen=True)
class Head:
    """What lies where. `layers` are painted in order, each over what was there: (tissue, fraction 0–1).

    A layer may cover fewer slices than the head has: the lowest ones (the face).
    """

    layers: tuple[tuple[str, Float[ndarray, "_ h w"]], ...]
    brain: Float[ndarray, "n h w"]             # grey + white matter
    white: Float[ndarray, "n h w"]
    ventricle: Float[ndarray, "n h w"]         # mm to the nearest ventricle


def scanner_grid(draws: PatientParameters) -> Points:
    """Where an undistorted head of this size and tilt has each voxel."""
    centre = (SIZE - 1) / 2
    rows = (np.arange(SIZE) - centre - draws.shift_px[0]) * -draws.pixel_mm - 9   # 9: the face reaches forward
    columns = (np.arange(SIZE) - centre - draws.shift_px[1]) * draws.pixel_mm
    heights = np.linspace(draws.bottom_mm, draws.top_mm, draws.slices)
    z, y, x = np.meshgrid(heights, rows, columns, indexing="ij")
    x, y, z = (axis.astype(np.float32) for axis in (x, y, z))
    pitch, roll, yaw = (np.float32(angle) for angle in draws.tilt)
    x, y, z = x + yaw * y - roll * z, y - yaw * x - pitch * z, z + roll * x + pitch * y    # small angles
    sx, sy, sz = (np.float32(s) for s in draws.scale)
    return x / sx, y / sy, z * np.float32(0.95) / sz    # heights were drawn in atlas mm already


def warp(points: Points, draws: PatientParameters, rng: Generator) -> Points:
    """Make the head this patient's own: slow displacements of the whole."""
    shifts = [smooth_noise(rng, points[0].shape, (1, 1, 1)) * np.float32(draws.warp_mm) for _ in range(3)]
    return tuple(p + shift for p, shift in zip(points, shifts, strict=True))


def _fold(points: Points, shifts: list[ndarray], draws: PatientParameters) -> Points:
    """Inside the skull only: quick displacements, for folds that differ from left to right, and wide ventricles."""
    x, y, z = _widen_ventricles(points, draws.ventricles)
    return x + shifts[0], y + shifts[1], z


def _widen_ventricles(points: Points, amount: float) -> Points:
    """Read the atlas nearer to the ventricles' middle, so that they look wider; fades out with distance."""
    offsets = [p - np.float32(c) for p, c in zip(points, VENTRICLES_AT, strict=True)]
    x, y, z = offsets
    squared = x * x + y * y + z * z
    shrink = 1 - np.float32(amount) * exp(squared * np.float32(-0.5 / VENTRICLES_REACH ** 2))
    return tuple(o * shrink + np.float32(c) for o, c in zip(offsets, VENTRICLES_AT, strict=True))


def push_aside(points: Points, draws: PatientParameters, radius_mm: float) -> Points:
    """Mass effect: what surrounds the tumour shows tissue that belongs nearer to its centre."""
    offsets = [p - np.float32(c) for p, c in zip(points, draws.tumour.centre_mm, strict=True)]
    distance = np.sqrt(sum(o * o for o in offsets)) + 1
    pull = np.float32(draws.tumour.push_mm) * exp(-((distance - radius_mm) / np.float32(0.8 * radius_mm + 4)) ** 2)
    return tuple(p - o / distance * np.minimum(pull, distance) for p, o in zip(points, offsets, strict=True))


def build_head(points: Points, draws: PatientParameters, radius_mm: float, rng: Generator) -> Head:
    """Tissue fractions of every voxel, from the air inwards to the brain."""
    hull = look_up(load_atlas().hull, points, coarse=True, outside=None)
    grain = smooth_noise(rng, hull.shape, (12, 40, 40))
    blobs = smooth_noise(rng, hull.shape, (6, 14, 14))
    inside = below(hull, draws.csf_gap_mm, 0.9)
    grey, white, fluid, ventricle = _brain(points, inside > 0, grain, draws, radius_mm, rng)
    not_white = np.maximum(1 - white, 0.02)     # white is painted over grey: grey has to show through
    face = slice(0, int((points[2] < FACE_TOP).any((1, 2)).sum()))
    layers = (*_soft_head(points, hull, draws, grain, blobs),
              *_face(tuple(p[face] for p in points), grain[face], blobs[face]),
              *_skull(points, hull, draws, blobs), ("csf", inside), ("grey", inside * grey / not_white),
              ("white", inside * white), *_vessels(points, hull, fluid * inside, draws, grain),
              ("plexus", _plexus(points, ventricle, blobs)))
    return Head(layers, (grey + white) * inside, white * inside, ventricle)


def _brain(points: Points, where, grain, draws: PatientParameters, radius_mm: float,
           rng: Generator) -> tuple[ndarray, ...]:
    """Fractions of grey matter, white matter and fluid, and the distance to the ventricles.

    Worked out only `where` it matters, a fifth of the voxels; elsewhere the fractions are 0.
    """
    atlas = load_atlas()
    shifts = [np.float32(FOLD_MM) * smooth_noise(rng, grain.shape, (8, 18, 18))[where] for _ in range(2)]
    inner = push_aside(tuple(p[where] for p in points), draws, radius_mm)
    inner = _fold(inner, shifts, draws)
    fractions = _tissues(look_up(atlas.grey, inner), look_up(atlas.white, inner), grain[where], draws.atrophy)
    ventricle = look_up(atlas.ventricle, inner, coarse=True, outside=None)
    fields = [np.zeros(grain.shape, np.float32) for _ in fractions] + [np.full(grain.shape, 99, np.float32)]
    for field, values in zip(fields, (*fractions, ventricle), strict=True):
        field[where] = values
    return tuple(fields)


def _tissues(grey, white, grain, atrophy) -> tuple[ndarray, ndarray, ndarray]:
    """Average brains are blurred; one brain is not. Sharpen the fractions and let folds open at random."""
    fluid = np.clip(1 - grey - white, 0, 1) * np.float32(0.8 + 0.7 * atrophy) * exp(np.float32(0.45) * grain)
    powers = [fraction * fraction * np.sqrt(fraction) for fraction in (grey, white, fluid)]
    total = sum(powers) + np.float32(1e-4)
    grey, white, fluid = (power / total for power in powers)
    return grey, white, fluid


def _soft_head(points: Points, hull, draws: PatientParameters, grain, blobs):
    """Flesh and scalp: everything inside the skin that is not brain, bone or air."""
    skin = hull - np.float32(draws.csf_gap_mm + draws.skull_mm + draws.scalp_mm) - 0.4 * blobs
    face = np.minimum.reduce([ellipsoid(points, *shape) for shape in FLESH])
    x, y, z = points
    side = (np.abs(x), y, z)
    surface = np.minimum(np.minimum(skin, face), np.minimum(ellipsoid(points, *NOSE), ellipsoid(side, *EAR)))
    surface = np.where(z < -125, 9, surface)
    body = below(surface, 0, 0.8)
    septa = between(blobs + grain, -0.3, 0.3, 0.25)              # fat lies in sheets between the muscles
    pads = sigmoid(5 * blobs - 4)                                # and in pads
    muscle = body * below(surface, -draws.scalp_mm, 1.0) * (1 - 0.35 * septa) * (1 - 0.6 * pads)
    veins = body * np.clip(0.22 + 0.22 * blobs, 0, 0.6)          # fat is not evenly bright
    return ("fat", body), ("muscle", veins), ("skin", body * below(-surface, 1.2, 0.8)), ("muscle", muscle)


def _face(points: Points, grain, blobs):
    """Orbits, nose, sinuses, ear bones, throat and spine, hinted."""
    x, y, z = points
    side = (np.abs(x), y, z)
    rough = 2 * blobs
    mucosa = below(ellipsoid(points, *NASAL) + rough, 0, 1.0)
    spine = ellipsoid(points, *SPINE) + rough
    return (("muscle", below(spine, 0, 1)), ("marrow", below(spine, -5, 1)),
            ("csf", below(ellipsoid(points, *CANAL), 0, 0.8)), ("white", below(ellipsoid(points, *CORD), 0, 0.8)),
            ("fat", below(ellipsoid(side, *ORBIT) + rough * 0.5, 0, 1.0)),
            ("muscle", below(ellipsoid(side, *RECTUS), 0, 0.8)), ("white", below(ellipsoid(side, *NERVE), 0, 0.8)),
            ("eye", below(ellipsoid(side, *EYE), 0, 0.8)), ("mucosa", mucosa),
            ("air", mucosa * sigmoid(5 * grain + 2)), ("air", below(ellipsoid(points, *THROAT) + rough, 0, 1)),
            *(("air", below(ellipsoid(side, *sinus) + 0.3 * rough, 0, 0.8)) for sinus in SINUSES),
            ("bone", below(ellipsoid(side, *MASTOID) + rough, 0, 1.0) * sigmoid(4 * grain + 1)))


def _skull(points: Points, hull, draws: PatientParameters, blobs):
    """Two dark tables with marrow between; thickness wanders."""
    inner, outer = draws.csf_gap_mm, draws.csf_gap_mm + draws.skull_mm
    vault = 1 - below(points[2] + 0.25 * points[1], -28, 4)        # the base of the skull is thin, without marrow
    wandering = hull + np.float32(0.8) * blobs + np.float32(0.4 * draws.skull_mm) * (1 - vault)
    table = 0.22 * draws.skull_mm
    bone = between(hull, inner, 0.5 * (inner + outer), 0.6) + between(wandering, 0.5 * (inner + outer), outer, 0.6)
    return (("bone", np.clip(bone, 0, 1)),
            ("marrow", np.clip(between(wandering, inner + table, outer - table, 0.8), 0, 1) * vault))


def _plexus(points: Points, ventricle, blobs):
    """Tufts of vessels inside the lateral ventricles; they take up contrast."""
    x, y, z = points
    within = below(ellipsoid((np.abs(x), y, z), *PLEXUS), 0, 1.0) * below(ventricle, 0.0, 0.8)
    return within * sigmoid(4 * blobs - 1)


def _vessels(points: Points, hull, fluid, draws: PatientParameters, grain):
    """Dura, sagittal sinus, falx and vessels in the sulci: dull before contrast, bright after."""
    x, y, z = points
    inner = draws.csf_gap_mm
    midline = below(np.abs(x), 1.2, 0.7) * (z > 0)
    sinus = below(np.abs(x), 4.0, 1.0) * between(hull, inner - 4, inner + 1.5, 0.8) * (z > -5) * (y < 40)
    ridges = below(np.abs(grain), 0.10, 0.08) * fluid * below(hull, -0.5, 0.5)
    return (("dura", between(hull, inner - 0.9, inner + 0.6, 0.6) * np.float32(0.6)),
            ("dura", midline * fluid * np.float32(0.6)), ("vessel", sinus), ("vessel", ridges * np.float32(0.7)))
