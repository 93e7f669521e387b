"""Stand-ins for a trained network, and a patient's score."""

import numpy as np
import torch

from unet_lib.core.metrics import Counts
from unet_lib.evaluation.patients import PatientScore
from unet_lib.inference.predictor import Predictor


class Brightness(torch.nn.Module):
    """Stands in for a network: the logit is FLAIR's normalised brightness minus 2."""

    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor(-2.0))

    def forward(self, image):
        return image[:, 1:2] + self.shift


class Shifted(Predictor):
    """Stands in for a network that draws the expert's outline some pixels too far to the right."""

    def __init__(self, cache, pixels):
        super().__init__(torch.nn.Identity(), {})
        object.__setattr__(self, "answers", {
            cache.images[cache.slices_of([name])].tobytes(): np.roll(cache.masks[cache.slices_of([name])], pixels, 2)
            for name in cache.names})

    def probabilities(self, images, statistics):
        return self.answers[images.tobytes()].astype(np.float32)


def patient(name="TCGA_CS_0001_19990101", site="CS", missing=(), tumour=1000, hit=800, extra=0, hd95=3.0, unmatched=0):
    counts = Counts(tp=hit, fp=extra, fn=tumour - hit, tn=10**6 - tumour - extra)
    return PatientScore(name, site, missing, 20, 5, counts, hd95, 0.9, unmatched, 7)
