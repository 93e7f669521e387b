"""What the tests of the clips' numbers share: a clip's numbers, and the network behind the maps."""

import numpy as np
import torch
from repository import REPOSITORY

from animations.manifest import clip_named

BASELINE = REPOSITORY / "data" / "models" / "phantom-baseline.safetensors"


def numbers(name):
    return clip_named(name).scene.numbers()


def tensor(values):
    return torch.as_tensor(np.asarray(values, float))[None, None]
