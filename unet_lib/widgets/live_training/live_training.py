"""Watch a training: curves and a few slices' masks, drawn again and again, and a button that stops it.

While a cell runs, the kernel may have no time for the messages of widgets. So the button does in the browser what ■
in the toolbar does: it interrupts the kernel. The step in hand is finished, and then KeyboardInterrupt is raised.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch import Tensor, nn

from unet_lib.core.errors import SettingsError
from unet_lib.data.protocols import Batch
from unet_lib.models.common import eval_mode, to_mask
from unet_lib.training.loop import EpochResult
from unet_lib.training.runtime import held_interrupt
from unet_lib.widgets.live_training.training_sheet import (
    Row,
    finite,
    how_to_go_on,
    own_status,
    plain_row,
    status_line,
    training_sheet,
    what_is_kept,
)
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet
from unet_lib.widgets.shared.masks import packed

LOOKS = 8  # an epoch, at a training with `watching`


class LiveTraining(GlassBoxWidget):
    """A picture in the notebook that grows with the training, and a button that stops it.

    With a loop of one's own, which calls the wrapped loss in every step:

        live = LiveTraining(batch, flair)
        with live.watching(network, epochs=10, batches=len(loader)):
            train(network, loader, live.loss(loss_function), report=live.score)
        live.rows, live.best, live.stopped      # the numbers so far and the best weights, also after a stop

    With `fit`: `live.follow(fit(model, batches, config), model)`, or `live.update(epoch, model)` after each epoch. It
    only looks: training runs the same without it, and a stop keeps all that was learnt and drawn.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    size = traitlets.Tuple((0, 0, 0), help="number, height and width of the watched slices").tag(sync=True)
    grey = traitlets.Bytes(help="grey levels of the watched slices, packed").tag(sync=True)
    reference = traitlets.Bytes(help="the expert's masks as 0 and 1, packed").tag(sync=True)
    masks = traitlets.Bytes(help="the network's masks as 0 and 1, packed; empty before the first look").tag(sync=True)
    rows: traitlets.List[dict] = traitlets.List(help="each epoch's numbers (see `training_sheet.Row`)").tag(sync=True)
    steps: traitlets.List = traitlets.List(help="epochs done, with fractions, and the loss since the last look").tag(
        sync=True)
    total = traitlets.Int(0, help="epochs there will be").tag(sync=True)
    status = traitlets.Unicode("waiting for the first epoch", help="where the training stands").tag(sync=True)
    running = traitlets.Bool(False, help="whether there is something to stop").tag(sync=True)

    def __init__(self, batch: Batch | Iterable[Tensor], flair: UInt8[Any, "n h w"]) -> None:
        """`batch` holds the images and masks to watch; `flair` their grey levels at the same size, to draw on."""
        self.images, references = (batch.images, batch.masks) if isinstance(batch, Batch) else batch
        self.flair, self.references = np.asarray(flair), references[:, 0].cpu().numpy()
        self.epochs: list[EpochResult] = []
        self.best: dict[str, Tensor] = {}
        self.stopped = False
        self._network: nn.Module | None = None
        self._interrupted: Callable[[], bool] = lambda: False
        self._since: list[float] = []  # losses since the last look
        self._seen = np.zeros_like(self.references)
        self._shell: Any = None
        self._handle: Any = None
        super().__init__(size=self.flair.shape, grey=packed(self.flair),
                         reference=packed(self.references.astype(np.uint8)))

    # ---- a loop of the reader's own ---------------------------------------------------------------------------------

    @contextmanager
    def watching(self, network: nn.Module, epochs: int, batches: int) -> Iterator[None]:
        """Show what happens to the network inside the `with`; a stop ends the block and is told kindly.

        `batches` are those of an epoch. Whoever enters again goes on with the network as it is, and begins a new curve.
        """
        self._network, self._batches, self._start = network, batches, time.perf_counter()
        self._done, self._since, self._best_f1 = 0, [], -1.0
        self.rows, self.steps, self.total, self.stopped = [], [], epochs, False
        self.best = copy.deepcopy(network.state_dict())
        self._look(network)
        self.status = own_status(0, epochs, 0)
        self._begin()
        try:
            with held_interrupt() as self._interrupted:
                yield
        except KeyboardInterrupt:
            self.stopped = True
            if not self.rows:
                self.best = copy.deepcopy(network.state_dict())
            print(what_is_kept(self.rows))
        finally:
            self._look(network)
            self._end()

    def loss(self, function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        """The same loss function; every few calls, curve and masks are drawn again. Call it once a step."""
        def watched(logits: Tensor, masks: Tensor) -> Tensor:
            if self._network is None:
                raise SettingsError("expected a loss inside `with live.watching(…):`; got one outside.")
            self._leave_if_stopped()
            value = function(logits, masks)
            self._done += 1
            self._since.append(value.item())
            if self._done % max(1, self._batches // LOOKS) == 0:
                self._draw_step()
            return value

        return watched

    def score(self, epoch: int, loss: float, f1: float, train_f1: float | None = None) -> None:
        """Note what came of an epoch, counted from 1, and keep the weights if the validation F1 was never higher."""
        if self._network is None:
            raise SettingsError("expected a score inside `with live.watching(…):`; got one outside.")
        if f1 > self._best_f1:
            self._best_f1, self.best = f1, copy.deepcopy(self._network.state_dict())
        row: Row = {"epoch": epoch, "loss": loss, "validation_f1": f1, "train_f1": train_f1,
                    "validation_loss": None}
        with self.hold_sync():
            self._look(self._network)
            self.rows = [*self.rows, finite(row)]
        self._leave_if_stopped()

    def _draw_step(self) -> None:
        assert self._network is not None
        done = self._done / self._batches
        with self.hold_sync():
            mean = sum(self._since) / len(self._since)
            self.steps = [*self.steps, (round(done, 3), mean if np.isfinite(mean) else None)]
            self.status = own_status(done, self.total, time.perf_counter() - self._start)
            self._look(self._network)
        self._since = []

    def _leave_if_stopped(self) -> None:
        if self._interrupted():
            raise KeyboardInterrupt

    # ---- fit --------------------------------------------------------------------------------------------------------

    def follow(self, epoch_results: Iterable[EpochResult], model: nn.Module) -> None:
        """Run the training to its end, or until it is stopped; show the untrained network first."""
        self._look(model)
        self._begin()
        try:
            for epoch in epoch_results:
                self.update(epoch, model)
        except KeyboardInterrupt:
            self.stopped = True
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

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """What is drawn, without its numbers, which differ from run to run."""
        return ("Loss and F1 after each epoch, above; below, slices with the network's mask in blue and the "
                "expert's outline in orange.")

    def picture(self) -> Image.Image | None:
        """Curves and slices as they stand; nothing before the first epoch is over."""
        if not self.rows:
            return None
        steps = [(at, mean) for at, mean in self.steps if mean is not None]
        title = status_line(self.epochs) if self.epochs else self.status
        # Once a training was stopped, no room for the epochs that did not come.
        total = math.ceil(max(len(self.rows), *(at for at, _ in steps))) if steps and self.stopped else self.total
        sheet = training_sheet(self.rows, steps, total, title, self.flair, self._seen, self.references)
        canvas = FigureCanvasAgg(sheet)
        canvas.draw()
        # 256 colours: a third of the size, and notebooks are committed with it.
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(256, dither=Image.Dither.NONE)

    def _look(self, model: nn.Module) -> None:
        with eval_mode(model), torch.no_grad():
            self._seen = to_mask(model(self.images))[:, 0].cpu().numpy()
        self.masks = packed(self._seen.astype(np.uint8))

    def _begin(self) -> None:
        """Appear in the running cell, and notice when that cell ends, however it does."""
        self._shell = get_ipython()
        if self.running or self._shell is None:
            return
        self.running = True
        self._shell.events.register("post_run_cell", self._end)
        self._handle = display(self, display_id=True)

    def _end(self, _: object = None) -> None:
        if self._network is None:
            self.status = status_line(self.epochs, over=True)
        else:
            done = self._done / self._batches
            self.status = own_status(done, self.total, 0, "stopped" if self.stopped else "finished")
        if not self.running:
            return
        self.running = False
        self._shell.events.unregister("post_run_cell", self._end)
        self._handle.update(self)  # so that the notebook is saved with the last picture, not with the first
