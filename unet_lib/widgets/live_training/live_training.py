"""Watch a training: curves and a few slices' masks, drawn again after every epoch, and a button that stops it.

While a cell runs, the kernel may have no time for the messages of widgets. So the button does in the browser what ■
in the toolbar does: it interrupts the kernel. `fit` then lets the step in hand finish, saves, and raises
KeyboardInterrupt.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from unet_lib import plotting
from unet_lib.data.protocols import Batch
from unet_lib.models.common import eval_mode, to_mask
from unet_lib.training.loop import EpochResult
from unet_lib.training.runtime import held_interrupt
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet
from unet_lib.widgets.shared.masks import packed


class LiveTraining(GlassBoxWidget):
    """A picture in the notebook that grows with the training, and a button that stops it.

        live = LiveTraining(batch, flair)
        live.follow(fit(model, batches, config), model)
        live.epochs                     # the results so far, also after a stop

    or, in a loop of your own, `live.update(epoch, model)` after each epoch. It only looks: training runs the same
    without it, and a stop keeps all that was learnt and drawn.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    size = traitlets.Tuple((0, 0, 0), help="number, height and width of the watched slices").tag(sync=True)
    grey = traitlets.Bytes(help="grey levels of the watched slices, packed").tag(sync=True)
    reference = traitlets.Bytes(help="the expert's masks as 0 and 1, packed").tag(sync=True)
    masks = traitlets.Bytes(help="the network's masks as 0 and 1, packed; empty before the first look").tag(sync=True)
    rows: traitlets.List[dict] = traitlets.List(help="each epoch's numbers (see `plain_row`)").tag(sync=True)
    total = traitlets.Int(0, help="epochs there will be").tag(sync=True)
    status = traitlets.Unicode("waiting for the first epoch", help="where the training stands").tag(sync=True)
    running = traitlets.Bool(False, help="whether there is something to stop").tag(sync=True)

    def __init__(self, batch: Batch, flair: UInt8[Any, "n h w"]) -> None:
        """`batch` holds the slices to watch; `flair` their grey levels at the same size, to draw on."""
        self.batch, self.flair = batch, np.asarray(flair)
        self.references = batch.masks[:, 0].cpu().numpy()
        self.epochs: list[EpochResult] = []
        self._seen = np.zeros_like(self.references)
        self._shell: Any = None
        self._handle: Any = None
        super().__init__(size=self.flair.shape, grey=packed(self.flair),
                         reference=packed(self.references.astype(np.uint8)))

    def follow(self, epoch_results: Iterable[EpochResult], model: nn.Module) -> None:
        """Run the training to its end, or until it is stopped; show the untrained network first."""
        self._look(model)
        self._begin()
        try:
            for epoch in epoch_results:
                self.update(epoch, model)
        except KeyboardInterrupt:
            print(how_to_go_on(self.epochs))
        finally:
            self._end()

    def update(self, epoch: EpochResult, model: nn.Module) -> None:
        """Add an epoch to the curves and show what the network says now."""
        with held_interrupt() as interrupted, self.hold_sync():
            self.epochs.append(epoch)
            self._look(model)
            self.total, self.rows = epoch.epochs, [*self.rows, plain_row(epoch)]
            self.status = status_line(self.epochs)
            self._begin()
        if interrupted():
            raise KeyboardInterrupt

    def describe(self) -> str:
        """What is drawn, without its numbers, which differ from run to run."""
        return ("Loss and F1 after each epoch, above; below, slices with the network's mask in blue and the "
                "expert's outline in orange.")

    def picture(self) -> Image.Image | None:
        """Curves and slices as they stand; nothing before the first epoch is over."""
        if not self.epochs:
            return None
        canvas = FigureCanvasAgg(training_sheet(self.epochs, self.flair, self._seen, self.references))
        canvas.draw()
        # 256 colours: a third of the size, and notebooks are committed with it.
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(256, dither=Image.Dither.NONE)

    def _look(self, model: nn.Module) -> None:
        with eval_mode(model), torch.no_grad():
            self._seen = to_mask(model(self.batch.images))[:, 0].cpu().numpy()
        self.masks = packed(self._seen.astype(np.uint8))

    def _begin(self) -> None:
        """Appear in the running cell, and notice when that cell ends, however it does."""
        self._shell = get_ipython()
        if self.running or self._shell is None:
            return
        self.running = True
        self._shell.events.register("post_run_cell", self._end)
        self._handle = self._handle or display(self, display_id=True)

    def _end(self, _: object = None) -> None:
        self.status = status_line(self.epochs, over=True)
        if not self.running:
            return
        self.running = False
        self._shell.events.unregister("post_run_cell", self._end)
        self._handle.update(self)  # so that the notebook is saved with the last picture, not with the first


def training_sheet(epochs: list[EpochResult], flair: Any, masks: Any, references: Any) -> Figure:
    """Curves above, slices with both masks below, and a line that says where the training stands."""
    figure = plotting.empty_figure(9, 5.8, layout="constrained")
    curves, slices = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.15))[:, 0]
    loss, f1 = curves.subplots(1, 2)
    plotting.draw_curves(loss, _series(epochs, "loss", "validation_loss"), "loss", epochs[-1].epochs)
    plotting.draw_curves(f1, _series(epochs, "train_f1", "validation_f1"), "F1", epochs[-1].epochs, (0, 1))
    panels = slices.subplots(1, len(flair), squeeze=False)[0]
    for number, (axes, image, mask, reference) in enumerate(zip(panels, flair, masks, references, strict=True), 1):
        plotting.draw_slice(axes, image, f"slice {number}")
        plotting.draw_mask(axes, mask, plotting.NETWORK, "the network's mask")
        plotting.draw_mask(axes, reference, plotting.REFERENCE, "the expert's outline", tint=0)
    slices.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    loss.set_title("loss")
    f1.set_title("F1")
    curves.suptitle(status_line(epochs), fontsize=11)
    return figure


def status_line(epochs: list[EpochResult], over: bool = False) -> str:
    """Epoch, learning rate, speed, and the time left if all epochs take as long as those before."""
    if not epochs:
        return "ended before the first epoch was over" if over else "waiting for the first epoch"
    now = epochs[-1]
    left = sum(e.seconds for e in epochs) / len(epochs) * (now.epochs - now.epoch)
    ending = "finished" if now.epoch == now.epochs else "ended here" if over else f"about {_duration(left)} left"
    return (f"epoch {now.epoch} of {now.epochs}, learning rate {now.learning_rate:.3g}, "
            f"{now.images_per_second:.0f} images/s, {ending}")


def how_to_go_on(epochs: list[EpochResult]) -> str:
    """What a reader who pressed the button needs to know."""
    where = f"after epoch {epochs[-1].epoch} of {epochs[-1].epochs}" if epochs else "within the first epoch"
    folder = epochs[-1].weights.parent if epochs and epochs[-1].weights else None
    saved = f", and all of it is saved in {folder}" if folder else ""
    again = "with the same folder and resume=True" if folder else "with the same network"
    return f"Stopped {where}. The network keeps what it has learnt{saved}. To go on, call fit again {again}."


def plain_row(epoch: EpochResult) -> dict[str, float | None]:
    """The epoch's numbers for the browser, whose JSON knows no infinity: None where a number is not finite."""
    return {key: value if value is not None and math.isfinite(value) else None for key, value in epoch.as_row().items()}


def _series(epochs: list[EpochResult], train: str, validation: str) -> dict[str, list[float]]:
    rows = [epoch.as_row() for epoch in epochs]
    named = {"training": train, "validation": validation}
    return {label: [row[key] for row in rows] for label, key in named.items()  # type: ignore[misc]
            if rows[0][key] is not None}


def _duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
