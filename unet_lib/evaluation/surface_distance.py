"""How far apart two outlines are: gather the distances first, score later.

Distances are in-plane and in pixels of the slice. The TIFFs carry no voxel size; a pixel is about 1 mm wide, and
how far slices lie apart is not known, so no distance is ever taken from one slice to the next.

A slice on which only one of the two masks has an outline has no distance. Such slices are counted as `unmatched`;
read that number beside the scores, which leave them out. Only `dice(..., alone_counts=True)` takes their outlines as
too far away, so that a tumour which was missed on all its slices scores 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_erosion, distance_transform_edt, find_objects

TOLERANCE = 2.0  # pixels; an expert's hand is hardly steadier


@dataclass(frozen=True, slots=True)
class OutlineDistances:
    """From each pixel of one outline to the nearest of the other on the same slice, in pixels, all slices together.

    `predicted` goes from the predicted outline to the reference's, `reference` the other way. `unmatched` counts
    slices on which only one of the two has an outline, `alone` the pixels of these outlines.
    """

    predicted: Float[np.ndarray, "a"]
    reference: Float[np.ndarray, "b"]
    unmatched: int = 0
    alone: int = 0

    def hausdorff(self, percentile: float = 95, empty: float = float("nan")) -> float:
        """The larger of both directions' percentiles (Huttenlocher et al. 1993; MONAI's definition), in pixels.

        95 leaves out the farthest twentieth, which may be one stray component; 100 is the classic distance. `empty`
        where no slice has both outlines.
        """
        if not len(self.predicted):
            return empty
        return float(max(np.percentile(distances, percentile) for distances in (self.predicted, self.reference)))

    def dice(self, tolerance: float = TOLERANCE, empty: float = float("nan"), alone_counts: bool = False) -> float:
        """The fraction of both outlines within `tolerance` pixels of the other (Nikolov et al. 2021), in [0, 1].

        With `alone_counts`, outlines without another on their slice lie outside the tolerance. `empty` where there
        is no outline to count.
        """
        near = sum(int((distances <= tolerance).sum()) for distances in (self.predicted, self.reference))
        pixels = len(self.predicted) + len(self.reference) + alone_counts * self.alone
        return near / pixels if pixels else empty


def outline_distances(predicted: Bool[np.ndarray, "n h w"], reference: Bool[np.ndarray, "n h w"]) -> OutlineDistances:
    """Compare two stacks of masks slice by slice."""
    outlined = np.stack([predicted.any(axis=(1, 2)), reference.any(axis=(1, 2))])
    both = outlined.all(axis=0)
    pairs = [_outlines(p, r) for p, r in zip(predicted[both], reference[both], strict=True)]
    alone = (*predicted[outlined[0] & ~both], *reference[outlined[1] & ~both])
    nothing = np.zeros(0)
    return OutlineDistances(np.concatenate([nothing, *(_distances(p, r) for p, r in pairs)]),
                            np.concatenate([nothing, *(_distances(r, p) for p, r in pairs)]),
                            unmatched=int((outlined.any(axis=0) & ~both).sum()),
                            alone=sum(int(outline(mask).sum()) for mask in alone))


def outline(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The mask's pixels that touch the outside, or the image's border, with an edge."""
    return mask & ~binary_erosion(mask)


def _outlines(predicted: Bool[np.ndarray, "h w"],
              reference: Bool[np.ndarray, "h w"]) -> tuple[Bool[np.ndarray, "a b"], Bool[np.ndarray, "a b"]]:
    """Both outlines, in the smallest box that holds both masks: beyond it there is nothing to measure."""
    box, = find_objects((predicted | reference).view(np.uint8))
    return outline(predicted[box]), outline(reference[box])


def _distances(start: Bool[np.ndarray, "h w"], end: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "a"]:
    return distance_transform_edt(~end)[start]
