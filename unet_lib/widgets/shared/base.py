"""What every widget of the lessons shares: its files, its look, and what is seen where no widget can live.

A widget is one Python file beside one JavaScript and one style file of the same name. `base.js` and
`base.css` are put in front of these two, because a widget's script reaches the browser as one text and
cannot import a neighbour; so all widgets share helpers and colours without a build step.
"""

import base64
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import anywidget
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

HERE = Path(__file__).parent
TUMOUR = (255, 171, 26)
"""Orange on grey: told apart with every common colour blindness. `base.css` says the same as #ffab1a."""
TINT = 0.32
"""How much of the tumour's colour a tinted pixel takes; `base.js` says the same."""


def script(python_file: str, *shared: str) -> str:
    """The JavaScript of the widget in `python_file` (pass `__file__`): base.js first, then what else it shares."""
    return _joined(Path(python_file).with_suffix(".js"), ("base.js", *shared))


def stylesheet(python_file: str, *shared: str) -> str:
    """The style of the widget in `python_file` (pass `__file__`): base.css first, then what else it shares."""
    return _joined(Path(python_file).with_suffix(".css"), ("base.css", *shared))


class GlassBoxWidget(anywidget.AnyWidget):
    """A widget that also shows itself where none can run: in a printed page, on a code host, in a test.

    Subclasses say `describe()`, one stable sentence without a final dot, and may draw `picture()`.
    """

    def describe(self) -> str:
        """What is to be seen now, in words; the same for the same data, because nbval compares it."""
        return type(self).__name__

    def picture(self) -> Image.Image | None:
        """What is to be seen now, as a still picture."""
        return None

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_() or ({}, {})
        data["text/plain"] = self.describe()
        if (picture := self.picture()) is not None:
            data["image/png"] = base64.b64encode(png_bytes(picture)).decode("ascii")
            metadata["image/png"] = {"alt": self.describe(), "width": picture.width, "height": picture.height}
        return data, metadata


def png_bytes(picture: Image.Image) -> bytes:
    """The picture as the contents of a PNG file."""
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def border(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The pixels of the mask that have an edge in common with a pixel outside it."""
    inside = np.pad(mask, 1)
    return mask & ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])


def overlay(
    grey: UInt8[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"], outline: bool = True, tint: bool = True
) -> UInt8[np.ndarray, "h w 3"]:
    """A grey picture with the mask as an outline, a tint, or both (colour alone would hide the tissue)."""
    rgb = np.repeat(grey[..., None], 3, axis=2)
    if tint:
        rgb[mask] = np.rint((1 - TINT) * rgb[mask] + TINT * np.array(TUMOUR)).astype(np.uint8)
    if outline:
        rgb[border(mask)] = TUMOUR
    return rgb


def _joined(own: Path, others: Iterable[str]) -> str:
    """The others, from the widget's own folder or this one, then its own."""
    paths = (own.with_name(name) if own.with_name(name).exists() else HERE / name for name in others)
    return "".join(path.read_text("utf-8") + "\n" for path in paths) + own.read_text("utf-8")
