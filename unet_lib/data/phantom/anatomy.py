"""From drawn parameters to a head: where each voxel lies in the atlas, and what it is made of.

Places are (x, y, z) in millimetres of the atlas: right, front, up. In an image the front is up.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom import cortex, skull
from unet_lib.data.phantom.atlas import load_atlas, look_up
from unet_lib.data.phantom.fields import Noises, Place, below, between, bump, ellipsoid, smooth_noise, smooth_step
from unet_lib.data.phantom.parameters import PatientParameters

SIZE = 256                                     # pixels, as in the LGG set
VENTRICLES_AT = (0.0, -14.0, 14.0)             # their middle, and how far their widening reaches
VENTRICLES_REACH = 26.0
PLEXUS = ((23, -36, 10), (7, 13, 10))          # choroid plexus, in the widest part of the lateral ventricles
TEXTURE = (0.03, 0.09)                         # unevenness of the brain and of what surrounds it, shares of the signal
MARGIN_PX, STRIDE_PX = 6, 8                    # of the box around the head, and how finely it is searched

@dataclass(frozen=True)
class Head:
    """What lies where. `layers` are painted in order, each over what was there: (tissue, share 0–1).

    A layer may cover fewer slices than the head has: the lowest ones (the face).
    """

    layers: tuple[tuple[str, Float[ndarray, "_ h w"]], ...]
    brain: Float[ndarray, "n h w"]             # grey + white matter
    white: Float[ndarray, "n h w"]
    nuclei: Float[ndarray, "n h w"]            # deep grey matter
    ventricle: Float[ndarray, "n h w"]         # mm to the nearest ventricle
    texture: Float[ndarray, "n h w"]           # around 0: no tissue is even


def scanner_grid(draws: PatientParameters) -> Place:
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


def find_box(place: Place, draws: PatientParameters) -> tuple[slice, slice]:
    """Rows and columns that hold the whole head, with a margin; all else is air."""
    coarse = tuple(p[:, ::STRIDE_PX, ::STRIDE_PX] for p in place)
    hull = skull.round_off(coarse, look_up(load_atlas().hull, coarse, coarse=True, outside=None))
    there = skull.surface(coarse, hull, draws, 0) < STRIDE_PX
    rows, columns = (np.flatnonzero(there.any(axes)) * STRIDE_PX for axes in ((0, 2), (0, 1)))
    first, last = -MARGIN_PX, STRIDE_PX + MARGIN_PX
    return (slice(max(int(rows[0]) + first, 0), min(int(rows[-1]) + last, SIZE)),
            slice(max(int(columns[0]) + first, 0), min(int(columns[-1]) + last, SIZE)))


def on_canvas(field: ndarray, box: tuple[slice, slice]) -> ndarray:
    """The field of a box, among zeros, in slices of 256 × 256."""
    canvas = np.zeros((len(field), SIZE, SIZE), field.dtype)
    canvas[:, *box] = field
    return canvas


def warp(place: Place, draws: PatientParameters, rng: Generator) -> Place:
    """Make the head this patient's own: slow bends of the whole."""
    bends = [smooth_noise(rng, place[0].shape, (1, 1, 1)) * np.float32(draws.warp_mm) for _ in range(3)]
    return tuple(p + bend for p, bend in zip(place, bends, strict=True))


def _widen_ventricles(place: Place, amount: float) -> Place:
    """Read the atlas nearer to the ventricles' middle, so that they look wider; fades out with distance."""
    x, y, z = offsets = [p - np.float32(c) for p, c in zip(place, VENTRICLES_AT, strict=True)]
    shrink = 1 - np.float32(amount) * bump((x * x + y * y + z * z) * np.float32(1 / VENTRICLES_REACH ** 2))
    return tuple(o * shrink + np.float32(c) for o, c in zip(offsets, VENTRICLES_AT, strict=True))


def push_aside(place: Place, draws: PatientParameters, radius_mm: float) -> Place:
    """Mass effect: what surrounds the tumour shows tissue that belongs nearer to its centre."""
    offsets = [p - np.float32(c) for p, c in zip(place, draws.tumour.centre_mm, strict=True)]
    distance = np.sqrt(sum(o * o for o in offsets)) + 1
    pull = np.float32(draws.tumour.push_mm) * bump(2 * ((distance - radius_mm) / np.float32(0.8 * radius_mm + 4)) ** 2)
    return tuple(p - o / distance * np.minimum(pull, distance) for p, o in zip(place, offsets, strict=True))


def build_head(place: Place, draws: PatientParameters, radius_mm: float, rng: Generator) -> Head:
    """Tissue shares of every voxel, from the air inwards to the brain."""
    hull = look_up(load_atlas().hull, place, coarse=True, outside=None)
    noises = Noises.draw(hull.shape, draws.pixel_mm, rng)
    inside = below(hull, draws.csf_gap_mm, 0.6)
    where = inside > 0
    inner = push_aside(tuple(p[where] for p in place), draws, radius_mm)
    x, y, z = (p - np.float32(c) for p, c in zip(inner, draws.tumour.centre_mm, strict=True))
    parts = cortex.build_brain(_widen_ventricles(inner, draws.ventricles), -hull[where], noises.part(where),
                               bump((x * x + y * y + z * z) * np.float32(1 / radius_mm ** 2)), draws, rng)
    brain, white, nuclei, fluid = (_spread(values, where, 0) * inside
                                   for values in (parts.brain, parts.white, parts.nuclei, parts.fluid))
    ventricle = _spread(parts.ventricle, where, 99)
    soft = skull.soft_head(place, skull.round_off(place, hull), draws, noises)
    body = soft[0][1]
    within = [(tissue, fraction * body[:len(fraction)])
              for tissue, fraction in (*skull.face(place, noises), *skull.bones(place, hull, draws, noises))]
    layers = (*soft, *within, ("csf", inside), ("grey", brain), ("nuclei", nuclei),
              ("white", white), *_vessels(place, hull, fluid, draws, noises),
              ("plexus", _plexus(place, ventricle, noises.rough)))
    brain_texture, other_texture = (np.float32(spread) for spread in TEXTURE)
    uneven = noises.texture * (other_texture + (brain_texture - other_texture) * inside)
    return Head(layers, brain, white, nuclei, ventricle, uneven)


def _spread(values: ndarray, where: ndarray, elsewhere: float) -> ndarray:
    """A field that has the values where they belong."""
    field = np.full(where.shape, elsewhere, np.float32)
    field[where] = values
    return field


def _plexus(place: Place, ventricle, blobs):
    """Tufts of vessels inside the lateral ventricles; they take up contrast."""
    x, y, z = place
    within = below(ellipsoid((np.abs(x), y, z), *PLEXUS), 0, 1.0) * below(ventricle, 0.0, 0.8)
    return within * smooth_step(4 * blobs - 1)


def _vessels(place: Place, hull, fluid, draws: PatientParameters, noises: Noises):
    """Dura, sagittal sinus, falx and vessels in the sulci: dull before contrast, bright after."""
    x, y, z = place
    inner, slow, grain = draws.csf_gap_mm, noises.slow, noises.grain
    midline = below(np.abs(x), 0.8, 0.5) * (z > 0)
    sinus = np.sqrt(x * x + np.float32(0.7) * (hull - inner + 1.5) ** 2) + 0.5 * slow + 0.5 * grain
    sinus = below(sinus, 3.0, 0.8) * (z > -5) * (y < 40)
    ridges = below(np.abs(grain), 0.10, 0.08) * fluid * below(hull, -0.5, 0.5)
    return (("dura", between(hull, inner - 0.6, inner + 0.5, 0.5) * np.clip(0.3 + 0.3 * slow, 0, 0.7)),
            ("dura", midline * fluid * np.float32(0.6)), ("vessel", sinus), ("vessel", ridges * np.float32(0.7)))
