"""The head around the brain: scalp, skull, face and neck, all roughened by noise fields."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from unet_lib.data.phantom.fields import Noises, Place, below, between, bump, coverage, ellipsoid, smooth_step
from unet_lib.data.phantom.parameters import PatientParameters

Layers = tuple[tuple[str, Float[ndarray, "_ h w"]], ...]
FACE_TOP = 25.0                                # mm: above it there is no face
SKIN_MM = 1.1
CUT_OFF = -125.0                               # mm: the neck ends

# centre and radii of ellipsoids in mm (mirrored where x is not 0)
FLESH = (((0, 6, -48), (67, 75, 44)), ((0, -24, -60), (74, 66, 46)), ((0, 28, -78), (64, 60, 74)),
         ((0, 70, -56), (21, 17, 24)), ((0, -40, -112), (58, 58, 72)), ((0, -8, -104), (66, 50, 66)))
NOSE = ((0, 84, -56), (12, 24, 26))
EAR = ((75, -22, -44), (5, 12, 24))            # leans outwards to the back
TEMPLE = (58, 16, -10)                         # the middle of the temporal muscle
TEMPLE_REACH = (24.0, 22.0, 24.0)
ORBIT = ((30, 50, -36), (20, 27, 17))
EYE = ((32, 64, -36), (12.5, 12.5, 12.5))
LID = ((32, 64, -36), (15, 14.5, 14))
NERVE = ((26, 40, -36), (2.5, 17, 2.5))
CHEEK = ((44, 30, -62), (11, 20, 22))          # fat between the muscles of chewing
RAMUS = ((48, 0, -72), (4, 15, 30))            # of the lower jaw
MUSCLES = (((41, 48, -36), (2.5, 15, 6)), ((19, 48, -36), (2.5, 15, 6)), ((30, 46, -26), (6, 14, 2.5)))
NASAL = ((0, 50, -50), (14, 38, 26))
SEPTUM_MM = 5.5                                # from one wall of the nose and its cells to the next
SINUSES = (((29, 56, -64), (13, 16, 15)), ((8, 18, -36), (9, 12, 8)), ((13, 77, 2), (13, 4, 9)))
PETROUS = ((38, -26, -38), (22, 11, 10))
MASTOID = ((52, -34, -50), (13, 15, 17))
CLIVUS = ((0, 13, -44), (16, 25, 14))          # the body of the sphenoid, too
THROAT = ((0, 2, -96), (13, 9, 32))
SPINE = ((0, -42, -108), (20, 22, 44))
CANAL = ((0, -46, -105), (11, 10, 44))
CORD = ((0, -46, -105), (6, 5, 44))
CAROTIDS = ((24, 2, -80), (3, 3, 45))


def round_off(place: Place, hull: Float[ndarray, "n h w"]) -> Float[ndarray, "n h w"]:
    """The distance to the inside of the skull as its outside sees it: the notch between the occipital lobes is bone."""
    x, y, z = place
    return hull - 4 * bump(x * x * np.float32(1 / 9 ** 2)) * below(y, -74, 8) * below(-z, 45, 10)


def surface(place: Place, hull, draws: PatientParameters, slow) -> Float[ndarray, "n h w"]:
    """About the distance to the skin in mm, negative inside. `hull` as from `round_off`; `slow` noise."""
    x, y, z = place
    padding = np.float32(draws.scalp_mm) * (1 + np.float32(0.25) * slow) + 6 * _temple(place)
    skin = hull - np.float32(draws.csf_gap_mm + draws.skull_mm) - padding
    flesh = np.minimum.reduce([ellipsoid(place, *shape) for shape in FLESH]) - 2 * slow
    leaning = (np.abs(x) + np.float32(0.35) * (y + 24), y, z)
    nearest = np.minimum.reduce([skin, flesh, ellipsoid(place, *NOSE), ellipsoid(leaning, *EAR) - slow,
                                 ellipsoid((np.abs(x), y, z), *LID)])
    return np.where(z < CUT_OFF, np.float32(99), nearest)


def _temple(place: Place) -> Float[ndarray, "n h w"]:
    """1 in the middle of the temporal muscles, 0 away from them."""
    x, y, z = place
    x, y, z = ((p - np.float32(c)) / np.float32(r)
               for p, c, r in zip((np.abs(x), y, z), TEMPLE, TEMPLE_REACH, strict=True))
    return bump(x * x + y * y + z * z)


def soft_head(place: Place, hull, draws: PatientParameters, noises: Noises) -> Layers:
    """Skin, fat with its septa and veins, galea, muscle: everything inside the skin that is not brain, bone or air.

    The first layer is the whole body.
    """
    grain, blobs = noises.grain, noises.blobs
    outside = surface(place, hull, draws, noises.slow)
    bone = hull - np.float32(draws.csf_gap_mm + draws.skull_mm)         # mm outside the skull
    body = below(outside, 0, 0.6)
    septa = coverage(np.abs(grain + 0.4 * blobs), 0.18, 0.5)            # fat lies in lobules and sheets
    deep = below(outside, -draws.scalp_mm, 0.8)                         # below the fat: flesh
    pads = smooth_step(5 * blobs + 2 * grain - 4)
    muscle = np.maximum(deep * (1 - 0.22 * septa) * (1 - 0.8 * pads), _temple(place) * below(bone, 5, 1.0) * 1.6)
    galea = below(bone, 0.9, 0.5)
    veins = below(grain, -1.7, 0.25) * 0.8 + septa * 0.25
    return (("fat", body), ("muscle", body * np.clip(veins, 0, 1)), ("muscle", body * galea * 0.7),
            ("muscle", body * np.clip(muscle, 0, 1)), ("skin", body * below(-outside, SKIN_MM, 0.6)))


def face(place: Place, noises: Noises) -> Layers:
    """Orbits, nose, sinuses, throat and spine, in the lowest slices only."""
    some = slice(0, int((place[2] < FACE_TOP).any((1, 2)).sum()))
    x, y, z = place = tuple(p[some] for p in place)
    noises = noises.part(some)
    grain, blobs, rough = noises.grain, noises.blobs, noises.rough
    side = (np.abs(x), y, z)
    mm = 1.4 * rough + 1.0 * blobs
    spine = ellipsoid(place, *SPINE) + 2 * mm
    nasal = below(ellipsoid(place, *NASAL) + mm, 0, 0.8)
    wall = np.abs(x) / SEPTUM_MM + 0.45 * grain + 0.4 * rough
    walls = coverage(np.abs(wall - np.rint(wall)) * SEPTUM_MM, 0.9 + 0.5 * blobs, 0.9)
    walls = np.maximum(walls, smooth_step(4 * blobs + 3 * grain - 3))
    muscles = np.minimum.reduce([ellipsoid(side, *shape) for shape in MUSCLES])
    sinuses = np.minimum.reduce([ellipsoid(side, *shape) for shape in SINUSES]) + 2 * mm + 2 * noises.slow
    ramus = ellipsoid(side, *RAMUS) + 0.8 * mm
    return (("fat", below(ellipsoid(side, *CHEEK) + 4 * mm, 0, 1.5) * (0.75 - 0.3 * below(np.abs(grain), 0.2, 0.1))),
            ("bone", below(ramus, 0, 0.6)), ("marrow", below(ramus, -1.6, 0.6)),
            ("muscle", below(spine, 0, 1)), ("marrow", below(spine, -5, 1) * below(np.abs(grain), 1.2, 0.5)),
            ("csf", below(ellipsoid(place, *CANAL) + 0.5 * mm, 0, 0.8)),
            ("white", below(ellipsoid(place, *CORD) + 0.5 * mm, 0, 0.8)),
            ("bone", between(ellipsoid(side, *ORBIT) + 0.9 * mm, 0, 1.6 + 0.8 * blobs, 0.7) * below(y, 62, 6)),
            ("fat", below(ellipsoid(side, *ORBIT) + 0.9 * mm, 0, 0.7) * (0.8 - 0.35 * below(np.abs(grain), 0.15, 0.1))),
            ("muscle", below(muscles + 0.6 * mm, 0, 0.7)), ("white", below(ellipsoid(side, *NERVE) + 0.4 * mm, 0, 0.6)),
            ("skin", below(ellipsoid(side, *EYE) + 0.25 * mm, 0.9, 0.5)),
            ("eye", below(ellipsoid(side, *EYE) + 0.25 * mm, 0, 0.5)),
            ("mucosa", nasal), ("air", nasal * (1 - walls)),
            ("air", below(ellipsoid(place, *THROAT) + mm, 0, 0.8)),
            ("mucosa", between(sinuses, -1.5, 0.5, 0.6) * 0.7), ("air", below(sinuses, -1.2, 0.6)),
            ("vessel", below(ellipsoid(side, *CAROTIDS) + 0.4 * mm, 0, 0.6)))


def bones(place: Place, hull, draws: PatientParameters, noises: Noises) -> Layers:
    """Two dark tables with marrow between; thickness wanders; the petrous bone and its cells."""
    x, y, z = place
    side = (np.abs(x), y, z)
    slow, blobs, rough, grain = noises.slow, noises.blobs, noises.rough, noises.grain
    inner, outer = draws.csf_gap_mm, draws.csf_gap_mm + draws.skull_mm
    vault = 1 - below(z + 0.25 * y, -28, 4)            # the base of the skull is thin, without marrow
    wander = round_off(place, hull) + 0.14 * np.float32(draws.skull_mm) * slow + np.float32(0.3) * blobs
    wander = wander + (np.float32(0.6 * draws.skull_mm) - 1.5 * rough) * (1 - vault)
    skull = np.minimum(below(-hull, -inner, 0.5), below(wander, outer, 0.6))
    table = np.float32(0.27 * draws.skull_mm) + np.float32(0.5) * rough
    marrow = np.clip(below(wander, outer - table, 0.6) * below(-hull, -inner - table, 0.6), 0, 1) * vault
    marrow = marrow * np.clip(np.float32(draws.marrow) + 0.4 * slow + 0.25 * rough + 0.2 * blobs, 0, 1)
    petrous = np.minimum(ellipsoid(side, *PETROUS), ellipsoid(side, *MASTOID)) + 2.5 * rough + 2.5 * slow
    cells = smooth_step(4 * grain + 3 * rough)
    clivus = ellipsoid(place, *CLIVUS) + 3 * rough + 2 * slow
    fill = smooth_step(4 * blobs + 3 * rough + grain)
    return (("bone", skull), ("marrow", marrow), ("bone", below(clivus, 0, 0.8)),
            ("marrow", below(clivus, -1.5, 0.8) * fill), ("mucosa", below(clivus, -1.5, 0.8) * (1 - fill) * 0.25),
            ("bone", below(petrous, 0, 0.8)),
            ("mucosa", below(petrous, -1, 0.8) * (1 - cells) * 0.5), ("air", below(petrous, -2, 0.8) * cells * 0.6))
