"""One phantom patient, from its seed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from unet_lib.data.phantom import anatomy, contrast, tumour
from unet_lib.data.phantom.parameters import PatientParameters, draw_patient, streams


@dataclass(frozen=True)
class Phantom:
    """A synthetic patient. Channels: pre-contrast T1, FLAIR, post-contrast T1."""

    name: str
    images: UInt8[ndarray, "n 256 256 3"]
    masks: UInt8[ndarray, "n 256 256"]          # {0, 1}
    missing: tuple[str, ...]                    # sequences that are a copy of FLAIR
    tumour_centre: tuple[float, ...]            # slice, row, column; counted from 0
    tumour_ml: float                            # volume in millilitres
    parameters: PatientParameters

    @property
    def tumour_slices(self) -> int:
        """How many slices hold tumour."""
        return int(self.masks.any((1, 2)).sum())


def make_patient(seed: int, index: int) -> Phantom:
    """Patient `index` of the phantom data set `seed`; the same pair always gives the same patient."""
    draws, rngs = draw_patient(seed, index), streams(seed, index)
    points = anatomy.warp(anatomy.scanner_grid(draws), draws, rngs["warp"])
    head = anatomy.build_head(points, draws, tumour.expected_radius_mm(draws), rngs["head"])
    growth = tumour.grow(points, head, draws, rngs["tumour"])
    images = contrast.paint(head, draws)
    images[1] = contrast.add_bright_spots(images[1], head, points, draws, rngs["head"])
    pixels = contrast.scan(contrast.add_tumour(images, growth, draws), draws, rngs["scanner"])
    return Phantom(draws.name, pixels, growth.mask, draws.missing, *_facts(growth.mask, draws), draws)


def _facts(mask: ndarray, draws: PatientParameters) -> tuple[tuple[float, ...], float]:
    """Centre and volume of the tumour, from its mask."""
    where = np.nonzero(mask)
    thickness = (draws.top_mm - draws.bottom_mm) / (draws.slices - 1)
    centre = tuple(round(float(axis.mean()), 1) for axis in where) if len(where[0]) else (0.0, 0.0, 0.0)
    return centre, round(len(where[0]) * draws.pixel_mm ** 2 * thickness / 1000, 1)


def stages(seed: int, index: int) -> dict[str, ndarray]:
    """How the slice with most tumour comes about: title → image, in order.

    Images are float32 [256, 256] in grey levels (tissue fractions in [0, 1] for the first three), except
    the last two: the finished uint8 [256, 256, 3] slice and its uint8 [256, 256] mask.
    """
    draws, rngs = draw_patient(seed, index), streams(seed, index)
    points = anatomy.warp(anatomy.scanner_grid(draws), draws, rngs["warp"])
    head = anatomy.build_head(points, draws, tumour.expected_radius_mm(draws), rngs["head"])
    growth = tumour.grow(points, head, draws, rngs["tumour"])
    s = int(growth.mask.sum((1, 2)).argmax())
    plain = contrast.paint(head, draws)
    bright = contrast.add_bright_spots(plain[1], head, points, draws, rngs["head"])
    full = contrast.add_tumour([plain[0].copy(), bright.copy(), plain[2].copy()], growth, draws)
    final = contrast.scan(full, draws, rngs["scanner"])
    return {"grey matter in the atlas": _atlas_slice(draws, s), "grey matter, warped": _fraction(head, "grey")[s],
            "white matter, warped": head.white[s], "head, pre-contrast": plain[0][s], "head, FLAIR": plain[1][s],
            "head, post-contrast": plain[2][s], "bright but no tumour, FLAIR": bright[s],
            "tumour, FLAIR": full[1][s], "finished slice": final[s], "mask": growth.mask[s]}


def _fraction(head: anatomy.Head, tissue: str) -> ndarray:
    return next(fraction for name, fraction in reversed(head.layers) if name == tissue)


def _atlas_slice(draws: PatientParameters, s: int) -> ndarray:
    """The same slice of the unwarped atlas."""
    from unet_lib.data.phantom.atlas import load_atlas, look_up

    grid = tuple(axis[s:s + 1] for axis in anatomy.scanner_grid(draws))
    return look_up(load_atlas().grey, grid)[0]
