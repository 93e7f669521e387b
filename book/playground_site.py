"""The playground, the site's first page, as files that any browser opens from a disk: page, style, scripts and data.

    write_playground(site)     # → site/index.html and site/playground/

Data comes as scripts that call `glassBox.deliver(name, data)`, because a page from a disk may not fetch files. What is
seen first, one slice with its maps, is computed here, so that the page shows it before any weights are loaded.
"""

import base64
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from safetensors.torch import save
from torch.nn import functional as F

from book.delivery import classic_script, deliver, worker_script
from book.live_training import bring_training
from book.playground_slices import Slice, load_slices
from unet_lib.core.atomic_io import write_text
from unet_lib.data.intensity import normalise
from unet_lib.inspection.activations import capture
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.models.checkpoint import HEADER
from unet_lib.models.registry import Network, described
from unet_lib.widgets.shared.base import png_bytes, stylesheet

HERE = Path(__file__).resolve().parent / "playground"
LIVE = HERE.parent / "live"
WEIGHTS = HERE.parents[1] / "data" / "models" / "playground-steps"
TILE = 32
"""The side, in pixels, of the maps that are seen before the network is there."""
BRIGHTEST = 0.998
"""This fraction of a stage's values is below the brightest colour; `network_answers.js` says the same."""


def write_playground(site: Path) -> None:
    """Write the page and all it needs into `site`."""
    folder, data = site / "playground", site / "playground" / "data"
    data.mkdir(parents=True, exist_ok=True)
    for page, address in (("playground", "index"), ("training", "training")):
        shutil.copyfile(HERE / f"{page}.html", site / f"{address}.html")
        write_text(folder / f"{page}.css", stylesheet(str(HERE / f"{page}.py")))
        write_text(folder / f"{page}.js", classic_script(HERE / f"{page}.js"))
    shutil.copyfile(HERE / "theme.js", folder / "theme.js")
    bring_training(data)
    series, slices = load_series(WEIGHTS), load_slices()
    write_networks(data, series)
    for at, shown in enumerate(slices):
        deliver(data, f"slice-{at}", packed_slice(shown))
    deliver(data, "first", first(series, slices))


def write_networks(data: Path, series: Series) -> None:
    """The networks at all steps, and the worker that runs them."""
    write_text(data / "worker.js", worker_script(LIVE / "network_worker.js"))
    for step, network in zip(series.steps, series.networks, strict=True):
        deliver(data, f"step-{step:04}", packed_weights(network))


def packed_weights(network: Network) -> dict[str, Any]:
    """A network as a safetensors file in half precision, with its architecture but without its card.

    Batch norms stay in float32: their variances may exceed what half precision can hold.
    """
    tensors = {name: tensor.half() if tensor.dim() > 1 else tensor.float()
               for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
    header = json.dumps({"architecture": described(network)})
    data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, {HEADER: header})
    return {"data": base64.b64encode(data).decode("ascii"), "checksum": zlib.crc32(data)}


def packed_slice(shown: Slice) -> dict[str, Any]:
    """A slice as two pictures, and its patient's intensity statistics."""
    return {"planes": png(shown.planes.transpose(1, 2, 0)), "mask": png(shown.mask * np.uint8(255)),
            "statistics": [[round(float(value), 4) for value in row] for row in shown.statistics]}


def first(series: Series, slices: tuple[Slice, ...]) -> dict[str, Any]:
    """What the page shows at once, and what there is to choose from."""
    shown, network = slices[0], series.networks[-1]
    statistics = torch.as_tensor(np.array(packed_slice(shown)["statistics"]))
    image = normalise(torch.as_tensor(shown.planes)[None], statistics).float()
    names = [name for name in (stage.name for stage in network.plan(series.size))
             if name.startswith(("encoder", "bottleneck", "decoder"))]
    with capture(network, (*names, "output")) as maps, torch.no_grad():
        network(image)
    stages = [{"name": name, "channels": maps[name].shape[1], "side": maps[name].shape[2],
               "high": float(torch.quantile(maps[name].flatten(), BRIGHTEST))} for name in names]
    probability = torch.sigmoid(maps["output"])[0, 0].numpy()
    return {"side": series.size, "steps": series.steps, "tile": TILE, "stages": stages, "slice": packed_slice(shown),
            "palette": base64.b64encode(palette().tobytes()).decode("ascii"),
            "telling": most_telling(maps["decoder.1"][0], maps["output"][0, 0]),
            "patients": [{"label": one.label} for one in slices],
            "history": {"rows": [[row.step, row.loss, row.train_f1] for row in series.history],
                        "validation": [[step, card["validation_scores"]["mean_dice"]]
                                       for step, card in zip(series.steps, series.cards, strict=True)]},
            "look": {"levels": png(np.concatenate([tiles(maps[stage["name"]][0], stage["high"]) for stage in stages])),
                     "probability": png(np.rint(255 * probability).astype(np.uint8))}}


def most_telling(maps: Float[torch.Tensor, "c h w"], logits: Float[torch.Tensor, "h w"]) -> int:
    """The channel that lies most where the network marks a tumour; shown large until another one is chosen."""
    return int(((maps * torch.sigmoid(logits)).sum((1, 2)) / (maps.sum((1, 2)) + 1)).argmax())


def tiles(maps: Float[torch.Tensor, "c h w"], high: float) -> UInt8[np.ndarray, "c t"]:
    """Each channel at TILE × TILE pixels, as one row of bytes from 0 to `high`."""
    small = F.interpolate(maps[None], (TILE, TILE), mode="area" if maps.shape[-1] > TILE else "nearest")[0]
    return (255 * small / high).round().clamp(0, 255).to(torch.uint8).flatten(1).numpy()


def palette() -> UInt8[np.ndarray, "256 3"]:
    """Viridis."""
    return matplotlib.colormaps["viridis"](np.arange(256), bytes=True)[:, :3]


def png(pixels: UInt8[np.ndarray, "..."]) -> str:
    """A picture in base64 PNG."""
    return base64.b64encode(png_bytes(Image.fromarray(np.ascontiguousarray(pixels)))).decode("ascii")
