"""Widgets of the lessons that ask a network: their state in a page, made with what the site brings along, not saved.

The networks of lesson 06 at all their steps would be 13 MB of scripts. So these widgets show the playground's, which is
there anyway, and three phantoms; a sentence beside them says so. Scripts in `live/answers/` answer in Python's place.
"""

import base64
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from book.delivery import deliver
from book.phantom_slices import SIZE, load_cache
from book.playground_site import WEIGHTS
from unet_lib.data.cache import SliceCache
from unet_lib.data.preprocessing import scale_images, scale_masks
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.widgets.feature_explorer import FeatureExplorer
from unet_lib.widgets.shared.base import GlassBoxWidget
from unet_lib.widgets.shared.masks import packed
from unet_lib.widgets.shared.patients import slice_facts, tumour_strip
from unet_lib.widgets.skip_switchboard import SkipSwitchboard

SILENCE = "The network does not answer. Load the page again."
NOTE = ("On this page the <a href='../index.html'>playground</a>'s network answers. It has three levels instead of "
        "four, and learnt from real patients and phantoms. The figures in the text belong to the lesson's larger "
        "network, which you have in JupyterLab.")


def feature_explorer() -> FeatureExplorer:
    """As the page opens it."""
    series, patients = _brought_along()
    return FeatureExplorer(series, patients, silence=SILENCE)


def skip_switchboard() -> SkipSwitchboard:
    """As the page opens it."""
    series, patients = _brought_along()
    return SkipSwitchboard(Predictor(series.networks[-1], {}, size=series.size), patients, silence=SILENCE)


MADE: dict[str, Callable[[], GlassBoxWidget]] = {"feature_explorer": feature_explorer,
                                                 "skip_switchboard": skip_switchboard}


@cache
def page_state(widget: str) -> dict[str, Any]:
    """A widget of MADE as notebooks save one; `network` names the weights of those that ask only one."""
    return saved_like(MADE[widget](), network=f"step-{_brought_along()[0].steps[-1]:04}")


def saved_like(widget: GlassBoxWidget, **more: Any) -> dict[str, Any]:
    """A widget's state as notebooks save it, with `more` for those who answer in a page; bytes lie apart."""
    traits = widget.get_state() | more
    data = {name: value for name, value in traits.items() if isinstance(value, bytes | memoryview)}
    return {"state": {name: value for name, value in traits.items() if name not in data},
            "buffers": [{"path": [name], "data": _base64(value)} for name, value in data.items()]}


def write_patients(folder: Path) -> None:
    """The phantoms that the pages show, a script for each patient."""
    patients = load_cache()
    for name in patients.names:
        deliver(folder, f"patient-{name}", packed_patient(patients, name), file=name)


def packed_patient(patients: SliceCache, name: str) -> dict[str, Any]:
    """What the widgets need of a patient: `pixels` holds planes and mask, slice by slice, packed."""
    indices = patients.slices_of([name])
    planes, masks = (scale(pixels, indices, SIZE).contiguous().numpy() for scale, pixels in
                     ((scale_images, patients.images), (scale_masks, patients.masks)))
    pixels = packed(np.concatenate([planes, masks], axis=1))
    return {"name": name, "size": SIZE, "strip": tumour_strip(patients, name),
            "facts": [slice_facts(patients, index) for index in indices.tolist()],
            "statistics": patients.statistics[patients.names.index(name)].tolist(),
            "pixels": _base64(pixels)}


def _base64(data: bytes | memoryview) -> str:
    return base64.b64encode(data).decode("ascii")


@cache
def _brought_along() -> tuple[Series, SliceCache]:
    return load_series(WEIGHTS), load_cache()
