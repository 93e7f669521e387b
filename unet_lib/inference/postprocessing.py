"""What is done to a mask after the threshold."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage


def without_specks(mask: Bool[np.ndarray, "*n h w"], smallest: int) -> Bool[np.ndarray, "*n h w"]:
    """The mask without parts of fewer than `smallest` voxels; the largest stays, however small it is.

    Voxels that share a face, an edge or a corner hang together.
    """
    if smallest < 2 or not mask.any():
        return mask
    parts, count = ndimage.label(mask, np.ones((3,) * mask.ndim))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    return ((sizes >= smallest) | (sizes == sizes.max()))[parts] & mask
