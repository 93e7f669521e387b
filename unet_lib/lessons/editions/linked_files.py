"""What a lesson links to, such as clips: carried along, so that an edition may lie in any folder."""

import re
from collections.abc import Callable
from pathlib import Path

from unet_lib.core.paths import repository

LINK = re.compile(r'(?P<before>\]\(|\b(?:src|href|poster)=")(?P<path>[^)"#\s]+)')
FOLDER = "files"


def carry_files(text: str, folder: Path, lesson_link: Callable[[str], str]) -> tuple[str, dict[str, Path]]:
    """Markdown whose links into the project lead to copies, and which copies they need: new name → file.

    Links are read from `folder`. `lesson_link` says how the edition links a lesson, by its name without the ending.
    Links to what is no file of the project stay as they are.
    """
    needed: dict[str, Path] = {}

    def moved(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if not target.is_file() or not target.is_relative_to(repository()):
            return link[0]
        if target.parent == repository() / "notebooks":
            return link["before"] + lesson_link(target.stem)
        name = f"{FOLDER}/{target.relative_to(repository()).as_posix()}"
        needed[name] = target
        return link["before"] + name

    return LINK.sub(moved, text), needed
