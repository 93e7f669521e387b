"""The skip switchboard of lesson 06: cut the U-Net's skip connections one by one, and see what becomes of its answer.

The network stays in Python and answers each switch with one forward pass, which is remembered. What it answers is what
*this* network makes of it, which never learnt to do without; beside it stands what others reached that did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, replace
from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
import traitlets
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from unet_lib.core.metrics import count
from unet_lib.data.cache import SliceCache
from unet_lib.data.slice_files import FLAIR
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.activations import known_network
from unet_lib.models.architecture import Stage
from unet_lib.plotting.unet_layout import layout
from unet_lib.widgets.shared.base import GlassBoxWidget, border, script, stylesheet
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, blend, packed
from unet_lib.widgets.shared.patients import busiest, find_slice, patient_list, slice_facts, tumour_strip
from unet_lib.widgets.skip_switchboard.skip_answers import SkipAnswer, figures_of, passed_on, probability_of

STATES = ("on", "zeroed", "mean", "swapped")
LOST, GAINED = (204, 121, 167), (0, 158, 115)
"""Purple and green, of Okabe & Ito's palette; `shared/colours.js` says the same."""
BOTTLENECK, FIRST_ROW, ROOM = 34.0, 70.0, 44.0
"""Units: width of the bottleneck, height of the first row, and how much longer a skip is than elsewhere."""
REMEMBERED = 64
"""Answers kept to come back to, a third of a megabyte each."""
PALETTE = np.asarray(matplotlib.colormaps["viridis"](np.arange(256), bytes=True))[:, :3]


class SkipSwitchboard(GlassBoxWidget):
    """Switch each skip connection of a U-Net, and see at once which pixels its answer loses and gains.

        board = SkipSwitchboard(load_predictor(weights), open_cache("data/phantom"))
        board.skips = ["zeroed", "on", "on", "on"]      # level 1, the uppermost and finest, comes first
        board.now.counts.dice(), board.whole.counts.dice()          # with the switches as they are, and all on
        board.now.mask                                              # [256, 256], as Predictor answers

    A skip that is not `on` hands the decoder something else: zeros (`zeroed`), each channel's mean over its map
    (`mean`), or the maps of the next patient's slice with the largest tumour (`swapped`). `patients` are names to
    choose from, by default all of the cache; `slice` counts from 1 and begins at the largest tumour. At first that skip
    is zeroed which changes most pixels of the answer without costing more than half of its Dice. `runs` are rows
    of `benchmarks/ablations/skip_ablation.py`, which tell what networks reached that were trained without a skip. A
    bare network becomes a predictor by `Predictor(network, {}, size=128)`; it is asked without test-time augmentation
    and batch-norm adaptation, and no small component is removed. Raises SettingsError for a network without a plan or
    for other rows, DatasetError for unknown patients. A saved notebook grows by roughly 200 kB.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    levels: traitlets.List[dict] = traitlets.List(help="what passes each skip, uppermost first").tag(sync=True)
    states: traitlets.List[str] = traitlets.List(help="what a skip can be").tag(sync=True)
    drawing = traitlets.Dict(help="where the boxes of the U stand").tag(sync=True)
    palette = traitlets.Bytes(PALETTE.tobytes(), help="256 colours of probabilities, red green blue").tag(sync=True)
    figures = traitlets.Dict(help="see figures_of").tag(sync=True)
    patients: traitlets.List[dict] = traitlets.List(help="name, site, missing sequences of each").tag(sync=True)
    strip: traitlets.List[list] = traitlets.List(help="[number, tumour pixels] of each slice").tag(sync=True)

    silence = traitlets.Unicode("Python does not answer, so the pictures are still the last ones: run this cell again.",
                                help="what is said when nothing answers").tag(sync=True)

    patient = traitlets.Unicode(help="the patient's name").tag(sync=True)
    slice = traitlets.Int(help="the slice's number, counted from 1").tag(sync=True)
    skips: traitlets.List[str] = traitlets.List(help="each skip's state, uppermost first").tag(sync=True)
    close_up = traitlets.Bool(False, help="show only the tumour's surroundings").tag(sync=True)

    shown = traitlets.Dict(help="which slice `pixels` holds: see slice_facts").tag(sync=True)
    pixels = traitlets.Bytes(help="FLAIR and the expert's mask, packed").tag(sync=True)
    answer = traitlets.Dict(help="what was asked, and counts: see _respond").tag(sync=True)
    maps = traitlets.Bytes(help="probability (255 is 1), mask, and mask with all skips on, packed").tag(sync=True)

    def __init__(self, predictor: Predictor, cache: SliceCache, patients: Iterable[str] | None = None, *,
                 runs: Iterable[Mapping[str, Any]] = (), **traits: Any):
        stages = known_network(predictor.model).plan(predictor.size)
        self._cache = cache
        self._predictor = replace(predictor, flip_tta=False, min_component_size=0, batch_norm_adaptation=0.0)
        self._names = list(cache.names if patients is None else patients)
        cache.slices_of(self._names)  # raises, with the names there are, for an unknown one
        self._answer_to, self._maps_of = lru_cache(REMEMBERED)(self._ask), lru_cache(1)(self._pass_on)
        traits = {"patient": self._names[0]} | traits
        strip = tumour_strip(cache, traits["patient"])
        skips = level_list(stages)
        self._states = STATES if len(cache.patients) > 1 else STATES[:-1]
        self._depth = len(skips)
        chosen = "skips" in traits
        traits = {"slice": busiest(strip), "skips": ["on"] * self._depth} | traits
        super().__init__(levels=skips, states=list(self._states), drawing=drawing_of(stages), strip=strip,
                         figures=figures_of(runs, self._depth),
                         patients=[info for info in patient_list(cache) if info["name"] in self._names], **traits)
        if not chosen:
            self.skips = self._worth_seeing()
        self._turn_slice()
        self.observe(self._turn_patient, "patient")
        self.observe(self._turn_slice, "slice")
        self.observe(self._respond, "skips")

    @property
    def now(self) -> SkipAnswer:
        """The network's answer with the switches as they are."""
        return self._answer_to(self._index, tuple(self.skips))

    @property
    def whole(self) -> SkipAnswer:
        """Its answer with all skips on."""
        return self._answer_to(self._index, ("on",) * self._depth)

    def describe(self) -> str:
        """Slice, switches and Dice in one sentence."""
        return f"Skip switchboard: {self.shown['text']}; {self._verdict()}"

    def picture(self) -> Image.Image:
        """The network's answer over FLAIR, its probabilities, and what the switches changed."""
        flair, reference = self._cache.images[self._index][..., FLAIR], self._reference
        return sheet(self._verdict(), {"answer": answered(flair, self.now.mask, reference),
                                       "probability": _outlined(PALETTE[_levels(self.now.probability)], reference),
                                       "changed": changed(flair, self.now.mask, self.whole.mask, reference)})

    # ---- what the reader does -----------------------------------------------------------------------------

    @traitlets.validate("patient")
    def _known_patient(self, proposal: dict) -> str:
        self._cache.slices_of([proposal["value"]])
        if proposal["value"] not in self._names:
            raise traitlets.TraitError(f"{proposal['value']} is not among the patients this switchboard was given.")
        return proposal["value"]

    @traitlets.validate("slice")
    def _known_slice(self, proposal: dict) -> int:
        find_slice(self._cache, self.patient, proposal["value"])
        return proposal["value"]

    @traitlets.validate("skips")
    def _known_states(self, proposal: dict) -> list[str]:
        states = list(proposal["value"])
        if len(states) != self._depth or not set(states) <= set(self._states):
            raise traitlets.TraitError(f"skips should name a state for each of the {self._depth} levels, out of "
                                       f"{', '.join(self._states)}; got {states}.")
        return states

    def _turn_patient(self, _: object = None) -> None:
        with self.hold_sync():  # one message, so that no view ever shows one patient's slice under another's name
            self.strip = tumour_strip(self._cache, self.patient)
            number = busiest(self.strip)
            if number == self.slice:
                self._turn_slice()
            self.slice = number

    def _turn_slice(self, _: object = None) -> None:
        with self.hold_sync():
            self.shown = slice_facts(self._cache, self._index) | {
                "height": self._reference.shape[0], "width": self._reference.shape[1], "other": self._other_text()}
            self.pixels = packed(np.stack([self._cache.images[self._index][..., FLAIR], self._reference]))
            self._respond()

    # ---- what Python answers ------------------------------------------------------------------------------

    def _respond(self, _: object = None) -> None:
        """`answer` repeats what was asked, so that the browser can tell an old answer from the newest."""
        now, whole = self.now, self.whole
        with self.hold_sync():
            self.answer = {"patient": self.patient, "slice": self.slice, "skips": list(self.skips),
                           "counts": astuple(now.counts), "whole": astuple(whole.counts),
                           "lost": int((whole.mask & ~now.mask).sum()), "gained": int((now.mask & ~whole.mask).sum())}
            self.maps = packed(np.stack([_levels(now.probability), now.mask, whole.mask]))

    def _ask(self, index: int, skips: tuple[str, ...]) -> SkipAnswer:
        changes = {level: self._maps_of(self._other)[level] if state == "swapped" else state
                   for level, state in enumerate(skips, 1) if state != "on"}
        probability = probability_of(self._predictor, self._cache, index, changes)
        mask = self._predictor.masks(probability)
        return SkipAnswer(probability, mask, count(mask, np.asarray(self._cache.masks[index]) > 0))

    def _worth_seeing(self) -> list[str]:
        """The skip zeroed that changes most pixels without costing more than half of the Dice; all on if each does."""
        whole, answers = self.whole, {}
        for level in range(self._depth):
            skips = ["zeroed" if other == level else "on" for other in range(self._depth)]
            answers[tuple(skips)] = self._answer_to(self._index, tuple(skips))
        kept = [skips for skips, one in answers.items() if 2 * one.counts.dice() >= whole.counts.dice()]
        changed = [int(np.sum(answers[skips].mask != whole.mask)) for skips in kept]
        return list(kept[int(np.argmax(changed))]) if kept else ["on"] * self._depth

    def _pass_on(self, index: int) -> dict[int, Float[Tensor, "1 _ _ _"]]:
        return passed_on(self._predictor, self._cache, index)

    @property
    def _index(self) -> int:
        return find_slice(self._cache, self.patient, self.slice)

    @property
    def _reference(self) -> Bool[np.ndarray, "h w"]:
        return np.asarray(self._cache.masks[self._index]) > 0

    @property
    def _other(self) -> int:
        """Where the slice lies whose maps are swapped in: the next patient's with the largest tumour."""
        names = self._cache.names
        name = names[(names.index(self.patient) + 1) % len(names)]
        return find_slice(self._cache, name, busiest(tumour_strip(self._cache, name)))

    def _other_text(self) -> str:
        facts = slice_facts(self._cache, self._other)
        return f"{facts['patient']}, slice {facts['number']}"

    def _verdict(self) -> str:
        off = [f"skip {level} {state}" for level, state in enumerate(self.skips, 1) if state != "on"]
        whole = f"{self.whole.counts.dice():.2f}"
        if not off:
            return f"all skips on, Dice {whole}"
        now = f"{', '.join(off)}: Dice {self.now.counts.dice():.2f} instead of {whole}"
        return f"{now}, {self.answer['lost']} pixels lost and {self.answer['gained']} gained"


def level_list(stages: Sequence[Stage]) -> list[dict[str, int]]:
    """What passes the skip of each level: channels, height and width of the encoder's maps, the uppermost first."""
    return [{"channels": stage.out_channels, "height": stage.height, "width": stage.width}
            for stage in stages if stage.name.startswith("encoder.")]


def drawing_of(stages: Sequence[Stage]) -> dict[str, Any]:
    """Boxes and arrows of the U as plain data, with room for a switch on each skip."""
    widest = max(stage.out_channels for stage in stages)
    place = layout(stages, BOTTLENECK / widest**0.5, FIRST_ROW / stages[-1].height**0.5, ROOM)
    return {"width": place.width, "height": place.height,
            **{name: [asdict(part) for part in getattr(place, name)] for name in ("boxes", "arrows")}}


def answered(grey: UInt8[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"],
             reference: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """The network's mask as a tint and an outline, the expert's as an outline."""
    rgb = np.repeat(grey[..., None], 3, axis=2)
    blend(rgb, mask, NETWORK, 0.35)
    blend(rgb, border(mask), NETWORK, 0.95)
    return _outlined(rgb, reference)


def changed(grey: UInt8[np.ndarray, "h w"], now: Bool[np.ndarray, "h w"], whole: Bool[np.ndarray, "h w"],
            reference: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Kept pixels evenly blue, lost ones in purple stripes, gained ones in green stripes the other way."""
    rgb = np.repeat(grey[..., None], 3, axis=2)
    row, column = np.indices(grey.shape)
    blend(rgb, now & whole, NETWORK, 0.35)
    for where, colour, across in ((whole & ~now, LOST, row - column), (now & ~whole, GAINED, row + column)):
        stripe = across % 4 < 2
        blend(rgb, where & stripe, colour, 0.9)
        blend(rgb, where & ~stripe, colour, 0.4)
    return _outlined(rgb, reference)


def sheet(title: str, pictures: Mapping[str, UInt8[np.ndarray, "h w 3"]], gap: int = 8, head: int = 44) -> Image.Image:
    """The pictures side by side on black, each under its name, all under a title."""
    height, width, _ = next(iter(pictures.values())).shape
    page = Image.new("RGB", (len(pictures) * (width + gap) + gap, height + head + gap), "black")
    pen = ImageDraw.Draw(page)
    pen.text((gap, 4), title, "white", ImageFont.load_default(14))
    for place, (name, picture) in enumerate(pictures.items()):
        left = gap + place * (width + gap)
        pen.text((left, head - 18), name, "#bbbbbb", ImageFont.load_default(12))
        page.paste(Image.fromarray(picture), (left, head))
    return page


def _outlined(rgb: UInt8[np.ndarray, "h w 3"], reference: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    blend(rgb, border(reference), REFERENCE, 0.95)
    return rgb


def _levels(probability: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    return np.rint(255 * probability).astype(np.uint8)
