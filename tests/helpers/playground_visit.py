"""Visits to the playground, for its tests: a page in any browser window, and what PyTorch says of the same slice."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from book.playground_site import WEIGHTS
from book.playground_slices import load_slices
from unet_lib.data.intensity import normalise
from unet_lib.inspection.attribution import ablate_skips
from unet_lib.inspection.checkpoint_series import load_series

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SLICES, SERIES = load_slices(), load_series(WEIGHTS)
LAST = SERIES.steps[-1]
FLAIR = 1
NEAR = 2  # pixels whose probability may lie on the other side of the threshold for a last bit


@dataclass
class Visit:
    """A page of the playground. `faults` holds what the browser complained of; `asked` every address it asked for."""

    page: object
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ready(self) -> "Visit":
        self.page.wait_for_selector("main[data-ready]")
        return self

    def answered(self, act: Callable[[], object]) -> None:
        """Do something, and wait until the network has answered for it."""
        self.page.evaluate("delete document.querySelector('main').dataset.drawn")
        act()
        self.page.wait_for_selector("main[data-drawn]", timeout=60_000)

    def dab(self, across: float, down: float) -> None:
        """A touch of the brush at this fraction of the slice."""
        box = self.page.locator(".gb-feat-paint").bounding_box()
        at = box["x"] + across * box["width"], box["y"] + down * box["height"]
        self.answered(lambda: self.page.mouse.click(*at))

    @property
    def marked(self) -> int:
        """Pixels that the network marks, as the page says."""
        return int(self.page.locator(".pg-score b").first.text_content().split()[0])

    @property
    def flair(self) -> np.ndarray:
        """The slice as it is painted now."""
        return self.pixels(".gb-feat-paint canvas")[..., 0]

    def pixels(self, selector: str) -> np.ndarray:
        """Red, green and blue of a canvas's own pixels."""
        width, height, data = self.page.evaluate("""selector => {
            const shown = document.querySelector(selector);
            const { width, height } = shown;
            const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            context.drawImage(shown, 0, 0);
            return [width, height, Array.from(context.getImageData(0, 0, width, height).data)]; }""",
                                                 selector)
        return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]

    def set(self, name: str, value: object) -> None:
        """Move a slider."""
        self.page.get_by_role("slider", name=name, exact=True).fill(str(value))


def logits(planes: np.ndarray, statistics: np.ndarray, step: int = LAST, cut: tuple[int, ...] = ()) -> torch.Tensor:
    """What PyTorch says of the same slice."""
    with ablate_skips(SERIES.at(step), dict.fromkeys(cut, "zeroed")) as network, torch.no_grad():
        return network(normalise(torch.as_tensor(planes)[None], torch.as_tensor(statistics)))[0, 0]


def expected(visit: Visit, patient: int = 0, **how: object) -> int:
    """Pixels that PyTorch marks in the slice as it is painted on the page."""
    planes = SLICES[patient].planes.copy()
    planes[FLAIR] = visit.flair
    return int((torch.sigmoid(logits(planes, SLICES[patient].statistics, **how)) >= 0.5).sum())
