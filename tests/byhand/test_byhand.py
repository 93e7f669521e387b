"""What all functions of byhand have in common: dtypes, inputs left alone, no torch, errors that explain."""

import subprocess
import sys

import jaxtyping
import numpy as np
import pytest
from repository import REPOSITORY

from unet_lib import byhand
from unet_lib.core.errors import SettingsError, ShapeError


@pytest.fixture
def as_a_reader(monkeypatch):
    """As in a notebook: nobody checks the shapes in the signatures before our own messages come."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


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
        "conv1x1": byhand.conv1x1(x, w[:, :, :1, :1], b),
        "conv1x1_backward": byhand.conv1x1_backward(g, x, w[:, :, :1, :1]),
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
        "bce_dice": byhand.bce_dice(x, mask), "bce_dice_backward": byhand.bce_dice_backward(x, mask),
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
    byhand.conv1x1_backward(byhand.conv1x1(x, w, b), x, w)
    byhand.numerical_gradient(np.sum, x)
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
    (lambda: byhand.conv1x1(X, W), r"expected weight of shape \(4, 3, 1, 1\), that of 1×1 kernels"),
    (lambda: byhand.conv1x1_backward(X, X, W[:, :, :1, :1]), r"expected grad_y of shape \(1, 4, 8, 8\)"),
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
