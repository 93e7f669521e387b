"""Made-up inputs for the layers by hand, and how PyTorch's answers are held against ours."""

import math

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

MANY = settings(max_examples=100, deadline=None)
FEWER = settings(max_examples=40, deadline=None)
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
    fraction = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    return logits, (np.random.default_rng([seed, 2]).random(logits.shape) < fraction).astype(np.float64), seed
