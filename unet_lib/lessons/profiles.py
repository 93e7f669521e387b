"""The size of a lesson's live computations, `UNET_PROFILE`, and what has to come of them.

The same cells run everywhere; only these settings differ.
"""

import os
from dataclasses import dataclass

from unet_lib.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Profile:
    """A network and a training that fit the machine: `smoke` for tests, `cpu` for laptops, `gpu`."""

    name: str
    epochs: int
    base: int
    depth: int
    size: int
    batch: int


PROFILES = {
    "smoke": Profile("smoke", epochs=2, base=4, depth=3, size=32, batch=16),
    "cpu": Profile("cpu", epochs=6, base=8, depth=4, size=96, batch=8),
    "gpu": Profile("gpu", epochs=50, base=64, depth=4, size=256, batch=16),
}


def profile() -> Profile:
    """The profile named by the environment variable UNET_PROFILE; `cpu` if it is not set."""
    name = os.environ.get("UNET_PROFILE", "cpu")
    if name not in PROFILES:
        raise SettingsError(f"UNET_PROFILE must be one of {', '.join(PROFILES)}; got {name!r}.")
    return PROFILES[name]


def claim(true: object) -> None:
    """Raise AssertionError if what a lesson's text says of its numbers is not true; only with UNET_CHECK=1.

    Tests set it. A reader may stop a training, or change data, epochs and seeds, and then need not see it come true.
    """
    if os.environ.get("UNET_CHECK") == "1" and not true:
        raise AssertionError("The text says something else than these numbers.")
