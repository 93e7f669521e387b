import math
import subprocess
import sys

import jaxtyping
import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from torch.nn import functional as F

from unet_lib import byhand, losses
from unet_lib.byhand import compare
from unet_lib.errors import SettingsError, ShapeError
from unet_lib.model import Concat

MANY = settings(max_examples=200, deadline=None)
FEWER = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 6)
FEW = st.integers(1, 3)


def grid(*rows):
    """One picture with one channel, written as its rows."""
    return np.array(rows, np.float64)[None, None]


def agree(ours, theirs):
    """To 1e-12, in one shape and one dtype; deliberately not byhand.compare, which is under test too."""
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype == np.float64
    assert (np.abs(ours - theirs) <= 1e-12 * np.maximum(1, np.abs(theirs))).all()


def torch_twin(function, *arrays, seed):
    """PyTorch's output for these arrays, a random gradient for it, and what autograd makes of that."""
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    y = function(*tensors)
    grad_y = torch.from_numpy(np.random.default_rng([seed, 1]).normal(size=tuple(y.shape)))
    return y, grad_y.numpy(), torch.autograd.grad(y, tensors, grad_y)


def agree_all(ours, theirs):
    assert len(ours) == len(theirs)
    for mine, his in zip(ours, theirs):
        agree(mine, his)


@pytest.fixture
def as_a_reader(monkeypatch):
    """As in a notebook: nobody checks the shapes in the signatures before our own messages come."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@st.composite
def convolutions(draw):
    """x, weight, bias and settings of a convolution that fits; the largest sides are 9 pixels."""
    kernel, stride = draw(st.tuples(FEW, FEW)), draw(st.tuples(FEW, FEW))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation)]
    size = [side + draw(st.integers(0, 4)) for side in least]
    n, channels, outputs = draw(st.integers(1, 2)), draw(FEW), draw(FEW)
    seed = draw(SEEDS)
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(n, channels, *size)), rng.normal(size=(outputs, channels, *kernel)), rng.normal(
        size=outputs)
    return arrays, {"stride": stride, "padding": padding, "dilation": dilation}, seed


@st.composite
def up_convolutions(draw):
    """x, weight, bias and settings of a transposed convolution that leaves at least one pixel."""
    kernel, stride, size = draw(st.tuples(FEW, FEW)), draw(st.tuples(FEW, FEW)), draw(st.tuples(SIDES, SIDES))
    full = [(side - 1) * s + k for side, s, k in zip(size, stride, kernel)]
    padding = tuple(draw(st.integers(0, min(2, (side - 1) // 2))) for side in full)
    n, channels, outputs = draw(st.integers(1, 2)), draw(FEW), draw(FEW)
    seed = draw(SEEDS)
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(n, channels, *size)), rng.normal(size=(channels, outputs, *kernel)), rng.normal(
        size=outputs)
    return arrays, {"stride": stride, "padding": padding}, seed


@st.composite
def pools(draw):
    """A picture without ties, and a window that fits at least once and often leaves a rest."""
    window = draw(st.tuples(FEW, FEW))
    shape = draw(st.integers(1, 2)), draw(FEW), *(side + draw(st.integers(0, 5)) for side in window)
    seed = draw(SEEDS)
    return np.random.default_rng(seed).permutation(math.prod(shape)).reshape(shape) / 7, window, seed


@st.composite
def normalised(draw):
    """x of at least two values a channel, γ and β; channels of different level and spread."""
    n, channels, height, width = draw(FEW), draw(FEW), draw(SIDES), draw(st.integers(2, 6))
    seed = draw(SEEDS)
    rng = np.random.default_rng(seed)
    level, spread, gamma, beta = rng.uniform(0.5, 3, (4, channels))
    x = level[:, None, None] + spread[:, None, None] * rng.normal(size=(n, channels, height, width))
    return (x, gamma, beta), draw(st.sampled_from([1e-5, 1e-3, 0.1])), seed


@st.composite
def values(draw, scale=4.0):
    """Numbers of either sign, from small to so large that a careless sigmoid overflows."""
    shape = draw(st.integers(1, 2)), 1, draw(SIDES), draw(SIDES)
    seed = draw(SEEDS)
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * draw(st.sampled_from([0.1, scale, 300.0])), seed


@st.composite
def predictions(draw):
    """Logits and a mask with anything from no tumour to nothing else."""
    logits, seed = draw(values())
    share = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    return logits, (np.random.default_rng([seed, 2]).random(logits.shape) < share).astype(np.float64), seed


# Sizes and windows

@pytest.mark.parametrize(("arguments", "size"), [
    ((256, 3, 1, 1), 256), ((572, 3), 570), ((7, 3, 2), 3), ((8, 3, 2), 3), ((5, 3, 1, 0, 2), 1), ((4, 2, 2), 2)])
def test_output_size_counted_by_hand(arguments, size):
    assert byhand.output_size(*arguments) == size


@MANY
@given(size=SIDES, kernel=FEW, stride=FEW, padding=st.integers(0, 2), dilation=FEW)
def test_output_size_counts_the_places_of_the_window(size, kernel, stride, padding, dilation):
    span = dilation * (kernel - 1) + 1
    places = [left for left in range(0, size + 2 * padding, stride) if left + span <= size + 2 * padding]
    if places:
        assert byhand.output_size(size, kernel, stride, padding, dilation) == len(places)
    else:
        with pytest.raises(ShapeError, match=rf"spans {span} \(kernel {kernel}, dilation {dilation}\)\. Pad more"):
            byhand.output_size(size, kernel, stride, padding, dilation)


@pytest.mark.parametrize(("arguments", "size"), [((8, 2), 16), ((3, 3, 2), 7), ((3, 3, 2, 1), 5), ((1, 3, 5, 1), 1)])
def test_transposed_output_size_counted_by_hand(arguments, size):
    assert byhand.transposed_output_size(*arguments) == size


def test_a_padding_that_cuts_everything_away_is_explained():
    with pytest.raises(ShapeError, match="at least one pixel of 2; got padding 1, which cuts 2 away. Take at most 0"):
        byhand.transposed_output_size(1, 2, padding=1)


def test_windows_are_a_view_of_the_patches():
    x = grid([1, 2, 3], [4, 5, 6], [7, 8, 9])
    patches = byhand.windows(x, 2)
    assert patches.shape == (1, 1, 2, 2, 2, 2)
    np.testing.assert_array_equal(patches[0, 0, 1, 0], [[4, 5], [7, 8]])
    np.testing.assert_array_equal(byhand.windows(x, 2, dilation=2)[0, 0, 0, 0], [[1, 3], [7, 9]])
    assert np.shares_memory(patches, x)
    assert not patches.flags.writeable


def test_scatter_counts_how_often_a_pixel_is_seen():
    seen = byhand.scatter(np.ones((1, 1, 2, 2, 2, 2)), (3, 3))
    np.testing.assert_array_equal(seen, grid([1, 2, 1], [2, 4, 2], [1, 2, 1]))


def test_im2col_has_a_row_for_each_window_of_all_pictures():
    x = np.arange(2 * 2 * 3 * 3.0).reshape(2, 2, 3, 3)
    rows = byhand.im2col(x, 2)
    assert rows.shape == (8, 8)
    np.testing.assert_array_equal(rows[0], [0, 1, 3, 4, 9, 10, 12, 13])   # channel 0, then channel 1
    np.testing.assert_array_equal(rows[5], [19, 20, 22, 23, 28, 29, 31, 32])
    assert not byhand.im2col(x, 3, padding=1)[0, :3].any()


@FEWER
@given(convolutions())
def test_im2col_makes_convolution_one_product_of_matrices(case):
    (x, weight, bias), how, _ = case
    rows = byhand.im2col(x, weight.shape[2:], **how) @ weight.reshape(len(weight), -1).T + bias
    y = F.conv2d(*map(torch.from_numpy, (x, weight, bias)), **how)
    agree(np.moveaxis(rows.reshape(*np.moveaxis(y.numpy(), 1, -1).shape), -1, 1), y)


def test_crop_undoes_pad():
    x = grid([1, 2], [3, 4])
    np.testing.assert_array_equal(byhand.pad(x, (1, 0)), grid([0, 0], [1, 2], [3, 4], [0, 0]))
    np.testing.assert_array_equal(byhand.crop(byhand.pad(x, (1, 2)), (1, 2)), x)
    np.testing.assert_array_equal(byhand.crop(x, 0), x)


# Convolution

def test_convolution_counted_by_hand():
    x = grid([1, 2, 0], [0, 1, 3], [2, 0, 1])
    weight = grid([1, 0], [0, -1])
    for conv2d in (byhand.conv2d, byhand.conv2d_loops):
        np.testing.assert_array_equal(conv2d(x, weight, np.array([10.0])), grid([10, 9], [10, 10]))
        np.testing.assert_array_equal(conv2d(x, weight, stride=2), grid([0]))
        np.testing.assert_array_equal(conv2d(x, weight, dilation=2), grid([0]))
        np.testing.assert_array_equal(conv2d(x, weight, padding=1)[0, 0, 0], [-1, -2, 0, 0])


def test_convolution_backward_counted_by_hand():
    x, weight = grid([1, 2, 3]), grid([4, 5])
    grad_x, grad_weight, grad_bias = byhand.conv2d_backward(grid([10, 1]), x, weight)
    np.testing.assert_array_equal(grad_x, grid([40, 50 + 4, 5]))
    np.testing.assert_array_equal(grad_weight, grid([10 * 1 + 2, 10 * 2 + 3]))
    np.testing.assert_array_equal(grad_bias, [11])


@MANY
@given(convolutions())
def test_convolution_and_its_gradients_against_torch(case):
    (x, weight, bias), how, seed = case
    y, grad_y, gradients = torch_twin(lambda *t: F.conv2d(*t, **how), x, weight, bias, seed=seed)
    agree(byhand.conv2d(x, weight, bias, **how), y)
    agree_all(byhand.conv2d_backward(grad_y, x, weight, **how), gradients)


@FEWER
@given(convolutions())
def test_convolution_in_loops_against_torch(case):
    (x, weight, bias), how, _ = case
    tensors = [torch.from_numpy(array) for array in (x, weight, bias)]
    agree(byhand.conv2d_loops(x, weight, bias, **how), F.conv2d(*tensors, **how))
    agree(byhand.conv2d_loops(x, weight, **how), F.conv2d(*tensors[:2], **how))


@FEWER
@given(convolutions())
def test_the_backward_pass_is_the_adjoint(case):
    """⟨conv(x), g⟩ = ⟨x, back(g)⟩ and = ⟨weight, back(g)⟩, since convolution is linear in each."""
    (x, weight, _), how, seed = case
    y = byhand.conv2d(x, weight, **how)
    g = np.random.default_rng([seed, 3]).normal(size=y.shape)
    grad_x, grad_weight, _ = byhand.conv2d_backward(g, x, weight, **how)
    assert (grad_x * x).sum() == pytest.approx((y * g).sum(), rel=1e-10, abs=1e-10)
    assert (grad_weight * weight).sum() == pytest.approx((y * g).sum(), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("one", [{"stride": 2}, {"padding": 1}, {"dilation": 2}], ids=str)
def test_one_number_means_both_directions(one):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(1, 2, 7, 6)), rng.normal(size=(3, 2, 3, 3))
    both = {name: (value, value) for name, value in one.items()}
    for conv2d in (byhand.conv2d, byhand.conv2d_loops):
        np.testing.assert_array_equal(conv2d(x, weight, **one), conv2d(x, weight, **both))


# As a matrix

def test_the_matrix_of_a_convolution_is_toeplitz():
    kernel = np.array([[[[1.0, 2, 3]]]])
    by_hand = [[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]]
    np.testing.assert_array_equal(byhand.matrix_of(lambda x: byhand.conv2d(x, kernel), (1, 1, 1, 5)), by_hand)


def test_the_matrix_of_an_operation_gives_what_the_operation_gives():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(1, 2, 5, 4)), rng.normal(size=(3, 2, 3, 3))

    def convolve(x):
        return F.conv2d(torch.from_numpy(x), torch.from_numpy(weight), stride=2, padding=1).numpy()

    matrix = byhand.matrix_of(convolve, x.shape)
    assert matrix.shape == (3 * 3 * 2, 2 * 5 * 4)
    np.testing.assert_allclose(matrix @ x.ravel(), convolve(x).ravel(), rtol=0, atol=1e-12)


def test_the_transposed_convolution_has_the_transposed_matrix():
    weight = np.random.default_rng(0).normal(size=(3, 2, 2, 2))
    down = byhand.matrix_of(lambda x: byhand.conv2d(x, weight, stride=2), (1, 2, 6, 4))
    up = byhand.matrix_of(lambda y: byhand.conv_transpose2d(y, weight, stride=2), (1, 3, 3, 2))
    np.testing.assert_array_equal(up, down.T)


def test_what_has_a_bias_has_no_matrix():
    with pytest.raises(SettingsError, match="expected a linear operation.*Leave out the bias"):
        byhand.matrix_of(lambda x: byhand.conv2d(x, np.ones((1, 1, 1, 1)), np.ones(1)), (1, 1, 2, 2))


# Transposed convolution

def test_transposed_convolution_counted_by_hand():
    x, weight = grid([1, 2], [0, -1]), grid([1, 3], [0, 2])
    side_by_side = grid([1, 3, 2, 6], [0, 2, 0, 4], [0, 0, -1, -3], [0, 0, 0, -2])
    for conv_transpose2d in (byhand.conv_transpose2d, byhand.conv_transpose2d_loops):
        np.testing.assert_array_equal(conv_transpose2d(x, weight), side_by_side)
        np.testing.assert_array_equal(conv_transpose2d(x, weight, np.array([5.0]), padding=1), grid([7, 5], [5, 4]))
        np.testing.assert_array_equal(conv_transpose2d(x, weight, stride=1), grid([1, 5, 6], [0, 1, 1], [0, 0, -2]))


def test_transposed_convolution_backward_counted_by_hand():
    grad_x, grad_weight, grad_bias = byhand.conv_transpose2d_backward(grid([1, 2, 3, 4]), grid([5, 6]), grid([7, 8]))
    np.testing.assert_array_equal(grad_x, grid([1 * 7 + 2 * 8, 3 * 7 + 4 * 8]))
    np.testing.assert_array_equal(grad_weight, grid([5 * 1 + 6 * 3, 5 * 2 + 6 * 4]))
    np.testing.assert_array_equal(grad_bias, [10])


@MANY
@given(up_convolutions())
def test_transposed_convolution_and_its_gradients_against_torch(case):
    (x, weight, bias), how, seed = case
    y, grad_y, gradients = torch_twin(lambda *t: F.conv_transpose2d(*t, **how), x, weight, bias, seed=seed)
    agree(byhand.conv_transpose2d(x, weight, bias, **how), y)
    agree_all(byhand.conv_transpose2d_backward(grad_y, x, weight, **how), gradients)


@FEWER
@given(up_convolutions())
def test_transposed_convolution_in_loops_against_torch(case):
    (x, weight, bias), how, _ = case
    tensors = [torch.from_numpy(array) for array in (x, weight, bias)]
    agree(byhand.conv_transpose2d_loops(x, weight, bias, **how), F.conv_transpose2d(*tensors, **how))
    agree(byhand.conv_transpose2d_loops(x, weight, **how), F.conv_transpose2d(*tensors[:2], **how))


@FEWER
@given(up_convolutions())
def test_transposed_convolution_is_a_convolution_backwards(case):
    (x, weight, _), how, _ = case
    y = byhand.conv_transpose2d(x, weight, **how)
    grad_x, _, _ = byhand.conv2d_backward(x, np.zeros_like(y), weight, **how)
    np.testing.assert_allclose(y, grad_x, rtol=0, atol=1e-12)


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
    slopes = np.array([[1 / 4, 3 / 16], [3 / 16, 1 / 4]])
    np.testing.assert_allclose(byhand.soft_dice_backward(logits, mask), np.array([[0.7 - 2] * 2, [0.7] * 2]) / 5
                               * slopes[None, None])


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
    tensor, expert = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(mask)
    p = torch.sigmoid(tensor)
    loss = 1 - (2 * (p * expert).sum() + smooth) / (p.sum() + expert.sum() + smooth)
    agree(byhand.soft_dice(logits, mask, smooth), loss)
    agree(byhand.soft_dice_backward(logits, mask, smooth), torch.autograd.grad(loss, tensor)[0])


@FEWER
@given(predictions())
def test_losses_are_those_that_training_uses(case):
    logits, mask = (array.astype(np.float32) for array in case[:2])
    tensor, expert = torch.from_numpy(logits), torch.from_numpy(mask)
    assert byhand.bce(logits, mask) == pytest.approx(losses.bce_loss(tensor, expert).item(), rel=1e-5, abs=1e-6)
    assert byhand.soft_dice(logits, mask) == pytest.approx(losses.dice_loss(tensor, expert).item(), abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_losses_are_finite_where_the_network_is_sure_and_wrong():
    logits, mask = grid([1e4, -1e4]), grid([0, 1])
    assert byhand.bce(logits, mask) == 1e4
    np.testing.assert_array_equal(byhand.bce_backward(logits, mask), grid([0.5, -0.5]))
    assert byhand.soft_dice(logits, mask) == pytest.approx(1 - 1 / 3)


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


# What they have in common

def everything(dtype):
    """Each function once, on arrays of one dtype."""
    rng = np.random.default_rng(0)
    x, g, skip = (rng.normal(size=(2, 3, 4, 4)).astype(dtype) for _ in range(3))
    w = rng.normal(size=(3, 3, 3, 3)).astype(dtype)
    b = rng.normal(size=3).astype(dtype)
    half, double, mask = x[:, :, ::2, ::2], np.repeat(np.repeat(x, 2, 2), 2, 3), (g > 0).astype(dtype)
    two = w[:, :, :2, :2]
    return {
        "pad": byhand.pad(x, 1), "windows": byhand.windows(x, 3),
        "im2col": byhand.im2col(x, 3), "scatter": byhand.scatter(byhand.windows(x, 3), (4, 4)),
        "conv2d": byhand.conv2d(x, w, b, padding=1), "conv2d_loops": byhand.conv2d_loops(x, w, b, padding=1),
        "conv2d_backward": byhand.conv2d_backward(g, x, w, padding=1),
        "conv_transpose2d": byhand.conv_transpose2d(x, two, b),
        "conv_transpose2d_loops": byhand.conv_transpose2d_loops(x, two, b),
        "conv_transpose2d_backward": byhand.conv_transpose2d_backward(double, x, two),
        "max_pool2d": byhand.max_pool2d(x), "max_pool2d_loops": byhand.max_pool2d_loops(x),
        "max_pool2d_backward": byhand.max_pool2d_backward(half, x),
        "batch_norm2d": byhand.batch_norm2d(x, b, b), "kept": byhand.batch_norm2d(x, b, b, b, b**2),
        "batch_norm2d_backward": byhand.batch_norm2d_backward(g, x, b),
        "kept, backward": byhand.batch_norm2d_backward(g, x, b, b, b**2),
        "running_statistics": byhand.running_statistics(x, b, b**2),
        "relu": byhand.relu(x), "relu_backward": byhand.relu_backward(g, x),
        "sigmoid": byhand.sigmoid(x), "sigmoid_backward": byhand.sigmoid_backward(g, x),
        "concat": byhand.concat(skip, x), "concat_backward": byhand.concat_backward(g, 1),
        "bce": byhand.bce(x, mask), "bce_backward": byhand.bce_backward(x, mask),
        "soft_dice": byhand.soft_dice(x, mask), "soft_dice_backward": byhand.soft_dice_backward(x, mask),
        "adam_step": byhand.adam_step(x, g, x, x**2, 3)}


def test_float32_stays_float32_and_is_the_same_but_for_rounding():
    single, double = everything(np.float32), everything(np.float64)
    for name, result in single.items():
        results = result if isinstance(result, tuple) else (result,)
        references = double[name] if isinstance(result, tuple) else (double[name],)
        for mine, reference in zip(results, references):
            assert mine.dtype == np.float32, name
            np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4, err_msg=name)


def test_inputs_are_left_as_they_were():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(1, 2, 4, 4)), rng.normal(size=(2, 2, 1, 1)), rng.normal(size=2)
    for array in (x, w, b):
        array.flags.writeable = False  # an attempt to write raises
    for conv2d in (byhand.conv2d, byhand.conv2d_loops, byhand.conv_transpose2d, byhand.conv_transpose2d_loops):
        conv2d(x, w, b, stride=1)
    byhand.conv2d_backward(x, x, w)
    byhand.conv_transpose2d_backward(x, x, w, stride=1)
    byhand.max_pool2d_backward(x, x, 1)
    byhand.batch_norm2d_backward(x, byhand.batch_norm2d(x, b, b), b)
    byhand.relu_backward(byhand.relu(x), x)
    byhand.soft_dice_backward(x, x)
    byhand.adam_step(x, x, x, x**2, 1)
    byhand.running_statistics(x, b, b)


def test_importing_needs_no_torch():
    code = "import sys, unet_lib.byhand; print([m for m in ('torch', 'matplotlib', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_table_of_contents_is_complete():
    for name in byhand.__all__:
        assert name in byhand.__doc__, name
        assert getattr(byhand, name).__doc__, name


X, W = np.ones((1, 3, 8, 8)), np.ones((4, 3, 3, 3))


@pytest.mark.usefixtures("as_a_reader")
@pytest.mark.parametrize(("call", "message"), [
    (lambda: byhand.conv2d(X[0], W),
     r"expected x with 4 axes .*got shape \(3, 8, 8\)\. Add a batch axis: x\[None\]\."),
    (lambda: byhand.conv2d(X[0, 0], W), r"Add what is missing in front: x\[None, None\]"),
    (lambda: byhand.conv2d(X[None], W), r"got shape \(1, 1, 3, 8, 8\)\. Take one out of the first axis: x\[0\]"),
    (lambda: byhand.conv2d(X, W[0, 0]), r"expected weight with 4 axes .*weight\[None, None\]"),
    (lambda: byhand.conv2d(X[:, :2], W), r"for x's 2 channels.*got weight.shape \(4, 3, 3, 3\).*one layer per"),
    (lambda: byhand.conv2d_loops(X[:, :2], W), "for x's 2 channels"),
    (lambda: byhand.conv2d(X, W, np.ones(3)), r"expected bias of shape \(4,\), one number for each output channel"),
    (lambda: byhand.conv2d(X, W, dilation=4), r"8 pixels with its padding; got one that spans 9 .*Pad more"),
    (lambda: byhand.conv2d(X, W, stride=0), "expected stride to be a whole number of at least 1; got 0"),
    (lambda: byhand.conv2d(X, W, padding=-1), "expected padding to be a whole number of at least 0; got -1"),
    (lambda: byhand.conv2d(X, W, dilation=1.5), "expected dilation to be a whole number of at least 1; got 1.5"),
    (lambda: byhand.conv2d(X, W, stride=(1, 2, 3)), r"expected stride to be one number or \(height, width\)"),
    (lambda: byhand.conv2d_backward(X, X, W), r"expected grad_y of shape \(1, 4, 6, 6\), that of the output; got"),
    (lambda: byhand.conv_transpose2d(X, W), r"\[3, out, height, width\]; got .*weight.swapaxes\(0, 1\)"),
    (lambda: byhand.conv_transpose2d(X, W.swapaxes(0, 1), np.ones(3)), r"expected bias of shape \(4,\)"),
    (lambda: byhand.conv_transpose2d(X[:, :, :1, :1], W.swapaxes(0, 1), padding=2), "of 3; got padding 2.*at most 1"),
    (lambda: byhand.conv_transpose2d_backward(X, X, W.swapaxes(0, 1), padding=1),
     r"expected grad_y of shape \(1, 4, 15, 15\)"),
    (lambda: byhand.max_pool2d(X[0]), r"x\[None\]"),
    (lambda: byhand.max_pool2d(X, 9), "got one that spans 9"),
    (lambda: byhand.max_pool2d_loops(X, 0), "expected size to be a whole number of at least 1; got 0"),
    (lambda: byhand.max_pool2d_backward(X, X), r"expected grad_y of shape \(1, 3, 4, 4\)"),
    (lambda: byhand.batch_norm2d(X, np.ones(2), np.ones(3)), r"expected gamma of shape \(3,\), one number for each"),
    (lambda: byhand.batch_norm2d(X[:, :, :1, :1], np.ones(3), np.ones(3)), "more than one value a channel"),
    (lambda: byhand.batch_norm2d_backward(X[:, :, 1:], X, np.ones(3)), r"expected grad_y of shape \(1, 3, 8, 8\)"),
    (lambda: byhand.relu_backward(X[0], X), "expected grad_y of shape"),
    (lambda: byhand.sigmoid_backward(X[0], X), "expected grad_y of shape"),
    (lambda: byhand.concat(X, X[:, :, ::2, ::2]), r"expected x of shape .*, skip's in all but the channels"),
    (lambda: byhand.concat_backward(X, 3), "expected a cut inside the 3 channels.*skip.shape"),
    (lambda: byhand.bce(X, X[0]), r"expected mask of shape \(1, 3, 8, 8\), that of the logits; got \(3, 8, 8\)"),
    (lambda: byhand.bce_backward(X, X[0]), "expected mask of shape"),
    (lambda: byhand.soft_dice(X, X[0]), "expected mask of shape"),
    (lambda: byhand.soft_dice_backward(X, X[0]), "expected mask of shape"),
    (lambda: byhand.im2col(X, 9), "got one that spans 9"),
    (lambda: byhand.running_statistics(X, np.ones(2), np.ones(3)), r"expected mean of shape \(3,\)"),
    (lambda: byhand.adam_step(X, X, X, X, 0), "expected step to be a whole number of at least 1; got 0"),
    (lambda: byhand.adam_step(X, X, X[0], X, 1), r"expected mean of shape \(1, 3, 8, 8\), that of the weight"),
])
def test_what_does_not_fit_is_explained(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_mean_without_variance_is_explained():
    with pytest.raises(SettingsError, match="mean and variance together, or neither; got mean alone"):
        byhand.batch_norm2d(X, np.ones(3), np.ones(3), mean=np.ones(3))


# compare

def test_equal_values_are_exact(capsys):
    result = compare(np.arange(1024.0).reshape(32, 32), torch.arange(1024.0).reshape(32, 32))
    assert capsys.readouterr().out == "exact: all 1,024 values equal\n"
    assert result == byhand.Comparison(exact=True, values=1024, largest=0.0, ulps=0.0)
    compare(2, torch.tensor(2))
    assert capsys.readouterr().out == "exact: the 1 value is equal\n"


def test_rounding_is_measured_in_ulps(capsys):
    ones = np.ones((2, 3))
    result = compare(ones + 3 * 2.0**-52, torch.ones(2, 3, dtype=torch.float64, requires_grad=True))
    assert capsys.readouterr().out == "approximate: 6 values, largest difference below 1e-12\n"
    assert (result.exact, result.values, result.largest, result.ulps) == (False, 6, 3 * 2.0**-52, 3)
    result = compare(ones + 2.0**-23, torch.ones(2, 3))  # float64 against float32: the coarser one counts
    assert capsys.readouterr().out == "approximate: 6 values, largest difference below 1e-05\n"
    assert result.ulps == 1
    assert compare(np.array([1000.0 + 1e-10]), np.array([1000.0])).largest == pytest.approx(1e-13, rel=1e-3)


def test_the_line_does_not_depend_on_the_rounding(capsys):
    ones = np.ones(4)
    for ulps in (0, 1, 2, 40, 4000):
        compare(ones + ulps * 2.0**-52, ones, tolerance=1e-12)
    assert set(capsys.readouterr().out.splitlines()) == {"approximate: 4 values, largest difference below 1e-12"}


def test_a_cell_that_ends_in_compare_shows_nothing_more():
    result = compare(1 / 3, torch.tensor(1 / 3))
    assert DisplayFormatter().format(result) == ({}, {})
    assert repr(result) == "Comparison(exact=False, values=1)"


def test_tolerance_0_wants_equality(capsys):
    compare(np.ones(3), torch.ones(3), tolerance=0)
    assert capsys.readouterr().out == "exact: all 3 values equal\n"
    with pytest.raises(AssertionError, match="expected differences below 0,"):
        compare(np.ones(3) + 2.0**-52, np.ones(3), tolerance=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("ours", "theirs", "message"), [
    ([[1, 2, 3], [4, 5.5, 6.25]], [[1.0, 2, 3], [4, 5, 6]],
     r"below 1e-12, .*got at index \[1, 1\] ours 5.5 and torch's 5.0, and 2 of 6 values are off"),
    (1.5, torch.tensor(1.0), r"below 1e-05, .*got ours 1.5 and torch's 1.0, and 1 of 1"),
    ([1.0, np.nan], [1.0, 2.0], r"at index \[1\] ours nan and torch's 2.0, and 1 of 2 .*NaN equals nothing"),
    ([np.nan, 1.0], [np.nan, 1.0], r"at index \[0\] ours nan and torch's nan.*not even NaN"),
    ([9.0, np.nan], [1.0, 2.0], r"at index \[1\] ours nan and torch's 2.0, and 2 of 2"),
    ([1.0, 2.0], [1.0, np.inf], r"at index \[1\] ours 2.0 and torch's inf"),
    ([-np.inf], [np.inf], r"ours -inf and torch's inf"),
    (np.ones((2, 3)), torch.ones(3, 2), r"expected one shape; got ours \(2, 3\) and torch's \(3, 2\)"),
    (np.ones(3), torch.ones(1, 3), r"expected one shape; got ours \(3,\) and torch's \(1, 3\)"),
    (np.ones((0, 2)), torch.ones(0, 2), r"expected values to compare; got two empty arrays of shape \(0, 2\)"),
])
def test_what_differs_is_shown(ours, theirs, message, capsys):
    with pytest.raises(AssertionError, match=message):
        compare(ours, theirs)
    assert capsys.readouterr().out == ""


def test_equal_infinities_are_equal():
    result = compare([np.inf, -np.inf, 1.0], [np.inf, -np.inf, 1.0])
    assert (result.exact, result.largest) == (True, 0)
