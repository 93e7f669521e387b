"""The voxels of a scan, turned and cut into slices as they lie in the LGG set, and back.

How the LGG set lays its slices, seen in its images: from the feet up, the face in the upper rows. And the patient's
right in the left columns: of 85 patients to whom the set's table gives a side (codes 1 and 3, taken for left and
right), 84 have their tumour there. A phantom's anatomy is symmetric: its sides have no names.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from nibabel.affines import voxel_sizes
from nibabel.nifti1 import Nifti1Header
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from torch import Tensor
from torch.nn import functional as F

from unet_lib.data.slice_files import SIDE

LAID = axcodes2ornt(("S", "P", "L"))  # slices go up, rows to the back, columns to the patient's left
OWN_MM = (0.8, 1.05)                  # pixels of the LGG set; such as these are left as they are, others become …
PIXEL_MM = 1.0


@dataclass(frozen=True)
class Grid:
    """The voxels of a volume as a scanner stored them, and the way from there to LGG's slices and back.

    `header` knows where the voxels lie in the patient. The slices are those of the volume, only turned and, unless
    their pixels are of LGG's size, resampled to 1 mm; then cropped or padded with black around their middle.
    """

    header: Nifti1Header

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along the three axes of the file."""
        return tuple(map(int, self.header.get_data_shape()[:3]))

    @property
    def affine(self) -> Float[np.ndarray, "4 4"]:
        """From voxels to millimetres of the patient: right, front, up."""
        return self.header.get_best_affine()

    @property
    def millimetres(self) -> Float[np.ndarray, "3"]:
        """A voxel's size along the three axes of the file."""
        return voxel_sizes(self.affine)

    @property
    def millilitres(self) -> float:
        """What one voxel holds."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def laid(self) -> tuple[tuple[int, float], ...]:
        """Of slices, rows and columns: (how many, how many millimetres apart)."""
        order = np.argsort(ornt_transform(io_orientation(self.affine), LAID)[:, 0])
        return tuple((self.shape[axis], float(self.millimetres[axis])) for axis in order)

    @property
    def resampled(self) -> tuple[int, int]:
        """Rows and columns once pixels are of LGG's size."""
        _, (rows, high), (columns, wide) = self.laid
        if OWN_MM[0] <= min(high, wide) and max(high, wide) <= min(OWN_MM[1], 1.02 * min(high, wide)):
            return rows, columns
        return max(1, round(rows * high / PIXEL_MM)), max(1, round(columns * wide / PIXEL_MM))

    def to_slices(self, values: Float[np.ndarray, "x y z"]) -> Float[np.ndarray, "n 256 256"]:
        """The volume's values, as LGG's slices lie."""
        turned = apply_orientation(values, ornt_transform(io_orientation(self.affine), LAID))
        slices = _resample(torch.from_numpy(np.ascontiguousarray(turned)), self.resampled)
        return F.pad(slices, self._margins()).numpy()

    def from_slices(self, slices: Float[np.ndarray, "n 256 256"]) -> Float[np.ndarray, "x y z"]:
        """Values of slices on the volume's own voxels; 0 where these lie outside every slice."""
        _, (rows, _), (columns, _) = self.laid
        whole = F.pad(torch.from_numpy(slices), [-margin for margin in self._margins()])
        turned = _resample(whole, (rows, columns)).numpy()
        return np.ascontiguousarray(apply_orientation(turned, ornt_transform(LAID, io_orientation(self.affine))))

    def _margins(self) -> list[int]:
        """Pixels to add left, right, above and below; to take away where negative."""
        rows, columns = self.resampled
        left, above = (SIDE - columns) // 2, (SIDE - rows) // 2
        return [left, SIDE - columns - left, above, SIDE - rows - above]


def _resample(slices: Float[Tensor, "n h w"], size: tuple[int, int]) -> Float[Tensor, "n rows columns"]:
    """Edges stay where they are; where pixels grow, each averages what it covers."""
    if slices.shape[1:] == size:
        return slices
    return F.interpolate(slices[:, None], size, mode="bilinear", align_corners=False, antialias=True)[:, 0]
