"""The threshold for one patient: the one whose mask has the highest expected Dice.

A mask of the k most probable voxels, p₁ ≥ p₂ ≥ …, has an expected Dice of about 2·(p₁ + … + p_k) / (k + Σp), where
the last sum, over all voxels, is the expected size of the tumour. One voxel more adds 2p to the numerator and 1 to
the denominator. That pays as long as p is more than half of the Dice so far, so the threshold is half of the expected
Dice (Lipton, Elkan & Naryanaswamy 2014): about a half where the network is sure, and far less where it is unsure.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit

from unet_lib.core.errors import SettingsError

# Less probable voxels are left out: there are thousands of them in every head, and many small probabilities would add
# up to a tumour.
LEAST = 0.01


def expected_dice(probabilities: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """The expected Dice of masks of the first 1, 2, … k voxels; `probabilities` are all there are, highest first."""
    found = np.cumsum(probabilities, dtype=np.float64)
    return 2 * found / (np.arange(1, len(found) + 1) + found[-1])


def optimal_dice_threshold(probabilities: Float[np.ndarray, "*any"], temperature: float = 1.0) -> float:
    """The threshold for a patient with these probabilities of tumour, in [0, 1]; 0.5 if none reaches 0.01.

    Networks are overconfident, above all on heads unlike those of their training. So the log-odds are first divided
    by `temperature` (Guo et al. 2017): 1 takes the probabilities as they are, and more trusts them less. The threshold
    applies to `probabilities` as they came. Raises SettingsError unless the temperature is above 0.
    """
    if not temperature > 0:
        raise SettingsError(f"expected a temperature above 0; got {temperature}. "
                            f"1 takes the probabilities as they are.")
    likely = np.sort(probabilities[probabilities >= LEAST])[::-1]
    if not len(likely):
        return 0.5
    expected = expected_dice(expit(logit(likely.astype(np.float64)) / temperature))
    return float(likely[expected.argmax()])
