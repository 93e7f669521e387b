"""Rows of a benchmark, kept in one JSON file as they are measured."""

import json
from pathlib import Path
from typing import Any

from unet_lib.files import write_text


def read(path: Path) -> list[dict[str, Any]]:
    """The rows measured so far."""
    return json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []


def add(path: Path, about: dict[str, Any], row: dict[str, Any], key: tuple[str, ...]) -> None:
    """Write `row` in the place of the one that is the same in `key`, or after the others; all or nothing."""
    others = [old for old in read(path) if any(old.get(name) != row.get(name) for name in key)]
    write_text(path, json.dumps({**about, "rows": [*others, row]}, indent=1) + "\n")
