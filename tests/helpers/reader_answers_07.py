"""Answers to lesson 07's exercises as readers would type them: right ones, then wrong ones and a piece of the hint.

The gradients are autograd's: what a reader should get does not depend on what our own functions by hand return.
"""

import numpy as np
import torch
from torch.nn import functional as F


def measured(f, x, h, steps=(1, -1), width=2, flat=False):
    quotients = []
    for number in range(x.size):
        tried = [x.astype(float).ravel() for _ in steps]
        for vector, step in zip(tried, steps):
            vector[number] += step * h
        above, below = (f(vector.reshape(x.shape)) for vector in tried)
        quotients.append((above - below) / (width * h))
    return quotients if flat else np.reshape(quotients, x.shape)


def in_place(f, x, h):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = f(x)
        x[index] -= 2 * h
        gradient[index] = (above - f(x)) / (2 * h)
    return gradient


def layer(forward, grad_y, x, weight):
    """Autograd's three gradients of a layer with weight and bias."""
    outputs = grad_y.shape[1]
    x, weight, bias = (torch.tensor(array, requires_grad=True) for array in (x, weight, np.zeros(outputs)))
    gradients = torch.autograd.grad(forward(x, weight, bias), (x, weight, bias), torch.tensor(grad_y))
    return tuple(gradient.numpy() for gradient in gradients)


def conv(g, x, w, padding):
    return layer(lambda *t: F.conv2d(*t, padding=padding), g, x, w)


def up(g, x, w):
    return layer(lambda *t: F.conv_transpose2d(*t, stride=2), g, x, w)


def corner(g, w, i):
    return np.einsum("nopq,co->ncpq", g[:, :, i::2, i::2], w[:, :, i, i])


def output(g, x, w):
    return layer(F.conv2d, g, x, w)


def changed(function, number, change):
    """The function with one of its results changed."""
    def answer(*given):
        returned = list(function(*given))
        returned[number] = change(returned[number], *given)
        return tuple(returned)
    return answer


def conv_in_loops(grad_y, x, weight, padding, window=lambda i: i, add=True, start=None):
    """As the lesson's solution; options are for what goes wrong."""
    height, width = grad_y.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    grad_padded, grad_weight = np.zeros(padded.shape), np.zeros(weight.shape)
    for i in range(3):
        for j in range(3):
            grad_weight[:, :, i, j] = np.einsum("nopq,ncpq->oc", grad_y, padded[:, :, i:i + height, j:j + width])
            back = np.einsum("nopq,oc->ncpq", grad_y, weight[:, :, window(i), window(j)])
            here = grad_padded[:, :, i:i + height, j:j + width]
            here[:] = here + back if add else back
    first = padding if start is None else start
    grad_x = grad_padded[:, :, first:first + x.shape[2], first:first + x.shape[3]]
    return grad_x, grad_weight, grad_y.sum(axis=(0, 2, 3))


def norm(grad_y, x, gamma, eps=1e-5, parts=("shift", "stretch"), axes=(0, 2, 3), power=1, scale=True, ddof=0):
    centre = x - x.mean(axes, keepdims=True)
    sigma = np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)
    normal = centre / sigma
    grad = grad_y.copy()
    if "shift" in parts:
        grad -= grad_y.mean(axes, keepdims=True)
    if "stretch" in parts:
        grad -= normal * (grad_y * normal).mean(axes, keepdims=True)
    factor = gamma[:, None, None] if scale else 1
    return grad * factor / sigma**power, np.einsum("nchw,nchw->c", grad_y, normal), np.einsum("nchw->c", grad_y)


def autograd_norm(grad_y, x, gamma, eps=1e-5):
    x, gamma, beta = (torch.tensor(array, requires_grad=True) for array in (x, gamma, np.zeros(len(gamma))))
    y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    return torch.autograd.grad(y, (x, gamma, beta), torch.tensor(grad_y))


def pool(grad_y, x):
    x = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(F.max_pool2d(x, 2), x, torch.tensor(grad_y))[0]


def to_all(grad_y, x, where=lambda x, largest: x == largest, divisor=lambda hit: 1):
    one = np.ones((2, 2))
    largest = np.kron(F.max_pool2d(torch.tensor(x), 2).numpy(), one)
    hit = where(x, largest) * 1.0
    return np.kron(grad_y, one) * hit / divisor(hit)


def shared(hit):
    return np.kron(4 * F.avg_pool2d(torch.tensor(hit), 2).numpy(), np.ones((2, 2)))


def loss(z, t, bce=1.0, dice=1.0, smooth=1.0, two=2, count=None):
    """By autograd; the options change the loss."""
    z, t = torch.tensor(z, requires_grad=True), torch.tensor(t)
    p = torch.sigmoid(z)
    score = (two * (p * t).sum() + smooth) / (p.sum() + t.sum() + smooth)
    cross = F.binary_cross_entropy_with_logits(z, t, reduction="sum") / (count or z.numel())
    return torch.autograd.grad(bce * cross + dice * (1 - score), z)[0].numpy()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def parts_of_dice(z, t):
    p = sigmoid(z)
    total = p.sum() + t.sum() + 1
    return p, (2 * (p * t).sum() + 1) / total, total


def adam(w, g, m, v, k, rate, correct=(1, 1), root=0.5, sign=-1):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    mean, square = m / (1 - 0.9**k) ** correct[0], v / (1 - 0.999**k) ** correct[1]
    return w + sign * rate * mean / (square**root + 1e-8), m, v


def torchs_adam(w, g, m, v, k, rate):
    weight = torch.tensor(w, requires_grad=True)
    weight.grad = torch.tensor(g)
    optimiser = torch.optim.Adam([weight], lr=rate)
    optimiser.state[weight] = {"step": torch.tensor(k - 1.0), "exp_avg": torch.tensor(m), "exp_avg_sq": torch.tensor(v)}
    optimiser.step()
    state = optimiser.state[weight]
    return weight.detach(), state["exp_avg"], state["exp_avg_sq"]


FUNCTIONS_07 = {
    "numerical_gradient": ([measured], {
        lambda f, x, h: measured(f, x, h, (1, 0), 1): "x + h only", lambda f, x, h: measured(f, x, h, (0, -1), 1):
        "x − h to x only", lambda f, x, h: measured(f, x, h, width=1): "distance is 2h", in_place: "put each number",
        lambda f, x, h: measured(f, x, h, (-1, 1)): "sign", lambda f, x, h: measured(f, x, h, flat=True): "shape of x",
        lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h): "all numbers at once",
        lambda f, x, h: measured(f, x, h, width=1 / h): "how much f changed", lambda f, x, h: x: "For every index"}),
    "conv2d_backward": ([conv, conv_in_loops], {
        lambda *given: conv_in_loops(*given, window=lambda i: 2 - i): "wrong way round",
        lambda *given: conv_in_loops(*given, add=False): "wipe each other out",
        lambda *given: conv_in_loops(*given, start=0): "one pixel off",
        lambda g, x, w, padding: (conv(g, np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))), w, 0)[0],
                                  *conv(g, x, w, padding)[1:]): "padded image",
        lambda g, x, w, p: (conv(g, x, w, p)[0], *(part / g[0, 0].size for part in conv(g, x, w, p)[1:])):
        "mean over the pixels",
        lambda g, x, w, p: (conv(g, x, w, p)[0], *(part / len(x) for part in conv(g, x, w, p)[1:])): "over the images",
        changed(conv, 1, lambda part, g, x, w, p: conv(g[:1], x[:1], w, p)[1]): "first image alone",
        changed(conv, 1, lambda part, *given: part.transpose(1, 0, 2, 3)): "exchanged",
        changed(conv, 2, lambda part, g, *rest: g.mean((0, 2, 3))): "grad_bias: you took the mean",
        changed(conv, 2, lambda part, g, *rest: g.sum()): "one number for each output",
        changed(conv, 2, lambda part, g, *rest: g.sum((2, 3))): "sum over the images too",
        lambda *given: (conv(*given)[1], conv(*given)[0], conv(*given)[2]): "order is grad_x",
        lambda *given: conv(*given)[0]: "should return 3 arrays",
        changed(conv, 2, lambda part, *given: 2 * part): "grad_bias should be"}),
    "batch_norm2d_backward": ([norm, autograd_norm], {
        lambda *given: norm(*given, parts=()): "as constants", lambda *given: norm(*given, parts=("stretch",)):
        "μ depends", lambda *given: norm(*given, parts=("shift",)): "s depends",
        lambda *given: norm(*given, power=2): "divide by the variance", lambda *given: norm(*given, scale=False):
        "factor γ", lambda *given: norm(*given, axes=(2, 3)): "in each image", lambda g, x, gamma, eps: norm(
            g, x, gamma, 0): "`eps`", lambda *given: norm(*given, ddof=1): "N − 1",
        lambda g, *given: (norm(g, *given)[0], *(part / g[:, 0].size for part in norm(g, *given)[1:])): "not means",
        lambda *given: (norm(*given)[0], *norm(*given)[:0:-1]): "are exchanged",
        changed(norm, 1, lambda part, g, x, *rest: (g * x).sum((0, 2, 3))): "not x",
        lambda g, x, gamma, eps: norm(g, x, gamma + 1, eps): "x̂ first"}),
    "relu_backward": ([lambda g, x: np.where(x > 0, g, 0), lambda g, x: g * np.heaviside(x, 0)], {
        lambda g, x: np.where(g > 0, g, 0): "negative gradients", lambda g, x: np.where(x >= 0, g, 0): "At x = 0",
        lambda g, x: x > 0: "local derivative", lambda g, x: np.where(x > 0, x * g, 0): "value of the ReLU",
        lambda g, x: np.where(x < 0, g, 0): "other way round", lambda g, x: g: "0 elsewhere"}),
    "max_pool2d_backward": ([pool], {
        lambda g, x: np.kron(g, np.ones((2, 2))) / 4: "mean pooling", lambda g, x: np.kron(g, np.ones((2, 2))):
        "all four pixels", to_all: "both winners", lambda g, x: to_all(g, x, divisor=shared): "fair",
        lambda g, x: pool(g[..., ::-1, ::-1].copy(), x[..., ::-1, ::-1].copy()).numpy()[..., ::-1, ::-1]: "the last",
        lambda g, x: x * (pool(g, x).numpy() != 0): "kept their", lambda g, x: x * pool(g, x).numpy(): "multiply",
        lambda g, x: g: "twice as high", lambda g, x: 0 * x: "Zeros in the shape"}),
    "conv_transpose2d_backward": ([up], {
        lambda g, x, w: (up(g, x, w[..., ::-1, ::-1].copy())[0], *up(g, x, w)[1:]): "turned the kernel",
        changed(up, 1, lambda part, *given: part[..., ::-1, ::-1]): "grad_weight is turned",
        changed(up, 0, lambda part, g, x, w: corner(g, w, 1)): "last kernel",
        changed(up, 0, lambda part, g, x, w: corner(g, w, 0)): "top left",
        changed(up, 0, lambda part, *given: part / 4): "mean of four",
        changed(up, 1, lambda part, *given: part.transpose(1, 0, 2, 3)): "exchanged",
        changed(up, 2, lambda part, g, *rest: g.mean((0, 2, 3))): "you took the mean",
        changed(up, 2, lambda part, g, x, w: x.sum((0, 2, 3))): "not of x",
        lambda *given: (up(*given)[1], up(*given)[0], up(*given)[2]): "order is grad_x",
        changed(up, 2, lambda part, *given: 2 * part): "For each (i, j)"}),
    "conv1x1_backward": ([output], {
        changed(output, 1, lambda part, *given: part[:, :, 0, 0]): "two axes of length 1",
        changed(output, 1, lambda part, g, x, w: (np.moveaxis(g, 1, -1).reshape(-1, len(w)).T
                                                  @ x.reshape(-1, x.shape[1])).reshape(w.shape)): "before `reshape`",
        changed(output, 0, lambda part, *given: np.ascontiguousarray(np.moveaxis(part, 1, -1)).reshape(part.shape)):
        "after the product", changed(output, 0, lambda part, *given: np.moveaxis(part, 1, -1)): "channels last",
        lambda g, x, w: (output(g, x, w)[0], *(part / g[:, 0].size for part in output(g, x, w)[1:])): "mean over",
        lambda *given: (output(*given)[1], output(*given)[0], output(*given)[2]): "order is grad_x",
        changed(output, 2, lambda part, *given: 2 * part): "One row a pixel"}),
    "bce_dice_backward": ([loss], {
        lambda z, t: loss(z, t, count=1): "divide p − t", lambda z, t: loss(z, t, dice=0): "part of BCE. Add",
        lambda z, t: loss(z, t, bce=0): "part of Dice. Add", lambda z, t: loss(z, t, dice=-1): "1 − D",
        lambda z, t: loss(z, t, 0.5, 0.5): "mean of both", lambda z, t: -loss(z, t): "uphill",
        lambda z, t: loss(z, t, smooth=0): "two 1s",
        lambda z, t: loss(z, t, dice=0) + (parts_of_dice(z, t)[1] - 2 * t) / parts_of_dice(z, t)[2]: "stops at p",
        lambda z, t: loss(z, t, dice=0) * sigmoid(z) * sigmoid(-z) + loss(z, t, bce=0): "once too often",
        lambda z, t: loss(z, t, dice=0) - 2 * t * sigmoid(z) * sigmoid(-z) / parts_of_dice(z, t)[2]: "second term",
        lambda z, t: loss(z, t, bce=0) * parts_of_dice(z, t)[2] + loss(z, t, dice=0): "divided by S",
        lambda z, t: (z - t) / z.size + loss(z, t, bce=0): "sigmoid comes first",
        lambda z, t: loss(z, t, dice=0) + (parts_of_dice(z, t)[1] - t) / parts_of_dice(z, t)[2] * sigmoid(z)
        * sigmoid(-z): "got lost", lambda z, t: z: "p = σ(z), then"}),
    "adam_step": ([adam, torchs_adam], {
        lambda *given: adam(*given, correct=(0, 0)): "bias correction is missing",
        lambda *given: adam(*given, correct=(1, 0)): "not the square", lambda *given: adam(*given, correct=(0, 1)):
        "not the mean", lambda *given: adam(*given, root=1): "square root",
        lambda w, g, m, v, k, rate: adam(w, g, m, v, k, 1): "learning rate is missing",
        lambda *given: adam(*given, sign=1): "climb", lambda *given: adam(*given)[0]: "mean and square too",
        lambda *given: (adam(*given)[0], *adam(*given)[:0:-1]): "order is weight",
        lambda *given: (adam(*given)[0], *(part / (1 - beta**given[4]) for part, beta in zip(
            adam(*given)[1:], (0.9, 0.999)))): "as they were", lambda *given: given[:3]: "mean and square first"}),
}
