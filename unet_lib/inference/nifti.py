"""Three NIfTI volumes of one head → slices as in the LGG set → tumour masks on the scanner's own voxels."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Bool, Float, UInt8
from nibabel import aff2axcodes
from nibabel.filebasedimages import ImageFileError
from nibabel.nifti1 import Nifti1Header, Nifti1Image, Nifti1Pair
from nibabel.spatialimages import HeaderDataError

from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.errors import DatasetError
from unet_lib.data.slice_files import CHANNELS, FLAIR
from unet_lib.data.volume_grid import Grid
from unet_lib.inference.predictor import Predictor
from unet_lib.inference.slice_predictions import write_sheet

# What nibabel raises for a file that is missing, damaged, or no NIfTI.
DAMAGE = (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, TypeError, IndexError, KeyError,
          ArithmeticError, MemoryError, RuntimeError, AttributeError, zlib.error)
MAX_VOXEL_MM = (20, 3, 3)  # between slices, rows, columns: larger voxels show no outline
GREY_LEVEL = 150          # the 99.5th percentile becomes this; LGG's medians of it are 149, 148 and 138
GRID_TOLERANCE_MM = 0.1   # how far apart the same voxels of two volumes may lie
NOTE = b"unet_lib: for learning only, do not diagnose with it"


@dataclass(frozen=True)
class Volume:
    """One head, ready for the network: `images` as the LGG set's, grey levels 0–255, slices from the feet up.

    `name` is made of the names of the FLAIR file's folder and of the file.
    `copied` are the sequences that were not given: FLAIR stands in their channels, as it does in LGG.
    """

    name: str
    images: UInt8[np.ndarray, "n 256 256 3"]
    grid: Grid
    copied: tuple[str, ...]


@dataclass(frozen=True)
class VolumePrediction:
    """What a network predicts for a volume: on its slices, and on the volume's own voxels (`…_volume`).

    Probabilities are in [0, 1].
    """

    volume: Volume
    probability: Float[np.ndarray, "n 256 256"]
    mask: Bool[np.ndarray, "n 256 256"]
    probability_volume: Float[np.ndarray, "x y z"]
    mask_volume: Bool[np.ndarray, "x y z"]

    @property
    def millilitres(self) -> float:
        """The tumour's volume: its voxels in the file, times what a voxel holds."""
        return int(self.mask_volume.sum()) * self.volume.grid.millilitres

    @property
    def tumour_slices(self) -> int:
        """How many slices show tumour."""
        return int(self.mask.any((1, 2)).sum())


def read_trio(flair: Path | str, pre: Path | str | None = None, post: Path | str | None = None) -> Volume:
    """Volumes of one head, skull and all, on one voxel grid: FLAIR and, if there are any, T1 before and after contrast.

    Each is scaled to LGG's range: 0 stays 0, the 99.5th percentile becomes 150, what passes 255 is cut. A higher
    percentile would follow single hot voxels, and a brighter 150 would cut tumours: in LGG they reach 1.3 times that
    percentile. A volume of bytes is left alone. The network's own normalisation makes up for any gain.

    Raises DatasetError for what is no NIfTI file, has several frames, no orientation, odd voxels or values that are
    no grey levels, and for volumes on different grids.
    """
    path = Path(flair)
    grid, values = _read(path)
    channels = {CHANNELS[FLAIR]: _grey(values, path, grid)}
    for name, given in ((CHANNELS[0], pre), (CHANNELS[2], post)):
        if given is not None:
            other, values = _read(Path(given))
            _refuse_other_grid(other, Path(given), grid, path)
            channels[name] = _grey(values, Path(given), grid)
    images = np.stack([channels.get(name, channels[CHANNELS[FLAIR]]) for name in CHANNELS], axis=-1)
    parent = path.resolve().parent.name   # many volumes are called flair.nii.gz
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    return Volume(f"{parent}_{name}" if parent else name, images, grid,
                  tuple(name for name in CHANNELS if name not in channels))


def predict_volume(predictor: Predictor, volume: Volume) -> VolumePrediction:
    """Predict all slices, and bring the result back to the volume's own voxels.

    The mask is made on the slices, where threshold and smallest component were chosen, and then brought back: a voxel
    is tumour if at least half of it is.
    """
    probability, mask = predictor.outline(volume.images)
    back = volume.grid.from_slices
    return VolumePrediction(volume, probability, mask, back(probability), back(mask.astype(np.float32)) >= 0.5)


def write_volumes(prediction: VolumePrediction, folder: Path) -> tuple[Path, Path]:
    """`<name>_mask.nii.gz` (uint8, 0 or 1) and `<name>_probability.nii.gz` (float32), on the FLAIR file's grid."""
    name, grid = prediction.volume.name, prediction.volume.grid
    mask, probability = folder / f"{name}_mask.nii.gz", folder / f"{name}_probability.nii.gz"
    _write(mask, prediction.mask_volume.astype(np.uint8), grid)
    _write(probability, prediction.probability_volume, grid)
    return mask, probability


def write_overlays(prediction: VolumePrediction, folder: Path) -> None:
    """A page `<name>_<n>_overlay.png` for each slice with tumour, counted from 1 at the feet."""
    volume = prediction.volume
    for index, mask in enumerate(prediction.mask):
        if mask.any():
            page = folder / f"{volume.name}_{index + 1}_overlay.png"
            write_sheet(page, volume.images[index], prediction.probability[index], mask,
                        f"{volume.name}, slice {index + 1} of {len(prediction.mask)} from below")


def _read(path: Path) -> tuple[Grid, np.ndarray]:
    """A file's grid and its values as they are stored, [x, y, z]."""
    try:
        image = nibabel.load(path, mmap=False)
        if not isinstance(image, Nifti1Pair):
            raise TypeError(f"a {type(image).__name__}")
        values = np.asanyarray(image.dataobj)
    except DAMAGE as error:
        raise DatasetError(f"{path}: cannot be read ({error}); expected a NIfTI volume (.nii or .nii.gz). Check the "
                           f"name, take an intact copy, or convert the scan again, say with dcm2niix.") from error
    expected = f"{path}: expected one volume, a grey value in each voxel; found {_times(values.shape)} values"
    if values.ndim < 3 or not values.size:
        raise DatasetError(f"{expected}, no stack of slices. Give the whole scan as one file, say from dcm2niix.")
    if values.dtype.names:
        raise DatasetError(f"{expected} in colours ({', '.join(values.dtype.names)}): a picture made from a scan. Give "
                           f"the scan itself.")
    if max(values.shape[3:], default=1) > 1:
        raise DatasetError(f"{expected}, several frames. Choose one: nibabel.save(image.slicer[..., 0], …).")
    if values.dtype.kind not in "iuf":
        raise DatasetError(f"{expected} of type {values.dtype}. Save them as real numbers: "
                           f"nibabel.Nifti1Image(np.abs(values).astype(np.float32), image.affine).")
    _refuse_odd_header(image.header, path)
    return Grid(image.header), values.reshape(values.shape[:3])


def _refuse_odd_header(header: Nifti1Header, path: Path) -> None:
    if not (header["sform_code"] or header["qform_code"]):
        raise DatasetError(f"{path}: expected a header that says how the head lies, found neither sform nor qform. "
                           f"Convert the scan again, say with dcm2niix, or give it the affine that you know.")
    _refuse_mirrored(header, path)
    grid = Grid(header)
    size = grid.millimetres
    upright = grid.millilitres * 1000 > 0.5 * size.prod() > 0  # else the axes are nearly parallel, or one is missing
    if not upright or not all(0.1 <= mm <= most for (_, mm), most in zip(grid.laid, MAX_VOXEL_MM)):
        raise DatasetError(f"{path}: expected voxels of 0.1 to {MAX_VOXEL_MM[1]} mm along an axial slice and up to "
                           f"{MAX_VOXEL_MM[0]} mm between slices, found {size.round(3).tolist()} mm along the file's "
                           f"axes. Is it an axial scan, and its header in millimetres? Resample it.")


def _refuse_mirrored(header: Nifti1Header, path: Path) -> None:
    """Raise DatasetError if sform and qform both count and turn the head differently: nobody knows its left side."""
    sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    if sform is None or qform is None or not (np.linalg.det(sform[:3, :3]) and np.linalg.det(qform[:3, :3])):
        return
    axes = ["".join(aff2axcodes(affine)) for affine in (sform, qform)]
    if axes[0] != axes[1]:
        raise DatasetError(f"{path}: its header contradicts itself: by the sform its axes run to {axes[0]}, by the "
                           f"qform to {axes[1]}. Convert the scan again, or keep the one you know to be right: "
                           f"image.set_qform(image.get_sform(), 1) or image.set_sform(image.get_qform(), 1).")


def _refuse_other_grid(found: Grid, path: Path, wanted: Grid, wanted_path: Path) -> None:
    # No voxel can lie further off than this: the affines' difference, times the furthest voxel.
    apart = np.abs(wanted.affine - found.affine)[:3] @ [*wanted.shape, 1]
    if wanted.shape != found.shape or apart.max() > GRID_TOLERANCE_MM:
        first, second = (f"{_times(g.shape)} voxels, affine {g.affine[:3].round(3).tolist()}" for g in (wanted, found))
        raise DatasetError(f"{path}: expected the voxels of {wanted_path} ({first}), found others ({second}). Register "
                           f"it to the FLAIR volume, or resample it: nilearn.image.resample_to_img(other, flair).")


def _grey(values: np.ndarray, path: Path, grid: Grid) -> UInt8[np.ndarray, "n 256 256"]:
    """One sequence as slices, in LGG's grey range."""
    slices = grid.to_slices(values.astype(np.float32)) * np.float32(_gain(values, path))
    return np.clip(np.rint(slices), 0, 255).astype(np.uint8)


def _gain(values: np.ndarray, path: Path) -> float:
    if not_finite := int((~np.isfinite(values)).sum()):
        raise DatasetError(f"{path}: expected finite grey values, found {not_finite} voxels that are NaN or infinite. "
                           f"Replace them, say with 0: np.nan_to_num(values, posinf=0, neginf=0).")
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= 0 or low < -0.1 * high:
        raise DatasetError(f"{path}: expected grey values from 0 (air) up, found {low:.4g} to {high:.4g} (percentiles "
                           f"0.5 and 99.5). Give the scan as it was taken: not standardised, not empty.")
    return 1.0 if values.dtype == np.uint8 else float(GREY_LEVEL / high)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _write(path: Path, values: np.ndarray, grid: Grid) -> None:
    """Only the geometry of the scan's header is kept: the rest may name the patient."""
    image = Nifti1Image(values, grid.affine)
    image.set_qform(*grid.header.get_qform(coded=True))
    image.set_sform(*grid.header.get_sform(coded=True))
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = NOTE
    with atomic_file(path) as file:
        file.write(gzip.compress(image.to_bytes(), mtime=0))
