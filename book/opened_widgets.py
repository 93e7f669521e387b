"""Widgets of the lessons that a page opens where the lesson did, but with slices that the site brings along.

Scripts in `live/answers/` answer in Python's place. `page_states` makes those that look into a network.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from book.browser_slices import SLICES, load_browser_cache
from book.page_states import SILENCE, saved_like
from book.phantom_slices import SIZE
from book.playground_site import WEIGHTS
from unet_lib.core.paths import repository
from unet_lib.data.intensity import normalise
from unet_lib.data.preprocessing import scale_images
from unet_lib.data.slice_files import FLAIR
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.checkpoint import load_model
from unet_lib.models.registry import Network
from unet_lib.widgets.fool_the_network import FoolTheNetwork
from unet_lib.widgets.shape_explorer import ShapeExplorer
from unet_lib.widgets.shape_explorer.shape_explorer import feature_maps
from unet_lib.widgets.shared.masks import packed
from unet_lib.widgets.shared.patients import find_slice
from unet_lib.widgets.slice_browser import SliceBrowser

Traits = Mapping[str, Any]
Shown = tuple[str, int]
"""A patient and the number of a slice."""

SHAPE_WEIGHTS = repository() / "data" / "models" / "phantom-baseline.safetensors"
LOOKED_AT: Shown = ("TCGA_PH_D012_19910921", 24)
"""What the shape explorer's network looks at."""
FOOLED: Shown = ("TCGA_PH_C002_19830213", 10)
"""Here the example stroke fools the playground's network too. The head fills the slice, so all of it is painted on."""
NOTES = {
    "slice_browser": f"This page holds {sum(map(len, SLICES.values()))} slices of {len(SLICES)} phantoms. They are "
                     "compressed, so grey levels may be a few off. In JupyterLab you have all slices, as they are.",
    "fool_the_network": "On this page there are no keys to press: paint at once. Here the <a href='../index.html'>"
                        "playground</a>'s network answers, for another phantom. The figures in the text belong to the "
                        "lesson's network and phantom, which you have in JupyterLab.",
}
"""What a page says beside them."""


def slice_browser(saved: Traits) -> SliceBrowser:
    """As the lesson left it, and as silent about missing sequences; at the nearest slice that the page has."""
    name = saved["patient"] if saved["patient"] in SLICES else next(iter(SLICES))
    number = min(SLICES[name], key=lambda number: abs(number - saved["slice"]))
    told = any(patient["missing"] for patient in saved["patients"])
    kept = {trait: saved[trait] for trait in ("view", "outline", "tint", "window")}
    return SliceBrowser(load_browser_cache(), name, number, tell_missing=told, silence=SILENCE, **kept)


def fool_the_network() -> FoolTheNetwork:
    """The playground's network, and nothing painted."""
    series, slices = load_series(WEIGHTS), load_browser_cache()
    predictor = Predictor(series.networks[-1], {}, size=series.size)
    return FoolTheNetwork(predictor, slices, find_slice(slices, *FOOLED), silence=SILENCE)


def shape_explorer() -> ShapeExplorer:
    """The lesson's network, at another slice."""
    return ShapeExplorer(*_shape_network())


def fool_state() -> dict[str, Any]:
    """With the name of the network, what it sees beside FLAIR, and how to normalise that."""
    planes, statistics = _scaled(FOOLED)
    return saved_like(fool_the_network(), network=f"step-{load_series(WEIGHTS).steps[-1]:04}",
                      statistics=statistics.tolist(), others=packed(np.delete(planes, FLAIR, axis=0)))


def shape_state() -> dict[str, Any]:
    """With all feature maps, and the settings of the network they belong to."""
    explorer = shape_explorer()
    maps = {name: [found.text, base64.b64encode(found.png()).decode("ascii")]
            for name, found in feature_maps(*_shape_network()).items()}
    given = {name: explorer.settings[name] for name in ("depth", "base", "in_channels", "batch_norm", "size")}
    return saved_like(explorer, maps=maps, given=given)


OPENED: dict[str, Callable[[Traits], dict[str, Any]]] = {
    "fool_the_network": lambda _: fool_state(),
    "shape_explorer": lambda _: shape_state(),
    "slice_browser": lambda saved: saved_like(slice_browser(saved), pixels=b""),  # they come with the patient
}
"""The state of each as a page opens it, from the traits that the lesson saved."""


def _shape_network() -> tuple[Network, Float[torch.Tensor, "3 128 128"]]:
    planes, statistics = _scaled(LOOKED_AT)
    image = normalise(torch.as_tensor(planes)[None], torch.as_tensor(statistics))[0]
    return load_model(SHAPE_WEIGHTS)[0], image.float()


def _scaled(shown: Shown) -> tuple[UInt8[np.ndarray, "3 128 128"], Float[np.ndarray, "2 3"]]:
    """A slice at the size that the networks see, and its patient's intensity statistics."""
    slices = load_browser_cache()
    index = find_slice(slices, *shown)
    planes = scale_images(slices.images, np.array([index]), SIZE)[0].contiguous().numpy()
    return planes, slices.statistics[slices.patient_of[index]]
