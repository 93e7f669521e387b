"""The live view in JupyterLab and Chromium: it grows while the cell runs, and its button ends the training."""

import re
from collections.abc import Callable

import pytest
from browser import Lab, Notebook, write_notebook
from repository import HELPERS

SETUP = f"""
import sys; sys.path.insert(0, {str(HELPERS)!r})
import numpy as np
from squares import SMALL, Squares
from repository import HELPERS
from unet_lib.models.registry import build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import fit
from unet_lib.widgets.live_training import LiveTraining
batch = next(Squares(count=3).epoch())
grey = (70 + 60 * batch.images[:, 1]).clip(0, 255).byte().numpy()
CONFIG = dict(learning_rate=0.01, precision="float32")
"""
FOLLOW = """
network, live = build(SMALL, 0), LiveTraining(batch, grey)
live.follow(fit(network, Squares(), TrainingConfig(%d, **CONFIG), validation=Squares(seed=1)), network)
"""
LOOP = """
network, live = build(SMALL, 0), LiveTraining(batch, grey)
try:
    for epoch in fit(network, Squares(), TrainingConfig(5000, **CONFIG)):
        live.update(epoch, network)
except KeyboardInterrupt:
    print("stopped")
"""
OWN = """
import torch
from unet_lib.training.losses import bce_loss
network, live = build(SMALL, 0), LiveTraining(batch, grey)
optimiser = torch.optim.Adam(network.parameters(), 0.01)
with live.watching(network, epochs=5000, batches=len(Squares())):
    loss_function = live.loss(bce_loss)
    for epoch in range(1, 5001):
        for pair in Squares().epoch(epoch):
            optimiser.zero_grad()
            loss = loss_function(network(pair.images), pair.masks)
            loss.backward()
            optimiser.step()
        live.score(epoch, loss.item(), 0.5)
"""
ONE_EPOCH = """
class Endless(Squares):
    def __len__(self):
        return 100_000
    def epoch(self, number=0, start=0):
        for number in range(len(self)):
            yield from super().epoch(number)
network, live = build(SMALL, 0), LiveTraining(batch, grey)
live.follow(fit(network, Endless(), TrainingConfig(3, **CONFIG)), network)
"""
NEXT = "len(live.epochs), live.running, bool(live.epochs and live.epochs[-1].loss < live.epochs[0].loss)"
DOTS = """canvas => {
    const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let blue = 0, orange = 0;
    for (let at = 0; at < dots.length; at += 4) {
        blue += dots[at] === 0x56 && dots[at + 1] === 0xb4 && dots[at + 2] === 0xe9;
        orange += dots[at] === 0xe6 && dots[at + 1] === 0x9f && dots[at + 2] === 0x00;
    }
    return { blue, orange };
}"""


def opened(lab: Lab, notebook: Callable[..., Notebook], name: str, source: str) -> Notebook:
    write_notebook(lab.folder / name, SETUP, source, NEXT)
    return notebook(name)


def start(book: Notebook, epochs: int) -> None:
    """Run all cells, and come back once the view shows so many epochs of the training, which goes on."""
    book.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    book.page.wait_for_function("least => document.querySelector('.gb-live')?.dataset.epochs >= least", arg=epochs,
                                timeout=90_000)


def stop(book: Notebook) -> None:
    """Press the button and wait until the cell after the training has run."""
    book.page.get_by_role("button", name="■ Stop").click()
    last = "jupyterapp.shell.currentWidget.context.model.toJSON().cells.at(-1)"
    book.page.wait_for_function(f"{last}.execution_count && {last}.outputs.length", timeout=30_000)


def text(book: Notebook, cell: int) -> str:
    return "".join("".join(output.get("text", "")) for output in book.cells()[cell]["outputs"])


def answer(book: Notebook) -> tuple[int, bool, bool]:
    return eval(book.cells()[-1]["outputs"][0]["data"]["text/plain"])


@pytest.fixture(scope="module")
def stopped(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    """A training of five thousand epochs, stopped with the button after a few."""
    book = opened(lab, notebook, "live.ipynb", FOLLOW % 5000)
    start(book, 12)
    assert book.page.locator(".gb-live-status").inner_text().endswith(" left")
    stop(book)
    return book


def test_the_button_ends_the_training_and_keeps_everything(stopped):
    epochs, running, learnt = answer(stopped)
    assert 12 <= epochs < 5000 and not running and learnt
    assert stopped.errors() == []
    assert f"Stopped after epoch {epochs} of 5000. The network keeps what it has learnt" in text(stopped, 1)
    page = stopped.page
    assert page.locator(".gb-live-status").inner_text().endswith("ended here")
    assert page.locator(".gb-live").get_attribute("data-epochs") == str(epochs)
    assert page.get_by_role("button", name="■ Stop").get_attribute("aria-disabled") == "true"
    assert stopped.console_errors() == []


def test_the_curves_have_a_point_an_epoch(stopped):
    epochs = answer(stopped)[0]
    for chart in ("loss", "F1"):
        for path in stopped.page.locator(f"[data-chart={chart}] path").all():
            assert len(path.get_attribute("d").split("L")) == epochs
        assert stopped.page.locator(f"[data-chart={chart}] path").count() == 2
        label = stopped.page.locator(f"[data-chart={chart}] svg").get_attribute("aria-label")
        # On a fast machine there were so many epochs that F1 is 1.000.
        assert re.fullmatch(rf"{chart} after epoch {epochs}: training [01]\.\d+, validation [01]\.\d+", label)


def test_the_slices_show_both_masks(stopped):
    canvases = stopped.page.locator(".gb-live canvas").all()
    assert len(canvases) == 3
    for canvas in canvases:
        assert canvas.evaluate(DOTS)["orange"] > 100
        assert "the expert 100, both " in canvas.get_attribute("aria-label")


def test_the_saved_notebook_holds_the_last_picture(stopped):
    output, = (o for o in stopped.cells()[1]["outputs"] if "data" in o)
    assert output["data"]["image/png"] and output["data"]["text/plain"].startswith("Loss and F1 after each epoch, ")
    assert output["metadata"]["image/png"]["alt"] == output["data"]["text/plain"]


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_fits_its_window_in_both_themes(stopped, width, theme):
    page = stopped.page
    page.set_viewport_size({"width": width, "height": 1000})
    stopped.use_theme(theme)
    page.locator(".gb-live").scroll_into_view_if_needed()
    spill = page.locator(".gb-live").evaluate("root => root.scrollWidth - root.clientWidth")
    stopped.screenshot(f"live_training_{width}_{theme.split()[-1].lower()}.png")
    stopped.use_theme("JupyterLab Light")
    assert spill <= 0


def test_the_button_works_in_a_loop_of_the_readers_own(lab, notebook):
    book = opened(lab, notebook, "loop.ipynb", LOOP)
    start(book, 2)
    stop(book)
    epochs, running, _ = answer(book)
    assert 2 <= epochs < 5000 and not running
    assert text(book, 1) == "stopped\n" and book.errors() == []
    assert book.page.locator("[data-chart=F1] path").count() == 1, "there is no validation"
    assert book.console_errors() == []
    book.close()


def test_the_button_ends_an_own_loop_and_the_next_cell_runs(lab, notebook):
    """A loop that was written with PyTorch alone, as in lesson 04: masks and loss move within the epoch."""
    book = opened(lab, notebook, "own.ipynb", OWN)
    start(book, 3)
    page = book.page
    assert " left" in page.locator(".gb-live-status").inner_text()
    stop(book)
    assert answer(book)[1] is False and book.errors() == []
    assert text(book, 1).startswith("Stopped after epoch ")
    assert page.locator(".gb-live-status").inner_text().startswith("stopped after ")
    assert page.locator("[data-chart=loss] path.gb-live-steps").get_attribute("d").count("L") > 3
    assert page.locator("[data-chart=F1] path").count() == 1, "training F1 was not measured"
    assert book.console_errors() == []
    book.screenshot("live_training_own.png", ".gb-live")
    book.close()


def test_it_stops_within_an_epoch(lab, notebook):
    book = opened(lab, notebook, "step.ipynb", ONE_EPOCH)
    start(book, 0)
    book.page.wait_for_timeout(500)
    stop(book)
    assert answer(book) == (0, False, False) and book.errors() == []
    assert text(book, 1).startswith("Stopped within the first epoch. The network keeps what it has learnt.")
    assert book.page.locator(".gb-live-status").inner_text() == "ended before the first epoch was over"
    book.close()


def test_a_training_that_ends_by_itself_says_so(lab, notebook):
    book = opened(lab, notebook, "end.ipynb", FOLLOW % 3)
    book.run_all()
    assert answer(book)[:2] == (3, False)
    book.page.wait_for_selector(".gb-live[data-epochs='3'][data-drawn]")
    assert book.page.locator(".gb-live-status").inner_text().endswith("finished")
    assert book.errors() == [] and text(book, 1) == "" and book.console_errors() == []
    book.screenshot("live_training_end.png", ".gb-live")
    book.close()
