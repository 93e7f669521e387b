"""What torch says of a convolution."""

import numpy as np
import torch
from torch.nn import functional


def by_torch(image, kernel, stride=1, padding=0, padding_mode="zeros", dilation=1, bias=0.0, relu=False):
    """The output as torch computes it, in float64."""
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    kernel = np.asarray(kernel, np.float64)
    kernel = np.stack([kernel] * len(planes)) if kernel.ndim == 2 else kernel
    x = torch.from_numpy(planes.astype(np.float64))[None]
    mode = {"zeros": "constant"}.get(padding_mode, padding_mode)
    x = functional.pad(x, [padding] * 4, mode) if padding else x
    y = functional.conv2d(x, torch.from_numpy(kernel)[None], torch.tensor([bias]).double(), stride, 0, dilation)[0, 0]
    return (y.relu() if relu else y).numpy()
