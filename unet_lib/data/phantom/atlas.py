"""The MNI152 brain of the nilearn wheel, and the distances that skull and ventricles are built on."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

FILES = {"grey": "mni_icbm152_gm_tal_nlin_sym_09a_converted.nii.gz",
         "white": "mni_icbm152_wm_tal_nlin_sym_09a_converted.nii.gz"}
ORIGIN = (98, 134, 72)      # voxel of the atlas's zero point; voxels are 1 mm, axes right, front, up
COARSE = 2                  # mm: distances change slowly, a coarse grid is enough
MARGIN = (16, 22, 40)       # mm of air around the atlas on the coarse grid; the skull needs room
CLOSING_MM = 14             # sulci and fissures narrower than twice this belong to the inside of the skull
VAULT_CLOSING_MM = 32       # the same at the back and the top, where the skull is round and no face intrudes
VAULT_TOP, VAULT_BACK = 30, -55     # mm: above the one or behind the other is vault
HINDBRAIN = -16             # mm: the cerebellum and less lie below
DEEP_MM = 14                # fluid this far below the surface is ventricle


@dataclass(frozen=True)
class Atlas:
    """Tissue maps on the 1 mm grid, 0–1, and distances in mm on the coarse one.

    `hull` is the distance to the smooth envelope of the brain, negative inside; `ventricle` the distance
    to the nearest ventricle.
    """

    grey: Float[ndarray, "x y z"]
    white: Float[ndarray, "x y z"]
    hull: Float[ndarray, "cx cy cz"]
    ventricle: Float[ndarray, "cx cy cz"]


def _read(kind: str) -> Float[ndarray, "x y z"]:
    """A map's voxels; found without importing nilearn, which would take seconds."""
    import nibabel

    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the phantom's anatomy comes with nilearn, which is missing: pip install nilearn")
    image = nibabel.nifti1.Nifti1Image.from_filename(Path(spec.origin).parent / "datasets" / "data" / FILES[kind])
    return np.asarray(image.dataobj, dtype=np.float32) / 255


def _envelope(brain: Bool[ndarray, "cx cy cz"]) -> Bool[ndarray, "cx cy cz"]:
    """The inside of the skull: the brain with its fissures filled."""
    from scipy.ndimage import distance_transform_edt as distance

    away = distance(~brain) * COARSE
    narrow, wide = (distance(away < mm) * COARSE > mm for mm in (CLOSING_MM, VAULT_CLOSING_MM))
    up, back = (np.arange(brain.shape[axis]) * COARSE - MARGIN[axis] - ORIGIN[axis] for axis in (2, 1))
    return narrow | wide & ((up > VAULT_TOP) | (back < VAULT_BACK)[:, None] & (up > HINDBRAIN))


@lru_cache(maxsize=1)
def load_atlas() -> Atlas:
    """Read once per process, about a second."""
    from scipy.ndimage import distance_transform_edt as distance
    from scipy.ndimage import gaussian_filter, label

    grey, white = _read("grey"), _read("white")
    coarse = np.pad((grey + white)[::COARSE, ::COARSE, ::COARSE], [(m // COARSE,) * 2 for m in MARGIN])
    brain = coarse > 0.4
    envelope = _envelope(brain)
    hull = gaussian_filter((distance(~envelope) - distance(envelope)).astype(np.float32) * COARSE, 2.5)
    fluid, _ = label((coarse < 0.5) & (hull < -DEEP_MM))
    sizes = np.bincount(fluid.ravel())[1:]
    ventricles = np.isin(fluid, 1 + np.flatnonzero(sizes > 50))
    return Atlas(grey, white, hull, (distance(~ventricles) * COARSE).astype(np.float32))


def look_up(volume: Float[ndarray, "x y z"], position: tuple[ndarray, ...], coarse: bool = False,
            outside: float | None = 0.0) -> Float[ndarray, "..."]:
    """The volume's value at each position (x, y, z in mm of the atlas, any shape), linear between voxels.

    Beyond the volume the value is `outside`; None repeats the border.
    """
    from scipy.ndimage import map_coordinates

    step, margin = (COARSE, MARGIN) if coarse else (1, (0, 0, 0))
    voxels = [(p + np.float32(o + m)) / np.float32(step) for p, o, m in zip(position, ORIGIN, margin, strict=True)]
    mode = "nearest" if outside is None else "constant"
    return map_coordinates(volume, voxels, order=1, mode=mode, cval=outside or 0.0, prefilter=False)
