"""Data as scripts: a page opened from a disk may run scripts that lie beside it, but may not fetch files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unet_lib.core.atomic_io import write_text
from unet_lib.widgets.shared.base import script


def deliver(folder: Path, name: str, data: Mapping[str, Any], file: str = "") -> None:
    """Write the script that delivers `data` as `name`; see live/delivered.js. It is called like it, or `file`."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    write_text(folder / f"{file or name}.js", f"glassBox.deliver({json.dumps(name)}, {text});\n")


def classic_script(path: Path) -> str:
    """A module and all it imports as one script that needs no server; its names stay its own."""
    return f"(() => {{\n{script(str(path.with_suffix('.py')))}}})();\n"


def worker_script(path: Path) -> str:
    """A script that brings along the text of a worker, which a page from a disk may not load as a file.

    A page that asks for it with live/delivered.js gets it as `worker`.
    """
    return (f"globalThis.glassBox = {{ ...globalThis.glassBox, workerText: {json.dumps(classic_script(path))} }};\n"
            f'globalThis.glassBox.deliver?.("worker", true);\n')
