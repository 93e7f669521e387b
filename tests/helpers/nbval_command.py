"""nbval on a lesson, as a command: `nbval_command(path)` for a process with `WITHOUT_PLUGINS` in its environment."""

import sys
from pathlib import Path

WITHOUT_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # to load the others takes a second each time


def nbval_command(path: Path) -> list[object]:
    """Run the lesson and compare its outputs with those stored in it; from the lesson's folder."""
    return [sys.executable, "-m", "pytest", "-p", "nbval.plugin", "--nbval", "--nbval-cell-timeout=300", "-q",
            "-p", "no:cacheprovider", "--rootdir", path.parent, path]
