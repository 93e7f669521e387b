import numpy as np
from test_train import SMALL, Squares

from unet_lib import figures
from unet_lib.model import build
from unet_lib.train import TrainConfig, fit
from unet_lib.widgets.live_training import LiveTraining, training_sheet


def test_every_epoch_is_drawn_in_the_same_place_and_training_is_untouched(monkeypatch):
    shown = []

    def show(figure, alt, handle=None):
        shown.append((figure, alt, handle))
        return "place"

    monkeypatch.setattr(figures, "show", show)
    watched, alone = build(SMALL, 0), build(SMALL, 0)
    config = TrainConfig(epochs=3, learning_rate=0.01, precision="float32")
    batch = next(Squares(count=3).epoch())
    live = LiveTraining(batch, np.zeros((3, 32, 32), np.uint8))
    for epoch in fit(watched, Squares(), config, validation=Squares(seed=1)):
        live.update(epoch, watched)
    list(fit(alone, Squares(), config, validation=Squares(seed=1)))
    assert [handle for _, _, handle in shown] == [None, "place", "place"]
    assert all((a == b).all() for a, b in zip(watched.state_dict().values(), alone.state_dict().values(), strict=True))
    assert len(live.epochs) == 3


def test_the_sheet_shows_the_snapshots_numbers():
    snapshots = list(fit(build(SMALL, 0), Squares(), TrainConfig(epochs=2, precision="float32"),
                         validation=Squares(seed=1)))
    masks = np.zeros((3, 32, 32))
    masks[:, 4:9, 4:9] = 1
    sheet = training_sheet(snapshots, np.zeros((3, 32, 32), np.uint8), masks, masks)
    curves, slices = sheet.subfigs
    loss, f1 = curves.axes
    assert [line.get_label() for line in loss.get_lines()] == ["training", "validation"]
    assert loss.get_lines()[0].get_ydata().tolist() == [s.loss for s in snapshots]
    assert f1.get_lines()[1].get_ydata().tolist() == [s.validation.dice() for s in snapshots]
    assert len(slices.axes) == 3
    assert curves.get_suptitle().startswith("epoch 2 of 2") and curves.get_suptitle().endswith("finished")
