"""The rows of data/results: one JSON file a measurement, a row added as soon as it is measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unet_lib.core.atomic_io import write_text

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """The rows measured so far; none if there is no file yet."""
    return json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []


def add_row(path: Path, about: Mapping[str, Any], row: Row, key: Sequence[str], order: Sequence[str] = ()) -> None:
    """Write `row` in the place of the one with the same values of `key`, or after the others; all or nothing.

    `about` is what the file says of all rows, its command above all. With `order`, rows are sorted by these values.
    """
    rows = [*(old for old in read_rows(path) if any(old.get(name) != row.get(name) for name in key)), row]
    if order:
        rows.sort(key=lambda row: tuple(row[name] for name in order))
    write_text(path, json.dumps({**about, "rows": rows}, indent=1) + "\n")
