import base64
import io
import signal
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from IPython.core.events import EventManager, available_events
from PIL import Image
from squares import SMALL, Squares

from unet_lib.core.errors import SettingsError
from unet_lib.models.common import eval_mode, to_mask
from unet_lib.models.registry import build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import fit
from unet_lib.training.losses import bce_loss
from unet_lib.widgets.live_training import LiveTraining, live_training
from unet_lib.widgets.live_training.training_sheet import (
    how_to_go_on,
    own_status,
    plain_row,
    status_line,
    training_sheet,
)

CONFIG = TrainingConfig(epochs=3, learning_rate=0.01, precision="float32")
GREY = np.arange(3 * 32 * 32, dtype=np.uint8).reshape(3, 32, 32)


class Place:
    """What `display` gives back: here it notes what is shown again."""

    def __init__(self):
        self.shown = []

    def update(self, widget):
        self.shown.append(widget._repr_mimebundle_())


@pytest.fixture(autouse=True)
def interruptible():
    """A kernel can always be interrupted; tests that run in the background may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def cell(monkeypatch):
    """As if a notebook's cell were running: the shell whose hook tells that it ends, and where it shows things."""
    shell, place = SimpleNamespace(events=EventManager(None, available_events)), Place()
    monkeypatch.setattr(live_training, "get_ipython", lambda: shell)
    monkeypatch.setattr(live_training, "display", lambda widget, display_id: place)
    return shell, place


def watch():
    return LiveTraining(next(Squares(count=3).epoch()), GREY), build(SMALL, 0)


def unpacked(data):
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(3, 32, 32)


def test_training_is_untouched_by_being_watched():
    live, watched = watch()
    alone = build(SMALL, 0)
    live.follow(fit(watched, Squares(), CONFIG, validation=Squares(seed=1)), watched)
    epoch_results = list(fit(alone, Squares(), CONFIG, validation=Squares(seed=1)))
    assert all((a == b).all() for a, b in zip(watched.state_dict().values(), alone.state_dict().values(), strict=True))
    assert [epoch.loss for epoch in live.epochs] == [epoch.loss for epoch in epoch_results]


def test_the_browser_gets_the_snapshots_numbers_and_the_networks_masks():
    live, model = watch()
    for epoch in fit(model, Squares(), CONFIG, validation=Squares(seed=1)):
        live.update(epoch, model)
    assert live.rows == [epoch.as_row() for epoch in live.epochs] and live.total == 3
    with eval_mode(model):
        assert np.array_equal(unpacked(live.masks), to_mask(model(live.images))[:, 0].numpy())
    assert np.array_equal(unpacked(live.grey), GREY)
    assert np.array_equal(unpacked(live.reference), live.references)


def test_the_untrained_network_is_shown_first():
    live, model = watch()
    with eval_mode(model):
        untrained = to_mask(model(live.images))[:, 0].numpy()
    live.follow([], model)
    assert np.array_equal(unpacked(live.masks), untrained)
    assert live.status == "ended before the first epoch was over" and live.picture() is None


def test_a_stop_keeps_history_and_picture_and_says_how_to_go_on(cell, capsys, tmp_path):
    shell, place = cell
    live, model = watch()

    def interrupted():
        for epoch in fit(model, Squares(), CONFIG, folder=tmp_path):
            yield epoch
            if epoch.epoch == 2:
                signal.raise_signal(signal.SIGINT)

    live.follow(interrupted(), model)
    assert capsys.readouterr().out == (f"Stopped after epoch 2 of 3. The network keeps what it has learnt, and all of "
                                       f"it is saved in {tmp_path}. To go on, call fit again with the same folder "
                                       f"and resume=True.\n")
    assert len(live.epochs) == 2 and not live.running and live.status.endswith("ended here")
    data, metadata = place.shown[-1]
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width == 810
    assert metadata["image/png"]["alt"] == data["text/plain"] == live.describe()
    assert live._end not in shell.events.callbacks["post_run_cell"]


def test_ctrl_c_while_an_epoch_is_drawn_loses_nothing(monkeypatch):
    live, model = watch()
    look = live._look
    monkeypatch.setattr(live, "_look", lambda model: (signal.raise_signal(signal.SIGINT), look(model)))
    epoch = next(fit(model, Squares(), CONFIG))
    with pytest.raises(KeyboardInterrupt):
        live.update(epoch, model)
    assert len(live.epochs) == len(live.rows) == 1 and live.masks


def test_the_view_notices_that_the_cell_ended_early(cell):
    shell, place = cell
    live, model = watch()
    for epoch in fit(model, Squares(), CONFIG):
        live.update(epoch, model)
        break
    assert live.running
    shell.events.trigger("post_run_cell", None)
    assert not live.running and live.status.endswith("ended here") and len(place.shown) == 1
    shell.events.trigger("post_run_cell", None)  # of the next cell
    assert len(place.shown) == 1


def test_numbers_that_are_not_finite_reach_the_browser_as_none():
    epoch = replace(next(fit(build(SMALL, 0), Squares(), CONFIG)), loss=float("nan"))
    assert plain_row(epoch)["loss"] is None
    assert plain_row(epoch)["train_f1"] == epoch.train.dice()


def test_the_status_tells_rate_speed_and_time_left():
    first, second, third = fit(build(SMALL, 0), Squares(), CONFIG)
    assert status_line([first]).startswith("epoch 1 of 3, learning rate 0.01, ")
    assert status_line([first]).endswith(" s left") and status_line([first, second], over=True).endswith("ended here")
    assert status_line([first, second, third]).endswith("images/s, finished")
    assert how_to_go_on([]).endswith("call fit again with the same network.")


def test_the_sheet_shows_the_snapshots_numbers():
    epoch_results = list(fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=2, precision="float32"),
                         validation=Squares(seed=1)))
    masks = np.zeros((3, 32, 32))
    masks[:, 4:9, 4:9] = 1
    sheet = training_sheet([plain_row(epoch) for epoch in epoch_results], [], 2, status_line(epoch_results),
                           np.zeros((3, 32, 32), np.uint8), masks, masks)
    curves, slices = sheet.subfigs
    loss, f1 = curves.axes
    assert [line.get_label() for line in loss.get_lines()] == ["training", "validation"]
    assert loss.get_lines()[0].get_ydata().tolist() == [s.loss for s in epoch_results]
    assert f1.get_lines()[1].get_ydata().tolist() == [s.validation.dice() for s in epoch_results]
    assert len(slices.axes) == 3
    assert curves.get_suptitle() == status_line(epoch_results)


# ---- a loop of the reader's own ---------------------------------------------------------------------------------


def own_loop(live, model, epochs=2, after=lambda epoch, step: None):
    """As in lesson 04: every step calls the wrapped loss, every epoch the score."""
    optimiser, loss_function = torch.optim.Adam(model.parameters(), 0.01), live.loss(bce_loss)
    for epoch in range(1, epochs + 1):
        for step, batch in enumerate(Squares().epoch(epoch)):
            optimiser.zero_grad()
            loss = loss_function(model(batch.images), batch.masks)
            loss.backward()
            optimiser.step()
            after(epoch, step)
        live.score(epoch, loss.item(), 1 / epoch)


def watched_loop(epochs=2, **options):
    live, model = watch()
    with live.watching(model, epochs, len(Squares())):
        own_loop(live, model, epochs, **options)
    return live, model


def test_an_own_loop_is_untouched_by_being_watched():
    live, watched = watched_loop()
    alone, silent = build(SMALL, 0), LiveTraining(next(Squares(count=3).epoch()), GREY)
    silent.loss = lambda function: function
    silent.score = lambda *row: None
    own_loop(silent, alone)
    assert all((a == b).all() for a, b in zip(watched.state_dict().values(), alone.state_dict().values(), strict=True))
    assert [row["validation_f1"] for row in live.rows] == [1, 0.5] and live.status == "finished: 2 epochs"


def test_the_loss_within_an_epoch_reaches_the_browser():
    live, _ = watched_loop()
    looks = [at for at, _ in live.steps]
    assert looks[-1] == 2 and looks == sorted(looks) and len(looks) >= 4
    assert live.steps[-1][1] < live.steps[0][1] and live.picture().width == 810


def test_the_best_epochs_weights_are_kept():
    firsts = []
    live, model = watch()
    with live.watching(model, 2, len(Squares())):
        own_loop(live, model, after=lambda epoch, step: firsts.append(
            {name: value.clone() for name, value in model.state_dict().items()}) if epoch == 1 else None)
    assert all(torch.equal(live.best[name], value) for name, value in firsts[-1].items())
    assert not all(torch.equal(live.best[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("epoch", "step", "rows", "said"), [
    (1, 1, 0, "Stopped within the first epoch. The network keeps"),
    (2, 0, 1, "Stopped after epoch 1. The network keeps what it has learnt, live.rows")])
def test_an_own_loop_stops_between_two_steps(cell, capsys, epoch, step, rows, said):
    """And whoever runs the cell again goes on with the same network."""
    place, done = cell[1], []

    def press(*now):
        done.append(now)
        if now == (epoch, step):
            signal.raise_signal(signal.SIGINT)

    live, model = watched_loop(after=press)
    assert done[-1] == (epoch, step) and live.stopped and not live.running and len(live.rows) == rows
    assert said in capsys.readouterr().out and live.status.startswith("stopped after ") and live.best
    assert len(place.shown) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with live.watching(model, 1, len(Squares())):
        own_loop(live, model, epochs=1)
    assert not live.stopped and len(live.rows) == 1 and len(place.shown) == 2


def test_an_error_in_the_readers_loop_is_theirs_to_see():
    live, model = watch()
    with pytest.raises(ZeroDivisionError), live.watching(model, 2, 4):
        print(1 / 0)
    assert not live.running


def test_loss_and_score_outside_the_with_are_explained():
    live, _ = watch()
    for call in (lambda: live.score(1, 0.5, 0.5), lambda: live.loss(bce_loss)(torch.zeros(1), torch.zeros(1))):
        with pytest.raises(SettingsError, match=r"inside `with live\.watching"):
            call()


def test_a_pair_of_images_and_masks_will_do():
    batch = next(Squares(count=3).epoch())
    live = LiveTraining([batch.images, batch.masks], GREY)
    assert np.array_equal(unpacked(live.reference), batch.masks[:, 0].numpy())


def test_what_an_own_loop_is_told():
    assert own_status(0, 4, 0) == "waiting for the first step"
    assert own_status(1.5, 4, 30) == "epoch 2 of 4, about 50 s left"
    assert own_status(4, 4, 30) == "epoch 4 of 4"
    assert own_status(1.52, 4, 0, "stopped") == "stopped after 1.5 of 4 epochs"
