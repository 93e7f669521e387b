"""What a training must know of its steps, kept on the device until it is asked for: to ask is to wait."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unet_lib.core.metrics import count_on_device
from unet_lib.models.common import to_mask


class StepRecords:
    """The loss of each step, and TP, FP, FN, TN of each of its slices."""

    def __init__(self) -> None:
        self.losses: list[Float[Tensor, ""]] = []
        self.counts: list[Int[Tensor, "n 4"]] = []

    def __len__(self) -> int:
        return len(self.losses)

    def add(self, loss: Float[Tensor, ""], logits: Float[Tensor, "n 1 h w"], masks: Float[Tensor, "n 1 h w"]) -> None:
        """Keep these of one more step. Nothing is read, so the device may still be computing them."""
        self.losses.append(loss.detach())
        self.counts.append(count_on_device(to_mask(logits.detach()), masks))

    def read(self) -> tuple[list[float], list[Int[np.ndarray, "n 4"]]]:
        """Wait for the device; a loss and an array of counts for each step, which are forgotten here."""
        if not self.losses:
            return [], []
        losses, rows = torch.stack(self.losses).tolist(), torch.cat(self.counts).cpu().numpy()
        ends = np.cumsum([len(counts) for counts in self.counts])
        self.losses, self.counts = [], []
        return losses, np.split(rows, ends[:-1])
