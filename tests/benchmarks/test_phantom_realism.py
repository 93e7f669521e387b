"""What the comparison of phantoms with real patients measures, on squares whose numbers one can count."""

import numpy as np
import pytest

from benchmarks.realism.phantom_realism import tumour_contrast

TUMOUR = np.s_[1, 20:30, 20:30]


def test_contrast_of_a_bright_square():
    flair, masks = np.full((3, 60, 60), 100), np.zeros((3, 60, 60), bool)
    flair[1, 18:32, 18:32] = 120                    # within two pixels of the tumour, but for the corners
    flair[TUMOUR], masks[TUMOUR] = 200, True
    flair[1, 20:30, 20:22], flair[1, 20:30, 22:24] = 50, 100      # a fifth is darker than around, a fifth the same
    assert tumour_contrast(flair, masks, np.ones_like(masks)) == {
        "FLAIR, tumour / around": 2, "FLAIR, just outside / around": 1.2,
        "tumour against around (AUC)": pytest.approx(0.6 + 0.2 / 2, abs=0.01), "border pixels / √area": 36 / 10}
