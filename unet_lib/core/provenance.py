"""A figure means something only with what it was made by: the machine, the software, the very commit, the time."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unet_lib
from unet_lib.core.devices import choose_precision, describe, machine_memory


def provenance(device: torch.device, precision: str = "auto") -> dict[str, Any]:
    """Plain data for a run's card or a results file; `precision` as requested, stored as it is resolved.

    Raises SettingsError for an unknown precision.
    """
    return {"device": describe(device), "precision": str(choose_precision(precision, device)).removeprefix("torch."),
            "hardware": hardware(device), "python": platform.python_version(), "torch": torch.__version__,
            "numpy": np.__version__, "unet_lib": unet_lib.__version__, "commit": git_commit(),
            "time": datetime.now(UTC).isoformat(timespec="seconds")}


def hardware(device: torch.device) -> dict[str, Any]:
    """Cores, threads that torch uses, memory in GB (10⁹ bytes; None where unknown), and a GPU's own."""
    memory = machine_memory()
    found = {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count(),
             "threads": torch.get_num_threads(), "memory_gb": memory and round(memory / 1e9, 1)}
    if device.type == "cuda":
        found["gpu_memory_gb"] = round(torch.cuda.get_device_properties(device).total_memory / 1e9, 1)
    return found


def git_commit(file: Path = Path(__file__)) -> str | None:
    """The short hash of the checkout that `file` belongs to, with "-dirty" if a tracked file was changed.

    None where there is no git, no checkout, or one that only happens to lie around an installed package.
    """
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(file.parent), *arguments], check=True, capture_output=True,
                              text=True, timeout=10).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file.name)
        commit, changes = git("rev-parse", "--short", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("-dirty" if changes else "")
