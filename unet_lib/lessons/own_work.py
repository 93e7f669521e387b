"""The network that a reader wrote in lesson 03, kept for lesson 04: as source, in a file that they can read and change.

    own_work.keep({"DoubleConv": DoubleConv, …})       # in lesson 03, once the classes pass their checks
    UNet = check.own_unet.mine(own_work.load("UNet"))  # in lesson 04

`notebooks/my_unet.py` lies beside the reader's progress, and is kept under the same conditions (`exercises.progress`).
"""

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unet_lib.core.atomic_io import write_text
from unet_lib.lessons.exercises.progress import progress_file

HEADER = "# Kept by lesson 03, and written anew whenever your UNet passes its check there.\n"
IMPORTS = "import torch\nfrom torch import nn\n"


def work_file() -> Path | None:
    """Where it is kept; None if nothing shall be."""
    beside = progress_file()
    return beside and beside.with_name("my_unet.py")


def keep(classes: Mapping[str, Any], cells: Sequence[str] | None = None) -> Path | None:
    """Write the sources of these classes, each as it was last run in a cell; ours are imported. Returns the file.

    Nothing is written outside a notebook, if none of the classes is the reader's, if the source of one is not found, or
    over a file that is not ours.
    """
    path = work_file()
    cells = _cells_run() if cells is None else cells
    parts = [_source(name, kind, cells) for name, kind in classes.items()]
    if path is None or not all(parts) or not any(part.startswith("class ") for part in parts):
        return None
    try:
        if path.exists() and not path.read_text("utf-8").startswith(HEADER):
            return None
        write_text(path, "\n\n".join([HEADER + IMPORTS, *parts]) + "\n")
    except (OSError, ValueError):
        return None
    return path


def load(name: str) -> Any:
    """The class of this name from the reader's file; three dots, as for an open exercise, if none runs."""
    path = work_file()
    if path is None or not path.is_file():
        return ...
    try:
        spec = importlib.util.spec_from_file_location("my_unet", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, name)
    except Exception as error:  # whatever is in the file: the lesson goes on with ours
        print(f"{path.name} cannot be used ({type(error).__name__}: {error}). Run lesson 03 again, or delete it.")
        return ...


def _source(name: str, kind: Any, cells: Sequence[str]) -> str:
    """The class as the last cell that defines it has it; an import, if it is ours."""
    if getattr(kind, "__module__", "") == "unet_lib.lessons.reference_unet":
        return f"from unet_lib.lessons.reference_unet import {name}"
    for cell in reversed(cells):
        try:
            found = [part for part in ast.parse(cell).body if isinstance(part, ast.ClassDef) and part.name == name]
        except SyntaxError:
            continue
        if found:
            return "\n".join(cell.splitlines()[found[-1].lineno - 1:found[-1].end_lineno])
    return ""


def _cells_run() -> list[str]:
    """The code of all cells that this kernel has run, in order."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return list(shell.user_ns.get("In", [])) if shell is not None else []
