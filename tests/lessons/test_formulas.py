"""Every formula of lesson 07 against autograd, index by index where it is printed so, and in the lesson's table."""

import re

import nbformat
import numpy as np
import pytest
import torch
from repository import REPOSITORY
from torch.nn import functional as F

from unet_lib import byhand
from unet_lib.lessons.formulas import FORMULAS, table

LESSON = nbformat.read(REPOSITORY / "notebooks" / "07_the_full_mathematics.ipynb", as_version=4)
PROSE = "\n".join(cell.source for cell in LESSON.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: f"({formula.number}) {formula.name}")
def test_a_formula_is_equal_to_autograd(formula):
    bound = 1e-6 if formula.number == 2 else 1e-10
    assert formula.bound == bound
    assert formula.difference(seeds=(10, 11, 12)) < bound


def test_every_number_is_derived_in_the_lesson_and_listed_in_its_table():
    assert [formula.number for formula in FORMULAS] == list(range(1, len(FORMULAS) + 1))
    tagged = {int(number) for number in re.findall(r"\\qquad \((\d+)\)", PROSE)}
    assert tagged == {formula.number for formula in FORMULAS}
    shown, = (output.data["text/markdown"] for cell in LESSON.cells if "formulas.table" in cell.source
              for output in cell.outputs if "text/markdown" in output.get("data", {}))
    rows = [[part.strip() for part in row.split("|")[1:-1]] for row in shown.splitlines()[2:]]
    assert [row[0] for row in rows] == [f"({formula.number})" for formula in FORMULAS]
    assert {row[4] for row in rows} == {"below 1e-10", "below 1e-6"}


@pytest.mark.parametrize(("name", "wrong", "numbers"), [
    ("conv2d_backward", lambda g, x, w, padding: byhand.conv2d_backward(g, x, w[:, :, ::-1, ::-1], padding=padding),
     {5, 12, 29}),
    ("batch_norm2d_backward", lambda g, x, gamma: byhand.batch_norm2d_backward(g, x, gamma, x.mean((0, 2, 3)), x.var(
        (0, 2, 3))), {9, 12, 29}),
    ("conv1x1_backward", lambda g, x, w: (byhand.conv1x1_backward(g, x, w)[0], *(
        part / x[:, 0].size for part in byhand.conv1x1_backward(g, x, w)[1:])), {21, 29}),
    ("bce_dice_backward", byhand.bce_backward, {27})])
def test_a_wrong_function_shows_in_the_table(name, wrong, numbers):
    rows = [row for row in table({name: wrong}).splitlines()[2:] if "below" not in row]
    assert {int(re.search(r"\((\d+)\)", row)[1]) for row in rows} == numbers
    assert all(re.search(r"\*\*\de[+-]\d+\*\* \|$", row) for row in rows)


def inside(array, *index):
    """The number at this index, or 0 where the last two run out of the image."""
    height, width = array.shape[-2:]
    return array[index] if 0 <= index[-2] < height and 0 <= index[-1] < width else 0.0


def test_the_convolutions_formulas_as_they_are_printed():
    """(3), (4) and (5) number by number, with the offset of the padding."""
    rng = np.random.default_rng(0)
    x, w, b, g = (rng.normal(size=shape) for shape in ((2, 4, 3), (3, 2, 3, 3), 3, (3, 4, 3)))
    three, two, kernel, pixels = range(3), range(2), list(np.ndindex(3, 3)), list(np.ndindex(4, 3))
    y = [[[b[o] + sum(w[o, c, i, j] * inside(x, c, p + i - 1, q + j - 1) for c in two for i, j in kernel)
           for q in range(3)] for p in range(4)] for o in three]
    grad_w = [[[[sum(g[o, p, q] * inside(x, c, p + i - 1, q + j - 1) for p, q in pixels) for j in three] for i in three]
               for c in two] for o in three]
    grad_x = [[[sum(inside(g, o, r - i + 1, s - j + 1) * w[o, c, i, j] for o in three for i, j in kernel)
                for s in range(3)] for r in range(4)] for c in two]
    tensors = [torch.tensor(array, requires_grad=True) for array in (x[None], w, b)]
    theirs = F.conv2d(*tensors, padding=1)
    their_x, their_w, _ = torch.autograd.grad(theirs, tensors, torch.tensor(g[None]))
    for ours, other in ((y, theirs[0]), (grad_w, their_w), (grad_x, their_x[0])):
        np.testing.assert_allclose(ours, other.detach(), rtol=0, atol=1e-10)


def test_the_transposed_convolutions_formulas_as_they_are_printed():
    """(16), (17) and (18) number by number."""
    rng = np.random.default_rng(1)
    x, w, b, g = (rng.normal(size=shape) for shape in ((3, 2, 3), (3, 2, 2, 2), 2, (2, 4, 6)))
    kernel, pixels = list(np.ndindex(2, 2)), list(np.ndindex(2, 3))
    y, grad_x, grad_w = np.zeros((2, 4, 6)), np.zeros(x.shape), np.zeros(w.shape)
    for o, (p, q), (i, j) in ((o, at, k) for o in range(2) for at in pixels for k in kernel):
        y[o, 2 * p + i, 2 * q + j] = b[o] + sum(x[c, p, q] * w[c, o, i, j] for c in range(3))
        for c in range(3):
            grad_x[c, p, q] += g[o, 2 * p + i, 2 * q + j] * w[c, o, i, j]
            grad_w[c, o, i, j] += g[o, 2 * p + i, 2 * q + j] * x[c, p, q]
    tensors = [torch.tensor(array, requires_grad=True) for array in (x[None], w, b)]
    theirs = F.conv_transpose2d(*tensors, stride=2)
    their_x, their_w, _ = torch.autograd.grad(theirs, tensors, torch.tensor(g[None]))
    for ours, other in ((y, theirs[0]), (grad_x, their_x[0]), (grad_w, their_w)):
        np.testing.assert_allclose(ours, other.detach(), rtol=0, atol=1e-10)


def pulls(p, t):
    """How hard BCE and Dice pull each pixel's logit, by autograd; total and Dice beside them."""
    z = torch.logit(p).requires_grad_()
    p = torch.sigmoid(z)
    total = p.sum() + t.sum() + 1
    dice = (2 * (p * t).sum() + 1) / total
    losses = F.binary_cross_entropy_with_logits(z, t), 1 - dice
    return *(torch.autograd.grad(loss, z, retain_graph=True)[0].abs() for loss in losses), total, dice


def test_dice_pulls_harder_where_the_lesson_says():
    """A tumour pixel with p > S / (N·(2 − D)), a healthy one with 1 − p > S / (N·D)."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        t = torch.tensor((rng.random(4000) < 0.02) * 1.0)
        p = torch.sigmoid(torch.tensor(3 * rng.normal(size=4000) - 6 + 8 * t.numpy()))
        bce, dice_loss, total, dice = pulls(p, t)
        expected = torch.where(t == 1, p > total / (len(p) * (2 - dice)), 1 - p > total / (len(p) * dice))
        assert torch.equal(dice_loss > bce, expected)
        assert 0 < expected[t == 1].sum() <= (t == 1).sum() and 0 < expected[t == 0].sum() < (t == 0).sum()


def test_at_the_beginning_each_loss_pulls_other_pixels():
    """Every p at ½, 1 % tumour: the figures of the lesson."""
    t = torch.zeros(100_000, dtype=torch.float64)
    t[:1000] = 1
    bce, dice_loss, total, dice = pulls(torch.full_like(t, 0.5), t)
    assert (total / len(t)).item() == pytest.approx(0.51, abs=0.001) and dice.item() == pytest.approx(0.02, abs=0.001)
    assert (dice_loss / bce)[0].item() == pytest.approx(1.9, abs=0.05)
    assert (bce / dice_loss)[-1].item() == pytest.approx(50, abs=3)
