"""Test-time augmentation: where predictions for slightly changed slices differ, the network is uncertain.

    probabilities = tta_probabilities(predictor, images, statistics, count=8)
    probabilities.mean(axis=0), probabilities.std(axis=0)

A head that is mirrored, turned by some degrees or a little brighter has the same tumour. Each prediction is mapped back
onto the original, so that all of them are about the same pixels (Wang et al. 2019).
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from unet_lib.core.errors import SettingsError
from unet_lib.data.augmentation import AugmentationConfig, apply, sample_params
from unet_lib.data.intensity import denormalise, normalise
from unet_lib.inference.predictor import Predictor

GENTLE = AugmentationConfig(flip=0.5, rotation=6.0, scale=0.04, shift=0.02, gain=0.1, offset=0.1, gamma=0.1, noise=0.0,
                            copy_flair=0.0)
"""Changes that an expert would hardly notice."""


def tta_probabilities(predictor: Predictor, images: UInt8[np.ndarray, "n 256 256 3"],
                      statistics: Float[np.ndarray, "2 3"], count: int = 8,
                      augmentation: AugmentationConfig = GENTLE, seed: int = 0) -> Float[np.ndarray, "v n 256 256"]:
    """Probabilities for `count` augmented copies of a patient's slices, each mapped back onto the original.

    All slices of the patient are changed alike, as if the head had lain differently in the scanner; the same for the
    same seed. What was moved out of the image counts 0. Raises SettingsError for an elastic augmentation, which cannot
    be undone.
    """
    if augmentation.elastic:
        raise SettingsError(f"expected an augmentation without elastic stretching, which cannot be undone; got "
                            f"elastic={augmentation.elastic}. Set elastic=0.")
    of_patient = torch.as_tensor(statistics)
    # All slices as channels of one image, as context slices are: what is changed in one is changed in all.
    normalised = normalise(torch.as_tensor(images).movedim(-1, 1), of_patient).flatten(0, 1)[None]
    no_mask = torch.zeros(1, 1, *images.shape[1:3])
    probabilities = []
    for number in range(count):
        params = sample_params(1, augmentation, seed * 10_007 + number)
        augmented, _ = apply(params, normalised, no_mask)
        slices = augmented[0].unflatten(0, (-1, 3))
        grey = denormalise(slices, of_patient).round().clip(0, 255).to(torch.uint8).movedim(1, -1).numpy()
        probabilities.append(undo_affine(params.matrix, predictor.probabilities(grey, statistics)))
    return np.stack(probabilities)


def undo_affine(matrix: Float[Tensor, "1 2 3"], maps: Float[np.ndarray, "n h w"]) -> Float[np.ndarray, "n h w"]:
    """Maps of an augmented head, moved back onto the original: `AugmentationParams.matrix`, inverted."""
    turn, shift = matrix[0, :, :2], matrix[0, :, 2:]
    back = torch.linalg.inv(turn)
    grid = F.affine_grid(torch.cat([back, -back @ shift], 1)[None], [1, 1, *maps.shape[1:]], align_corners=False)
    return F.grid_sample(torch.as_tensor(maps)[None], grid, align_corners=False)[0].numpy()
