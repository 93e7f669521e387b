"""Where the project's files and the lessons' data lie."""

import os
from pathlib import Path


def repository() -> Path:
    """The folder that holds notebooks/ and data/."""
    return Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """The data set named by the environment variable UNET_DATA; the phantom if it is not set."""
    return Path(os.environ.get("UNET_DATA") or repository() / "data" / "phantom")
