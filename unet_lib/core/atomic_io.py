"""Atomic files: written under a temporary name, flushed to the disk and renamed.

Whatever happens in between (full disk, power cut, kill -9), the previous file survives intact.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path | str) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` only when the `with` ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(scratch, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def write_text(path: Path | str, text: str) -> None:
    """Write a whole text file atomically, as UTF-8."""
    with atomic_file(path) as file:
        file.write(text.encode())
