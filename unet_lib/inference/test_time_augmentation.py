"""Ask the network again about slices that were changed a little: where its answers spread, it is unsure.

    answers = varied_answers(predictor, images, statistics, count=8)
    answers.mean(axis=0), answers.std(axis=0)

A head that is mirrored, turned by some degrees or a little brighter has the same tumour. Each answer is laid back
over the original, so that all of them speak about the same pixels (test-time augmentation, Wang et al. 2019).
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from unet_lib.core.errors import SettingsError
from unet_lib.data.augmentation import AugmentationConfig, AugmentationParams, apply, sample_params
from unet_lib.inference.predictor import Predictor

GENTLE = AugmentationConfig(flip=0.5, rotation=6.0, scale=0.04, shift=0.02, gain=0.1, offset=0.1, gamma=0.1, noise=0.0,
                  copy_flair=0.0)
"""Changes that an expert would hardly notice."""


def tta_probabilities(predictor: Predictor, images: UInt8[np.ndarray, "n 256 256 3"], statistics: Float[np.ndarray, "2 3"],
                   count: int = 8, augmentation: AugmentationConfig = GENTLE, seed: int = 0) -> Float[np.ndarray, "v n 256 256"]:
    """Probabilities for `count` variations of a patient's slices, each laid back over the original.

    All slices of the patient are varied alike, as if the head had lain otherwise in the scanner; the same for the
    same seed. What was moved out of the picture counts 0. Raises SettingsError for an elastic strength, which cannot
    be undone.
    """
    if augmentation.elastic:
        raise SettingsError(f"expected a strength without elastic bending, which cannot be undone; got "
                            f"elastic={augmentation.elastic}. Set elastic=0.")
    mean, std = statistics
    normalised = torch.as_tensor((images - mean) / std, dtype=torch.float32).movedim(-1, 1)
    nothing = torch.zeros(len(images), 1, *images.shape[1:3])
    answers = []
    for number in range(count):
        params = sample_params(1, augmentation, seed * 10_007 + number)
        varied, _ = apply(_for_each(params, len(images)), normalised, nothing)
        grey = (varied.movedim(1, -1).numpy() * std + mean).round().clip(0, 255).astype(np.uint8)
        answers.append(undo_affine(params.matrix, predictor.probabilities(grey, statistics)))
    return np.stack(answers)


def undo_affine(matrix: Float[Tensor, "1 2 3"], found: Float[np.ndarray, "n h w"]) -> Float[np.ndarray, "n h w"]:
    """Maps of a varied head, moved back to where the original lies: `matrix` as in `augment.Draw`, inverted."""
    turn, shift = matrix[0, :, :2], matrix[0, :, 2:]
    back = torch.linalg.inv(turn)
    grid = F.affine_grid(torch.cat([back, -back @ shift], 1).expand(len(found), 2, 3),
                         [len(found), 1, *found.shape[1:]], align_corners=False)
    return F.grid_sample(torch.as_tensor(found)[:, None], grid, align_corners=False)[:, 0].numpy()


def _for_each(params: AugmentationParams, slices: int) -> AugmentationParams:
    """One picture's parameters, for all slices alike."""
    values = {field.name: getattr(params, field.name) for field in fields(params)}
    widened: dict[str, Any] = {name: value.expand(slices, *value.shape[1:]) for name, value in values.items()
                               if isinstance(value, Tensor)}
    return replace(params, **widened)
