"""What goes wrong in a backward function, on purpose: the mistaken functions that the checkers of lesson 07 recognise.

Each does what its namesake in `byhand` does, but for the one thing that an option changes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from unet_lib import byhand

PIXELS = (0, 2, 3)


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float, way: str) -> Any:
    """`way`: what is wrong."""
    def quotient(right: float, left: float, divisor: float) -> np.ndarray:
        steps = h * np.eye(x.size).reshape(-1, *x.shape)
        return np.reshape([(f(x + right * step) - f(x - left * step)) / divisor for step in steps], x.shape)

    def unrestored() -> np.ndarray:
        gradient, moved = np.zeros(x.shape), x.copy()
        for index in np.ndindex(x.shape):
            moved[index] += h
            above = f(moved)
            moved[index] -= 2 * h
            gradient[index] = (above - f(moved)) / (2 * h)
        return gradient

    return {"one side": lambda: quotient(1, 0, h), "left side": lambda: quotient(0, 1, h),
            "2h": lambda: quotient(1, 1, h), "sign": lambda: quotient(1, 1, -2 * h), "unrestored": unrestored,
            "flat": lambda: quotient(1, 1, 2 * h).ravel(),
            "difference": lambda: quotient(1, 1, 1),
            "all at once": lambda: (f(x + h) - f(x - h)) / (2 * h)}[way]()


def conv2d_backward(grad_y: np.ndarray, x: np.ndarray, weight: np.ndarray, padding: int, way: str) -> Any:
    """`way`: what is wrong."""
    grad_x, grad_weight, grad_bias = byhand.conv2d_backward(grad_y, x, weight, padding=padding)
    height, width = x.shape[2:]
    padded, _, _ = byhand.conv2d_backward(grad_y, byhand.pad(x, padding), weight)
    turned, _, _ = byhand.conv2d_backward(grad_y, x, weight[:, :, ::-1, ::-1], padding=padding)
    _, first, _ = byhand.conv2d_backward(grad_y[:1], x[:1], weight, padding=padding)
    pixels = grad_y.shape[2] * grad_y.shape[3]
    overwritten = np.zeros(padded.shape)
    for i, j in np.ndindex(weight.shape[2:]):
        overwritten[:, :, i:i + grad_y.shape[2], j:j + grad_y.shape[3]] = np.einsum(
            "nopq,oc->ncpq", grad_y, weight[:, :, i, j])
    cut = slice(padding, padding + height), slice(padding, padding + width)
    return {"not turned": (turned, grad_weight, grad_bias),
            "not cut": (padded, grad_weight, grad_bias),
            "offset": (padded[:, :, :height, :width], grad_weight, grad_bias),
            "overwritten": (overwritten[:, :, *cut], grad_weight, grad_bias),
            "mean": (grad_x, grad_weight / pixels, grad_bias / pixels),
            "mean of images": (grad_x, grad_weight / len(x), grad_bias / len(x)),
            "first image": (grad_x, first, grad_bias),
            "mean bias": (grad_x, grad_weight, grad_y.mean(axis=PIXELS)),
            "one bias": (grad_x, grad_weight, grad_y.sum()),
            "bias per image": (grad_x, grad_weight, grad_y.sum(axis=(2, 3))),
            "channels": (grad_x, grad_weight.swapaxes(0, 1), grad_bias),
            "order": (grad_weight, grad_x, grad_bias)}[way]


def batch_norm2d_backward(grad_y: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float, way: str) -> Any:
    """`way`: what is wrong."""
    if way == "no eps":
        return byhand.batch_norm2d_backward(grad_y, x, gamma, eps=0.0)
    if way == "N − 1":
        variance, count = x.var(axis=PIXELS), x[:, 0].size
        eps = eps + (variance / (count - 1)).reshape(-1, 1, 1)  # so the root is that of variance·N/(N − 1) + eps
    axes = (2, 3) if way == "each image" else PIXELS
    sigma = np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    normal = (x - x.mean(axis=axes, keepdims=True)) / sigma
    shift, stretch = (array.mean(axis=axes, keepdims=True) for array in (grad_y, grad_y * normal))
    if way == "whole":
        shift, stretch = grad_y.mean(), (grad_y * normal).mean()
    undone = {"constants": 0, "no shift": normal * stretch, "no stretch": shift,
              "stretch alone": shift + stretch}.get(way, shift + normal * stretch)
    factor = 1 if way == "no gamma" else gamma.reshape(-1, 1, 1)
    grad_x = factor / (sigma**2 if way == "variance" else sigma) * (grad_y - undone)
    grad_gamma, grad_beta = (grad_y * normal).sum(axis=PIXELS), grad_y.sum(axis=PIXELS)
    count = x[:, 0].size
    return {"means": (grad_x, grad_gamma / count, grad_beta / count), "order": (grad_x, grad_beta, grad_gamma),
            "not normal": (grad_x, (grad_y * x).sum(axis=PIXELS), grad_beta)}.get(way, (grad_x, grad_gamma, grad_beta))


def max_pool2d_backward(grad_y: np.ndarray, x: np.ndarray, way: str) -> Any:
    """`way`: what is wrong."""
    spread = np.repeat(np.repeat(grad_y, 2, axis=2), 2, axis=3)
    largest = x == np.repeat(np.repeat(byhand.max_pool2d(x), 2, axis=2), 2, axis=3)
    winners = np.repeat(np.repeat(_counts(largest), 2, axis=2), 2, axis=3)
    right = byhand.max_pool2d_backward(grad_y, x)
    last = byhand.max_pool2d_backward(grad_y[:, :, ::-1, ::-1], x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1]
    return {"mean": spread / 4, "everywhere": spread, "all winners": spread * largest,
            "shared": spread * largest / winners, "last": last, "values": right * 0 + x * (right != 0),
            "product": right * x, "small": grad_y}[way]


def _counts(largest: np.ndarray) -> np.ndarray:
    n, c, h, w = largest.shape
    return largest.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5))


def conv_transpose2d_backward(grad_y: np.ndarray, x: np.ndarray, weight: np.ndarray, way: str) -> Any:
    """`way`: what is wrong."""
    grad_x, grad_weight, grad_bias = byhand.conv_transpose2d_backward(grad_y, x, weight)
    turned, _, _ = byhand.conv_transpose2d_backward(grad_y, x, weight[:, :, ::-1, ::-1])
    corner = [np.einsum("nopq,co->ncpq", grad_y[:, :, i::2, i::2], weight[:, :, i, i]) for i in (0, 1)]
    return {"turned": (turned, grad_weight, grad_bias),
            "turned weight": (grad_x, grad_weight[:, :, ::-1, ::-1], grad_bias),
            "overwritten": (corner[1], grad_weight, grad_bias), "one of four": (corner[0], grad_weight, grad_bias),
            "mean": (grad_x / 4, grad_weight, grad_bias),
            "channels": (grad_x, grad_weight.swapaxes(0, 1), grad_bias),
            "mean bias": (grad_x, grad_weight, grad_y.mean(axis=PIXELS)),
            "bias of x": (grad_x, grad_weight, x.sum(axis=PIXELS)),
            "order": (grad_weight, grad_x, grad_bias)}[way]


def conv1x1_backward(grad_y: np.ndarray, x: np.ndarray, weight: np.ndarray, way: str) -> Any:
    """`way`: what is wrong."""
    grad_x, grad_weight, grad_bias = byhand.conv1x1_backward(grad_y, x, weight)
    n, c, h, w = x.shape
    rows = grad_y.transpose((*PIXELS, 1)).reshape(-1, len(weight))
    scrambled = (rows.T @ x.reshape(-1, c)).reshape(weight.shape)
    return {"flat": (grad_x, grad_weight[:, :, 0, 0], grad_bias),
            "scrambled x": (grad_x, scrambled, grad_bias),
            "scrambled": ((rows @ weight[:, :, 0, 0]).reshape(n, c, h, w), grad_weight, grad_bias),
            "last axis": (grad_x.transpose((*PIXELS, 1)), grad_weight, grad_bias),
            "mean": (grad_x, grad_weight / (n * h * w), grad_bias / (n * h * w)),
            "order": (grad_weight, grad_x, grad_bias)}[way]


def bce_dice_backward(logits: np.ndarray, mask: np.ndarray, way: str) -> Any:
    """`way`: what is wrong."""
    p = byhand.sigmoid(logits)
    bce, dice = byhand.bce_backward(logits, mask), byhand.soft_dice_backward(logits, mask)
    slope, total = p * (1 - p), p.sum() + mask.sum() + 1
    score = (2 * (p * mask).sum() + 1) / total
    return {"sum": bce * logits.size + dice, "no slope": bce + (score - 2 * mask) / total,
            "slope twice": bce * slope + dice, "dice": bce - dice, "one term": bce - 2 * mask / total * slope,
            "no 2": bce + (score - mask) / total * slope, "no S": bce + (score - 2 * mask) * slope,
            "no 1": bce + byhand.soft_dice_backward(logits, mask, smooth=0.0),
            "bce": bce, "dice alone": dice, "mean": (bce + dice) / 2, "sign": -bce - dice,
            "logits": (logits - mask) / logits.size + dice}[way]


def adam_step(weight: np.ndarray, gradient: np.ndarray, mean: np.ndarray, square: np.ndarray, step: int,
              rate: float, way: str) -> Any:
    """`way`: what is wrong."""
    mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
    first, second = 1 - 0.9**step, 1 - 0.999**step
    steps: dict[str, Any] = {
        "uncorrected": mean / (np.sqrt(square) + 1e-8), "mean alone": mean / first / (np.sqrt(square) + 1e-8),
        "square alone": mean / (np.sqrt(square / second) + 1e-8), "no root": mean / first / (square / second + 1e-8),
        "no rate": mean / first / (np.sqrt(square / second) + 1e-8) / rate}
    right = mean / first / (np.sqrt(square / second) + 1e-8)
    moved = weight - rate * steps.get(way, right)
    return {"up": (weight + rate * right, mean, square), "corrected": (moved, mean / first, square / second),
            "weight alone": moved, "order": (moved, square, mean)}.get(way, (moved, mean, square))
