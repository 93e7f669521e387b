"""The rows of data/results: one JSON file a measurement, a row added as soon as it is measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unet_lib.core.atomic_io import write_text
from unet_lib.core.claim import turn
from unet_lib.core.errors import SettingsError

Row = dict[str, Any]


def read_rows(path: Path, key: Sequence[str] = ()) -> list[Row]:
    """The rows measured so far; none if there is no file yet.

    Raises SettingsError for a file of another kind: one without rows, or whose rows lack one of the names in `key`.
    """
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text("utf-8"))["rows"]
        if all(name in row for row in rows for name in key):
            return rows
    except (ValueError, KeyError, TypeError):
        pass
    raise SettingsError(f"{path}: expected rows of results{f' with {chr(32).join(key)}' if key else ''}; got a file of "
                        f"another kind, which stays as it is. Choose another --out.")


def add_row(path: Path, about: Mapping[str, Any], row: Row, key: Sequence[str], order: Sequence[str] = ()) -> None:
    """Write `row` in the place of the one with the same values of `key`, or after the others; all or nothing.

    `about` is what the file says of all rows, its command above all. With `order`, rows are sorted by these values.
    Several processes may add rows to one file: each waits until the one before has written.
    """
    with turn(path):
        rows = [*(old for old in read_rows(path) if any(old.get(name) != row.get(name) for name in key)), row]
        if order:
            rows.sort(key=lambda row: tuple(row[name] for name in order))
        write_text(path, json.dumps({**about, "rows": rows}, indent=1) + "\n")
