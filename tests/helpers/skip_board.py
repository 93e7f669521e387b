"""A skip switchboard on made-up patients."""

import numpy as np
import torch
from made_up import PATIENTS, made_up_cache
from torch import Tensor
from torch.nn import functional as F

from unet_lib.data.intensity import normalise
from unet_lib.data.preprocessing import scale_images
from unet_lib.inference.predictor import Predictor
from unet_lib.models.registry import build
from unet_lib.models.unet import UNet
from unet_lib.widgets.skip_switchboard import SkipSwitchboard

CACHE = made_up_cache()
FIRST, SECOND, THIRD = (patient.name for patient in PATIENTS)
ON, OFF = ["on", "on"], ["zeroed", "zeroed"]


def lively(**settings: int) -> UNet:
    """Not trained, but with an opinion: batch norms have seen noise like CACHE's, and half of it is called tumour."""
    network = build({"base": 2, "depth": 2} | settings, seed=3)
    noise = torch.randn(4, network.config.in_channels, 64, 64, generator=torch.Generator().manual_seed(0))
    noise = 127 + 18 * noise  # made-up slices at a quarter of their size, not normalised
    with torch.no_grad():
        for _ in range(30):
            network(noise)
        logits = network.eval()(noise)
        network.output.weight.div_(logits.std() / 3)
        network.output.bias.sub_(network(noise).median())
    return network


PREDICTOR = Predictor(lively(), {}, 64)
MEASURED = (("all skips", [], 0.7), ("zeroed", [1], 0.1), ("mean", [1], 0.4), ("retrained without", [1], 0.65))
ROWS = [{"how": how, "levels": levels, "seed": seed, "mean_dice": dice + seed / 100, "depth": 2, "base": 2, "size": 64,
         "epochs": 3, "patients": 5} for seed in (2, 0, 1) for how, levels, dice in MEASURED]


def board(**traits: object) -> SkipSwitchboard:
    return SkipSwitchboard(PREDICTOR, CACHE, runs=ROWS, **{"skips": ON} | traits)


def by_hand(index: int, skips: list[str], predictor: Predictor = PREDICTOR) -> np.ndarray:
    """The way through the U written out once more, with something else on the skips."""
    network: UNet = predictor.model

    def image(at: int) -> Tensor:
        statistics = torch.as_tensor(CACHE.statistics[CACHE.patient_of[at]])
        return normalise(scale_images(CACHE.images, np.array([at]), predictor.size), statistics)

    def encoded(x: Tensor) -> tuple[list[Tensor], Tensor]:
        passed = []
        for level in ("1", "2"):
            passed.append(network.encoder[level](x))
            x = network.pool[level](passed[-1])
        return passed, network.bottleneck(x)

    names = CACHE.names
    follower = CACHE.slices_of([names[(CACHE.patient_of[index] + 1) % len(names)]])
    pixels = CACHE.tumour_pixels[follower]
    other = int(follower[pixels.argmax()] if pixels.any() else follower[len(follower) // 2])
    with torch.no_grad():
        skipped, x = encoded(image(index))
        others, _ = encoded(image(other))
        for level in (2, 1):
            own = skipped[level - 1]
            given = {"on": own, "zeroed": 0 * own, "mean": own.mean((2, 3), keepdim=True).expand_as(own),
                     "swapped": others[level - 1]}[skips[level - 1]]
            x = network.decoder[str(level)](torch.cat([given, network.up[str(level)](x)], dim=1))
        logits = F.interpolate(network.output(x), (256, 256), mode="bilinear", align_corners=False)
    return torch.sigmoid(logits)[0, 0].numpy()
