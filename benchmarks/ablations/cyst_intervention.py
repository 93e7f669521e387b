"""Do networks miss tumours with a dark cyst because of the dark cyst? Phantoms with one, recoloured and asked again.

    python benchmarks/ablations/cyst_intervention.py [--patients 20] [--threads 1]

From phantoms of seed 11 (no network has seen them), the first 20 whose cyst is darker in FLAIR than 0.6 times white
matter and fills at least 200 pixels, and the first 20 without a cyst, all sequences there. Each is asked about as it
is, and once more after each of these changes (`unet_lib.inspection.recolouring`). Intensities are normalised, and batch
norms adapted, as to the unchanged head, so that nothing differs but the edited pixels:

- `cyst bright, FLAIR` and `cyst bright, all sequences`: the cyst's pixels look like those of the solid tumour;
- `cyst dark, FLAIR` and `cyst dark, all sequences`: in tumours without a cyst, the inner 40 % of each slice's tumour
  looks like cerebrospinal fluid;
- `white matter bright, FLAIR`: a control; in patients with a cyst, as many pixels of white matter look like tumour.

`found` is the fraction of the changed pixels that the network calls tumour, before and after; beside it the patient's
Dice (the white matter that was made bright does not become tumour in the reference). Means over patients, and 95 %
intervals of the changes. Rows go to data/results/cyst_intervention.json; what is there is not measured again.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import binary_dilation

from unet_lib.core.metrics import bootstrap, count
from unet_lib.core.provenance import provenance
from unet_lib.data.intensity import channel_histograms, intensity_statistics, normalise
from unet_lib.data.phantom import PatientParameters, Phantom, draw_patient, make_patient
from unet_lib.data.phantom.parameters import TEACHERS
from unet_lib.data.preprocessing import scale_images
from unet_lib.data.slice_files import FLAIR
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.batch_norm_adaptation import adapt_batch_norms
from unet_lib.inference.predictor import ADAPTATION_SLICES, Predictor, load_predictor
from unet_lib.inspection.recolouring import CYST, FLUID, SOLID_TUMOUR, WHITE, compact_part, inner_part, recolour

SEED, DARK, LEAST_PIXELS, INNER = 11, 0.6, 200, 0.4
ALL, DRAWS = (0, 1, 2), 10_000
MODELS = {"phantom-baseline": "phantom-baseline.safetensors", "lgg-steps, step 1600": "lgg-steps/step-1600.safetensors",
          "lgg-best": "lgg-best.safetensors"}
KEY = ("network", "change", "seed", "patients")


@dataclass(frozen=True)
class Change:
    """An edit of one patient: the pixels, what they are to look like, and in which channels."""

    name: str
    where: np.ndarray
    like: np.ndarray
    channels: tuple[int, ...]


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    wanted = [name for name in args.networks if not any(
        row["network"] == name and row["patients"] == args.patients for row in read_rows(args.out))]
    if not wanted:
        return
    patients = [*islice(with_dark_cyst(), args.patients), *islice(without_cyst(), args.patients)]
    for name in wanted:
        predictor = load_predictor(args.models / MODELS[name], "cpu")
        measured: dict[str, list[list[float]]] = {}
        for patient in patients:
            for change, numbers in asked(predictor, patient):
                measured.setdefault(change, []).append(numbers)
        for change, numbers in measured.items():
            write(args, name, change, np.array(numbers))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    parser.add_argument("--networks", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--patients", type=int, default=20, help="with a cyst, and as many without")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("data/results/cyst_intervention.json"))
    parser.add_argument("--quick", action="store_true", help="one patient and the smallest network")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"patients": 1, "networks": ["phantom-baseline"]} if args.quick else {}))


def with_dark_cyst() -> Iterator[Phantom]:
    for patient in phantoms(lambda draws: draws.tumour.cyst > 0 and draws.tumour.cyst_flair < DARK):
        if (patient.labels == CYST).sum() >= LEAST_PIXELS:
            yield patient


def without_cyst() -> Iterator[Phantom]:
    yield from phantoms(lambda draws: not draws.tumour.cyst)


def phantoms(fits: Any) -> Iterator[Phantom]:
    """In order, those whose parameters fit and that lack no sequence; drawn first, as that takes no time."""
    for index in range(len(TEACHERS), 3600):
        draws: PatientParameters = draw_patient(SEED, index)
        if not draws.missing and fits(draws):
            yield make_patient(SEED, index)


def changes(patient: Phantom) -> Iterator[Change]:
    labels, masks = patient.labels, patient.masks > 0
    cyst, solid = labels == CYST, labels == SOLID_TUMOUR
    if cyst.any():
        for words, channels in (("FLAIR", (FLAIR,)), ("all sequences", ALL)):
            yield Change(f"cyst bright, {words}", cyst, solid, channels)
        away = binary_dilation(masks, iterations=8, structure=np.ones((1, 3, 3), bool))
        white = compact_part((labels == WHITE) & ~away, cyst.sum((1, 2)).tolist())
        yield Change("white matter bright, FLAIR", white, solid, (FLAIR,))
    else:
        inside = inner_part(masks & solid, INNER)
        for words, channels in (("FLAIR", (FLAIR,)), ("all sequences", ALL)):
            yield Change(f"cyst dark, {words}", inside, labels == FLUID, channels)


def asked(predictor: Predictor, patient: Phantom) -> Iterator[tuple[str, list[float]]]:
    """Of each change: found before and after, Dice before and after."""
    statistics = intensity_statistics(channel_histograms(patient.images))
    predictor = adapted_once(predictor, patient.images, statistics)
    unchanged = predictor.probabilities(patient.images, statistics)
    before, reference = predictor.masks(unchanged), patient.masks > 0
    for change in changes(patient):
        edited = recolour(patient.images, change.where, change.like, change.channels)
        touched, probabilities = np.flatnonzero(change.where.any((1, 2))), unchanged.copy()
        probabilities[touched] = predictor.probabilities(edited[touched], statistics)
        after = predictor.masks(probabilities)
        yield change.name, [float(before[change.where].mean()), float(after[change.where].mean()),
                            count(before, reference).dice(), count(after, reference).dice()]


def adapted_once(predictor: Predictor, images: np.ndarray, statistics: np.ndarray) -> Predictor:
    """One that no longer adapts its batch norms, as they are adapted to this head, on slices as `Predictor` takes."""
    if not predictor.batch_norm_adaptation:
        return predictor
    number = min(len(images), ADAPTATION_SLICES)
    some = np.linspace(0, len(images) - 1, number).round().astype(int)
    slices = normalise(scale_images(images, some, predictor.size), torch.as_tensor(statistics))
    fraction = predictor.batch_norm_adaptation * number / ADAPTATION_SLICES
    return replace(predictor, model=adapt_batch_norms(predictor.model, slices, fraction), batch_norm_adaptation=0.0)


def write(args: argparse.Namespace, network: str, change: str, numbers: np.ndarray) -> None:
    found, dice = numbers[:, :2], numbers[:, 2:]
    row = {"network": network, "change": change, "seed": SEED, "patients": len(numbers),
           **summary("found", found), **summary("dice", dice), "by_patient": numbers.round(3).tolist(),
           **provenance(torch.device("cpu"))}
    print(f"{network}, {change}: found {row['found']}, change {row['found_change']}; Dice {row['dice']}, change "
          f"{row['dice_change']}", flush=True)
    add_row(args.out, {"command": f"python benchmarks/ablations/cyst_intervention.py --patients {args.patients}",
                       "columns of by_patient": ["found before", "after", "Dice before", "after"]}, row, KEY)


def summary(name: str, pairs: np.ndarray) -> dict[str, list[float]]:
    """Means before and after; the mean change and its 95 % interval over patients."""
    gained = pairs[:, 1] - pairs[:, 0]
    return {name: pairs.mean(axis=0).round(3).tolist(),
            f"{name}_change": np.round([gained.mean(), *bootstrap(gained, np.mean, DRAWS)], 3).tolist()}


if __name__ == "__main__":
    main()
