"""Node, which runs JavaScript without a browser."""

import shutil
import subprocess

import pytest

OLDEST = 20


@pytest.fixture(scope="session")
def node() -> str:
    """Node, which runs JavaScript without a browser."""
    path = shutil.which("node")
    if path is None:
        pytest.skip(f"no Node found, which these tests need in version {OLDEST} or later; see https://nodejs.org")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST:
        pytest.skip(f"these tests need Node {OLDEST} or later; {path} is {version}")
    return path
