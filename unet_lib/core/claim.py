"""One run, one folder: a lock that the operating system frees when its holder ends, however that happens."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import SettingsError

LOCK, HOLDER = ".lock", ".holder.json"


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Have `folder` for this process alone, made if it is not there. The same process may claim it again inside.

    Raises SettingsError, with the holder's name, if another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder.resolve() / LOCK), is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingsError(f"{folder} is in use: {_holder(folder)} is writing there. Wait until it ends, or choose "
                            f"another --out.") from None
    try:
        if lock.lock_counter == 1:
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            write_text(folder / HOLDER, json.dumps({"process": os.getpid(), "machine": platform.node(), "since": now}))
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):
                (folder / HOLDER).unlink()
        lock.release()


def _holder(folder: Path) -> str:
    try:
        found = json.loads((folder / HOLDER).read_text("utf-8"))
        return f"process {found['process']} on {found['machine']}, since {found['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
