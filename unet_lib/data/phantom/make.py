"""One phantom patient, from its seed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from numpy.random import Generator

from unet_lib.data.phantom import anatomy, contrast, scanner, tumour
from unet_lib.data.phantom.fields import Position
from unet_lib.data.phantom.parameters import PatientParameters, draw_patient, streams


@dataclass(frozen=True)
class Phantom:
    """A synthetic patient. Channels: pre-contrast T1, FLAIR, post-contrast T1."""

    name: str
    images: UInt8[ndarray, "n 256 256 3"]
    masks: UInt8[ndarray, "n 256 256"]          # {0, 1}
    labels: UInt8[ndarray, "n 256 256"]         # the tissue of every pixel, as its index in contrast.TISSUES
    missing: tuple[str, ...]                    # sequences that are a copy of FLAIR
    tumour_centre: tuple[float, ...]            # slice, row, column; counted from 0
    tumour_ml: float                            # volume in millilitres
    parameters: PatientParameters

    @property
    def tumour_slices(self) -> int:
        """How many slices hold tumour."""
        return int(self.masks.any((1, 2)).sum())


@dataclass(frozen=True)
class _Anatomy:
    """A head with its tumour, in the box of rows and columns that holds it, and the random streams that go on."""

    draws: PatientParameters
    rngs: dict[str, Generator]
    box: tuple[slice, slice]
    position: Position
    head: anatomy.Head
    growth: tumour.Tumour

    @classmethod
    def of(cls, seed: int, index: int) -> "_Anatomy":
        draws, rngs = draw_patient(seed, index), streams(seed, index)
        position = anatomy.warp(anatomy.scanner_grid(draws), draws, rngs["warp"])
        box = anatomy.find_box(position, draws)
        position = tuple(np.ascontiguousarray(p[:, *box]) for p in position)
        head = anatomy.build_head(position, draws, tumour.expected_radius_mm(draws), rngs["head"])
        return cls(draws, rngs, box, position, head, tumour.grow(position, head, draws, rngs["tumour"]))

    def with_bright_spots(self) -> ndarray:
        head = self.head
        fluid = head.labels == contrast.TISSUES.index("csf")
        return contrast.add_bright_spots(head.flair, head.brain, head.white, head.ventricle, fluid, self.position,
                                         self.draws, self.rngs["head"])

    def scan(self, images: list[ndarray]) -> UInt8[ndarray, "n 256 256 3"]:
        full = [anatomy.on_canvas(image, self.box) for image in images]
        return scanner.scan(full, self.draws, self.rngs["scanner"])


def make_patient(seed: int, index: int) -> Phantom:
    """Patient `index` of the phantom data set `seed`; the same pair always gives the same patient."""
    made = _Anatomy.of(seed, index)
    draws, head, growth = made.draws, made.head, made.growth
    pixels = made.scan(tumour.add_tumour([head.pre, made.with_bright_spots(), head.post], growth, draws))
    masks = anatomy.on_canvas(growth.mask, made.box)
    labels = anatomy.on_canvas(tumour.add_labels(head.labels, growth), made.box)
    return Phantom(draws.name, pixels, masks, labels, draws.missing, *_facts(masks, draws), draws)


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
    made = _Anatomy.of(seed, index)
    draws, head, growth = made.draws, made.head, made.growth
    s = int(growth.mask.sum((1, 2)).argmax())
    bright = made.with_bright_spots()
    full = tumour.add_tumour([head.pre.copy(), bright.copy(), head.post.copy()], growth, draws)
    pictures = {"brain, folded anew": head.brain, "white matter": head.white,
                "head, pre-contrast": head.pre, "head, FLAIR": head.flair, "head, post-contrast": head.post,
                "bright but no tumour, FLAIR": bright, "tumour, FLAIR": full[1], "mask": growth.mask}
    pictures = {title: anatomy.on_canvas(field[s:s + 1], made.box)[0] for title, field in pictures.items()}
    mask = pictures.pop("mask")
    return {"grey matter in the atlas": _atlas_slice(draws, s), **pictures, "finished slice": made.scan(full)[s],
            "mask": mask}


def _atlas_slice(draws: PatientParameters, s: int) -> ndarray:
    """The same slice of the unwarped atlas."""
    from unet_lib.data.phantom.atlas import load_atlas, look_up

    grid = tuple(axis[s:s + 1] for axis in anatomy.scanner_grid(draws))
    return look_up(load_atlas().grey, grid)[0]
