"""Everything a lesson needs, one check each, cheapest first. Packages are imported inside the checks."""

import json
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from unet_lib.core.errors import DatasetError, GlassBoxError
from unet_lib.core.paths import cache_folder, data_folder, repository
from unet_lib.lessons.doctor.finding import Finding, guarded
from unet_lib.lessons.doctor.packages import project, requirements, unmet
from unet_lib.lessons.doctor.remedies import copy_project, install, python, reinstall, remove, restore, setting

FREE_GB = 2.0    # for caches of the phantoms (0.2 GB) or the real set (1 GB), and for runs
MEMORY_GB = 2.0  # most lessons take about 1 GB on phantoms, 01 and 05 up to 1.9; school.py counts the browser as well
SYMBOLS = "×·÷−–→…≈ᵀ⟨⟩²₁₂½μ\u0302"  # beyond ASCII, in figures; a test reads them from the sources
QUIZZES = "unet_lib/lessons/texts/quizzes"
FRONT_END = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}


def examine(data: Path | None = None) -> Iterator[Finding]:
    """Check everything the lessons need. `data` is a folder in LGG layout (default: the lessons'). Never raises."""
    folder = data or data_folder()
    yield guarded("Python", _python)
    yield guarded("packages", _packages)
    yield guarded("torch", _torch, reinstall("torch"))
    yield guarded("JupyterLab", _jupyterlab, reinstall("jupyterlab"))
    yield guarded("fonts", _fonts, reinstall("matplotlib"))
    yield guarded("disk", lambda: _disk(folder))
    yield guarded("memory", _memory)
    yield guarded("data", lambda: _data(folder))
    yield guarded("models", _models, restore("data/models"))
    yield guarded("folders", lambda: _folders(folder))
    yield guarded("lessons", _lessons, restore("notebooks", QUIZZES))


def _python() -> Finding:
    from packaging.specifiers import SpecifierSet

    found, wanted = platform.python_version(), project()["requires-python"]
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return Finding("Python", found)
    oldest = f"python{wanted.removeprefix('>=')}"
    return Finding("Python", f"{found} is not {wanted}", f"install {oldest}, then: make clean lab PYTHON={oldest}")


def _packages() -> Finding:
    wanted = requirements()
    wrong = "; ".join(unmet(wanted))
    return Finding("packages", wrong or f"all {len(wanted)} there", install() if wrong else "")


def _torch() -> Finding:
    import torch

    from unet_lib.core.devices import choose_device, choose_precision, describe

    device = choose_device()
    torch.ones(2, device=device).sum().item()
    precision = str(choose_precision("auto", device)).removeprefix("torch.")
    return Finding("torch", f"{torch.__version__} on {device.type} ({describe(device)}), training in {precision}")


def _jupyterlab() -> Finding:
    from jupyter_core.paths import jupyter_path

    here = version("jupyterlab")  # importing it takes seconds
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    missing = [package for name, package in FRONT_END.items()
               if not any((folder / name / "package.json").is_file() for folder in folders)]
    if missing:
        return Finding("JupyterLab", f"{here}, widgets without {', '.join(missing)}", reinstall(*missing))
    return Finding("JupyterLab", f"{here}, widgets ready")


def _fonts() -> Finding:
    import matplotlib
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font = FT2Font(findfont(FontProperties()))
    missing = [symbol for symbol in SYMBOLS if ord(symbol) not in font.get_charmap()]
    if not missing:
        return Finding("fonts", f"{font.family_name} has all {len(SYMBOLS)} symbols of the figures")
    settings = Path(matplotlib.matplotlib_fname())
    own = Path(matplotlib.get_data_path()) not in settings.parents
    codes = ", ".join(f"U+{ord(symbol):04X}" for symbol in missing)  # as code points: a console may lack them too
    return Finding("fonts", f"{font.family_name} has no {codes}",
                   f"delete the line font.family or font.sans-serif in {settings}" if own else reinstall("matplotlib"))


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(existing(folder)).free / 1e9
    if free > FREE_GB:
        return Finding("disk", f"{free:.1f} GB free")
    return Finding("disk", f"{free:.1f} GB free, {FREE_GB:.0f} are needed", python("-m", "pip", "cache", "purge"))


def _memory() -> Finding:
    from unet_lib.core.devices import machine_memory

    found = machine_memory()
    detail = f"{found / 1e9:.1f} GB" if found else "this system does not say how much"
    small = found is not None and found / 1e9 < MEMORY_GB
    return Finding("memory", f"{detail}, {MEMORY_GB:.0f} are needed" if small else detail,
                   setting("UNET_PROFILE", "smoke") if small else "")


def _data(folder: Path) -> Finding:
    from unet_lib.data.slice_files import survey

    make = python("-m", "unet_lib", "phantom", "--out", folder)
    phantom = folder.name == "phantom"
    try:
        found = survey(folder)
    except DatasetError:
        fetch = python("-m", "unet_lib", "data", "fetch", "--out", folder)
        fix = make if phantom else setting("UNET_DATA", "") if folder.exists() else fetch
        return Finding("data", f"no patients in {folder}", fix)
    detail = f"{len(found.patients)} patients, {len(found.records)} slices in {folder.name}/"
    if not found.problems:
        return Finding("data", detail)
    fix = f"{remove(folder)} && {make}" if phantom else python("-m", "unet_lib", "data", "check", folder)
    return Finding("data", f"{detail}, and {found.problems[0]}", fix)


def _models() -> Finding:
    models = repository() / "data" / "models"
    cards = sorted(models.rglob("*.json"))
    if not cards:
        return Finding("models", "no trained network in data/models", restore("data/models"))
    for card in cards:
        if wrong := _differs(card):
            path = card.relative_to(repository()).with_suffix("").as_posix()
            return Finding("models", wrong, restore(f"{path}.json", f"{path}.safetensors"))
    return Finding("models", f"{len(cards)} trained networks, each as its card says")


def _differs(card: Path) -> str:
    """What is wrong with the network beside this card; empty if nothing."""
    from unet_lib.models.checkpoint import load_model, load_tensors

    weights, stated = card.with_suffix(".safetensors"), json.loads(card.read_text("utf-8"))
    try:
        inside = load_tensors(weights)[1]
        if inside.get("kind") == "model":  # an encoder alone is no network yet
            load_model(weights)
    except GlassBoxError as error:
        return str(error).partition("\n")[0]
    same = stated == {name: inside[name] for name in ("architecture", "card") if name in inside}
    return "" if same else f"{card.stem}: its card {card.name} describes other weights"


def _folders(data: Path) -> Finding:
    ours = (repository() / "notebooks", repository() / "data")
    for folder in (*ours, cache_folder(data)):
        try:
            tempfile.TemporaryFile(dir=existing(folder)).close()
        except OSError as error:
            cache = Path(tempfile.gettempdir()) / "cache"
            return Finding("folders", f"{folder} cannot be written ({error.strerror})",
                           copy_project() if folder in ours else setting("XDG_CACHE_HOME", cache))
    return Finding("folders", "notebooks, data and cache can be written")


def _lessons() -> Finding:
    lessons = sorted((repository() / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    wrong = [path.name for path in lessons if not json.loads(path.read_text("utf-8")).get("cells")]
    quizzes = repository() / QUIZZES
    wrong += [f"{path.stem}.json" for path in lessons if not (quizzes / f"{path.stem}.json").is_file()]
    numbers = [int(path.name[:2]) for path in lessons]
    wrong += [f"lesson {number:02d}" for number in range(max(numbers, default=0) + 1) if number not in numbers]
    if wrong:
        return Finding("lessons", f"missing or empty: {', '.join(wrong)}", restore("notebooks", QUIZZES))
    return Finding("lessons", f"{len(lessons)}, from {lessons[0].stem} to {lessons[-1].stem}")


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is already there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
