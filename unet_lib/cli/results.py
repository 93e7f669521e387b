"""Where commands put their results, so that nothing is lost that others wrote, or this program for another input."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from unet_lib.core.errors import SettingsError

CARD = "made_by.json"


@contextmanager
def result_folder(target: Path, **made_from: object) -> Iterator[Path]:
    """A new folder to write into, which becomes `target` when the `with` ends well.

    If there is a `target`, it is replaced whole, provided that a former run wrote all of it from the same inputs
    (`made_from`: paths and settings) and nobody changed it since. Raises SettingsError otherwise, and for a target in a
    data folder, before the folder is handed out.
    """
    refuse_data_folder(target)
    made = _identity(made_from)
    _refuse_foreign_folder(target, made)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
    try:
        yield scratch
        card = {"written_by": "unet_lib", "made_from": made, "files": _fingerprints(scratch)}
        (scratch / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        os.chmod(scratch, 0o755)  # mkdtemp makes folders that only their owner can read
        _swap(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def refuse_data_folder(out: Path) -> None:
    """Raise SettingsError if `out` is, or lies in, a folder of patients' images."""
    from unet_lib.data.slice_files import is_data_folder

    resolved = out.resolve()
    for folder in (resolved, *resolved.parents):
        if is_data_folder(folder):
            raise SettingsError(f"{out} lies in the data folder {folder}; results there could take the place of scans "
                                f"or of an expert's masks. Choose another --out.")


def refuse_foreign_file(path: Path, mark: str) -> None:
    """Raise SettingsError if there is a file `path` without `mark`, which this program puts into what it writes."""
    refuse_data_folder(path.parent)
    if path.is_dir() or (path.exists() and mark.encode() not in path.read_bytes()):
        raise SettingsError(f"{path} is there already, and no former run of this command wrote it. Move it away, or "
                            f"choose another --out.")


def _refuse_foreign_folder(target: Path, made: str) -> None:
    if not (target.exists() or target.is_symlink()) or (target.is_dir() and not any(target.iterdir())):
        return
    other = "Choose another --out, or move it away."
    if not target.is_dir() or target.is_symlink():
        raise SettingsError(f"{target}: expected a new folder for the results; a file or a link is there. {other}")
    try:
        card = json.loads((target / CARD).read_text("utf-8"))
        known, files = card["made_from"], card["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(f"{target} is there already, and no former run of this command wrote it. {other}") from None
    if known != made:
        raise SettingsError(f"{target} holds the results of another input, model or setting. {other}")
    found = {name: value for name, value in _fingerprints(target).items() if name != CARD}
    if found != files:
        odd = sorted(name for name in found.keys() | files if found.get(name) != files.get(name))
        raise SettingsError(f"{target} was changed since it was written ({', '.join(odd[:3])}"
                            f"{', …' * (len(odd) > 3)}); it was left as it is. {other}")


def _identity(made_from: Mapping[str, object]) -> str:
    """A hash, because paths may name a patient."""
    plain = {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in made_from.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


def _fingerprints(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file, without companions, whose names begin with a dot."""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")}


def _swap(scratch: Path, target: Path) -> None:
    former = Path(tempfile.mkdtemp(dir=target.parent, prefix=".former-"))
    try:
        if target.exists():
            os.replace(target, former / "results")
        try:
            os.replace(scratch, target)
        except OSError:
            if (former / "results").exists():
                os.replace(former / "results", target)
            raise
    finally:
        shutil.rmtree(former, ignore_errors=True)
