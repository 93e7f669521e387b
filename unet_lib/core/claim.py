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
    lock = FileLock(_made(folder / LOCK), is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingsError(f"{folder} is in use: {_holder(folder)} is writing there. Wait until it ends, or choose "
                            f"another folder.") from None
    outermost = lock.lock_counter == 1
    try:
        if outermost:
            who = {"process": os.getpid(), "machine": platform.node(),
                   "since": datetime.now().astimezone().isoformat(timespec="seconds")}
            write_text(folder / HOLDER, json.dumps(who))
        yield
    finally:
        if outermost:
            (folder / HOLDER).unlink(missing_ok=True)
            _remove(folder / LOCK)
            if new:
                with suppress(OSError):  # not empty
                    folder.rmdir()
        lock.release()


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Have the file `path` while it is read and written anew; other processes that ask for it wait for their turn.

    Raises OSError if its folder cannot be written.
    """
    beside = path.with_name(f".{path.name}.lock")
    with FileLock(_made(beside)):
        yield
        _remove(beside)


def _made(lock: Path) -> str:
    """The whole path of a lock file, made here: FileLock would wait for ever where it cannot be."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    return str(lock.resolve())


def _remove(lock: Path) -> None:
    """Remove a lock file while it is held; who waits for it notices, and makes a new one."""
    with suppress(OSError):  # Windows removes no open file: there it stays behind, free
        lock.unlink()


def _holder(folder: Path) -> str:
    try:
        found = json.loads((folder / HOLDER).read_text("utf-8"))
        return f"process {found['process']} on {found['machine']}, since {found['since']},"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
