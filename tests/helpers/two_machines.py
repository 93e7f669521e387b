"""Two machines on this one: network namespaces joined by a virtual cable where the system allows it, else loopback."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

CABLE = "cable"
ADDRESSES = {"alpha": "192.0.2.1", "beta": "192.0.2.2"}  # RFC 5737: no network uses them
OWN = ("unshare", "--net", "--uts", "sleep", "300")  # a process that keeps its own namespaces for so long


@dataclass(frozen=True)
class Machine:
    """A machine's address, the command that runs another command on it, and what gloo must be told there."""

    address: str
    inside: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


LOOPBACK = [Machine("127.0.0.1"), Machine("127.0.0.2")]


@contextmanager
def two_machines() -> Iterator[list[Machine]]:
    """Namespaces have host names of their own and see of each other what comes through the cable, nothing else."""
    with ExitStack() as held:
        try:
            machines = _namespaces(held)
        except (OSError, subprocess.CalledProcessError):  # the tools are not there, or it is not allowed
            machines = LOOPBACK
        yield machines


def _namespaces(held: ExitStack) -> list[Machine]:
    first = _kept(held, ("unshare", "--user", "--map-root-user", *OWN[1:]))
    second = _kept(held, (*_enter(first), *OWN))
    _run(first, "ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", str(second))
    for process, (name, address) in zip((first, second), ADDRESSES.items(), strict=True):
        _run(process, "hostname", name)
        _run(process, "ip", "address", "add", f"{address}/24", "dev", CABLE)
        for link in ("lo", CABLE):
            _run(process, "ip", "link", "set", link, "up")
    return [Machine(address, _enter(process), {"GLOO_SOCKET_IFNAME": CABLE})
            for process, address in zip((first, second), ADDRESSES.values(), strict=True)]


def _kept(held: ExitStack, command: tuple[str, ...]) -> int:
    """The id of a process that keeps its namespaces alive until `held` is left."""
    process = held.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    held.callback(process.kill)
    time.sleep(0.3)  # until it is in them
    return process.pid


def _enter(process: int) -> tuple[str, ...]:
    return "nsenter", "--target", str(process), "--user", "--preserve-credentials", "--net", "--uts"


def _run(process: int, *command: str) -> None:
    subprocess.run([*_enter(process), *command], check=True, capture_output=True)
