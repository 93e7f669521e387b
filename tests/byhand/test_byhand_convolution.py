"""Convolution and transposed convolution by hand: counted, in loops, as a matrix, and against PyTorch."""

import numpy as np
import pytest
import torch
from byhand_cases import FEW, FEWER, MANY, SIDES, agree, agree_all, convolutions, grid, torch_twin, up_convolutions
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from unet_lib import byhand
from unet_lib.core.errors import SettingsError, ShapeError

# Sizes and windows


@pytest.mark.parametrize(("arguments", "size"), [
    ((256, 3, 1, 1), 256), ((572, 3), 570), ((7, 3, 2), 3), ((8, 3, 2), 3), ((5, 3, 1, 0, 2), 1), ((4, 2, 2), 2)])
def test_output_size_counted_by_hand(arguments, size):
    assert byhand.output_size(*arguments) == size


@MANY
@given(size=SIDES, kernel=FEW, stride=FEW, padding=st.integers(0, 2), dilation=FEW)
def test_output_size_counts_the_places_of_the_window(size, kernel, stride, padding, dilation):
    span = dilation * (kernel - 1) + 1
    indices = [left for left in range(0, size + 2 * padding, stride) if left + span <= size + 2 * padding]
    if indices:
        assert byhand.output_size(size, kernel, stride, padding, dilation) == len(indices)
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


def test_im2col_has_a_row_for_each_window_of_all_images():
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
def test_the_output_layer_and_its_gradients_against_torch(case):
    (x, weight, bias), _, seed = case
    pointwise = weight[:, :, :1, :1].copy()
    y, grad_y, gradients = torch_twin(F.conv2d, x, pointwise, bias, seed=seed)
    agree(byhand.conv1x1(x, pointwise, bias), y)
    agree_all(byhand.conv1x1_backward(grad_y, x, pointwise), gradients)


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
