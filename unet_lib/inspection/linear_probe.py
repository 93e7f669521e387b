"""How well does one stage alone find the tumour? A linear probe (Alain & Bengio 2017).

    score = probe(train_maps, train_masks, test_maps, test_masks)
    score.counts.dice(), score.average_precision, score.auc

The probe is the simplest judge there is: a weighted sum of the stage's channels, pixel by pixel, fitted to say
tumour or not. What it finds lies open in the maps; what it misses may still be there, for the later stages to work out.
A good score counts only beside controls: maps of an untrained network, and wrong masks to learn from
(`masks_of_others`, `scattered_masks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import Counts, count
from unet_lib.inspection.channel_metrics import enlarge

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class ProbeScore:
    """On slices the probe has not seen: pixel counts with `threshold`, and two scores that need none.

    `threshold` is in log-odds, chosen on the training slices. `average_precision` of guessing is the tumour's
    fraction of all pixels, `auc` (area under the ROC curve) of guessing is 0.5; both are 1 at best.
    """

    counts: Counts
    threshold: float
    average_precision: float
    auc: float


def probe(train_maps: Float[Tensor, "n c _h _w"], train_masks: Float[Tensor, "n 1 h w"],
          test_maps: Float[Tensor, "m c _h _w"], test_masks: Float[Tensor, "m 1 h w"], pixels: int = 20_000,
          seed: int = 0) -> ProbeScore:
    """Fit a logistic regression on the training slices' maps, score it on the test slices', pixels pooled.

    Coarse maps are enlarged to the masks' size, so that all stages answer for the same pixels, and a coarse one pays
    for its coarseness. At most `pixels` are learnt from, half of them tumour, drawn by `seed`. That half is made up,
    so a probability of 0.5 means little; the threshold is the one with the best Dice on the training slices. Take
    slices of other patients for the test. Raises SettingsError where pixels of one kind lack.
    """
    from sklearn.linear_model import LogisticRegression  # here, as a second passes before it is loaded
    from sklearn.metrics import average_precision_score, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    size = (train_masks.shape[-2], train_masks.shape[-1])
    train, test = (masks.cpu().numpy() > 0 for masks in (train_masks, test_masks))
    if not 0 < train.mean() < 1 or not 0 < test.mean() < 1:
        raise SettingsError("a probe expected pixels with and without tumour, in training and in test masks; got only "
                            "one kind. Choose slices with tumour.")
    indices = _balanced(train, pixels, seed)
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    judge.fit(_values_at(train_maps, indices, size), train.ravel()[indices])
    threshold = best_threshold(_log_odds(judge, train_maps, size).ravel(), train.ravel())
    found = _log_odds(judge, test_maps, size)
    return ProbeScore(count(found >= threshold, test[:, 0]), threshold,
                      float(average_precision_score(test.ravel(), found.ravel())),
                      float(roc_auc_score(test.ravel(), found.ravel())))


def best_threshold(scores: Float[np.ndarray, "k"], tumour: Bool[np.ndarray, "k"]) -> float:
    """From which score on (≥) calling tumour gives the best Dice; half-way down to the next lower score.

    The highest of several as good ones. It is always the score of a tumour pixel, so only these are tried; without
    any it is the highest score of all.
    """
    inside, outside = np.sort(scores[tumour]), np.sort(scores[~tumour])
    tried = inside if len(inside) else outside[-1:]
    hits, false = (len(some) - np.searchsorted(some, tried) for some in (inside, outside))
    dice = 2 * hits / (hits + false + len(inside))
    best = tried[len(tried) - 1 - np.argmax(dice[::-1])]
    lower = [some[place - 1] for some in (inside, outside) if (place := np.searchsorted(some, best))]
    return float(np.mean([best, max(lower, default=best)]))


def masks_of_others(masks: Float[Tensor, "n 1 h w"], patients: Sequence[object],
                    seed: int = 0) -> Float[Tensor, "n 1 h w"]:
    """A control: each slice gets the mask of a slice of another patient, drawn by `seed`.

    What a probe still learns from these is where tumours lie in a head, and nothing about this head. Raises
    SettingsError if all slices are of one patient.
    """
    codes = np.unique(np.asarray(patients), return_inverse=True)[1]
    if codes.max() == 0:
        raise SettingsError(f"expected slices of at least two patients; got {len(masks)} of one.")
    draw = np.random.default_rng(seed)
    return masks[torch.as_tensor([draw.choice(np.flatnonzero(codes != code)) for code in codes])]


def scattered_masks(masks: Float[Tensor, "n 1 h w"], seed: int = 0) -> Float[Tensor, "n 1 h w"]:
    """A control: each slice's tumour pixels thrown anywhere in the slice, by `seed`.

    For the training slices and the test slices alike: then there is nothing to learn. Tested on the true masks, a
    direction that was found by accident may well lie along the tumour where maps show it plainly.
    """
    flat = np.random.default_rng(seed).permuted(masks.flatten(1).cpu().numpy(), axis=1)
    return torch.as_tensor(flat, device=masks.device).reshape(masks.shape)


def _balanced(tumour: Bool[np.ndarray, "n 1 h w"], pixels: int, seed: int) -> Int[np.ndarray, "k"]:
    """Positions in the flattened masks, as many with tumour as without, in order."""
    inside, outside = np.flatnonzero(tumour), np.flatnonzero(~tumour)
    draw, half = np.random.default_rng(seed), min(max(1, pixels // 2), len(inside), len(outside))
    return np.sort(np.concatenate([draw.choice(some, half, replace=False) for some in (inside, outside)]))


def _values_at(maps: Float[Tensor, "n c _ _"], indices: Int[np.ndarray, "k"],
               size: tuple[int, int]) -> Float[np.ndarray, "k c"]:
    """The channels' values at these pixels; enlarged slice by slice, as all together could fill the memory."""
    slices, pixels = np.divmod(indices, size[0] * size[1])
    found = [enlarge(maps[[number]], size)[0].flatten(1)[:, torch.as_tensor(pixels[slices == number])]
             for number in np.unique(slices)]
    return torch.cat(found, dim=1).T.cpu().numpy()


def _log_odds(judge: "Pipeline", maps: Float[Tensor, "n c _ _"], size: tuple[int, int]) -> Float[np.ndarray, "n h w"]:
    """The probe's answer for every pixel.

    A weighted sum of enlarged maps is the enlarged weighted sum, so that only one map a slice is enlarged.
    """
    pixels = maps.movedim(1, -1).double().cpu().numpy()
    coarse = judge.decision_function(pixels.reshape(-1, pixels.shape[-1])).reshape(pixels.shape[:-1])
    return enlarge(torch.as_tensor(coarse)[:, None], size)[:, 0].numpy()
