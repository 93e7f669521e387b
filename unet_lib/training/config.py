"""How to train, as plain data that is checked once and travels with the weights."""

import math
from dataclasses import dataclass

from unet_lib.core.devices import PRECISIONS
from unet_lib.core.errors import SettingsError
from unet_lib.training.losses import LOSSES

SCHEDULES = ("constant", "cosine", "one_cycle")
MOST_EPOCHS = 1_000_000
WARM_UP, START = 0.3, 1 / 25  # of `one_cycle`: as in torch's OneCycleLR


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How to train. The school project's settings were loss `bce`, Adam at 0.001, `constant`.

    - `schedule`, step by step: `cosine` lets the learning rate fall to 0 along half a cosine wave, so that
      the last weights are settled ones; `one_cycle` first climbs from 1/25 to the full rate in a straight line
      over 30 % of the steps, then falls like the cosine (after Smith & Topin 2018).
    - `clip`: the gradient of all weights taken together is shortened to this length where it is longer; 0 = never.
    - `ema`: validation, best.safetensors and the finished model use a moving average of the weights that keeps
      this fraction of itself at every step, say 0.999 (see `ema.MovingAverage`); in [0, 1), 0 = off.
    - `patience`: stop after so many epochs without a better validation F1; 0 = never.
    - `deterministic`: refuse operations whose bits differ from run to run. CPUs have none here; GPUs get slower.
    - `compile`: let torch.compile fuse the training's forward and backward pass, which costs half a minute first.
      On one CPU core it took a quarter less time at base 16 and 128×128, and nothing at base 8 and 64×64.

    Raises SettingsError.
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    loss: str = "bce_dice"
    precision: str = "auto"
    schedule: str = "constant"
    clip: float = 0.0
    ema: float = 0.0
    patience: int = 0
    deterministic: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise SettingsError(f"expected a loss out of {', '.join(LOSSES)}; got {self.loss!r}.")
        if self.schedule not in SCHEDULES:
            raise SettingsError(f"expected a schedule out of {', '.join(SCHEDULES)}; got {self.schedule!r}.")
        if not 1 <= self.epochs <= MOST_EPOCHS or not 0 < self.learning_rate < math.inf:
            raise SettingsError(f"expected epochs from 1 to {MOST_EPOCHS:,} and a finite learning_rate > 0; "
                                f"got {self.epochs} and {self.learning_rate}. 20 and 0.001 are usual.")
        if not 0 <= self.clip < math.inf or self.patience < 0:
            raise SettingsError(f"expected a finite clip ≥ 0 and patience ≥ 0, where 0 turns them off; "
                                f"got {self.clip} and {self.patience}.")
        if self.precision not in PRECISIONS:
            raise SettingsError(f"expected a precision out of {', '.join(PRECISIONS)}; got {self.precision!r}.")
        if not 0 <= self.ema < 1:
            raise SettingsError(f"expected 0 ≤ ema < 1; got {self.ema}. 0 turns it off, 0.999 is usual.")

    def rate(self, epochs_done: float) -> float:
        """The learning rate after so many epochs, parts of one included."""
        done = epochs_done / self.epochs
        if self.schedule == "cosine":
            return self.learning_rate * _half_wave(done)
        if self.schedule == "one_cycle":
            climbed = START + (1 - START) * done / WARM_UP
            return self.learning_rate * (climbed if done < WARM_UP else _half_wave((done - WARM_UP) / (1 - WARM_UP)))
        return self.learning_rate


def _half_wave(done: float) -> float:
    """From 1 to 0 as `done` goes from 0 to 1."""
    return (1 + math.cos(math.pi * done)) / 2
