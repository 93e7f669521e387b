"""What the live view says and draws where no widget can live: a row of numbers an epoch, in words and as a figure."""

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unet_lib import plotting
from unet_lib.training.loop import EpochResult

Row = dict[str, Any]
"""An epoch's numbers: `epoch`, `loss`, `train_f1`, `validation_loss` and `validation_f1`; None: not measured."""


def training_sheet(rows: list[Row], steps: list[tuple[float, float]], total: int, status: str, flair: Any, masks: Any,
                   references: Any) -> Figure:
    """Curves above, slices with both masks below, and a line that says where the training stands."""
    figure = plotting.empty_figure(9, 5.8, layout="constrained")
    curves, slices = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.15))[:, 0]
    loss, f1 = curves.subplots(1, 2)
    if steps:
        loss.plot(*zip(*steps, strict=True), color=plotting.PALETTE[0], linewidth=1, label="training, within the epoch")
    _draw(loss, rows, ("loss", "validation_loss"), "loss", total)
    _draw(f1, rows, ("train_f1", "validation_f1"), "F1", total, (0, 1))
    if steps:
        loss.set_xlim(0, total + 0.5)
    panels = slices.subplots(1, len(flair), squeeze=False)[0]
    for number, (axes, image, mask, reference) in enumerate(zip(panels, flair, masks, references, strict=True), 1):
        plotting.draw_slice(axes, image, f"slice {number}")
        plotting.draw_mask(axes, mask, plotting.NETWORK, "the network's mask")
        plotting.draw_mask(axes, reference, plotting.REFERENCE, "the expert's outline", tint=0)
    slices.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    curves.suptitle(status, fontsize=11)
    return figure


def _draw(axes: Axes, rows: list[Row], keys: tuple[str, str], name: str, total: int,
          ylim: tuple[float, float] | None = None) -> None:
    values = {label: [row[key] for row in rows] for label, key in zip(("training", "validation"), keys, strict=True)}
    plotting.draw_curves(axes, {label: row for label, row in values.items() if row and row[0] is not None}, name, total,
                         ylim)
    axes.set_title(name)


def plain_row(epoch: EpochResult) -> Row:
    """The epoch's numbers for the browser."""
    return finite(epoch.as_row())


def finite(row: Row) -> Row:
    """For the browser, whose JSON knows no infinity: None where a number is not finite."""
    return {key: value if value is not None and math.isfinite(value) else None for key, value in row.items()}


def status_line(epochs: list[EpochResult], over: bool = False) -> str:
    """Epoch, learning rate, speed, and the time left if all epochs take as long as those before."""
    if not epochs:
        return "ended before the first epoch was over" if over else "waiting for the first epoch"
    now = epochs[-1]
    left = sum(e.seconds for e in epochs) / len(epochs) * (now.epochs - now.epoch)
    ending = "finished" if now.epoch == now.epochs else "ended here" if over else f"about {duration(left)} left"
    return (f"epoch {now.epoch} of {now.epochs}, learning rate {now.learning_rate:.3g}, "
            f"{now.images_per_second:.0f} images/s, {ending}")


def own_status(done: float, total: int, seconds: float, over: str = "") -> str:
    """The same for a loop of the reader's own; `done` counts epochs and fractions, `over` says how it ended."""
    if over:
        return f"{over} after {done:.1f} of {total} epochs" if done < total else f"{over}: {total} epochs"
    if not done:
        return "waiting for the first step"
    left = f", about {duration(seconds / done * (total - done))} left" if done < total else ""
    return f"epoch {min(math.floor(done) + 1, total)} of {total}{left}"


def how_to_go_on(epochs: list[EpochResult]) -> str:
    """What a reader who pressed the button needs to know."""
    where = f"after epoch {epochs[-1].epoch} of {epochs[-1].epochs}" if epochs else "within the first epoch"
    folder: Path | None = epochs[-1].weights.parent if epochs and epochs[-1].weights else None
    saved = f", and all of it is saved in {folder}" if folder else ""
    again = "with the same folder and resume=True" if folder else "with the same network"
    return f"Stopped {where}. The network keeps what it has learnt{saved}. To go on, call fit again {again}."


def what_is_kept(rows: list[Row]) -> str:
    """The same for a loop of the reader's own."""
    if not rows:
        return ("Stopped within the first epoch. The network keeps what it has learnt, and the cells below run with "
                "it. To go on, run this cell again.")
    return (f"Stopped after epoch {len(rows)}. The network keeps what it has learnt, live.rows the numbers so far, and "
            f"live.best the weights of the best epoch; the cells below run with these. To go on, run this cell again.")


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
