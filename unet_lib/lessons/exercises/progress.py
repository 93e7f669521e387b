"""Which exercises the reader has solved, kept from one kernel to the next in a small file that may be deleted.

`notebooks/my_progress.json`, or the file named by the environment variable UNET_PROGRESS ("off": none). Only a
notebook's kernel writes it. A file that cannot be read or written is left alone; then nothing is counted.
"""

import html
import json
import os
from dataclasses import dataclass
from pathlib import Path

from unet_lib.core.atomic_io import write_text
from unet_lib.core.paths import repository


@dataclass(frozen=True)
class Progress:
    """How far the reader is in a lesson, as a row of dots and in words."""

    lesson: str
    solved: int
    total: int

    def __str__(self) -> str:
        return f"{self.solved} of {self.total}"

    def __repr__(self) -> str:
        return f"{'●' * self.solved}{'○' * (self.total - self.solved)} {self} exercises of lesson {self.lesson} solved"

    def _repr_html_(self) -> str:
        return f'<p role="status">{html.escape(repr(self))}</p>'


def progress_file() -> Path | None:
    """Where it is kept; None if it shall not be."""
    named = os.environ.get("UNET_PROGRESS", "")
    if named == "off" or (not named and not _in_kernel()):
        return None
    return Path(named or repository() / "notebooks" / "my_progress.json")


def read_progress(path: Path | None) -> dict[str, list[str]] | None:
    """Lesson → the exercises solved there; None if there is no such file, or one that is not ours."""
    try:
        kept = json.loads(path.read_text("utf-8")) if path else None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None
    sound = isinstance(kept, dict) and all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in kept.values())
    return kept if sound else None


def record(lesson: str, exercise: str, exercises: tuple[str, ...]) -> Progress | None:
    """Note that an exercise is solved, and give how far the lesson is; None where nothing is kept."""
    path = progress_file()
    kept = read_progress(path)
    if path is None or kept is None:
        return None
    if exercise not in kept.get(lesson, []):
        kept[lesson] = sorted({*kept.get(lesson, []), exercise})
        try:
            write_text(path, json.dumps(kept, indent=1, sort_keys=True) + "\n")
        except OSError:
            return None
    return count(lesson, kept, exercises)


def count(lesson: str, kept: dict[str, list[str]] | None, exercises: tuple[str, ...]) -> Progress:
    """How many of these exercises are solved; names that are no longer exercises do not count."""
    return Progress(lesson, len({*(kept or {}).get(lesson, [])} & {*exercises}), len(exercises))


def _in_kernel() -> bool:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")
