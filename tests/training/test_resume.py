import dataclasses
import signal

import pytest
import torch
from squares import SMALL, Flat, Squares, stubborn

from unet_lib.core.errors import CheckpointError
from unet_lib.models.checkpoint import load_tensors
from unet_lib.models.registry import build
from unet_lib.training import loop
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import LAST, fit


def settings(epochs, precision="float32"):
    return TrainingConfig(epochs=epochs, learning_rate=0.01, precision=precision)


def assert_equal_bits(one, two):
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_and_two_epochs_are_four(tmp_path, precision, threads):
    whole = build(SMALL, 0)
    straight = list(fit(whole, Squares(), settings(4, precision), validation=Squares(seed=1)))
    list(fit(build(SMALL, 0), Squares(), settings(2, precision), validation=Squares(seed=1), folder=tmp_path))
    resumed = build(SMALL, 99)  # other weights: all must come from the file
    rest = list(fit(resumed, Squares(), settings(4, precision), validation=Squares(seed=1), folder=tmp_path,
                    resume=True))
    assert_equal_bits(whole, resumed)
    assert [s.epoch for s in rest] == [3, 4]
    for a, b in zip(straight[2:], rest, strict=True):
        assert (a.loss, a.train, a.validation, a.validation_loss) == (b.loss, b.train, b.validation, b.validation_loss)


class Interrupting(Squares):
    """Squares during which Ctrl-C is pressed at (epoch, batch) `stop`."""

    def __init__(self, stop):
        super().__init__()
        self.stop = stop

    def epoch(self, number=0, start=0):
        for place, batch in enumerate(super().epoch(number, start), start):
            if (number, place) == self.stop:
                signal.raise_signal(signal.SIGINT)
            yield batch


@pytest.mark.parametrize("stop", [(0, 0), (1, 1), (2, 2)])
def test_ctrl_c_in_the_middle_of_an_epoch_costs_nothing(tmp_path, stop):
    whole = build(SMALL, 0)
    straight = list(fit(whole, Squares(), settings(3)))
    with pytest.raises(KeyboardInterrupt):
        list(fit(build(SMALL, 0), Interrupting(stop), settings(3), folder=tmp_path))
    resumed = build(SMALL, 99)
    rest = list(fit(resumed, Squares(), settings(3), folder=tmp_path, resume=True))
    assert_equal_bits(whole, resumed)
    assert rest[-1].train == straight[-1].train
    assert rest[0].loss == straight[rest[0].epoch - 1].loss


@pytest.mark.parametrize("often", [1, 2])
def test_how_often_the_device_is_asked_changes_no_bit(tmp_path, monkeypatch, often):
    config = TrainingConfig(2, learning_rate=0.01, precision="float32", ema=0.9)
    seldom, asked = build(SMALL, 0), build(SMALL, 0)
    straight = list(fit(seldom, Squares(), config))
    monkeypatch.setattr(loop, "READ_EVERY", often)
    with pytest.raises(KeyboardInterrupt):
        list(fit(asked, Interrupting((1, 1)), config, folder=tmp_path))
    rest, = fit(asked, Squares(), config, folder=tmp_path, resume=True)
    assert_equal_bits(seldom, asked)
    assert (rest.loss, rest.train) == (straight[1].loss, straight[1].train)


def test_the_best_epoch_is_remembered(tmp_path):
    list(fit(build(SMALL, 0), Squares(), settings(3), validation=Squares(seed=1), folder=tmp_path))
    before = (tmp_path / "best.safetensors").read_bytes()
    bad = TrainingConfig(epochs=4, learning_rate=0.01, precision="float32")
    epochs = list(fit(build(SMALL, 0), Squares(), bad, validation=Spoilt(seed=1), folder=tmp_path, resume=True))
    assert epochs[-1].f1 < 0.1
    assert (tmp_path / "best.safetensors").read_bytes() == before


def test_ctrl_c_while_validating_loses_nothing_either(tmp_path):
    class Interrupting(Squares):
        def epoch(self, number=0, start=0):
            signal.raise_signal(signal.SIGINT)
            yield from super().epoch(number, start)

    run = fit(build(SMALL, 0), Squares(), settings(3), validation=Interrupting(seed=1), folder=tmp_path)
    assert next(run).epoch == 1
    with pytest.raises(KeyboardInterrupt):
        next(run)
    rest = list(fit(build(SMALL, 99), Squares(), settings(2), validation=Squares(seed=1), folder=tmp_path, resume=True))
    assert [s.epoch for s in rest] == [2]


class Spoilt(Squares):
    """Masks where nothing is: every score is 0."""

    def epoch(self, number=0, start=0):
        for batch in super().epoch(number, start):
            yield type(batch)(batch.images - 5 * batch.masks, batch.masks)


def test_other_settings_are_refused(tmp_path):
    list(fit(build(SMALL, 0), Squares(), settings(1), folder=tmp_path, card={"data": {"size": 32}}))
    before = (tmp_path / LAST).read_bytes()
    with pytest.raises(CheckpointError, match=r"other settings \(learning_rate: was 0\.01, now 0\.5\)"):
        next(fit(build(SMALL, 0), Squares(), TrainingConfig(2, 0.5, precision="float32"), folder=tmp_path, resume=True,
                 card={"data": {"size": 32}}))
    with pytest.raises(CheckpointError, match="size: was 32, now 64"):
        next(fit(build(SMALL, 0), Squares(), settings(2), folder=tmp_path, resume=True, card={"data": {"size": 64}}))
    with pytest.raises(CheckpointError, match="base: was 4, now 5"):
        next(fit(build({"base": 5, "depth": 2}, 0), Squares(), settings(2), folder=tmp_path, resume=True))
    assert (tmp_path / LAST).read_bytes() == before


def test_a_cosine_run_resumes_to_its_own_length_only(tmp_path):
    def cosine(epochs):
        return TrainingConfig(epochs, learning_rate=0.01, precision="float32", schedule="cosine")

    whole, resumed = build(SMALL, 0), build(SMALL, 0)
    list(fit(whole, Squares(), cosine(4)))
    for epoch in fit(resumed, Squares(), cosine(4), folder=tmp_path):
        if epoch.epoch == 2:
            break
    with pytest.raises(CheckpointError, match="epochs: was 4, now 6"):
        next(fit(build(SMALL, 0), Squares(), cosine(6), folder=tmp_path, resume=True))
    resumed = build(SMALL, 99)
    list(fit(resumed, Squares(), cosine(4), folder=tmp_path, resume=True))
    assert_equal_bits(whole, resumed)


@pytest.mark.parametrize("more", [{"ema": 0.5}, {"schedule": "one_cycle"}, {"clip": 0.1},
                                  {"ema": 0.9, "clip": 0.5, "schedule": "cosine", "patience": 9}],
                         ids=lambda more: "+".join(more))
@pytest.mark.parametrize("stop", [(0, 2), (2, 0)])
def test_every_option_resumes_bit_for_bit(tmp_path, more, stop):
    """Stopped once in an epoch and once between two."""
    config = TrainingConfig(epochs=4, learning_rate=0.01, precision="float32", **more)
    whole, resumed, others = build(SMALL, 0), build(SMALL, 99), Squares(count=4, seed=1)
    straight = list(fit(whole, Squares(), config, validation=others, folder=tmp_path / "straight"))
    with pytest.raises(KeyboardInterrupt):
        list(fit(build(SMALL, 0), Interrupting(stop), config, validation=others, folder=tmp_path))
    for epoch in fit(build(SMALL, 99), Squares(), config, validation=others, folder=tmp_path, resume=True):
        if epoch.epoch == 3:
            break
    rest = list(fit(resumed, Squares(), config, validation=others, folder=tmp_path, resume=True))
    assert_equal_bits(whole, resumed)
    assert (rest[-1].loss, rest[-1].validation_loss) == (straight[-1].loss, straight[-1].validation_loss)
    one, two = (load_tensors(folder / LAST)[0] for folder in (tmp_path / "straight", tmp_path))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_that_patience_ended_stays_ended(tmp_path):
    config = TrainingConfig(epochs=50, patience=3, learning_rate=1e-9, precision="float32")
    for epoch in fit(stubborn(), Squares(), config, validation=Flat(seed=1), folder=tmp_path):
        if epoch.epoch == 2:
            break
    rest = list(fit(build(SMALL, 1), Squares(), config, validation=Flat(seed=1), folder=tmp_path, resume=True))
    assert [s.epoch for s in rest] == [3, 4]
    before = (tmp_path / LAST).read_bytes()
    longer = dataclasses.replace(config, epochs=99)
    for again in (config, longer):
        assert list(fit(build(SMALL, 1), Squares(), again, validation=Flat(), folder=tmp_path, resume=True)) == []
    assert (tmp_path / LAST).read_bytes() == before



def test_nothing_to_resume_from(tmp_path):
    with pytest.raises(CheckpointError, match=r"last\.safetensors: cannot be read"):
        next(fit(build(SMALL, 0), Squares(), settings(1), folder=tmp_path, resume=True))


def test_a_finished_run_resumes_to_nothing(tmp_path):
    list(fit(build(SMALL, 0), Squares(), settings(1), folder=tmp_path))
    assert list(fit(build(SMALL, 0), Squares(), settings(1), folder=tmp_path, resume=True)) == []
