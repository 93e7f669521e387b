"""A moving average of the weights: quieter than the last step's, and usually better."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn


class WeightAverage:
    """The exponential moving average of a model's weights: average ← d · average + (1 − d) · weights, each step.

    The model holds the average, except inside `with average.training()`, where it holds the weights that learn;
    `aside` keeps whichever of the two is not in the model. With `decay` 0 there is no average and nothing moves.

    Batch norm's running means and variances are averaged like the weights: those of a single step belong to
    that step's weights, not to the average. Its counter of batches, a whole number, is copied.

    d is at most (1 + t) / (10 + t) after t steps: else a training of 1000 steps would end with 37 % of its
    random start in the average of decay 0.999. Sources: Polyak & Juditsky 1992; the bound is TensorFlow's.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.aside = {name: value.clone() for name, value in model.state_dict().items()} if decay else {}

    @contextmanager
    def training(self) -> Iterator[None]:
        """Inside, the model holds the weights that learn."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def update(self, steps: int) -> None:
        """Take in the weights after one more step, the one that follows `steps` others; inside `training()`."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        state = self.model.state_dict()
        for name, mean in self.aside.items():
            if mean.is_floating_point():
                mean.lerp_(state[name], 1 - decay)
            else:
                mean.copy_(state[name])

    def load(self, aside: Mapping[str, Tensor]) -> None:
        """Bring back what `aside` held."""
        for name, value in self.aside.items():
            value.copy_(aside[name])

    def _swap(self) -> None:
        state = self.model.state_dict()
        for name, value in self.aside.items():
            held = state[name].clone()
            state[name].copy_(value)
            value.copy_(held)
