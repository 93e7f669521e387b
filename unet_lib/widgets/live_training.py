"""Watch a training: curves and a few slices' masks, drawn again after every epoch."""

from typing import Any

import torch
from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import nn

from unet_lib import figures
from unet_lib.model import eval_mode, to_mask
from unet_lib.sources import Batch
from unet_lib.train import Snapshot


class LiveTraining:
    """A picture in the notebook that grows with the training.

        live = LiveTraining(batch, flair)
        for epoch in fit(model, batches, config):
            live.update(epoch, model)

    It only looks: training runs the same without it.
    """

    alt = ("Loss and F1 after each epoch, above; below, slices with the network's mask in blue and the "
           "expert's outline in orange.")

    def __init__(self, batch: Batch, flair: UInt8[Any, "n h w"]) -> None:
        """`batch` holds the slices to watch; `flair` their grey levels at the same size, to draw on."""
        self.batch, self.flair = batch, flair
        self.epochs: list[Snapshot] = []
        self._handle: Any = None

    def update(self, epoch: Snapshot, model: nn.Module) -> None:
        """Add an epoch to the curves and show what the network says now."""
        self.epochs.append(epoch)
        with eval_mode(model), torch.no_grad():
            masks = to_mask(model(self.batch.images))[:, 0].cpu().numpy()
        figure = training_sheet(self.epochs, self.flair, masks, self.batch.masks[:, 0].cpu().numpy())
        if self._handle is None:
            self._handle = figures.show(figure, self.alt)
        else:
            figures.show(figure, self.alt, self._handle)


def training_sheet(epochs: list[Snapshot], flair: Any, masks: Any, experts: Any) -> Figure:
    """Curves above, slices with both masks below, and a line that says where the training stands."""
    figure = Figure(figsize=(9, 5.6), dpi=90, layout="constrained")
    curves, slices = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.15))[:, 0]
    loss, f1 = curves.subplots(1, 2)
    figures.draw_curves(loss, _series(epochs, "loss", "validation_loss"), "loss", epochs[-1].epochs)
    figures.draw_curves(f1, _series(epochs, "train_f1", "validation_f1"), "F1", epochs[-1].epochs, (0, 1))
    for axes, image, mask, expert in zip(slices.subplots(1, len(flair)), flair, masks, experts, strict=True):
        figures.draw_slice(axes, image)
        figures.draw_mask(axes, mask, figures.NETWORK)
        figures.draw_mask(axes, expert, figures.EXPERT, tint=0)
    now = epochs[-1]
    left = sum(e.seconds for e in epochs) / len(epochs) * (now.epochs - now.epoch)
    curves.suptitle(f"epoch {now.epoch} of {now.epochs}, {now.images_per_second:.0f} images/s"
                    + (f", about {left:.0f} s left" if left else ", finished"), fontsize=11)
    return figure


def _series(epochs: list[Snapshot], train: str, validation: str) -> dict[str, list[float]]:
    rows = [epoch.as_row() for epoch in epochs]
    named = {"training": train, "validation": validation}
    return {label: [row[key] for row in rows] for label, key in named.items()  # type: ignore[misc]
            if rows[0][key] is not None}
