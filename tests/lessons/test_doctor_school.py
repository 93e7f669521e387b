"""What a school's machines lack, each made to happen once, and each fix tried."""

import errno
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from repository import REPOSITORY
from typer.testing import CliRunner

from unet_lib.lessons import doctor
from unet_lib.lessons.doctor import classroom, consult, school

NAMES = ["space", "free memory", "localhost", "port", "proxy", "home", "caches", "cores"]
OWN_FOLDERS = ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")
VARIABLES = (*OWN_FOLDERS, "MPLCONFIGDIR", "XDG_CACHE_HOME",
             *(name for each in ("http", "https", "all", "no") for name in (f"{each}_proxy", f"{each}_PROXY".upper())))
LITTLE_SPACE = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (10**7, 10**7))
from unet_lib.lessons.doctor.school import _space
print(_space())
"""
BARE = """
import sys
for name in ("psutil", "jupyter_core", "torch", "matplotlib", "numpy", "packaging"):
    sys.modules[name] = None
sys.argv = ["doctor", "--class"]
import runpy
runpy.run_module("unet_lib.lessons.doctor", run_name="__main__")
"""


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """No variable of this machine decides."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def locked(tmp_path):
    """A place in which nobody, not even root, can make a file."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "folder"


def named(name):
    return next(finding for finding in classroom() if finding.name == name)


def obey(monkeypatch, fix):
    """Set the variables that a fix sets."""
    settings = re.findall(r"export (\w+)=(\S+)", fix)
    assert settings, fix
    for name, value in settings:
        monkeypatch.setenv(name, value)
    return dict(settings)


def test_every_check_is_made_and_none_raises(monkeypatch):
    assert [finding.name for finding in classroom()] == NAMES
    for name in NAMES:
        check = f"_{name.replace(' ', '_')}"
        with monkeypatch.context() as patch:
            patch.setattr(school, check, lambda: 1 / 0)
            failed = named(name)
        assert failed.detail == "ZeroDivisionError: division by zero" and not failed.ok


# --- space --------------------------------------------------------------------------------------------------


def test_a_limit_that_free_space_does_not_show():
    done = subprocess.run([sys.executable, "-c", LITTLE_SPACE], cwd=REPOSITORY, capture_output=True, text=True)
    assert "1.0 GB are needed in" in done.stdout and "writing them is refused (File too large)" in done.stdout
    assert "fix: empty the trash, or ask for more space" in done.stdout


@pytest.mark.parametrize(("code", "told"), [(errno.EDQUOT, True), (errno.ENOSPC, True), (errno.EOPNOTSUPP, False)])
def test_a_quota_is_told_and_a_file_system_that_cannot_say_is_not(monkeypatch, code, told):
    def refuse(*_):
        raise OSError(code, "no")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    assert ("writing them is refused (no)" in named("space").detail) == told


def test_a_disk_that_is_nearly_full(monkeypatch):
    monkeypatch.setattr(school.shutil, "disk_usage", lambda _: SimpleNamespace(free=0.5e9))
    assert named("space").detail == f"1.0 GB are needed in {REPOSITORY} for the lessons; 0.5 GB are free there"
    monkeypatch.setattr(school, "installed", lambda _: None)
    assert named("space").detail.startswith("2.6 GB are needed")


def test_a_full_home_beside_a_disk_with_room(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(school.shutil, "disk_usage",
                        lambda path: SimpleNamespace(free=0 if path == tmp_path else 1e12))
    monkeypatch.setattr(school, "_refusal", lambda *_: "")
    assert f"0.1 GB are needed in {tmp_path} for JupyterLab's own files" in named("space").detail


# --- memory and cores ---------------------------------------------------------------------------------------


def test_little_memory_and_memory_for_several(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1.5e9))
    assert "2.7 GB are needed" in named("free memory").detail and "1.5 GB are free" in named("free memory").detail
    assert named("free memory").fix
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8.2e9))
    assert named("free memory").detail == "8.2 GB, enough for 3 at work on this machine"


def test_a_single_core_is_told_but_is_no_failure(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert named("cores").detail.startswith("1;") and not named("cores").ok and named("cores").passes
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert named("cores").ok and named("cores").detail == "3"


# --- localhost and ports ------------------------------------------------------------------------------------


def test_a_machine_that_does_not_know_its_own_name(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "Name or service not known" in named("localhost").detail and "hosts file" in named("localhost").fix


def listening(stack, count):
    """Ports that are taken, until the stack is closed."""
    return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def test_a_busy_port_is_told_and_five_are_a_failure(monkeypatch):
    with ExitStack() as stack:
        busy = listening(stack, 5)
        monkeypatch.setattr(school, "PORTS", busy)
        failed = named("port")
        assert f"{busy[0]} to {busy[-1]}; all are taken" in failed.detail
        with socket.create_server(("127.0.0.1", int(re.search(r"--port=(\d+)", failed.fix)[1]))):
            pass
        with socket.create_server(("127.0.0.1", 0)) as free:
            other = free.getsockname()[1]
        monkeypatch.setattr(school, "PORTS", [*busy[:2], other])
        assert named("port").ok
        assert named("port").detail == f"{busy[0]} is taken, perhaps by a JupyterLab; the next one will take {other}"
    monkeypatch.setattr(school, "PORTS", busy)
    assert named("port").detail == f"{busy[0]} is free"


def test_jupyterlab_tries_these_ports_first():
    from jupyter_server.serverapp import DEFAULT_JUPYTER_SERVER_PORT, random_ports

    assert list(itertools.islice(random_ports(DEFAULT_JUPYTER_SERVER_PORT, 50), 5)) == list(school.PORTS)


# --- the proxy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["http_proxy", "HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_would_catch_localhost(monkeypatch, variable):
    assert named("proxy").detail == "none set"
    monkeypatch.setenv(variable, "http://ada:secret@proxy.school:8080")
    monkeypatch.setenv("no_proxy", "intranet.school")
    failed = named("proxy")
    assert "localhost and 127.0.0.1 would be asked from it" in failed.detail and "secret" not in str(failed)
    assert obey(monkeypatch, failed.fix) == {"no_proxy": "intranet.school,localhost,127.0.0.1"}
    assert named("proxy").ok and "but not for localhost and 127.0.0.1" in named("proxy").detail


def test_a_proxy_that_spares_only_the_name(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.school:8080")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert "127.0.0.1 would be asked" in named("proxy").detail and "localhost and" not in named("proxy").detail


# --- a locked home ------------------------------------------------------------------------------------------


def test_a_locked_home(monkeypatch, locked, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(locked))
    failed = named("home")
    assert "(and 3 more), which cannot be written (Not a directory)" in failed.detail
    assert tuple(obey(monkeypatch, failed.fix)) == OWN_FOLDERS
    assert named("home").ok


@pytest.mark.parametrize("variable", OWN_FOLDERS)
def test_a_single_locked_folder(monkeypatch, locked, variable):
    monkeypatch.setenv(variable, str(locked))
    assert str(locked) in named("home").detail
    asked = tuple(obey(monkeypatch, named("home").fix))
    inside = ("JUPYTER_RUNTIME_DIR",) if variable == "JUPYTER_DATA_DIR" else ()
    assert asked == (*inside, variable)
    assert named("home").ok


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "MPLCONFIGDIR"])
def test_a_locked_cache(monkeypatch, locked, variable):
    monkeypatch.setenv(variable, str(locked))
    assert str(locked) in named("caches").detail
    obey(monkeypatch, named("caches").fix)
    assert named("caches").ok


def test_no_temporary_folder_at_all(monkeypatch):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert named("caches").fix == f"export TMPDIR={Path.home()}" and "No usable" in named("caches").detail


def test_matplotlib_and_ipython_write_where_we_look(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    asked = ("import json, matplotlib, IPython.paths as paths\n"
             "print(json.dumps([matplotlib.get_cachedir(), paths.get_ipython_dir()]))")
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [str(school._matplotlib_folder()), str(school._ipython_folder())]


# --- the command --------------------------------------------------------------------------------------------


def test_only_a_class_is_asked_for(monkeypatch, capsys):
    for part in ("examine", "extras"):
        monkeypatch.setattr(import_module("unet_lib.lessons.doctor.report"), part, lambda *_: iter(()))
    assert consult() and not capsys.readouterr().out
    consult(of_class=True)
    assert re.findall(r"^\[.{2,4}\] ([\w ]+):", capsys.readouterr().out, re.MULTILINE) == NAMES


@pytest.mark.parametrize(("words", "of_class"), [(["doctor"], False), (["doctor", "--class"], True)])
def test_the_option(monkeypatch, words, of_class):
    from unet_lib.cli.app import app

    asked = []
    monkeypatch.setattr(doctor, "consult", lambda *given: asked.append(given) or True)
    assert CliRunner().invoke(app, words).exit_code == 0
    assert asked == [(None, False, of_class)]


def test_it_runs_before_anything_is_installed():
    done = subprocess.run([sys.executable, "-c", BARE], cwd=REPOSITORY, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    for name, package in (("free memory", "psutil"), ("home", "jupyter_core")):
        assert f"[FAIL] {name}: cannot be checked without the package {package}" in done.stdout
    for name in ("localhost", "proxy", "caches"):
        assert re.search(rf"^\[\w+\] {name}: ", done.stdout, re.MULTILINE)
