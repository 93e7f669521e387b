"""Is this machine ready? A list of findings, each with how to mend what is not."""

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unet_lib.errors import GlassBoxError
from unet_lib.profiles import data_folder, repository

PYTHON = (3, 11)
PACKAGES = ("torch", "numpy", "tifffile", "matplotlib", "ipywidgets", "anywidget", "safetensors", "nilearn")
FREE_GB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` is empty when it is well."""

    name: str
    detail: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Nothing to mend."""
        return not self.mend

    def __str__(self) -> str:
        line = f"[{'OK' if self.ok else 'FAIL'}] {self.name}: {self.detail}"
        return line if self.ok else f"{line}\n       mend: {self.mend}"


def examine(data: Path | None = None) -> Iterator[Finding]:
    """Look at everything the lessons need, cheapest first. Never raises."""
    yield _python()
    yield _packages()
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("torch", _torch), ("JupyterLab", _jupyterlab), ("disk", _disk), ("data", lambda: _data(data or data_folder())),
        ("model", _model))
    for name, look in looks:
        try:
            yield look()
        except Exception as error:  # a doctor who faints helps nobody
            yield Finding(name, f"{type(error).__name__}: {error}", "install again with `make lab`")


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON))
    return Finding("Python", found, "" if sys.version_info >= PYTHON else f"install Python {wanted} or newer")


def _packages() -> Finding:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    detail = f"missing: {', '.join(missing)}" if missing else f"all {len(PACKAGES)} there"
    return Finding("packages", detail, "run `make lab`, or `pip install -e . -c constraints.txt`" if missing else "")


def _torch() -> Finding:
    import torch

    from unet_lib.devices import choose_device, choose_precision, describe

    device = choose_device()
    torch.ones(2, device=device).sum().item()
    precision = str(choose_precision("auto", device)).removeprefix("torch.")
    return Finding("torch", f"{torch.__version__} on {device.type} ({describe(device)}), training in {precision}")


def _jupyterlab() -> Finding:
    version = importlib.metadata.version("jupyterlab")
    front = Path(sys.prefix) / "share/jupyter/labextensions"
    missing = [name for name in ("@jupyter-widgets/jupyterlab-manager", "anywidget") if not (front / name).is_dir()]
    return Finding("JupyterLab", f"{version}, widgets " + (f"without {', '.join(missing)}" if missing else "ready"),
                   "pip install --force-reinstall jupyterlab_widgets anywidget" if missing else "")


def _disk() -> Finding:
    free = shutil.disk_usage(repository()).free / 1e9
    return Finding("disk", f"{free:.1f} GB free", "" if free > FREE_GB else f"free at least {FREE_GB:.0f} GB")


def _data(folder: Path) -> Finding:
    from unet_lib.records import survey

    mend = f"unet_lib phantom --out {folder}" if folder.name == "phantom" else f"unet_lib data check {folder}"
    try:
        found = survey(folder)
    except GlassBoxError:
        return Finding("data", f"no patients in {folder.name}/", mend)
    detail = f"{len(found.patients)} patients, {len(found.records)} slices in {folder.name}/"
    return Finding("data", detail, mend if found.problems else "")


def _model() -> Finding:
    from unet_lib.checkpoint import load_model
    from unet_lib.model import count_parameters

    path = repository() / "data" / "models" / "phantom-baseline.safetensors"
    try:
        model, _ = load_model(path)
    except GlassBoxError as error:
        return Finding("model", str(error), f"git checkout -- {path.relative_to(repository())}")
    return Finding("model", f"{path.stem}, {count_parameters(model):,} parameters")
