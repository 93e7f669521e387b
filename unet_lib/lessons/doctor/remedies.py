"""Commands that fix what is wrong, as text to be typed into the reader's own shell."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from unet_lib.core.paths import repository
from unet_lib.lessons.doctor.packages import installed


def command(*words: str | Path) -> str:
    """The words as one command line, quoted where the shell wants it."""
    join = shlex.join if os.name == "posix" else subprocess.list2cmdline
    return join([str(word) for word in words])


def python(*words: str | Path) -> str:
    """A command for this very Python: `python …` where the shell finds it under that name, else its whole path."""
    found = shutil.which("python")
    ours = found is not None and Path(found).parent == Path(sys.executable).parent
    return command("python" if ours else sys.executable, *words)


def conda() -> bool:
    """Is this Python part of a conda environment?"""
    return (Path(sys.prefix) / "conda-meta").is_dir()


def install(extra: str = "") -> str:
    """Install what pyproject.toml asks for, at the versions we tested where the environment is ours alone."""
    home = repository() if (repository() / "pyproject.toml").is_file() else Path()
    if conda():
        return command("conda", "env", "update", "--prefix", sys.prefix, "--file", home / "environment.yml")
    pinned = ("--constraint", home / "constraints.txt") if sys.prefix != sys.base_prefix else ()
    return python("-m", "pip", "install", "--editable", f"{home}[{extra}]" if extra else home, *pinned)


def reinstall(*packages: str) -> str:
    """Install packages once more, at the versions that are there, because files of theirs are missing or damaged."""
    return python("-m", "pip", "install", "--force-reinstall", "--no-deps", *map(_at_its_version, packages))


def restore(*folders: str) -> str:
    """Bring back files of the project that were changed or deleted; the reader's own files stay."""
    if (repository() / ".git").exists():
        return command("git", "-C", repository(), "checkout", "--", *folders)
    return f"unpack {' and '.join(folders)} again from the archive that you got the lessons in"


def setting(name: str, value: str | Path) -> str:
    """Set a variable of the environment in the shell from which the lessons are started."""
    return f"{'export' if os.name == 'posix' else 'set'} {name}={command(value) if value else ''}"


def remove(folder: Path) -> str:
    """Delete a folder and all in it."""
    return command(*(("rm", "-r") if os.name == "posix" else ("rmdir", "/s", "/q")), folder)


def copy_project() -> str:
    """Copy the whole project to a folder that its reader may write to."""
    own = Path.home() / "glass-box-unet"
    return command(*(("cp", "-r") if os.name == "posix" else ("robocopy", "/e")), repository(), own)


def _at_its_version(package: str) -> str:
    version = installed(package)
    # A local label, as in 2.13.0+cpu, is not in every index.
    return f"{package}=={version.partition('+')[0]}" if version else package
