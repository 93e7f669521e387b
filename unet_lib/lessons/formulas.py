"""Every formula of lesson 07, by its number, held against PyTorch on random numbers: `table()` lists them all."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from unet_lib import byhand
from unet_lib.byhand.unet import BACKWARD
from unet_lib.lessons import formula_checks as check
from unet_lib.lessons.formula_checks import Arrays, Check, Functions, parts

OURS: Functions = BACKWARD | {
    function.__name__: function for function in (byhand.bce_dice_backward, byhand.adam_step, byhand.numerical_gradient)}


@dataclass(frozen=True)
class Formula:
    """A formula's number, name, section and text, how it is checked, and what the difference has to stay below."""

    number: int
    name: str
    section: str
    text: str
    check: Check
    bound: float = 1e-10

    def difference(self, functions: Functions | None = None, seeds: Iterable[int] = (0, 1, 2)) -> float:
        """The largest |ours − PyTorch's| / max(1, |PyTorch's|), over random arrays of these seeds.

        `functions` take the place of ours of the same name.
        """
        chosen = {**OURS, **(functions or {})}
        return max(_largest(*self.check(chosen, np.random.default_rng(seed))) for seed in seeds)


def table(functions: Functions | None = None) -> str:
    """A Markdown table of all formulas; the last column states a bound, since digits differ between processors."""
    rows = (f"| ({formula.number}) | {formula.name} | {formula.section} | `{formula.text}` | "
            f"{_bound(formula, functions)} |" for formula in FORMULAS)
    return "\n".join(["| number | formula | derived in | in symbols | largest difference |", "|--:|:--|:--|:--|:--|",
                      *rows])


def _bound(formula: Formula, functions: Functions | None) -> str:
    found = formula.difference(functions)
    return f"below {formula.bound:.0e}".replace("e-0", "e-") if found < formula.bound else f"**{found:.0e}**"


def _largest(ours: Arrays, theirs: Arrays) -> float:
    pairs = ((np.asarray(a, float), np.asarray(b.detach() if isinstance(b, Tensor) else b, float))
             for a, b in zip(ours, theirs, strict=True))
    return max(float((np.abs(a - b) / np.maximum(1, np.abs(b))).max()) if a.shape == b.shape else np.inf
               for a, b in pairs)


BLOCKS = ("Slopes", "Block 1, double convolution", "Block 2, encoder", "Block 4, decoder", "Block 5, output", "Loss",
          "The whole U", "Optimiser", "Initial weights", "In closed form")
FORMULAS = (
    Formula(1, "chain rule", BLOCKS[0], "g_x[i] = Σ_j g_y[j] · ∂y[j]/∂x[i]", check.chain),
    Formula(2, "difference quotient", BLOCKS[0], "(L(w + h) − L(w − h)) / 2h", check.quotient, 1e-6),
    Formula(3, "convolution", BLOCKS[1], "y[o,p,q] = b[o] + Σ w[o,c,i,j] · x[c,p+i−1,q+j−1]", parts(check.conv, 0)),
    Formula(4, "convolution, its weights", BLOCKS[1], "g_w[o,c,i,j] = Σ g_y[o,p,q] · x[c,p+i−1,q+j−1]",
            parts(check.conv, 2)),
    Formula(5, "convolution, its input", BLOCKS[1], "g_x[c,r,s] = Σ g_y[o,r−i+1,s−j+1] · w[o,c,i,j]",
            parts(check.conv, 1)),
    Formula(6, "convolution, its bias", BLOCKS[1], "g_b[o] = Σ g_y[o,p,q]", parts(check.conv, 3)),
    Formula(7, "batch norm", BLOCKS[1], "y = γ·x̂ + β,  x̂ = (x − μ)/s", parts(check.norm, 0)),
    Formula(8, "batch norm, γ and β", BLOCKS[1], "g_γ = Σ g_y·x̂,  g_β = Σ g_y", parts(check.norm, 2, 3)),
    Formula(9, "batch norm, its input", BLOCKS[1], "g_x = γ/s · (g_y − mean(g_y) − x̂·mean(g_y·x̂))",
            parts(check.norm, 1)),
    Formula(10, "batch norm, the sum", BLOCKS[1], "Σ g_x = 0", parts(check.norm, 4)),
    Formula(11, "ReLU", BLOCKS[1], "g_x = g_y where x > 0, else 0", parts(check.relu, 0, 1)),
    Formula(12, "double convolution, backwards", BLOCKS[1], "y = ReLU(BN(w₂ ∗ ReLU(BN(w₁ ∗ x))))", check.double_conv),
    Formula(13, "max pooling", BLOCKS[2], "y[c,p,q] = max x[c,2p+i,2q+j]", parts(check.pool, 0)),
    Formula(14, "max pooling, its input", BLOCKS[2], "g_x = g_y at the largest pixel, else 0", parts(check.pool, 1)),
    Formula(15, "fork", BLOCKS[2], "g = g_skip + g_below", check.fork),
    Formula(16, "transposed convolution", BLOCKS[3], "y[o,2p+i,2q+j] = b[o] + Σ x[c,p,q] · w[c,o,i,j]",
            parts(check.up, 0)),
    Formula(17, "transposed convolution, its input", BLOCKS[3], "g_x[c,p,q] = Σ g_y[o,2p+i,2q+j] · w[c,o,i,j]",
            parts(check.up, 1)),
    Formula(18, "transposed convolution, its weights", BLOCKS[3], "g_w[c,o,i,j] = Σ g_y[o,2p+i,2q+j] · x[c,p,q]",
            parts(check.up, 2)),
    Formula(19, "joining", BLOCKS[3], "y = [skip, x],  g_y = [g_skip, g_x]", parts(check.concat, 0, 1, 2)),
    Formula(20, "output layer", BLOCKS[4], "z[p,q] = b + Σ_c w[c] · x[c,p,q]", parts(check.output, 0)),
    Formula(21, "output layer, backwards", BLOCKS[4], "g_x = w·g_z,  g_w = Σ g_z·x,  g_b = Σ g_z",
            parts(check.output, 1, 2, 3)),
    Formula(22, "BCE", BLOCKS[5], "mean(ln(1 + e^z) − t·z)", parts(check.bce, 0)),
    Formula(23, "BCE, the logits", BLOCKS[5], "g_z = (p − t)/N", parts(check.bce, 1)),
    Formula(24, "Dice loss", BLOCKS[5], "1 − (2·Σ p·t + 1)/S", parts(check.dice, 0)),
    Formula(25, "Dice loss, the probabilities", BLOCKS[5], "g_p = (D − 2t)/S", parts(check.dice, 1)),
    Formula(26, "Dice loss, the logits", BLOCKS[5], "g_z = p·(1 − p)·(D − 2t)/S", parts(check.dice, 2)),
    Formula(27, "both losses, the logits", BLOCKS[5], "g_z = (p − t)/N + p·(1 − p)·(D − 2t)/S", check.loss),
    Formula(28, "the U, forwards", BLOCKS[6], "logits, level by level", check.whole_forward),
    Formula(29, "the U, backwards", BLOCKS[6], "the gradient of every weight", check.whole_backward),
    Formula(30, "Adam's means", BLOCKS[7], "m ← 0.9·m + 0.1·g,  v ← 0.999·v + 0.001·g²", parts(check.adam, 0, 1)),
    Formula(31, "Adam's step", BLOCKS[7], "w ← w − η·m̂/(√v̂ + ε)", parts(check.adam, 2)),
    Formula(32, "variance of a sum", BLOCKS[8], "Var(y) = n·V·mean(x²)", check.variance),
    Formula(33, "parameters", BLOCKS[9], "B²·(9 + 89/3·(4^d − 1)) + B·(13·2^d + 19) + 1", parts(check.counts, 0)),
    Formula(34, "multiply-adds", BLOCKS[9], "N·B·(28 + B·(9 + 85/2·d))", parts(check.counts, 1)),
    Formula(35, "receptive field", BLOCKS[9], "min(10 + d, 13)·2^d − 4", parts(check.counts, 2)),
)
