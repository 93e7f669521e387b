"""Affines of volumes that lie in any way."""

import numpy as np
from nibabel.orientations import aff2axcodes


def affine_of(codes, sizes, shape):
    """Axes as in `codes` ("RAS": right, front, up), voxels of `sizes` mm, the middle of the volume at the origin."""
    columns = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
    turn = np.array([columns[code] for code in codes]).T * sizes
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn, -turn @ (np.array(shape) - 1) / 2
    assert "".join(aff2axcodes(affine)) == codes
    return affine
