"""Where to draw the line in one patient: the threshold whose mask may expect the highest Dice.

A mask of the k likeliest voxels, p₁ ≥ p₂ ≥ …, may expect a Dice of about 2·(p₁ + … + p_k) / (k + Σp), where the
last sum is over all voxels: the size that the tumour may be expected to have. One voxel more adds 2p above and 1
below. That pays as long as p is more than half of the Dice so far, so the threshold is half of the Dice to be
expected (Lipton, Elkan & Naryanaswamy 2014): about a half where the network is sure, and far less where it doubts.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit

from unet_lib.core.errors import SettingsError

# What is less likely is left out: there are thousands of such voxels in every head, and many small doubts would add up
# to a tumour.
LEAST = 0.01


def expected_dice(probabilities: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """The Dice that masks of the first 1, 2, … k voxels may expect; `probabilities` fall, and are all there are."""
    found = np.cumsum(probabilities, dtype=np.float64)
    return 2 * found / (np.arange(1, len(found) + 1) + found[-1])


def optimal_dice_threshold(probabilities: Float[np.ndarray, "*any"], temperature: float = 1.0) -> float:
    """The threshold for a patient with these probabilities of tumour, in [0, 1]; 0.5 if none reaches 0.01.

    Networks are surer than they should be, above all on heads unlike those they learnt from. Before anything is
    expected of them, the log-odds are divided by `temperature` (Guo et al. 2017), so that 1 takes the network at its
    word, and more trusts it less. The threshold is one for `probabilities` as they came. Raises SettingsError unless
    the temperature is above 0.
    """
    if not temperature > 0:
        raise SettingsError(f"expected a temperature above 0; got {temperature}. 1 takes the network at its word.")
    likely = np.sort(probabilities[probabilities >= LEAST])[::-1]
    if not len(likely):
        return 0.5
    expected = expected_dice(expit(logit(likely.astype(np.float64)) / temperature))
    return float(likely[expected.argmax()])
