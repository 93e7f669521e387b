"""Two network namespaces on this machine, as two machines that are joined by one virtual cable and see nothing else."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

CABLE = "cable"
ADDRESSES = ("192.0.2.1", "192.0.2.2")  # RFC 5737: no network uses them
NEEDED = ("unshare", "nsenter", "ip", "hostname")


@contextmanager
def two_namespaces() -> Iterator[list[list[str]]]:
    """For each of the two the command that runs another command inside it; skips where the system allows none."""
    if missing := [tool for tool in NEEDED if not shutil.which(tool)]:
        pytest.skip(f"network namespaces need {', '.join(missing)}, which is not here")
    with ExitStack() as held:
        own = ["unshare", "--user", "--map-root-user", "--net", "--uts", "sleep", "300"]
        first = _held(held, own)
        inside = [_enter(first)]
        second = _held(held, [*inside[0], "unshare", "--net", "--uts", "sleep", "300"])
        inside.append(_enter(second))
        _run(inside[0], "ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", second.pid)
        for enter, address, name in zip(inside, ADDRESSES, ("alpha", "beta"), strict=True):
            _run(enter, "hostname", name)
            _run(enter, "ip", "address", "add", f"{address}/24", "dev", CABLE)
            _run(enter, "ip", "link", "set", "lo", "up")
            _run(enter, "ip", "link", "set", CABLE, "up")
        yield inside


def _held(held: ExitStack, command: list[str]) -> subprocess.Popen:
    """A process that keeps its namespaces alive until `held` is left."""
    process = held.enter_context(subprocess.Popen(command))
    held.callback(process.kill)
    time.sleep(0.3)  # until it is in them
    return process


def _enter(process: subprocess.Popen) -> list[str]:
    return ["nsenter", "--target", str(process.pid), "--user", "--preserve-credentials", "--net", "--uts"]


def _run(enter: list[str], *command: object) -> None:
    done = subprocess.run([*enter, *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no network namespaces here: {done.stderr.strip()}")
