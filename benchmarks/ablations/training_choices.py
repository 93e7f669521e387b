"""What do the choices of lesson 04 do: loss, learning rate, batch size, and four faults in the data?

    python benchmarks/ablations/training_choices.py [--data data/phantom] [--seeds 3] [--threads 1]

The U-Net of lesson 03 (base 8, depth 4, 64×64) learns from the training patients of split_patients(seed=0) with the
loop of lesson 04, `lessons.reference_training`: Adam at 0.01, batches of 8, BCE + Dice loss, slices mirrored at
random. Each setting differs from that in one thing; the two losses are compared at 0.002, too. After each epoch the
mean training loss and the F1 on the validation patients are noted; the test patients are left alone.

The faults: masks moved by an eighth of the slice to the right; masks of other slices of the batch; slices always in
the same order, patient after patient.

Rows (one a run, with a value an epoch) go to data/results/training_choices.json as they are measured; an interrupted
measurement goes on where it stopped.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from unet_lib.core.devices import choose_device
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.data.splits import split_patients
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.lessons.reference_training import SliceDataset, dice_loss, evaluate, train
from unet_lib.lessons.reference_unet import UNet

bce_loss = nn.BCEWithLogitsLoss()
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "BCE": bce_loss, "BCE + Dice loss": lambda logits, masks: bce_loss(logits, masks) + dice_loss(logits, masks)}
FAULTS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda masks: masks, "masks slipped": lambda masks: masks.roll(masks.shape[-1] // 8, -1),
    "masks of other slices": lambda masks: masks.roll(1, 0), "never shuffled": lambda masks: masks}
USUAL: dict[str, Any] = {"loss": "BCE + Dice loss", "rate": 0.01, "batch": 8, "fault": "none"}
CHOICES: list[tuple[str, tuple[Any, ...], int]] = [
    ("loss", tuple(LOSSES), 10), ("loss, rate 0.002", tuple(LOSSES), 10), ("rate", (0.0002, 0.01, 0.2), 4),
    ("batch", (2, 8, 32), 4), ("fault", tuple(FAULTS), 6)]
KEY = ("choice", "value", "seed", "data", "epochs")


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    cache, device = open_cache(args.data), choose_device(args.device)
    done = {tuple(row[key] for key in KEY) for row in read_rows(args.out)}
    for choice, values, epochs in CHOICES:
        for seed in range(args.seeds):
            for value in values:
                row = {"choice": choice, "value": value, "seed": seed, "data": cache.content,
                       "epochs": min(epochs, args.epochs)}
                if tuple(row.values()) not in done:
                    what, _, rate = choice.partition(", rate ")
                    settings = USUAL | {what: value} | ({"rate": float(rate)} if rate else {})
                    row |= measure(cache, device, settings, seed, row["epochs"], args.size)
                    add_row(args.out, {"command": command(args)}, row | provenance(device, "float32"), KEY)
                    print(f"{choice} {value}, seed {seed}: best F1 {max(row['validation_f1']):.3f}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/phantom"))
    parser.add_argument("--out", type=Path, default=Path("data/results/training_choices.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=10, help="at most so many")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    quick = {"epochs": 1, "size": 32, "seeds": 1} if args.quick else {}
    return argparse.Namespace(**vars(args) | quick)


def command(args: argparse.Namespace) -> str:
    return f"python benchmarks/ablations/training_choices.py --seeds {args.seeds}"


def measure(cache: SliceCache, device: torch.device, settings: dict[str, Any], seed: int, epochs: int, size: int
            ) -> dict[str, Any]:
    """Train with these settings; the training loss and the validation F1 of each epoch, and F1 on the slices trained
    on (unmirrored) after the last, with batch norm's running averages and with the batches' own statistics."""
    split = split_patients(cache.names, seed=0)
    torch.manual_seed(seed)
    network = UNet(base=8, depth=4).to(device)
    learnt, held_out = (SliceDataset(*slices(cache, patients, size), flip=flip)
                        for patients, flip in ((split.train, True), (split.validation, False)))
    training = Faulty(learnt, settings["batch"], settings["fault"], device)
    validation = Faulty(held_out, 32, "never shuffled", device)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings["rate"])
    rows: list[tuple[int, float, float]] = []
    train(network, training, validation, LOSSES[settings["loss"]], optimiser, epochs, epochs + 1,
          lambda *row: rows.append(row))
    again = Faulty(SliceDataset(*slices(cache, split.train, size)), 32, "none", device)
    return {"loss": [round(loss, 5) for _, loss, _ in rows], "validation_f1": [round(f1, 4) for *_, f1 in rows],
            "train_f1_evaluation_mode": round(evaluate(network, again), 4),
            "train_f1_training_mode": round(evaluate(AlwaysTraining(network), again), 4)}


class AlwaysTraining(nn.Module):
    """A network whose batch norms use each batch's own statistics, whatever mode is asked for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def train(self, mode: bool = True) -> "AlwaysTraining":
        """Training mode in either case."""
        self.network.train()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        return self.network(images)


def slices(cache: SliceCache, patients: tuple[str, ...], size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and masks as uint8, and every slice's mean and standard deviation, its patient's."""
    chosen = cache.slices_of(patients)
    statistics = torch.as_tensor(cache.statistics[cache.patient_of[chosen]])
    return (scale_images(cache.images, chosen, size), scale_masks(cache.masks, chosen, size)[:, 0],
            statistics[:, 0], statistics[:, 1])


class Faulty:
    """A DataLoader whose masks have a fault."""

    def __init__(self, dataset: SliceDataset, batch: int, fault: str, device: torch.device) -> None:
        self.loader = DataLoader(dataset, batch, shuffle=fault != "never shuffled")
        self.change, self.device = FAULTS[fault], device

    def __iter__(self) -> Any:
        return ((images.to(self.device), self.change(masks).to(self.device)) for images, masks in self.loader)


if __name__ == "__main__":
    main()
