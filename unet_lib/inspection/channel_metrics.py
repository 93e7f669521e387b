"""Feature maps in one number a channel: does it tell tumour from the rest, how fine is its pattern, is it unique?"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def enlarge(maps: Float[Tensor, "n c _ _"], size: tuple[int, int]) -> Float[Tensor, "n c h w"]:
    """Coarse maps at the size of the masks, bilinearly; pixel centres stay where they are."""
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size, mode="bilinear", align_corners=False)


def _enlarged_at(maps: Float[Tensor, "n c _ _"], size: tuple[int, int], some: slice) -> Float[Tensor, "n c _ _"]:
    """`enlarge(maps, size)[..., some, some]`, up to rounding, without the rows and columns between."""
    if some.step == 1 or maps.shape[-2:] == size:
        return enlarge(maps, size)[..., some, some]
    rows, columns = (enlarge(torch.eye(coarse, device=maps.device)[None, None], (fine, coarse))[0, 0, some]
                     for coarse, fine in zip(maps.shape[-2:], size, strict=True))
    return rows @ maps.float() @ columns.T


def roc_auc(maps: Float[Tensor, "n c _ _"], masks: Float[Tensor, "n 1 h w"], every: int = 1,
            within: Bool[Tensor, "n 1 h w"] | None = None) -> Float[np.ndarray, "c"]:
    """Is a channel brighter inside the tumour? The chance that a pixel inside beats one outside, both drawn at random.

    1: always brighter; 0: always darker, which tells as much; 0.5: tells nothing. A tie counts half. This is the area
    under the ROC curve (Mann & Whitney 1947): neither the channel's scale nor the tumour's size matters. Over all
    images together, at the masks' size, on every `every`th row and column, and `within` these pixels only: against the
    whole slice a map of the bare head would do well, as most of a slice is air. nan where the masks are empty or full.
    """
    some = slice(every // 2, None, every)
    size, grid = (masks.shape[-2], masks.shape[-1]), (..., some, some)
    # All enlarged could fill the memory.
    seen = torch.cat([_enlarged_at(one[None], size, some) for one in maps.detach()])
    counted = torch.ones_like(masks, dtype=torch.bool) if within is None else within
    counts = counted[grid].flatten().cpu().numpy()
    flat = seen.transpose(0, 1).flatten(1).cpu().numpy()[:, counts]
    tumour = masks[grid].flatten().cpu().numpy()[counts] > 0
    inside, outside = int(tumour.sum()), int((~tumour).sum())
    if not inside or not outside:
        return np.full(len(flat), np.nan)
    ranks = np.array([_rank_sum(channel, tumour) for channel in flat])
    return (ranks - inside * (inside + 1) / 2) / (inside * outside)


def _rank_sum(values: Float[np.ndarray, "k"], chosen: Bool[np.ndarray, "k"]) -> float:
    """Sum of the ranks of the chosen values among all, from 1; equal values share their mean rank. nan if one is nan.

    As scipy's rankdata, several times as fast: only the values are sorted, not their positions.
    """
    ordered, wanted = np.sort(values), np.sort(values[chosen])
    if np.isnan(ordered[-1]):
        return float("nan")
    return float(sum(np.searchsorted(ordered, wanted, side).sum() for side in ("left", "right")) + len(wanted)) / 2


def most_telling(auc: Float[np.ndarray, "c"], best: int = 3) -> tuple[int, ...]:
    """Which channels to show of many, by a rule: the `best` ones by |ROC AUC − 0.5|, and last the median one.

    A channel that is darker in the tumour tells as much as one that is brighter; nan tells nothing. Fewer channels
    than asked for come once each.
    """
    order = np.argsort(-np.abs(np.nan_to_num(auc, nan=0.5) - 0.5), kind="stable").tolist()
    return tuple(dict.fromkeys([*order[:best], order[len(order) // 2]]))


def high_frequency_fraction(maps: Float[Tensor, "n c h w"], cutoff: float = 0.25) -> Float[np.ndarray, "c"]:
    """Fraction of a channel's variation, in [0, 1], in waves shorter than 1 / cutoff of the map's own pixels.

    Each map less its mean is split into waves of all directions by the Fourier transform; a wave's energy is its
    squared amplitude, and all energies add up to the variance. 0.25 waves a pixel is half of what a row of pixels can
    hold. A map without any variation adds nothing; nan if none has any.
    """
    pixels = maps.detach().double().cpu()
    varies = pixels.amax((2, 3), keepdim=True) > pixels.amin((2, 3), keepdim=True)  # else the rest is rounding
    energy = (varies * torch.fft.fft2(pixels).abs().square()).sum(dim=0)
    energy[:, 0, 0] = 0  # the mean
    rows, columns = (torch.fft.fftfreq(side, dtype=torch.double) for side in maps.shape[-2:])
    frequency = torch.hypot(rows[:, None], columns[None])
    fine, total = energy[:, frequency > cutoff].sum(dim=1).numpy(), energy.sum(dim=(1, 2)).numpy()
    return np.divide(fine, total, out=np.full(len(total), np.nan), where=total > 0)


def duplicates(maps: Float[Tensor, "n c h w"], least: float = 0.95) -> tuple[tuple[int, int, float], ...]:
    """Pairs of channels that show the same, up to scale and sign: (one, other, r) with |r| > `least`, closest first.

    r is Pearson's correlation over all pixels of all images. A channel that never varies is nobody's duplicate.
    """
    flat = maps.detach().double().cpu().transpose(0, 1).flatten(1).numpy()
    varying = np.flatnonzero(np.ptp(flat, axis=1) > 0)
    if len(varying) < 2:
        return ()
    found = np.corrcoef(flat[varying])
    one, other = np.nonzero(np.triu(np.abs(found) > least, k=1))
    pairs = zip(varying[one].tolist(), varying[other].tolist(), found[one, other].tolist(), strict=True)
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[2])))
