"""What a file to resume from must hold, before a training goes on with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from unet_lib.core.errors import CheckpointError
from unet_lib.models.checkpoint import RETRAIN

Row = dict[str, Any]


def kept_rows(path: Path, header: Mapping[str, Any]) -> list[Row]:
    """The rows of the epochs that a resume file tells of. Raises CheckpointError if they are none."""
    rows = header.get("history", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("epoch"), int) and
                                             isinstance(row.get("seconds"), float | int) for row in rows):
        raise CheckpointError(f"{path}: damaged; expected a row for each epoch, got {rows!r:.80}. {RETRAIN}")
    return rows


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def check_same_run(path: Path, header: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise CheckpointError if the settings `now` are not those that the file's header tells of.

    A resumed run may be longer, but not otherwise different: its figures would describe neither run.
    """
    if header.get("kind") != "resume":
        raise CheckpointError(f"{path}: expected a file to resume from, got kind {header.get('kind')!r}.")
    then = {**header["architecture"], **header["config"], **header["card"].get("data", {})}
    longer = {"epochs"} if now["schedule"] == "constant" else set()  # a cosine's length is part of its shape
    changed = [f"{key}: was {then.get(key)}, now {now.get(key)}" for key in now
               if key not in longer and now[key] != then.get(key)]
    if "content" in now and now["content"] != then.get("content"):
        raise CheckpointError(f"{path}: the patients' files are not those that this run began with: some were added, "
                              f"removed or changed. Put back the data it began with, or train into another folder.")
    if changed:
        raise CheckpointError(f"{path} belongs to a run with other settings ({'; '.join(changed)}). "
                              f"Resume with the old settings, or train into another folder.")
