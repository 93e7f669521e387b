"""Programs under torchrun, on this machine alone or as if on two, and nothing of them left running."""

import os
import subprocess
import sys
import time

import psutil
from repository import HELPERS, REPOSITORY

STANDALONE = ("--standalone", "--nproc-per-node", "2")


def torchrun(*arguments, machine=STANDALONE, inside=(), **options):
    """Start it; `machine` are torchrun's own arguments, `inside` is a command that runs its process elsewhere."""
    command = [*inside, sys.executable, "-m", "torch.distributed.run", *machine]
    paths = os.pathsep.join([str(REPOSITORY), str(HELPERS)])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **options.pop("environment", {})}
    return subprocess.Popen([*map(str, command), *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment, **options)


def one_of_two(port, first, own):
    """torchrun's arguments on one of two machines, the one with the address `own`; they meet on the `first`."""
    return ("--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"{first}:{port}",
            "--rdzv-conf", f"is_host={int(own == first)},join_timeout=60", "--local-addr", own)


def finished(processes, seconds):
    """Status and errors of all; once one has failed the others have 15 seconds left. Ends what still runs then."""
    last = time.monotonic() + seconds
    family = {}
    try:
        while any(process.poll() is None for process in processes) and time.monotonic() < last:
            for process in processes:
                family |= {one.pid: one for one in _family(process)}
                if process.poll():
                    last = min(last, time.monotonic() + 15)
            time.sleep(0.1)
    finally:
        for one in family.values():  # torchrun's workers have sessions of their own
            if one.is_running():
                one.kill()
    return [(process.wait(), process.communicate()[1]) for process in processes]


def _family(process):
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
