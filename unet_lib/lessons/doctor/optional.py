"""What not every reader needs: nothing here is a failure."""

import importlib
import shutil
import sys
from collections.abc import Iterator
from functools import partial

from unet_lib.core.errors import DatasetError
from unet_lib.core.paths import repository
from unet_lib.lessons.doctor.finding import Finding, guarded
from unet_lib.lessons.doctor.packages import requirements, unmet
from unet_lib.lessons.doctor.remedies import command, conda, install, python

SHOWN = 2  # packages of a part that is not there; the fix installs them all
GPU, REAL_DATA = "long trainings", "training and testing on real patients"
# The extras of pyproject.toml: name, what it is for, and which of its modules stand on libraries of the system.
PARTS = (("animations", "rendering the clips again", ("cairo", "manimpango")),
         ("book", "building the lessons as a site", ()),
         ("talk", "making the slides of the talk", ()),
         ("dev", "running the tests", ()))


def extras() -> Iterator[Finding]:
    """Check the optional parts. Never raises."""
    yield guarded("GPU", _gpu, only_for=GPU)
    yield guarded("real data", _real_data, only_for=REAL_DATA)
    for name, purpose, modules in PARTS:
        yield guarded(name, partial(_part, name, modules), only_for=purpose)


def _gpu() -> Finding:
    import torch

    from unet_lib.core.devices import choose_device, describe

    device = choose_device()
    if device.type != "cpu":
        return Finding("GPU", describe(device))
    if shutil.which("nvidia-smi") and torch.version.cuda is None:
        return Finding("GPU", f"there is an NVIDIA driver, but torch {torch.__version__} was built without CUDA",
                       "install torch's CUDA build; its own start page gives the command for your system")
    return Finding("GPU", "none", "open colab.ipynb in Colab, which lends one")


def _real_data() -> Finding:
    from unet_lib.data.slice_files import survey

    try:
        found = survey(repository() / "data" / "lgg")
    except DatasetError:
        return Finding("real data", "not in data/lgg", python("-m", "unet_lib", "data", "fetch"))
    return Finding("real data", f"{len(found.patients)} patients, {len(found.records)} slices in data/lgg")


def _part(name: str, modules: tuple[str, ...]) -> Finding:
    wrong = list(unmet(requirements(name))) or list(_unloadable(modules))
    if not wrong:
        return Finding(name, "ready")
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    script = command("sh", repository() / "tests" / "system_packages.sh")
    system = bool(modules) and sys.platform != "win32" and not conda()
    return Finding(name, "; ".join(wrong[:SHOWN]) + more, f"{script} && {install(name)}" if system else install(name))


def _unloadable(modules: tuple[str, ...]) -> Iterator[str]:
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            yield f"{module} does not load ({error})"
