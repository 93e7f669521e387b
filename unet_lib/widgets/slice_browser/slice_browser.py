"""The slice and channel browser of lesson 01: every slice, every channel, every number under the pointer.

The cache stays in Python. When the reader turns to another slice, exactly that slice is sent, without loss,
as one packed bytes trait; so a hovered number is the file's number, and a saved notebook stays small.
"""

import zlib

import numpy as np
import traitlets
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

from unet_lib.data.cache import SliceCache
from unet_lib.data.slice_files import CHANNELS
from unet_lib.widgets.shared.base import GlassBoxWidget, overlay, script, stylesheet
from unet_lib.widgets.shared.patients import busiest, find_slice, patient_list, slice_facts, tumour_strip

ALL = "all"
ZLIB_LEVEL = 1
"""The fastest: higher levels save a tenth of the size and cost the slider its lightness."""


class SliceBrowser(GlassBoxWidget):
    """Look through a data set, slice by slice and channel by channel.

        browser = SliceBrowser(open_cache("data/phantom"))
        browser.patient, browser.slice = "TCGA_DU_6404_19850629", 12
        browser.image[row, column]      # the three numbers under the pointer, as an array
        browser.mask[row, column]

    `patient` and `slice` (its number, counted from 1) may be left out: then the first patient and the slice
    with the largest tumour are shown. With `tell_missing=False` nothing is said about missing sequences, so
    that the reader can find them.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    channels = traitlets.List(list(CHANNELS)).tag(sync=True)
    patients: traitlets.List[dict] = traitlets.List(help="name, site, missing sequences of each").tag(sync=True)
    strip: traitlets.List[list] = traitlets.List(help="[number, tumour pixels] of each slice").tag(sync=True)
    shown = traitlets.Dict(help="what `pixels` holds: see slice_payload").tag(sync=True)
    pixels = traitlets.Bytes(help="the slice, packed: see slice_payload").tag(sync=True)

    patient = traitlets.Unicode(help="the patient's name").tag(sync=True)
    slice = traitlets.Int(help="the slice's number, counted from 1").tag(sync=True)
    view = traitlets.Enum((ALL, *CHANNELS), ALL, help="all channels, or one of them, large").tag(sync=True)
    outline = traitlets.Bool(True, help="draw the mask's outline").tag(sync=True)
    tint = traitlets.Bool(True, help="colour the mask's inside").tag(sync=True)
    window = traitlets.Tuple((0, 255), help="grey levels drawn black and white").tag(sync=True)
    pixel = traitlets.Tuple((128, 128), help="(row, column) of the chosen pixel").tag(sync=True)
    silence = traitlets.Unicode("Python does not answer: run this cell again to turn the pages.",
                                help="what is said when nothing answers").tag(sync=True)

    def __init__(self, cache: SliceCache, patient: str | None = None, slice: int | None = None, *,
                 tell_missing: bool = True, **traits: object):
        self._cache = cache
        patient = patient or cache.patients[0].name
        strip = tumour_strip(cache, patient)
        slice = busiest(strip) if slice is None else slice
        index = find_slice(cache, patient, slice)
        traits = {"pixel": border_pixel(cache.masks[index] > 0)} | traits
        super().__init__(patients=patient_list(cache, tell_missing), strip=strip, patient=patient, slice=slice,
                         **slice_payload(cache, index), **traits)
        self.observe(self._turn_patient, "patient")
        self.observe(self._turn_slice, "slice")

    @property
    def image(self) -> UInt8[np.ndarray, "256 256 3"]:
        """The slice on show: pre-contrast, FLAIR, post-contrast."""
        return self._cache.images[self._index]

    @property
    def mask(self) -> UInt8[np.ndarray, "256 256"]:
        """The mask of the slice on show: 1 is tumour."""
        return self._cache.masks[self._index]

    def describe(self) -> str:
        """The patient, the slice and its tumour pixels, in one sentence."""
        return f"Slice browser: {self.shown['text']}"

    def picture(self) -> Image.Image:
        """The three channels side by side, with contrast and mask as they are set to be drawn."""
        black, white = self.window
        levels = np.clip((self.image - float(black)) * 255 / (white - black), 0, 255).astype(np.uint8)
        return contact_sheet(levels, self.mask > 0, outline=self.outline, tint=self.tint)

    @property
    def _index(self) -> int:
        return find_slice(self._cache, self.patient, self.slice)

    @traitlets.validate("patient")
    def _known_patient(self, proposal: dict) -> str:
        self._cache.slices_of([proposal["value"]])  # raises, with the names there are, for an unknown one
        return proposal["value"]

    @traitlets.validate("slice")
    def _known_slice(self, proposal: dict) -> int:
        find_slice(self._cache, self.patient, proposal["value"])
        return proposal["value"]

    def _turn_patient(self, _: object) -> None:
        with self.hold_sync():  # one message, so that no view ever shows one patient's slice under another's name
            self.strip = tumour_strip(self._cache, self.patient)
            self.slice = busiest(self.strip)
            self._turn_slice(None)
            self.pixel = border_pixel(self.mask > 0)

    def _turn_slice(self, _: object) -> None:
        with self.hold_sync():
            for name, value in slice_payload(self._cache, self._index).items():
                setattr(self, name, value)


def slice_payload(cache: SliceCache, index: int) -> dict:
    """What the browser needs to show one slice.

    `pixels` is zlib-packed: four planes of height × width bytes, the three channels and the mask as 0 and 1.
    `shown` says which slice that is (see `slice_facts`), and its height and width.
    """
    if not 0 <= index < len(cache.images):
        raise IndexError(f"slice index {index} is outside this cache of {len(cache.images)} slices "
                         f"(0 to {len(cache.images) - 1}).")
    mask = (cache.masks[index] > 0).astype(np.uint8)
    planes = np.concatenate([np.moveaxis(cache.images[index], -1, 0), mask[None]])
    return {"pixels": zlib.compress(planes.tobytes(), ZLIB_LEVEL),
            "shown": slice_facts(cache, index) | {"height": mask.shape[0], "width": mask.shape[1]}}


def border_pixel(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int]:
    """A pixel worth a first look: the tumour's left edge half-way down it; else the middle of the picture."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return mask.shape[0] // 2, mask.shape[1] // 2
    row = int(rows[rows.size // 2])
    return row, int(np.argmax(mask[row]))


def contact_sheet(image: UInt8[np.ndarray, "h w c"], mask: Bool[np.ndarray, "h w"], *,
                  outline: bool = True, tint: bool = True, gap: int = 8, head: int = 22) -> Image.Image:
    """The channels side by side on black, each under its name."""
    height, width, channels = image.shape
    sheet = Image.new("RGB", (channels * (width + gap) + gap, height + head + gap), "black")
    pen = ImageDraw.Draw(sheet)
    for channel in range(channels):
        left = gap + channel * (width + gap)
        pen.text((left, 4), CHANNELS[channel], "white", ImageFont.load_default(13))
        sheet.paste(Image.fromarray(overlay(image[..., channel], mask, outline, tint)), (left, head))
    return sheet
