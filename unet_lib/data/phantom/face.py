"""The lower head: orbits, nose, sinuses, the muscles of chewing, throat and neck, all bent by noise fields.

Lengths in mm of the atlas: right, front, up. Shapes with x > 0 are mirrored.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from unet_lib.data.phantom.contrast import Layers
from unet_lib.data.phantom.fields import Noises, Position, below, between, bump, coverage, ellipsoid, smooth_step
from unet_lib.data.phantom.parameters import PatientParameters

TOP = 25.0                                     # above it there is no face
CUT_OFF = -125.0                               # the neck ends
BLOCK = ((0, 10, -74), (67, 74, 60))           # cheeks and jaws; squarer than an ellipsoid
NECK = (((0, -40, -112), (58, 58, 72)), ((0, -24, -60), (74, 64, 44)))
NOSE_ROOT, NOSE_MM = 66.0, (17.0, 34.0)        # where the nose begins, half its width there, how far it reaches
EAR = ((76, -22, -44), (4, 13, 24))            # leans outwards to the back
EYE = ((32, 63, -36), (12.3, 12.3, 12.3))
LENS = ((32, 71, -36), (4.5, 2.2, 4.5))
LID = ((32, 63, -36), (15, 14.5, 13))
APEX, MOUTH = (15, 16, -33), (33, 60, -36)     # of the cone of fat behind the eye
CONE_MM = (4.0, 18.5)                          # its radius at either end
CHEEKS = ((46, 44, -68), (26, 34, 30))         # centre and reach of their fat

# flesh: (centre, radii, turn about the vertical axis as (cosine, sine))
MUSCLES = (((58, 24, -72), (6.5, 21, 30), (0.98, 0.17)),     # masseter
           ((59, 24, -30), (6.5, 27, 24), (0.95, 0.30)),     # temporal muscle
           ((36, 18, -64), (9, 19, 17), (0.82, -0.57)),      # lateral pterygoid
           ((30, 8, -84), (7, 15, 20), (0.90, -0.42)),       # medial pterygoid
           ((9, -8, -92), (8, 6, 34), (0.94, 0.34)),         # long muscles before the spine
           ((13, -62, -98), (11, 16, 34), (0.98, 0.17)), ((32, -58, -102), (11, 20, 36), (0.87, -0.50)),
           ((20, -84, -100), (19, 8, 34), (0.95, -0.30)), ((55, -38, -104), (8, 17, 34), (0.94, -0.34)),
           ((0, 36, -106), (26, 36, 22), (1, 0)))            # tongue
GLAND = ((60, -10, -84), (11, 15, 26))         # parotid
JAW = (((50, 6, -74), (3.4, 17, 30), (0.97, 0.22)), ((40, 44, -112), (6, 28, 14), (0.87, 0.50)))
WING = ((49, 37, -36), (6.5, 17, 17), (0.80, 0.60))          # between the orbit and the temporal muscle
MAXILLARY = ((30, 48, -64), (14, 18, 16))
SPHENOID = ((8, 16, -38), (10, 13, 9))
NASAL = ((0, 46, -56), (17, 34, 20))           # from nostril to throat
ETHMOID = ((0, 40, -34), (13, 26, 14))
THROAT = ((0, 4, -88), (14, 8, 34))
SPINE = ((0, -40, -112), (20, 18, 44))
CANAL = ((0, -46, -105), (11, 10, 44))
CORD = ((0, -46, -105), (6, 5, 44))
CAROTIDS = ((25, -4, -86), (3, 3, 40))
JUGULARS = ((33, -12, -90), (5, 4, 38))


@dataclass(frozen=True)
class Face:
    """Distances in mm to the skin of the face, negative inside, and how thick the fat below it is."""

    skin: Float[ndarray, "n h w"]
    fat_mm: Float[ndarray, "n h w"]


def outline(position: Position, draws: PatientParameters, noises: Noises) -> Face:
    """The block of the face, neck, nose, ears and lids."""
    x, y, z = position
    side = np.abs(x)
    away = [np.abs(p - np.float32(c)) / np.float32(r) for p, c, r in zip(position, *BLOCK, strict=True)]
    cubes = sum(a * a * a for a in away)
    block = (cubes - 1) * np.float32(min(BLOCK[1]) / 3)
    flesh = np.minimum.reduce([block, *(ellipsoid(position, *shape) for shape in NECK)]) - 2 * noises.slow
    half, reach = NOSE_MM
    low = np.clip((np.float32(-22) - z) / 44, 0, 1)          # 0 at the root, 1 at the tip
    long = np.float32(reach) * (np.float32(0.3) + np.float32(0.7) * low)
    across, along = side / np.float32(half), (y - np.float32(NOSE_ROOT)) / long
    nose = (np.sqrt(across * across + along * along) - 1) * np.float32(0.8 * half)
    nose = np.maximum.reduce([nose, z + 20, -80 - z, 50 - y])
    ear = np.maximum(ellipsoid((side + np.float32(0.35) * (y + 24), y, z), *EAR) - noises.slow,
                     -ellipsoid((side + np.float32(0.35) * (y + 20) - 2.2, y, z), *EAR) - 2)
    skin = np.minimum.reduce([flesh, nose, ear, ellipsoid((side, y, z), *LID)])
    x, y, z = ((p - np.float32(c)) / np.float32(r) for p, c, r in zip((side, y, z), *CHEEKS, strict=True))
    cheeks = np.float32(draws.padding_mm[1]) * bump(x * x + y * y + z * z)
    return Face(np.where(position[2] < CUT_OFF, np.float32(99), skin), cheeks)


def layers(position: Position, depth: Float[ndarray, "n h w"], fat_mm, noises: Noises) -> Layers:
    """What lies inside the face, `depth` mm below the skin; nothing above TOP."""
    if not (position[2] < TOP).any():
        return ()
    mm = 1.1 * noises.rough + 1.0 * noises.blobs + 0.8 * noises.slow
    side = (np.abs(position[0]) + 0.5 * noises.blobs, position[1] + 0.8 * noises.rough, position[2] + noises.blobs)
    return (*_flesh(side, depth, fat_mm, mm, noises), *_neck(position, side, mm, noises), *_orbits(side, noises),
            *_airways(position, side, mm, noises))


def _turned(position: Position, centre, radii, turn) -> Float[ndarray, "n h w"]:
    """`ellipsoid`, turned about the vertical axis."""
    x, y = position[0] - np.float32(centre[0]), position[1] - np.float32(centre[1])
    cosine, sine = (np.float32(t) for t in turn)
    return ellipsoid((x * cosine - y * sine, x * sine + y * cosine, position[2]), (0, 0, centre[2]), radii)


def _flesh(side: Position, depth, fat_mm, mm, noises: Noises) -> Layers:
    """Muscles with sheets of fat between them, jaw and gland."""
    nearest = second = np.full_like(depth, 99)
    for shape in MUSCLES:
        distance = _turned(side, *shape)
        nearest, second = np.minimum(nearest, distance), np.minimum(second, np.maximum(nearest, distance))
    fibres = coverage(np.abs(noises.grain + 0.3 * noises.rough), 0.12, 0.4)
    muscle = below(nearest + 0.7 * mm, 0, 0.8) * (1 - 0.7 * coverage(second - nearest, 1.0, 1.0)) * (1 - 0.25 * fibres)
    muscle = muscle * below(-depth, -2.5 - fat_mm, 1.0)
    jaw = np.minimum(_turned(side, *JAW[0]), _turned(side, *JAW[1])) + 0.5 * mm
    wing = _turned(side, *WING) + 0.6 * mm
    deep = below(-depth, -4 - fat_mm, 1.5) * below(side[2], -44, 5)
    stringy = smooth_step(2.5 * noises.grain + 2.0 * noises.blobs + 1)
    gland = below(ellipsoid(side, *GLAND) + 1.5 * mm, 0, 1.2)
    return (("muscle", deep * (0.45 + 0.3 * stringy)), ("muscle", gland * 0.4), ("muscle", muscle),
            ("bone", below(np.minimum(jaw, wing), 0, 0.6)),
            ("marrow", below(np.minimum(jaw + 1.4, wing + 2.4), 0, 0.6) * (0.75 + 0.2 * noises.grain)))


def _neck(position: Position, side: Position, mm, noises: Noises) -> Layers:
    """Spine with its cord, and the vessels to the head."""
    spine = ellipsoid(position, *SPINE) + 2 * mm
    marrow = below(spine, -2.5, 1) * below(np.abs(noises.grain), 1.3, 0.5) * 0.8
    return (("bone", below(spine, 0, 1)), ("marrow", marrow),
            ("csf", below(ellipsoid(position, *CANAL) + 0.5 * mm, 0, 0.8)),
            ("white", below(ellipsoid(position, *CORD) + 0.5 * mm, 0, 0.8)),
            ("vessel", below(np.minimum(ellipsoid(side, *CAROTIDS), ellipsoid(side, *JUGULARS)) + 0.5 * mm, 0, 0.6)))


def _orbits(side: Position, noises: Noises) -> Layers:
    """A cone of fat with four muscles along its wall, the nerve in its middle, and the eye before it."""
    x, y, z = side
    start, length = np.float32(APEX[1]), np.float32(MOUTH[1] - APEX[1])
    along = np.clip((y - start) / length, 0, 1)
    middle = [np.float32(a) + np.float32(m - a) * along for a, m in ((APEX[0], MOUTH[0]), (APEX[2], MOUTH[2]))]
    across, up = x - middle[0] + 0.7 * noises.slow, z - middle[1]
    off = np.sqrt(across * across + np.float32(1.15) * up * up)
    # its wall bulges behind the eye
    narrow_mm, wide_mm = (np.float32(radius) for radius in CONE_MM)
    radius = narrow_mm + (wide_mm - narrow_mm) * along * (np.float32(1.45) - np.float32(0.45) * along)
    ends = np.maximum(start - y, y - np.float32(MOUTH[1] + 6))
    cone = np.maximum(off - radius + 0.5 * noises.rough, ends)
    belly = 1.0 + 2.2 * along * (1 - along) * 2
    wall = np.abs(off - 0.74 * radius - 0.4 * noises.rough)
    narrow = np.minimum(np.abs(across), np.abs(up))
    muscles = np.maximum(wall - belly, narrow - 0.22 * radius - 0.5)
    nerve = np.sqrt((across - 1.2 * along * noises.slow) ** 2 + up * up) - 1.9
    fat = below(cone, 0, 0.7) * (0.92 - 0.3 * coverage(np.abs(noises.grain), 0.12, 0.3))
    eye = ellipsoid(side, *EYE) + 0.3 * noises.blobs
    behind = below(y, 60, 2)
    return (("bone", between(cone, 0, 1.3 + 0.8 * noises.blobs, 0.7) * below(y, 64, 4) * 0.9), ("fat", fat),
            ("muscle", below(muscles, 0, 0.7) * below(cone, 0, 0.7) * behind),
            ("white", below(np.maximum(nerve, ends), 0, 0.6) * behind * 0.8),
            ("skin", below(eye, 0.9, 0.5)), ("eye", below(eye, 0, 0.5)),
            ("muscle", below(ellipsoid(side, *LENS), 0, 0.5) * 0.7))


def _airways(position: Position, side: Position, mm, noises: Noises) -> Layers:
    """Nose with septum and turbinates, ethmoid cells, sinuses and throat: air, lined by mucosa, in thin dark bone."""
    x, y, z = position
    bend = x + 1.6 * noises.slow + 0.5 * noises.blobs
    u = np.abs(bend)
    nasal = below(ellipsoid(position, *NASAL) + 0.8 * mm, 0, 0.8)
    septum = coverage(u, 1.1 + 0.3 * noises.rough, 0.9)
    thick = 2.4 + 1.2 * noises.rough + 1.0 * noises.blobs
    turbinates = coverage(np.abs(u - 6.5 - 0.8 * noises.rough), np.maximum(thick, 0.3), 0.9)
    turbinates = turbinates * below(y, 66, 4) * below(-y, -18, 4)
    lining = coverage(np.abs(u - 13.5), 1.6 + 0.8 * noises.blobs, 0.9)
    walls = np.maximum.reduce([septum, turbinates, lining])
    ethmoid = below(ellipsoid((u, y, z), *ETHMOID) + 0.6 * mm, 0, 0.8)
    cell = (y + 3 * noises.blobs) / np.float32(8.5) + 0.25 * noises.rough
    cells = np.maximum.reduce([coverage(np.abs(cell - np.rint(cell)) * np.float32(8.5), 0.45 + 0.4 * noises.rough, 0.9),
                               coverage(np.abs(u - 6.5 - noises.rough), 0.5 + 0.3 * noises.grain, 0.9),
                               coverage(u, 0.7, 0.9)])
    nostrils = below(np.maximum(ellipsoid((side[0], y, z), (6.5, 86, -68), (3.2, 12, 12)), z + 58), 0, 0.7)
    sinuses = np.minimum.reduce([ellipsoid(side, *shape) for shape in (MAXILLARY, SPHENOID)]) + 1.6 * mm
    swollen = smooth_step(3 * noises.blobs - 5)            # now and then a sinus is partly filled
    throat = below(ellipsoid(position, *THROAT) + mm, 0, 0.8)
    tip = below(-y, -74, 3) * below(side[0], 12, 3) * below(z, -24, 4)
    return (("muscle", tip * 0.55), ("bone", below(sinuses, 1.6, 0.8) * 0.9),
            ("mucosa", nasal), ("air", nasal * (1 - walls)), ("bone", nasal * septum * 0.3),
            ("bone", ethmoid), ("mucosa", ethmoid * np.clip(cells, 0, 1) * (0.45 + 0.25 * noises.grain)),
            ("mucosa", between(sinuses, -1.3, 0.3, 0.6) * (0.45 + 0.3 * noises.rough)),
            ("air", below(sinuses, -1.1, 0.6)), ("mucosa", below(sinuses, -1.0, 0.6) * swollen),
            ("air", nostrils), ("mucosa", below(ellipsoid(position, *THROAT) + mm, 2.5, 0.8) * 0.5), ("air", throat))
