"""Scalp and skull around the brain, roughened by noise fields."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from unet_lib.data.phantom.atlas import load_atlas, look_up
from unet_lib.data.phantom.contrast import Layers
from unet_lib.data.phantom.fields import Noises, Position, below, bump, coverage, ellipsoid, smooth_step
from unet_lib.data.phantom.parameters import PatientParameters

SKIN_MM = 1.1
TEMPLE = (58, 16, -10)                         # the middle of the temporal muscle
TEMPLE_REACH = (24.0, 22.0, 24.0)
PETROUS = ((38, -26, -38), (22, 11, 10))
MASTOID = ((52, -36, -50), (14, 17, 19))
FRONTAL = ((11, 74, -2), (15, 14, 13))         # the frontal sinus lies within the skull there
MIDDLE = (0.0, -18.0, 10.0)                    # of the head
MARKER_MM = (4.5, 1.5)                         # radius of a ring's middle line, half its thickness
CLIVUS = ((0, 0, -46), (13, 14, 14))


def round_off(position: Position, hull: Float[ndarray, "n h w"]) -> Float[ndarray, "n h w"]:
    """The distance to the inside of the skull as its outside sees it: the notch between the occipital lobes is bone."""
    x, y, z = position
    return hull - 4 * bump(x * x * np.float32(1 / 9 ** 2)) * below(y, -74, 8) * below(-z, 45, 10)


def surface(position: Position, hull, draws: PatientParameters, slow) -> Float[ndarray, "*points"]:
    """About the distance in mm to the skin over the skull, negative inside; `hull` as from `round_off`."""
    padding = np.float32(draws.scalp_mm) * (1 + np.float32(0.18) * slow) + 6 * _temple(position)
    at_the_back = below(position[1], -50, 25) * below(position[2], -5, 22)
    padding = padding + np.float32(draws.padding_mm[0]) * at_the_back
    return hull - np.float32(draws.csf_gap_mm + draws.skull_mm) - padding


def _temple(position: Position) -> Float[ndarray, "*points"]:
    """1 in the middle of the temporal muscles, 0 away from them."""
    x, y, z = position
    x, y, z = ((p - np.float32(c)) / np.float32(r)
               for p, c, r in zip((np.abs(x), y, z), TEMPLE, TEMPLE_REACH, strict=True))
    return bump(x * x + y * y + z * z)


def soft_head(position: Position, hull, outside, soft_mm, draws: PatientParameters, noises: Noises) -> Layers:
    """Skin, fat with its septa and veins, galea, muscle; `outside` is the distance to the skin of the whole head,
    `soft_mm` how far surfaces smear out.

    The first layer is the whole body.
    """
    grain, blobs = noises.grain, noises.blobs
    bone = hull - np.float32(draws.csf_gap_mm + draws.skull_mm)         # mm outside the skull
    body = below(outside, 0, soft_mm)
    septa = coverage(np.abs(grain + 0.4 * blobs), 0.15, 0.5)            # fat lies in lobules and sheets
    muscle = _temple(position) * below(bone, 5, 1.0) * 1.6
    galea = below(bone, 0.9, 0.5)
    veins = below(grain, -2.0, 0.3) * below(outside, -1.8, 0.6) * 0.8 + septa * 0.13
    return (("fat", body), ("muscle", body * np.clip(veins, 0, 1)), ("muscle", body * galea * 0.7),
            ("muscle", body * np.clip(muscle, 0, 1)), ("skin", body * below(-outside, SKIN_MM, 0.6)))


def markers(position: Position, draws: PatientParameters) -> Layers:
    """Rings of gel on the scalp that guide a surgeon's instruments: bright, with a hole."""
    rings = np.full_like(position[0], 99)
    for way in draws.markers:
        ray = tuple(np.float32(c) + np.float32(w) * np.arange(50, 140, dtype=np.float32)
                    for c, w in zip(MIDDLE, way, strict=True))
        skin = surface(ray, look_up(load_atlas().hull, ray, coarse=True, outside=None), draws, 0)
        step = int(np.argmax(skin > MARKER_MM[1]))
        offsets = [p - axis[step] for p, axis in zip(position, ray, strict=True)]
        along = sum(o * np.float32(w) for o, w in zip(offsets, way, strict=True))
        across = np.sqrt(np.maximum(sum(o * o for o in offsets) - along * along, 0))
        ring = np.maximum(np.abs(across - np.float32(MARKER_MM[0])) - 2, np.abs(along) - np.float32(MARKER_MM[1]))
        rings = np.minimum(rings, ring)
    return (("fat", below(rings, 0, 0.7)),) if draws.markers else ()


def bones(position: Position, hull, soft_mm, draws: PatientParameters, noises: Noises) -> Layers:
    """Two dark tables with marrow between; thickness wanders; the petrous bone and its cells."""
    x, y, z = position
    side = (np.abs(x), y, z)
    slow, blobs, rough, grain = noises.slow, noises.blobs, noises.rough, noises.grain
    inner, outer = draws.csf_gap_mm, draws.csf_gap_mm + draws.skull_mm
    # the base of the skull, higher in front and behind than in the middle, is thin and without marrow
    vault = 1 - below(z + 0.25 * np.minimum(y, 0) - 0.36 * np.maximum(y, 0), -28, 4)
    wander = round_off(position, hull) + 0.14 * np.float32(draws.skull_mm) * slow + np.float32(0.3) * blobs
    wander = wander + (np.float32(0.6 * draws.skull_mm) - 1.5 * rough) * (1 - vault)
    skull = np.minimum(below(-hull, -inner, soft_mm), below(wander, outer, soft_mm))
    table = np.float32(0.27 * draws.skull_mm) + np.float32(0.5) * rough
    marrow = np.clip(below(wander, outer - table, 0.6) * below(-hull, -inner - table, 0.6), 0, 1) * vault
    marrow = marrow * np.clip(np.float32(draws.marrow) + 0.4 * slow + 0.25 * rough + 0.2 * blobs, 0, 1)
    frontal = below(ellipsoid(side, *FRONTAL) + 2 * rough + 2 * slow, 0, 0.8)
    frontal = frontal * below(wander, outer - 1.5, 0.6) * below(-hull, -inner - 1.3, 0.6)
    petrous = np.minimum(ellipsoid(side, *PETROUS), ellipsoid(side, *MASTOID)) + 2.5 * rough + 2.5 * slow
    cells = smooth_step(4 * grain + 3 * rough)
    clivus = ellipsoid(position, *CLIVUS) + 3 * rough + 2 * slow
    fill = smooth_step(4 * blobs + 3 * rough + grain)
    return (("bone", skull), ("marrow", marrow), ("air", frontal), ("bone", below(clivus, 0, 0.8)),
            ("marrow", below(clivus, -1.5, 0.8) * fill), ("mucosa", below(clivus, -1.5, 0.8) * (1 - fill) * 0.25),
            ("bone", below(petrous, 0, 0.8)),
            ("mucosa", below(petrous, -1, 0.8) * (1 - cells) * 0.2), ("air", below(petrous, -2, 0.8) * cells * 0.6))
