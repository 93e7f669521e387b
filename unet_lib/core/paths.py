"""Where the project's files and the lessons' data lie."""

import hashlib
import os
from pathlib import Path

TEXTS = Path(__file__).resolve().parents[1] / "lessons" / "texts"
"""What the lessons hold besides notebooks and code: quizzes/, translations/, glossary.json."""


def repository() -> Path:
    """The folder that holds notebooks/ and data/."""
    return Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """The data set named by the environment variable UNET_DATA; the phantom if it is not set."""
    return Path(os.environ.get("UNET_DATA") or repository() / "data" / "phantom")


def cache_folder(root: Path) -> Path:
    """Where the caches of a data folder lie: in it, or in the user's cache folder if it cannot be written."""
    beside = root / ".unet_cache"
    if os.access(beside if beside.exists() else root, os.W_OK):
        return beside
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "glass-box-unet"
    return home / hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
