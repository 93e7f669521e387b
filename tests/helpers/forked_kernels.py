"""Lets tests have the kernels of kernels.py, where there are any. conftest.py plugs it in. Fixtures:

    jupyter_path        a folder for JUPYTER_PATH that tells Jupyter of these kernels; an empty one but on Linux
    forked_kernels      while the test runs, whatever starts a kernel starts one of these
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import kernels
import pytest


@pytest.fixture(scope="session")
def jupyter_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With the server behind it, one for the whole session."""
    home = tmp_path_factory.mktemp("kernels")
    if sys.platform != "linux":
        yield home
        return
    spec, door = home / "kernels" / "python3" / "kernel.json", str(home / "socket")
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps(kernels.kernel_spec(door)))
    with open(home / "server.log", "w") as log:
        server = subprocess.Popen([sys.executable, kernels.__file__, door], stdout=log, stderr=subprocess.STDOUT)
        while not Path(door).exists() and server.poll() is None:
            time.sleep(0.01)
        yield home
        server.kill()
        server.wait()


@pytest.fixture
def forked_kernels(jupyter_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter looks there before it looks elsewhere."""
    monkeypatch.setenv("JUPYTER_PATH", str(jupyter_path))
