"""From drawn parameters to a head: where each voxel lies in the atlas, and what it is made of.

Positions are (x, y, z) in millimetres of the atlas: right, front, up. In an image the front is up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom import contrast, cortex, face, skull
from unet_lib.data.phantom.atlas import load_atlas, look_up
from unet_lib.data.phantom.fields import Noises, Position, below, between, bump, ellipsoid, smooth_noise, smooth_step
from unet_lib.data.phantom.parameters import PatientParameters

SIZE = 256                                     # pixels, as in the LGG set
VENTRICLES_AT = (0.0, -14.0, 14.0)             # their middle, and how far their widening reaches
VENTRICLES_REACH = 26.0
PALLIDUM = ((20, -3, 0), (4.5, 9, 6))
VEINS = (((2.5, -18, 9), (1.4, 18, 1.6)), ((0, -43, 3), (2.2, 8, 4)))      # internal cerebral veins, vein of Galen
PLEXUS = ((23, -36, 10), (7, 13, 10))          # choroid plexus, in the widest part of the lateral ventricles
SIGMOID, CAVERNOUS = ((60, -50, -34), (5, 8, 14)), ((13, 2, -27), (4, 8, 5))     # venous sinuses at the base
TEXTURE = (0.045, 0.06)                         # unevenness of the brain and of the rest, fractions of the signal
MARGIN_PX, STRIDE_PX = 6, 8                    # of the box around the head, and how finely it is searched
SLANT_MM, THICK = 4.0, 0.8                     # step to find a slant; how much of its spacing a slice takes up
SLAB = 3                                       # slices built at a time: their fields fit into a processor's cache


@dataclass(frozen=True)
class Head:
    """What lies where, and what it looks like without a tumour; fractions lie in [0, 1]."""

    pre: Float[ndarray, "n h w"]               # the three sequences, in grey levels
    flair: Float[ndarray, "n h w"]
    post: Float[ndarray, "n h w"]
    labels: UInt8[ndarray, "n h w"]            # the tissue that fills most of a voxel, as its index in contrast.TISSUES
    brain: Float[ndarray, "n h w"]             # grey + white matter
    white: Float[ndarray, "n h w"]
    nuclei: Float[ndarray, "n h w"]            # deep grey matter
    ventricle: Float[ndarray, "n h w"]         # mm to the nearest ventricle

    @classmethod
    def stacked(cls, slabs: Sequence["Head"]) -> "Head":
        """One head of the slabs of slices it was built in."""
        return cls(*(np.concatenate([getattr(slab, field.name) for slab in slabs]) for field in fields(cls)))


def scanner_grid(draws: PatientParameters) -> Position:
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


def find_box(position: Position, draws: PatientParameters) -> tuple[slice, slice]:
    """Rows and columns that hold the whole head, with a margin; all else is air."""
    coarse = tuple(p[:, ::STRIDE_PX, ::STRIDE_PX] for p in position)
    hull = skull.round_off(coarse, look_up(load_atlas().hull, coarse, coarse=True, outside=None))
    front = face.outline(coarse, draws, Noises.none())
    there = np.minimum(skull.surface(coarse, hull, draws, 0), front.skin) < STRIDE_PX
    rows, columns = (np.flatnonzero(there.any(axes)) * STRIDE_PX for axes in ((0, 2), (0, 1)))
    first, last = -MARGIN_PX, STRIDE_PX + MARGIN_PX
    return (slice(max(int(rows[0]) + first, 0), min(int(rows[-1]) + last, SIZE)),
            slice(max(int(columns[0]) + first, 0), min(int(columns[-1]) + last, SIZE)))


def on_canvas(field: ndarray, box: tuple[slice, slice]) -> ndarray:
    """The field of a box, among zeros, in slices of 256 × 256."""
    canvas = np.zeros((len(field), SIZE, SIZE), field.dtype)
    canvas[:, *box] = field
    return canvas


def warp(position: Position, draws: PatientParameters, rng: Generator) -> Position:
    """Make the head this patient's own: slow bends of the whole."""
    bends = [smooth_noise(rng, position[0].shape, (1, 1, 1)) * np.float32(draws.warp_mm) for _ in range(3)]
    return tuple(p + bend for p, bend in zip(position, bends, strict=True))


def _widen_ventricles(position: Position, amount: float) -> Position:
    """Read the atlas nearer to the ventricles' middle, so that they look wider; fades out with distance."""
    x, y, z = offsets = [p - np.float32(c) for p, c in zip(position, VENTRICLES_AT, strict=True)]
    shrink = 1 - np.float32(amount) * bump((x * x + y * y + z * z) * np.float32(1 / VENTRICLES_REACH ** 2))
    return tuple(o * shrink + np.float32(c) for o, c in zip(offsets, VENTRICLES_AT, strict=True))


def push_aside(position: Position, draws: PatientParameters, radius_mm: float) -> Position:
    """Mass effect: what surrounds the tumour shows tissue that belongs nearer to its centre."""
    offsets = [p - np.float32(c) for p, c in zip(position, draws.tumour.centre_mm, strict=True)]
    distance = np.sqrt(sum(o * o for o in offsets)) + 1
    pull = np.float32(draws.tumour.push_mm) * bump(2 * ((distance - radius_mm) / np.float32(0.8 * radius_mm + 4)) ** 2)
    return tuple(p - o / distance * np.minimum(pull, distance) for p, o in zip(position, offsets, strict=True))


def build_head(position: Position, draws: PatientParameters, radius_mm: float, rng: Generator) -> Head:
    """A head, built in slabs of slices; each voxel depends on itself alone, so the slabs do not show."""
    noises, folds = Noises.draw(position[0].shape, draws.pixel_mm, rng), cortex.draw_folds(rng)
    slabs = [slice(start, start + SLAB) for start in range(0, draws.slices, SLAB)]
    return Head.stacked([_build_slab(tuple(p[some] for p in position), draws, radius_mm, noises.part(some), folds)
                         for some in slabs])


def _build_slab(position: Position, draws: PatientParameters, radius_mm: float, noises: Noises, folds: ndarray) -> Head:
    """Tissue fractions of every voxel from the air inwards to the brain, and their signal."""
    hull = look_up(load_atlas().hull, position, coarse=True, outside=None)
    soft_mm = _slant(position, hull, draws)
    inside = below(hull, draws.csf_gap_mm, soft_mm)
    where = inside > 0
    inner = push_aside(tuple(p[where] for p in position), draws, radius_mm)
    x, y, z = (p - np.float32(c) for p, c in zip(inner, draws.tumour.centre_mm, strict=True))
    parts = cortex.build_brain(_widen_ventricles(inner, draws.ventricles), -hull[where], noises.part(where),
                               bump((x * x + y * y + z * z) * np.float32(1 / radius_mm ** 2)), draws, folds)
    brain, white, nuclei, fluid = (_spread(values, where, 0) * inside
                                   for values in (parts.brain, parts.white, parts.nuclei, parts.fluid))
    ventricle = _spread(parts.ventricle, where, 99)
    rounded, front = skull.round_off(position, hull), face.outline(position, draws, noises)
    outside = np.minimum(skull.surface(position, rounded, draws, noises.slow), front.skin)
    soft = skull.soft_head(position, rounded, outside, soft_mm, draws, noises)
    body = soft[0][1]
    bony = (*face.layers(position, -outside, front.fat_mm, noises),
            *skull.bones(position, hull, soft_mm, draws, noises))
    pallidum = brain * below(ellipsoid((np.abs(position[0]), *position[1:]), *PALLIDUM), 0, 1.2)
    layers = (*skull.markers(position, draws), *soft, ("csf", inside),
              *((tissue, fraction * body) for tissue, fraction in bony), ("grey", brain), ("nuclei", nuclei),
              ("white", white), ("pallidum", pallidum), *_vessels(position, hull, fluid, draws, noises),
              ("plexus", _plexus(position, ventricle, noises.rough)))
    brain_texture, other_texture = (np.float32(spread) for spread in TEXTURE)
    uneven = noises.texture * (other_texture + (brain_texture - other_texture) * inside)
    pre, flair, post = contrast.paint(layers, uneven, draws)
    return Head(pre, flair, post, contrast.label_tissues(layers), brain, white, nuclei, ventricle)


def _slant(position: Position, hull, draws: PatientParameters) -> Float[ndarray, "n h w"]:
    """Over how many mm a slanting surface smears out in a thick slice: half of what it moves within the slice."""
    x, y, z = position
    higher = look_up(load_atlas().hull, (x, y, z + np.float32(SLANT_MM)), coarse=True, outside=None)
    thickness = THICK * (draws.top_mm - draws.bottom_mm) / (draws.slices - 1)
    return np.float32(0.5) + np.float32(0.5 * thickness / SLANT_MM) * np.abs(higher - hull) * below(-z, 10, 10)


def _spread(values: ndarray, where: ndarray, elsewhere: float) -> ndarray:
    """A field that has the values where they belong."""
    field = np.full(where.shape, elsewhere, np.float32)
    field[where] = values
    return field


def _plexus(position: Position, ventricle, blobs):
    """Tufts of vessels inside the lateral ventricles; they take up contrast."""
    x, y, z = position
    within = below(ellipsoid((np.abs(x), y, z), *PLEXUS), 0, 1.0) * below(ventricle, 0.0, 0.8)
    return within * smooth_step(3 * blobs + np.float32(0.6))


def _vessels(position: Position, hull, fluid, draws: PatientParameters, noises: Noises):
    """Dura, sagittal sinus, falx and vessels in the sulci: dull before contrast, bright after."""
    x, y, z = position
    inner, slow, grain = draws.csf_gap_mm, noises.slow, noises.grain
    midline = below(np.abs(x), 0.8, 0.5) * (z > 0)
    sinus = np.maximum(np.abs(x) - np.float32(0.75) * (hull - inner + 5.5), hull - inner - 0.3)     # a wedge
    sinus = below(sinus + 1.0 * slow + 0.8 * grain, 0.2, 1.2) * (z > -5) * (y < 40)
    ridges = below(np.abs(grain), 0.10, 0.08) * fluid * below(hull, -0.5, 0.5)
    side = (np.abs(x), y, z)
    draining = np.minimum(ellipsoid(side, *SIGMOID), ellipsoid(side, *CAVERNOUS)) + 1.5 * slow + 0.8 * grain
    deep = np.minimum.reduce([ellipsoid(side, *shape) for shape in VEINS]) + 0.4 * grain
    return (("dura", between(hull, inner - 0.6, inner + 0.5, 0.5) * np.clip(0.3 + 0.3 * slow, 0, 0.7)),
            ("dura", midline * fluid * np.float32(0.6)), ("vessel", sinus * (np.float32(0.8) + np.float32(0.1) * slow)),
            ("vessel", ridges * np.float32(0.45)), ("vessel", below(draining, 0, 0.8) * np.float32(0.8)),
            ("vessel", below(deep, 0, 0.7) * np.float32(0.4)))
