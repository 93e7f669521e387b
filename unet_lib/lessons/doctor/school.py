"""What the machines of a school may lack on the day, one check each: `unet_lib doctor --class`.

To be run the day before, in the room, from the account that pupils will use: quotas, proxies and locked homes belong
to accounts. `python -m unet_lib.lessons.doctor --class` runs before anything is installed, too.
"""

import errno
import os
import re
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from unet_lib.core.paths import repository
from unet_lib.lessons.doctor.finding import Finding, guarded
from unet_lib.lessons.doctor.packages import installed
from unet_lib.lessons.doctor.remedies import python, setting
from unet_lib.lessons.doctor.required import existing

# Measured, see "What a class needs" in data/results/README.md.
ENVIRONMENT_GB = 1.6  # the packages with torch's build for processors (1.43), and their compiled modules
LESSONS_GB = 1.0      # phantoms and their cache (0.34 measured), what all lessons leave in runs/ (0.33), and a reserve
HOME_GB = 0.1         # JupyterLab's, IPython's and matplotlib's own files took less than a megabyte; and a reserve
KERNEL_GB = 1.9       # the hungriest lesson, 05, without what the system only keeps of files
BROWSER_GB = 0.8      # JupyterLab (0.11) and a browser that shows a lesson (0.6)
CORES = 2             # with which the computing times of the lessons were measured
PORTS = range(8888, 8893)  # that JupyterLab tries one after the other
HOSTS = ("ask for the line `127.0.0.1 localhost` in the machine's hosts file, and for a firewall that lets programs of "
         "one machine talk to each other")
OWN_NAMES = ("localhost", "127.0.0.1")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # some file systems cannot set space aside, which is no verdict


def classroom() -> Iterator[Finding]:
    """Check what a room full of readers needs besides what `examine` checks. Never raises."""
    yield guarded("space", _space)
    yield guarded("free memory", _free_memory, "close other programs, or restart the machine before the lesson")
    yield guarded("localhost", _localhost, HOSTS)
    yield guarded("port", _port)
    yield guarded("proxy", _proxy)
    yield guarded("home", _home)
    yield guarded("caches", _caches, setting("TMPDIR", Path.home()))
    yield guarded("cores", _cores, only_for="live trainings in the minutes that the lessons state")


def _space() -> Finding:
    ours = LESSONS_GB if installed("torch") else LESSONS_GB + ENVIRONMENT_GB
    for folder, needed, what in ((repository(), ours, "the lessons"), (Path.home(), HOME_GB, "JupyterLab's own files")):
        free = shutil.disk_usage(existing(folder)).free / 1e9
        refused = "" if free < needed else _refusal(folder, needed)
        if free < needed or refused:
            return Finding("space", f"{needed:.1f} GB are needed in {folder} for {what}; "
                                    + (refused or f"{free:.1f} GB are free there"),
                           "empty the trash, or ask for more space: quotas are set for each account")
    return Finding("space", f"{ours:.1f} GB can be written for the lessons, {HOME_GB} GB at home")


def _refusal(folder: Path, size: float) -> str:
    """Why `size` GB may not be written into a folder that has room for them, by setting them aside for a moment."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, int(size * 1e9))
            else:
                file.truncate(int(size * 1e9))
    except OSError as error:
        return f"writing them is refused ({error.strerror})" if error.errno in FULL else ""
    return ""


def _free_memory() -> Finding:
    import psutil

    free, needed = psutil.virtual_memory().available / 1e9, KERNEL_GB + BROWSER_GB
    if free >= needed:
        return Finding("free memory", f"{free:.1f} GB, enough for {int(free / needed)} at work on this machine")
    return Finding("free memory", f"{needed:.1f} GB are needed, {KERNEL_GB} for a lesson and {BROWSER_GB} for a "
                                  f"browser and JupyterLab; {free:.1f} GB are free",
                   "close other programs, or let two share a machine that has more")


def _localhost() -> Finding:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
    return Finding("localhost", "programs of this machine can talk to each other")


def _port() -> Finding:
    free = next((port for port in PORTS if _can_listen(port)), None)
    if free == PORTS[0]:
        return Finding("port", f"{free} is free")
    if free:
        return Finding("port", f"{PORTS[0]} is taken, perhaps by a JupyterLab; the next one will take {free}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        other = server.getsockname()[1]
    return Finding("port", f"expected a free one among those that JupyterLab tries first, {PORTS[0]} to {PORTS[-1]}; "
                           "all are taken",
                   f"stop what holds them (jupyter server list), or: {python('-m', 'jupyterlab', f'--port={other}')}")


def _can_listen(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _proxy() -> Finding:
    """The address itself is not told: it may hold a password."""
    proxies = urllib.request.getproxies()
    asked = sorted({"http", "https", "all"} & proxies.keys())
    if not asked:
        return Finding("proxy", "none set")
    caught = [name for name in OWN_NAMES if not urllib.request.proxy_bypass(name)]
    if not caught:
        return Finding("proxy", f"set for {', '.join(asked)}, but not for {' and '.join(OWN_NAMES)}")
    kept = [name for name in re.split(r"[,\s]+", proxies.get("no", "")) if name]
    return Finding("proxy", f"expected none for this machine itself; one is set for {', '.join(asked)}, and "
                            f"{' and '.join(caught)} would be asked from it, too",
                   f"{setting('no_proxy', ','.join([*kept, *caught]))} (and add both names to the exceptions in the "
                   "browser's own proxy settings, if it has some)")


def _home() -> Finding:
    from jupyter_core import paths

    folders = {"JUPYTER_RUNTIME_DIR": Path(paths.jupyter_runtime_dir()),
               "JUPYTER_DATA_DIR": Path(paths.jupyter_data_dir()),
               "JUPYTER_CONFIG_DIR": Path(paths.jupyter_config_dir()),
               "IPYTHONDIR": _ipython_folder()}
    locked = {name: why for name, folder in folders.items() if (why := _locked(folder))}
    if not locked:
        return Finding("home", "JupyterLab can keep its files there")
    name, why = next(iter(locked.items()))
    more = f" (and {len(locked) - 1} more)" if len(locked) > 1 else ""
    elsewhere = Path(tempfile.gettempdir()) / "jupyter"
    return Finding("home", f"JupyterLab keeps files in {folders[name]}{more}, which cannot be written ({why})",
                   " && ".join(setting(each, elsewhere / each.lower()) for each in locked))


def _caches() -> Finding:
    temporary = Path(tempfile.gettempdir())  # raises where none can be written
    folder = _matplotlib_folder()
    if why := _locked(folder):
        return Finding("caches", f"matplotlib keeps its list of fonts in {folder}, which cannot be written ({why}); "
                                 "it would look for fonts again in every lesson",
                       setting("MPLCONFIGDIR", temporary / "matplotlib"))
    return Finding("caches", f"matplotlib's fonts in {folder}, temporary files in {temporary}")


def _cores() -> Finding:
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if found >= CORES:
        return Finding("cores", str(found))
    return Finding("cores", f"{found}; the lessons were measured with {CORES}", setting("UNET_PROFILE", "smoke"))


def _locked(folder: Path) -> str:
    """Why no file can be made in the folder, or in the nearest one above it that exists; empty if one can."""
    try:
        tempfile.TemporaryFile(dir=existing(folder)).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _ipython_folder() -> Path:
    return Path(os.environ.get("IPYTHONDIR") or Path.home() / ".ipython")


def _matplotlib_folder() -> Path:
    """Where matplotlib would like to write; asked for it, it names another folder if that one is locked."""
    if own := os.environ.get("MPLCONFIGDIR"):
        return Path(own)
    if sys.platform in ("win32", "darwin"):
        return Path.home() / ".matplotlib"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"
