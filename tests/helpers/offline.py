"""Run a command with networking cut: nothing but the machine's own loopback is left. `offline(["pytest", …])`."""

import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

SET_FLAGS, UP = 0x8914, 1  # of Linux: <linux/sockios.h>, <linux/if.h>


@cache
def can_be_cut() -> bool:
    """Whether this machine allows a network of one's own, empty one (Linux with user namespaces)."""
    command = ["unshare", "--net", "--map-root-user", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


def offline(command: Sequence[object]) -> list[str]:
    """The same command with networking cut, or as it is where that is not allowed."""
    cut = ["unshare", "--net", "--map-root-user", sys.executable, __file__] if can_be_cut() else []
    return [*cut, *map(str, command)]


if __name__ == "__main__":
    import fcntl  # not on Windows

    # Kernels talk to their notebook through the loopback, which is down in a new network.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP))
    os.execvp(sys.argv[1], sys.argv[1:])
