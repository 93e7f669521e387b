"""What is each part of our own U-Net's recipe worth? One change at a time, on real patients.

    python benchmarks/ablations/training_ablation.py --data data/lgg [--seeds 2] [--threads 2] [--device cuda]
                                                     [--only "batch 4" …]

Every network is trained alike but for one thing: the first stage of the recipe `unet-progressive` (64×64) for
`--epochs` epochs, on the training patients of split_patients(seed=0); scored on its validation patients, at full size,
with the weights at the end. The test patients are left alone. A change that makes an epoch longer gets fewer of them,
so that all networks see equally many pixels. Some changes concern only the inference settings; they are measured on
the weights of "baseline".

One patient more or less makes the mean of 13 jump by 0.02 or so, and so does the seed: read the table with both in
mind. Rows go to data/results/training_ablation.json as they are measured; an interrupted run goes on where it stopped.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unet_lib.core.devices import choose_device
from unet_lib.core.provenance import provenance
from unet_lib.data.augmentation import AugmentationConfig
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.preprocessing import channels
from unet_lib.data.splits import Split, split_patients
from unet_lib.evaluation.patients import score_patients, summary
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inference.predictor import Predictor
from unet_lib.models import checkpoint
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.training.experiment import Experiment, ExperimentConfig, prepare
from unet_lib.training.loop import fit
from unet_lib.training.recipes import COARSE

KEY = ("change", "seed", "data", "epochs")
BASELINE = "baseline"


class Unnormalised(SliceCache):
    """A cache without intensity normalisation: grey level / 255, whoever the patient."""

    @property
    def statistics(self) -> np.ndarray:  # type: ignore[override]
        return np.tile(np.array([[0, 0, 0], [255, 255, 255]], np.float32), (len(self.patients), 1, 1))


def training(**settings: Any) -> Callable[[ExperimentConfig], ExperimentConfig]:
    return lambda base: replace(base, training=replace(base.training, **settings))


def network(**settings: Any) -> Callable[[ExperimentConfig], ExperimentConfig]:
    return lambda base: replace(base, network=replace(base.network, **settings))


def augmentation(**settings: float) -> Callable[[ExperimentConfig], ExperimentConfig]:
    return lambda base: replace(base, augmentation=replace(base.augmentation, **settings))


def pixels(fraction: float, **settings: Any) -> Callable[[ExperimentConfig], ExperimentConfig]:
    """Other settings, for this fraction of the epochs, so that equally many pixels are seen."""
    return lambda base: replace(base, training=replace(base.training, epochs=round(base.training.epochs * fraction)),
                                **settings)


def half(base: ExperimentConfig) -> ExperimentConfig:
    """All augmentation half as strong."""
    before = base.augmentation
    weaker = {name: getattr(before, name) / 2 for name in AugmentationConfig.__slots__
              if name not in ("flip", "copy_flair")}
    return replace(base, augmentation=replace(before, **weaker))


TRAININGS: dict[str, Callable[[ExperimentConfig], ExperimentConfig]] = {
    BASELINE: lambda base: base,
    "BCE alone": training(loss="bce"),
    "no augmentation": lambda base: replace(base, augment=False),
    "no batch norm": network(batch_norm=False),
    "no intensity normalisation": lambda base: base,
    "constant learning rate": training(schedule="constant"),
    "no weight averaging (EMA)": training(ema=0.0),
    "all slices without tumour": lambda base: pixels(epoch_fraction(base), negative_fraction=1.0)(base),
    "context slices": lambda base: replace(base, context_slices=1,
                                           network=replace(base.network, in_channels=channels(1))),
    "initial weights from phantoms": lambda base: base,
    "pretrained encoder": lambda base: replace(base, network=EfficientNetUNetConfig(), pretrained=True),
    "same encoder, random initial weights": lambda base: replace(base, network=EfficientNetUNetConfig()),
    "no sequences hidden": augmentation(copy_flair=0.0),
    "no elastic stretching": augmentation(elastic=0.0),
    "augmentation half as strong": half,
    "geometric augmentation only": augmentation(gain=0.0, offset=0.0, gamma=0.0, noise=0.0, copy_flair=0.0,
                                                elastic=0.0),
    "Dice alone": training(loss="dice"),
    "focal + Dice": training(loss="focal_dice"),
    "BCE + Tversky": training(loss="bce_tversky"),
    "batch 4": lambda base: replace(base, batch=4),
    "half as wide": network(base=8),
    "one level less": network(depth=3),
    "128×128": pixels(0.25, size=128),
}
INFERENCE: dict[str, dict[str, Any]] = {
    "no flip TTA": {"flip_tta": False}, "components below 100 voxels removed": {"min_component_size": 100},
    "components below 300 voxels removed": {"min_component_size": 300}, "threshold 0.3": {"threshold": 0.3},
    "threshold 0.7": {"threshold": 0.7}}


def epoch_fraction(base: ExperimentConfig, tumour: float = 0.345) -> float:
    """An epoch's slices with `negative_fraction` as it is, over all slices; `tumour` is the fraction with tumour."""
    return tumour + (1 - tumour) * base.negative_fraction


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    cache, device = open_cache(args.data), choose_device(args.device)
    for seed in range(args.seeds):
        for change in args.only:
            if not any((row["change"], row["seed"], row["epochs"]) == (change, seed, args.epochs)
                       for row in read_rows(args.out)):
                measure(args, cache, device, change, seed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--out", type=Path, default=Path("data/results/training_ablation.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=20, help="of the baseline")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--phantom", type=Path, default=Path("runs/sim_to_real/phantom.safetensors"),
                        help="weights of sim_to_real.py, for `initial weights from phantoms`")
    parser.add_argument("--only", nargs="+", choices=list(TRAININGS), default=list(TRAININGS))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    return parser.parse_args()


def measure(args: argparse.Namespace, cache: SliceCache, device: torch.device, change: str, seed: int) -> None:
    """Train with one change, score, and add the row; with "baseline" also the rows of INFERENCE."""
    if change == "no intensity normalisation":
        cache = Unnormalised(**{name: getattr(cache, name) for name in SliceCache.__dataclass_fields__})
    split = split_patients(cache.names, seed=0)
    config = TRAININGS[change](base_settings(args, seed))
    start = time.perf_counter()
    run = train(config, cache, split, device, args.phantom if change == "initial weights from phantoms" else None)
    seconds = round(time.perf_counter() - start)
    variants = {change: {}, **(INFERENCE if change == BASELINE else {})}
    predictor = Predictor(run.network, {}, config.size, context_slices=config.context_slices, flip_tta=True)
    for name, settings in variants.items():
        found = summary(list(score_patients(replace(predictor, **settings), cache, split.validation)))
        row = {"change": name, "seed": seed, "data": cache.content, "epochs": args.epochs, "seconds": seconds,
               **{key: found[key] for key in ("mean_dice", "median_dice", "pooled_f1")}, **provenance(device)}
        print(f"{name}, seed {seed}: mean Dice {row['mean_dice']}, median {row['median_dice']}, "
              f"pooled F1 {row['pooled_f1']}, {seconds} s", flush=True)
        add_row(args.out, {"command": "python benchmarks/ablations/training_ablation.py",
                           "split": "split_patients(seed=0), scored on its validation patients at 256×256"}, row, KEY)


def base_settings(args: argparse.Namespace, seed: int) -> ExperimentConfig:
    tiny = {"network": replace(COARSE.network, base=2, depth=3), "size": 32} if args.quick else {}
    epochs = 4 if args.quick else args.epochs
    return replace(COARSE, seed=seed, training=replace(COARSE.training, epochs=epochs), **tiny)


def train(config: ExperimentConfig, cache: SliceCache, split: Split, device: torch.device,
          start: Path | None) -> Experiment:
    run = prepare(config, cache, replace(split, validation=()), device)
    if start:
        checkpoint.fill(run.network, checkpoint.load_tensors(start)[0], start)
    for epoch in fit(run.network, run.source, config.training):
        print(f"  epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3f} {epoch.images_per_second:.0f} images/s",
              flush=True)
    return run


if __name__ == "__main__":
    main()
