"""The committed arrays that scenes show, made by `make_arrays` from a phantom patient."""

import json
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("arrays.npz")


@cache
def load(name: str) -> np.ndarray:
    """One array by name; maps that were packed come back as floats. Raises KeyError with names like it."""
    with np.load(FILE) as file:
        if name not in file:
            near = ", ".join(get_close_matches(name, file, 8, 0.3))
            raise KeyError(f"no array {name!r} in {FILE.name}; expected a name like {near}.")
        values = file[name]
        return values * (file[f"{name} reach"] / 127) if f"{name} reach" in file else values


def made() -> dict[str, Any]:
    """The command, data, patient, slice and weights that the arrays come from."""
    return json.loads(str(load("made")))
