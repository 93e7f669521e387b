"""A map of what a coarse block knows: each of its positions is a vector of channels, drawn as a point in the plane.

    squares = head_squares(labels, side=8)                      # the bottleneck has 8×8 positions a slice
    vectors = [squares.vectors(feature_maps(network, images, "bottleneck")["bottleneck"]) for network in networks]
    embedded = embed(vectors)                                   # one plane for each network
    neighbour_auc(vectors[-1], squares.tissue == TUMOUR, patients[squares.slice_of])

A position stands for a square of the slice, 32×32 of its 256×256 pixels at 8×8 positions. Most squares hold several
tissues, so what a point is called is only what fills most of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from sklearn.metrics import roc_auc_score
from torch import Tensor

from unet_lib.core.errors import SettingsError, ShapeError
from unet_lib.data.phantom import GROUP_NAMES, group_tissues

KINDS = {"air": ("air",), "skull and scalp": ("scalp and fat", "muscle", "skull", "vessels and membranes"),
         "fluid": ("fluid",), "grey matter": ("grey matter", "deep grey matter"), "white matter": ("white matter",),
         "tumour": ("tumour", "cyst")}
"""The kinds of squares, air first and tumour last, and the groups of tissues (`phantom.GROUP_NAMES`) in each."""
NAMES = tuple(KINDS)
TUMOUR = NAMES.index("tumour")
KIND_OF_GROUP = np.array([next(code for code, kind in enumerate(KINDS.values()) if group in kind)
                          for group in GROUP_NAMES], np.uint8)


@dataclass(frozen=True)
class Squares:
    """k squares of several slices: which slice each lies in, its row and column among the side×side squares there,
    and its kind, an index into NAMES."""

    side: int
    slice_of: Int[np.ndarray, "k"]
    row: Int[np.ndarray, "k"]
    column: Int[np.ndarray, "k"]
    tissue: Int[np.ndarray, "k"]

    def vectors(self, maps: Float[Tensor, "n c s s"]) -> Float[np.ndarray, "k c"]:
        """The channels' values at each square, as square roots with their signs.

        After a ReLU few values are large and most are small; their roots lie less far apart, so that a handful of
        squares do not decide the plane alone. Raises ShapeError for maps of another size.
        """
        if tuple(maps.shape[-2:]) != (self.side, self.side):
            raise ShapeError(f"expected maps of {self.side}×{self.side} positions, one for each square; got "
                             f"{'×'.join(map(str, maps.shape[-2:]))}. Make the squares with side={maps.shape[-1]}.")
        values = maps.detach().double().cpu().numpy()[self.slice_of, :, self.row, self.column]
        return np.sign(values) * np.sqrt(np.abs(values))


def head_squares(labels: UInt8[np.ndarray, "n h w"], side: int, least: float = 0.25) -> Squares:
    """Those of the side×side squares of each slice that are not mostly air, each with its kind.

    `labels` are the phantom's tissues, indices into `data.phantom.contrast.TISSUES`. A square counts as tumour from
    the fraction `least` of its pixels on, else as what fills most of the rest of it, air left out. Raises ShapeError
    where squares do not fit.
    """
    slices, height, width = labels.shape
    if height % side or width % side:
        raise ShapeError(f"expected labels that {side}×{side} squares fill evenly; got {height}×{width} pixels.")
    kinds = KIND_OF_GROUP[group_tissues(labels)].reshape(slices, side, height // side, side, width // side)
    fractions = np.stack([(kinds == kind).mean((2, 4)) for kind in range(len(NAMES))], axis=-1)
    tissue = np.where(fractions[..., TUMOUR] >= least, TUMOUR, fractions[..., 1:TUMOUR].argmax(-1) + 1)
    slice_of, row, column = np.nonzero((fractions[..., 0] < 0.5) | (tissue == TUMOUR))
    return Squares(side, slice_of, row, column, tissue[slice_of, row, column])


@dataclass(frozen=True)
class Embedding:
    """The same k squares in the plane, once for each network, with their mean at 0 and 1 as their (root mean square)
    distance from it. `explained` is the fraction of the vectors' variance that each plane shows."""

    points: Float[np.ndarray, "steps k 2"]
    explained: Float[np.ndarray, "steps"]


def embed(vectors: Sequence[Float[np.ndarray, "k _"]]) -> Embedding:
    """Each network's vectors in the plane in which they spread most (principal component analysis), turned to match.

    Every network gets the plane that shows it best, so that none looks poor only because another chose the view. From
    the last network back, each plane is then turned or mirrored so that the points lie as near as they can to those
    of the network after it (orthogonal Procrustes, Schönemann 1966), which changes no distance, and points can be
    followed. The last plane's own axes point to where its largest weights are positive, so the result is the same
    everywhere up to rounding. Raises SettingsError for fewer than three squares.
    """
    if not vectors or min(len(some) for some in vectors) < 3:
        raise SettingsError("an embedding expected at least one network and three squares; got fewer. Choose slices "
                            "that show a head.")
    planes = [_plane(some) for some in vectors]
    points = [planes[-1][0]]
    for found, _ in reversed(planes[:-1]):
        left, _, right = np.linalg.svd(found.T @ points[0])
        points.insert(0, found @ (left @ right))
    return Embedding(np.stack(points), np.array([explained for _, explained in planes]))


def _plane(vectors: Float[np.ndarray, "k c"]) -> tuple[Float[np.ndarray, "k 2"], float]:
    """The first two principal components, scaled, and the fraction of the variance that they hold."""
    centred = vectors - vectors.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    total = float((sizes**2).sum())
    if not total:
        return np.zeros((len(vectors), 2)), 0.0
    axes = axes[:2] * np.sign(axes[[0, 1], np.abs(axes[:2]).argmax(axis=1)])[:, None]
    shown = float((sizes[:2]**2).sum())
    return centred @ axes.T / np.sqrt(shown / len(vectors)), shown / total


def neighbour_auc(vectors: Float[np.ndarray, "k c"], tumour: Bool[np.ndarray, "k"], patients: Shaped[np.ndarray, "k"],
                  nearest: int = 15) -> float:
    """Do squares with tumour lie among squares with tumour? ROC AUC; 0.5 is chance, 1 the best.

    Each square is scored by the fraction of tumour among its `nearest` squares (Euclidean) in *other* patients;
    neighbours of one head are alike anyway. The AUC is the chance that a square with tumour has the higher score
    of two, one of each kind; ties count half. Chance can be checked with `tumour` shuffled. Raises SettingsError
    where one kind is missing, or a patient has fewer squares of others beside it.
    """
    others = min(int((patients != patient).sum()) for patient in np.unique(patients))
    if others < nearest or not 0 < tumour.sum() < len(tumour):
        raise SettingsError(f"expected squares with and without tumour, and at least {nearest} squares of other "
                            f"patients for each; got {int(tumour.sum())} of {len(tumour)} with tumour, and {others} "
                            f"others. Choose more patients.")
    scores = np.empty(len(tumour))
    for patient in np.unique(patients):
        own = patients == patient
        apart = (vectors[~own]**2).sum(axis=1) - 2 * vectors[own] @ vectors[~own].T  # up to each square's own length
        found = np.argpartition(apart, nearest - 1, axis=1)[:, :nearest]
        scores[own] = tumour[~own][found].mean(axis=1)
    return float(roc_auc_score(tumour, scores))
