import pytest
import torch
from torch import nn

from unet_lib.training.ema import MovingAverage


def one_weight(value):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


def test_by_hand():
    """0, then steps to 1, 3 and (after a hundred) 5, at decay 0.5: the bound n / (9 + n) rules at first."""
    model = one_weight(0.0)
    average = MovingAverage(model, 0.5)
    assert model.weight.item() == 0
    average.update(one_weight(1.0))
    first = 0.1 * 0 + 0.9 * 1
    assert model.weight.item() == pytest.approx(first)
    average.update(one_weight(3.0))
    second = 2 / 11 * first + 9 / 11 * 3
    assert model.weight.item() == pytest.approx(second)
    average.n_averaged.fill_(101)
    average.update(one_weight(5.0))
    assert model.weight.item() == pytest.approx(0.5 * second + 0.5 * 5)


def test_running_statistics_are_averaged_and_the_counter_is_copied():
    model, learner = nn.BatchNorm2d(1), nn.BatchNorm2d(1)
    average = MovingAverage(model, 0.9)
    for mean, expected in ((2.0, 0.9 * 2), (7.0, 2 / 11 * 0.9 * 2 + 9 / 11 * 7)):
        learner.running_mean.fill_(mean)
        learner.num_batches_tracked += 1
        average.update(learner)
        assert model.running_mean.item() == pytest.approx(expected)
        assert torch.equal(model.num_batches_tracked, learner.num_batches_tracked)


def test_what_was_saved_goes_on_with_the_same_bits():
    straight, halves, again = one_weight(0.0), one_weight(0.0), one_weight(9.0)
    average, first, second = (MovingAverage(model, 0.5) for model in (straight, halves, again))
    for value in (1.0, 3.0, 0.3):
        average.update(one_weight(value))
    first.update(one_weight(1.0))
    second.load_state_dict(first.state_dict())
    for value in (3.0, 0.3):
        second.update(one_weight(value))
    assert torch.equal(again.weight, straight.weight)
