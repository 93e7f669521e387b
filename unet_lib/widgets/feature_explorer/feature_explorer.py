"""The feature explorer of lesson 06: every map of the network, at every step of its training, under the reader's brush.

The networks stay in Python. Whatever the reader moves, one forward pass answers with one message of bytes, which the
browser draws; looks are remembered, so that going back costs nothing. A saved notebook keeps the first look only.
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib
import numpy as np
import traitlets
from jaxtyping import Float, UInt8
from PIL import Image

from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import Counts, count
from unet_lib.data.cache import SliceCache
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.data.slice_files import CHANNELS, FLAIR
from unet_lib.inspection.checkpoint_series import Series
from unet_lib.models.architecture import Stage
from unet_lib.plotting.unet_layout import picture_layout
from unet_lib.widgets.feature_explorer.feature_answer import history_of, part_of_answer, stage_list
from unet_lib.widgets.feature_explorer.feature_maps import MEAN, STRONGEST, Maps, look, probability, representative
from unet_lib.widgets.feature_explorer.feature_sheet import feature_sheet
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet
from unet_lib.widgets.shared.patients import busiest, find_slice, patient_list, tumour_strip

REMEMBERED = 200e6
"""Bytes of feature maps kept to come back to."""


class FeatureExplorer(GlassBoxWidget):
    """Look into a U-Net: every stage a picture, every channel, at every step of its training. Paint, and it answers.

        explorer = FeatureExplorer(load_series("data/models/lgg-steps"), open_cache("data/phantom"))
        # or, with one step only: load_series("data/models/lgg-best.safetensors")
        explorer.step, explorer.stage, explorer.channel = 640, "decoder.1", 3
        explorer.map                    # the chosen channel's values, float32 [h, w]
        explorer.maps["bottleneck"]     # any other stage of the same look, [c, h, w]
        explorer.counts.dice()

    `patients` are names to choose from, by default all of the cache. `slice` counts from 1 and begins at the largest
    tumour, `step` at the last. `compare` shows the first step beside the chosen one: "off", "wipe" or "side by side".
    Slices are shown at the size the networks were trained with. Raises SettingsError for networks that look at more
    than one slice, DatasetError for unknown patients or slices.
    """

    _esm = script(__file__)
    _css = stylesheet(__file__)

    stages: traitlets.List[dict] = traitlets.List(help="the plan, with receptive fields: see stage_list").tag(sync=True)
    palette = traitlets.Bytes(help="256 colours, red green blue").tag(sync=True)
    channels = traitlets.List(list(CHANNELS)).tag(sync=True)
    steps: traitlets.List[int] = traitlets.List(help="steps of training at which there is a network").tag(sync=True)
    history = traitlets.Dict(help="step, loss, F1 row by row; Dice of validation patients by step").tag(sync=True)
    patients: traitlets.List[dict] = traitlets.List(help="name, site, missing sequences of each").tag(sync=True)
    strip: traitlets.List[list] = traitlets.List(help="[number, tumour pixels] of each slice").tag(sync=True)
    opening = traitlets.Dict(help="the first look, for views that open later: see _answer").tag(sync=True)
    opening_bytes = traitlets.Bytes(help="its pictures, packed").tag(sync=True)

    silence = traitlets.Unicode("Python does not answer: run this cell again to explore.",
                                help="what is said when nothing answers").tag(sync=True)

    patient = traitlets.Unicode(help="the patient's name").tag(sync=True)
    slice = traitlets.Int(help="the slice's number, counted from 1").tag(sync=True)
    step = traitlets.Int(help="the step of training").tag(sync=True)
    stage = traitlets.Unicode("encoder.2", help="the stage whose channels are shown").tag(sync=True)
    channel = traitlets.Int(0, min=0, help="the channel that is shown large").tag(sync=True)
    compare = traitlets.Enum(("off", "wipe", "side by side"), "off", help="with the first step").tag(sync=True)
    wipe = traitlets.Float(0.5, min=0, max=1, help="fraction of each picture that shows the first step").tag(sync=True)
    scale = traitlets.Enum(("each map", "each stage"), "each map", help="what colours span").tag(sync=True)
    boxes = traitlets.Enum((MEAN, STRONGEST), MEAN, help="what stands for a whole stage").tag(sync=True)
    order = traitlets.Enum(("index", "energy", "roc_auc"), "index", help="of the channels").tag(sync=True)
    opacity = traitlets.Float(1.0, min=0, max=1, help="of the large map over the slice").tag(sync=True)

    def __init__(self, series: Series, cache: SliceCache, patients: Iterable[str] | None = None, **traits: Any):
        if series.config.in_channels != len(CHANNELS):
            raise SettingsError(f"FeatureExplorer needs networks that look at one slice of {len(CHANNELS)} channels; "
                                f"these take {series.config.in_channels}. Train some with context_slices=0.")
        self._series, self._cache, self.plan = series, cache, series.config.plan(series.size)
        self._names = list(patients) if patients is not None else list(cache.names)
        cache.slices_of(self._names)  # raises, with the names there are, for an unknown one
        self._looks: OrderedDict[tuple, Maps] = OrderedDict()
        self._scaled: tuple[int, np.ndarray, np.ndarray] | None = None
        self._painted: UInt8[np.ndarray, "3 s s"] | None = None
        self._paint = ""  # the browser's name for what it painted last
        self._answered: tuple = ()
        patient = traits.setdefault("patient", self._names[0])
        strip = tumour_strip(cache, patient)
        traits = {"slice": busiest(strip), "step": series.steps[-1]} | traits
        palette = np.asarray(matplotlib.colormaps["viridis"](np.arange(256), bytes=True))[:, :3].tobytes()
        super().__init__(stages=stage_list(self.plan), palette=palette, steps=list(series.steps),
                         history=history_of(series), strip=strip,
                         patients=[info for info in patient_list(cache) if info["name"] in self._names], **traits)
        opening, pictures = self._answer()
        self.opening, self.opening_bytes = opening, zlib.compress(pictures)
        self.on_msg(self._hear)
        self.observe(self._turn_patient, "patient")
        self.observe(self._turn_slice, "slice")
        self.observe(lambda _: self._respond(), ("step", "stage", "channel", "compare", "boxes", "order"))

    @property
    def image(self) -> UInt8[np.ndarray, "3 s s"]:
        """What the network is shown, in grey levels: the slice, with whatever was painted on it. A copy."""
        return self._planes.copy()

    @property
    def mask(self) -> UInt8[np.ndarray, "s s"]:
        """The expert's mask of the slice on show: 1 is tumour. A copy."""
        return self._slice()[1].copy()

    @property
    def maps(self) -> Maps:
        """Every stage's maps at the chosen step, and those that `feature_maps.look` finds inside of them. Copies."""
        return {name: found.copy() for name, found in self._look(self.step).items()}

    @property
    def map(self) -> Float[np.ndarray, "h w"]:
        """The values of the channel that is shown large. A copy."""
        return self._look(self.step)[self.stage][self.channel].copy()

    @property
    def counts(self) -> Counts:
        """TP, FP, FN, TN of the network's mask at the chosen step, by the expert's."""
        return count(probability(self._look(self.step)) >= 0.5, self.mask)

    def describe(self) -> str:
        """What is on show, in one sentence."""
        stage = self._stage()
        steps = f" at {len(self.steps)} steps of its training, now step {self.step}" if len(self.steps) > 1 else ""
        return (f"Feature explorer: a U-Net{steps}; patient {self.patient}, slice {self.slice}, Dice "
                f"{self.counts.dice():.2f}; {stage.name} with {stage.out_channels} channels of "
                f"{stage.height}×{stage.width}")

    def picture(self) -> Image.Image:
        """Slice, U and probability at the chosen step, and the chosen channel before and after training."""
        steps, name = [self.steps[0], self.step], f"{self.stage} channel {self.channel}"
        shown = [(f"{name}, step {step}", self._look(step)[self.stage][self.channel]) for step in steps]
        answer = f"step {self.step}, Dice {self.counts.dice():.2f}"
        if len(self.steps) == 1:
            shown, answer = [(name, self.map)], f"Dice {self.counts.dice():.2f}"
        maps = self._look(self.step)
        pictures = {stage.name: representative(maps[stage.name], self.boxes) for stage in self.plan}
        return feature_sheet(picture_layout(self.plan), pictures, shown, self.image[FLAIR], probability(maps),
                             self.mask > 0, answer)

    # ---- what the reader does -----------------------------------------------------------------------------

    @traitlets.validate("patient")
    def _known_patient(self, proposal: dict) -> str:
        if proposal["value"] not in self._names:
            self._cache.slices_of([proposal["value"]])
            raise traitlets.TraitError(f"{proposal['value']} is not among the patients this explorer was given.")
        return proposal["value"]

    @traitlets.validate("slice")
    def _known_slice(self, proposal: dict) -> int:
        find_slice(self._cache, self.patient, proposal["value"])
        return proposal["value"]

    @traitlets.validate("step")
    def _known_step(self, proposal: dict) -> int:
        self._series.at(proposal["value"])
        return proposal["value"]

    @traitlets.validate("stage")
    def _known_stage(self, proposal: dict) -> str:
        names = [stage.name for stage in self.plan]
        if proposal["value"] not in names:
            raise traitlets.TraitError(f"no stage {proposal['value']!r} in this network; it has {', '.join(names)}.")
        return proposal["value"]

    @traitlets.validate("channel")
    def _known_channel(self, proposal: dict) -> int:
        return min(proposal["value"], self._stage().out_channels - 1)  # as a stage is often chosen before its channel

    def _turn_patient(self, _: object) -> None:
        with self.hold_sync():  # one message, so that no view ever shows one patient's slice under another's name
            self.strip = tumour_strip(self._cache, self.patient)
            self.slice = busiest(self.strip)
        self._turn_slice(None)  # the number may be the same

    def _turn_slice(self, _: object) -> None:
        self._painted, self._paint = None, ""
        self._respond()

    def _hear(self, _: object, content: dict, buffers: Sequence[Any]) -> None:
        """A painted slice from a view, named by its `paint`; without pixels the slice as it was. Or a view that opens
        after others, and wants to `look` at what they show."""
        if content.get("kind") == "look":
            self._answered = ()
        if content.get("kind") == "paint" and [self.patient, self.slice] == content["of"]:
            shape = self._planes.shape
            self._painted = np.frombuffer(buffers[0], np.uint8).reshape(shape).copy() if buffers else None
            self._paint = content["paint"]
        self._respond()

    # ---- what Python answers ------------------------------------------------------------------------------

    def _respond(self) -> None:
        if self.channel >= self._stage().out_channels:
            self.channel = self._stage().out_channels - 1  # comes back here
        elif self._state() != self._answered:
            content, pictures = self._answer()
            self.send({"kind": "answer", **content}, [pictures])

    def _state(self) -> tuple:
        return (self.patient, self.slice, self.step, self.stage, self.channel, self.compare, self.boxes, self.order,
                self._paint)

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        """What one picture of the whole needs: a description, and all bytes in a row.

        These are the three planes, the expert's mask, and what `part_of_answer` tells of the chosen step; then of
        the first, if they are compared.
        """
        self._answered = self._state()
        names = ("patient", "slice", "step", "stage", "channel", "compare", "boxes", "order", "paint")
        steps = [self.step] if self.compare == "off" else [self.step, self.steps[0]]
        parts = [self._part(step) for step in steps]
        pictures = [self._planes.tobytes(), self.mask.tobytes(), *(data for _, more in parts for data in more)]
        shown = dict(zip(names, self._answered, strict=True))
        return {"shown": shown, "parts": [part for part, _ in parts]}, b"".join(pictures)

    def _part(self, step: int) -> tuple[dict[str, Any], list[bytes]]:
        told, pictures = part_of_answer(self._series.at(step), self.plan, self._look(step), self.mask, stage=self.stage,
                                        channel=self.channel, boxes=self.boxes, order=self.order)
        return {"step": step, **told}, pictures

    def _look(self, step: int) -> Maps:
        """What the network says at this step, looked up if it has been asked before."""
        key = (step, self._index, self._painted is not None and self._painted.tobytes())
        if key not in self._looks:
            statistics = self._cache.statistics[self._cache.patient_of[self._index]]
            self._looks[key] = look(self._series.at(step), self._planes, statistics)
            size = sum(one.nbytes for one in self._looks[key].values())
            while len(self._looks) > max(2, REMEMBERED // size):
                self._looks.popitem(last=False)
        self._looks.move_to_end(key)
        return self._looks[key]

    @property
    def _index(self) -> int:
        return find_slice(self._cache, self.patient, self.slice)

    @property
    def _planes(self) -> UInt8[np.ndarray, "3 s s"]:
        return self._slice()[0] if self._painted is None else self._painted

    def _slice(self) -> tuple[UInt8[np.ndarray, "3 s s"], UInt8[np.ndarray, "s s"]]:
        """Grey levels and mask at the networks' size, scaled when the slice is turned to."""
        index, size = self._index, self._series.size
        if self._scaled is None or self._scaled[0] != index:
            planes = scale_images(self._cache.images, np.array([index]), size)[0].contiguous().numpy()
            self._scaled = index, planes, scale_masks(self._cache.masks, np.array([index]), size)[0, 0].numpy()
        return self._scaled[1:]

    def _stage(self) -> Stage:
        return next(stage for stage in self.plan if stage.name == self.stage)
