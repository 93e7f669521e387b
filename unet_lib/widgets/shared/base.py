"""What every widget of the lessons shares: its files, its look, and what is seen where no widget can live.

A widget is one Python file beside one JavaScript and one style file of the same name. These import what they need,
from their folder or from this one. As the browser gets each as a single text, which cannot import another, `script` and
`stylesheet` join them; so all widgets share helpers and colours without a build step.
"""

import base64
import html
import re
from io import BytesIO
from pathlib import Path

import anywidget
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

JS_IMPORT = re.compile(r'^import \{([^}]+)\} from "(\..+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
DEFINED = re.compile(r"^(export )?(?:async )?(?:function|class|const|let) (\w+|\[[^]]+])", re.MULTILINE)
CSS_IMPORT = re.compile(r'^@import "(.+)";\n', re.MULTILINE)
TUMOUR = (255, 171, 26)
"""Orange on grey: told apart with every common colour blindness. `base.css` and `colours.js` say the same."""
TINT = 0.32
"""How much of the tumour's colour a tinted pixel takes; `slice_browser.js` says the same."""


def script(python_file: str) -> str:
    """The script of the widget in `python_file` (pass `__file__`) and all it imports, as one text.

    Other scripts are imported by `import { name, … } from "./other.js";`. They come in the order in which a browser
    would run them, each once; these lines and the word `export` are left out, but `export default` stays. Raises
    ImportError for a file or a name that is not there, and for a name that two of the scripts define.
    """
    texts = _with_imports(Path(python_file).with_suffix(".js"), JS_IMPORT)
    owner: dict[str, str] = {}
    for path, text in texts.items():
        for names, other in JS_IMPORT.findall(text):
            exported = _defined(texts[(path.parent / other).resolve()], exported=True)
            if missing := sorted(set(re.findall(r"\w+", names)) - exported):
                raise ImportError(f"{path.name} imports {', '.join(missing)}, which {other} does not export.")
        for name in _defined(text):
            if owner.setdefault(name, path.name) != path.name:
                raise ImportError(f"{owner[name]} and {path.name} both define {name}, but the browser gets them as one "
                                  f"text. Rename one of them.")
    return "\n".join(EXPORT.sub("", JS_IMPORT.sub("", text)) for text in texts.values())


def stylesheet(*python_files: str) -> str:
    """The style of the widget in `python_file` (pass `__file__`), after all it imports by `@import`, as one text.

    Of several widgets, what they share comes once, before all of them: rules that came again would override others.
    """
    texts: dict[Path, str] = {}
    for python_file in python_files:
        texts |= _with_imports(Path(python_file).with_suffix(".css"), CSS_IMPORT)
    return "\n".join(CSS_IMPORT.sub("", text) for text in texts.values())


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


def inline_html(text: str) -> str:
    """Text for a page: escaped, with `code` between backticks; `questions.js` does the same in a widget."""
    return re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(text, quote=False))


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


def _with_imports(path: Path, imports: re.Pattern[str]) -> dict[Path, str]:
    """The file's text after the texts of all it imports; a file's name is the last group of `imports`."""
    texts: dict[Path, str] = {}

    def visit(path: Path, importers: tuple[Path, ...]) -> None:
        if path in importers:
            raise ImportError(f"{path.name} imports itself, by way of {importers[-1].name}. Move what both need to a "
                              f"file of its own.")
        if path in texts:
            return
        text = path.read_text("utf-8")
        for found in imports.finditer(text):
            other = (path.parent / found[imports.groups]).resolve()
            if not other.is_file():
                raise ImportError(f"{path.name} imports {found[imports.groups]}, but there is no {other}.")
            visit(other, (*importers, path))
        texts[path] = text

    visit(path.resolve(), ())
    return texts


def _defined(text: str, exported: bool = False) -> set[str]:
    """The names that a script defines outside all functions, or exports; `const [a, b] = …` defines several."""
    return {name for export, names in DEFINED.findall(text) if export or not exported
            for name in re.findall(r"\w+", names)}
