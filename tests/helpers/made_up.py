"""A small made-up cache for widget tests: noise, so that a wrong pixel cannot hide. And a series of networks."""

from pathlib import Path

import numpy as np
import tifffile
import torch

from unet_lib.core.atomic_io import write_text
from unet_lib.data.cache import PatientInfo, SliceCache
from unet_lib.models.checkpoint import save_model
from unet_lib.models.registry import build

PATIENTS = (PatientInfo("TCGA_CS_0001_19990101", "CS", ()),
            PatientInfo("TCGA_DU_0002_19990101", "DU", ("post-contrast",)),
            PatientInfo("TCGA_DU_A003_19990101", "DU", ()))
NUMBERS = ((1, 2, 3, 4, 5, 6), (1, 2, 3, 4), (1, 2, 5))  # the third patient lacks slices 3 and 4, and any tumour
BLOBS = {(0, 2): 6, (0, 3): 20, (0, 4): 11, (1, 3): 30}  # (patient, number): radius


def made_up_cache() -> SliceCache:
    """Three patients, thirteen slices, always the same."""
    patient_of = np.repeat(np.arange(3), [len(numbers) for numbers in NUMBERS])
    numbers = np.concatenate(NUMBERS)
    images = np.random.default_rng(1).integers(0, 256, (len(numbers), 256, 256, 3), np.uint8)
    images[patient_of == 1, :, :, 2] = images[patient_of == 1, :, :, 1]
    masks = np.stack([_blob(BLOBS.get((p, n), 0)) for p, n in zip(patient_of.tolist(), numbers.tolist(), strict=True)])
    return SliceCache(Path("made-up"), images, masks, patient_of, numbers, PATIENTS,
                      np.zeros((3, 3, 256), int), "made-up")


def _blob(radius: int) -> np.ndarray:
    """A disc with a hole in it, off the middle, so that mirrored or transposed drawing shows."""
    row, column = np.mgrid[:256, :256]
    distance = (row - 90) ** 2 + (column - 160) ** 2
    return ((distance < radius ** 2) & (distance >= (radius / 3) ** 2)).astype(np.uint8)


def write_series(folder: Path, steps: tuple[int, ...] = (0, 10, 40), size: int = 32, **settings: int | str) -> Path:
    """Networks as a training would leave them, each with other weights, and a history; not trained at all.

    They are small UNets, unless `settings` name another `network`. Batch norms have run over noise, so that maps
    differ between evaluation and training.
    """
    for seed, step in enumerate(steps):
        network = build(settings if "network" in settings else {"base": 2, "depth": 2} | settings, seed)
        noise = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))
        network(100 * noise + 120)
        card = {"step": step, "data": {"size": size}, "validation_scores": {"mean_dice": round(0.2 + 0.1 * seed, 1)}}
        save_model(folder / f"step-{step:04}.safetensors", network.half(), card)
    rows = [f"{step},{1.4 / (1 + step / 20):.5f},{step / (step + 30):.5f}" for step in range(10, steps[-1] + 1, 10)]
    write_text(folder / "history.csv", "\n".join(["step,loss,train_f1", *rows, ""]))
    return folder


def write_patient(root: Path, name: str, slices: int = 3, seed: int = 0, missing: tuple[str, ...] = ()) -> Path:
    """A patient in LGG layout: a noisy disc for a head, a bright square for a tumour in all slices but the first."""
    draw = np.random.default_rng([seed, *name.encode()])
    rows, columns = np.mgrid[:256, :256]
    head = (rows - 128) ** 2 + (columns - 128) ** 2 < 90**2
    folder = root / name
    folder.mkdir(parents=True)
    for number in range(1, slices + 1):
        image = (head[..., None] * draw.integers(40, 90, (256, 256, 3))).astype(np.uint8)
        mask = np.zeros((256, 256), np.uint8)
        if number > 1:
            top, left = draw.integers(80, 140, 2)
            mask[top:top + 30, left:left + 24] = 255
            image[mask > 0, 1] += 100
        for channel, sequence in ((0, "pre-contrast"), (2, "post-contrast")):
            if sequence in missing:
                image[..., channel] = image[..., 1]
        tifffile.imwrite(folder / f"{name}_{number}.tif", image)
        tifffile.imwrite(folder / f"{name}_{number}_mask.tif", mask)
    return folder
