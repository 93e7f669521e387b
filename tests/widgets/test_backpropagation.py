"""The tiny U-Net of the backpropagation widget: `byhand`, the browser's script and torch's autograd agree."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
import traitlets
from repository import REPOSITORY
from torch.nn import functional

from unet_lib.core.errors import ShapeError
from unet_lib.widgets.backpropagation import Backpropagation
from unet_lib.widgets.backpropagation.backpropagation import LARGEST, STEPS
from unet_lib.widgets.backpropagation.tiny_unet import DEFAULTS, WEIGHTS, backward, descend, forward

SCRIPTS = REPOSITORY / "unet_lib" / "widgets" / "backpropagation"
ASK_NODE = """
import * as tiny from "{tiny}";
const settings = {settings};
console.log(JSON.stringify(settings.map((numbers) => {{
  const values = tiny.forward(numbers);
  return {{ values, gradients: tiny.backward(values), after: tiny.descend(numbers, 0.5), steps: tiny.STEPS }};
}})));
"""


def random_numbers(seed):
    """Numbers as somebody might set them; the mask in between too."""
    rng = np.random.default_rng(seed)
    drawn = {row: rng.normal(0, 1, len(numbers)).tolist() for row, numbers in DEFAULTS.items()}
    return drawn | {"t": rng.uniform(0, 1, 4).tolist()}


SETTINGS = [DEFAULTS, *map(random_numbers, range(8))]


def autograd(numbers):
    """Values and gradients by letter, by torch; every number keeps its gradient."""
    row = {name: torch.tensor(values, dtype=torch.double, requires_grad=True) for name, values in numbers.items()}

    def kept(name, value):
        value.retain_grad()
        row[name] = value
        return value[None, None] if value.ndim == 1 else value

    c = kept("c", functional.conv1d(row["x"][None, None], row["w"][None, None], row["wb"], padding=1)[0, 0])
    a = kept("a", torch.relu(c)[0, 0])
    m = kept("m", functional.max_pool1d(a, 2)[0, 0])
    d = kept("d", functional.conv1d(m, row["v"][None, None], row["vb"], padding=1)[0, 0])
    r = kept("r", torch.relu(d)[0, 0])
    u = kept("u", functional.conv_transpose1d(r, row["k"][None, None], row["kb"], stride=2)[0, 0])
    s = kept("s", row["a"].clone())
    z = kept("z", functional.conv1d(torch.cat([s, u], 1), row["q"][None, :, None], row["qb"])[0, 0])
    p = kept("p", torch.sigmoid(z)[0, 0])
    losses = kept("l", functional.binary_cross_entropy(p[0, 0], row["t"], reduction="none"))
    kept("L", losses.mean().reshape(1)).backward()
    # torch gives no gradient to a target, so that of the mask is derived again without its function
    t = row["t"].detach().requires_grad_()
    p = row["p"].detach()
    (-(t * p.log() + (1 - t) * (1 - p).log())).mean().backward()
    row["t"].grad = t.grad
    return ({name: value.detach().numpy() for name, value in row.items()},
            {name: value.grad.numpy() for name, value in row.items()})


def same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, row in theirs.items():
        np.testing.assert_allclose(ours[name], row, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("numbers", SETTINGS, ids=["defaults", *map(str, range(8))])
def test_values_and_gradients_are_autograds(numbers):
    values, gradients = autograd(numbers)
    same(forward(numbers), values)
    same(backward(numbers), gradients)


@pytest.fixture(scope="module")
def in_the_browser(tmp_path_factory):
    """What the script computes for each of the settings, by Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node found; see https://nodejs.org")
    file = tmp_path_factory.mktemp("node") / "ask.mjs"
    file.write_text(ASK_NODE.format(tiny=(SCRIPTS / "tiny_unet.js").as_uri(), settings=json.dumps(SETTINGS)), "utf-8")
    return json.loads(subprocess.run([node, str(file)], capture_output=True, text=True, check=True).stdout)


def by_row(numbers, like):
    return {row: [numbers[f"{row}{at}"] for at in range(len(values))] for row, values in like.items()}


def test_the_script_computes_the_same(in_the_browser):
    for numbers, found in zip(SETTINGS, in_the_browser, strict=True):
        values, gradients = autograd(numbers)
        same(by_row(found["values"], values), values)
        same(by_row(found["gradients"], gradients), gradients)
        same(found["after"], descend(numbers, 0.5))


def test_every_number_has_its_step(in_the_browser):
    steps = in_the_browser[0]["steps"]
    assert len(steps) == STEPS
    shown = [[step["name"] for step in steps if step["back"] is back] for back in (False, True)]
    numbers = {f"{row}{at}" for row, values in forward(DEFAULTS).items() for at in range(len(values))}
    assert set(shown[0]) == {name for name in numbers if name.rstrip("0123") not in DEFAULTS}
    assert set(shown[1]) == {name for name in numbers if name[0] != "t"}
    assert all(len(set(names)) == len(names) for names in shown)


def test_the_defaults_by_hand():
    values = forward(DEFAULTS)
    # c₁ = −0.5·1 + 1·2 + 0.5·3 − 1, and c₃ = −0.5·3 + 1·0 + 0.5·0 − 1
    assert values["c"].tolist() == [1, 2, 1, -2.5]
    assert values["a"].tolist() == values["s"].tolist() == [1, 2, 1, 0]
    assert values["m"].tolist() == [2, 1]
    assert values["d"].tolist() == [2, 3]
    assert values["u"].tolist() == [1.5, -0.5, 2, -1]
    assert values["z"].tolist() == [-1.5, 1, -2, 0.5]
    gradients = backward(DEFAULTS)
    np.testing.assert_allclose(gradients["z"], (values["p"] - DEFAULTS["t"]) / 4, rtol=1e-14)
    assert gradients["a"][1] == gradients["s"][1] + gradients["m"][0]  # the fork
    assert gradients["a"][0] == gradients["s"][0]  # lost the maximum
    assert gradients["c"][3] == 0  # closed


def test_descent_finds_the_tumour():
    numbers, losses = DEFAULTS, []
    for _ in range(10):
        losses.append(forward(numbers)["L"][0])
        numbers = descend(numbers, 0.5)
    assert losses == sorted(losses, reverse=True)
    assert (forward(DEFAULTS)["p"] > 0.5).tolist() == [False, True, False, True]
    assert (forward(numbers)["p"] > 0.5).tolist() == [False, True, True, False]
    assert numbers["x"] == DEFAULTS["x"] and numbers["w"] != DEFAULTS["w"]
    assert sum(len(DEFAULTS[row]) for row in WEIGHTS) == 14


def test_rows_of_ones_own():
    widget = Backpropagation(x=[0, 1, 3, 1], t=np.array([0, 0, 1, 0]), chosen="w2")
    assert widget.numbers == DEFAULTS | {"x": [0, 1, 3, 1], "t": [0, 0, 1, 0]}
    assert widget.values["c"].tolist() == forward(widget.numbers)["c"].tolist()
    widget.numbers = DEFAULTS
    assert widget.gradients["L"].tolist() == [1]


@pytest.mark.parametrize(("rows", "complaint"), [
    ({"y": [1]}, "no row 'y'. There are: x, t, w"),
    ({"x": [1, 2, 3]}, "Row x of the tiny U-Net needs 4 numbers from -99 to 99"),
    ({"t": [0, 1, 2, 0]}, "Row t of the tiny U-Net needs 4 numbers from 0 to 1"),
    ({"wb": [LARGEST + 1]}, "Row wb of the tiny U-Net needs 1 number from -99 to 99"),
    ({"w": [1, float("nan"), 1]}, "Row w of the tiny U-Net needs 3 numbers"),
    ({"w": "abc"}, "Row w of the tiny U-Net needs 3 numbers"),
])
def test_what_cannot_be_shown_is_explained(rows, complaint):
    with pytest.raises(ShapeError, match=complaint):
        Backpropagation(**rows)


def test_only_numbers_of_the_graph_can_be_chosen():
    widget = Backpropagation()
    with pytest.raises(traitlets.TraitError, match="such as 'c0' or 'w2'; got 'c4'"):
        widget.chosen = "c4"
    assert widget.chosen == "c0"


def test_sentence_and_still_picture():
    widget = Backpropagation()
    assert widget.describe() == ("Backpropagation through a tiny U-Net of 4 pixels and 14 weights: probabilities 0.18, "
                                 "0.73, 0.12, 0.62 for the mask 0, 1, 1, 0, loss 0.904")
    still = np.array(widget.picture().convert("RGB"))
    red, green, blue = still[248, 592]  # in the lower half of k₀'s box, whose gradient is the largest: red
    assert red > 150 > green and blue < 100
    widget.numbers = descend(DEFAULTS, 0.5)
    assert (np.array(widget.picture().convert("RGB")) != still).any()
