import pytest
import torch
from torch import nn

from unet_lib.training.ema import WeightAverage


def one_weight(value):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


def step_to(model, value):
    nn.init.constant_(model.weight, value)


def test_by_hand():
    """0, then steps to 1, 3 and (after a hundred) 5, at decay 0.5: the bound (1 + t) / (10 + t) rules at first."""
    model = one_weight(0.0)
    average = WeightAverage(model, 0.5)
    with average.training():
        for value, steps in ((1.0, 0), (3.0, 1), (5.0, 100)):
            step_to(model, value)
            average.update(steps)
    first = 0.1 * 0 + 0.9 * 1
    second = 2 / 11 * first + 9 / 11 * 3
    assert model.weight.item() == pytest.approx(0.5 * second + 0.5 * 5)
    assert average.aside["weight"].item() == 5.0


def test_the_two_change_places_even_after_an_error():
    model = one_weight(1.0)
    average = WeightAverage(model, 0.9)
    average.load({"weight": torch.full((1, 1), 7.0)})
    with pytest.raises(KeyboardInterrupt), average.training():
        assert model.weight.item() == 7.0
        raise KeyboardInterrupt
    assert (model.weight.item(), average.aside["weight"].item()) == (1.0, 7.0)


def test_without_decay_nothing_is_kept_and_nothing_moves():
    model = one_weight(2.0)
    average = WeightAverage(model, 0.0)
    with average.training():
        step_to(model, 4.0)
        average.update(0)
    assert average.aside == {}
    assert model.weight.item() == 4.0
