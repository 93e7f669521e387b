"""byhand.compare: what it prints, and what it does not let pass."""

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from unet_lib import byhand
from unet_lib.byhand import compare


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


def test_a_label_says_what_agrees(capsys):
    compare(np.ones(2000) + 2.0**-52, np.ones(2000), tolerance=1e-10, label="grad_x, PyTorch")
    compare(1.0, torch.tensor(1.0), tolerance=0, label="the bias")
    assert capsys.readouterr().out == "grad_x, PyTorch: 2,000 values agree to 1e-10\nthe bias: 1 value agrees exactly\n"


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
