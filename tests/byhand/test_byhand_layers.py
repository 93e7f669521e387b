"""Pooling, batch norm, activations, concatenation, losses and Adam by hand: counted, and against PyTorch."""

import math

import numpy as np
import pytest
import torch
from byhand_cases import (
    FEW,
    FEWER,
    MANY,
    SEEDS,
    SIDES,
    agree,
    agree_all,
    grid,
    normalised,
    pools,
    predictions,
    torch_twin,
    values,
)
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from unet_lib import byhand
from unet_lib.models.blocks import Concat
from unet_lib.training import losses

# Pooling


def test_pooling_counted_by_hand():
    x = grid([1, 5, 2, 0, 9], [3, 4, 8, 7, 9], [9, 9, 9, 9, 9])
    for max_pool2d in (byhand.max_pool2d, byhand.max_pool2d_loops):
        np.testing.assert_array_equal(max_pool2d(x), grid([5, 8]))
        np.testing.assert_array_equal(max_pool2d(-x, (1, 5)), grid([0], [-3], [-9]))
    np.testing.assert_array_equal(byhand.max_pool2d_backward(grid([10, 20]), x),
                                  grid([0, 10, 0, 0, 0], [0, 0, 20, 0, 0], [0, 0, 0, 0, 0]))


@MANY
@given(pools())
def test_pooling_and_its_gradient_against_torch(case):
    x, window, seed = case
    y, grad_y, (gradient,) = torch_twin(lambda t: F.max_pool2d(t, window), x, seed=seed)
    agree(byhand.max_pool2d(x, window), y)
    agree(byhand.max_pool2d_loops(x, window), y)
    agree(byhand.max_pool2d_backward(grad_y, x, window), gradient)


def test_in_a_tie_the_first_one_wins():
    x = grid([0, 7, 3, 3], [7, 7, 3, 3])
    grad_x = byhand.max_pool2d_backward(grid([1, 2]), x)
    np.testing.assert_array_equal(grad_x, grid([0, 1, 2, 0], [0, 0, 0, 0]))
    tensor = torch.from_numpy(x).requires_grad_()
    F.max_pool2d(tensor, 2).backward(torch.tensor([[[[1.0, 2.0]]]], dtype=torch.float64))
    agree(grad_x, tensor.grad)


# Batch norm

def test_batch_norm_counted_by_hand():
    x = np.stack([grid([1, 3])[0, 0], grid([10, 10])[0, 0]])[None]  # means 2 and 10, variances 1 and 0
    y = byhand.batch_norm2d(x, np.array([4.0, 4.0]), np.array([5.0, 6.0]), eps=3.0)
    np.testing.assert_array_equal(y[0], [[[3, 7]], [[6, 6]]])
    kept = byhand.batch_norm2d(x, np.ones(2), np.zeros(2), np.array([1.0, 8.0]), np.array([4.0, 1.0]), eps=0.0)
    np.testing.assert_array_equal(kept[0], [[[0, 1]], [[2, 2]]])


@MANY
@given(normalised())
def test_batch_norm_and_its_gradients_against_torch(case):
    arrays, eps, seed = case

    def twin(x, gamma, beta):
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)

    y, grad_y, gradients = torch_twin(twin, *arrays, seed=seed)
    agree(byhand.batch_norm2d(*arrays, eps=eps), y)
    agree_all(byhand.batch_norm2d_backward(grad_y, *arrays[:2], eps=eps), gradients)


@MANY
@given(normalised())
def test_batch_norm_with_kept_statistics_against_torch(case):
    arrays, eps, seed = case
    mean, variance = np.random.default_rng([seed, 4]).uniform(0.2, 2, (2, arrays[0].shape[1]))
    x, gamma, beta, running_mean, running_variance = map(torch.from_numpy, (*arrays, mean, variance))
    agree(byhand.batch_norm2d(*arrays, mean, variance, eps),
          F.batch_norm(x, running_mean, running_variance, gamma, beta, eps=eps))


@MANY
@given(normalised())
def test_batch_norm_in_evaluation_and_its_gradients_against_torch(case):
    (x, gamma, beta), eps, seed = case
    mean, variance = np.random.default_rng([seed, 4]).uniform(0.2, 2, (2, x.shape[1]))

    def twin(x, gamma, beta):
        return F.batch_norm(x, torch.from_numpy(mean), torch.from_numpy(variance), gamma, beta, eps=eps)

    _, grad_y, gradients = torch_twin(twin, x, gamma, beta, seed=seed)
    agree_all(byhand.batch_norm2d_backward(grad_y, x, gamma, mean, variance, eps), gradients)


@FEWER
@given(normalised(), st.sampled_from([0.1, 0.5, 1.0]))
def test_running_statistics_against_torch(case, momentum):
    (x, gamma, _), _, seed = case
    mean, variance = np.random.default_rng([seed, 4]).uniform(0.2, 2, (2, len(gamma)))
    norm = torch.nn.BatchNorm2d(len(gamma), momentum=momentum, dtype=torch.float64)
    norm.running_mean, norm.running_var = torch.tensor(mean), torch.tensor(variance)
    norm(torch.from_numpy(x))
    agree_all(byhand.running_statistics(x, mean, variance, momentum), (norm.running_mean, norm.running_var))


def test_gradients_of_batch_norm_neither_shift_nor_stretch():
    rng = np.random.default_rng(5)
    x, grad_y = rng.normal(size=(2, 2, 3, 4, 4))
    grad_x, _, _ = byhand.batch_norm2d_backward(grad_y, x, np.ones(3), eps=0.0)
    np.testing.assert_allclose(grad_x.sum(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose((grad_x * x).sum(axis=(0, 2, 3)), 0, atol=1e-12)


# Activations and the skip connection

def test_activations_counted_by_hand():
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(byhand.relu(x), [0, 0, 3])
    np.testing.assert_array_equal(byhand.relu_backward(np.array([5.0, 6.0, 7.0]), x), [0, 0, 7])
    np.testing.assert_allclose(byhand.sigmoid(np.array([0.0, math.log(3), -math.log(3)])), [0.5, 0.75, 0.25], 1e-15)
    np.testing.assert_array_equal(byhand.sigmoid_backward(np.array([8.0, 16.0]), np.array([0.5, 0.75])), [2, 3])


@MANY
@given(values())
def test_relu_and_its_gradient_against_torch(case):
    x, seed = case
    y, grad_y, (gradient,) = torch_twin(torch.relu, x, seed=seed)
    agree(byhand.relu(x), y)
    agree(byhand.relu_backward(grad_y, x), gradient)


@MANY
@given(values())
def test_sigmoid_and_its_gradient_against_torch(case):
    x, seed = case
    y, grad_y, (gradient,) = torch_twin(torch.sigmoid, x, seed=seed)
    agree(byhand.sigmoid(x), y)
    agree(byhand.sigmoid_backward(grad_y, byhand.sigmoid(x)), gradient)


@pytest.mark.filterwarnings("error")
def test_sigmoid_does_not_overflow():
    np.testing.assert_array_equal(byhand.sigmoid(np.array([-1e4, 1e4])), [0, 1])
    assert byhand.sigmoid(np.array([-700.0]))[0] == math.exp(-700)  # not rounded to 0


@MANY
@given(a=FEW, b=FEW, height=SIDES, width=SIDES, seed=SEEDS)
def test_concat_and_its_gradient_against_torch(a, b, height, width, seed):
    rng = np.random.default_rng(seed)
    skip, x = rng.normal(size=(2, a, height, width)), rng.normal(size=(2, b, height, width))
    y, grad_y, gradients = torch_twin(lambda *t: torch.cat(t, dim=1), skip, x, seed=seed)
    agree(byhand.concat(skip, x), y)
    agree_all(byhand.concat_backward(grad_y, a), gradients)


def test_concat_puts_the_skip_first_as_the_model_does():
    ours = byhand.concat(grid([1]), grid([2]))
    assert ours[0, :, 0, 0].tolist() == [1, 2]
    agree(ours, Concat()(torch.from_numpy(grid([1])), torch.from_numpy(grid([2]))))
    skip, x = byhand.concat_backward(np.arange(3.0).reshape(1, 3, 1, 1), 1)
    assert skip.ravel().tolist() == [0]
    assert x.ravel().tolist() == [1, 2]


# Losses

def test_losses_counted_by_hand():
    logits, mask = grid([0, math.log(3)], [-math.log(3), 0]), grid([1, 1], [0, 0])  # p = ½, ¾, ¼, ½
    assert byhand.bce(logits, mask) == pytest.approx((2 * math.log(2) + 2 * math.log(4 / 3)) / 4)
    np.testing.assert_allclose(byhand.bce_backward(logits, mask), grid([-1 / 8, -1 / 16], [1 / 16, 1 / 8]))
    assert byhand.soft_dice(logits, mask) == pytest.approx(1 - 3.5 / 5)
    assert byhand.soft_dice(logits, mask, smooth=0) == pytest.approx(1 - 2.5 / 4)
    derivatives = np.array([[1 / 4, 3 / 16], [3 / 16, 1 / 4]])
    np.testing.assert_allclose(byhand.soft_dice_backward(logits, mask), np.array([[0.7 - 2] * 2, [0.7] * 2]) / 5
                               * derivatives[None, None])


@MANY
@given(predictions())
def test_bce_and_its_gradient_against_torch(case):
    logits, mask, _ = case
    tensor = torch.from_numpy(logits).requires_grad_()
    loss = F.binary_cross_entropy_with_logits(tensor, torch.from_numpy(mask))
    agree(byhand.bce(logits, mask), loss)
    agree(byhand.bce_backward(logits, mask), torch.autograd.grad(loss, tensor)[0])


@MANY
@given(predictions(), st.sampled_from([1.0, 1e-3, 10.0]))
def test_soft_dice_and_its_gradient_against_torch(case, smooth):
    logits, mask, _ = case
    tensor, reference = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(mask)
    p = torch.sigmoid(tensor)
    loss = 1 - (2 * (p * reference).sum() + smooth) / (p.sum() + reference.sum() + smooth)
    agree(byhand.soft_dice(logits, mask, smooth), loss)
    agree(byhand.soft_dice_backward(logits, mask, smooth), torch.autograd.grad(loss, tensor)[0])


@FEWER
@given(predictions())
def test_the_sum_of_both_losses_against_torch(case):
    logits, mask, _ = case
    tensor, reference = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(mask)
    p = torch.sigmoid(tensor)
    dice = (2 * (p * reference).sum() + 1) / (p.sum() + reference.sum() + 1)
    loss = F.binary_cross_entropy_with_logits(tensor, reference) + 1 - dice
    agree(byhand.bce_dice(logits, mask), loss)
    agree(byhand.bce_dice_backward(logits, mask), torch.autograd.grad(loss, tensor)[0])


@FEWER
@given(predictions())
def test_losses_are_those_that_training_uses(case):
    logits, mask = (array.astype(np.float32) for array in case[:2])
    tensor, reference = torch.from_numpy(logits), torch.from_numpy(mask)
    assert byhand.bce(logits, mask) == pytest.approx(losses.bce_loss(tensor, reference).item(), rel=1e-5, abs=1e-6)
    assert byhand.soft_dice(logits, mask) == pytest.approx(losses.dice_loss(tensor, reference).item(), abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_losses_are_finite_where_the_network_is_sure_and_wrong():
    logits, mask = grid([1e4, -1e4]), grid([0, 1])
    assert byhand.bce(logits, mask) == 1e4
    np.testing.assert_array_equal(byhand.bce_backward(logits, mask), grid([0.5, -0.5]))
    assert byhand.soft_dice(logits, mask) == pytest.approx(1 - 1 / 3)


# Measured

def test_a_measured_gradient_is_that_of_a_polynomial():
    """f = Σ k·x², whose gradient is 2·k·x; a difference quotient of a parabola is exact but for rounding."""
    x, factors = np.array([[1.0, -2.0], [0.5, 0.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    x.flags.writeable = False
    np.testing.assert_allclose(byhand.numerical_gradient(lambda x: (factors * x**2).sum(), x), 2 * factors * x,
                               atol=1e-9)
    np.testing.assert_allclose(byhand.numerical_gradient(np.exp, np.array(0.0), h=0.1), np.sinh(0.1) / 0.1)


# Adam

def test_adam_counted_by_hand():
    """At the first step all that is left of the gradient is its sign: mean/0.1 = g, and √(square/0.001) = |g|."""
    weight, gradient, zero = np.array([1.0, 1.0, 1.0]), np.array([4.0, -0.01, 0.0]), np.zeros(3)
    weight, mean, square = byhand.adam_step(weight, gradient, zero, zero, step=1, rate=0.5, eps=1e-300)
    np.testing.assert_allclose(weight, [0.5, 1.5, 1.0], rtol=1e-14)
    np.testing.assert_allclose(mean, [0.4, -0.001, 0], rtol=1e-14)
    np.testing.assert_allclose(square, [0.016, 1e-7, 0], rtol=1e-14)


@FEWER
@given(SEEDS, st.sampled_from([1e-3, 0.1]), st.sampled_from([(0.9, 0.999), (0.5, 0.9)]), st.integers(1, 12))
def test_adam_against_torch(seed, rate, betas, steps):
    rng = np.random.default_rng(seed)
    weight, mean, square = rng.normal(size=(2, 3)), np.zeros((2, 3)), np.zeros((2, 3))
    theirs = torch.tensor(weight, requires_grad=True)
    adam = torch.optim.Adam([theirs], lr=rate, betas=betas)
    for step in range(1, steps + 1):
        gradient = rng.normal(size=(2, 3)) * 10.0 ** rng.integers(-6, 3)
        theirs.grad = torch.from_numpy(gradient.copy())
        adam.step()
        weight, mean, square = byhand.adam_step(weight, gradient, mean, square, step, rate, *betas)
        agree(weight, theirs)
