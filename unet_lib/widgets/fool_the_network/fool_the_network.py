"""The first widget of the series: paint a bright spot on a slice, and see whether the network takes it for tumour.

The browser paints, Python answers with the network's mask. Only the square around the head travels, and only FLAIR.
"""

from typing import Any

import numpy as np
import traitlets
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image

from unet_lib.core.errors import SettingsError
from unet_lib.data.cache import SliceCache
from unet_lib.data.slice_files import FLAIR
from unet_lib.inference.predictor import Predictor
from unet_lib.widgets.fool_the_network.two_answers import soft_dab, two_answers
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet
from unet_lib.widgets.shared.masks import packed, to_bits
from unet_lib.widgets.shared.patients import slice_facts

RADIUS, STRENGTH = 20, 60
"""Of the brush at first: pixels, and grey levels added in its middle."""
MARGIN = 8
"""Pixels around the head."""


class FoolTheNetwork(GlassBoxWidget):
    """Paint on a slice's FLAIR channel; the network's outline (blue) answers beside the reference (orange).

        fool = FoolTheNetwork(load_predictor("data/models/lgg-baseline.safetensors", "cpu"), cache, 40)
        fool.flair                      # the channel with what was painted, uint8 [256, 256], a copy
        fool.mask                       # what the network marks in it now
        fool.before, fool.now           # pixels marked before anything was painted, and now
        fool.ask(fool.flair // 2)       # what it would mark in another picture
        fool.flair[fool.square]         # the part on show: its rows and columns

    The other two channels stay as they are. Raises SettingsError for a network that looks at more than one slice.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    side = traitlets.Int(help="height and width of the square on show, in pixels").tag(sync=True)
    white = traitlets.Int(255, help="the grey level that is shown white").tag(sync=True)
    levels = traitlets.Bytes(help="the square's grey levels before anything was painted, packed").tag(sync=True)
    reference_bits = traitlets.Bytes(help="the reference mask there, eight pixels a byte").tag(sync=True)
    example: traitlets.List[int] = traitlets.List(help="row and column of the example stroke").tag(sync=True)
    brush = traitlets.Dict({"radius": RADIUS, "strength": STRENGTH}, help="at first").tag(sync=True)
    before = traitlets.Int(help="pixels marked before anything was painted").tag(sync=True)
    silence = traitlets.Unicode("Python does not answer: click on the grey line above this picture and press Shift + "
                                "Enter.", help="what is said when nothing answers").tag(sync=True)

    # The reader's part: the square's grey levels as painted (none: as they were), and the question's number. No echo:
    # it would come back into the middle of the next stroke. The browser sends a memoryview.
    painted = traitlets.Bytes(help="grey levels, row by row").tag(
        sync=True, echo_update=False, from_json=lambda value, _: bytes(value))
    asked = traitlets.Int(help="counts the questions").tag(sync=True, echo_update=False)
    # The answer, and which question it answers.
    found_bits = traitlets.Bytes(help="the network's mask in the square, eight pixels a byte").tag(sync=True)
    now = traitlets.Int(help="pixels that the network marks now").tag(sync=True)
    answered = traitlets.Int(help="the question that was answered last").tag(sync=True)

    def __init__(self, predictor: Predictor, cache: SliceCache, index: int, **traits: Any):
        if predictor.context_slices:
            raise SettingsError(f"FoolTheNetwork needs a network that looks at one slice; this one looks at "
                                f"{predictor.context_slices} more on either side. Train one with context_slices=0.")
        self._predictor, self._statistics = predictor, cache.statistics[cache.patient_of[index]]
        self._image, self._reference = np.array(cache.images[index]), np.array(cache.masks[index]) > 0
        self._facts = slice_facts(cache, index)
        flair = self._image[..., FLAIR]
        self.square = square_around_head(flair)
        mask = self.ask(flair)
        part = flair[self.square]
        super().__init__(
            side=len(part), white=int(min(255, max(1, 1.5 * part.max()))), levels=packed(part),
            reference_bits=to_bits(self._reference[self.square]), found_bits=to_bits(mask[self.square]),
            before=int(mask.sum()), now=int(mask.sum()), example=opposite(self._reference[self.square]), **traits)
        self._mask = mask
        self.observe(self._answer, "asked")

    @property
    def flair(self) -> UInt8[np.ndarray, "256 256"]:
        """The FLAIR channel with whatever was painted on it. A copy."""
        flair = self._image[..., FLAIR].copy()
        if self.painted:
            flair[self.square] = np.frombuffer(self.painted, np.uint8).reshape(self.side, self.side)
        return flair

    @flair.setter
    def flair(self, flair: Shaped[np.ndarray, "256 256"]) -> None:
        self.painted = np.ascontiguousarray(grey_levels(flair)[self.square]).tobytes()
        self.asked += 1

    @property
    def mask(self) -> Bool[np.ndarray, "256 256"]:
        """What the network marks as tumour now. A copy."""
        return self._mask.copy()

    def ask(self, flair: Shaped[np.ndarray, "256 256"]) -> Bool[np.ndarray, "256 256"]:
        """The network's mask of the slice with this FLAIR channel; what is on show stays. See `grey_levels`."""
        image = self._image.copy()
        image[..., FLAIR] = grey_levels(flair)
        return self._predictor.masks(self._predictor.probabilities(image[None], self._statistics)[0])

    def example_stroke(self) -> UInt8[np.ndarray, "256 256"]:
        """FLAIR as it is now, with one touch of the brush on the healthy side; set `flair` to it to ask the network."""
        flair = self.flair
        flair[self.square] = soft_dab(flair[self.square], self.example, **self.brush)
        return flair

    def describe(self) -> str:
        """The slice and how many pixels are marked, in one sentence."""
        painted = f", {self.before} before anything was painted" if self.painted else ", nothing painted yet"
        return (f"Fool the network: FLAIR of patient {self._facts['patient']}, slice {self._facts['number']}; "
                f"the network marks {self.now} pixels as tumour{painted}")

    def picture(self) -> Image.Image:
        """Two answers side by side: to the slice as it was, and to what was painted (else to the example stroke)."""
        flair = self.flair if self.painted else self.example_stroke()
        looks = [(title, levels[self.square], self.ask(levels))
                 for title, levels in (("before", self._image[..., FLAIR]),
                                       ("painted" if self.painted else "after one stroke of the brush", flair))]
        return two_answers([(f"{title}: {mask.sum():,} pixels marked", part, mask[self.square])
                            for title, part, mask in looks], self._reference[self.square], self.white)

    @traitlets.validate("painted")
    def _fits(self, proposal: dict) -> bytes:
        if len(proposal["value"]) not in (0, self.side**2):
            raise traitlets.TraitError(f"painted should hold {self.side**2} grey levels, or none; got "
                                       f"{len(proposal['value'])}. From Python set flair, an array of 256×256.")
        return proposal["value"]

    def _answer(self, _: object) -> None:
        self._mask = self.ask(self.flair)
        with self.hold_sync():  # one message: mask, count and number belong together
            self.found_bits = to_bits(self._mask[self.square])
            self.now, self.answered = int(self._mask.sum()), self.asked

def grey_levels(flair: Shaped[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Grey levels of any number type as bytes; fractions are cut off.

    Raises SettingsError for a number that is no grey level.
    """
    levels = np.asarray(flair)
    if not (levels >= 0).all() or not (levels <= 255).all():
        raise SettingsError(f"Grey levels are numbers from 0 to 255; got {levels.min()} to {levels.max()}. "
                            f"Cut them off: np.clip(flair, 0, 255).")
    return levels.astype(np.uint8)


def square_around_head(flair: UInt8[np.ndarray, "h w"]) -> tuple[slice, slice]:
    """Rows and columns of the smallest square that holds all pixels brighter than the mean, and a margin.

    The whole slice where all pixels are alike.
    """
    if not np.ptp(flair):
        return slice(0, flair.shape[0]), slice(0, flair.shape[1])
    ends = [(int(hits.min()), int(hits.max()) + 1) for hits in np.nonzero(flair > flair.mean())]
    side = min(max(high - low for low, high in ends) + 2 * MARGIN, *flair.shape)
    starts = [min(max((low + high - side) // 2, 0), length - side)
              for (low, high), length in zip(ends, flair.shape, strict=True)]
    return slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)


def opposite(reference: Shaped[np.ndarray, "s s"]) -> list[int]:
    """Row and column of the tumour's middle, in the other half of the head; the square's middle without a tumour."""
    side = len(reference)
    if not reference.any():
        return [side // 2, side // 2]
    row, column = (int(hits.mean()) for hits in np.nonzero(reference))
    return [row, side - 1 - column]
