"""When the network says 80 %, is it right eight times out of ten? Pixels in bins of confidence.

    bins = sum((reliability(p, mask) for p, mask in patients), start=reliability())
    bins.confidence, bins.observed_frequency, bins.error(), bins.error(least=0.1)

As with scores, count first: bins of several patients can be added.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from unet_lib.core.errors import ShapeError

BINS = 10
NO_PIXELS = np.zeros(0)


@dataclass(frozen=True)
class Reliability:
    """For each of k bins of equal width, from probability 0 up to 1: pixels, sum of their probabilities, tumour."""

    pixels: Int[np.ndarray, "k"]
    total: Float[np.ndarray, "k"]
    tumour: Int[np.ndarray, "k"]

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.pixels + other.pixels, self.total + other.total, self.tumour + other.tumour)

    @property
    def confidence(self) -> Float[np.ndarray, "k"]:
        """Mean probability of a bin's pixels; nan in an empty one."""
        return self._mean(self.total)

    @property
    def observed_frequency(self) -> Float[np.ndarray, "k"]:
        """Fraction of a bin's pixels that are tumour; nan in an empty one. Equal to `confidence` if well calibrated."""
        return self._mean(self.tumour)

    def error(self, least: float = 0.0) -> float:
        """Expected calibration error (Guo et al. 2017): |confidence − observed frequency|, averaged over pixels.

        Only bins that begin at `least` or above count; with 0 nearly all pixels are background, and the error is nearly
        always small. nan if they hold no pixel.
        """
        kept = np.arange(len(self.pixels)) / len(self.pixels) >= least - 1e-9
        pixels = self.pixels[kept].sum()
        return float(np.abs(self.total - self.tumour)[kept].sum() / pixels) if pixels else float("nan")

    def _mean(self, sums: np.ndarray) -> Float[np.ndarray, "k"]:
        return np.where(self.pixels > 0, sums / np.maximum(self.pixels, 1), np.nan)


def reliability(probability: Shaped[np.ndarray, "..."] = NO_PIXELS, reference: Shaped[np.ndarray, "..."] = NO_PIXELS,
                bins: int = BINS) -> Reliability:
    """Sort pixels by their probability of tumour, in [0, 1], and count those that are tumour in the reference mask.

    A bin holds its lower edge and not its upper one; 1 belongs to the last. Without arguments: bins without a pixel,
    to add others to. Raises ShapeError if the shapes differ.
    """
    if probability.shape != reference.shape:
        raise ShapeError(f"reliability needs probabilities and a mask of one shape; got {probability.shape} and "
                         f"{reference.shape}. Take both from the same slices.")
    tumour, beyond = reference > 0, probability > 0.999 / bins  # nearly all pixels are surely in the first bin
    confidence, true = probability[beyond].astype(np.float64), tumour[beyond]
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    found = Reliability(np.bincount(index, minlength=bins), np.bincount(index, confidence, bins).astype(float),
                        np.bincount(index[true], minlength=bins))
    first = np.arange(bins) == 0
    return found + Reliability(first * (probability.size - len(index)),
                               first * probability.sum(where=~beyond, dtype=np.float64),
                               first * (np.count_nonzero(tumour) - np.count_nonzero(true)))
