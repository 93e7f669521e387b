"""Writes arrays.npz: one phantom slice, and what two small networks of ours make of it. No real patient is in it.

    python -m animations.make_arrays [--data data/phantom]

The slice belongs to a patient whom `phantom-baseline` was not trained on. Maps are kept as whole numbers from −127
to 127, with the value that 127 stands for: a film needs no more.
"""

import argparse
import io
import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from animations.arrays import FILE
from unet_lib import byhand
from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.paths import repository
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.preprocessing import scale_images
from unet_lib.data.slice_files import FLAIR
from unet_lib.inspection.activations import block_names, feature_maps, find_block
from unet_lib.inspection.attribution import ablate_skips, logits_of
from unet_lib.inspection.channel_metrics import roc_auc
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.lessons.exercises.lesson_02 import KERNEL
from unet_lib.models.checkpoint import load_model
from unet_lib.models.unet import UNet
from unet_lib.training.losses import bce_loss

PATIENT, NUMBER, SIZE, PATCH = "TCGA_PH_C000_20000511", 11, 128, 6
MODELS = repository() / "data" / "models"
FAILURES = ("TCGA_PH_C000_20000511", "TCGA_PH_C003_19950623", "TCGA_PH_C005_19980926", "TCGA_PH_C008_20050926",
            "TCGA_PH_D023_19840310", "TCGA_PH_F014_19850302")
"""The phantoms of data/phantom that `phantom-baseline` was tested on."""
WATCHED = ("encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1")


def main() -> None:
    """Compute and write everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=repository() / "data" / "phantom")
    arrays = compute(open_cache(parser.parse_args().data))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with atomic_file(FILE) as file:
        file.write(buffer.getvalue())
    print(f"{FILE}: {len(arrays)} arrays, {len(buffer.getvalue()) / 1e3:.0f} kB")


def compute(cache: SliceCache) -> dict[str, np.ndarray]:
    """All arrays by name; `made` says, as JSON, what they come from."""
    place = cache.slices_of([PATIENT])[NUMBER - 1:NUMBER]
    batch = next(Batches(cache, place, batch=1, size=SIZE).epoch())
    x, mask = batch.images, batch.masks
    small, there = scale_images(cache.images, place, SIZE)[0, FLAIR].numpy(), mask[0, 0].numpy() > 0
    made = {"command": "python -m animations.make_arrays", "data": cache.content, "patient": PATIENT, "slice": NUMBER,
            "weights": ["phantom-baseline", "lgg-steps, batch norms calibrated"]}
    return {"made": np.array(json.dumps(made)), "image": cache.images[place[0]],
            "reference": cache.masks[place[0]] > 0, "small": small, "mask": there, "patch": liveliest(small, there),
            **baseline(x, mask), **series(x, mask), **head(cache), **failures(cache)}


def liveliest(picture: UInt8[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "2"]:
    """Row and column of the window across the tumour's border in which the edge kernel's answers differ in sign
    most evenly; of those alike, the one with most contrast."""
    answers = byhand.conv2d(picture[None, None].astype(float), KERNEL[None, None].astype(float))[0, 0]
    inner = sliding_window_view(answers, (PATCH - 2, PATCH - 2))
    even = np.minimum((inner > 0).sum((2, 3)), (inner < 0).sum((2, 3)))
    fraction = sliding_window_view(mask, (PATCH, PATCH)).mean((2, 3))
    corner = np.maximum(inner[..., :2, -2:], 0)                         # what the clip on pooling turns round
    fit = (fraction > 0.2) & (fraction < 0.8) & (corner != corner[..., ::-1, ::-1]).any((2, 3))
    score = np.where(fit, even + inner.std((2, 3)) / 1e4, -1)
    return np.array(np.unravel_index(score.argmax(), score.shape))


def baseline(x: Float[Tensor, "1 3 s s"], mask: Float[Tensor, "1 1 s s"]) -> dict[str, np.ndarray]:
    """All maps of the shipped network on the way through the U, and the gradients on the way back."""
    network, _ = load_model(MODELS / "phantom-baseline.safetensors")
    seen = {name: value[0].numpy() for name, value in feature_maps(network, x).items()}
    arrays = {**packed("x", x[0].numpy()), "logits": seen.pop("output")[0]}
    arrays |= {f"first {name}": tensor.numpy() for name, tensor in network.encoder["1"].state_dict().items()}
    arrays |= stamps(network, seen)
    steepness = gradients(network, x, mask)
    for name, maps in seen.items():
        order = np.argsort(-maps.std((1, 2)), kind="stable")
        arrays |= packed(f"maps {name}", maps[order])
        if name.startswith(("encoder", "bottleneck", "decoder")):
            arrays |= packed(f"gradient {name}", steepness[name][order])
        if name.startswith("concat"):  # the encoder's maps come first
            arrays |= packed(f"gradient skip.{name[-1]}", steepness[name][:len(maps) // 2])
    for level in range(1, network.config.depth + 1):
        arrays |= packed(f"without skip {level}", without_skips(network, x, [level]))
    return arrays | packed("without skips", without_skips(network, x, range(1, network.config.depth + 1)))


def stamps(network: UNet, seen: Mapping[str, Float[np.ndarray, "c h w"]]) -> dict[str, np.ndarray]:
    """The kernels by which the maps of decoder.3, in the order in which they are kept, make the first one of up.2."""
    maps, (first, *_) = (np.argsort(-seen[name].std((1, 2)), kind="stable") for name in ("decoder.3", "up.2"))
    up = find_block(network, "up.2")
    return {"up.2 kernels": up.weight.detach().numpy()[maps, first], "up.2 bias": up.bias.detach().numpy()[first]}


def without_skips(network: UNet, x: Float[Tensor, "1 3 s s"], levels: Iterable[int]) -> Float[np.ndarray, "s s"]:
    """The trained network's probabilities with zeros through the skips of these levels."""
    with ablate_skips(network, dict.fromkeys(levels, "zeroed")):
        return torch.sigmoid(logits_of(network, x))[0, 0].numpy()


def gradients(network: UNet, x: Float[Tensor, "1 3 s s"],
              mask: Float[Tensor, "1 1 s s"]) -> dict[str, Float[np.ndarray, "c h w"]]:
    """How the loss changes with each value that a stage hands on."""
    seen: dict[str, Tensor] = {}
    with ExitStack() as stack:
        for name in block_names(network):
            stack.enter_context(find_block(network, name).register_forward_hook(
                lambda module, given, output, name=name: seen.update({name: output})))
        loss = bce_loss(network(x), mask)
    return {name: gradient[0].numpy() for name, gradient in
            zip(seen, torch.autograd.grad(loss, list(seen.values())), strict=True)}


def series(x: Float[Tensor, "1 3 s s"], mask: Float[Tensor, "1 1 s s"]) -> dict[str, np.ndarray]:
    """One training on real patients, batch norms calibrated, at every step that was kept: on this slice the loss, the
    probabilities, of each watched stage the channel with the highest ROC AUC after training, and all of decoder.1."""
    networks = load_series(MODELS / "lgg-steps", calibrated=True)
    last = networks.steps[-1]
    trained = feature_maps(networks.at(last), x, WATCHED)
    chosen = {name: int(np.argmax(roc_auc(maps, mask))) for name, maps in trained.items()}
    arrays = {"series steps": np.array(networks.steps), "series channels": np.array(list(chosen.values())),
              "series kernels": networks.at(last).encoder["1"].conv1.weight.detach().numpy()}
    losses = []
    for step in networks.steps:
        seen = feature_maps(networks.at(step), x, [*WATCHED, "output"])
        losses.append(float(bce_loss(seen["output"], mask)))
        arrays |= packed(f"series {step} probability", torch.sigmoid(seen["output"])[0, 0].numpy())
        for name, channel in chosen.items():
            arrays |= packed(f"series {step} {name}", seen[name][0, channel].numpy())
        if step in (0, last):
            arrays |= packed(f"series {step} all decoder.1", seen["decoder.1"][0].numpy())
    return arrays | {"series losses": np.array(losses)}


def head(cache: SliceCache) -> dict[str, np.ndarray]:
    """All FLAIR slices of the patient, from below, the reference masks and what `phantom-baseline` answers."""
    rows = cache.slices_of([PATIENT])
    images, masks, probability = answered(cache, rows)
    return {"head": images, "head masks": masks, **packed("head probability", probability)}


def failures(cache: SliceCache) -> dict[str, np.ndarray]:
    """Slices on which `phantom-baseline` is most wrong: of each tested phantom the one with most false pixels.

    "unsure" is the place of the one whose mask changes most, for its size, between the thresholds 0.1 and 0.9.
    """
    rows = np.array([worst_slice(cache, name) for name in FAILURES])
    images, masks, probability = answered(cache, rows)
    pixels = [(probability >= threshold).sum((1, 2)) for threshold in (0.1, 0.5, 0.9)]
    unsure = np.argmax((pixels[0] - pixels[2]) / pixels[1])
    network, _ = load_model(MODELS / "phantom-baseline.safetensors")
    batch = next(Batches(cache, rows[[unsure]], batch=1, size=SIZE, shuffle=False).epoch())
    return {"failure images": images, "failure masks": masks, **packed("failure probability", probability),
            "unsure": np.array(unsure), "unsure logits": logits_of(network, batch.images)[0, 0].numpy()}


def worst_slice(cache: SliceCache, name: str) -> int:
    """The row of a phantom's slice with most false pixels."""
    rows = cache.slices_of([name])
    _, masks, probability = answered(cache, rows)
    return int(rows[((probability > 0.5) != masks).sum((1, 2)).argmax()])


def answered(cache: SliceCache, rows: Int[np.ndarray, "n"]) -> tuple[UInt8[np.ndarray, "n s s"],
                                                                    Bool[np.ndarray, "n s s"],
                                                                    Float[np.ndarray, "n s s"]]:
    """Some slices: FLAIR, reference masks, and the shipped network's probabilities."""
    network, _ = load_model(MODELS / "phantom-baseline.safetensors")
    batch = next(Batches(cache, rows, batch=len(rows), size=SIZE, shuffle=False).epoch())
    return (scale_images(cache.images, rows, SIZE)[:, FLAIR].numpy(), batch.masks[:, 0].numpy() > 0,
            torch.sigmoid(logits_of(network, batch.images))[:, 0].numpy())


def packed(name: str, values: Float[np.ndarray, "*shape"]) -> dict[str, np.ndarray]:
    """Values as whole numbers from −127 to 127, and what 127 stands for."""
    reach = np.float64(max(np.abs(values).max(), 1e-9))
    return {name: np.round(values / reach * 127).astype(np.int8), f"{name} reach": reach}


if __name__ == "__main__":
    main()
