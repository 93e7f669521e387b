"""What is done to a mask after the threshold."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage


def remove_small_components(mask: Bool[np.ndarray, "*n h w"], min_component_size: int) -> Bool[np.ndarray, "*n h w"]:
    """The mask without connected components of fewer than `min_component_size` voxels; the largest always stays.

    Voxels that share a face, an edge or a corner are connected.
    """
    if min_component_size < 2 or not mask.any():
        return mask
    box, = ndimage.find_objects(mask.view(np.uint8))  # a tumour fills little of the head, and labels take time
    components, count = ndimage.label(mask[box], np.ones((3,) * mask.ndim))
    sizes = np.bincount(components.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept = np.zeros_like(mask)
    kept[box] = ((sizes >= min_component_size) | (sizes == sizes.max()))[components] & mask[box]
    return kept
