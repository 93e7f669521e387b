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

    Nothing of the claim stays behind, nor a folder made for it that nobody wrote into. Raises SettingsError, with the
    holder's process, machine and time, if another process has it; OSError if the folder cannot be written.
    """
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder.resolve() / LOCK), is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingsError(f"{folder} is in use: {_holder(folder)} is writing there. Wait until it ends, or choose "
                            f"another folder.") from None
    try:
        if lock.lock_counter == 1:
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            write_text(folder / HOLDER, json.dumps({"process": os.getpid(), "machine": platform.node(), "since": now}))
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):  # Windows removes no open file: there the lock stays behind, free
                (folder / HOLDER).unlink(missing_ok=True)
                (folder / LOCK).unlink()
                if new:
                    folder.rmdir()
        lock.release()


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Have the file `path` while it is read and written anew; other processes that ask for it wait for their turn.

    A hidden, empty file beside it is the lock, and stays: whoever waits holds it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(str(path.parent.resolve() / f".{path.name}.lock")):
        yield


def _holder(folder: Path) -> str:
    try:
        found = json.loads((folder / HOLDER).read_text("utf-8"))
        return f"process {found['process']} on {found['machine']}, since {found['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
